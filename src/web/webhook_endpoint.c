/* GET and DELETE of /webhook-endpoints/{id}. */
#include "base/log.h"
#include "notify/notify.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/webhook_document.h"

void webhook_endpoint_get(struct request *rq)
{
    AUTO(webhook_endpoint_done) struct webhook_endpoint endpoint = {0};
    if (!webhook_path_id(rq, "we")) return;
    enum err e = store_webhook_endpoint_get(rq->web->options.store, rq->args[0], &endpoint);
    if (e) {
        webhook_reply_error(rq, e, "reading a webhook endpoint");
        return;
    }
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    webhook_endpoint_document(&w, &endpoint, NULL);
    reply_json(rq, 200, &body);
}

void webhook_endpoint_delete(struct request *rq)
{
    if (!webhook_path_id(rq, "we")) return;
    enum err e =
        store_webhook_endpoint_delete(rq->web->options.store, rq->args[0], rq->principal.name);
    if (e) {
        webhook_reply_error(rq, e, "deleting a webhook endpoint");
        return;
    }
    log_info("webhook_endpoint_deleted", LOG_STR("endpoint", rq->args[0]));
    notify_endpoints_changed(rq->web->options.notify);
    reply_empty(rq, 204);
}
