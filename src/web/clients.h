/*
 * The clients' connections, and how long they may take over a request. Internal to web/.
 *
 * libmicrohttpd closes a connection on which nothing moves. One that sends a byte now and then would
 * stay for ever, so every connection has a moment until which the next stage has to be reached:
 *
 *   opened ─────────────────┬─▶ request line ─▶ end of the head ─▶ end of the body ─▶ (no limit)
 *   reply sent, then idle ──┘                                                             │
 *           ▲                                                                             │
 *           └─────────────────────────────────────────────────────────────────────────────┘
 *
 * A thread looks once a second. Whoever is late is told so with 408 when a request line had come,
 * and cut off: the socket is shut down, and libmicrohttpd finds its end.
 */
#ifndef WEB_CLIENTS_H
#define WEB_CLIENTS_H

#include "base/error.h"
#include "web/reply.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct clients;
struct client;

/* 0: no limit. */
struct client_limits {
    int64_t request_ms; /* for the request line, for the rest of the head, and for the body */
    int64_t idle_ms;    /* between a reply and the next request, on top */
};
enum err clients_start(const struct client_limits *limits, const char *public_url,
                       struct clients **out_clients) MUST_CHECK;
/* After the MHD daemon has stopped. NULL is fine. */
void clients_stop(struct clients *clients);

/* MHD_OPTION_NOTIFY_CONNECTION, with the clients as its argument. */
void clients_notify(void *clients, struct MHD_Connection *connection, void **socket_context,
                    enum MHD_ConnectionNotificationCode code);
struct client *client_of(struct MHD_Connection *connection);

/* What the connection does now; false: it was cut off. NULL is fine for all. */
bool client_sends(struct client *client);   /* a request line or a head came, the rest is awaited */
bool client_is_done(struct client *client); /* the request is complete */
void client_rests(struct client *client);   /* the reply is sent */

/* The connection is about to end for this reason: tells the client, unless it was cut off already.
 * Whatever else is written to it gets lost. */
void client_refuse(struct client *client, enum problem problem, const char *detail);

#endif
