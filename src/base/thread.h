/*
 * Threads, locks and conditions. The only file that calls pthread_create.
 *
 * Signals are blocked in every thread; main takes them with sigwait(). Waiting uses the monotonic
 * clock. Stacks are 256 KiB (1 MiB under a sanitizer): what a run thread touches is far below.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct mutex {
    pthread_mutex_t os;
};
struct cond {
    pthread_cond_t os;
};

void mutex_init(struct mutex *m);
void mutex_done(struct mutex *m);
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);
/* For AUTO(): unlocks at the end of the scope. Use with
 *     AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&x->mutex); */
struct mutex *mutex_hold(struct mutex *m) MUST_CHECK;
void mutex_unlock_ptr(struct mutex **m);

void cond_init(struct cond *c);
void cond_done(struct cond *c);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);
void cond_wait(struct cond *c, struct mutex *m);
/* Until signalled or until clock_mono_ms() reaches `until_mono_ms`; false when that came first. */
bool cond_wait_until(struct cond *c, struct mutex *m, int64_t until_mono_ms);

struct thread {
    pthread_t os;
    bool is_started;
};
/* Names are cut at 15 characters, as the kernel does. E_LIMIT: the system has no thread left. */
enum err thread_start(struct thread *t, const char *name, void *(*main)(void *),
                      void *arg) MUST_CHECK;
/* The same for a thread that nobody joins. */
enum err thread_start_detached(const char *name, void *(*main)(void *), void *arg) MUST_CHECK;
/* No effect when it was never started. */
void thread_join(struct thread *t);
/* What the calling thread's stack took deeper down goes back to the system until it is needed again:
 * for a thread that is about to wait for long. */
void thread_give_back_stack(void);
/* Blocks all signals in the calling thread (and in those it starts). */
void thread_block_signals(void);

#endif
