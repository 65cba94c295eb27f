/*
 * A run thread: from the claim to the written end. The agent does the briefing; this file only
 * surrounds it.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/trace.h"
#include "runs/engine.h"

#include <stdio.h>
#include <string.h>

/* What the lines and the calls of this thread belong to. */
static void set_context(const struct run_row *row)
{
    log_set_run(row->id, row->user_id);
    trace_set(row->traceparent);
}

static void leave(struct live_run *run)
{
    struct runs *runs = run->runs;
    mutex_lock(&runs->mutex);
    engine_drop_locked(run);
    mutex_unlock(&runs->mutex);
    run_row_done(&run->row);
    xfree(run);
    /* The last touch: from here on runs_stop() may free everything. */
    mutex_lock(&runs->mutex);
    runs->n_live--;
    cond_broadcast(&runs->changed);
    mutex_unlock(&runs->mutex);
}

static void run_it(struct live_run *run)
{
    struct agent_end end;
    set_context(&run->row);
    fault_subject(run->row.user_id);
    log_info("run_started", LOG_STR("recipe", run->row.recipe),
             LOG_INT("attempt", run->row.attempt));
    if (suspects_include(run->row.unclean_ends))
        log_warn("run_alone", LOG_INT("unclean_ends", run->row.unclean_ends),
                 LOG_STR("why", "the process died while this run was in flight"));
    /* What is reloaded meanwhile counts for what starts later. */
    AUTO(agent_release) struct agent agent = agent_hold(run->runs->options.agent);
    agent_run(&agent, &run->row, &run->control, &end);
    finish_run(run, &end);
    log_set_run(NULL, NULL);
    trace_set(NULL);
}

static void *run_main(void *arg)
{
    struct live_run *run = arg;
    if (engine_claim(run)) run_it(run);
    leave(run);
    return NULL;
}

enum err worker_start(struct live_run *run)
{
    /* The kernel shows 15 characters: the end of the id is what tells runs apart. */
    char name[16];
    size_t len = strlen(run->id);
    snprintf(name, sizeof(name), "run-%s", run->id + (len > 11 ? len - 11 : 0));
    return thread_start_detached(name, run_main, run);
}
