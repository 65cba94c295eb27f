/*
 * The first step: freeze everything that a replay could otherwise find changed.
 *
 * Needs every connection ACTIVE; its commit is the start of the run. On a later attempt it only
 * loads what was frozen, unless the day is another one, or an account: then a new generation
 * begins, as long as no message can have gone out.
 */
#include "agent/accounts.h"
#include "agent/delivery_outcome.h"
#include "agent/model_step.h"
#include "agent/prepare_document.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define PREPARE_KEY      "prepare"
#define STATUS_SHOWN_MAX 64 /* of a status, which is their word */

/* ---- connections ---- */

/* As many as fit into `max` bytes, the first one always. */
static void put_blocked(struct str *out, const struct connection_list *list, size_t max)
{
    str_append_char(out, '[');
    for (size_t i = 0; i < list->n; i++) {
        if (connection_is_usable(&list->rows[i])) continue;
        AUTO(str_done) struct str one = {0};
        AUTO(xfree_ptr)
        char *status = xstrndup(connection_status(&list->rows[i]), STATUS_SHOWN_MAX);
        struct json_writer w = json_writer(&one);
        json_begin_object(&w);
        json_put_string(&w, "connector", list->rows[i].connector);
        json_put_string(&w, "status", status);
        json_end_object(&w);
        if (out->len + one.len + 3 > max) break;
        if (out->len > 1) str_append_char(out, ',');
        str_append_str(out, &one);
    }
    str_append_char(out, ']');
}

/* Every connection of the recipe must be usable now; otherwise the run is blocked on those that are
 * not. */
static enum err check_connections(struct briefing *b, const struct recipe *recipe,
                                  struct connection_list *out_list)
{
    struct scalekit_call call = briefing_call(b);
    struct scalekit_error error = {0};
    enum err e =
        accounts_refresh(b->agent, &call, b->row->user_id, (const char *const *)recipe->connectors,
                         recipe->n_connectors, true, out_list, &error);
    if (e == E_INVALID)
        return briefing_end(b, AGENT_FAILED, "connector_not_ready", "%s", err_detail());
    if (e == E_UPSTREAM || e == E_CANCELLED || e == E_TIMEOUT) {
        e = briefing_scalekit_failed(b, &error, NULL, "reading the user's connections");
        if (e) return e;
        char story[SCALEKIT_STORY_MAX];
        scalekit_error_describe(&error, story, sizeof(story));
        return briefing_end(b, AGENT_FAILED, "connector_service_unavailable",
                            "ScaleKit gave no usable answer about the connections: %s", story);
    }
    if (e) return e;
    AUTO(str_done) struct str blocked = {0};
    put_blocked(&blocked, out_list, sizeof(b->end->blocked_on));
    if (blocked.len <= 2) return E_OK;
    snprintf(b->end->blocked_on, sizeof(b->end->blocked_on), "%s", str_text(&blocked));
    return briefing_end(b, AGENT_BLOCKED, NULL, "a connection is not usable");
}

/* ---- tools ---- */

static bool has_tool(const struct scalekit_tools *tools, const char *name)
{
    for (size_t i = 0; i < tools->n; i++) {
        if (text_equal(tools->items[i].name, name)) return true;
    }
    return false;
}

static const char *history_tool_of(const struct briefing *b, const struct recipe *recipe)
{
    const struct connector *c =
        catalogue_connector(b->agent->catalogue, recipe->delivery.connector);
    return c ? c->history_tool : NULL;
}

/* The user's tools among those of the recipe; all of them must be there. */
static enum err fetch_tools(struct briefing *b, const struct recipe *recipe,
                            struct scalekit_tools *out_tools)
{
    const char *history_tool = history_tool_of(b, recipe);
    size_t n_names = recipe->n_read_tools + 1;
    AUTO(xfree_ptr) const char **names = xcalloc(n_names + 1, sizeof(*names));
    AUTO(xfree_ptr) const char **connections = xcalloc(recipe->n_connectors, sizeof(*connections));
    for (size_t i = 0; i < recipe->n_read_tools; i++)
        names[i] = recipe->read_tools[i];
    names[n_names - 1] = recipe->delivery.tool;
    if (history_tool) names[n_names] = history_tool; /* ours, wanted but not needed */
    for (size_t i = 0; i < recipe->n_connectors; i++)
        connections[i] =
            catalogue_connector(b->agent->catalogue, recipe->connectors[i])->connection_name;

