#include "web/connection_wait.h"

#include "base/clock.h"
#include "base/thread.h"
#include "store/connections.h"
#include "web/connection_document.h"
#include "web/reply.h"
#include "web/server.h"

#define WAITS_MAX 1000
#define LOOK_MS   100

struct wait {
    struct request *rq;
    int64_t version;
    int64_t until_mono_ms;
    bool is_new; /* something may have changed between its own look and now */
    struct wait *next;
};

struct connection_waits {
    struct store *store;
    struct thread thread;

    struct mutex mutex; /* guards what follows */
    struct cond changed;
    struct wait *first;
    int n;
    bool is_stopping;
};

/* True: answered. `is_last`: answered in any case. */
static bool look(struct connection_waits *waits, const struct wait *wait, bool is_last)
{
    AUTO(connection_row_done) struct connection_row row = {0};
    struct request *rq = wait->rq;
    enum err e = store_connection_find(waits->store, rq->args[0], rq->args[1], &row);
    if (e && e != E_NOT_FOUND) {
        reply_error(rq, e, "reading a connection");
        return true;
    }
    if (row.version == wait->version && !is_last) return false;
    connection_answer(rq, row.user_id ? &row : NULL);
    return true;
}

/* Answers those that are to be; gives back the rest. The list is the thread's own meanwhile. */
static struct wait *look_at_all(struct connection_waits *waits, struct wait *list, bool has_news,
                                bool is_stopping)
{
    int64_t now_ms = clock_mono_ms();
    struct wait **at = &list;
    while (*at) {
        struct wait *wait = *at;
        bool is_last = is_stopping || now_ms >= wait->until_mono_ms;
        bool is_answered = (has_news || wait->is_new || is_last) && look(waits, wait, is_last);
        wait->is_new = false;
        if (is_answered) {
            *at = wait->next;
            xfree(wait);
        } else {
            at = &wait->next;
        }
    }
    return list;
}

static int count(const struct wait *list)
{
    int n = 0;
    for (; list; list = list->next)
        n++;
    return n;
}

static void give_back(struct connection_waits *waits, struct wait *list)
{
    struct wait **end = &waits->first;
    while (*end)
        end = &(*end)->next;
    *end = list;
    waits->n = count(waits->first);
}

static void *waits_main(void *arg)
{
    struct connection_waits *waits = arg;
    int64_t seen = -1;
    mutex_lock(&waits->mutex);
    while (!waits->is_stopping || waits->first) {
        if (!waits->first) {
            cond_wait(&waits->changed, &waits->mutex);
            continue;
        }
        struct wait *list = waits->first;
        bool is_stopping = waits->is_stopping;
        waits->first = NULL;
        mutex_unlock(&waits->mutex);
        int64_t changes = store_connections_changes(waits->store);
        list = look_at_all(waits, list, changes != seen, is_stopping);
        seen = changes;
        mutex_lock(&waits->mutex);
        give_back(waits, list);
        if (!waits->is_stopping && waits->first)
            (void)cond_wait_until(&waits->changed, &waits->mutex, clock_mono_ms() + LOOK_MS);
    }
    mutex_unlock(&waits->mutex);
    return NULL;
}

enum err connection_waits_start(struct store *store, struct connection_waits **out_waits)
{
    struct connection_waits *waits = xcalloc(1, sizeof(*waits));
    waits->store = store;
    mutex_init(&waits->mutex);
    cond_init(&waits->changed);
    enum err e = thread_start(&waits->thread, "waits", waits_main, waits);
    if (e)
        connection_waits_free(waits);
    else
        *out_waits = waits;
    return e;
}

void connection_waits_stop(struct connection_waits *waits)
{
    if (!waits) return;
    mutex_lock(&waits->mutex);
    waits->is_stopping = true;
    cond_broadcast(&waits->changed);
    mutex_unlock(&waits->mutex);
    thread_join(&waits->thread);
    waits->thread.is_started = false;
}

void connection_waits_free(struct connection_waits *waits)
{
    if (!waits) return;
    connection_waits_stop(waits);
    cond_done(&waits->changed);
    mutex_done(&waits->mutex);
    xfree(waits);
}

void connection_wait(struct connection_waits *waits, struct request *rq, int64_t version,
                     int64_t until_mono_ms)
{
    struct wait *wait = xcalloc(1, sizeof(*wait));
    *wait =
        (struct wait){.rq = rq, .version = version, .until_mono_ms = until_mono_ms, .is_new = true};
    mutex_lock(&waits->mutex);
    bool is_taken = waits->n < WAITS_MAX && !waits->is_stopping;
    if (is_taken) {
        wait->next = waits->first;
        waits->first = wait;
        waits->n++;
        rq->is_waiting = true;
        cond_broadcast(&waits->changed);
    }
    mutex_unlock(&waits->mutex);
    if (is_taken) return;
    xfree(wait);
    reply_problem(rq, PROBLEM_rate_limited,
                  "Too many callers wait for connections already; poll without wait.");
}
