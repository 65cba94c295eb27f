/*
 * What the files of this folder share.
 */
#ifndef NOTIFY_INTERNAL_H
#define NOTIFY_INTERNAL_H

#include "base/thread.h"
#include "http/http.h"
#include "notify/notify.h"

#define BATCH_MAX 8 /* webhooks on their way to one endpoint at the same time */

/* One endpoint's thread and what it knows. */
struct receiver {
    struct notify *notify;
    char id[ID_MAX]; /* of the endpoint */
    struct thread thread;
    struct http_cancel cancel;
    bool is_over;    /* guarded by notify->mutex: it is to end */
    bool is_sending; /* guarded by notify->mutex */

    /* the thread's own */
    char *url;
    struct str key;
    int64_t failures; /* sendings in a row of which nothing was taken */
};

struct notify {
    struct notify_options options; /* its texts are not to be used */
    char *allowed;
    struct http_client *http;
    struct thread keeper;

    struct mutex mutex; /* guards what follows, and some of each receiver */
    struct cond changed;
    uint64_t news;          /* counts what was made due */
    bool has_new_endpoints; /* the endpoints are to be looked at */
    bool is_stopping;

    /* the keeper's own; after it has ended, notify_stop()'s */
    struct receiver *receivers[WEBHOOK_ENDPOINTS_MAX];
};

/* The thread of a receiver: receiver.c. */
void *receiver_main(void *receiver);

#endif
