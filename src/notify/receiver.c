/*
 * One endpoint's thread: takes what is due, sends it, writes down what became of it.
 */
#include "base/clock.h"
#include "base/log.h"
#include "http/retry.h"
#include "notify/counts.h"
#include "notify/internal.h"
#include "notify/schedule.h"
#include "notify/signature.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES_MAX (4 * KIB) /* of its body; what it says does not matter */
#define LONGEST_WAIT_MS  60000     /* clocks are set, so look again */
#define ERROR_MAX        200

/* One webhook on its way, and what it became. */
struct sending {
    char at_s[24];
    struct str signature;
    struct http_header headers[4];
    char error[ERROR_MAX]; /* "": it was taken */
    bool is_gone;
    bool is_counted; /* false: called off, nobody knows */
    int64_t asked_ms;
};

static void prepare(struct receiver *r, const struct webhook_delivery *delivery, struct sending *s,
                    struct http_request *out)
{
    int64_t at_s = clock_unix_ms() / 1000;
    snprintf(s->at_s, sizeof s->at_s, "%lld", (long long)at_s);
    webhook_sign(&r->key, delivery->message_id, at_s, delivery->body, &s->signature);
    s->headers[0] = (struct http_header){"content-type", "application/json"};
    s->headers[1] = (struct http_header){"webhook-id", delivery->message_id};
    s->headers[2] = (struct http_header){"webhook-timestamp", s->at_s};
    s->headers[3] = (struct http_header){"webhook-signature", str_text(&s->signature)};
    int64_t timeout_ms = r->notify->options.timeout_ms;
    *out = (struct http_request){
        .upstream = "webhooks",
        .operation = "deliver",
        .is_repeat = delivery->tries > 0,
        .method = "POST",
        .url = r->url,
        .headers = s->headers,
        .n_headers = ARRAY_LEN(s->headers),
        .body = delivery->body,
        .body_len = strlen(delivery->body),
        .timeouts = {.connect_ms = timeout_ms,
                     .first_byte_ms = timeout_ms,
                     .idle_bytes_ms = timeout_ms,
                     .total_ms = timeout_ms},
        .reply_bytes_max = ANSWER_BYTES_MAX,
        .cancel = &r->cancel,
    };
}

/* Only the status counts: a 2xx whose body is cut, endless or too long was taken. */
static void judge(const struct http_reply *reply, struct sending *s)
{
    s->is_counted = true;
    if (reply->status >= 200 && reply->status <= 299) return;
    if (reply->end == HTTP_CANCELLED) {
        s->is_counted = false;
        return;
    }
    s->is_gone = reply->status == 410;
    if (!retry_after_ms(reply, clock_unix_ms(), &s->asked_ms)) s->asked_ms = 0;
    if (reply->status >= 300 && reply->status <= 399)
        snprintf(s->error, sizeof s->error, "HTTP %d: redirects are not followed", reply->status);
    else if (reply->status > 0)
        snprintf(s->error, sizeof s->error, "HTTP %d", reply->status);
    else
        http_reply_describe(reply, s->error, sizeof s->error);
    if (!s->error[0]) snprintf(s->error, sizeof s->error, "no answer");
}

static void log_result(const struct receiver *r, const struct webhook_delivery *d,
                       const struct sending *s, const struct http_reply *reply, int64_t next_ms)
{
    if (!s->error[0]) {
        log_debug("webhook_delivered", LOG_STR("endpoint", r->id), LOG_STR("delivery", d->id),
                  LOG_STR("type", d->type), LOG_INT("attempt", d->attempts + 1),
                  LOG_INT("took_ms", reply->took_ms));
        return;
    }
    log_warn("webhook_not_delivered", LOG_STR("endpoint", r->id), LOG_STR("delivery", d->id),
             LOG_STR("type", d->type), LOG_INT("attempt", d->attempts + 1),
             LOG_STR("error", s->error), LOG_STR("next", next_ms ? "again" : "given up"));
}

/* What the sending of several did, all together. */
struct outcome {
    bool is_any_taken, is_any_counted, is_gone;
    int64_t asked_ms;
};

/* Several on their way at the same time. */
struct batch {
    const struct webhook_delivery_list *due;
    struct sending sendings[BATCH_MAX];
    struct http_request requests[BATCH_MAX];
    struct http_reply replies[BATCH_MAX];
};

static void batch_free(struct batch **batch)
{
    for (size_t i = 0; i < (*batch)->due->n; i++) {
        http_reply_done(&(*batch)->replies[i]);
        str_done(&(*batch)->sendings[i].signature);
    }
    xfree(*batch);
}

static struct webhook_result result_of(const struct receiver *r, const struct batch *batch,
                                       size_t i, int64_t now_ms)
{
    const struct sending *s = &batch->sendings[i];
    const struct webhook_delivery *d = &batch->due->rows[i];
    bool is_taken = !s->error[0];
    int64_t delay_ms =
        is_taken ? -1
                 : schedule_delay_ms(d->tries + 1, r->notify->options.retry_for_ms, s->asked_ms);
    struct webhook_result result = {.delivery_id = d->id,
                                    .round = d->round,
                                    .next_ms = delay_ms < 0 ? 0 : now_ms + delay_ms,
                                    .status = batch->replies[i].status,
                                    .error = is_taken ? NULL : s->error};
    log_result(r, d, s, &batch->replies[i], result.next_ms);
    notify_counts_try(&batch->replies[i], is_taken);
    if (is_taken) notify_counts_taken(now_ms - d->created_ms);
    if (!is_taken && result.next_ms == 0) notify_counts_given_up();
    return result;
}

