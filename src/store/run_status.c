#include "store/run_status.h"

#include <assert.h>
#include <string.h>

static const char *const status_names[] = {
    [RUN_QUEUED] = "queued",       [RUN_RUNNING] = "running",     [RUN_DELIVERING] = "delivering",
    [RUN_BLOCKED] = "blocked",     [RUN_SUCCEEDED] = "succeeded", [RUN_FAILED] = "failed",
    [RUN_CANCELLED] = "cancelled", [RUN_EXPIRED] = "expired",
};
_Static_assert(ARRAY_LEN(status_names) == RUN_STATUS_COUNT, "every status has a name");

static const char *const delivery_names[] = {
    [DELIVERY_NONE] = "none",
    [DELIVERY_INTENDED] = "intended",
    [DELIVERY_CONFIRMED] = "confirmed",
    [DELIVERY_RECONCILED] = "reconciled",
    [DELIVERY_UNKNOWN] = "unknown",
    [DELIVERY_PREVIEWED] = "previewed",
    [DELIVERY_REJECTED] = "rejected",
    [DELIVERY_SETTLED_DELIVERED] = "settled_delivered",
    [DELIVERY_SETTLED_NOT_DELIVERED] = "settled_not_delivered",
};
_Static_assert(ARRAY_LEN(delivery_names) == DELIVERY_STATE_COUNT, "every state has a name");

/*
 * The diagram of the header as a table: what each status may become.
 *
 *     queued|blocked|running ─▶ cancelled, failed     a cancel, or a reason to stop
 *     delivering ─▶ cancelled                         never: somebody may see the message already
 *     running|delivering ─▶ queued                    the process ends, or credentials are refused
 *     a terminal status ─▶ anything                   never
 */
#define TO(status) (1u << (status))
static const unsigned moves[] = {
    [RUN_QUEUED] =
        TO(RUN_RUNNING) | TO(RUN_BLOCKED) | TO(RUN_FAILED) | TO(RUN_CANCELLED) | TO(RUN_EXPIRED),
    [RUN_RUNNING] = TO(RUN_QUEUED) | TO(RUN_DELIVERING) | TO(RUN_BLOCKED) | TO(RUN_SUCCEEDED) |
                    TO(RUN_FAILED) | TO(RUN_CANCELLED),
    [RUN_DELIVERING] =
        TO(RUN_QUEUED) | TO(RUN_RUNNING) | TO(RUN_BLOCKED) | TO(RUN_SUCCEEDED) | TO(RUN_FAILED),
    [RUN_BLOCKED] =
        TO(RUN_QUEUED) | TO(RUN_RUNNING) | TO(RUN_FAILED) | TO(RUN_CANCELLED) | TO(RUN_EXPIRED),
    [RUN_SUCCEEDED] = 0,
    [RUN_FAILED] = 0,
    [RUN_CANCELLED] = 0,
    [RUN_EXPIRED] = 0,
};
_Static_assert(ARRAY_LEN(moves) == RUN_STATUS_COUNT, "every status has a row");

const char *run_status_name(enum run_status status)
{
    assert(status < RUN_STATUS_COUNT);
    return status_names[status];
}

enum err run_status_parse(const char *name, enum run_status *out_status)
{
    for (unsigned i = 0; i < RUN_STATUS_COUNT; i++) {
        if (strcmp(status_names[i], name) == 0) {
            *out_status = (enum run_status)i;
            return E_OK;
        }
    }
    return fail(E_NOT_FOUND, "no status of a briefing has this name");
}

bool run_status_is_terminal(enum run_status status)
{
    assert(status < RUN_STATUS_COUNT);
    return moves[status] == 0;
}

bool run_status_may_move(enum run_status from, enum run_status to)
{
    assert(from < RUN_STATUS_COUNT && to < RUN_STATUS_COUNT);
    return from == to || (moves[from] & TO(to)) != 0;
}

void run_status_move(enum run_status *status, enum run_status to)
{
    assert(run_status_may_move(*status, to));
    *status = to;
}

const char *delivery_state_name(enum delivery_state state)
{
    assert(state < DELIVERY_STATE_COUNT);
    return delivery_names[state];
}

enum err delivery_state_parse(const char *name, enum delivery_state *out_state)
{
    for (unsigned i = 0; i < DELIVERY_STATE_COUNT; i++) {
        if (strcmp(delivery_names[i], name) == 0) {
            *out_state = (enum delivery_state)i;
            return E_OK;
        }
    }
    return fail(E_NOT_FOUND, "no state of a delivery has this name");
}
