#include "web/webhook_document.h"

#include "base/crypt.h"

#include <string.h>

#define LIMIT_DEFAULT 20
#define LIMIT_MAX     100

void webhook_endpoint_document(struct json_writer *w, const struct webhook_endpoint *endpoint,
                               const char *secret)
{
    json_begin_object(w);
    json_put_string(w, "id", endpoint->id);
    json_put_string(w, "url", endpoint->url);
    json_put_string(w, "description", endpoint->description);
    if (endpoint->events)
        json_put_raw(w, "events", endpoint->events, strlen(endpoint->events));
    else
        json_put_null(w, "events");
    json_put_string(w, "status", endpoint->is_enabled ? "enabled" : "disabled");
    json_put_string(w, "disabled_reason", endpoint->reason);
    json_put_time(w, "disabled_at", endpoint->is_enabled ? 0 : endpoint->changed_ms);
    json_put_time(w, "created_at", endpoint->created_ms);
    json_put_time(w, "last_success_at", endpoint->succeeded_ms);
    json_put_time(w, "last_failure_at", endpoint->failed_ms);
    json_put_time(w, "failing_since", endpoint->failing_ms);
    if (secret) json_put_string(w, "secret", secret);
    json_end_object(w);
}

void webhook_delivery_document(struct json_writer *w, const struct webhook_delivery *delivery)
{
    bool is_pending = delivery->state == WEBHOOK_PENDING;
    json_begin_object(w);
    json_put_string(w, "id", delivery->id);
    json_put_string(w, "endpoint_id", delivery->endpoint_id);
    json_put_string(w, "webhook_id", delivery->message_id);
    json_put_string(w, "type", delivery->type);
    json_put_string(w, "state", webhook_state_name(delivery->state));
    json_put_int(w, "attempts", delivery->attempts);
    json_put_time(w, "created_at", delivery->created_ms);
    json_put_time(w, "next_at", is_pending ? delivery->next_ms : 0);
    json_put_time(w, "last_attempt_at", delivery->last_ms);
    if (delivery->last_status > 0)
        json_put_int(w, "last_status", delivery->last_status);
    else
        json_put_null(w, "last_status");
    json_put_string(w, "last_error", delivery->last_error);
    json_put_raw(w, "payload", delivery->body, strlen(delivery->body));
    json_end_object(w);
}

void webhook_delivery_render(void *ctx, const void *delivery, struct run_answer *out)
{
    (void)ctx;
    struct json_writer w = json_writer(&out->body);
    webhook_delivery_document(&w, delivery);
    out->http_status = 202;
}

bool webhook_path_id(struct request *rq, const char *prefix)
{
    if (id_valid(prefix, rq->args[0])) return true;
    webhook_reply_error(rq, E_NOT_FOUND, "");
    return false;
}

void webhook_reply_error(struct request *rq, enum err e, const char *what)
{
    if (e == E_NOT_FOUND)
        reply_problem(rq, PROBLEM_not_found, "There is no webhook endpoint or delivery like this.");
    else if (e == E_CONFLICT)
        reply_problem(rq, PROBLEM_endpoint_disabled, "Not sent: %s. Enable it first.",
                      err_detail());
    else
        reply_error(rq, e, what);
}

void webhook_page_done(struct webhook_page *page)
{
    str_done(&page->before);
}

void webhook_page_read(const struct url_pairs *query, const char *prefix, struct webhook_page *page,
                       struct field_errors *errors)
{
    page->limit = LIMIT_DEFAULT;
    const char *text = url_pairs_find(query, "limit");
    if (text && text_to_i64(text, 1, LIMIT_MAX, &page->limit))
        field_error(errors, "?limit", "must be from 1 to 100");
    text = url_pairs_find(query, "cursor");
    if (!text) return;
    if (strlen(text) > 2 * (size_t)ID_MAX || base64url_decode(&page->before, text, strlen(text)) ||
        !id_valid(prefix, str_text(&page->before)))
        field_error(errors, "?cursor", "is no cursor of this list");
}

void webhook_page_end(struct json_writer *w, const char *last_id)
{
    json_end_array(w);
    if (last_id) {
        AUTO(str_done) struct str cursor = {0};
        base64url_encode(&cursor, last_id, strlen(last_id));
        json_put_string(w, "next_cursor", str_text(&cursor));
    } else {
        json_put_null(w, "next_cursor");
    }
    json_end_object(w);
}
