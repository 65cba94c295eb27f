#include "agent/journal.h"

#include "base/fault.h"
#include "base/log.h"

#include <assert.h>
#include <string.h>

#define FENCE_STATUSES (1u << RUN_RUNNING | 1u << RUN_DELIVERING)
#define BATCH_MAX      16

enum err journal_open(struct journal *j, struct store *store, struct run_row *row,
                      struct journal_patience patience)
{
    *j = (struct journal){.store = store, .row = row, .patience = patience};
    return store_steps_list(store, row->id, row->generation, &j->steps);
}

void journal_close(struct journal *j)
{
    step_list_done(&j->steps);
}

enum err journal_find(const struct journal *j, const char *key, const char *request_hash,
                      const struct step_row **out_step)
{
    *out_step = NULL;
    for (size_t i = 0; i < j->steps.n; i++) {
        const struct step_row *step = &j->steps.rows[i];
        if (!text_equal(step->key, key)) continue;
        if (step->format != STEP_FORMAT)
            return fail(E_CORRUPT, "step %s is stored in format %d, this version writes %d", key,
                        step->format, STEP_FORMAT);
        if (request_hash && !text_equal(step->request_hash, request_hash))
            return fail(E_CORRUPT, "step %s asks something else than the first time", key);
        if (step->state == STEP_DONE) *out_step = step;
        return E_OK;
    }
    return E_OK;
}

const struct step_row *journal_begun(const struct journal *j, const char *key)
{
    for (size_t i = 0; i < j->steps.n; i++) {
        const struct step_row *step = &j->steps.rows[i];
        if (step->state == STEP_BEGUN && text_equal(step->key, key)) return step;
    }
    return NULL;
}

int64_t journal_begun_ms(const struct journal *j, const char *key)
{
    const struct step_row *step = journal_begun(j, key);
    return step ? step->begun_ms : 0;
}

/* What others can see is told at level info, the rest at debug. */
static void log_events(const struct run_update *update, const struct run_row *row)
{
    for (size_t i = 0; i < update->n_events; i++) {
        const char *type = update->events[i].type;
        if (strstr(type, "deliver"))
            log_info(type, LOG_STR("state", delivery_state_name(row->delivery)),
                     LOG_STR("channel", row->delivery_channel), LOG_STR("ts", row->delivery_ts));
        else
            log_debug(type, LOG_STR("phase", row->phase), LOG_INT("turn", row->turn));
    }
}

/* All writes of a run thread pass here. */
static enum err journal_write(struct journal *j, const struct run_update *update)
{
    struct run_row fresh = {0};
    struct run_fence fence = {.attempt = j->row->attempt, .statuses = FENCE_STATUSES};
    enum err e = store_run_update(j->store, j->row->id, fence, update, &fresh);
    if (e) return e;
    run_row_done(j->row);
    *j->row = fresh;
    log_events(update, j->row);
    return E_OK;
}

static enum err set_phase(void *ctx, struct run_row *row)
{
    run_row_set(&row->phase, ctx);
    return E_OK;
}

enum err journal_begin(struct journal *j, const struct journal_begin *steps, size_t n,
                       const char *phase, const struct event_new *event)
{
    struct step_write writes[BATCH_MAX];
    assert(n <= BATCH_MAX);
    for (size_t i = 0; i < n; i++)
        writes[i] = (struct step_write){.key = steps[i].key,
                                        .state = STEP_BEGUN,
                                        .request_hash = steps[i].request_hash,
                                        .meta = steps[i].meta};
    char *own_phase = xstrdup(phase);
    enum err e = journal_write(j, &(struct run_update){.change = set_phase,
                                                       .ctx = own_phase,
                                                       .events = event,
                                                       .n_events = event ? 1 : 0,
                                                       .steps = writes,
                                                       .n_steps = n});
    xfree(own_phase);
    fault_crash("step_begun");
    return e;
}

struct finish {
    enum err (*change)(void *ctx, struct run_row *row);
    void *ctx;
};

static enum err finish_change(void *ctx, struct run_row *row)
{
    struct finish *finish = ctx;
    row->unclean_ends = 0;
    return finish->change ? finish->change(finish->ctx, row) : E_OK;
}

static enum err write_patiently(struct journal *j, const struct run_update *update)
{
    enum err e = journal_write(j, update);
    if (e != E_STORAGE) return e;
    log_failure("result_waits", e,
                LOG_STR("next", "kept in memory, written when the database can be written"));
    while (e == E_STORAGE && j->patience.wait(j->patience.ctx))
        e = journal_write(j, update);
    return e;
}

enum err journal_finish(struct journal *j, const struct journal_result *results, size_t n,
                        const struct event_new *events, size_t n_events,
                        enum err (*change)(void *ctx, struct run_row *row), void *ctx)
{
    struct step_write writes[BATCH_MAX];
    struct str sealed[BATCH_MAX];
    assert(n <= BATCH_MAX);
    memset(sealed, 0, sizeof(sealed));
    for (size_t i = 0; i < n; i++) {
        store_step_seal(j->store, j->row->id, j->row->generation, results[i].key, results[i].result,
                        results[i].len, &sealed[i]);
        writes[i] = (struct step_write){.key = results[i].key,
                                        .state = STEP_DONE,
                                        .request_hash = results[i].request_hash,
                                        .sealed = sealed[i].data,
                                        .sealed_len = sealed[i].len,
                                        .meta = results[i].meta};
    }
    struct finish finish = {.change = change, .ctx = ctx};
    fault_crash("step_done_before");
    enum err e = write_patiently(j, &(struct run_update){.change = finish_change,
                                                         .ctx = &finish,
                                                         .events = events,
                                                         .n_events = n_events,
                                                         .steps = writes,
                                                         .n_steps = n});
    fault_crash("step_done_after");
    for (size_t i = 0; i < n; i++)
        str_done(&sealed[i]);
    return e;
}

enum err journal_note(struct journal *j, const struct event_new *event,
                      enum err (*change)(void *ctx, struct run_row *row), void *ctx)
{
    return journal_write(
        j, &(struct run_update){
               .change = change, .ctx = ctx, .events = event, .n_events = event ? 1 : 0});
}

enum err journal_mark(struct journal *j, const struct step_write *begun,
                      const struct event_new *event,
                      enum err (*change)(void *ctx, struct run_row *row), void *ctx)
{
    return journal_write(j, &(struct run_update){.change = change,
                                                 .ctx = ctx,
                                                 .events = event,
                                                 .n_events = event ? 1 : 0,
                                                 .steps = begun,
                                                 .n_steps = 1});
}

enum err journal_intend(struct journal *j, const struct step_write *begun,
                        enum err (*change)(void *ctx, struct run_row *row), void *ctx)
{
    struct event_new event = {.type = "delivery_intended"};
    enum err e = journal_mark(j, begun, &event, change, ctx);
    fault_crash("intent_written");
    return e;
}
