/*
 * The loop: one briefing, read from top to bottom.
 *
 *   prepare ─▶ ask ─▶ run tools ─▶ ask ─▶ … ─▶ deliver
 *
 * Each reply and each tool call is a durable step, so that after a crash this same code walks again
 * over what is stored and goes on where it stopped.
 */
#include "agent/briefing.h"
#include "agent/delivery.h"
#include "agent/model_step.h"
#include "agent/tools.h"
#include "base/clock.h"

#include <stdio.h>

#define ENLARGEMENTS_MAX 2 /* doublings of max_tokens after a reply that was cut off */

struct conversation {
    struct transcript transcript;
    int max_tokens;
    int n_enlarged;
    bool is_reminded;
};

static const char reminder[] = "You have not sent the message yet. Send it now with one call of "
                               "the send tool, alone, using what you found out. "
                               "If the data was incomplete, say so in the message.";

/* A delivery counts only when it is the one call of its reply. */
static enum err answer_calls(struct briefing *b, struct conversation *c,
                             const struct model_reply *reply, int n, struct tool_calls *calls)
{
    for (size_t i = 0; i < calls->n; i++) {
        struct tool_call *call = &calls->items[i];
        if (call->is_answered) continue;
        if (reply->stop != STOP_TOOL_USE)
            tool_call_refuse(call, "Not executed: the reply ended with \"%s\".", reply->stop_word);
        else if (call->tool->is_delivery && calls->n > 1)
            tool_call_refuse(call, "Not sent: call this tool alone, in a reply of its own.");
    }
    enum err e = tools_read(b, n, calls);
    if (e) return e;
    for (size_t i = 0; i < calls->n; i++) {
        if (calls->items[i].is_answered) continue;
        e = delivery_run(b, &calls->items[i]);
        if (e) return e;
    }
    AUTO(xfree_ptr) struct tool_outcome *outcomes = xcalloc(calls->n, sizeof(*outcomes));
    for (size_t i = 0; i < calls->n; i++)
        outcomes[i] = calls->items[i].outcome; /* borrowed: freed with the calls */
    transcript_add_results(&c->transcript, outcomes, calls->n);
    return E_OK;
}

static enum err no_calls(struct briefing *b, struct conversation *c)
{
    if (b->is_delivered) return briefing_end(b, AGENT_SUCCEEDED, NULL, "finished");
    if (c->is_reminded)
        return briefing_end(b, AGENT_FAILED, "not_delivered",
                            "the model ended without sending the message, also after a reminder; "
                            "nothing was posted");
    c->is_reminded = true;
    transcript_add_user_text(&c->transcript, reminder);
    return E_OK;
}

/* A reply that was cut off is thrown away and asked for again with more room: a cut tool call must
 * never run. */
static enum err cut_off(struct briefing *b, struct conversation *c)
{
    int most = b->frozen.prices.max_output_tokens;
    if (c->n_enlarged == ENLARGEMENTS_MAX || c->max_tokens >= most)
        return briefing_end(b, AGENT_FAILED, "model_truncated",
                            "the model's reply does not fit into %d tokens; nothing was posted",
                            c->max_tokens);
    c->n_enlarged++;
    c->max_tokens = c->max_tokens > most / 2 ? most : 2 * c->max_tokens;
    return E_OK;
}

static enum err take_reply(struct briefing *b, struct conversation *c,
                           const struct model_reply *reply, int n)
{
    switch (reply->stop) {
    case STOP_MAX_TOKENS:
        return cut_off(b, c);
    case STOP_REFUSAL:
        return briefing_end(
            b, AGENT_FAILED, "model_refused", "the model refused to go on%s%s; nothing was posted",
            reply->refusal_category[0] ? ", category " : "", reply->refusal_category);
    case STOP_CONTEXT_EXCEEDED:
        return briefing_end(b, AGENT_FAILED, "model_context_exceeded",
                            "the conversation is longer than the model takes");
    case STOP_UNKNOWN:
    case STOP_REASON_COUNT:
        return briefing_end(b, AGENT_FAILED, "model_rejected",
                            "the model stopped for a reason this version does not know: \"%s\"",
                            reply->stop_word);
    case STOP_END_TURN:
    case STOP_TOOL_USE:
    case STOP_SEQUENCE:
    case STOP_PAUSE_TURN:
        break;
    }
    transcript_add_assistant(&c->transcript, reply->content);
    AUTO(tool_calls_done) struct tool_calls calls = {0};
    enum err e = tool_calls_collect(&b->frozen, reply->content, &calls);
    if (e == E_PROTOCOL) return briefing_end(b, AGENT_FAILED, "model_rejected", "%s", err_detail());
    if (e) return e;
    /* Calls come first, also of a reply that calls itself paused: unanswered they may not go back. */
    if (calls.n > 0) return answer_calls(b, c, reply, n, &calls);
    return reply->stop == STOP_PAUSE_TURN ? E_OK : no_calls(b, c);
}

static void conversation_done(struct conversation *c)
{
    transcript_done(&c->transcript);
}

static enum err converse(struct briefing *b)
{
    AUTO(conversation_done) struct conversation c = {.max_tokens = b->frozen.max_tokens};
    transcript_add_user_text(&c.transcript, b->frozen.first_message);
    for (int n = 1; n <= b->frozen.turns_max; n++) {
        AUTO(model_reply_done) struct model_reply reply = {0};
        enum err e = model_step(b, &c.transcript, n, c.max_tokens, &reply);
        if (e) return e;
        e = take_reply(b, &c, &reply, n);
        if (e) return e;
    }
    return briefing_end(b, AGENT_FAILED, "model_max_turns",
                        "not finished after %d replies of the model", b->frozen.turns_max);
}

/* An error that is not a decision: briefd or its database could not go on. */
static void undecided(struct agent_end *end, enum err e)
{
    end->kind = e == E_LOST      ? AGENT_LOST
                : e == E_STORAGE ? AGENT_PARKED /* taken up again when it can be written */
                                 : AGENT_FAILED;
    if (end->kind == AGENT_FAILED)
        end->code = e == E_CORRUPT ? "internal_replay_mismatch" : "internal";
    snprintf(end->detail, sizeof(end->detail), "%s", err_detail());
}

void agent_run(const struct agent *agent, struct run_row *row, struct agent_control *control,
               struct agent_end *out_end)
{
    *out_end = (struct agent_end){0};
    struct briefing b = {.agent = agent, .row = row, .control = control, .end = out_end};
    b.started_mono_ms = clock_mono_ms();
    b.deadline_mono_ms = b.started_mono_ms + row->deadline_ms - row->running_ms;
    struct journal_patience patience = {.wait = briefing_wait_for_room, .ctx = &b};
    enum err e = journal_open(&b.journal, agent->store, row, patience);
    if (!e) e = prepare(&b);
    if (!e) e = converse(&b);
    if (out_end->kind == AGENT_UNDECIDED) undecided(out_end, e);
    out_end->ran_ms = briefing_ran_ms(&b);
    frozen_done(&b.frozen);
    journal_close(&b.journal);
}
