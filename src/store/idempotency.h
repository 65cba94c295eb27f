/*
 * Table `idempotency_keys`: answers to POSTs that may be repeated (api.md, "Conventions").
 * Creations write theirs inside store_run_create(); the other POSTs, which are safe to repeat by
 * themselves, use these two.
 */
#ifndef STORE_IDEMPOTENCY_H
#define STORE_IDEMPOTENCY_H

#include "store/runs.h"

#define IDEMPOTENCY_KEPT_MS (INT64_C(7) * 24 * 60 * 60 * 1000)

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