    struct scalekit_call call = briefing_call(b);
    struct scalekit_error error = {0};
    enum err e = scalekit_tools_scoped(b->agent->scalekit, &call, b->row->user_id, connections,
                                       recipe->n_connectors, names,
                                       n_names + (history_tool ? 1 : 0), out_tools, &error);
    if (e) {
        enum err decided = briefing_scalekit_failed(b, &error, NULL, "listing the user's tools");
        if (decided) return decided;
        char story[SCALEKIT_STORY_MAX];
        scalekit_error_describe(&error, story, sizeof(story));
        bool needs_user =
            error.class == SCALEKIT_USER_CONNECT || error.class == SCALEKIT_USER_RECONNECT;
        if (needs_user) /* which connection is not said */
            return briefing_end(b, AGENT_FAILED, "connector_not_ready",
                                "ScaleKit lists no tools before the user connects again: %s",
                                story);
        return briefing_end(b, AGENT_FAILED, "connector_service_unavailable",
                            "ScaleKit gave no usable list of tools: %s", story);
    }
    AUTO(str_done) struct str missing = {0};
    for (size_t i = 0; i < n_names; i++) {
        if (!has_tool(out_tools, names[i]))
            str_append_format(&missing, "%s%s", missing.len ? ", " : "", names[i]);
    }
    if (missing.len > 0)
        return briefing_end(b, AGENT_FAILED, "tools_missing",
                            "the user's accounts do not offer these tools of the recipe: %s",
                            str_text(&missing));
    return E_OK;
}

/* ---- the step ---- */

static enum err mark_started(void *ctx, struct run_row *row)
{
    (void)ctx;
    if (row->started_ms == 0) row->started_ms = clock_unix_ms();
    return E_OK;
}

static enum err freeze(struct briefing *b, const struct recipe *recipe)
{
    const struct model *model = catalogue_model(b->agent->catalogue, b->row->model);
    if (!model)
        return briefing_end(b, AGENT_FAILED, "model_rejected",
                            "there is no price for model %s in config/models.json", b->row->model);
    enum err e = journal_begin(&b->journal, &(struct journal_begin){.key = PREPARE_KEY}, 1,
                               "prepare", &(struct event_new){.type = "prepare_begun"});
    if (e) return e;
    AUTO(connection_list_done) struct connection_list connections = {0};
    e = check_connections(b, recipe, &connections);
    if (e) return e;
    AUTO(scalekit_tools_done) struct scalekit_tools tools = {0};
    e = fetch_tools(b, recipe, &tools);
    if (e) return e;
    AUTO(str_done) struct str document = {0};
    const char *history_tool = history_tool_of(b, recipe);
    struct prepare_parts parts = {.recipe = recipe,
                                  .model = model,
                                  .connections = &connections,
                                  .tools = &tools,
                                  .has_history_tool =
                                      history_tool && has_tool(&tools, history_tool)};
    e = prepare_document(b, &parts, &document);
    if (e) return e;

    AUTO(str_done) struct str data = {0};
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_int(&w, "connectors", (int64_t)connections.n);
    json_put_int(&w, "tools", (int64_t)recipe->n_read_tools + 1);
    json_put_bool(&w, "can_reconcile", parts.has_history_tool);
    json_end_object(&w);
    struct journal_result result = {
        .key = PREPARE_KEY, .result = document.data, .len = document.len};
    struct event_new event = {.type = "prepared", .data = str_text(&data)};
    e = journal_finish(&b->journal, &result, 1, &event, 1, mark_started, NULL);
    if (e) return e;
    return frozen_load(&b->frozen, &document);
}

/* ---- a later attempt ---- */

