/*
 * GET /briefings/{id}/events, Accept: text/event-stream.
 *
 *   handler (store thread)   may this be followed, and from where? The response is queued with
 *                            send_some() as its body, and the connection goes on
 *   send_some (MHD thread)   copies what the feed has; when there is nothing, suspends the
 *                            connection and parks the reader
 *   woken (feeds' thread)    resumes it
 *
 * A stream that was told to end closes its connection. What is asked after the last event of a
 * briefing that has ended is 204: for EventSource, which comes back after every end, the sign to stay
 * away.
 *
 * Who may no longer read is sent away: a key that was revoked within a second of the next byte, a
 * browser after BROWSER_LIFE_MS, when it comes back by itself with its session.
 */
#include "web/briefing_events_stream.h"

#include "base/clock.h"
#include "base/log.h"
#include "runs/feeds.h"
#include "web/reply.h"
#include "web/router.h"
#include "web/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_BYTES       512         /* of a body for HTTP/1.0; MHD keeps them for each response */
#define SEND_BUFFER_BYTES (32 * 1024) /* what the kernel keeps for one that does not read */
#define PAGE_BYTES        4096
#define RECHECK_MS        1000
#define BROWSER_LIFE_MS   (10 * 60 * 1000)

struct event_stream {
    struct request *rq; /* as long as MHD asks for bytes */
    struct web *web;
    struct MHD_Connection *connection;
    struct feed_reader *reader;
    struct stream_address *address;
    bool is_buffer_used; /* MHD's, since it was given back */
    int64_t recheck_mono_ms;
    int64_t until_mono_ms;
};

static void stream_free(void *cls)
{
    struct event_stream *stream = cls;
    feed_close(stream->reader);
    if (stream->address) stream_leave(stream->web->streams, stream->address);
    xfree(stream);
}

/* On the feeds' thread. */
static void woken(void *ctx)
{
    const struct event_stream *stream = ctx;
    MHD_resume_connection(stream->connection);
}

static bool may_still_read(struct event_stream *stream)
{
    struct request *rq = stream->rq;
    int64_t now_ms = clock_mono_ms();
    if (now_ms < stream->recheck_mono_ms) return true;
    stream->recheck_mono_ms = now_ms + RECHECK_MS;
    if (rq->principal.kind == PRINCIPAL_BROWSER) return now_ms < stream->until_mono_ms;
    return auth_from_memory(stream->web->keys, rq) == AUTH_OK &&
           auth_allows(&rq->principal, rq->route->scopes_any);
}

static ssize_t send_some(void *cls, uint64_t pos, char *buf, size_t max)
{
    (void)pos;
    struct event_stream *stream = cls;
    if (!may_still_read(stream)) return MHD_CONTENT_READER_END_OF_STREAM;
    size_t len = 0;
    switch (feed_copy(stream->reader, buf, max, &len)) {
    case FEED_BYTES:
        stream->is_buffer_used = stream->is_buffer_used || len >= PAGE_BYTES;
        return (ssize_t)len;
    case FEED_END:
        return MHD_CONTENT_READER_END_OF_STREAM;
    case FEED_NOTHING:
        break;
    }
    /* MHD's buffer lies where the request was read, and all of it has been written to by now: while
     * nothing happens, its pages are not needed. */
    if (stream->is_buffer_used) mem_give_back(buf, max);
    stream->is_buffer_used = false;
    /* Suspended first: it may be woken before feed_wait() has returned. */
    struct MHD_Connection *connection = stream->connection;
    MHD_suspend_connection(connection);
    if (!feed_wait(stream->reader)) MHD_resume_connection(connection);
    return 0;
}

/* Nobody may hold memory here by not reading: a small buffer, and an end when it stays full. */
static void limit_patience(struct request *rq)
{
    int64_t stall_ms = rq->web->options.stream_stall_ms;
    int64_t stall_s = (stall_ms + 999) / 1000;
    MHD_set_connection_option(rq->connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)stall_s);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(rq->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info) return;
    int bytes = SEND_BUFFER_BYTES;
    unsigned unanswered_ms = (unsigned)stall_ms;
    if (setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) ||
        setsockopt(info->connect_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms,
                   sizeof(unanswered_ms)))
        log_debug("stream_socket_not_set", LOG_STR("request", rq->id));
}

/* A response without a length; `stream` NULL: there is no body to come (HEAD). */
static void reply_stream(struct request *rq, struct event_stream *stream)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, send_some, stream, stream ? stream_free : NULL);
    reply_header(rq, "Vary", "Accept");
    reply_header(rq, "X-Accel-Buffering", "no"); /* nginx would collect what comes */
    reply_header(rq, "Connection", "close");
    reply_response(rq, 200, "text/event-stream", response);
}

/* False: answered. */
static bool enter(struct event_stream *stream)
{
    struct request *rq = stream->rq;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(rq->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (stream_enter(stream->web->streams, info ? info->client_addr : NULL, &stream->address)) {
        reply_problem(rq, PROBLEM_rate_limited,
                      "Too many event streams from this address; poll, or close some.");
        return false;
    }
    enum err e = feed_open(stream->web->options.feeds, rq->args[0], woken, stream, &stream->reader);
    if (e == E_BUSY)
        reply_problem(rq, PROBLEM_draining, "The service is stopping; come back in a moment.");
    else if (e)
        reply_problem(rq, PROBLEM_overloaded, "Too many event streams are open; poll meanwhile.");
    return !e;
}

/* May it be followed from there? False: answered. */
static bool is_followable(struct request *rq, const struct run_row *row, int64_t after,
                          const char *pointer)
{
    if (after > row->last_event) {
        AUTO(field_errors_done) struct field_errors errors = {0};
        field_error(&errors, pointer, "is above the number of the last event");
        reply_invalid(rq, &errors);
        return false;
    }
    if (after < row->last_event || !run_status_is_terminal(row->status)) return true;
    reply_header(rq, "Vary", "Accept");
    reply_empty(rq, 204);
    return false;
}

static bool read_row(struct request *rq, struct run_row *row)
{
    enum err e = store_run_get(rq->web->options.store, rq->args[0], row);
    if (!e && request_owns(rq, row->user_id)) return true;
    if (e && e != E_NOT_FOUND)
        reply_error(rq, e, "reading a briefing");
    else
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
    return false;
}

void events_stream(struct request *rq, int64_t after, const char *pointer)
{
    AUTO(run_row_done) struct run_row row = {0};
    if (strcmp(rq->method, "HEAD") == 0) {
        if (read_row(rq, &row) && is_followable(rq, &row, after, pointer)) reply_stream(rq, NULL);
        return;
    }
    struct event_stream *stream = xcalloc(1, sizeof(*stream));
    int64_t now_ms = clock_mono_ms();
    *stream = (struct event_stream){.rq = rq,
                                    .web = rq->web,
                                    .connection = rq->connection,
                                    .is_buffer_used = true,
                                    .recheck_mono_ms = now_ms + RECHECK_MS,
                                    .until_mono_ms = now_ms + BROWSER_LIFE_MS};
    /* The row is read after the reader was opened: no commit falls between. */
    if (!enter(stream) || !read_row(rq, &row) || !is_followable(rq, &row, after, pointer)) {
        stream_free(stream);
        return;
    }
    feed_begin(stream->reader, &row, after);
    limit_patience(rq);
    reply_stream(rq, stream);
}
