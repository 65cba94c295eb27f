#include "agent/delivery.h"

#include "agent/accounts.h"
#include "agent/delivery_outcome.h"
#include "agent/message_text.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "http/retry.h"

#include <stdio.h>
#include <string.h>

#define PASSING_MAX    5 /* sends after "not now" */
#define REJECTIONS_MAX 3 /* refusals of the provider that the model may answer */
#define WAIT_CAP_MS    (30 * 1000)

/* One send, from its key to its outcome. */
struct sending {
    struct briefing *b;
    struct tool_call *call;
    struct str text;   /* what people will read */
    struct str params; /* the tool's arguments */
    char key[STEP_KEY_MAX];
    char hash[SHA256_HEX_LEN + 1];
    enum delivery_outcome outcome;
    struct str ts;
    struct str permalink;
    char why[400]; /* the provider's words, for the model and the error */
    int64_t asked_wait_ms;
};

static void sending_done(struct sending *s)
{
    str_done(&s->text);
    str_done(&s->params);
    str_done(&s->ts);
    str_done(&s->permalink);
}

/* ---- the call is checked before anything happens ---- */

/* Is there something in the call beside the text? Naming the destination that is fixed anyway is
 * harmless. */
static bool asks_for_more(const struct frozen *frozen, struct json_span input)
{
    for (struct json_iter it = json_iter(input); json_next(&it);) {
        bool is_text = json_string_is(it.key, frozen->text_argument);
        bool is_ours = json_string_is(it.key, frozen->channel_argument) &&
                       json_string_is(it.value, frozen->channel);
        if (!is_text && !is_ours) return true;
    }
    return false;
}

/* Fills the text, or refuses the call. */
static bool make_text(struct sending *s)
{
    const struct frozen *frozen = &s->b->frozen;
    AUTO(str_done) struct str raw = {0};
    if (!json_string(json_get(s->call->input, frozen->text_argument), &raw)) {
        tool_call_refuse(s->call, "Not sent: \"%s\" must be a string with the whole message.",
                         frozen->text_argument);
        return false;
    }
    if (asks_for_more(frozen, s->call->input)) {
        tool_call_refuse(
            s->call,
            "Not sent: give only \"%s\". The destination is fixed and nothing else can be set.",
            frozen->text_argument);
        return false;
    }
    if (message_text_make(str_text(&raw), raw.len, s->b->row->id, &s->text)) {
        tool_call_refuse(s->call, "Not sent: %s.", err_detail());
        return false;
    }
    size_t length = message_text_length(s->text.data, s->text.len);
    if (length > (size_t)frozen->text_chars_max) {
        tool_call_refuse(s->call,
                         "Not sent: the message has %zu characters, at most %d are possible. "
                         "Shorten it and send it again.",
                         length, frozen->text_chars_max);
        return false;
    }
    return true;
}

static void make_params(struct sending *s)
{
    const struct frozen *frozen = &s->b->frozen;
    struct json_writer w = json_writer(&s->params);
    json_begin_object(&w);
    json_put_string(&w, frozen->channel_argument, frozen->channel);
    json_key(&w, frozen->text_argument);
    json_write_string_n(&w, s->text.data, s->text.len);
    struct json_span fixed = json_root(frozen->fixed_arguments, strlen(frozen->fixed_arguments));
    for (struct json_iter it = json_iter(fixed); json_next(&it);) {
        AUTO(xfree_ptr) char *key = json_strdup(it.key, 100);
        if (!key) continue;
        json_key(&w, key);
        json_write_span(&w, it.value);
    }
    json_end_object(&w);
    struct sha256_state state;
    sha256_init(&state);
    sha256_add_text(&state, s->call->tool->connection_name);
    sha256_add_text(&state, s->call->tool->name);
    sha256_add(&state, s->params.data, s->params.len);
    sha256_final_hex(&state, s->hash);
}

/* ---- preview ---- */

