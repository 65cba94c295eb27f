/*
 * The journal: durable steps of one run.
 *
 *   look: is the step finished? take its stored result       journal_find()
 *   otherwise: write "begun"                                  journal_begin()
 *              do it
 *              write "done" with the result                   journal_finish()
 *
 * Every write is fenced by the run's attempt, so a thread that lost its run writes nothing
 * (E_LOST). The hash of what a step asked is kept; a replay that asks something else is E_CORRUPT.
 * Belongs to one run thread.
 */
#ifndef AGENT_JOURNAL_H
#define AGENT_JOURNAL_H

#include "store/steps.h"

/* A result that cannot be written now stays in memory and is written when there is room: it was paid
 * for, or can be seen by others. wait() waits a moment; false: there is no more time. */
struct journal_patience {
    bool (*wait)(void *ctx);
    void *ctx;
};

struct journal {
    struct store *store;
    struct run_row *row; /* kept up to date by every write */
    struct journal_patience patience;
    struct step_list steps;
};

#define STEP_KEY_MAX 32

/* Loads the steps of the row's generation. */
enum err journal_open(struct journal *j, struct store *store, struct run_row *row,
                      struct journal_patience patience) MUST_CHECK;
void journal_close(struct journal *j);

/* The finished step of that key; *out_step is NULL when it is not finished (or never began).
 * `request_hash` NULL: not compared. E_CORRUPT: the stored step answered another question. */
enum err journal_find(const struct journal *j, const char *key, const char *request_hash,
                      const struct step_row **out_step) MUST_CHECK;
/* The step of that key when it began, in an earlier attempt, and never finished; else NULL. */
const struct step_row *journal_begun(const struct journal *j, const char *key);

/* When the step of that key began and did not finish; 0: it never began, or it is finished. */
int64_t journal_begun_ms(const struct journal *j, const char *key);

/* One transaction. `phase` is what the document says from now on; `change` (may be NULL) and events
 * as in struct run_update. */
struct journal_begin {
    const char *key;
    const char *request_hash;
    const char *meta; /* JSON; NULL keeps what is there. Begun again, it is replaced */
};
enum err journal_begin(struct journal *j, const struct journal_begin *steps, size_t n,
                       const char *phase, const struct event_new *event) MUST_CHECK;

struct journal_result {
    const char *key;
    const char *request_hash;
    const char *result; /* sealed before it is stored */
    size_t len;
    const char *meta; /* JSON object or NULL */
};
/* Waits while the database cannot be written; E_STORAGE when the patience was over before. `change` may
 * be called more than once, each time with a fresh row. */
enum err journal_finish(struct journal *j, const struct journal_result *results, size_t n,
                        const struct event_new *events, size_t n_events,
                        enum err (*change)(void *ctx, struct run_row *row), void *ctx) MUST_CHECK;

/* A change of the run's row with an event, without a step. */
enum err journal_note(struct journal *j, const struct event_new *event,
                      enum err (*change)(void *ctx, struct run_row *row), void *ctx) MUST_CHECK;

/* The same with a begun step, whose meta is replaced. `event` and `change` may be NULL. */
enum err journal_mark(struct journal *j, const struct step_write *begun,
                      const struct event_new *event,
                      enum err (*change)(void *ctx, struct run_row *row), void *ctx) MUST_CHECK;

/* The begin of a delivery: the step and its change of the row (running to delivering) in one
 * transaction. An error of `change` means that nothing happened, and is returned. */
enum err journal_intend(struct journal *j, const struct step_write *begun,
                        enum err (*change)(void *ctx, struct run_row *row), void *ctx) MUST_CHECK;

#endif
