/*
 * The callers' side of the client: start and stop, submit and wait. Any thread.
 */
#include "http/transfer.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECTIONS_MAX_DEFAULT 1024
#define IDLE_AGE_S_DEFAULT      90

enum err http_start(const struct http_options *options, struct http_client **out_client)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code) return fail(E_INTERNAL, "libcurl cannot start: %s", curl_easy_strerror(code));

    struct http_client *c = xcalloc(1, sizeof *c);
    c->user_agent = xstrdup(options->user_agent);
    c->ca_file = xstrdup(options->ca_file);
    c->idle_age_s = options->idle_age_s > 0 ? options->idle_age_s : IDLE_AGE_S_DEFAULT;
    c->may_connect = options->may_connect;
    c->may_connect_ctx = options->may_connect_ctx;
    c->queue_end = &c->queue;
    mutex_init(&c->mutex);
    cond_init(&c->cancelled);

    int connections_max = options->connections_max;
    enum err e = loop_init(c, connections_max > 0 ? connections_max : CONNECTIONS_MAX_DEFAULT);
    if (!e) e = thread_start(&c->thread, "curl", loop_main, c);
    if (e) {
        http_stop(c);
        return e;
    }
    *out_client = c;
    return E_OK;
}

void http_stop(struct http_client *c)
{
    if (!c) return;
    mutex_lock(&c->mutex);
    c->is_stopping = true;
    cond_broadcast(&c->cancelled);
    mutex_unlock(&c->mutex);
    client_wake(c);
    thread_join(&c->thread);

    loop_done(c);
    cond_done(&c->cancelled);
    mutex_done(&c->mutex);
    xfree(c->user_agent);
    xfree(c->ca_file);
    xfree(c);
    curl_global_cleanup();
}

void client_wake(struct http_client *c)
{
    if (c->wake_fd <= 0) return;
    uint64_t one = 1;
    ssize_t n;
    do {
        n = write(c->wake_fd, &one, sizeof one);
    } while (n < 0 && errno == EINTR);
    /* EAGAIN: 2^64 wakes are pending, so it wakes anyway. */
}

void http_cancel_fire(struct http_client *c, struct http_cancel *cancel)
{
    atomic_store(&cancel->is_fired, true);
    atomic_store(&c->has_cancels, true);
    mutex_lock(&c->mutex);
    cond_broadcast(&c->cancelled);
    mutex_unlock(&c->mutex);
    client_wake(c);
}

bool client_sleep(struct http_client *c, int64_t until_mono_ms, const struct http_cancel *cancel)
{
    mutex_lock(&c->mutex);
    bool is_off = false;
    bool in_time = true;
    for (;;) {
        is_off = c->is_stopping || (cancel && atomic_load(&cancel->is_fired));
        if (is_off || !in_time || clock_mono_ms() >= until_mono_ms) break;
        in_time = cond_wait_until(&c->cancelled, &c->mutex, until_mono_ms);
    }
    mutex_unlock(&c->mutex);
    return !is_off;
}

/* Puts them into the queue; false when the client is stopping. */
static bool submit(struct http_client *c, struct transfer *transfers, size_t n)
{
    mutex_lock(&c->mutex);
    bool is_open = !c->is_stopping;
    for (size_t i = 0; is_open && i < n; i++) {
        *c->queue_end = &transfers[i];
        c->queue_end = &transfers[i].next;
    }
    mutex_unlock(&c->mutex);
    if (is_open) client_wake(c);
    return is_open;
}

static void call(struct http_client *c, const struct http_request *requests, size_t n,
                 struct http_reply *replies, struct transfer *transfers)
{
    struct batch batch = {.n_left = n};
    mutex_init(&batch.mutex);
    cond_init(&batch.is_over);

    for (size_t i = 0; i < n; i++) {
        replies[i] = (struct http_reply){.end = HTTP_CANCELLED, .first_byte_ms = -1};
        transfers[i] = (struct transfer){
            .client = c,
            .request = &requests[i],
            .reply = &replies[i],
            .batch = &batch,
            .stop = HTTP_END_COUNT,
            .started_ms = clock_mono_ms(),
            .timeouts = timers_defaults(&requests[i].timeouts),
        };
        if (!trace_child(transfers[i].traceparent)) transfers[i].traceparent[0] = '\0';
    }
    if (submit(c, transfers, n)) {
        /* The I/O thread always lets go: every transfer has a timer, and so the wait needs none. */
        mutex_lock(&batch.mutex);
        while (batch.n_left > 0)
            cond_wait(&batch.is_over, &batch.mutex);
        mutex_unlock(&batch.mutex);
    }
    cond_done(&batch.is_over);
    mutex_done(&batch.mutex);
    for (size_t i = 0; i < n; i++)
        observe_call(&transfers[i]);
}

void http_call(struct http_client *c, const struct http_request *request,
               struct http_reply *out_reply)
{
    struct transfer transfer;
    call(c, request, 1, out_reply, &transfer);
}

void http_call_all(struct http_client *c, const struct http_request *requests, size_t n,
                   struct http_reply *out_replies)
{
    if (n == 0) return;
    struct transfer *transfers = xcalloc(n, sizeof *transfers);
    call(c, requests, n, out_replies, transfers);
    xfree(transfers);
}

int64_t http_connections_opened(const struct http_client *c)
{
    return atomic_load(&c->n_opened);
}
