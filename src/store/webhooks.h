/*
 * Tables `webhook_endpoints` (who is told of changes) and `webhook_deliveries` (the outbox).
 *
 * What is to be told is written in the transaction of what happened: a row for each enabled
 * endpoint that wants this type (store/webhook_rows.h). So nothing is told that did not happen,
 * nothing is forgotten, and an endpoint made later is not told of the past. A deployment without
 * endpoints pays one look at an empty table.
 *
 *     pending ─▶ delivered          it answered 2xx
 *             ─▶ failed             all tries were used up, or the endpoint was disabled
 *     delivered, failed ─▶ pending  by hand
 */
#ifndef STORE_WEBHOOKS_H
#define STORE_WEBHOOKS_H

#include "store/idempotency.h"
#include "store/store.h"

#define WEBHOOK_ENDPOINTS_MAX  32
#define WEBHOOK_TEST           "webhook_endpoint.test"
#define WEBHOOK_SECRET_PREFIX  "whsec_"
#define WEBHOOK_BACKLOG_MAX    100000    /* undelivered events of one endpoint */
#define WEBHOOK_REASON_GONE    "gone"    /* it answered 410 */
#define WEBHOOK_REASON_FAILING "failing" /* it took nothing for too long */
#define WEBHOOK_REASON_BACKLOG "backlog" /* it took too little of what there was */

/* The types of events, in the order of the documentation; NULL beyond the last. Those that an
 * endpoint may ask for: WEBHOOK_TEST is not among them. */
const char *webhook_type(size_t i);

struct webhook_endpoint {
    char *id; /* "we_…" */
    char *url;
    char *description; /* NULL: none */
    char *events;      /* JSON array of types; NULL: all */
    bool is_enabled;
    char *reason;         /* why it is disabled, one of WEBHOOK_REASON_…; NULL while enabled */
    int64_t created_ms;   /* times: ms since 1970, 0 never */
    int64_t changed_ms;   /* enabled or disabled since */
    int64_t succeeded_ms; /* the last success */
    int64_t failed_ms;    /* the last failure */
    int64_t failing_ms;   /* nothing was taken since; 0: it takes */
    int64_t failures;     /* sendings since then */
};
void webhook_endpoint_done(struct webhook_endpoint *endpoint);
struct webhook_endpoint_list {
    struct webhook_endpoint *rows; /* newest first */
    size_t n;
};
void webhook_endpoint_list_done(struct webhook_endpoint_list *list);

struct webhook_create {
    const char *url, *description, *events; /* as above */
    const char *actor;                      /* for the audit */
    struct run_idempotency idempotency;     /* key NULL: none */
    /* Renders the answer, inside the transaction on the writer thread: memory work only. `secret`
     * is "whsec_…" and nowhere else to be had. */
    void (*render)(void *ctx, const struct webhook_endpoint *endpoint, const char *secret,
                   struct run_answer *out);
    void *ctx;
};
/* Makes an endpoint, or gives the answer again that is stored under the key (`out_is_replayed`).
 * E_CONFLICT: the key was used with another body. E_LIMIT: there are WEBHOOK_ENDPOINTS_MAX. */
enum err store_webhook_endpoint_create(struct store *store, const struct webhook_create *create,
                                       struct run_answer *out_answer,
                                       bool *out_is_replayed) MUST_CHECK;
/* E_NOT_FOUND. */
enum err store_webhook_endpoint_get(struct store *store, const char *id,
                                    struct webhook_endpoint *out_endpoint) MUST_CHECK;
/* Those with an id below `before_id` (NULL: all). */
enum err store_webhook_endpoints_list(struct store *store, const char *before_id, int limit,
                                      struct webhook_endpoint_list *out_list) MUST_CHECK;
/* The key that its webhooks are signed with: raw bytes. E_NOT_FOUND. */
enum err store_webhook_key(struct store *store, const char *id, struct str *out_key) MUST_CHECK;
/* While the seal key is being changed: endpoints outlive the time that the previous one is kept, so
 * their keys are sealed with the present one. */
enum err store_webhook_reseal(struct store *store) MUST_CHECK;
/* From now on nobody sees it; store_webhook_sweep() removes what it leaves. E_NOT_FOUND. */
enum err store_webhook_endpoint_delete(struct store *store, const char *id,
                                       const char *actor) MUST_CHECK;
/* A disabled one is told of what happens from now on; fine for an enabled one. E_NOT_FOUND. */
enum err store_webhook_endpoint_enable(struct store *store, const char *id, const char *actor,
                                       struct webhook_endpoint *out_endpoint) MUST_CHECK;