/* What a question without a reply may have cost stays counted, like all that was paid for. */
static int64_t open_questions_cost(const struct journal *j)
{
    int64_t cost = 0;
    for (size_t i = 0; i < j->steps.n; i++) {
        const struct step_row *step = &j->steps.rows[i];
        if (step->state == STEP_BEGUN) cost += model_step_open_cost(step, 0);
    }
    return cost;
}

static enum err next_generation(void *ctx, struct run_row *row)
{
    const int64_t *open_cost = ctx;
    row->usage.cost_nano_usd += *open_cost;
    row->generation++;
    row->turn = 0;
    return E_OK;
}

/* Sends of earlier generations that were looked for in vain: what may follow an unknown outcome is
 * limited for the whole run. Those of this one are counted when the walk meets them. */
static enum err count_absent_before(struct briefing *b)
{
    int64_t n = 0;
    enum err e = E_OK;
    if (b->row->generation > 0)
        e = store_steps_count(b->agent->store, b->row->id, b->row->generation,
                              delivery_outcome_name(DELIVERY_SURELY_ABSENT), &n);
    b->n_absent = (int)n;
    return e;
}

static enum err start_over(struct briefing *b, const struct recipe *recipe, const char *why)
{
    AUTO(str_done) struct str data = {0};
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_string(&w, "why", why);
    json_end_object(&w);
    int64_t open_cost = open_questions_cost(&b->journal);
    enum err e = journal_note(&b->journal, &(struct event_new){"started_over", str_text(&data)},
                              next_generation, &open_cost);
    if (e) return e;
    frozen_done(&b->frozen);
    struct journal_patience patience = b->journal.patience;
    journal_close(&b->journal);
    e = journal_open(&b->journal, b->agent->store, b->row, patience);
    if (!e) e = count_absent_before(b);
    return e ? e : freeze(b, recipe);
}

static bool same_accounts(const struct frozen *frozen, const struct connection_list *now)
{
    for (size_t i = 0; i < now->n; i++) {
        const struct connection_row *row = &now->rows[i];
        const struct frozen_account *then = frozen_account_find(frozen, row->connector);
        if (!then || !text_equal(then->account_id, row->account_id)) return false;
        if (then->identity && row->identity && !text_equal(then->identity, row->identity))
            return false;
    }
    return true;
}

static bool same_day(const struct frozen *frozen, const struct run_row *row)
{
    struct local_date today;
    if (zone_local(row->timezone, clock_unix_ms(), &today)) return true;
    char date[48];
    snprintf(date, sizeof(date), "%04d-%02d-%02d", today.year, today.month, today.day);
    return text_equal(date, frozen->date);
}

/* Taken up again: the connections must still be usable, and what was frozen must still be true. */
static enum err resume(struct briefing *b, const struct recipe *recipe)
{
    AUTO(connection_list_done) struct connection_list connections = {0};
    enum err e = check_connections(b, recipe, &connections);
    if (e) return e;
    if (!same_day(&b->frozen, b->row)) return start_over(b, recipe, "it is another day");
    if (!same_accounts(&b->frozen, &connections))
        return start_over(b, recipe, "another account is connected");
    return E_OK;
}

enum err prepare(struct briefing *b)
{
    const struct step_row *step = NULL;
    enum err e = journal_find(&b->journal, PREPARE_KEY, NULL, &step);
    if (!e) e = count_absent_before(b);
    if (e) return e;
    if (step) {
        AUTO(str_done) struct str document = {0};
        str_append_str(&document, &step->result);
        e = frozen_load(&b->frozen, &document);
        if (e) return e;
    }
    /* A message that went out is not made again, and one that may be out is looked for by somebody
     * with more patience than this (agent/reconcile.c), whatever has become of the configuration;
     * sends that were surely not executed do not count. */
    if (step && b->row->delivery != DELIVERY_NONE) return E_OK;
    const struct recipe *recipe = catalogue_recipe(b->agent->catalogue, b->row->recipe);
    if (!recipe)
        return briefing_end(b, AGENT_FAILED, "internal",
                            "recipe \"%s\" is not in the configuration any more", b->row->recipe);
    if (!step) return freeze(b, recipe);
    return b->row->attempt > 1 ? resume(b, recipe) : E_OK;
}
