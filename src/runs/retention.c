#include "runs/retention.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/erase.h"
#include "store/idempotency.h"
#include "store/prune.h"
#include "store/webhooks.h"

#define DAY_MS           (INT64_C(24) * 60 * 60 * 1000)
#define ATTENTION_FACTOR 4

/* One transaction: some thousand rows, since a run has some hundred steps and events. */
#define RUNS_A_STEP  16
#define ROWS_A_STEP  500
#define USERS_A_STEP 100

#define FIRST_AFTER_MS 60000 /* a service that has just started has better things to do */
#define PAUSE_MS       50    /* between two steps */
#define LOOK_EVERY_MS  400   /* for what another process erased */

struct retention {
    struct retention_options options;
    struct thread thread;
    bool is_blind;    /* looking for them failed, and that was told */
    int64_t erasures; /* as last seen */
    char *user_after; /* where looking for forgotten users goes on; NULL: at the first */

    struct mutex mutex; /* guards what follows */
    struct cond stop;
    bool is_stopping;
};

/* ---- one step of each kind; *out_n is how much it did ---- */

static enum err prune_runs(struct retention *r, int64_t now_ms, int64_t *out_n)
{
    int64_t kept_ms = r->options.days * DAY_MS;
    struct runs_prune what = {.before_ms = now_ms - kept_ms,
                              .attention_before_ms = now_ms - ATTENTION_FACTOR * kept_ms,
                              .max = RUNS_A_STEP};
    AUTO(run_ids_done) struct run_ids ids = {0};
    enum err e = store_runs_prune(r->options.store, &what, &ids);
    if (e) return e;
    if (ids.n > 0) watch_forget(r->options.watch, &ids);
    *out_n = (int64_t)ids.n;
    return E_OK;
}

static enum err prune_answers(struct retention *r, int64_t now_ms, int64_t *out_n)
{
    return store_idempotency_prune(r->options.store, now_ms - IDEMPOTENCY_KEPT_MS, ROWS_A_STEP,
                                   out_n);
}

static enum err prune_audit(struct retention *r, int64_t now_ms, int64_t *out_n)
{
    return store_audit_prune(r->options.store, now_ms - r->options.audit_days * DAY_MS, ROWS_A_STEP,
                             out_n);
}

static enum err prune_users(struct retention *r, int64_t now_ms, int64_t *out_n)
{
    int64_t n = 0;
    enum err e = store_users_prune(r->options.store, now_ms - r->options.days * DAY_MS,
                                   USERS_A_STEP, &r->user_after, &n);
    /* There are more users to look at. */
    *out_n = r->user_after ? 1 : 0;
    return e;
}

static enum err prune_webhooks(struct retention *r, int64_t now_ms, int64_t *out_n)
{
    return store_webhook_prune(r->options.store, now_ms - r->options.days * DAY_MS, ROWS_A_STEP,
                               out_n);
}

static enum err give_back(struct retention *r, int64_t now_ms, int64_t *out_n)
{
    (void)now_ms;
    return store_space_give_back(r->options.store, out_n);
}

enum kind { BRIEFINGS, WEBHOOKS, ANSWERS, AUDIT, USERS, SPACE, KIND_COUNT };
static const struct {
    const char *name;
    enum err (*step)(struct retention *r, int64_t now_ms, int64_t *out_n);
} kinds[KIND_COUNT] = {
    [BRIEFINGS] = {"briefings", prune_runs    },
      [WEBHOOKS] = {"webhooks",  prune_webhooks},
    [ANSWERS] = {"answers",   prune_answers },
      [AUDIT] = {"audit",     prune_audit   },
    [USERS] = {"users",     prune_users   },
      [SPACE] = {"space",     give_back     },
};

/* ---- the thread ---- */

/* False: stop. */
static bool wait_until(struct retention *r, int64_t until_mono_ms)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&r->mutex);
    while (!r->is_stopping && cond_wait_until(&r->stop, held, until_mono_ms)) {
    }
    return !r->is_stopping;
}

/* Every kind to its end. False: stop. */
static bool pass(struct retention *r)
{
    int64_t done[KIND_COUNT] = {0};
    for (size_t i = 0; i < KIND_COUNT; i++) {
        for (int64_t n = 1; n > 0;) {
            n = 0;
            enum err e = kinds[i].step(r, clock_unix_ms(), &n);
            if (e) log_failure("not_pruned", e, LOG_STR("what", kinds[i].name));
            if (e) break;
            done[i] += n;
            if (n > 0 && !wait_until(r, clock_mono_ms() + PAUSE_MS)) return false;
        }
    }
    done[USERS] = 0; /* how many were looked at is nobody's interest */
    int64_t all = 0;
    for (size_t i = 0; i < KIND_COUNT; i++)
        all += done[i];
    if (all > 0)
        log_info("pruned", LOG_INT("briefings", done[BRIEFINGS]),
                 LOG_INT("webhooks", done[WEBHOOKS]), LOG_INT("answers", done[ANSWERS]),
                 LOG_INT("audit", done[AUDIT]), LOG_INT("pages_given_back", done[SPACE]));
    return true;
}

/* What `briefd user erase` deleted must not be told from memory. */
static void look_for_erasures(struct retention *r)
{
    int64_t n = 0;
    enum err e = store_erasures(r->options.store, &n);
    if (e && !r->is_blind) log_failure("erasures_not_seen", e);
    r->is_blind = e != E_OK;
    if (e) return;
    if (n != r->erasures) watch_forget(r->options.watch, NULL);
    r->erasures = n;
}

static void *retention_main(void *arg)
{
    struct retention *r = arg;
    int64_t every_ms = r->options.every_ms;
    int64_t next_ms = clock_mono_ms() + (every_ms < FIRST_AFTER_MS ? every_ms : FIRST_AFTER_MS);
    int64_t until_ms = 0;
    do {
        look_for_erasures(r);
        if (clock_mono_ms() >= next_ms) {
            if (!pass(r)) break;
            next_ms = clock_mono_ms() + every_ms;
        }
        until_ms = clock_mono_ms() + LOOK_EVERY_MS;
        if (next_ms < until_ms) until_ms = next_ms;
    } while (wait_until(r, until_ms));
    return NULL;
}

enum err retention_start(const struct retention_options *options, struct retention **out_retention)
{
    struct retention *r = xcalloc(1, sizeof(*r));
    r->options = *options;
    mutex_init(&r->mutex);
    cond_init(&r->stop);
    enum err e = store_erasures(options->store, &r->erasures);
    if (!e) e = thread_start(&r->thread, "retention", retention_main, r);
    if (e) {
        retention_stop(r);
        return e;
    }
    *out_retention = r;
    return E_OK;
}

void retention_stop(struct retention *retention)
{
    if (!retention) return;
    mutex_lock(&retention->mutex);
    retention->is_stopping = true;
    cond_signal(&retention->stop);
    mutex_unlock(&retention->mutex);
    thread_join(&retention->thread);
    cond_done(&retention->stop);
    mutex_done(&retention->mutex);
    xfree(retention->user_after);
    xfree(retention);
}

void retention_step(const struct retention_options *options)
{
    struct retention r = {.options = *options};
    for (size_t i = 0; i < KIND_COUNT; i++) {
        int64_t n = 0;
        enum err e = kinds[i].step(&r, clock_unix_ms(), &n);
        if (e) log_failure("not_pruned", e, LOG_STR("what", kinds[i].name));
    }
    xfree(r.user_after);
}
