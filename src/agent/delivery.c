#include "agent/delivery.h"

#include "agent/reconcile.h"
#include "agent/settling.h"
#include "base/clock.h"
#include "http/retry.h"

#include <stdio.h>
#include <string.h>

#define PASSING_MAX    5 /* sends after "not now" */
#define REJECTIONS_MAX 3 /* refusals of the provider that the model may answer */
#define WAIT_CAP_MS    (30 * 1000)

/* ---- preview ---- */

static enum err show_preview(void *ctx, struct run_row *row)
{
    const struct sending *s = ctx;
    if (row->is_cancel_wanted) return fail(E_CONFLICT, "cancelled before the preview");
    run_status_move(&row->status, RUN_SUCCEEDED);
    row->delivery = DELIVERY_PREVIEWED;
    row->running_ms += briefing_ran_ms(s->b);
    run_row_set(&row->delivery_connector, s->b->frozen.delivery_connector);
    run_row_set(&row->delivery_channel, s->b->frozen.channel);
    run_row_set(&row->delivery_text, str_text(&s->text));
    run_row_set(&row->phase, NULL);
    run_row_set(&row->summary, "The message was made and is shown here; nothing was posted.");
    return E_OK;
}

static enum err preview(struct sending *s)
{
    struct event_new event = {.type = "previewed"};
    enum err e = journal_note(&s->b->journal, &event, show_preview, s);
    if (e == E_CONFLICT) return briefing_end(s->b, AGENT_CANCELLED, NULL, "cancelled on request");
    if (e) return e;
    return briefing_end(s->b, AGENT_SUCCEEDED, NULL, "previewed");
}

/* ---- intent, send, outcome ---- */

static enum err intend(void *ctx, struct run_row *row)
{
    const struct sending *s = ctx;
    if (row->is_cancel_wanted) return fail(E_CONFLICT, "cancelled before the intent");
    run_status_move(&row->status, RUN_DELIVERING);
    row->delivery = DELIVERY_INTENDED;
    run_row_set(&row->phase, "deliver");
    run_row_set(&row->delivery_connector, s->b->frozen.delivery_connector);
    run_row_set(&row->delivery_channel, s->b->frozen.channel);
    run_row_set(&row->delivery_text, str_text(&s->text));
    return E_OK;
}

static enum err record(void *ctx, struct run_row *row)
{
    const struct sending *s = ctx;
    bool is_delivered = s->outcome == DELIVERED;
    row->delivery = !is_delivered      ? DELIVERY_NONE
                    : s->is_reconciled ? DELIVERY_RECONCILED
                                       : DELIVERY_CONFIRMED;
    run_row_set(&row->phase, NULL);
    if (!is_delivered) {
        run_status_move(&row->status, RUN_RUNNING);
        run_row_set(&row->delivery_text, NULL);
        return E_OK;
    }
    run_row_set(&row->delivery_ts, str_text(&s->ts));
    if (s->permalink.len > 0) run_row_set(&row->delivery_permalink, str_text(&s->permalink));
    if (s->b->frozen.delivery_continues) {
        run_status_move(&row->status, RUN_RUNNING);
        return E_OK;
    }
    char summary[200];
    char cost[32];
    money_format(row->usage.cost_nano_usd, cost);
    snprintf(summary, sizeof(summary),
             "Posted one message to %s after %d model replies and %d tool calls, for $%s.",
             row->delivery_channel, row->turn, row->tool_calls, cost);
    run_row_set(&row->summary, summary);
    row->running_ms += briefing_ran_ms(s->b);
    run_status_move(&row->status, RUN_SUCCEEDED);
    return E_OK;
}

static enum err store_outcome(struct sending *s)
{
    AUTO(str_done) struct str json = {0};
    struct json_writer w = json_writer(&json);
    json_begin_object(&w);
    json_put_string(&w, "outcome", delivery_outcome_name(s->outcome));
    json_put_string(&w, "ts", s->ts.len ? str_text(&s->ts) : NULL);
    json_put_string(&w, "why", s->why);
    json_put_string(&w, "said", s->said);
    json_end_object(&w);
    AUTO(str_done) struct str data = {0};
    w = json_writer(&data);
    json_begin_object(&w);
    json_put_string(&w, "outcome", delivery_outcome_name(s->outcome));
    json_put_string(&w, "channel", s->b->frozen.channel);
    json_put_string(&w, "ts", s->ts.len ? str_text(&s->ts) : NULL);
    json_end_object(&w);
    struct journal_result result = {.key = s->key,
                                    .request_hash = s->hash,
                                    .result = json.data,
                                    .len = json.len,
                                    .meta = str_text(&data)};
    struct event_new event = {.type =
                                  s->outcome == DELIVERED ? "delivered" : "delivery_not_executed",
                              .data = str_text(&data)};
    return journal_finish(&s->b->journal, &result, 1, &event, 1, record, s);
}

static enum err load_outcome(struct sending *s, const struct step_row *row)
{
    struct json_span root = json_root(str_text(&row->result), row->result.len);
    AUTO(xfree_ptr) char *name = json_strdup(json_get(root, "outcome"), 100);
    AUTO(xfree_ptr) char *why = json_strdup(json_get(root, "why"), sizeof(s->why) - 1);
    AUTO(xfree_ptr) char *said = json_strdup(json_get(root, "said"), sizeof(s->said) - 1);
    snprintf(s->why, sizeof(s->why), "%s", why ? why : "");
    snprintf(s->said, sizeof(s->said), "%s", said ? said : s->why);
    if (!name || delivery_outcome_parse(name, &s->outcome))
        return fail(E_CORRUPT, "the stored outcome of step %s is not whole", row->key);
    return E_OK;
}

