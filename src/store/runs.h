/*
 * Table `runs` (one row a briefing) and `events` (each change of what the API shows of it).
 *
 * A row's `last_event` is the number of its newest event and the ETag of its document: every change
 * of the document is an event, numbered 1, 2, 3 … without gaps, written in the transaction of the
 * change.
 */
#ifndef STORE_RUNS_H
#define STORE_RUNS_H

#include "store/run_status.h"
#include "store/store.h"

struct run_usage {
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cache_read_tokens;
    int64_t cache_write_tokens;
    int64_t cost_nano_usd; /* 1e-9 US dollars */
};

/* Texts are owned by the row; NULL means SQL NULL. Times are ms since 1970, 0 means never. */
struct run_row {
    /* written once */
    char *id;
    char *user_id;
    char *principal; /* who asked: an API key's name, or "user:…" */
    char *recipe;
    char *recipe_hash; /* "sha256:…" of the recipe as it was when accepted */
    char *mode;        /* "post" or "preview" */
    char *params;      /* resolved parameters, JSON object */
    char *params_hash; /* of their canonical form, to compare */
    char *timezone;
    char *if_blocked; /* "wait" or "fail" */
    char *metadata;   /* JSON object of the caller, or NULL */
    char *traceparent;
    char *model;
    int64_t created_ms;
    int64_t start_by_ms;
    int64_t deadline_ms;     /* how long it may run, in ms of running time */
    int64_t budget_nano_usd; /* most it may cost */
    /* moves on */
    enum run_status status;
    char *phase;    /* what it is doing, for people and machines: "tool:…", NULL when nothing */
    int attempt;    /* how often a thread took it up */
    int generation; /* how often it was prepared anew */
    int64_t last_event;
    int64_t started_ms; /* commit of the first `prepare` */
    int64_t finished_ms;
    int64_t claimed_ms;    /* this attempt began */
    int64_t running_ms;    /* running time of earlier attempts */
    int64_t blocked_ms;    /* blocked or parked since */
    int64_t wake_ms;       /* queued: not before this time */
    char *blocked_on;      /* JSON array [{"connector","status"}] while blocked */
    bool is_cancel_wanted; /* asked for while running */
    bool needs_attention;
    int unclean_ends; /* deaths of the process since its last finished step */
    int turn;
    int tool_calls;
    struct run_usage usage;
    enum delivery_state delivery;
    char *delivery_connector;
    char *delivery_channel;
    char *delivery_ts;
    char *delivery_permalink;
    char *delivery_text; /* exact text from preview or intent on; sealed in the file */
    char *summary;
    char *error_code;
    char *error_detail;
};

void run_row_done(struct run_row *row);
void run_row_copy(struct run_row *to, const struct run_row *from);
/* Replaces an owned text of a row. */
void run_row_set(char **field, const char *text);

enum run_if_running { RUN_ATTACH, RUN_ENQUEUE, RUN_REJECT };

struct run_idempotency {
    const char *principal;   /* scope: who … */
    const char *route;       /* … and where, "POST /briefings" */
    const char *key;         /* as the caller sent it; NULL: none */
    const char *fingerprint; /* SHA-256 of the canonical body, hex */
};

/* Renders the HTTP answer to a creation, inside its transaction on the writer thread. Pure memory
 * work. */
struct run_answer {
    int http_status;
    struct str body;
};
typedef void run_render(void *ctx, const struct run_row *row, bool is_attached,
                        struct run_answer *out);

enum run_create_outcome {
    RUN_CREATED,         /* a new run */
    RUN_ATTACHED,        /* a live one that asks the same */
    RUN_REPLAYED,        /* same idempotency key: the answer of the first time */
    RUN_ALREADY_RUNNING, /* a live one of that user and recipe asks something else, or `reject` */
    RUN_KEY_REUSED,      /* same idempotency key with another body */
    RUN_QUEUE_FULL
};

struct run_create {
    const struct run_row *row; /* the written-once fields; the rest is set here */
    struct run_idempotency idempotency;
    enum run_if_running if_running;
    int64_t open_max; /* most runs that may be open (not ended) in the whole database */
    run_render *render;
    void *render_ctx;
};
struct run_created {
    enum run_create_outcome outcome;
    struct run_answer answer; /* for created, attached, replayed */
    char run_id[ID_MAX];      /* of the new, attached, replayed or conflicting run; "" otherwise */
};
void run_created_done(struct run_created *created);

/* Everything of a creation in one transaction: key looked up, live run looked up, row, event 1
 * ("queued"), answer stored under the key. An outcome that creates nothing stores nothing, but for
 * RUN_ATTACHED. */
enum err store_run_create(struct store *store, const struct run_create *create,
                          struct run_created *out_created) MUST_CHECK;

