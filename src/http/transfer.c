/*
 * The life of one transfer on the I/O thread: begin, end, and what the end means.
 *
 *     end of it            nothing was sent yet             the request was on its way
 *     curl is content      (cannot be)                      ANSWERED
 *     curl reports         NOT_SENT, or FAILED_LOCALLY      LOST
 *                          when it never tried
 *     our own timer        TIMED_OUT, "connect"             TIMED_OUT, its name
 */
#include "http/transfer.h"

#include "base/clock.h"
#include "base/fault.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define BODY_MAX_DEFAULT MIB
#define HEADERS_MAX      (64 * KIB)
_Static_assert(sizeof(((struct http_reply *)0)->error) >= CURL_ERROR_SIZE, "curl writes into it");

static CURL *easy_take(struct http_client *c)
{
    if (c->n_spare > 0) return c->spare[--c->n_spare];
    return curl_easy_init();
}

/* Only after a transfer that went well: one that ended before it had a connection leaves a buffer in
 * the handle, with which libcurl refuses to set the buffer's size ever again. */
static void easy_give_back(struct http_client *c, CURL *easy, bool is_clean)
{
    if (!easy) return;
    if (!is_clean || c->n_spare == SPARE_MAX) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy); /* forgets the pointers into the transfer, keeps TLS sessions */
    c->spare[c->n_spare++] = easy;
}

/* curl's messages hardly ever quote a URL, but a query may hold a secret. */
static void hide_query(char *text)
{
    char *query = strchr(text, '?');
    while (query) {
        size_t len = strcspn(query, " \t'\"<>)");
        memmove(query, query + len, strlen(query + len) + 1);
        query = strchr(query, '?');
    }
}

static void read_facts(struct transfer *t)
{
    struct http_reply *reply = t->reply;
    long status = 0;
    long n_connects = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &n_connects);
    reply->status = t->has_first_byte && status >= 200 ? (int)status : 0;
    reply->is_connection_new = n_connects > 0;
    atomic_fetch_add(&t->client->n_opened, n_connects);
}

/* The last touch: afterwards the caller may have gone on, and its stack with the transfer. */
static void let_go(struct transfer *t)
{
    struct batch *batch = t->batch;
    mutex_lock(&batch->mutex);
    batch->n_left--;
    if (batch->n_left == 0) cond_signal(&batch->is_over);
    mutex_unlock(&batch->mutex);
}

static void finish(struct transfer *t, enum http_end end)
{
    struct http_client *c = t->client;
    struct http_reply *reply = t->reply;
    if (t->link) {
        *t->link = t->next;
        if (t->next) t->next->link = t->link;
        read_facts(t);
        curl_multi_remove_handle(t->lane->multi, t->easy);
        t->lane->n_active--;
    }
    easy_give_back(c, t->easy, end == HTTP_ANSWERED);
    t->easy = NULL;
    setup_headers_free(&t->headers);

    int64_t now = clock_mono_ms();
    reply->end = end;
    reply->took_ms = now - t->started_ms;
    reply->first_byte_ms = t->has_first_byte ? t->first_byte_ms - t->started_ms : -1;
    hide_query(reply->error);
    let_go(t);
}

static void fail_locally(struct transfer *t, const char *why)
{
    snprintf(t->reply->error, sizeof t->reply->error, "%s", why);
    finish(t, HTTP_FAILED_LOCALLY);
}

