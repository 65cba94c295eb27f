/*
 * One question: attempts until there is a reply, the retry budget is used up, or the deadline is
 * near.
 */
#include "api/anthropic_internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define RETRY_BUDGET_MS (5 * 60 * INT64_C(1000)) /* overloads of some minutes have been seen */
#define RETRY_BASE_MS   500
#define RETRY_CAP_MS    30000
#define SENSELESS_MAX   3

static int64_t or_default(int64_t wanted, int64_t default_ms)
{
    return wanted > 0 ? wanted : default_ms;
}

struct anthropic *anthropic_new(struct http_client *http, const struct anthropic_options *options)
{
    const struct http_timeouts *wanted = &options->timeouts;
    struct anthropic *a = xcalloc(1, sizeof *a);
    struct str url = {0};
    str_append_format(&url, "%s/v1/messages", options->base_url);
    a->http = http;
    a->url = str_take(&url);
    a->version = xstrdup(options->version);
    a->use_x_api_key = options->use_x_api_key;
    a->timeouts = (struct http_timeouts){
        .connect_ms = or_default(wanted->connect_ms, 10000),
        .first_byte_ms = or_default(wanted->first_byte_ms, 120000),
        .idle_bytes_ms = or_default(wanted->idle_bytes_ms, 60000),
        .idle_events_ms = or_default(wanted->idle_events_ms, 120000),
        .total_ms = or_default(wanted->total_ms, 600000),
    };
    a->retry_budget_ms = or_default(options->retry_budget_ms, RETRY_BUDGET_MS);
    a->retry_base_ms = or_default(options->retry_base_ms, RETRY_BASE_MS);
    a->brake = retry_brake_new();
    mutex_init(&a->mutex);
    a->api_key = xstrdup(options->api_key);
    return a;
}

void anthropic_free(struct anthropic *a)
{
    if (!a) return;
    xfree(a->url);
    xfree(a->version);
    retry_brake_free(a->brake);
    mutex_done(&a->mutex);
    xfree_secret(a->api_key);
    xfree(a);
}

void anthropic_set_key(struct anthropic *a, const char *api_key)
{
    char *fresh = xstrdup(api_key);
    mutex_lock(&a->mutex);
    char *old = a->api_key;
    a->api_key = fresh;
    mutex_unlock(&a->mutex);
    xfree_secret(old);
}

void anthropic_reply_done(struct anthropic_reply *reply)
{
    if (!reply) return;
    str_done(&reply->content);
    *reply = (struct anthropic_reply){0};
}

/* ---- one question ---- */

struct question {
    struct anthropic *a;
    struct http_cancel *cancel;
    int64_t deadline_ms; /* mono; 0: none */
    const struct anthropic_hooks *hooks;
    struct anthropic_error error; /* of the last attempt, and the counts */
    int64_t failing_since_ms;     /* mono; 0: nothing has failed yet */
    int n_failed;
    int n_senseless;
};

static enum err code_of(enum anthropic_fault fault)
{
    if (fault == ANTHROPIC_CANCELLED) return E_CANCELLED;
    return fault == ANTHROPIC_DEADLINE ? E_TIMEOUT : E_UPSTREAM;
}

/* Ends the question: `why` stands in front of what the last attempt said. */
static enum err give_up(struct question *q, enum anthropic_fault fault, const char *why)
{
    struct anthropic_error *e = &q->error;
    e->fault = fault;
    return fail(code_of(fault),
                "Claude gave no reply: %s (HTTP %d, %s, attempt %d)%s%s%s%s%s%.400s", why,
                e->status, *e->request_id ? e->request_id : "no request id", e->attempts,
                *e->type ? "; " : "", e->type, *e->code ? " " : "", e->code,
                *e->message ? ": " : "", e->message);
}

