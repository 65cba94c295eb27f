#include "base/thread.h"

#include "base/fault.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#endif

#ifdef HAS_SANITIZER
#define STACK_SIZE MIB
#else
#define STACK_SIZE (256 * KIB)
#endif

#define NAME_MAX_KERNEL 15

/* Below its own frame, thread_give_back_stack() still calls a few functions. */
#define STACK_KEPT KIB

/* Everything here fails only through a mistake of ours; with a broken lock there is no safe way on.
 */
static void must(int os_error)
{
    assert(os_error == 0);
    (void)os_error;
}

void mutex_init(struct mutex *m)
{
    must(pthread_mutex_init(&m->os, NULL));
}

void mutex_done(struct mutex *m)
{
    must(pthread_mutex_destroy(&m->os));
}

void mutex_lock(struct mutex *m)
{
    must(pthread_mutex_lock(&m->os));
}

void mutex_unlock(struct mutex *m)
{
    must(pthread_mutex_unlock(&m->os));
}

struct mutex *mutex_hold(struct mutex *m)
{
    mutex_lock(m);
    return m;
}

void mutex_unlock_ptr(struct mutex **m)
{
    if (*m) mutex_unlock(*m);
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attributes;
    must(pthread_condattr_init(&attributes));
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must(pthread_cond_init(&c->os, &attributes));
    must(pthread_condattr_destroy(&attributes));
}

void cond_done(struct cond *c)
{
    must(pthread_cond_destroy(&c->os));
}

void cond_signal(struct cond *c)
{
    must(pthread_cond_signal(&c->os));
}

void cond_broadcast(struct cond *c)
{
    must(pthread_cond_broadcast(&c->os));
}

void cond_wait(struct cond *c, struct mutex *m)
{
    must(pthread_cond_wait(&c->os, &m->os));
}

bool cond_wait_until(struct cond *c, struct mutex *m, int64_t until_mono_ms)
{
    if (until_mono_ms < 0) until_mono_ms = 0;
    struct timespec until = {
        .tv_sec = (time_t)(until_mono_ms / 1000),
        .tv_nsec = (long)(until_mono_ms % 1000) * 1000000L,
    };
    int os_error = pthread_cond_timedwait(&c->os, &m->os, &until);
    if (os_error == ETIMEDOUT) return false;
    must(os_error);
    return true;
}

struct start {
    char name[NAME_MAX_KERNEL + 1];
    void *(*main)(void *);
    void *arg;
};

static void *begin(void *arg)
{
    struct start start = *(struct start *)arg;
    xfree(arg);
    pthread_setname_np(pthread_self(), start.name);
    return start.main(start.arg);
}

/* Signals that report a fault of the running instruction stay open: blocked, they would kill the
 * process without the report of a debugger or sanitizer. */
static void fill_blocked(sigset_t *set)
{
    static const int open_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigfillset(set);
    for (size_t i = 0; i < ARRAY_LEN(open_signals); i++)
        sigdelset(set, open_signals[i]);
}

static enum err start_os_thread(pthread_t *out_thread, bool is_detached, const char *name,
                                void *(*main)(void *), void *arg)
{
    if (fault_fails("thread"))
        return fail(E_LIMIT, "no thread \"%s\": a fault was asked for", name);
    struct start *start = xcalloc(1, sizeof *start);
    memcpy(start->name, name, strnlen(name, NAME_MAX_KERNEL));
    start->main = main;
    start->arg = arg;

    pthread_attr_t attributes;
    must(pthread_attr_init(&attributes));
    must(pthread_attr_setstacksize(&attributes, STACK_SIZE));
    if (is_detached) must(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED));
    sigset_t blocked;
    sigset_t old;
    fill_blocked(&blocked);
    must(pthread_sigmask(SIG_BLOCK, &blocked, &old));
    int os_error = pthread_create(out_thread, &attributes, begin, start);
    must(pthread_sigmask(SIG_SETMASK, &old, NULL));
    must(pthread_attr_destroy(&attributes));
    if (os_error) {
        xfree(start);
        return fail(E_LIMIT, "the system has no thread left for \"%s\": %s", name,
                    strerrordesc_np(os_error));
    }
    return E_OK;
}

enum err thread_start(struct thread *t, const char *name, void *(*main)(void *), void *arg)
{
    assert(!t->is_started);
    enum err e = start_os_thread(&t->os, false, name, main, arg);
    if (e) return e;
    t->is_started = true;
    return E_OK;
}

enum err thread_start_detached(const char *name, void *(*main)(void *), void *arg)
{
    pthread_t os;
    return start_os_thread(&os, true, name, main, arg);
}

void thread_join(struct thread *t)
{
    if (!t->is_started) return;
    must(pthread_join(t->os, NULL));
    t->is_started = false;
}

void thread_give_back_stack(void)
{
    pthread_attr_t attributes;
    void *lowest;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes)) return;
    must(pthread_attr_getstack(&attributes, &lowest, &size));
    must(pthread_attr_destroy(&attributes));
    size_t unused = (size_t)((char *)__builtin_frame_address(0) - (char *)lowest);
    if (unused > STACK_KEPT) mem_give_back(lowest, unused - STACK_KEPT);
}

void thread_block_signals(void)
{
    sigset_t blocked;
    fill_blocked(&blocked);
    must(pthread_sigmask(SIG_BLOCK, &blocked, NULL));
}
