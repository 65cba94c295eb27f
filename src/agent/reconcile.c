#include "agent/reconcile.h"

#include "agent/accounts.h"
#include "agent/history.h"
#include "agent/settling.h"
#include "base/clock.h"
#include "http/retry.h"

#include <stdarg.h>
#include <stdio.h>

#define CLOCK_SKEW_MS      (10 * 60 * 1000) /* Slack's clock against ScaleKit's, or ours */
#define SLICE_MS           500              /* how soon a stop of the process is noticed */
#define BETWEEN_READS_MS   (10 * 1000)
#define READS_NEEDED       2 /* to call a message absent */
#define IDENTITY_AGAIN_MAX 4 /* before a send, when the probe says "not now" */

static enum err cannot_know(struct sending *s, const char *format, ...) PRINTF_LIKE(2, 3);
static enum err cannot_know(struct sending *s, const char *format, ...)
{
    char why[300];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    s->b->end->needs_attention = true;
    return briefing_end(s->b, AGENT_FAILED, "delivery_unknown",
                        "the message may have been posted, and nobody can know: %s%s%s. Look into "
                        "the channel for %s",
                        s->why, s->why[0] ? "; " : "", why, s->b->row->id);
}

static int64_t between_reads_ms(const struct briefing *b)
{
    int64_t pause_ms = b->agent->reconcile_pause_ms;
    return pause_ms < BETWEEN_READS_MS ? pause_ms : BETWEEN_READS_MS;
}

/* ---- who is connected ---- */

enum same_identity { IDENTITY_SAME, IDENTITY_OTHER, IDENTITY_LATER };

/* Asks the probe. OK with an answer, or the run's end is decided. */
static enum err ask_identity(struct briefing *b, enum same_identity *out,
                             struct scalekit_error *error)
{
    const struct frozen_account *frozen =
        frozen_account_find(&b->frozen, b->frozen.delivery_connector);
    const struct connector *connector =
        catalogue_connector(b->agent->catalogue, b->frozen.delivery_connector);
    *out = IDENTITY_SAME;
    if (!frozen || !frozen->identity) return E_OK;
    if (!connector || !connector->probe_tool)
        return briefing_end(b, AGENT_FAILED, "connector_not_ready",
                            "nobody can be asked who is connected: %s has no probe any more",
                            b->frozen.delivery_connector);
    /* Where the message goes and is looked for, whatever the configuration says by now. */
    struct connector there = *connector;
    there.connection_name = frozen->connection_name;
    AUTO(str_done) struct str identity = {0};
    struct scalekit_call call = briefing_call(b);
    call.deadline_mono_ms = 0; /* reconciling has a clock of its own */
    enum err e = accounts_probe(b->agent, &call, b->row->user_id, &there, &identity, error);
    if (e) {
        *out = IDENTITY_LATER;
        return briefing_scalekit_failed(b, error, connector->name, "asking who is connected");
    }
    if (!str_equals(&identity, frozen->identity)) *out = IDENTITY_OTHER;
    return E_OK;
}

/* False: there is no time, or no patience left. */
static bool may_ask_again(struct briefing *b, const struct scalekit_error *error, int n_asked)
{
    if (n_asked > IDENTITY_AGAIN_MAX) return false;
    int64_t wait_ms = retry_delay_ms(n_asked - 1, error->retry_after_ms > 0, error->retry_after_ms,
                                     b->agent->delivery_retry_ms, BETWEEN_READS_MS);
    return retry_sleep(b->agent->http, wait_ms, &b->control->reads, b->deadline_mono_ms);
}

