/*
 * Inside the http layer: the client, one transfer, and what the files of this layer do for each
 * other.
 *
 *     caller's thread                              I/O thread (loop.c)
 *     http_call ── submit ──▶ queue, eventfd ──▶ transfer_start ── curl ──▶ transfer_finish
 *         ▲ waits on batch.is_over                   │ timers.c, cancels          │
 *         └──────────────────────────────────────────┴────────────────────────────┘
 *
 * From submit to transfer_finish() a transfer, its request and its reply belong to the I/O thread.
 */
#ifndef HTTP_TRANSFER_H
#define HTTP_TRANSFER_H

#include "base/thread.h"
#include "base/trace.h"
#include "http/http.h"

#include <curl/curl.h>

/* Idle easy handles cost 5.5 KiB each; beyond these they are made anew. */
#define SPARE_MAX 256

/* The transfers of one http_call_all(), on the caller's stack. */
struct batch {
    struct mutex mutex; /* guards n_left */
    struct cond is_over;
    size_t n_left;
};

/* A multi handle of curl and its share of the transfers. */
struct lane {
    struct http_client *client;
    CURLM *multi;
    uint32_t number;
    int n_active;
    int64_t due_ms; /* when curl wants to be called; -1: never */
};

struct transfer {
    struct http_client *client;
    const struct http_request *request;
    struct http_reply *reply;
    struct batch *batch;
    struct transfer *next;  /* in the queue or in the active list */
    struct transfer **link; /* what points at this one in the active list */

    struct lane *lane; /* while it is in the active list */
    CURL *easy;
    struct curl_slist *headers;
    char traceparent[TRACEPARENT_MAX]; /* of this one request; "" when its caller has no trace */
    struct http_timeouts timeouts;     /* with the defaults filled in */
    size_t body_max;
    size_t n_body;      /* bytes of the body so far */
    enum http_end stop; /* why we ended it ourselves; HTTP_END_COUNT: we did not */

    /* clock_mono_ms() of … */
    int64_t started_ms;
    int64_t
        sent_ms; /* a connection stood ready and curl began to send; sticky over its own resends */
    int64_t upload_ms;     /* the last progress of the upload */
    int64_t first_byte_ms; /* of the answer */
    int64_t life_ms;       /* last bytes of the answer */
    int64_t event_ms;      /* last HTTP_SINK_EVENT */
    int64_t done_ms;       /* HTTP_SINK_DONE; 0: not yet */
    bool is_sent;
    bool has_first_byte;
    char refused[64];    /* the last address that was passed over; "": none */
    bool has_whole_head; /* the empty line after the headers came */
    curl_off_t n_uploaded;
};

struct http_client {
    struct thread thread;
    int epoll_fd;
    int wake_fd; /* eventfd: there is something in the queue, a cancel, or the end */
    char *user_agent;
    char *ca_file; /* NULL: the system's */
    int idle_age_s;
    bool (*may_connect)(void *ctx, const struct http_request *request, const struct sockaddr *peer);
    void *may_connect_ctx;
    atomic_bool has_cancels;
    atomic_int_fast64_t n_opened;

    struct mutex mutex;    /* guards the next four */
    struct cond cancelled; /* some http_cancel was fired, or the client stops */
    struct transfer *queue;
    struct transfer **queue_end;
    bool is_stopping;

    /* The I/O thread's own. */
    struct lane *lanes; /* room for lanes_max, n_lanes are open */
    int n_lanes, lanes_max;
    int lane_connections; /* kept, of each */
    CURLSH *names;        /* that were looked up */
    struct transfer *active;
    int64_t timers_due_ms; /* no timer of ours runs out before; INT64_MAX: none */
    CURL *spare[SPARE_MAX];
    size_t n_spare;
};

/* ---- client.c, any thread ---- */

void client_wake(struct http_client *c);
/* Waits until that moment, or until `cancel` is fired or the client stops: then false. */
bool client_sleep(struct http_client *c, int64_t until_mono_ms, const struct http_cancel *cancel);

/* ---- observe.c, the caller's thread ---- */

/* Counts a request that is over and tells the log, at level debug. */
void observe_call(const struct transfer *t);

/* ---- loop.c ---- */

void *loop_main(void *client);
enum err loop_init(struct http_client *c, int connections_max) MUST_CHECK;
void loop_done(struct http_client *c);

/* ---- lane.c, I/O thread ---- */

enum err lanes_init(struct http_client *c, int connections_max) MUST_CHECK;
/* After all easy handles are gone. */
void lanes_done(struct http_client *c);
/* Where the next transfer goes. */
struct lane *lane_pick(struct http_client *c);
/* When curl wants to be called; INT64_MAX: never. */
int64_t lanes_due_ms(const struct http_client *c);
void lanes_run_timers(struct http_client *c);
/* A socket is ready: the lane's number in the upper half, the descriptor in the lower one. */
void lanes_serve(struct http_client *c, uint64_t number_and_fd, int ready);
/* Ends the transfers that curl is done with. */
void lanes_collect(struct http_client *c);

/* ---- transfer.c, I/O thread ---- */

/* Begins it, or finishes it at once when that is not possible. */
void transfer_start(struct http_client *c, struct transfer *t);
/* curl is done with it. */
void transfer_ended(struct transfer *t, CURLcode code);
/* We end it. `timer` only with HTTP_TIMED_OUT. */
void transfer_stop(struct transfer *t, enum http_end end, const char *timer);

/* ---- setup.c, I/O thread ---- */

/* Sets all options of `t->easy`. E_INVALID: a bad header or URL; E_INTERNAL: curl refused an
 * option. */
enum err setup_easy(struct transfer *t) MUST_CHECK;
/* Wipes (there are keys among them) and frees. */
void setup_headers_free(struct curl_slist **headers);

/* ---- callbacks.c: curl calls them on the I/O thread ---- */

size_t on_header(char *bytes, size_t size, size_t n, void *transfer);
size_t on_body(char *bytes, size_t size, size_t n, void *transfer);
int on_progress(void *transfer, curl_off_t n_down_all, curl_off_t n_down, curl_off_t n_up_all,
                curl_off_t n_up);
curl_socket_t on_open_socket(void *transfer, curlsocktype purpose, struct curl_sockaddr *address);
int on_ready_to_send(void *transfer, char *peer_ip, char *local_ip, int peer_port, int local_port);

/* ---- timers.c, I/O thread ---- */

struct http_timeouts timers_defaults(const struct http_timeouts *wanted);
/* A phase of the transfer began: its timer may be the next to run out. */
void timers_note(struct transfer *t);
/* Ends the transfers whose time is over and sets timers_due_ms. */
void timers_run(struct http_client *c);

#endif
