/*
 * Table `idempotency_keys`: answers to POSTs that may be repeated (api.md, "Conventions").
 * Creations write theirs inside store_run_create(); what must not be done twice either is given a
 * `struct store_once`; the other POSTs, which are safe to repeat by themselves, use the two below.
 */
#ifndef STORE_IDEMPOTENCY_H
#define STORE_IDEMPOTENCY_H

#include "store/runs.h"

#define IDEMPOTENCY_KEPT_MS (INT64_C(7) * 24 * 60 * 60 * 1000)

/* For a function that does its work in one transaction: it is done once for a key, with the answer
 * stored beside it. Else nothing is done, and the answer is that of the first time. */
struct store_once {
    struct run_idempotency what; /* key NULL: none, it is done each time */
    /* Renders the answer to what was done, a row of the function's kind, inside its transaction on
     * the writer thread: memory work only. */
    void (*render)(void *ctx, const void *row, struct run_answer *out);
    void *ctx;

    struct run_answer answer; /* out */
    bool is_replayed;         /* out: that of the first time */
    bool is_reused;           /* out, with E_CONFLICT: the key was used with another body */
};

/* The stored answer. E_NOT_FOUND: never seen. E_CONFLICT: seen with another body. */
enum err store_idempotency_find(struct store *store, const struct run_idempotency *what,
                                struct run_answer *out_answer) MUST_CHECK;
/* Stores the answer; when another request was first, gives back its answer instead, which then is a
 * replay. */
enum err store_idempotency_put(struct store *store, const struct run_idempotency *what,
                               struct run_answer *answer, bool *out_is_replay) MUST_CHECK;
/* Forgets keys created before that time, at most `max` of them; writes only when there are some. */
enum err store_idempotency_prune(struct store *store, int64_t before_ms, int max,
                                 int64_t *out_n) MUST_CHECK;

#endif
