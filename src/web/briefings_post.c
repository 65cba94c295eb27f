/*
 * POST /briefings: accept a briefing durably.
 */
#include "base/clock.h"
#include "web/idempotent.h"
#include "web/routes.h"
#include "web/server.h"

#include <string.h>

#define TEXT_MAX             1000
#define DEADLINE_SECONDS_MAX (7 * 24 * 3600)

/* The fields of the body. Texts are owned. */
struct fields {
    char *user_id, *recipe, *mode, *timezone, *if_running, *if_blocked;
    int64_t start_by_ms, deadline_ms, budget_nano_usd;
    struct json_span params, metadata;
};

static void fields_done(struct fields *f)
{
    xfree(f->user_id);
    xfree(f->recipe);
    xfree(f->mode);
    xfree(f->timezone);
    xfree(f->if_running);
    xfree(f->if_blocked);
}

static void take_text(struct json_span value, char **out, const char *pointer,
                      struct field_errors *errors)
{
    *out = json_strdup(value, TEXT_MAX);
    if (!*out) field_error(errors, pointer, "must be a string of at most 1000 bytes, without NUL");
}

static void take_start_by(struct json_span value, struct fields *f, struct field_errors *errors)
{
    AUTO(xfree_ptr) char *text = json_strdup(value, 64);
    if (!text || time_parse(text, &f->start_by_ms) || f->start_by_ms <= 0)
        field_error(errors, "/start_by", "must be a time like \"2026-11-23T09:00:00+01:00\"");
}

static void take_deadline(struct json_span value, struct fields *f, struct field_errors *errors)
{
    int64_t seconds = 0;
    bool is_number = json_type(value) == JSON_NUMBER && json_int(value, &seconds);
    if (is_number && seconds > 0 && seconds <= DEADLINE_SECONDS_MAX)
        f->deadline_ms = seconds * 1000;
    else
        field_error(errors, "/deadline_seconds", "must be a positive whole number of seconds");
}

static void take_budget(struct json_span value, struct fields *f, struct field_errors *errors)
{
    if (json_type(value) != JSON_OBJECT) {
        field_error(errors, "/budget", "must be an object");
        return;
    }
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        if (json_string_is(it.key, "max_usd")) {
            AUTO(xfree_ptr) char *text = json_strdup(it.value, 32);
            if (!text || money_parse(text, &f->budget_nano_usd) || f->budget_nano_usd <= 0)
                field_error(errors, "/budget/max_usd",
                            "must be a positive amount in a string, like \"0.50\"");
        } else {
            field_unknown(errors, "/budget", it.key);
        }
    }
}

static void take_metadata(struct json_span value, struct fields *f, struct field_errors *errors)
{
    f->metadata = value;
    if (json_type(value) != JSON_OBJECT) {
        field_error(errors, "/metadata", "must be an object");
        return;
    }
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        if (json_type(it.value) != JSON_STRING)
            field_member(errors, "/metadata", it.key, "must be a string");
    }
}

static void take_params(struct json_span value, struct fields *f, struct field_errors *errors)
{
    f->params = value;
    if (json_type(value) != JSON_OBJECT) field_error(errors, "/params", "must be an object");
}

/* One member of the body. False: no such field. */
static bool take_field(struct json_iter *it, struct fields *f, struct field_errors *errors)
{
    struct json_span key = it->key;
    struct json_span value = it->value;
    if (json_string_is(key, "user_id"))
        take_text(value, &f->user_id, "/user_id", errors);
    else if (json_string_is(key, "recipe"))
        take_text(value, &f->recipe, "/recipe", errors);
    else if (json_string_is(key, "mode"))
        take_text(value, &f->mode, "/mode", errors);
    else if (json_string_is(key, "timezone"))
        take_text(value, &f->timezone, "/timezone", errors);
    else if (json_string_is(key, "if_running"))
        take_text(value, &f->if_running, "/if_running", errors);
    else if (json_string_is(key, "if_blocked"))
        take_text(value, &f->if_blocked, "/if_blocked", errors);
    else if (json_string_is(key, "start_by"))
        take_start_by(value, f, errors);
    else if (json_string_is(key, "deadline_seconds"))
        take_deadline(value, f, errors);
    else if (json_string_is(key, "budget"))
        take_budget(value, f, errors);
    else if (json_string_is(key, "params"))
        take_params(value, f, errors);
    else if (json_string_is(key, "metadata"))
        take_metadata(value, f, errors);
    else
        return false;
    return true;
}

static void read_fields(struct json_span object, struct fields *f, struct field_errors *errors)
{
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        if (!take_field(&it, f, errors)) field_unknown(errors, "", it.key);
    }
}

