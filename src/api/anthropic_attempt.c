/*
 * One request to the Messages API. The body of a 200 is parsed on the I/O thread as it comes;
 * everything else happens on the asking thread.
 */
#include "api/anthropic_internal.h"
#include "api/message_stream.h"
#include "api/sse.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* 128,000 tokens of output are about half a megabyte; as events about 15. */
#define CONTENT_MAX (8 * MIB)
#define STREAM_MAX  (64 * MIB)

/* The receiver of the stream: the I/O thread's until http_call() returns. */
struct receiver {
    bool is_repeat; /* of a question that was asked before */
    struct sse_parser parser;
    struct message_stream *stream;
    bool has_progress; /* in the piece that is parsed now */
    bool has_events;
    enum err failed;
    char why[256]; /* the story is the I/O thread's: copied for the asking one */
};

static bool receive_event(void *ctx, const char *event, const char *data, size_t len)
{
    struct receiver *r = ctx;
    if (message_stream_is_complete(r->stream)) return false; /* nothing after it counts */
    bool is_content = text_starts(event, "message_") || text_starts(event, "content_block_");
    /* Of a thought that is not shown nothing else is seen; asking again would pay for it twice. */
    bool is_thought = strcmp(event, "ping") == 0 && message_stream_is_thinking(r->stream);
    r->has_progress = r->has_progress || is_content || is_thought;
    r->has_events = r->has_events || is_content;
    r->failed = message_stream_event(r->stream, event, data, len);
    if (r->failed) snprintf(r->why, sizeof r->why, "%s", err_detail());
    return r->failed == E_OK;
}

static enum http_sink_verdict receive_bytes(void *ctx, const char *bytes, size_t len)
{
    struct receiver *r = ctx;
    r->has_progress = false;
    enum err e = sse_feed(&r->parser, bytes, len, receive_event, r);
    if (e && !r->failed && e != E_CANCELLED) {
        r->failed = e;
        snprintf(r->why, sizeof r->why, "%s", err_detail());
    }
    if (e) return HTTP_SINK_STOP;
    /* Not every server, or what stands before it, ends the answer with the stream. */
    if (message_stream_is_complete(r->stream)) return HTTP_SINK_DONE;
    return r->has_progress ? HTTP_SINK_EVENT : HTTP_SINK_MORE;
}

static char *credentials(struct anthropic *a)
{
    AUTO(str_done_secret) struct str value = {0};
    mutex_lock(&a->mutex);
    str_append_text(&value, a->use_x_api_key ? "" : "Bearer ");
    str_append_text(&value, a->api_key);
    mutex_unlock(&a->mutex);
    return str_take(&value);
}

static void send_once(struct anthropic *a, const char *body, size_t len, struct http_cancel *cancel,
                      int64_t deadline_mono_ms, struct receiver *receiver,
                      struct http_reply *out_reply)
{
    AUTO(xfree_secret_ptr) char *secret = credentials(a);
    const struct http_header headers[] = {
        {a->use_x_api_key ? "x-api-key" : "authorization", secret            },
        {"anthropic-version",                              a->version        },
        {"content-type",                                   "application/json"},
        {"accept",                                         "application/json"},
    };
    struct http_request request = {
        .upstream = "anthropic",
        .operation = "messages",
        .is_repeat = receiver->is_repeat,
        .method = "POST",
        .url = a->url,
        .headers = headers,
        .n_headers = ARRAY_LEN(headers),
        .body = body,
        .body_len = len,
        .timeouts = a->timeouts,
        .reply_bytes_max = STREAM_MAX,
        .is_sent_once = true, /* each time may be billed: counted here, not by curl */
        .cancel = cancel,
        .sink = receive_bytes,
        .sink_ctx = receiver,
    };
    if (deadline_mono_ms > 0) {
        int64_t left = deadline_mono_ms - clock_mono_ms();
        if (left < 1) left = 1;
        if (left < request.timeouts.total_ms) request.timeouts.total_ms = left;
    }
    /* Replies take seconds to minutes, and thousands of briefings may wait for theirs. */
    thread_give_back_stack();
    http_call(a->http, &request, out_reply);
}

/* ---- what came of it ---- */

