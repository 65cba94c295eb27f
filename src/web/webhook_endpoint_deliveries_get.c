/* GET /webhook-endpoints/{id}/deliveries?state=&limit=&cursor=: newest first. */
#include "web/routes.h"
#include "web/server.h"
#include "web/webhook_document.h"

void webhook_endpoint_deliveries_get(struct request *rq)
{
    static const char *const known[] = {"state", "limit", "cursor", NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    if (!webhook_path_id(rq, "we") || !request_query(rq, known, &query)) return;
    AUTO(field_errors_done) struct field_errors errors = {0};
    AUTO(webhook_page_done) struct webhook_page page = {0};
    webhook_page_read(&query, "wd", &page, &errors);
    const char *word = url_pairs_find(&query, "state");
    enum webhook_state state = WEBHOOK_PENDING;
    if (word && webhook_state_parse(word, &state))
        field_error(&errors, "?state", "must be pending, delivered or failed");
    if (errors.n > 0) {
        reply_invalid(rq, &errors);
        return;
    }
    AUTO(webhook_delivery_list_done) struct webhook_delivery_list list = {0};
    const char *before = page.before.len > 0 ? str_text(&page.before) : NULL;
    int limit = (int)page.limit;
    enum err e = store_webhook_deliveries_list(rq->web->options.store, rq->args[0],
                                               word ? (int)state : -1, before, limit + 1, &list);
    if (e) {
        webhook_reply_error(rq, e, "listing webhook deliveries");
        return;
    }
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_key(&w, "data");
    json_begin_array(&w);
    size_t n = list.n < (size_t)limit ? list.n : (size_t)limit;
    for (size_t i = 0; i < n; i++)
        webhook_delivery_document(&w, &list.rows[i]);
    webhook_page_end(&w, list.n > n ? list.rows[n - 1].id : NULL);
    reply_json(rq, 200, &body);
}
