#include "agent/model_step.h"

#include "base/clock.h"
#include "base/crypt.h"

#include <stdio.h>
#include <string.h>

#define OPEN_COST "may_have_cost_nano_usd" /* in the meta of a begun step */

void model_reply_done(struct model_reply *reply)
{
    str_done(&reply->json);
    *reply = (struct model_reply){0};
}

/* ---- storing and loading a reply ---- */

static void put_reply(struct str *out, const struct anthropic_reply *reply)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_int(&w, "stop", reply->stop);
    json_put_string(&w, "stop_word", reply->stop_word);
    json_put_string(&w, "refusal_category", reply->refusal_category);
    json_put_bool(&w, "truncated_tool_use", reply->has_truncated_tool_use);
    json_put_raw(&w, "content", str_text(&reply->content), reply->content.len);
    json_end_object(&w);
}

/* Takes the stored JSON over. */
static enum err load_reply(struct model_reply *reply, struct str *json)
{
    *reply = (struct model_reply){0};
    str_move(&reply->json, json);
    struct json_span root = json_root(str_text(&reply->json), reply->json.len);
    int64_t stop = STOP_UNKNOWN;
    reply->content = json_get(root, "content");
    bool is_whole = json_int(json_get(root, "stop"), &stop) && stop >= 0 &&
                    stop < STOP_REASON_COUNT && json_type(reply->content) == JSON_ARRAY;
    if (!is_whole) return fail(E_CORRUPT, "a stored reply of the model is not whole");
    reply->stop = (enum stop_reason)stop;
    reply->has_truncated_tool_use = json_is_true(json_get(root, "truncated_tool_use"));
    AUTO(xfree_ptr) char *word = json_strdup(json_get(root, "stop_word"), 47);
    AUTO(xfree_ptr) char *category = json_strdup(json_get(root, "refusal_category"), 47);
    snprintf(reply->stop_word, sizeof(reply->stop_word), "%s", word ? word : "");
    snprintf(reply->refusal_category, sizeof(reply->refusal_category), "%s",
             category ? category : "");
    return E_OK;
}

/* ---- asking ---- */

struct asking {
    struct briefing *b;
    const char *key;
    const char *hash;
    int64_t worst_cost;  /* of one attempt */
    int64_t before_cost; /* at worst, of attempts before this process took the run up */
    int n_uncertain;     /* attempts that were sent and may have been billed without a reply */
    bool is_over_budget;
};

/* What may have been billed for the question so far. */
static int64_t open_cost(const struct asking *asking)
{
    return asking->before_cost + asking->n_uncertain * asking->worst_cost;
}

/* Each attempt of unknown outcome is remembered with the begun step: also after many stops in the
 * middle of one question the budget holds. */
OWN_FRAME static enum err note_open_cost(const struct asking *asking, int64_t cost,
                                         const struct event_new *event)
{
    AUTO(str_done) struct str meta = {0};
    struct json_writer w = json_writer(&meta);
    json_begin_object(&w);
    json_put_int(&w, OPEN_COST, cost);
    json_end_object(&w);
    struct journal_begin begin = {
        .key = asking->key, .request_hash = asking->hash, .meta = str_text(&meta)};
    return journal_begin(&asking->b->journal, &begin, 1, "model", event);
}

int64_t model_step_open_cost(const struct step_row *step, int64_t otherwise)
{
    int64_t cost = otherwise;
    struct json_span meta =
        step->meta ? json_root(step->meta, strlen(step->meta)) : (struct json_span){0};
    return json_int(json_get(meta, OPEN_COST), &cost) && cost >= 0 ? cost : otherwise;
}

/* The budget is kept before each attempt: what it could cost at worst must still fit, beside the
 * earlier ones that may have been billed. Refused ones (429, 529) cost nothing. */
static bool before_attempt(void *ctx, int n)
{
    (void)n;
    struct asking *asking = ctx;
    const struct run_row *row = asking->b->row;
    int64_t reserved = open_cost(asking) + asking->worst_cost;
    asking->is_over_budget = row->usage.cost_nano_usd + reserved > row->budget_nano_usd;
    return !asking->is_over_budget;
}