void transfer_start(struct http_client *c, struct transfer *t)
{
    const struct http_request *request = t->request;
    t->next = NULL;
    t->body_max = request->reply_bytes_max > 0 ? request->reply_bytes_max : BODY_MAX_DEFAULT;
    t->reply->body = STR_LIMIT(t->body_max);
    t->reply->headers = STR_LIMIT(HEADERS_MAX);
    if (request->cancel && atomic_load(&request->cancel->is_fired)) {
        finish(t, HTTP_CANCELLED);
        return;
    }
    t->easy = easy_take(c);
    if (!t->easy) {
        fail_locally(t, "no memory for another transfer");
        return;
    }
    enum err e = setup_easy(t);
    if (e) {
        fail_locally(t, err_detail());
        return;
    }
    struct lane *lane = lane_pick(c);
    CURLMcode code =
        fault_fails("curl") ? CURLM_OUT_OF_MEMORY : curl_multi_add_handle(lane->multi, t->easy);
    if (code) {
        fail_locally(t, curl_multi_strerror(code));
        return;
    }
    t->lane = lane;
    lane->n_active++;
    t->next = c->active;
    t->link = &c->active;
    if (t->next) t->next->link = &t->next;
    c->active = t;
    timers_note(t);
}

/* Codes with which curl says that it did not even try. */
static bool is_local(CURLcode code)
{
    return code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ||
           code == CURLE_FAILED_INIT || code == CURLE_OUT_OF_MEMORY ||
           code == CURLE_BAD_FUNCTION_ARGUMENT || code == CURLE_UNKNOWN_OPTION ||
           code == CURLE_NOT_BUILT_IN || code == CURLE_SSL_CACERT_BADFILE;
}

void transfer_ended(struct transfer *t, CURLcode code)
{
    struct http_reply *reply = t->reply;
    if (code == CURLE_ABORTED_BY_CALLBACK && t->is_sent && t->stop == HTTP_END_COUNT) {
        snprintf(reply->error, sizeof reply->error,
                 "a kept connection was closed without an answer");
    } else if (code && !t->is_sent && t->refused[0]) {
        snprintf(reply->error, sizeof reply->error, "no connection to %s: the address is refused",
                 t->refused);
    } else if (code && !reply->error[0]) {
        snprintf(reply->error, sizeof reply->error, "%s", curl_easy_strerror(code));
    }
    if (t->stop != HTTP_END_COUNT) {
        transfer_stop(t, t->stop, NULL);
    } else if (!code && !t->has_whole_head) {
        /* curl takes a connection that closes among the headers for a complete answer without a
         * body. */
        snprintf(reply->error, sizeof reply->error, "the answer ends inside its headers");
        finish(t, HTTP_LOST);
    } else if (!code) {
        reply->error[0] = '\0';
        finish(t, HTTP_ANSWERED);
    } else if (t->is_sent) {
        finish(t, HTTP_LOST);
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        transfer_stop(t, HTTP_TIMED_OUT, "connect");
    } else {
        finish(t, is_local(code) ? HTTP_FAILED_LOCALLY : HTTP_NOT_SENT);
    }
}

static void say_timer(struct transfer *t, const char *timer)
{
    const struct http_timeouts *limits = &t->timeouts;
    const struct {
        const char *name;
        const char *what;
        int64_t ms;
    } timers[] = {
        {"connect",     "no connection within", limits->connect_ms    },
        {"first byte",  "no answer within",     limits->first_byte_ms },
        {"idle bytes",  "silence for",          limits->idle_bytes_ms },
        {"idle events", "no progress for",      limits->idle_events_ms},
        {"total",       "not finished within",  limits->total_ms      },
    };
    for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
        if (strcmp(timers[i].name, timer) != 0) continue;
        snprintf(t->reply->error, sizeof t->reply->error, "%s %.10g s (%s)", timers[i].what,
                 (double)timers[i].ms / 1000, timer);
    }
}

void transfer_stop(struct transfer *t, enum http_end end, const char *timer)
{
    struct http_reply *reply = t->reply;
    assert((end == HTTP_TIMED_OUT) == (timer != NULL));
    reply->timer = timer;
    reply->error[0] = '\0';
    if (timer) say_timer(t, timer);
    if (end == HTTP_TOO_LARGE) {
        snprintf(reply->error, sizeof reply->error, "the answer is longer than %zu bytes",
                 t->body_max);
    }
    finish(t, end);
}
