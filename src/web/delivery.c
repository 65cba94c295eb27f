/*
 * GET /deliveries/{id}, POST /deliveries/{id}/redeliver: one webhook delivery, and sending it again
 * under the same webhook-id.
 */
#include "web/idempotent.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/webhook_document.h"

void delivery_get(struct request *rq)
{
    AUTO(webhook_delivery_done) struct webhook_delivery delivery = {0};
    if (!webhook_path_id(rq, "wd")) return;
    enum err e = store_webhook_delivery_get(rq->web->options.store, rq->args[0], &delivery);
    if (e) {
        webhook_reply_error(rq, e, "reading a webhook delivery");
        return;
    }
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    webhook_delivery_document(&w, &delivery);
    reply_json(rq, 200, &body);
}

void delivery_redeliver_post(struct request *rq)
{
    struct idempotent idempotent;
    AUTO(webhook_delivery_done) struct webhook_delivery delivery = {0};
    if (!webhook_path_id(rq, "wd") || !idempotent_read(rq, &idempotent)) return;
    struct store_once once = idempotent_once(rq, &idempotent, webhook_delivery_render, NULL);
    enum err e = store_webhook_redeliver(rq->web->options.store, rq->args[0], rq->principal.name,
                                         &once, &delivery);
    if (e && !once.is_reused)
        webhook_reply_error(rq, e, "sending a webhook again");
    else
        idempotent_answer(rq, &once);
}