static enum err show_preview(void *ctx, struct run_row *row)
{
    const struct sending *s = ctx;
    if (row->is_cancel_wanted) return fail(E_CONFLICT, "cancelled before the preview");
    run_status_move(&row->status, RUN_SUCCEEDED);
    row->delivery = DELIVERY_PREVIEWED;
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

/* ---- who it is, one more time ---- */

static enum err check_identity(struct briefing *b)
{
    const struct frozen_account *frozen =
        frozen_account_find(&b->frozen, b->frozen.delivery_connector);
    const struct connector *connector =
        catalogue_connector(b->agent->catalogue, b->frozen.delivery_connector);
    if (!frozen || !frozen->identity || !connector || !connector->probe_tool) return E_OK;
    AUTO(str_done) struct str identity = {0};
    struct scalekit_call call = briefing_call(b);
    struct scalekit_error error = {0};
    enum err e = accounts_probe(b->agent, &call, b->row->user_id, connector, &identity, &error);
    if (e) {
        e = briefing_scalekit_failed(b, &error, connector->name,
                                     "asking who is connected before the delivery");
        if (e) return e;
        return briefing_end(b, AGENT_FAILED, "connector_service_unavailable",
                            "nothing was sent: %s could not be asked who is connected (HTTP %d %s)",
                            connector->label, error.status, error.error_code);
    }
    if (str_equals(&identity, frozen->identity)) return E_OK;
    return briefing_end(b, AGENT_PARKED, NULL, "another %s account is connected now: starting over",
                        connector->label);
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

static void send_once(struct sending *s)
{
    struct briefing *b = s->b;
    struct scalekit_execute what = {.tool_name = s->call->tool->name,
                                    .connection_name = s->call->tool->connection_name,
                                    .identifier = b->row->user_id,
                                    .params = s->params.data,
                                    .params_len = s->params.len,
                                    .agent_run_id = b->row->id,
                                    .is_delivery = true};
    /* Nothing calls off a delivery: no cancel token, no deadline but the call's own timeout. */
    struct scalekit_call call = {.traceparent = b->row->traceparent};
    AUTO(scalekit_result_done) struct scalekit_result result = {0};
    struct scalekit_error error = {0};
    enum err e = scalekit_execute(b->agent->scalekit, &call, &what, &result, &error);
    s->outcome = delivery_classify(e, &result, &error, &s->ts);
    s->asked_wait_ms = error.retry_after_ms;
    if (e)
        snprintf(s->why, sizeof(s->why), "HTTP %d %s %.300s", error.status, error.error_code,
                 error.message);
    else if (result.is_provider_failure)
        snprintf(s->why, sizeof(s->why), "%s", result.provider_error);
    else if (s->outcome == DELIVERY_NOBODY_KNOWS)
        snprintf(s->why, sizeof(s->why), "an answer without the message's ts");
    struct json_span data = json_root(str_text(&result.data), result.data.len);
    if (!e && !json_string(json_get(data, "permalink"), &s->permalink)) str_clear(&s->permalink);
}

static enum err record(void *ctx, struct run_row *row)
{
    const struct sending *s = ctx;
    bool is_delivered = s->outcome == DELIVERED;
    row->delivery = is_delivered ? DELIVERY_CONFIRMED : DELIVERY_NONE;
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
    snprintf(s->why, sizeof(s->why), "%s", why ? why : "");
    if (!name || delivery_outcome_parse(name, &s->outcome))
        return fail(E_CORRUPT, "the stored outcome of step %s is not whole", row->key);
    return E_OK;
}

/* Finds or makes the outcome of the next send. */
static enum err next_outcome(struct sending *s, bool *out_is_replayed)
{
    struct briefing *b = s->b;
    s->why[0] = '\0';
    snprintf(s->key, sizeof(s->key), "delivery/%d", ++b->n_deliveries);
    const struct step_row *row = NULL;
    enum err e = journal_find(&b->journal, s->key, s->hash, &row);
    *out_is_replayed = row != NULL;
    if (e) return e;
    if (row) return load_outcome(s, row);
    if (b->row->delivery == DELIVERY_CONFIRMED) {
        tool_call_refuse(s->call, "Not sent: this briefing's one message was posted already.");
        return E_OK;
    }

    e = briefing_check(b);
    if (!e) e = check_identity(b);
    if (e) return e;
    struct step_write begun = {.key = s->key, .state = STEP_BEGUN, .request_hash = s->hash};
    e = journal_intend(&b->journal, &begun, intend, s);
    if (e == E_CONFLICT) return briefing_end(b, AGENT_CANCELLED, NULL, "cancelled on request");
    if (e) return e;
    send_once(s);
    if (s->outcome == DELIVERY_NOBODY_KNOWS) {
        b->end->needs_attention = true;
        return briefing_end(b, AGENT_FAILED, "delivery_unknown",
                            "the message was sent, and nobody knows whether it arrived: %s. Look "
                            "into the channel for %s",
                            s->why, b->row->id);
    }
    return store_outcome(s);
}

static enum err wait_to_send_again(struct sending *s, int n_passing)
{
    struct briefing *b = s->b;
    if (n_passing > PASSING_MAX)
        return briefing_end(
            b, AGENT_FAILED, "connector_service_unavailable",
            "nothing was posted: the provider said \"not now\" %d times, the last: %s", n_passing,
            s->why);
    int64_t base_ms = b->agent->delivery_retry_ms ? b->agent->delivery_retry_ms : 1000;
    int64_t wait_ms =
        retry_delay_ms(n_passing - 1, s->asked_wait_ms > 0, s->asked_wait_ms, base_ms, WAIT_CAP_MS);
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
    tool_call_refuse(s->call, "Not sent, the provider refused it: %.300s", s->why);
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
        case DELIVERY_NOBODY_KNOWS:
        case DELIVERY_OUTCOME_COUNT:
            return fail(E_CORRUPT, "step %s has an outcome that is never stored", s->key);
        }
    }
}

enum err delivery_run(struct briefing *b, struct tool_call *call)
{
    AUTO(sending_done) struct sending s = {.b = b, .call = call};
    if (!make_text(&s)) return E_OK;
    make_params(&s);
    if (text_equal(b->row->mode, "preview")) return preview(&s);
    return deliver(&s);
}

enum err delivery_recover(struct briefing *b)
{
    if (!journal_has_begun(&b->journal, "delivery/")) return E_OK;
    b->end->needs_attention = true;
    return briefing_end(
        b, AGENT_FAILED, "delivery_unknown",
        "the process ended while the message was on its way, and nobody knows whether it arrived. "
        "Look into the channel for %s",
        b->row->id);
}
