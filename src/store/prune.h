/*
 * Deleting what was kept long enough, and what a user wants to be gone.
 *
 * Each prune is one small transaction: it looks first, on a read connection, and writes only when
 * there is something to delete. Ask again until `out_n` is 0.
 */
#ifndef STORE_PRUNE_H
#define STORE_PRUNE_H

#include "store/runs.h"

struct runs_prune {
    int64_t before_ms;           /* ended before that time */
    int64_t attention_before_ms; /* the same for those that still wait for a person */
    int max;
};
/* Deletes ended runs with their steps, events and stored answers, oldest first. `out_ids` gets
 * which. */
enum err store_runs_prune(struct store *store, const struct runs_prune *what,
                          struct run_ids *out_ids) MUST_CHECK;
/* Deletes what is known of users who were first seen before that time and of whom nothing is left
 * but connections without an account, unchanged since then. Looks at up to `max` users behind
 * `*after` in the order of their ids, and moves it on; NULL: from the first, and at the end. */
enum err store_users_prune(struct store *store, int64_t before_ms, int max, char **after,
                           int64_t *out_n) MUST_CHECK;
enum err store_audit_prune(struct store *store, int64_t before_ms, int max,
                           int64_t *out_n) MUST_CHECK;
/* Gives up to `max` unused pages of the file back to the system while more of them are free than
 * are worth keeping for what comes next. Does nothing in a file of an older version, which was not
 * laid out for it; a restored backup is. */
enum err store_space_give_back(struct store *store, int64_t *out_n) MUST_CHECK;

#endif
