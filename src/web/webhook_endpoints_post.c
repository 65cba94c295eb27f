/*
 * POST /webhook-endpoints {url, events?, description?}: 201 with the signing secret, which is shown
 * this once (and again to whoever repeats the request with its Idempotency-Key).
 */
#include "base/log.h"
#include "notify/notify.h"
#include "notify/target.h"
#include "web/idempotent.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/webhook_document.h"

#include <stdio.h>
#include <string.h>

#define DESCRIPTION_BYTES_MAX 200
#define TYPE_BYTES_MAX        100
#define EVENTS_MAX            32

struct fields {
    char *url, *description, *events;
};

static void fields_done(struct fields *f)
{
    xfree(f->url);
    xfree(f->description);
    xfree(f->events);
}

static bool is_type(struct json_span value)
{
    for (size_t i = 0; webhook_type(i); i++)
        if (json_string_is(value, webhook_type(i))) return true;
    return false;
}

static void take_url(struct request *rq, struct json_span value, struct fields *f,
                     struct field_errors *errors)
{
    f->url = json_strdup(value, TARGET_URL_BYTES_MAX);
    if (!f->url)
        field_error(errors, "/url", "must be an address of at most 2000 bytes");
    else if (target_check(f->url, rq->web->options.webhook_allow))
        field_error(errors, "/url", err_detail());
}

static void take_events(struct json_span value, struct fields *f, struct field_errors *errors)
{
    int n = 0;
    for (struct json_iter it = json_iter(value); n < EVENTS_MAX && json_next(&it); n++) {
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/events/%d", n);
        if (!is_type(it.value)) field_error(errors, pointer, "is no type of an event");
        for (struct json_iter before = json_iter(value);
             json_next(&before) && before.value.text < it.value.text;) {
            AUTO(xfree_ptr) char *type = json_strdup(before.value, TYPE_BYTES_MAX);
            if (type && json_string_is(it.value, type))
                field_error(errors, pointer, "is there twice");
        }
    }
    if (json_type(value) != JSON_ARRAY || n == 0 || n == EVENTS_MAX)
        field_error(errors, "/events",
                    "must be an array of types of events; without it, all are told");
    else
        f->events = xstrndup(value.text, value.len);
}

static void read_fields(struct request *rq, struct json_span object, struct fields *f,
                        struct field_errors *errors)
{
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        if (json_string_is(it.key, "url")) {
            take_url(rq, it.value, f, errors);
        } else if (json_string_is(it.key, "events")) {
            take_events(it.value, f, errors);
        } else if (json_string_is(it.key, "description")) {
            f->description = json_strdup(it.value, DESCRIPTION_BYTES_MAX);
            if (!f->description)
                field_error(errors, "/description", "must be a text of at most 200 bytes");
        } else {
            field_unknown(errors, "", it.key);
        }
    }
    if (json_type(json_get(object, "url")) == JSON_NONE) field_error(errors, "/url", "is needed");
}

static void render(void *ctx, const struct webhook_endpoint *endpoint, const char *secret,
                   struct run_answer *out)
{
    (void)ctx;
    struct json_writer w = json_writer(&out->body);
    webhook_endpoint_document(&w, endpoint, secret);
    out->http_status = 201;
}

static void put_location(struct request *rq, const struct run_answer *answer)
{
    AUTO(str_done) struct str location = {0};
    str_append_format(&location, "%s/webhook-endpoints/", rq->web->options.public_url);
    json_string(json_get(json_root(answer->body.data, answer->body.len), "id"), &location);
    reply_header(rq, "Location", str_text(&location));
}

static void make(struct request *rq, const struct fields *f, const char *key,
                 const char *fingerprint)
{
    struct webhook_create create = {
        .url = f->url,
        .description = f->description,
        .events = f->events,
        .actor = rq->principal.name,
        .idempotency = {.principal = rq->principal.name,
                        .route = "POST /webhook-endpoints",
                        .key = key,
                        .fingerprint = fingerprint},
        .render = render
    };
    struct run_answer answer = {0};
    bool is_replayed = false;
    enum err e =
        store_webhook_endpoint_create(rq->web->options.store, &create, &answer, &is_replayed);
    if (e == E_CONFLICT) {
        reply_problem(rq, PROBLEM_idempotency_key_reused,
                      "This key was used for another body; choose a new one.");
    } else if (e == E_LIMIT) {
        reply_problem(rq, PROBLEM_too_many_endpoints, "Not made: %s.", err_detail());
    } else if (e) {
        reply_error(rq, e, "making a webhook endpoint");
    } else {
        if (is_replayed) reply_header(rq, "Idempotent-Replayed", "true");
        put_location(rq, &answer);
        notify_endpoints_changed(rq->web->options.notify);
        reply_json(rq, answer.http_status, &answer.body);
    }
    str_done_secret(&answer.body);
}

void webhook_endpoints_post(struct request *rq)
{
    struct json_span object;
    const char *key = NULL;
    char fingerprint[SHA256_HEX_LEN + 1];
    AUTO(fields_done) struct fields f = {0};
    AUTO(field_errors_done) struct field_errors errors = {0};
    if (!request_json(rq, &object)) return;
    read_fields(rq, object, &f, &errors);
    if (errors.n > 0) {
        reply_invalid(rq, &errors);
        return;
    }
    if (!idempotency_key(rq, &key) || !idempotency_fingerprint(rq, fingerprint)) return;
    make(rq, &f, key, fingerprint);
}
