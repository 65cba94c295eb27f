/* What the files of this folder share. */
#ifndef CONNECT_INTERNAL_H
#define CONNECT_INTERNAL_H

#include "base/thread.h"
#include "connect/connect.h"

struct connect {
    struct connect_options options;
    struct thread thread;
    struct http_cancel stop; /* of all calls */

    struct mutex mutex; /* guards what follows */
    struct cond woken;
    bool is_stopping;
    bool has_news;
    char *webhook_secret; /* own copy; NULL none */
};

/* Reads one connection anew, stores it, and tells. */
enum err connect_read(struct connect *connect, const struct scalekit_call *call,
                      const char *user_id, const char *connector, bool with_probe,
                      struct connection_row *out_row, struct scalekit_error *out_error) MUST_CHECK;
/* The thread: reconcile.c. */
void *reconcile_main(void *connect);

#endif
