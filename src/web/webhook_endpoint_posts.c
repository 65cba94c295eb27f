/*
 * POST /webhook-endpoints/{id}/enable: a disabled one is told again of what happens from now on.
 * POST /webhook-endpoints/{id}/test: an event of type "webhook_endpoint.test" for it alone.
 */
#include "base/log.h"
#include "notify/notify.h"
#include "web/idempotent.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/webhook_document.h"

void webhook_endpoint_enable_post(struct request *rq)
{
    struct idempotent idempotent;
    AUTO(webhook_endpoint_done) struct webhook_endpoint endpoint = {0};
    if (!webhook_path_id(rq, "we") || !idempotent_begin(rq, &idempotent)) return;
    enum err e = store_webhook_endpoint_enable(rq->web->options.store, rq->args[0],
                                               rq->principal.name, &endpoint);
    if (e) {
        webhook_reply_error(rq, e, "enabling a webhook endpoint");
        return;
    }
    log_info("webhook_endpoint_enabled", LOG_STR("endpoint", rq->args[0]));
    notify_endpoints_changed(rq->web->options.notify);
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    webhook_endpoint_document(&w, &endpoint, NULL);
    idempotent_reply(rq, &idempotent, 200, &body);
}

static void put_location(struct request *rq, const struct run_answer *answer)
{
    AUTO(str_done) struct str location = {0};
    str_append_format(&location, "%s/deliveries/", rq->web->options.public_url);
    json_string(json_get(json_root(answer->body.data, answer->body.len), "id"), &location);
    reply_header(rq, "Location", str_text(&location));
}

void webhook_endpoint_test_post(struct request *rq)
{
    struct idempotent idempotent;
    AUTO(webhook_delivery_done) struct webhook_delivery delivery = {0};
    if (!webhook_path_id(rq, "we") || !idempotent_read(rq, &idempotent)) return;
    struct store_once once = idempotent_once(rq, &idempotent, webhook_delivery_render, NULL);
    enum err e = store_webhook_test(rq->web->options.store, rq->args[0], &once, &delivery);
    if (e && !once.is_reused) {
        webhook_reply_error(rq, e, "testing a webhook endpoint");
        return;
    }
    if (!e) put_location(rq, &once.answer);
    idempotent_answer(rq, &once);
}
