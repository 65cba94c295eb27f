/*
 * How many there are of what, at this moment: for metrics. Answered from indexes.
 */
#ifndef STORE_GAUGES_H
#define STORE_GAUGES_H

#include "store/run_status.h"
#include "store/store.h"

#define GAUGES_CONNECTIONS_MAX 64

struct connections_gauge {
    char connector[64];
    char status[32]; /* a known one of ScaleKit's words, UNCONFIRMED, or OTHER */
    int64_t n;
};

struct store_gauges {
    int64_t runs[RUN_STATUS_COUNT]; /* of those that have not ended */
    int64_t oldest_queued_ms;       /* when it was accepted; 0: none is queued */
    int64_t webhooks_pending;       /* events that a receiver has not taken yet */
    int64_t oldest_webhook_ms;      /* when the oldest of them happened; 0: there is none */
    struct connections_gauge connections[GAUGES_CONNECTIONS_MAX];
    size_t n_connections;
};
/* A large struct: not for a stack. After an error it is of no use. */
enum err store_gauges_read(struct store *store, struct store_gauges *out) MUST_CHECK;

#endif
