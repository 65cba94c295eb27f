/*
 * Handler threads with one bounded queue. Any thread may push; the threads take in order. A few are
 * there from the start, more when a request finds nobody free; they stay.
 */
#ifndef WEB_POOL_H
#define WEB_POOL_H

#include "web/request.h"

struct pool;

enum err pool_start(const char *name, int threads_max, int queue_max,
                    void (*handle)(struct request *rq), struct pool **out_pool) MUST_CHECK;
/* False when the queue is full or the pool is stopping: the request is still the caller's. */
bool pool_push(struct pool *pool, struct request *rq) MUST_CHECK;
/* Before pool_stop(): gives what is queued to `refuse`, on this thread, and waits at most so long for
 * what the threads are at. */
void pool_refuse(struct pool *pool, void (*refuse)(struct request *rq), int64_t grace_ms);
/* Finishes what is queued and joins the threads; pushing is refused from now on. NULL is fine for
 * both. */
void pool_stop(struct pool *pool);
void pool_free(struct pool *pool);

#endif
