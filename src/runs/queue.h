/*
 * The queue of the scheduler, in memory: oldest first within a user, users in turn, and no user
 * with more than so many at once. The database holds the truth (status queued); this is the order.
 * Guarded by its owner's mutex.
 */
#ifndef RUNS_QUEUE_H
#define RUNS_QUEUE_H

#include "base/crypt.h"
#include "base/str.h"
#include "store/runs.h"

struct queued_run {
    char id[ID_MAX];
    int64_t wake_ms; /* not before; 0: now */
    struct queued_run *next;
};
struct queue_user {
    char *user_id;
    struct queued_run *first, *last;
    int n_running;                   /* taken out, and not left yet */
    struct queue_user *next_in_ring; /* circular, through users with something queued */
    struct queue_user *next_in_bucket;
};
struct run_queue {
    struct queue_user **buckets; /* hash table by user */
    size_t n_buckets;
    size_t n_users;               /* with something queued or running */
    int running_max;              /* of one user; 0: no limit */
    struct queue_user *ring_last; /* the user served last; NULL: empty */
    int64_t n;
};

/* Is it time? Nobody is put off for longer than a moment: a time far ahead was written before the clock
 * was set back. */
bool queue_is_due(int64_t wake_ms, int64_t now_ms);

void queue_done(struct run_queue *q);
void queue_push(struct run_queue *q, const char *run_id, const char *user_id, int64_t wake_ms);
struct queue_taken {
    char id[ID_MAX];
    char user_id[USER_ID_BYTES_MAX + 1];
};
/* Takes the next run that is due and whose user has room for one more. False when there is none;
 * then *out_next_wake_ms is when the earliest one will be due (0: never). */
bool queue_pop(struct run_queue *q, int64_t now_ms, struct queue_taken *out,
               int64_t *out_next_wake_ms);
/* A run that was taken has left: its user has room again. */
void queue_left(struct run_queue *q, const char *user_id);

#endif