/* ---- deliveries ---- */

enum webhook_state { WEBHOOK_PENDING, WEBHOOK_DELIVERED, WEBHOOK_FAILED, WEBHOOK_STATE_COUNT };
const char *webhook_state_name(enum webhook_state state);
/* E_NOT_FOUND for a word that is none. */
enum err webhook_state_parse(const char *name, enum webhook_state *out_state) MUST_CHECK;

struct webhook_delivery {
    char *id; /* "wd_…" */
    char *endpoint_id;
    char *message_id; /* "msg_…": the same for every try and every endpoint */
    char *type;
    char *body;
    enum webhook_state state;
    int64_t created_ms;
    int64_t next_ms; /* pending: not to be tried before */
    int64_t round;   /* grows when it is sent again by hand */
    int64_t tries;   /* of this round */
    int64_t attempts;
    int64_t last_ms;
    int last_status;  /* 0: no answer */
    char *last_error; /* NULL: none */
};
void webhook_delivery_done(struct webhook_delivery *delivery);
struct webhook_delivery_list {
    struct webhook_delivery *rows;
    size_t n;
};
void webhook_delivery_list_done(struct webhook_delivery_list *list);

/* Newest first. `state` -1: any. E_NOT_FOUND: no such endpoint. */
enum err store_webhook_deliveries_list(struct store *store, const char *endpoint_id, int state,
                                       const char *before_id, int limit,
                                       struct webhook_delivery_list *out_list) MUST_CHECK;
/* E_NOT_FOUND. */
enum err store_webhook_delivery_get(struct store *store, const char *id,
                                    struct webhook_delivery *out_delivery) MUST_CHECK;
/* To be sent again now, with as many tries as the first time. E_NOT_FOUND. E_CONFLICT: its endpoint
 * is disabled. `once` renders the delivery, NULL: there is no key; a replay leaves `out_delivery` as
 * it is. */
enum err store_webhook_redeliver(struct store *store, const char *id, const char *actor,
                                 struct store_once *once,
                                 struct webhook_delivery *out_delivery) MUST_CHECK;
/* An event of type WEBHOOK_TEST for this endpoint alone, whatever it asked for. E_NOT_FOUND;
 * E_CONFLICT: it is disabled. `once` as above. */
enum err store_webhook_test(struct store *store, const char *endpoint_id, struct store_once *once,
                            struct webhook_delivery *out_delivery) MUST_CHECK;
/* Removes deliveries made before then that are not pending, at most `max`; writes only when there
 * are some. For retention. */
enum err store_webhook_prune(struct store *store, int64_t before_ms, int max,
                             int64_t *out_n) MUST_CHECK;

/* ---- for the sender ---- */

/* Called on the writer thread after a commit that made something due. Memory work only. Set before
 * other threads use the store. */
void store_observe_webhooks(struct store *store, void (*added)(void *ctx), void *ctx);

/* What is due for an enabled endpoint, longest due first; with nothing due, `out_next_ms` is when
 * something will be, 0: nothing is pending. */
enum err store_webhook_due(struct store *store, const char *endpoint_id, int64_t now_ms, int limit,
                           struct webhook_delivery_list *out_list, int64_t *out_next_ms) MUST_CHECK;

struct webhook_result {
    const char *delivery_id;
    int64_t round;   /* of the delivery, as it was when it was sent */
    int64_t next_ms; /* to be tried again then; 0: not any more */
    int status;
    const char *error; /* NULL: it was taken */
};
struct webhook_attempt {
    const char *endpoint_id;
    const struct webhook_result *results; /* of what was sent at the same time */
    size_t n;
    int64_t at_ms;
    bool is_gone; /* the receiver says that it does not exist any more */
    /* Taken nothing for so long and so many sendings: disabled. */
    int64_t failing_max_ms;
    int64_t failures_max;
};
/* Writes what became of them, and disables the endpoint where that is due: with an audit row and an
 * event for the other endpoints. `out_reason`: why it was disabled now, NULL: it was not. */
enum err store_webhook_attempt_put(struct store *store, const struct webhook_attempt *attempt,
                                   const char **out_reason) MUST_CHECK;
/* Disables endpoints with a backlog above `max`; `out_ids` gets their ids. */
enum err store_webhook_check_backlogs(struct store *store, int64_t max,
                                      struct run_ids *out_ids) MUST_CHECK;
/* In steps of `max` rows: what is pending for disabled endpoints has failed, what deleted ones left
 * is removed. `out_n` 0: nothing is left to do. */
enum err store_webhook_sweep(struct store *store, int max, int64_t *out_n) MUST_CHECK;

#endif
