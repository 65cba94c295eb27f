#include "runs/queue.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define BUCKETS_FIRST  256
#define PUT_OFF_MAX_MS (60 * 1000)

bool queue_is_due(int64_t wake_ms, int64_t now_ms)
{
    return wake_ms <= now_ms || wake_ms - now_ms > PUT_OFF_MAX_MS;
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 1469598103934665603ULL;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
    return hash;
}

void queue_done(struct run_queue *q)
{
    for (size_t i = 0; i < q->n_buckets; i++) {
        struct queue_user *user = q->buckets[i];
        while (user) {
            struct queue_user *next_user = user->next_in_bucket;
            while (user->first) {
                struct queued_run *next = user->first->next;
                xfree(user->first);
                user->first = next;
            }
            xfree(user->user_id);
            xfree(user);
            user = next_user;
        }
    }
    xfree(q->buckets);
    *q = (struct run_queue){0};
}

static void grow(struct run_queue *q)
{
    size_t n = q->n_buckets ? q->n_buckets * 4 : BUCKETS_FIRST;
    struct queue_user **buckets = xcalloc(n, sizeof(struct queue_user *));
    for (size_t i = 0; i < q->n_buckets; i++) {
        struct queue_user *user = q->buckets[i];
        while (user) {
            struct queue_user *next = user->next_in_bucket;
            struct queue_user **bucket = &buckets[hash_text(user->user_id) % n];
            user->next_in_bucket = *bucket;
            *bucket = user;
            user = next;
        }
    }
    xfree(q->buckets);
    q->buckets = buckets;
    q->n_buckets = n;
}

static struct queue_user *find_user(struct run_queue *q, const char *user_id)
{
    if (q->n_users >= q->n_buckets) grow(q);
    struct queue_user **bucket = &q->buckets[hash_text(user_id) % q->n_buckets];
    for (struct queue_user *user = *bucket; user; user = user->next_in_bucket) {
        if (strcmp(user->user_id, user_id) == 0) return user;
    }
    struct queue_user *user = xcalloc(1, sizeof(*user));
    user->user_id = xstrdup(user_id);
    user->next_in_bucket = *bucket;
    *bucket = user;
    q->n_users++;
    return user;
}

/* A user who gets something to do goes to the end of the turn. */
static void join_ring(struct run_queue *q, struct queue_user *user)
{
    if (q->ring_last) {
        user->next_in_ring = q->ring_last->next_in_ring;
        q->ring_last->next_in_ring = user;
    } else {
        user->next_in_ring = user;
    }
    q->ring_last = user;
}

void queue_push(struct run_queue *q, const char *run_id, const char *user_id, int64_t wake_ms)
{
    struct queue_user *user = find_user(q, user_id);
    struct queued_run *run = xcalloc(1, sizeof(*run));
    snprintf(run->id, sizeof(run->id), "%s", run_id);
    run->wake_ms = wake_ms;
    if (!user->first) join_ring(q, user);
    /* Ids sort by time: a run that comes back takes its old place. */
    struct queued_run **at = &user->first;
    if (user->last && strcmp(user->last->id, run_id) < 0) at = &user->last->next;
    while (*at && strcmp((*at)->id, run_id) < 0)
        at = &(*at)->next;
    run->next = *at;
    *at = run;
    if (!run->next) user->last = run;
    q->n++;
}

static void leave_ring(struct run_queue *q, struct queue_user *before, struct queue_user *user)
{
    if (before == user) {
        q->ring_last = NULL;
        return;
    }
    before->next_in_ring = user->next_in_ring;
    if (q->ring_last == user) q->ring_last = before;
}

/* Forgets a user who has nothing queued and nothing running. */
static void drop_idle(struct run_queue *q, struct queue_user *user)
{
    if (user->first || user->n_running > 0) return;
    struct queue_user **bucket = &q->buckets[hash_text(user->user_id) % q->n_buckets];
    while (*bucket != user)
        bucket = &(*bucket)->next_in_bucket;
    *bucket = user->next_in_bucket;
    xfree(user->user_id);
    xfree(user);
    q->n_users--;
}

/* The user's first due run, taken out. */
static bool take_due(struct run_queue *q, struct queue_user *user, int64_t now_ms,
                     char out_id[ID_MAX], int64_t *next_wake_ms)
{
    struct queued_run *before = NULL;
    for (struct queued_run *run = user->first; run; before = run, run = run->next) {
        if (!queue_is_due(run->wake_ms, now_ms)) {
            if (*next_wake_ms == 0 || run->wake_ms < *next_wake_ms) *next_wake_ms = run->wake_ms;
            continue;
        }
        if (before)
            before->next = run->next;
        else
            user->first = run->next;
        if (user->last == run) user->last = before;
        snprintf(out_id, ID_MAX, "%s", run->id);
        xfree(run);
        q->n--;
        return true;
    }
    return false;
}

static bool has_room(const struct run_queue *q, const struct queue_user *user)
{
    return q->running_max == 0 || user->n_running < q->running_max;
}

bool queue_pop(struct run_queue *q, int64_t now_ms, struct queue_taken *out,
               int64_t *out_next_wake_ms)
{
    *out_next_wake_ms = 0;
    struct queue_user *served_last = q->ring_last;
    struct queue_user *before = served_last;
    while (before) {
        struct queue_user *user = before->next_in_ring;
        if (has_room(q, user) && take_due(q, user, now_ms, out->id, out_next_wake_ms)) {
            snprintf(out->user_id, sizeof(out->user_id), "%s", user->user_id);
            user->n_running++;
            q->ring_last = user; /* the next one is served next */
            if (!user->first) leave_ring(q, before, user);
            return true;
        }
        before = user == served_last ? NULL : user;
    }
    return false;
}

void queue_left(struct run_queue *q, const char *user_id)
{
    struct queue_user *user = find_user(q, user_id);
    assert(user->n_running > 0);
    user->n_running--;
    drop_idle(q, user);
}