enum err reconcile_identity(struct briefing *b)
{
    for (int n_asked = 1;; n_asked++) {
        enum same_identity answer;
        struct scalekit_error error = {0};
        enum err e = ask_identity(b, &answer, &error);
        if (e || answer == IDENTITY_SAME) return e;
        if (answer == IDENTITY_OTHER)
            return briefing_end(b, AGENT_PARKED, NULL,
                                "another %s account is connected now: starting over",
                                b->frozen.delivery_connector);
        if (may_ask_again(b, &error, n_asked)) continue;
        e = briefing_check(b);
        if (e) return e;
        char story[SCALEKIT_STORY_MAX];
        scalekit_error_describe(&error, story, sizeof(story));
        return briefing_end(b, AGENT_FAILED, "connector_service_unavailable",
                            "nothing was posted: %s could not be asked who is connected (%s)",
                            b->frozen.delivery_connector, story);
    }
}

/* ---- waiting ---- */

/* Waits in slices, so that a stop parks the run at once: the next start goes on looking. */
static enum err wait_until(struct briefing *b, int64_t until_mono_ms)
{
    while (clock_mono_ms() < until_mono_ms) {
        int64_t left_ms = until_mono_ms - clock_mono_ms();
        (void)retry_sleep(b->agent->http, left_ms < SLICE_MS ? left_ms : SLICE_MS,
                          &b->control->reads, 0);
        if (atomic_load(&b->control->wish) == AGENT_STOP_PARK)
            return briefing_end(
                b, AGENT_PARKED, NULL,
                "the service is stopping; it looks into the channel again when it starts");
    }
    return E_OK;
}

/* ---- the line ---- */

static enum err move_to_delivering(void *ctx, struct run_row *row)
{
    (void)ctx;
    run_status_move(&row->status, RUN_DELIVERING);
    run_row_set(&row->phase, "reconcile");
    return E_OK;
}

struct looking {
    struct settling settling; /* as it is stored */
    int64_t began_ms;         /* mono: this attempt */
    int64_t give_up_ms;       /* mono */
    int64_t settled_ms;       /* mono: absence counts from here on */
    int64_t oldest_unix_ms;
    struct history_read read;
};

static void looking_done(struct looking *l)
{
    history_read_done(&l->read);
}

static enum err check_author(struct sending *s, struct looking *l)
{
    for (;;) {
        enum same_identity answer;
        struct scalekit_error error = {0};
        enum err e = ask_identity(s->b, &answer, &error);
        if (e || answer == IDENTITY_SAME) return e;
        if (answer == IDENTITY_OTHER) return cannot_know(s, "another account is connected now");
        int64_t pause_ms = between_reads_ms(s->b);
        int64_t wait_ms = error.retry_after_ms > 0 ? error.retry_after_ms : pause_ms;
        if (clock_mono_ms() + wait_ms > l->give_up_ms) {
            char story[SCALEKIT_STORY_MAX];
            scalekit_error_describe(&error, story, sizeof(story));
            return cannot_know(s, "nobody could be asked who is connected (%.200s)", story);
        }
        e = wait_until(s->b, clock_mono_ms() + wait_ms);
        if (e) return e;
    }
}

static int64_t between_looks_ms(const struct briefing *b)
{
    int64_t gap_ms = b->agent->delivery_settle_ms / 4;
    return gap_ms < BETWEEN_READS_MS ? gap_ms : BETWEEN_READS_MS;
}

/* One look. *out_is_decided: the outcome is set. */
static enum err look(struct sending *s, struct looking *l, bool *out_is_decided)
{
    struct briefing *b = s->b;
    struct history_read *read = &l->read;
    enum err e = history_look(b, l->oldest_unix_ms, read);
    if (e) return e;
    int64_t next_ms = clock_mono_ms() + between_looks_ms(b);
    switch (read->end) {
    case HISTORY_FOUND:
        s->outcome = DELIVERED;
        s->is_reconciled = true;
        str_move(&s->ts, &read->ts);
        *out_is_decided = true;
        return E_OK;
    case HISTORY_ABSENT:
        if (read->began_ms >= l->settled_ms) l->settling.n_reads++;
        history_read_done(read);
        if (l->settling.n_reads >= READS_NEEDED) {
            e = check_author(s, l); /* it was the same channel that was read */
            if (e) return e;
            s->outcome = DELIVERY_SURELY_ABSENT;
            *out_is_decided = true;
            return E_OK;
        }
        if (next_ms < l->settled_ms) next_ms = l->settled_ms;
        break;
    case HISTORY_INCOMPLETE:
        return cannot_know(s, "the channel cannot be read completely (%s)", read->why);
    case HISTORY_LATER:
        next_ms = clock_mono_ms() + read->wait_ms;
        break;
    }
    if (next_ms > l->give_up_ms)
        return cannot_know(s, "the channel could not be read in time%s%s%s",
                           read->why[0] ? " (" : "", read->why, read->why[0] ? ")" : "");
    return wait_until(b, next_ms);
}

