#include "web/pool.h"

#include "base/clock.h"
#include "base/thread.h"

#include <stdio.h>

#define THREADS_FIRST 2 /* the others come with the first crowd */

struct pool {
    char name[16];
    void (*handle)(struct request *rq);
    int queue_max;
    int threads_max;

    struct mutex mutex; /* guards what follows */
    struct cond filled;
    struct request *first, *last;
    int n;
    int n_idle; /* threads that wait for a request */
    int n_busy; /* threads that have one */
    struct cond rested;
    bool is_stopping;
    struct thread *threads; /* those that were started; no more once it is stopping */
    int n_threads;
};

static struct request *take(struct pool *pool, bool was_busy)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&pool->mutex);
    if (was_busy && --pool->n_busy == 0) cond_broadcast(&pool->rested);
    pool->n_idle++;
    while (!pool->first && !pool->is_stopping)
        cond_wait(&pool->filled, held);
    pool->n_idle--;
    struct request *rq = pool->first;
    if (!rq) return NULL;
    pool->first = rq->next;
    if (!pool->first) pool->last = NULL;
    rq->next = NULL;
    pool->n--;
    pool->n_busy++;
    return rq;
}

static void *pool_main(void *arg)
{
    struct pool *pool = arg;
    for (struct request *rq = take(pool, false); rq; rq = take(pool, true))
        pool->handle(rq);
    return NULL;
}

static enum err grow_locked(struct pool *pool)
{
    enum err e = thread_start(&pool->threads[pool->n_threads], pool->name, pool_main, pool);
    if (!e) pool->n_threads++;
    return e;
}

enum err pool_start(const char *name, int threads_max, int queue_max,
                    void (*handle)(struct request *rq), struct pool **out_pool)
{
    struct pool *pool = xcalloc(1, sizeof(*pool));
    snprintf(pool->name, sizeof(pool->name), "%s", name);
    pool->handle = handle;
    pool->queue_max = queue_max;
    pool->threads_max = threads_max;
    pool->threads = xcalloc((size_t)threads_max, sizeof(*pool->threads));
    mutex_init(&pool->mutex);
    cond_init(&pool->filled);
    cond_init(&pool->rested);
    mutex_lock(&pool->mutex);
    enum err e = E_OK;
    while (!e && pool->n_threads < THREADS_FIRST && pool->n_threads < threads_max)
        e = grow_locked(pool);
    mutex_unlock(&pool->mutex);
    if (e) {
        pool_free(pool);
        return e;
    }
    *out_pool = pool;
    return E_OK;
}

bool pool_push(struct pool *pool, struct request *rq)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&pool->mutex);
    if (pool->is_stopping || pool->n >= pool->queue_max) return false;
    if (pool->last)
        pool->last->next = rq;
    else
        pool->first = rq;
    pool->last = rq;
    pool->n++;
    cond_signal(&pool->filled);
    if (pool->n > pool->n_idle && pool->n_threads < pool->threads_max && grow_locked(pool))
        pool->threads_max = pool->n_threads; /* the system has no more: those there are will do */
    return true;
}

void pool_refuse(struct pool *pool, void (*refuse)(struct request *rq), int64_t grace_ms)
{
    if (!pool) return;
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&pool->mutex);
    pool->is_stopping = true;
    struct request *rq = take_ptr(&pool->first);
    pool->last = NULL;
    pool->n = 0;
    mutex_unlock(&pool->mutex);
    while (rq) {
        struct request *next = take_ptr(&rq->next);
        refuse(rq);
        rq = next;
    }
    mutex_lock(&pool->mutex);
    int64_t until_ms = clock_mono_ms() + grace_ms;
    while (pool->n_busy > 0 && cond_wait_until(&pool->rested, held, until_ms)) {
    }
}

void pool_stop(struct pool *pool)
{
    if (!pool) return;
    mutex_lock(&pool->mutex);
    pool->is_stopping = true;
    cond_broadcast(&pool->filled);
    mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->n_threads; i++)
        thread_join(&pool->threads[i]);
    pool->n_threads = 0;
}

void pool_free(struct pool *pool)
{
    if (!pool) return;
    pool_stop(pool);
    xfree(pool->threads);
    cond_done(&pool->rested);
    cond_done(&pool->filled);
    mutex_done(&pool->mutex);
    xfree(pool);
}
