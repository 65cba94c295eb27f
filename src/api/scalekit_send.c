/*
 * Requests to ScaleKit: token, deadline, repeats, brake. One engine for one request and for many.
 *
 * Rounds: all requests that are not decided go out together, then each is judged. A read that met
 * 429, 502, 503, 504 or a lost connection comes again in the next round, at most three times; a 401
 * about our token buys one refresh and one more round for anything, because the server refused
 * before doing. A delivery is never repeated otherwise. Sources: wire notes 1.4 and 9.
 */
#include "api/scalekit_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#define REPEATS_MAX   3
#define REPEAT_CAP_MS (30 * 1000)
#define N_HEADERS_MAX 4

struct attempt {
    const struct scalekit_request *request;
    struct http_reply *reply;
    struct scalekit_error *error;
    enum err *err;
    bool is_over;
    bool is_refreshed;  /* the one refresh for a 401 is spent */
    bool needs_refresh; /* the next round must use another token than `generation` */
    int n_repeats;
    int64_t wait_ms; /* before the next round */
    struct str url;
    struct http_header headers[N_HEADERS_MAX];
};

struct batch {
    struct scalekit *s;
    const struct scalekit_call *call;
    struct attempt *attempts;
    size_t n;
    uint64_t generation; /* of the token of the last round */
    struct str authorization;
    struct http_request *http_requests; /* of a round */
    struct http_reply *http_replies;
    size_t *places; /* which attempt each of them is */
};

static void attempt_end(struct attempt *a, enum err e)
{
    a->is_over = true;
    *a->err = e;
}

static bool batch_is_over(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (!b->attempts[i].is_over) return false;
    return true;
}

/* Ends what is undecided without a further request: with the error it has met already, else with
 * `otherwise`. */
static void batch_give_up(struct batch *b, const struct scalekit_error *otherwise)
{
    bool is_cancelled = b->call->cancel && atomic_load(&b->call->cancel->is_fired);
    for (size_t i = 0; i < b->n; i++) {
        struct attempt *a = &b->attempts[i];
        if (a->is_over) continue;
        if (a->error->class == SCALEKIT_FINE) *a->error = *otherwise;
        /* Called off between two tries: whatever the last one met, that is why it ends. */
        if (is_cancelled && !a->request->is_once) a->error->class = SCALEKIT_CANCELLED;
        attempt_end(a, scalekit_error_fail(a->request->what, a->error));
    }
}

/* Waits for the slowest of the repeats and for a place behind the brake. */
static bool batch_wait(struct batch *b)
{
    int64_t wait_ms = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct attempt *a = &b->attempts[i];
        if (a->is_over) continue;
        int64_t place_ms = retry_brake_place_ms(b->s->brake);
        if (a->wait_ms > wait_ms) wait_ms = a->wait_ms;
        if (place_ms > wait_ms) wait_ms = place_ms;
        a->wait_ms = 0;
    }
    bool is_cancelled = b->call->cancel && atomic_load(&b->call->cancel->is_fired);
    bool is_late =
        b->call->deadline_mono_ms && clock_mono_ms() + wait_ms >= b->call->deadline_mono_ms;
    if (!is_cancelled && !is_late &&
        (wait_ms == 0 ||
         retry_sleep(b->s->http, wait_ms, b->call->cancel, b->call->deadline_mono_ms)))
        return true;

    struct scalekit_error error = {.class = SCALEKIT_NOT_SENT};
    bool is_fired = b->call->cancel && atomic_load(&b->call->cancel->is_fired);
    if (is_fired) error.class = SCALEKIT_CANCELLED;
    snprintf(error.message, sizeof error.message, "%s",
             is_fired ? "called off before it was sent" : "no time was left to send it");
    batch_give_up(b, &error);
    return false;
}

static bool batch_authorize(struct batch *b)
{
    uint64_t stale = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (!b->attempts[i].is_over && b->attempts[i].needs_refresh) stale = b->generation;
        b->attempts[i].needs_refresh = false;
    }
    if (b->call->is_fresh_token && !b->generation) stale = scalekit_token_generation(b->s);

    struct scalekit_error error = {0};
    AUTO(xfree_secret_ptr) char *token = NULL;
    if (scalekit_token_get(b->s, b->call, stale, &token, &b->generation, &error)) {
        /* What was met before (a 401) is explained by this one. */
        for (size_t i = 0; i < b->n; i++)
            if (!b->attempts[i].is_over) *b->attempts[i].error = error;
        batch_give_up(b, &error);
        return false;
    }
    str_done_secret(&b->authorization);
    str_append_format(&b->authorization, "Bearer %s", token);
    return true;
}

static int64_t time_left_ms(const struct scalekit_call *call, int64_t timeout_ms)
{
    if (!call->deadline_mono_ms) return timeout_ms;
    int64_t left_ms = call->deadline_mono_ms - clock_mono_ms();
    if (left_ms < 1) left_ms = 1;
    return left_ms < timeout_ms ? left_ms : timeout_ms;
}

static struct http_request attempt_http(const struct batch *b, struct attempt *a)
{
    size_t n = 0;
    a->headers[n++] = (struct http_header){"Authorization", str_text(&b->authorization)};
    a->headers[n++] = (struct http_header){"Accept", "application/json"};
    if (a->request->body)
        a->headers[n++] = (struct http_header){"Content-Type", "application/json"};

    int64_t total_ms = time_left_ms(b->call, a->request->timeout_ms);
    return (struct http_request){
        .upstream = "scalekit",
        .operation = a->request->operation ? a->request->operation : a->request->what,
        .is_repeat = a->n_repeats > 0 || a->is_refreshed || a->request->is_repeat,
        .method = a->request->method,
        .url = str_text(&a->url),
        .headers = a->headers,
        .n_headers = n,
        .body = a->request->body,
        .body_len = a->request->body_len,
        .timeouts = {.total_ms = total_ms, .first_byte_ms = total_ms, .idle_bytes_ms = total_ms},
        .reply_bytes_max = a->request->reply_bytes_max,
        .is_fresh = a->request->is_once,
        .cancel = b->call->cancel,
    };
}

