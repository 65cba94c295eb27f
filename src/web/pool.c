#include "web/pool.h"

#include "base/thread.h"

struct pool {
    void (*handle)(struct request *rq);
    int queue_max;
    int n_threads;
    struct thread *threads;

    struct mutex mutex; /* guards what follows */
    struct cond filled;
    struct request *first, *last;
    int n;
    bool is_stopping;
};

static struct request *take(struct pool *pool)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&pool->mutex);
    while (!pool->first && !pool->is_stopping)
        cond_wait(&pool->filled, held);
    struct request *rq = pool->first;
    if (!rq) return NULL;
    pool->first = rq->next;
    if (!pool->first) pool->last = NULL;
    rq->next = NULL;
    pool->n--;
    return rq;
}

static void *pool_main(void *arg)
{
    struct pool *pool = arg;
    for (struct request *rq = take(pool); rq; rq = take(pool))
        pool->handle(rq);
    return NULL;
}

enum err pool_start(const char *name, int n_threads, int queue_max,
                    void (*handle)(struct request *rq), struct pool **out_pool)
{
    struct pool *pool = xcalloc(1, sizeof(*pool));
    pool->handle = handle;
    pool->queue_max = queue_max;
    pool->threads = xcalloc((size_t)n_threads, sizeof(*pool->threads));
    mutex_init(&pool->mutex);
    cond_init(&pool->filled);
    for (int i = 0; i < n_threads; i++) {
        enum err e = thread_start(&pool->threads[i], name, pool_main, pool);
        if (e) {
            pool_free(pool);
            return e;
        }
        pool->n_threads++;
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
    return true;
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
}

void pool_free(struct pool *pool)
{
    if (!pool) return;
    pool_stop(pool);
    xfree(pool->threads);
    cond_done(&pool->filled);
    mutex_done(&pool->mutex);
    xfree(pool);
}