/* Keeps what the next attempt must know; with an event also that looking has begun. */
static enum err remember(struct sending *s, const struct looking *l, const struct event_new *event)
{
    AUTO(str_done) struct str meta = {0};
    settling_write(&l->settling, &meta);
    struct step_write begun = {
        .key = s->key, .state = STEP_BEGUN, .request_hash = s->hash, .meta = str_text(&meta)};
    return journal_mark(&s->b->journal, &begun, event, event ? move_to_delivering : NULL, NULL);
}

/* Takes up the clocks where an earlier attempt left them: the settle time, which no send can fall
 * into any more, and the patience. */
static enum err begin_looking(struct sending *s, struct looking *l)
{
    const struct agent *agent = s->b->agent;
    const struct step_row *step = journal_begun(&s->b->journal, s->key);
    l->settling =
        step ? settling_read(step->meta) : (struct settling){.clock_ahead_ms = s->clock_ahead_ms};
    l->began_ms = clock_mono_ms();
    int64_t settle_ms = agent->delivery_settle_ms;
    int64_t quiet_ms = settling_quiet_ms(&l->settling, clock_unix_ms(), l->began_ms);
    int64_t settle_left_ms = settle_ms > quiet_ms ? settle_ms - quiet_ms : 0;
    int64_t patience_ms =
        agent->reconcile_timeout_ms > 2 * settle_ms ? agent->reconcile_timeout_ms : 2 * settle_ms;
    int64_t left_ms = patience_ms - l->settling.looked_ms;
    int64_t needed_ms = settle_left_ms + 2 * between_looks_ms(s->b);
    if (left_ms > 0 && left_ms < needed_ms) left_ms = needed_ms;
    l->settled_ms = l->began_ms + settle_left_ms;
    l->give_up_ms = l->began_ms + left_ms;
    l->oldest_unix_ms = s->intended_unix_ms - l->settling.clock_ahead_ms - CLOCK_SKEW_MS;
    if (l->oldest_unix_ms < 0) l->oldest_unix_ms = 0;
    return remember(s, l, &(struct event_new){.type = "delivery_reconciling"});
}

/* A run that goes on later does not get all the time once more. */
static void stop_looking(struct sending *s, struct looking *l)
{
    enum agent_end_kind kind = s->b->end->kind;
    if (kind != AGENT_PARKED && kind != AGENT_BLOCKED && kind != AGENT_CREDENTIALS) return;
    l->settling.looked_ms += clock_mono_ms() - l->began_ms;
    /* What cannot be written costs time, and nothing else. */
    enum err e = remember(s, l, NULL);
    (void)e;
}

enum err reconcile(struct sending *s, bool is_left_open)
{
    struct briefing *b = s->b;
    if (is_left_open)
        snprintf(s->why, sizeof(s->why), "the process ended while the message was on its way");
    if (!b->frozen.history_tool || b->frozen.n_authors == 0)
        return cannot_know(s, "there is no tool to read the channel back");
    AUTO(looking_done) struct looking l = {0};
    enum err e = begin_looking(s, &l);
    if (e) return e;
    e = check_author(s, &l);
    bool is_decided = false;
    while (!e && !is_decided)
        e = look(s, &l, &is_decided);
    if (e) stop_looking(s, &l);
    return e;
}