/* May a read that ended like this come again? */
static bool is_passing(const struct http_reply *reply)
{
    bool is_connect = reply->end == HTTP_TIMED_OUT && text_equal(reply->timer, "connect");
    if (reply->end == HTTP_LOST || reply->end == HTTP_NOT_SENT || is_connect) return true;
    if (reply->end != HTTP_ANSWERED) return false;
    return reply->status == 429 || reply->status == 502 || reply->status == 503 ||
           reply->status == 504;
}

/* Decides over one failed try: true when it is to come again. */
static bool attempt_again(const struct batch *b, struct attempt *a)
{
    if (scalekit_error_is_our_token(a->error) && !a->is_refreshed) {
        a->is_refreshed = true;
        a->needs_refresh = true;
        return true;
    }
    if (a->request->is_once || a->n_repeats == REPEATS_MAX || !is_passing(a->reply)) return false;
    if (a->error->retry_after_ms > SCALEKIT_PATIENCE_MS) return false;
    a->wait_ms = retry_delay_ms(a->n_repeats, a->error->retry_after_ms > 0,
                                a->error->retry_after_ms, b->s->retry_base_ms, REPEAT_CAP_MS);
    a->n_repeats++;
    return true;
}

static void note_clock(struct scalekit *s, const struct http_reply *reply)
{
    int64_t date_ms = 0;
    if (reply->end == HTTP_ANSWERED && http_reply_date_ms(reply, &date_ms))
        atomic_store(&s->clock_ahead_ms, clock_unix_ms() - date_ms);
}

static void attempt_judge(const struct batch *b, struct attempt *a)
{
    const struct http_reply *reply = a->reply;
    note_clock(b->s, reply);
    bool is_fine = reply->end == HTTP_ANSWERED && reply->status >= 200 && reply->status < 300;
    if (is_fine) {
        retry_brake_ok(b->s->brake);
        *a->error = (struct scalekit_error){.status = reply->status};
        attempt_end(a, E_OK);
        return;
    }
    scalekit_error_read(reply, a->error);
    log_debug("scalekit_failed", LOG_STR("what", a->request->what),
              LOG_INT("status", reply->status),
              LOG_STR("class", scalekit_class_name(a->error->class)),
              LOG_STR("error_code", a->error->error_code), LOG_INT("ms", reply->took_ms),
              LOG_INT("repeats", a->n_repeats));

    /* A provider's own limit (TOOL_ERROR) is no reason to slow everybody down. */
    bool is_their_limit =
        a->error->status == 429 && strcmp(a->error->error_code, "TOOL_ERROR") != 0;
    if (is_their_limit) {
        int64_t asked_ms = a->error->retry_after_ms;
        retry_brake_hit(b->s->brake,
                        asked_ms < SCALEKIT_PATIENCE_MS ? asked_ms : SCALEKIT_PATIENCE_MS);
    }

    if (attempt_again(b, a)) return;
    enum err e = scalekit_error_fail(a->request->what, a->error);
    /* A delivery that was called off on its way may have arrived. */
    if (a->error->class == SCALEKIT_CANCELLED && a->request->is_once)
        a->error->class = SCALEKIT_UNKNOWN;
    attempt_end(a, e);
}

static void batch_round(struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct attempt *a = &b->attempts[i];
        if (a->is_over) continue;
        b->http_requests[n] = attempt_http(b, a);
        b->places[n++] = i;
    }
    http_call_all(b->s->http, b->http_requests, n, b->http_replies);
    for (size_t i = 0; i < n; i++) {
        struct attempt *a = &b->attempts[b->places[i]];
        http_reply_done(a->reply);
        *a->reply = b->http_replies[i];
        attempt_judge(b, a);
    }
}

void scalekit_send_all(struct scalekit *s, const struct scalekit_call *call,
                       const struct scalekit_request *requests, size_t n,
                       struct http_reply *out_replies, struct scalekit_error *out_errors,
                       enum err *out_err)
{
    struct batch b = {.s = s, .call = call, .n = n};
    b.attempts = xcalloc(n, sizeof *b.attempts);
    b.http_requests = xcalloc(n, sizeof *b.http_requests);
    b.http_replies = xcalloc(n, sizeof *b.http_replies);
    b.places = xcalloc(n, sizeof *b.places);
    for (size_t i = 0; i < n; i++) {
        out_replies[i] = (struct http_reply){0};
        out_errors[i] = (struct scalekit_error){0};
        b.attempts[i] = (struct attempt){.request = &requests[i],
                                         .reply = &out_replies[i],
                                         .error = &out_errors[i],
                                         .err = &out_err[i]};
        str_append_format(&b.attempts[i].url, "%s%s", s->env_url, requests[i].path);
    }

    while (!batch_is_over(&b) && batch_wait(&b) && batch_authorize(&b))
        batch_round(&b);

    for (size_t i = 0; i < n; i++)
        str_done(&b.attempts[i].url);
    str_done_secret(&b.authorization);
    xfree(b.places);
    xfree(b.http_replies);
    xfree(b.http_requests);
    xfree(b.attempts);
}

enum err scalekit_send(struct scalekit *s, const struct scalekit_call *call,
                       const struct scalekit_request *request, struct http_reply *out_reply,
                       struct scalekit_error *out_error)
{
    enum err e = E_OK;
    scalekit_send_all(s, call, request, 1, out_reply, out_error, &e);
    return e;
}
