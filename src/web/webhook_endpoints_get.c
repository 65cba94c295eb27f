/* GET /webhook-endpoints?limit=&cursor=: newest first. */
#include "web/routes.h"
#include "web/server.h"
#include "web/webhook_document.h"

void webhook_endpoints_get(struct request *rq)
{
    static const char *const known[] = {"limit", "cursor", NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    if (!request_query(rq, known, &query)) return;
    AUTO(field_errors_done) struct field_errors errors = {0};
    AUTO(webhook_page_done) struct webhook_page page = {0};
    webhook_page_read(&query, "we", &page, &errors);
    if (errors.n > 0) {
        reply_invalid(rq, &errors);
        return;
    }
    AUTO(webhook_endpoint_list_done) struct webhook_endpoint_list list = {0};
    const char *before = page.before.len > 0 ? str_text(&page.before) : NULL;
    int limit = (int)page.limit;
    /* One more tells whether there is a next page. */
    enum err e = store_webhook_endpoints_list(rq->web->options.store, before, limit + 1, &list);
    if (e) {
        webhook_reply_error(rq, e, "listing webhook endpoints");
        return;
    }
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_key(&w, "data");
    json_begin_array(&w);
    size_t n = list.n < (size_t)limit ? list.n : (size_t)limit;
    for (size_t i = 0; i < n; i++)
        webhook_endpoint_document(&w, &list.rows[i], NULL);
    webhook_page_end(&w, list.n > n ? list.rows[n - 1].id : NULL);
    reply_json(rq, 200, &body);
}