static void on_retry(void *ctx, const struct anthropic_error *error, int64_t wait_ms)
{
    struct asking *asking = ctx;
    asking->n_uncertain = error->attempts_uncertain;
    AUTO(str_done) struct str data = {0};
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_int(&w, "status", error->status);
    json_put_string(&w, "type", error->type);
    json_put_string(&w, "request_id", error->request_id);
    json_put_int(&w, "attempt", error->attempts);
    json_put_int(&w, "wait_ms", wait_ms);
    json_end_object(&w);
    struct event_new event = {.type = "model_retry", .data = str_text(&data)};
    /* A note that cannot be written is no reason to give up: the step's own write will tell. */
    enum err e = note_open_cost(asking, open_cost(asking) + asking->worst_cost, &event);
    (void)e;
}

/* Where it is the question that is refused, their message may quote it. */
static enum err rejected(struct briefing *b, const struct anthropic_error *error)
{
    struct anthropic_error told = *error;
    bool is_about_content = told.status == 400 || told.status == 413 || told.status == 422;
    if (is_about_content) told.message[0] = '\0';
    char story[ANTHROPIC_STORY_MAX];
    anthropic_error_describe(&told, story, sizeof(story));
    return briefing_end(b, AGENT_FAILED, "model_rejected", "Anthropic refuses the question: %s",
                        story);
}

static enum err decide_end(struct briefing *b, enum err e, const struct asking *asking,
                           const struct anthropic_error *error)
{
    if (asking->is_over_budget)
        return briefing_end(
            b, AGENT_FAILED, "budget_exceeded",
            "the next question to the model could cost more than what is left of the budget");
    char story[ANTHROPIC_STORY_MAX];
    anthropic_error_describe(error, story, sizeof(story));
    switch (error->fault) {
    case ANTHROPIC_CREDENTIALS:
        return briefing_end(b, AGENT_CREDENTIALS, "credentials_rejected",
                            "Anthropic refuses our API key: %s", story);
    case ANTHROPIC_CONTEXT_EXCEEDED:
        return briefing_end(b, AGENT_FAILED, "model_context_exceeded",
                            "the conversation is longer than the model takes: %s", story);
    case ANTHROPIC_REJECTED:
        return rejected(b, error);
    case ANTHROPIC_SPEND_LIMIT:
        return briefing_end(b, AGENT_FAILED, "model_unavailable",
                            "a spend limit of our Anthropic account is reached: %s", story);
    case ANTHROPIC_UNAVAILABLE:
        return briefing_end(b, AGENT_FAILED, "model_unavailable",
                            "Anthropic gave no usable reply, tried %d time%s; the last: %s",
                            error->attempts, error->attempts == 1 ? "" : "s", story);
    case ANTHROPIC_DEADLINE:
        e = briefing_check(b);
        if (e) return e;
        /* There is time left, but less than Anthropic asks to wait. */
        return briefing_end(b, AGENT_FAILED, "deadline_exceeded",
                            "the time for this briefing ends before the model may be asked again: "
                            "%s",
                            story);
    case ANTHROPIC_CANCELLED:
        e = briefing_check(b);
        if (e) return e;
        return briefing_end(b, AGENT_PARKED, NULL, "the question was called off");
    case ANTHROPIC_FINE:
    case ANTHROPIC_FAULT_COUNT:
        break;
    }
    return e;
}

static enum err add_cost(void *ctx, struct run_row *row)
{
    const int64_t *cost = ctx;
    row->usage.cost_nano_usd += *cost;
    return E_OK;
}

/* A run that ends here stays charged for what may have been billed. One that goes on finds its
 * question begun, and counts it then. */
OWN_FRAME static enum err asking_failed(struct briefing *b, enum err e, struct asking *asking,
                                        const struct anthropic_error *error)
{
    e = decide_end(b, e, asking, error);
    asking->n_uncertain = error->attempts_uncertain;
    int64_t cost = open_cost(asking);
    enum err noted = E_OK;
    if (b->end->kind != AGENT_FAILED)
        noted = note_open_cost(asking, cost, NULL);
    else if (cost > 0)
        noted = journal_note(&b->journal, &(struct event_new){.type = "model_charged"}, add_cost,
                             &cost);
    return noted == E_LOST ? noted : e;
}

/* ---- the step ---- */

struct reply_change {
    const struct anthropic_usage *usage;
    int64_t cost;
    int turn;
};