/* E_NOT_FOUND. */
enum err store_run_get(struct store *store, const char *run_id, struct run_row *out_row) MUST_CHECK;

/* What a writer must still hold: a thread that lost its run writes nothing. attempt 0 means any. */
struct run_fence {
    int attempt;
    unsigned statuses; /* bit set of 1u << enum run_status; 0 means any */
};

struct event_new {
    const char *type; /* "step_done", "status", … */
    const char *data; /* JSON object, or NULL for {} ; no user content, no secrets */
};

enum step_state { STEP_BEGUN, STEP_DONE };

/* A row of the journal to be written in the same transaction (see store/steps.h). */
struct step_write {
    const char *key; /* "prepare", "model/3", "tool/3.1", "delivery/1" */
    enum step_state state;
    const char *request_hash; /* hex; what was asked */
    const void *sealed;       /* sealed result, NULL for begun */
    size_t sealed_len;
    const char *meta; /* JSON object: status, request id, execution id, timings; or NULL */
};

/* Who did what, for good. */
struct audit_new {
    const char *actor;   /* name of an API key, "command" for a person at the command line */
    const char *action;  /* "delivery_settled" */
    const char *subject; /* id of what it was done to, or NULL */
    const char *data;    /* JSON object without secrets, or NULL */
};

struct run_update {
    /* Changes the row. Runs on the writer thread inside the transaction: memory work only. Any
     * error makes the whole update not happen and is returned to the caller. NULL: nothing of the
     * row changes. */
    enum err (*change)(void *ctx, struct run_row *row);
    void *ctx;
    const struct event_new *events; /* each gets the next number */
    size_t n_events;
    const struct step_write *steps;
    size_t n_steps;
    const struct audit_new *audit; /* NULL: none; only with `change` */
};

/* Reads the row, checks the fence, changes it, writes row, events and steps: one transaction.
 * E_NOT_FOUND; E_LOST: the fence does not hold. `out_row` (may be NULL) gets the row as committed.
 */
enum err store_run_update(struct store *store, const char *run_id, struct run_fence fence,
                          const struct run_update *update, struct run_row *out_row) MUST_CHECK;

/* Recovery at start, in one transaction: every running or delivering run gets one more unclean end
 * and becomes queued again, with an event. `end` (may be NULL) is asked first, on the writer
 * thread: true when it has ended the row instead. Returns how many there were. */
typedef bool run_recover_end(struct run_row *row);
enum err store_runs_recover(struct store *store, run_recover_end *end, int64_t now_ms,
                            int64_t *out_count) MUST_CHECK;

/* A copy that came out of a backup: every live run ends as failed, `restored`, for a person to look
 * at, because what became of it since nobody here knows; one whose message was confirmed already
 * has succeeded. One transaction, with an audit row. Returns how many. */
enum err store_runs_end_restored(struct store *store, const char *backup_name,
                                 int64_t *out_count) MUST_CHECK;

/* Calls `each` for every queued run, oldest first: what the scheduler loads at start. */
struct run_queued {
    const char *id;
    const char *user_id;
    int64_t wake_ms;
    int unclean_ends;
};
typedef void run_queued_each(void *ctx, const struct run_queued *run);
enum err store_runs_each_queued(struct store *store, run_queued_each *each, void *ctx) MUST_CHECK;

/* Ids (xfree each, then the array) of runs in a status: of one user, or of all when NULL. */
struct run_ids {
    char **ids;
    size_t n;
};
void run_ids_done(struct run_ids *ids);
enum err store_runs_blocked(struct store *store, const char *user_id,
                            struct run_ids *out) MUST_CHECK;
/* Runs whose time is over: queued or blocked, never started, past start_by; or started and blocked
 * or parked since before `blocked_before_ms`. At most `max`. */
enum err store_runs_overdue(struct store *store, int64_t now_ms, int64_t blocked_before_ms, int max,
                            struct run_ids *out) MUST_CHECK;

struct run_filter {
    const char *user_id; /* each NULL or 0: any */
    const char *recipe;
    int status; /* -1: any */
    int64_t created_after_ms;
    const char *before_id; /* cursor: ids sort by time; rows older than this one */
    int limit;
};
struct run_list {
    struct run_row *rows; /* newest first */
    size_t n;
};
void run_list_done(struct run_list *list);
enum err store_runs_list(struct store *store, const struct run_filter *filter,
                         struct run_list *out_list) MUST_CHECK;

struct event_row {
    int64_t n;
    int64_t at_ms;
    char *type;
    char *data;
};
struct event_list {
    struct event_row *rows;
    size_t n;
};
void event_list_done(struct event_list *list);
/* Events with a number above `after`, in order. */
enum err store_events_list(struct store *store, const char *run_id, int64_t after, int limit,
                           struct event_list *out_list) MUST_CHECK;

#endif
