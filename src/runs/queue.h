/*
 * The queue of the scheduler, in memory: oldest first within a user, users in turn. The database
 * holds the truth (status queued); this is the order. Guarded by its owner's mutex.
 */
#ifndef RUNS_QUEUE_H
#define RUNS_QUEUE_H

#include "base/crypt.h"
#include "base/str.h"

struct queued_run {
    char id[ID_MAX];
    int64_t wake_ms; /* not before; 0: now */
    struct queued_run *next;
};
struct queue_user {
    char *user_id;
    struct queued_run *first, *last;
    struct queue_user *next_in_ring; /* circular, through users with something queued */
    struct queue_user *next_in_bucket;
};
struct run_queue {
    struct queue_user **buckets; /* hash table by user */
    size_t n_buckets;
    size_t n_users;
    struct queue_user *ring_last; /* the user served last; NULL: empty */
    int64_t n;
};

void queue_done(struct run_queue *q);
void queue_push(struct run_queue *q, const char *run_id, const char *user_id, int64_t wake_ms);
/* Takes the next run that is due. False when none is; then *out_next_wake_ms is when the earliest
 * one will be (0: never). */
bool queue_pop(struct run_queue *q, int64_t now_ms, char out_id[ID_MAX], int64_t *out_next_wake_ms);

#endif
