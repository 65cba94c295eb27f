/* The JSON object of one connection, the same in every answer that shows one. */
#ifndef WEB_CONNECTION_DOCUMENT_H
#define WEB_CONNECTION_DOCUMENT_H

#include "agent/catalogue.h"
#include "store/connections.h"

/* `row` NULL: never looked at, status "UNKNOWN". */
void connection_document(struct json_writer *w, const struct connector *connector,
                         const struct connection_row *row, const char *public_url);

#endif
