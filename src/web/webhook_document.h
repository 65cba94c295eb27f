/*
 * What the API shows of webhook endpoints and their deliveries, and the pages that list them.
 */
#ifndef WEB_WEBHOOK_DOCUMENT_H
#define WEB_WEBHOOK_DOCUMENT_H

#include "store/webhooks.h"
#include "web/reply.h"

/* `secret` NULL: not told. */
void webhook_endpoint_document(struct json_writer *w, const struct webhook_endpoint *endpoint,
                               const char *secret);
void webhook_delivery_document(struct json_writer *w, const struct webhook_delivery *delivery);
/* The same as the answer to having been asked for it: 202. For struct store_once; `ctx` is not used. */
void webhook_delivery_render(void *ctx, const void *delivery, struct run_answer *out);
/* The id in the path, when it is one of this kind: otherwise answered with 404. */
bool webhook_path_id(struct request *rq, const char *prefix);
/* For a code of store/webhooks.h: 404 for E_NOT_FOUND, 409 for E_CONFLICT (it is disabled). */
void webhook_reply_error(struct request *rq, enum err e, const char *what);

/* limit and cursor of a list that is ordered by id. */
struct webhook_page {
    int64_t limit;
    struct str before; /* the id that the page before ended with; "": the first page */
};
void webhook_page_done(struct webhook_page *page);
void webhook_page_read(const struct url_pairs *query, const char *prefix, struct webhook_page *page,
                       struct field_errors *errors);
/* Ends the array and the object; `last_id` NULL: there is no next page. */
void webhook_page_end(struct json_writer *w, const char *last_id);

#endif
