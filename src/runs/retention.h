/*
 * Retention: what has been kept long enough is deleted.
 *
 * One thread. Every hour it goes through all that is kept for a time, a few rows in a transaction
 * and a pause after each, so that nobody waits for it: ended runs with their steps, events and
 * webhook deliveries, answers stored under idempotency keys, the audit, users of whom nothing is
 * left. Then unused space is given back. It also notices when `briefd user erase` has deleted
 * something beside the service, and forgets what of it is in memory.
 */
#ifndef RUNS_RETENTION_H
#define RUNS_RETENTION_H

#include "runs/watch.h"

struct retention;

struct retention_options {
    struct store *store;
    struct watch *watch;
    int days;       /* of ended runs; four times as long while one waits for a person */
    int audit_days; /* of the audit */
    int64_t every_ms;
};

enum err retention_start(const struct retention_options *options,
                         struct retention **out_retention) MUST_CHECK;
/* Ends after the step it is in. NULL is fine. */
void retention_stop(struct retention *retention);

/* One step of each kind, here and now: for a process that does not live long. */
void retention_step(const struct retention_options *options);

#endif
