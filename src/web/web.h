/*
 * The HTTP side: libmicrohttpd in front, straight-line handlers behind.
 *
 * Two MHD threads (epoll) collect bodies, route, authenticate from memory and answer status reads
 * and health themselves. For everything else they suspend the connection and hand the request to a
 * pool: the store pool (handlers that touch the database) or the upstream pool (handlers that call
 * ScaleKit, so that an outage there does not stop creations). A handler is a function that reads
 * top to bottom and ends with one reply; sending it resumes the connection, and that is its last
 * touch.
 *
 *   socket ─▶ MHD thread: body, route, key ─┬─▶ answered from memory
 *                                           ├─▶ parked at the watch (long-poll) ─▶ watch thread
 *                                           └─▶ suspended ─▶ pool thread: handler answers ─▶ resumed
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "connect/connect.h"
#include "notify/notify.h"
#include "runs/feeds.h"
#include "runs/runs.h"

struct web;

struct web_options {
    int listen_fd;           /* from listen_bind(); taken over */
    const char *listen_host; /* as configured, and the port that was bound: what Host may say */
    int listen_port;
    int metrics_fd; /* the same for a listener that shows metrics without a key; 0: none */
    const char *public_url;
    const char *user_id;              /* single-user mode; NULL otherwise */
    const char *trusted_proxy;        /* addresses whose header says who is signed in; NULL none */
    const char *trusted_proxy_header; /* its name */
    const char *return_origins;       /* where tickets may lead back to; NULL none */
    const char *timezone;             /* what counts when nobody says another one */
    bool ticket_confirm;              /* tickets ask for confirmation unless they say otherwise */
    size_t body_bytes_max;
    int connections_max;
    int connections_per_address_max;
    int64_t streams_per_address_max;
    int64_t stream_stall_ms;                        /* of one that does not read */
    int64_t key_requests_per_s, key_requests_burst; /* of an API key; 0 a second: no limit */
    int64_t address_requests_per_s, address_requests_burst; /* of a signed-in user, or a stranger */
    int64_t request_ms;       /* for a request's head, and again for its body; 0: no limit */
    int64_t idle_ms;          /* until a connection is closed on which nothing moves; 0: never */
    const char *cors_origins; /* whose scripts may call; NULL: none */
    const struct agent *agent;
    struct store *store;
    struct runs *runs;
    struct watch *watch;
    struct feeds *feeds;
    struct connect *connect;
    struct notify *notify;
    const char *webhook_allow; /* networks that webhooks may go to though not public; NULL none */
};

/* The port is open when this returns. */
enum err web_start(const struct web_options *options, struct web **out_web) MUST_CHECK;
/* Nothing new is accepted from now on (503 draining), reads still work. */
void web_drain(struct web *web);
/* After runs_stop(), watch_stop() and feeds_stop(): finishes what is in the pools and closes. What
 * needs ScaleKit gets a few seconds, and is told that the service stops (503 draining). NULL is fine. */
void web_stop(struct web *web);

#endif
