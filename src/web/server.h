/*
 * What the parts of web/ share of the server. Internal to web/.
 */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include "web/auth.h"
#include "web/observe.h"
#include "web/pool.h"
#include "web/stream_count.h"
#include "web/web.h"

#include <microhttpd.h>

struct web {
    struct web_options options;
    struct MHD_Daemon *daemon;
    char host_listen[300]; /* values of Host that are served here */
    char host_public[300];
    char origin[320]; /* of our own pages: "https://briefings.example" */
    bool is_https;    /* people reach us so */
    struct pool *store_pool;
    struct pool *upstream_pool;
    struct key_cache *keys;
    struct clients *clients;
    struct rate_limit *key_rate; /* limits.c; NULL: not limited */
    struct rate_limit *user_rate;
    struct rate_limit *address_rate;
    struct rate_limit *unknown_key_rate;
    struct connection_waits *waits;
    struct stream_count *streams;
    struct observer *observer;
    struct metrics_listener *metrics; /* NULL: none of its own */
    int64_t started_unix_ms;
    atomic_bool is_draining;
    atomic_llong
        writable_until_ms; /* mono: the database was found writable; readyz asks again after that */
};

/* Sends the response of a request: queues it and, when the connection was suspended, resumes it.
 * Takes the response over. */
void server_answer(struct request *rq, int status, struct MHD_Response *response);

/* From the complete request to its handler: dispatch.c. */
void server_dispatch(struct request *rq);
/* A pool's thread goes on with it. */
void server_handle(struct request *rq);

/* An inline handler finds that it needs the database after all. It is called once more, on a store
 * thread, and comes here again: then `rest` goes on with the request. The last touch of the caller. */
void server_hand_over(struct request *rq, void (*rest)(struct request *rq));

#endif