static enum err count_reply(void *ctx, struct run_row *row)
{
    const struct reply_change *change = ctx;
    row->turn = change->turn;
    row->usage.input_tokens += change->usage->input_tokens;
    row->usage.output_tokens += change->usage->output_tokens;
    row->usage.cache_read_tokens += change->usage->cache_read_tokens;
    row->usage.cache_write_tokens +=
        change->usage->cache_write_5m_tokens + change->usage->cache_write_1h_tokens;
    row->usage.cost_nano_usd += change->cost;
    return E_OK;
}

OWN_FRAME static enum err store_reply(const struct asking *asking, int n, const char *key,
                                      const char *hash, const struct anthropic_reply *reply,
                                      struct str *json)
{
    struct briefing *b = asking->b;
    /* Attempts of unknown outcome stay charged at their worst: the budget must hold even if they
     * were billed. */
    struct reply_change change = {.usage = &reply->usage,
                                  .cost = model_cost(&b->frozen.prices, &reply->usage) +
                                          open_cost(asking),
                                  .turn = n};
    char cost[32];
    money_format(change.cost, cost);
    AUTO(str_done) struct str data = {0};
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_int(&w, "turn", n);
    json_put_string(&w, "stop_reason", reply->stop_word);
    json_put_int(&w, "input_tokens", reply->usage.input_tokens);
    json_put_int(&w, "output_tokens", reply->usage.output_tokens);
    json_put_int(&w, "cache_read_tokens", reply->usage.cache_read_tokens);
    json_put_int(&w, "cache_write_tokens",
                 reply->usage.cache_write_5m_tokens + reply->usage.cache_write_1h_tokens);
    json_put_string(&w, "cost_usd", cost);
    json_put_int(&w, "attempts", reply->attempts);
    json_put_int(&w, "took_ms", reply->took_ms);
    json_put_string(&w, "request_id", reply->request_id);
    json_end_object(&w);
    put_reply(json, reply);
    struct journal_result result = {.key = key,
                                    .request_hash = hash,
                                    .result = json->data,
                                    .len = json->len,
                                    .meta = str_text(&data)};
    struct event_new event = {.type = "model_reply", .data = str_text(&data)};
    return journal_finish(&b->journal, &result, 1, &event, 1, count_reply, &change);
}

enum err model_step(struct briefing *b, const struct transcript *t, int n, int max_tokens,
                    struct model_reply *out_reply)
{
    AUTO(str_done) struct str body = {0};
    enum err e = transcript_check(t);
    if (!e) e = transcript_body(t, &b->frozen, max_tokens, &body);
    if (e == E_PROTOCOL) return briefing_end(b, AGENT_FAILED, "model_rejected", "%s", err_detail());
    if (e == E_LIMIT)
        return briefing_end(b, AGENT_FAILED, "model_context_exceeded", "%s", err_detail());
    if (e) return e;
    char key[STEP_KEY_MAX];
    char hash[SHA256_HEX_LEN + 1];
    snprintf(key, sizeof(key), "model/%d", n);
    sha256_hex(body.data, body.len, hash);

    const struct step_row *step = NULL;
    e = journal_find(&b->journal, key, hash, &step);
    if (e) return e;
    AUTO(str_done) struct str json = {0};
    if (step) {
        str_append_str(&json, &step->result);
        return load_reply(out_reply, &json);
    }

    e = briefing_check(b);
    if (e) return e;
    struct asking asking = {.b = b, .key = key, .hash = hash};
    asking.worst_cost = model_worst_cost(&b->frozen.prices, body.len, max_tokens);
    const struct step_row *begun = journal_begun(&b->journal, key);
    if (begun) asking.before_cost = model_step_open_cost(begun, asking.worst_cost);
    e = note_open_cost(&asking, asking.before_cost + asking.worst_cost,
                       &(struct event_new){.type = "model_asked"});
    if (e) return e;

    struct anthropic_hooks hooks = {
        .before_attempt = before_attempt, .on_retry = on_retry, .ctx = &asking};
    AUTO(anthropic_reply_done) struct anthropic_reply reply = {0};
    struct anthropic_error error = {0};
    e = anthropic_ask(b->agent->anthropic, body.data, body.len, &b->control->reads,
                      b->deadline_mono_ms, &hooks, &reply, &error);
    if (e) return asking_failed(b, e, &asking, &error);
    e = store_reply(&asking, n, key, hash, &reply, &json);
    return e ? e : load_reply(out_reply, &json);
}
