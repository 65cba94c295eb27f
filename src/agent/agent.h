/*
 * The agent: makes one briefing, from the claim to its end.
 *
 * agent_run() is a straight line on a thread of its own: prepare, then ask Claude, run the tools it
 * asks for, ask again, deliver. Every piece is a durable step (agent/journal.h), so the same
 * function called again after a crash walks through what is finished in milliseconds and goes on at
 * the first unfinished step. It holds no lock, no statement and no JSON tree across a call to the
 * outside.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/catalogue.h"
#include "api/anthropic.h"
#include "api/scalekit.h"
#include "store/runs.h"

/* What all runs share. Not owned; outlives every run. */
struct agent {
    struct store *store;
    struct http_client *http;
    struct anthropic *anthropic;
    struct scalekit *scalekit;
    struct catalogue *catalogue;   /* of a copy that agent_hold() made, or without a shelf */
    struct catalogue_shelf *shelf; /* where the one in force stands; NULL: `catalogue`, always */
    /* How long a call may still be executed after it timed out for us. */
    int64_t delivery_settle_ms;
    int64_t delivery_retry_ms;    /* first wait after "not now" from the provider */
    int64_t reconcile_pause_ms;   /* before a failed read of the channel is tried again */
    int64_t reconcile_timeout_ms; /* for all of looking for one message */
};

/* A copy with the catalogue that is in force now; it stays the same until agent_release(). Whoever
 * looks into the catalogue works with such a copy. */
struct agent agent_hold(const struct agent *agent) MUST_CHECK;
void agent_release(struct agent *copy);

/* How the outside asks a run to stop. One a run thread; written by any thread, read by the run. */
enum agent_wish {
    AGENT_GO,
    AGENT_STOP_CANCEL, /* somebody cancelled the briefing */
    AGENT_STOP_PARK    /* the process is going down: stop between two steps */
};
struct agent_control {
    atomic_int wish; /* enum agent_wish */
    struct http_cancel
        reads; /* fires on cancel, and when the grace of a shutdown is over: model and read calls */
};

enum agent_end_kind {
    AGENT_UNDECIDED, /* never left so */
    AGENT_SUCCEEDED, /* already committed together with the delivery or preview */
    AGENT_FAILED,    /* with code and detail */
    AGENT_CANCELLED,
    AGENT_BLOCKED,     /* a connection needs its user: blocked_on says which */
    AGENT_PARKED,      /* queue again: the process is going down */
    AGENT_CREDENTIALS, /* our own key is refused: queue again, wait until it is read anew */
    AGENT_LOST         /* another thread or process owns the run now: write nothing */
};
struct agent_end {
    enum agent_end_kind kind;
    const char *code;     /* api.md's error code, a literal; NULL unless failed */
    char detail[600];     /* for people; no secrets, no content */
    char blocked_on[600]; /* JSON array [{"connector","status"}] */
    bool needs_attention;
    int64_t ran_ms; /* this attempt; a message on its way does not count */
};

/* `row` is the claimed run (status running), kept up to date while it moves on. */
void agent_run(const struct agent *agent, struct run_row *row, struct agent_control *control,
               struct agent_end *out_end);

#endif