/* Waits, or ends the question because it would take too long. */
static enum err wait_for(struct question *q, int64_t ms)
{
    struct anthropic *a = q->a;
    int64_t now = clock_mono_ms();
    bool is_past = q->deadline_ms > 0 && now >= q->deadline_ms;
    if (is_past) return give_up(q, ANTHROPIC_DEADLINE, "the deadline has passed");
    int64_t since = q->failing_since_ms > 0 ? q->failing_since_ms : now;
    if (now + ms > since + a->retry_budget_ms) {
        if (q->failing_since_ms == 0) {
            snprintf(q->error.message, sizeof q->error.message,
                     "an earlier caller was told to come back much later");
        }
        return give_up(q, ANTHROPIC_UNAVAILABLE, "the time for retries is used up");
    }
    /* After the budget: where both are too short, a later deadline would not help. */
    if (q->deadline_ms > 0 && now + ms >= q->deadline_ms) {
        return give_up(q, ANTHROPIC_DEADLINE, "the deadline comes before the next attempt");
    }
    if (ms > 0 && !retry_sleep(a->http, ms, q->cancel, q->deadline_ms)) {
        return give_up(q, ANTHROPIC_CANCELLED, "called off while waiting");
    }
    return E_OK;
}

static enum err may_attempt(struct question *q, int n)
{
    enum err e = wait_for(q, retry_brake_place_ms(q->a->brake));
    if (e) return e;
    const struct anthropic_hooks *hooks = q->hooks;
    if (!hooks || !hooks->before_attempt || hooks->before_attempt(hooks->ctx, n)) return E_OK;
    snprintf(q->error.code, sizeof q->error.code, "budget");
    return give_up(q, ANTHROPIC_REJECTED, "its budget does not allow another attempt");
}

/* Counts a failed attempt and waits for the next one; an error ends the question. */
static enum err after_failure(struct question *q, const struct attempt *attempt)
{
    struct anthropic *a = q->a;
    int attempts = q->error.attempts;
    int uncertain = q->error.attempts_uncertain + attempt->is_uncertain;
    q->error = attempt->error;
    q->error.attempts = attempts;
    q->error.attempts_uncertain = uncertain;

    if (attempt->is_overload) retry_brake_hit(a->brake, attempt->has_asked ? attempt->asked_ms : 0);
    if (attempt->next == ATTEMPT_HOPELESS) {
        return give_up(q, attempt->error.fault,
                       attempt->error.fault == ANTHROPIC_CANCELLED ? "called off"
                                                                   : "it was refused");
    }
    if (attempt->is_senseless && ++q->n_senseless == SENSELESS_MAX) {
        return give_up(q, ANTHROPIC_UNAVAILABLE, "its answers make no sense");
    }
    if (q->failing_since_ms == 0) q->failing_since_ms = clock_mono_ms();
    int64_t wait_ms = retry_delay_ms(q->n_failed++, attempt->has_asked, attempt->asked_ms,
                                     a->retry_base_ms, RETRY_CAP_MS);
    if (q->hooks && q->hooks->on_retry) q->hooks->on_retry(q->hooks->ctx, &q->error, wait_ms);
    return wait_for(q, wait_ms);
}

static enum err ask(struct question *q, const char *body, size_t len,
                    struct anthropic_reply *out_reply)
{
    for (int n = 1;; n++) {
        enum err e = may_attempt(q, n);
        if (e) return e;
        q->error.attempts = n;
        struct attempt attempt;
        anthropic_attempt(q->a, body, len, q->cancel, q->deadline_ms, n > 1, out_reply, &attempt);
        if (attempt.next == ATTEMPT_DONE) {
            retry_brake_ok(q->a->brake);
            return E_OK;
        }
        e = after_failure(q, &attempt);
        if (e) return e;
    }
}

enum err anthropic_ask(struct anthropic *a, const char *body, size_t len,
                       struct http_cancel *cancel, int64_t deadline_mono_ms,
                       const struct anthropic_hooks *hooks, struct anthropic_reply *out_reply,
                       struct anthropic_error *out_error)
{
    int64_t started_ms = clock_mono_ms();
    struct question q = {.a = a, .cancel = cancel, .deadline_ms = deadline_mono_ms, .hooks = hooks};
    struct anthropic_reply reply = {0};
    enum err e = ask(&q, body, len, &reply);
    if (e) {
        *out_error = q.error;
        return e;
    }
    reply.attempts = q.error.attempts;
    reply.took_ms = clock_mono_ms() - started_ms;
    *out_error = (struct anthropic_error){
        .attempts = q.error.attempts,
        .attempts_uncertain = q.error.attempts_uncertain,
    };
    *out_reply = reply;
    return E_OK;
}