static enum err put_results(struct receiver *r, const struct batch *batch, struct outcome *out)
{
    struct webhook_result results[BATCH_MAX];
    struct webhook_attempt attempt = {
        .endpoint_id = r->id,
        .results = results,
        .at_ms = clock_unix_ms(),
        .failing_max_ms = schedule_length_ms(r->notify->options.retry_for_ms),
        .failures_max = SCHEDULE_TRIES_MAX,
    };
    for (size_t i = 0; i < batch->due->n; i++) {
        const struct sending *s = &batch->sendings[i];
        if (!s->is_counted) continue;
        results[attempt.n++] = result_of(r, batch, i, attempt.at_ms);
        out->is_any_taken = out->is_any_taken || !s->error[0];
        if (s->asked_ms > out->asked_ms) out->asked_ms = s->asked_ms;
        attempt.is_gone = attempt.is_gone || s->is_gone;
    }
    out->is_any_counted = attempt.n > 0;
    if (attempt.n == 0) return E_OK;
    const char *reason = NULL;
    enum err e = store_webhook_attempt_put(r->notify->options.store, &attempt, &reason);
    if (e || !reason) return e;
    log_warn("webhook_endpoint_disabled", LOG_STR("endpoint", r->id), LOG_STR("reason", reason));
    notify_endpoints_changed(r->notify);
    return E_OK;
}

static void set_sending(struct receiver *r, bool is_sending)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&r->notify->mutex);
    r->is_sending = is_sending;
    if (!is_sending) cond_broadcast(&r->notify->changed);
}

static enum err send_all(struct receiver *r, const struct webhook_delivery_list *due,
                         struct outcome *out)
{
    AUTO(batch_free) struct batch *batch = xcalloc(1, sizeof *batch);
    batch->due = due;
    for (size_t i = 0; i < due->n; i++)
        prepare(r, &due->rows[i], &batch->sendings[i], &batch->requests[i]);
    http_call_all(r->notify->http, batch->requests, due->n, batch->replies);
    for (size_t i = 0; i < due->n; i++)
        judge(&batch->replies[i], &batch->sendings[i]);
    return put_results(r, batch, out);
}

/* The address never changes. */
static enum err load(struct receiver *r)
{
    AUTO(webhook_endpoint_done) struct webhook_endpoint endpoint = {0};
    enum err e = store_webhook_endpoint_get(r->notify->options.store, r->id, &endpoint);
    if (!e) e = store_webhook_key(r->notify->options.store, r->id, &r->key);
    if (e) return e;
    r->url = take_ptr(&endpoint.url);
    r->failures = endpoint.failures;
    return E_OK;
}

/* Sends what is due. `out_wait_ms`: how long then not to, whatever comes; -1: until something is
 * due, at `out_next_ms` at the latest. */
static enum err send_some(struct receiver *r, int64_t *out_wait_ms, int64_t *out_next_ms)
{
    const struct notify_options *options = &r->notify->options;
    AUTO(webhook_delivery_list_done) struct webhook_delivery_list due = {0};
    struct outcome outcome = {0};
    /* One tells whether it is back. */
    int limit = r->failures > 0 ? 1 : BATCH_MAX;
    *out_wait_ms = -1;
    enum err e =
        store_webhook_due(options->store, r->id, clock_unix_ms(), limit, &due, out_next_ms);
    if (e || due.n == 0) return e;
    set_sending(r, true);
    e = send_all(r, &due, &outcome);
    set_sending(r, false);
    if (e) return e;
    *out_wait_ms = 0;
    if (outcome.is_any_counted) r->failures = outcome.is_any_taken ? 0 : r->failures + 1;
    if (r->failures > 0)
        *out_wait_ms = schedule_hold_ms(r->failures, options->retry_for_ms, outcome.asked_ms);
    return E_OK;
}

/* Until the time is over, or (seen < UINT64_MAX) something was made due after `seen`. False: end. */
static bool wait_ms(struct receiver *r, int64_t ms, uint64_t seen)
{
    struct notify *notify = r->notify;
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&notify->mutex);
    int64_t until_ms = clock_mono_ms() + ms;
    while (!r->is_over && !notify->is_stopping && (seen == UINT64_MAX || notify->news == seen) &&
           cond_wait_until(&notify->changed, held, until_ms)) {
    }
    return !r->is_over && !notify->is_stopping;
}

static uint64_t news(struct receiver *r)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&r->notify->mutex);
    return r->notify->news;
}

static int64_t until(int64_t next_ms)
{
    int64_t ms = next_ms > 0 ? next_ms - clock_unix_ms() : LONGEST_WAIT_MS;
    return ms < 0 ? 0 : ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : ms;
}

void *receiver_main(void *arg)
{
    struct receiver *r = arg;
    int64_t trouble = 0;
    for (bool goes_on = true; goes_on;) {
        int64_t hold_ms = -1;
        int64_t next_ms = 0;
        uint64_t seen = news(r);
        enum err e = r->url ? E_OK : load(r);
        if (!e) e = send_some(r, &hold_ms, &next_ms);
        trouble = e ? trouble + 1 : 0;
        if (e) {
            /* Not found: deleted, and the keeper will end this thread. */
            log_failure("webhooks_not_sent", e, LOG_STR("endpoint", r->id));
            hold_ms = schedule_hold_ms(trouble, SCHEDULE_WHOLE_MS, 0);
        }
        goes_on = hold_ms < 0 ? wait_ms(r, until(next_ms), seen) : wait_ms(r, hold_ms, UINT64_MAX);
    }
    return NULL;
}