static void put_location(struct request *rq, const char *run_id)
{
    AUTO(str_done) struct str url = {0};
    str_append_format(&url, "%s/briefings/%s", rq->web->options.public_url, run_id);
    reply_header(rq, "Location", str_text(&url));
}

static void answer(struct request *rq, struct submit_result *result,
                   const struct field_errors *errors)
{
    switch (result->outcome) {
    case SUBMIT_ACCEPTED:
    case SUBMIT_ATTACHED:
    case SUBMIT_REPLAYED:
        put_location(rq, result->run_id);
        if (result->outcome == SUBMIT_REPLAYED) reply_header(rq, "Idempotent-Replayed", "true");
        if (result->http_status == 202) reply_header(rq, "Retry-After", "1");
        reply_json(rq, result->http_status, &result->body);
        return;
    case SUBMIT_INVALID:
        reply_invalid(rq, errors);
        return;
    case SUBMIT_UNKNOWN_RECIPE:
        reply_problem(rq, PROBLEM_unknown_recipe, "Not accepted: %s.", result->detail);
        return;
    case SUBMIT_NOT_READY:
        reply_problem(rq, PROBLEM_connector_not_ready, "Not accepted: %s.", result->detail);
        return;
    case SUBMIT_ALREADY_RUNNING:
        put_location(rq, result->run_id);
        reply_problem(rq, PROBLEM_already_running,
                      "%s is running for this user and recipe and asks for something else, or "
                      "\"reject\" was asked for.",
                      result->run_id);
        return;
    case SUBMIT_KEY_REUSED:
        reply_problem(rq, PROBLEM_idempotency_key_reused,
                      "This key was used for another body; choose a new one.");
        return;
    case SUBMIT_QUEUE_FULL:
        reply_problem(rq, PROBLEM_queue_full,
                      "Too many briefings wait or run already; nothing was accepted.");
        return;
    case SUBMIT_STOPPING:
        reply_problem(rq, PROBLEM_draining, "The service is stopping; nothing was accepted.");
        return;
    }
}

/* Whose briefing: as said, else the browser's own, else that of single-user mode. */
static const char *user_of(const struct request *rq, const struct fields *f)
{
    if (f->user_id) return f->user_id;
    return rq->principal.kind == PRINCIPAL_BROWSER ? rq->principal.user_id
                                                   : rq->web->options.user_id;
}

/* In single-user mode there is one user. */
static void check_user(const struct request *rq, const struct fields *f,
                       struct field_errors *errors)
{
    const char *single = rq->web->options.user_id;
    if (single && f->user_id && !text_equal(f->user_id, single))
        field_error(errors, "/user_id", "must be the one of USER_ID, or left out");
}

static void submit(struct request *rq, const struct fields *f, struct field_errors *errors)
{
    struct run_request request = {.principal = rq->principal.name,
                                  .route = "POST /briefings",
                                  .traceparent = rq->traceparent,
                                  .user_id = user_of(rq, f),
                                  .recipe = f->recipe,
                                  .mode = f->mode,
                                  .params = f->params,
                                  .timezone = f->timezone,
                                  .if_running = f->if_running,
                                  .if_blocked = f->if_blocked,
                                  .start_by_ms = f->start_by_ms,
                                  .deadline_ms = f->deadline_ms,
                                  .budget_nano_usd = f->budget_nano_usd,
                                  .metadata = f->metadata,
                                  .is_wrong = errors->n > 0};
    char fingerprint[SHA256_HEX_LEN + 1];
    if (!idempotency_key(rq, &request.idempotency_key)) return;
    if (request.idempotency_key && !idempotency_fingerprint(rq, fingerprint)) return;
    request.fingerprint = request.idempotency_key ? fingerprint : NULL;
    AUTO(submit_result_done) struct submit_result result = {0};
    struct run_problem problem = {.add = field_error, .ctx = errors};
    enum err e = runs_submit(rq->web->options.runs, &request, &problem, &result);
    if (e)
        reply_error(rq, e, "accepting a briefing");
    else if (errors->n > 0)
        reply_invalid(rq, errors);
    else
        answer(rq, &result, errors);
}

void briefings_post(struct request *rq)
{
    if (atomic_load(&rq->web->is_draining)) {
        reply_problem(rq, PROBLEM_draining, "The service is stopping; nothing was accepted.");
        return;
    }
    struct json_span object;
    if (!request_json(rq, &object)) return;
    AUTO(fields_done) struct fields fields = {0};
    AUTO(field_errors_done) struct field_errors errors = {0};
    read_fields(object, &fields, &errors);
    if (fields.user_id && !request_owns(rq, fields.user_id)) {
        reply_problem(rq, PROBLEM_not_found, "There is no such user.");
        return;
    }
    check_user(rq, &fields, &errors);
    submit(rq, &fields, &errors);
}
