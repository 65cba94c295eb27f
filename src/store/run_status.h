/*
 * The status of a run and the moves it may make. The only state machine of the program.
 *
 *  POST ─▶ queued ─▶ running ─▶ delivering ─▶ succeeded
 *            ▲ │      │ ▲ ▲        │ │ └────▶ failed
 *            │ ▼      ▼ │ └────────┘ ▼
 *           blocked ◀───┴────────── blocked      queued|blocked|running ─▶ cancelled, failed
 *                                                queued|blocked past start_by ─▶ expired
 *
 * Also: running ─▶ succeeded (preview only); running|delivering ─▶ queued (recovery after a crash,
 * SIGTERM, refused credentials). It lives beside the table `runs`, so that every write of a status
 * passes the check: store_run_update() calls run_status_move(), and there is no other way to change
 * one.
 */
#ifndef STORE_RUN_STATUS_H
#define STORE_RUN_STATUS_H

#include "base/error.h"

#include <stdbool.h>

enum run_status {
    RUN_QUEUED,     /* waits for its turn, a time, or for credentials */
    RUN_RUNNING,    /* a thread is at it */
    RUN_DELIVERING, /* an intent is written: others may see the message at any moment */
    RUN_BLOCKED,    /* a connection needs its user */
    RUN_SUCCEEDED,
    RUN_FAILED,
    RUN_CANCELLED,
    RUN_EXPIRED,
    RUN_STATUS_COUNT
};

/* What others can have seen of the run's one message (api.md, "delivery.state"). */
enum delivery_state {
    DELIVERY_NONE,
    DELIVERY_INTENDED,
    DELIVERY_CONFIRMED,
    DELIVERY_RECONCILED,
    DELIVERY_UNKNOWN,
    DELIVERY_PREVIEWED,
    DELIVERY_REJECTED,
    DELIVERY_SETTLED_DELIVERED,
    DELIVERY_SETTLED_NOT_DELIVERED,
    DELIVERY_STATE_COUNT
};

const char *run_status_name(enum run_status status);
/* E_NOT_FOUND for a word that is none. */
enum err run_status_parse(const char *name, enum run_status *out_status) MUST_CHECK;
bool run_status_is_terminal(enum run_status status);
/* Is the move in the table? Staying where one is always is. */
bool run_status_may_move(enum run_status from, enum run_status to);
/* Moves, and dies when the table forbids it: that is a fault of briefd, not of anybody's input. */
void run_status_move(enum run_status *status, enum run_status to);

const char *delivery_state_name(enum delivery_state state);
enum err delivery_state_parse(const char *name, enum delivery_state *out_state) MUST_CHECK;

#endif
