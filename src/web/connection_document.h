/* The JSON object of one connection, the same in every answer that shows one. */
#ifndef WEB_CONNECTION_DOCUMENT_H
#define WEB_CONNECTION_DOCUMENT_H

#include "agent/catalogue.h"
#include "api/scalekit.h"
#include "store/connections.h"

struct request;

/* `row` NULL: never looked at, status "UNKNOWN". */
void connection_document(struct json_writer *w, const struct connector *connector,
                         const struct connection_row *row, const char *public_url);

/* The connector of /users/{user}/connections/{connector}, when it is offered here. NULL: answered.
 */
const struct connector *request_connector(struct request *rq);
/* 200 with the document and its ETag, or 304. `row` NULL: never looked at. */
void connection_answer(struct request *rq, const struct connection_row *row);
/* 502: ScaleKit gave no usable answer, nothing changed. Logged. */
void connection_upstream_failed(struct request *rq, const struct scalekit_error *error);

#endif