static enum err intend_and_send(struct sending *s)
{
    struct briefing *b = s->b;
    enum err e = briefing_check(b);
    if (!e) e = reconcile_identity(b);
    if (e) return e;
    s->intended_unix_ms = clock_unix_ms();
    int64_t ahead_ms = scalekit_clock_ahead_ms(b->agent->scalekit); /* the probe's answer says */
    s->clock_ahead_ms = ahead_ms > 0 ? ahead_ms : 0;
    AUTO(str_done) struct str meta = {0};
    settling_write(&(struct settling){.clock_ahead_ms = s->clock_ahead_ms}, &meta);
    struct step_write begun = {
        .key = s->key, .state = STEP_BEGUN, .request_hash = s->hash, .meta = str_text(&meta)};
    e = journal_intend(&b->journal, &begun, intend, s);
    if (e == E_CONFLICT) return briefing_end(b, AGENT_CANCELLED, NULL, "cancelled on request");
    if (e) return e;
    s->intended_mono_ms = clock_mono_ms();
    sending_send(s);
    return E_OK;
}

/* Finds or makes the outcome of the next send. */
static enum err next_outcome(struct sending *s, bool *out_is_replayed)
{
    struct briefing *b = s->b;
    s->why[0] = '\0';
    s->said[0] = '\0';
    snprintf(s->key, sizeof(s->key), "delivery/%d", ++b->n_deliveries);
    const struct step_row *row = NULL;
    enum err e = journal_find(&b->journal, s->key, s->hash, &row);
    *out_is_replayed = row != NULL;
    if (e) return e;
    if (row) return load_outcome(s, row);
    if (delivery_is_out(b->row->delivery)) {
        tool_call_refuse(s->call, "Not sent: this briefing's one message was posted already.");
        return E_OK;
    }
    s->intended_unix_ms = journal_begun_ms(&b->journal, s->key);
    bool is_left_open =
        s->intended_unix_ms > 0; /* by a process that died, or a stop while we looked */
    s->intended_mono_ms = clock_mono_ms();
    e = is_left_open ? E_OK : intend_and_send(s);
    if (e) return e;
    if (is_left_open || s->outcome == DELIVERY_NOBODY_KNOWS) e = reconcile(s, is_left_open);
    briefing_off_clock(b, s->intended_mono_ms); /* it runs only while running */
    return e ? e : store_outcome(s);
}

static enum err wait_to_send_again(struct sending *s, int n_passing)
{
    struct briefing *b = s->b;
    if (n_passing > PASSING_MAX)
        return briefing_end(
            b, AGENT_FAILED, "connector_service_unavailable",
            "nothing was posted: the provider said \"not now\" %d times, the last: %s", n_passing,
            s->why);
    int64_t wait_ms = retry_delay_ms(n_passing - 1, s->asked_wait_ms > 0, s->asked_wait_ms,
                                     b->agent->delivery_retry_ms, WAIT_CAP_MS);
    if (retry_sleep(b->agent->http, wait_ms, &b->control->reads, b->deadline_mono_ms)) return E_OK;
    enum err e = briefing_check(b);
    if (e) return e;
    return briefing_end(b, AGENT_FAILED, "deadline_exceeded",
                        "nothing was posted: the provider said \"not now\": %s", s->why);
}

static enum err refused(struct sending *s)
{
    struct briefing *b = s->b;
    if (++b->n_rejections >= REJECTIONS_MAX)
        return briefing_end(b, AGENT_FAILED, "delivery_rejected",
                            "nothing was posted, the provider refused %d times: %s",
                            b->n_rejections, s->why);
    tool_call_refuse(s->call, "Not sent, the provider refused it: %.300s", s->said);
    return E_OK;
}

static enum err deliver(struct sending *s)
{
    struct briefing *b = s->b;
    for (int n_passing = 1;;) {
        bool is_replayed = false;
        enum err e = next_outcome(s, &is_replayed);
        if (e || s->call->is_answered) return e;
        switch (s->outcome) {
        case DELIVERED:
            b->is_delivered = true;
            if (!b->frozen.delivery_continues)
                return briefing_end(b, AGENT_SUCCEEDED, NULL, "delivered");
            str_append_text(&s->call->outcome.text, "The message was posted.");
            s->call->is_answered = true;
            return E_OK;
        case DELIVERY_NOT_ACCEPTED:
            return refused(s);
        case DELIVERY_NOT_ACCOUNT:
            if (is_replayed) continue; /* the account was mended since */
            return briefing_blocked(b, b->frozen.delivery_connector, "EXPIRED");
        case DELIVERY_NOT_OURS:
            if (is_replayed) continue;
            return briefing_end(b, AGENT_CREDENTIALS, "credentials_rejected",
                                "nothing was posted: ScaleKit refuses our client credentials (%s)",
                                s->why);
        case DELIVERY_NOT_NOW:
            e = is_replayed ? E_OK : wait_to_send_again(s, n_passing);
            if (e) return e;
            n_passing++;
            continue;
        case DELIVERY_SURELY_ABSENT:
            if (++b->n_absent == 1) continue; /* once more, and never again */
            b->end->needs_attention = true;
            return briefing_end(
                b, AGENT_FAILED, "delivery_unknown",
                "two sends got no answer and are not in the channel; nothing is sent again");
        case DELIVERY_NOBODY_KNOWS:
        case DELIVERY_OUTCOME_COUNT:
            return fail(E_CORRUPT, "step %s has an outcome that is never stored", s->key);
        }
    }
}

enum err delivery_run(struct briefing *b, struct tool_call *call)
{
    AUTO(sending_done) struct sending s = {.b = b, .call = call};
    if (!sending_make(&s)) return E_OK;
    if (text_equal(b->row->mode, "preview")) return preview(&s);
    return deliver(&s);
}
