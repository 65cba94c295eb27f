/*
 * Table `steps`: the journal. One row a durable piece of a run, written through store_run_update(),
 * so that a step, what it did to the run and its event are one transaction.
 *
 * The primary key is (run, generation, key). Results are sealed with the context
 * "steps/<run>/<generation>/<key>"; sealing and opening happen on the calling thread. The
 * generation is the one the run has after the change of the same store_run_update().
 *
 * A step begins once: beginning it again (a replay) only notes the new attempt, its request hash
 * and its time stay. Its result is written once: writing a step that is done is E_CONFLICT. A step
 * that does nothing outside may be written as done at once.
 */
#ifndef STORE_STEPS_H
#define STORE_STEPS_H

#include "store/runs.h"

#define STEP_FORMAT 1 /* of results; a row of another format is not understood by this version */

struct step_row {
    char *key;
    enum step_state state;
    int format;
    int attempt; /* of the run, when it was written last */
    char *request_hash;
    struct str result; /* opened; empty while begun */
    char *meta;
    int64_t begun_ms;
    int64_t done_ms;
};
void step_row_done(struct step_row *row);

struct step_list {
    struct step_row *rows; /* in the order they began */
    size_t n;
};
void step_list_done(struct step_list *list);

/* All steps of one generation. E_CORRUPT when a result cannot be opened. */
enum err store_steps_list(struct store *store, const char *run_id, int generation,
                          struct step_list *out_list) MUST_CHECK;

/* Seals a result for struct step_write. */
void store_step_seal(struct store *store, const char *run_id, int generation, const char *key,
                     const void *result, size_t len, struct str *out_sealed);

/* How many finished steps of generations before `generation` say this in the member "outcome" of their
 * meta. */
enum err store_steps_count(struct store *store, const char *run_id, int generation,
                           const char *outcome, int64_t *out_n) MUST_CHECK;

#endif
