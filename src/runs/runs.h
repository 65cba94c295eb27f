/*
 * Runs: when and where a briefing is made.
 *
 * runs_start() recovers what a dead process left behind, then starts the scheduler: one thread that
 * claims queued runs (oldest first within a user, users in turn), starts a thread for each up to
 * the ceiling, wakes what is due, and ends what is overdue. All functions may be called from any
 * thread.
 */
#ifndef RUNS_RUNS_H
#define RUNS_RUNS_H

#include "agent/agent.h"
#include "runs/watch.h"

struct runs;

struct runs_options {
    const struct agent *agent;
    struct store *store;
    struct watch *watch;
    int runs_max;          /* threads at once */
    int runs_per_user_max; /* of them, of one user; 0: no limit */
    int64_t open_runs_max; /* accepted and not ended */
    int64_t start_by_default_ms;
    int64_t blocked_ttl_ms;
    int64_t deadline_max_ms;
    int64_t budget_max_nano_usd;
    int64_t stop_grace_ms; /* for model and read calls in flight when stopping */
    const char *model;
    const char *timezone;
    bool is_single; /* `briefd run`: only what is submitted or adopted here is claimed */
};

/* Recovery is finished when this returns: open the port afterwards. */
enum err runs_start(const struct runs_options *options, struct runs **out_runs) MUST_CHECK;
/* No new claims; cancels model and read calls after the grace, lets deliveries finish, parks the
 * rest, joins all threads. What is asked of it afterwards is refused (SUBMIT_STOPPING). */
void runs_stop(struct runs *runs);
/* Stops, and frees. NULL is fine. */
void runs_free(struct runs *runs);

/* `briefd run` takes up a run that an earlier process left unfinished. E_NOT_FOUND; E_CONFLICT: it
 * has ended. */
enum err runs_adopt(struct runs *runs, const char *run_id) MUST_CHECK;

/* One request to make a briefing, as it came. Texts are borrowed; NULL: not given. */
struct run_request {
    const char *principal;
    const char *route; /* for the idempotency key's scope: "POST /briefings" */
    const char *idempotency_key;
    const char *fingerprint; /* SHA-256 hex of the canonical body */
    const char *traceparent;
    const char *user_id; /* required */
    const char *recipe;  /* NULL: the only one, or "editorial-briefing" */
    const char *mode;    /* NULL: "post" */
    struct json_span params;
    const char *timezone;
    const char *if_running;
    const char *if_blocked;
    int64_t start_by_ms;     /* 0: default */
    int64_t deadline_ms;     /* 0: the recipe's */
    int64_t budget_nano_usd; /* 0: the recipe's */
    struct json_span metadata;
    bool is_wrong; /* something in it is known to be wrong: only tell what else is */
};
struct run_problem {
    void (*add)(void *ctx, const char *pointer, const char *detail); /* one wrong field */
    void *ctx;
};

enum submit_outcome {
    SUBMIT_ACCEPTED, /* 202 with body */
    SUBMIT_ATTACHED, /* 200 with body */
    SUBMIT_REPLAYED, /* status and body of the first time */
    SUBMIT_INVALID,  /* problems were added */
    SUBMIT_UNKNOWN_RECIPE,
    SUBMIT_NOT_READY, /* a connector is not offered here, or if_blocked=fail and a stored status is
                         not usable */
    SUBMIT_ALREADY_RUNNING, /* run_id is the other one */
    SUBMIT_KEY_REUSED,
    SUBMIT_QUEUE_FULL,
    SUBMIT_STOPPING
};
struct submit_result {
    enum submit_outcome outcome;
    int http_status;
    struct str body; /* the run document, for accepted, attached, replayed */
    char run_id[ID_MAX];
    char detail[400]; /* why not, in words */
};
void submit_result_done(struct submit_result *result);

/* Checks, resolves parameters, accepts durably, wakes the scheduler. When it returns
 * SUBMIT_ACCEPTED the run survives power loss. Errors: storage. */
enum err runs_submit(struct runs *runs, const struct run_request *request,
                     const struct run_problem *problem,
                     struct submit_result *out_result) MUST_CHECK;

/* E_NOT_FOUND; E_CONFLICT: it has ended in another way (or: delivery in progress, then
 * *out_is_delivering). Cancelling a cancelled run is fine. `out_row`: as it is now. */
enum err runs_cancel(struct runs *runs, const char *run_id, const char *principal,
                     bool *out_is_delivering, struct run_row *out_row) MUST_CHECK;

/* A person tells what became of the message of a run that ended as delivery_unknown or restored.
 * `ts` is the message's id at the provider, NULL when not known. E_NOT_FOUND; E_CONFLICT: there is
 * nothing to settle, or it was settled otherwise; the story says which. Settling it again in the
 * same way is fine. Audited. `out_row`: as it is now. */
enum err runs_settle(struct runs *runs, const char *run_id, const char *principal,
                     bool is_delivered, const char *ts, struct run_row *out_row) MUST_CHECK;

/* Connections of this user were read anew: blocked runs whose connectors are all ACTIVE now are
 * queued again, once. */
enum err runs_connections_changed(struct runs *runs, const char *user_id) MUST_CHECK;

/* For readyz and metrics. */
struct runs_state {
    int running;
    int64_t queued;
    bool is_stopping;
    bool waits_for_credentials;
    int64_t scheduler_seen_mono_ms; /* it came around last */
};
void runs_state_get(struct runs *runs, struct runs_state *out_state);
/* What a briefing gets that does not say, from now on; at first those of the options. */
void runs_set_defaults(struct runs *runs, const char *model, const char *zone);
/* Our secrets were read anew: parked runs may try again. */
void runs_credentials_renewed(struct runs *runs);

#endif