/* An answer that is not 2xx; its body may be anything, an edge's HTML page too. */
OWN_FRAME static void judge_status(const struct http_reply *http, const char *model,
                                   struct attempt *attempt)
{
    struct anthropic_error *e = &attempt->error;
    const char *body = str_text(&http->body);
    struct json_limits limits = {.bytes_max = MIB};
    bool is_json = http->body.len > 0 && !json_check(body, http->body.len, limits);
    if (is_json) anthropic_error_read(json_root(body, http->body.len), e);
    if (!*e->message && http->body.len > 0) {
        size_t len = http->body.len < 160 ? http->body.len : 160;
        if (!http_page_words(body, http->body.len, e->message, 160))
            anthropic_clean(body, len, e->message, sizeof e->message);
    }
    attempt->has_asked = retry_after_ms(http, clock_unix_ms(), &attempt->asked_ms);
    anthropic_error_judge(attempt, http->status, retry_should(http), model);
}

/* The `error` event of a stream: judged like the status it stands for. It may have been paid for.
 */
OWN_FRAME static void judge_event(const struct receiver *receiver, const char *model,
                                  struct attempt *attempt)
{
    struct anthropic_error said;
    message_stream_error(receiver->stream, &said);
    struct anthropic_error *e = &attempt->error;
    memcpy(e->type, said.type, sizeof e->type);
    memcpy(e->code, said.code, sizeof e->code);
    memcpy(e->message, said.message, sizeof e->message);
    if (*said.request_id) memcpy(e->request_id, said.request_id, sizeof e->request_id);
    int status = anthropic_error_status(e->type);
    anthropic_error_judge(attempt, status ? status : 500, -1, model);
    e->status = 200; /* that is what the operator finds in other logs */
    attempt->is_uncertain = true;
}

OWN_FRAME static void judge_broken(const struct http_reply *http, const struct receiver *receiver,
                                   struct attempt *attempt)
{
    struct anthropic_error *e = &attempt->error;
    char what[200];
    http_reply_describe(http, what, sizeof what);
    const char *why = *receiver->why ? receiver->why : what;
    attempt->next = ATTEMPT_AGAIN;
    e->fault = ANTHROPIC_UNAVAILABLE;
    e->status = http->status;
    attempt->is_uncertain = http->sent_unix_ms > 0;

    bool is_answered = http->end == HTTP_ANSWERED && !receiver->failed;
    attempt->is_senseless = receiver->failed || http->end == HTTP_FAILED_LOCALLY ||
                            http->end == HTTP_TOO_LARGE || (is_answered && !receiver->has_events) ||
                            (http->end == HTTP_TIMED_OUT && text_equal(http->timer, "total"));
    if (!is_answered) {
        snprintf(e->message, sizeof e->message, "%s", why);
        return;
    }
    char type[64] = "no content type";
    char named[64];
    if (http_reply_header(http, "content-type", named, sizeof named)) {
        anthropic_clean(named, strlen(named), type, sizeof type);
    }
    snprintf(e->message, sizeof e->message, "the stream ended without message_stop (%s)", type);
}

void anthropic_attempt(struct anthropic *a, const char *body, size_t len,
                       struct http_cancel *cancel, int64_t deadline_mono_ms, bool is_repeat,
                       struct anthropic_reply *out_reply, struct attempt *out_attempt)
{
    char model[80];
    anthropic_copy(json_get(json_root(body, len), "model"), model, sizeof model);
    struct receiver receiver = {.is_repeat = is_repeat, .stream = message_stream_new(CONTENT_MAX)};
    sse_init(&receiver.parser, CONTENT_MAX);
    AUTO(http_reply_done) struct http_reply http = {0};
    send_once(a, body, len, cancel, deadline_mono_ms, &receiver, &http);

    struct attempt attempt = {.next = ATTEMPT_AGAIN};
    char id[sizeof attempt.error.request_id];
    if (http_reply_header(&http, "request-id", id, sizeof id))
        anthropic_clean(id, strlen(id), attempt.error.request_id, sizeof id);
    if (!receiver.failed && message_stream_take(receiver.stream, out_reply) == E_OK) {
        /* Complete is complete, however the connection ended afterwards. */
        attempt.next = ATTEMPT_DONE;
        snprintf(out_reply->request_id, sizeof out_reply->request_id, "%s",
                 attempt.error.request_id);
    } else if (http.end == HTTP_CANCELLED) {
        attempt.next = ATTEMPT_HOPELESS;
        attempt.error.fault = ANTHROPIC_CANCELLED;
        attempt.is_uncertain = http.sent_unix_ms > 0;
    } else if (http.status >= 300) {
        judge_status(&http, model, &attempt);
    } else if (receiver.failed == E_UPSTREAM) {
        judge_event(&receiver, model, &attempt);
    } else {
        judge_broken(&http, &receiver, &attempt);
    }
    *out_attempt = attempt;
    sse_done(&receiver.parser);
    message_stream_free(receiver.stream);
}
