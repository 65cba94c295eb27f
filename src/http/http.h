/*
 * Outbound HTTP: a thread asks and waits, one I/O thread does all the transfers.
 *
 * http_call() submits a request to the I/O thread (curl_multi_socket_action over epoll, woken by an
 * eventfd) and sleeps until the I/O thread has let go of it, whatever the end: answered, failed,
 * timed out, cancelled. Between those moments the CURL handle belongs to the I/O thread alone, so
 * request and reply may live on the caller's stack. Several requests go out together with
 * http_call_all().
 *
 * No redirects are followed, so a credential never reaches another host. Only http and https; peers
 * and host names are verified. Replies are limited in size. Nothing here retries: an answer is one
 * attempt (but see `is_fresh` and `is_sent_once`). When the calling thread works on a trace
 * (base/trace.h), each request carries a `traceparent` of its own. Every function may be called
 * from any thread.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/str.h"

#include <stdatomic.h>

struct http_client;
struct http_request;
struct sockaddr;

struct http_options {
    int connections_max; /* in the pool, all hosts together; 0: 1024 */
    /* A kept connection unused for longer is not reused; 0: 90 (edges drop them at about 400). */
    int idle_age_s;
    const char *user_agent; /* an honest product token: "briefd/0.1.0" */
    const char *ca_file;    /* NULL: the system's */
    /* Asked on the I/O thread for each address before a connection to it is opened, whatever name it
     * was found under: a name may mean another address than it did a moment ago. False: it is passed
     * over, and with no other left the request ends as HTTP_NOT_SENT. A kept connection was asked
     * about when it was opened, so clients with different answers do not share connections. NULL:
     * every address is fine. */
    bool (*may_connect)(void *ctx, const struct http_request *request, const struct sockaddr *peer);
    void *may_connect_ctx;
};
/* Starts the I/O thread. */
enum err http_start(const struct http_options *options, struct http_client **out_client) MUST_CHECK;
/* Cancels what is in flight, waits for the I/O thread. NULL is fine. */
void http_stop(struct http_client *client);

/* Calls off requests of one owner (a run) from another thread. Zero-initialise; belongs to the
 * owner, who keeps it alive while requests refer to it. Fired once, it stays fired. */
struct http_cancel {
    atomic_bool is_fired;
};
/* The waiting call returns HTTP_CANCELLED soon (within 100 ms). */
void http_cancel_fire(struct http_client *client, struct http_cancel *cancel);

struct http_header {
    const char *name;
    const char *value; /* CR, LF and NUL are refused: HTTP_FAILED_LOCALLY */
};

/* What a receiver of a streamed body says to each piece. */
enum http_sink_verdict {
    HTTP_SINK_MORE,  /* bytes arrived; nothing that counts as progress */
    HTTP_SINK_EVENT, /* progress: resets the event timer */
    /* All that was wanted is here. A moment is left for the answer's own end, so that the connection
     * can be kept; then the transfer ends as HTTP_SINK_STOPPED. */
    HTTP_SINK_DONE,
    HTTP_SINK_STOP /* enough or unusable: end the transfer now (HTTP_SINK_STOPPED) */
};

struct http_timeouts {      /* ms; 0: the default in brackets */
    int64_t connect_ms;     /* [10 s] name, TCP and TLS */
    int64_t first_byte_ms;  /* [60 s] from the sent request to the first byte of the answer */
    int64_t idle_bytes_ms;  /* [30 s] between any two pieces of the body */
    int64_t idle_events_ms; /* [none] between two HTTP_SINK_EVENT */
    int64_t total_ms;       /* [120 s] all of it */
};

struct http_request {
    const char *method; /* "GET", "POST", "DELETE" */
    const char *url;
    const struct http_header *headers;
    size_t n_headers;
    const void *body; /* borrowed until the call returns; NULL: none */
    size_t body_len;
    struct http_timeouts timeouts;
    size_t reply_bytes_max; /* 0: 1 MiB. What is longer: HTTP_TOO_LARGE */
    /* A connection of its own, closed afterwards. libcurl silently sends a POST again when a
     * *reused* connection closes before the first byte of the answer, never on a fresh one. */
    bool is_fresh;
    /* May go out on a kept connection, but not again on another when that one turns out dead:
     * HTTP_LOST instead, so that the caller knows of each time it was sent. */
    bool is_sent_once;
    /* For the metrics: whom it asks and what for, in words from a short list ("anthropic",
     * "messages"; literals); NULL: not counted. `is_repeat`: the same was asked before. */
    const char *upstream, *operation;
    bool is_repeat;
    struct http_cancel *cancel; /* NULL: cannot be cancelled */
    /* Streamed replies: called on the I/O thread for each piece of a 2xx body, must be quick and
     * must not call back. NULL: the body is collected in reply.body. Bodies of other statuses are
     * always collected; beside a sink only up to 1 MiB (HTTP_TOO_LARGE, with the status). */
    enum http_sink_verdict (*sink)(void *ctx, const char *bytes, size_t len);
    void *sink_ctx;
};

enum http_end {
    HTTP_ANSWERED, /* a complete answer; look at `status` */
    HTTP_NOT_SENT, /* the connection never opened: the other side has seen nothing */
    HTTP_LOST, /* broken after something may have been sent: reset, closed, cut, TLS failure late */
    HTTP_TIMED_OUT, /* one of the timers; `timer` says which. With timer "connect": nothing was sent
                     */
    HTTP_TOO_LARGE, /* the answer passed reply_bytes_max */
    HTTP_SINK_STOPPED, /* the sink said stop, or was done */
    HTTP_CANCELLED,
    HTTP_FAILED_LOCALLY, /* a bad URL or header, no memory for sockets; nothing was sent */
    HTTP_END_COUNT
};

struct http_reply {
    enum http_end end;
    int status;         /* 0 when there was no status line */
    struct str body;    /* collected; never with a NUL problem: bytes as they came */
    struct str headers; /* raw header lines of the final answer, for http_reply_header() */
    /* "connect", "first byte", "idle bytes", "idle events", "total"; NULL when none ran out */
    const char *timer;
    char error[256]; /* curl's words, without the URL's query */
    int64_t sent_unix_ms;
    int64_t took_ms;
    int64_t first_byte_ms; /* -1: none came */
    bool is_connection_new;
};
void http_reply_done(struct http_reply *reply);

/* Blocks until it is over. The outcome is in `out_reply` (always initialised; http_reply_done()
 * it). */
void http_call(struct http_client *client, const struct http_request *request,
               struct http_reply *out_reply);
/* The same for several at once; returns when all are over. */
void http_call_all(struct http_client *client, const struct http_request *requests, size_t n,
                   struct http_reply *out_replies);

/* Value of a header of the answer, case-insensitive name, copied to `out`; false when absent or
 * longer. */
bool http_reply_header(const struct http_reply *reply, const char *name, char *out,
                       size_t out_size);
/* When the answer was made, by the clock of who made it; false when it does not say. */
bool http_reply_date_ms(const struct http_reply *reply, int64_t *out_unix_ms);
/* "connection refused", "no answer within 60 s (first byte)", "HTTP 503": the outcome in a few
 * words for people. */
void http_reply_describe(const struct http_reply *reply, char *out, size_t out_size);
/* A proxy's or an edge's page in place of an answer: true, and the words that a person would see of
 * it, without tags. False when the body is no page. */
bool http_page_words(const char *body, size_t len, char *out, size_t out_size);

/* Connections opened since the start. */
int64_t http_connections_opened(const struct http_client *client);

#endif
