/*
 * Accepting a briefing: every field is checked, parameters are resolved, and one transaction makes
 * it durable.
 */
#include "agent/accounts.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/log.h"
#include "base/trace.h"
#include "runs/document.h"
#include "runs/engine.h"
#include "store/idempotency.h"
#include "store/user_params.h"

#include <stdio.h>
#include <string.h>

#define METADATA_BYTES_MAX (4 * KIB)
#define DEADLINE_MIN_MS    10000
#define STATUS_FRESH_MS    60000 /* an older one is asked for again, by the run */
#define DEFAULT_RECIPE     "editorial-briefing"

struct submission {
    struct runs *runs;
    struct agent agent; /* with the catalogue that counts for it */
    char *timezone;     /* when nobody says */
    const struct run_request *request;
    const struct run_problem *problem;
    const struct recipe *recipe;
    bool has_problem;
    struct run_row row;         /* owned texts */
    struct user_params_row own; /* the user's defaults; empty: none */
    enum run_if_running if_running;
};

void submit_result_done(struct submit_result *result)
{
    str_done(&result->body);
    *result = (struct submit_result){0};
}

static void submission_done(struct submission *s)
{
    agent_release(&s->agent);
    xfree(s->timezone);
    run_row_done(&s->row);
    user_params_row_done(&s->own);
}

static void wrong(struct submission *s, const char *pointer, const char *detail)
{
    s->has_problem = true;
    s->problem->add(s->problem->ctx, pointer, detail);
}

static void wrong_param(void *ctx, const char *pointer, const char *detail)
{
    wrong(ctx, pointer, detail);
}

static bool one_of(const char *value, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text_equal(value, words[i])) return true;
    }
    return false;
}

/* ---- the fields ---- */

static void check_user(struct submission *s)
{
    const char *user_id = s->request->user_id;
    if (!user_id) {
        wrong(s, "/user_id", "is required");
        return;
    }
    if (!user_id_valid(user_id))
        wrong(s, "/user_id", "must have 1 to 100 characters, none of them a control character");
    s->row.user_id = xstrdup(user_id);
}

static void check_words(struct submission *s)
{
    static const char *const modes[] = {"post", "preview"};
    static const char *const if_running[] = {"attach", "enqueue", "reject"};
    static const char *const if_blocked[] = {"wait", "fail"};
    const struct run_request *r = s->request;
    const char *mode = r->mode ? r->mode : "post";
    const char *running = r->if_running ? r->if_running : "attach";
    const char *blocked = r->if_blocked ? r->if_blocked : "wait";
    if (!one_of(mode, modes, ARRAY_LEN(modes)))
        wrong(s, "/mode", "must be \"post\" or \"preview\"");
    if (!one_of(running, if_running, ARRAY_LEN(if_running)))
        wrong(s, "/if_running", "must be \"attach\", \"enqueue\" or \"reject\"");
    if (!one_of(blocked, if_blocked, ARRAY_LEN(if_blocked)))
        wrong(s, "/if_blocked", "must be \"wait\" or \"fail\"");
    s->row.mode = xstrdup(mode);
    s->row.if_blocked = xstrdup(blocked);
    s->if_running = text_equal(running, "enqueue")  ? RUN_ENQUEUE
                    : text_equal(running, "reject") ? RUN_REJECT
                                                    : RUN_ATTACH;
}

static void check_times(struct submission *s)
{
    const struct runs_options *options = &s->runs->options;
    const struct run_request *r = s->request;
    int64_t now_ms = clock_unix_ms();
    const char *zone = r->timezone ? r->timezone : s->own.timezone ? s->own.timezone : s->timezone;
    if (zone_check(zone))
        wrong(s, "/timezone", "must be the name of an IANA time zone, like \"Europe/Oslo\"");
    s->row.timezone = xstrdup(zone);
    s->row.created_ms = now_ms;
    s->row.start_by_ms = r->start_by_ms ? r->start_by_ms : now_ms + options->start_by_default_ms;
    if (s->row.start_by_ms <= now_ms) wrong(s, "/start_by", "is in the past");
}

static void check_limits(struct submission *s)
{
    const struct runs_options *options = &s->runs->options;
    const struct run_request *r = s->request;
    s->row.deadline_ms = r->deadline_ms ? r->deadline_ms : s->recipe->deadline_ms;
    if (s->row.deadline_ms < DEADLINE_MIN_MS || s->row.deadline_ms > options->deadline_max_ms) {
        char text[100];
        snprintf(text, sizeof(text), "must be from %d to %lld", DEADLINE_MIN_MS / 1000,
                 (long long)(options->deadline_max_ms / 1000));
        wrong(s, "/deadline_seconds", text);
    }
    s->row.budget_nano_usd = r->budget_nano_usd ? r->budget_nano_usd : s->recipe->budget_nano_usd;
    if (s->row.budget_nano_usd > options->budget_max_nano_usd) {
        char most[32];
        char text[100];
        money_format(options->budget_max_nano_usd, most);
        snprintf(text, sizeof(text), "must be at most \"%s\"", most);
        wrong(s, "/budget/max_usd", text);
    }
}

static void check_metadata(struct submission *s)
{
    struct json_span metadata = s->request->metadata;
    if (json_type(metadata) == JSON_NONE) return;
    if (json_type(metadata) != JSON_OBJECT || metadata.len > METADATA_BYTES_MAX) {
        wrong(s, "/metadata", "must be an object of at most 4096 bytes");
        return;
    }
    s->row.metadata = xstrndup(metadata.text, metadata.len);
}

/* What the user chose once counts where the request says nothing. */
static enum err load_own(struct submission *s)
{
    if (!s->request->user_id || !s->recipe) return E_OK;
    enum err e = store_user_params_find(s->runs->options.store, s->request->user_id,
                                        s->recipe->name, &s->own);
    return e == E_NOT_FOUND ? E_OK : e;
}

static enum err resolve_params(struct submission *s)
{
    AUTO(str_done) struct str params = {0};
    AUTO(str_done) struct str merged = {0};
    struct json_span given = s->request->params;
    enum json_type type = json_type(given);
    if (s->own.params && (type == JSON_OBJECT || type == JSON_NONE)) {
        recipe_merge_params(s->recipe, given, json_root(s->own.params, strlen(s->own.params)),
                            &merged);
        given = json_root(str_text(&merged), merged.len);
    }
    enum err e = recipe_resolve_params(s->recipe, given, &params, wrong_param, s);
    if (e == E_INVALID) return E_OK; /* the problems were added */
    if (e) return e;
    char hash[SHA256_HEX_LEN + 1];
    sha256_hex(params.data, params.len, hash);
    s->row.params = str_take(&params);
    struct json_span resolved = json_root(s->row.params, strlen(s->row.params));
    s->row.delivery_connector = xstrdup(s->recipe->delivery.connector);
    s->row.delivery_channel =
        json_strdup(json_get(resolved, s->recipe->delivery.channel_param), 200);
    s->row.params_hash = xstrdup(hash);
    return E_OK;
}

/* ---- readiness ---- */

static bool is_offered(const struct submission *s, struct submit_result *out)
{
    for (size_t i = 0; i < s->recipe->n_connectors; i++) {
        const struct connector *c =
            catalogue_connector(s->agent.catalogue, s->recipe->connectors[i]);
        if (c && c->connection_name) continue;
        out->outcome = SUBMIT_NOT_READY;
        snprintf(out->detail, sizeof(out->detail),
                 "the recipe needs the connector \"%s\", which is not set up here: %s is not set",
                 s->recipe->connectors[i], c ? c->connection_setting : "its connection");
        return false;
    }
    return true;
}

/* if_blocked=fail: a stored status that is known and not usable refuses at once. An unknown one, or
 * one that was read a while ago, is the run's own business: its user may have mended it since. */
static enum err is_ready(const struct submission *s, struct submit_result *out, bool *out_ready)
{
    *out_ready = true;
    if (!text_equal(s->row.if_blocked, "fail") || s->runs->options.is_single) return E_OK;
    AUTO(connection_list_done) struct connection_list list = {0};
    enum err e = store_connections_list(s->runs->options.store, s->row.user_id, &list);
    if (e) return e;
    for (size_t i = 0; i < list.n; i++) {
        bool is_needed = false;
        for (size_t k = 0; k < s->recipe->n_connectors; k++)
            is_needed = is_needed || text_equal(s->recipe->connectors[k], list.rows[i].connector);
        bool is_stale = list.rows[i].checked_ms + STATUS_FRESH_MS < s->row.created_ms;
        if (!is_needed || is_stale || connection_is_usable(&list.rows[i])) continue;
        *out_ready = false;
        out->outcome = SUBMIT_NOT_READY;
        snprintf(out->detail, sizeof(out->detail), "the user's %s connection is not usable: %s",
                 list.rows[i].connector, connection_status(&list.rows[i]));
    }
    return E_OK;
}

/* ---- one transaction ---- */

static void render(void *ctx, const struct run_row *row, bool is_attached, struct run_answer *out)
{
    const struct runs *runs = ctx;
    out->http_status = is_attached ? 200 : 202;
    run_document(row, watch_public_url(runs->options.watch), &out->body);
}

static void take_created(struct submit_result *out, struct run_created *created)
{
    static const enum submit_outcome outcomes[] = {
        [RUN_CREATED] = SUBMIT_ACCEPTED,      [RUN_ATTACHED] = SUBMIT_ATTACHED,
        [RUN_REPLAYED] = SUBMIT_REPLAYED,     [RUN_ALREADY_RUNNING] = SUBMIT_ALREADY_RUNNING,
        [RUN_KEY_REUSED] = SUBMIT_KEY_REUSED, [RUN_QUEUE_FULL] = SUBMIT_QUEUE_FULL,
    };
    out->outcome = outcomes[created->outcome];
    out->http_status = created->answer.http_status;
    str_move(&out->body, &created->answer.body);
    memcpy(out->run_id, created->run_id, sizeof(out->run_id));
}

/* The line that joins a request to its run. */
static void log_created(const struct submission *s, const struct submit_result *out)
{
    bool is_new = out->outcome == SUBMIT_ACCEPTED;
    if (!is_new && out->outcome != SUBMIT_ATTACHED) return;
    log_set_run(out->run_id, s->row.user_id);
    /* `briefd run` has no request whose trace it would be. */
    if (!s->request->traceparent) trace_set(s->row.traceparent);
    if (is_new)
        log_info("briefing_accepted", LOG_STR("recipe", s->row.recipe),
                 LOG_STR("mode", s->row.mode));
    else
        log_info("briefing_attached", LOG_STR("recipe", s->row.recipe));
}

static enum err create(struct submission *s, struct submit_result *out)
{
    const struct run_request *r = s->request;
    char id[ID_MAX];
    id_new("br", id);
    s->row.id = xstrdup(id);
    s->row.principal = xstrdup(r->principal);
    s->row.recipe = xstrdup(s->recipe->name);
    s->row.recipe_hash = xstrdup(s->recipe->hash);
    char traceparent[TRACEPARENT_MAX];
    if (!r->traceparent) trace_new(traceparent);
    s->row.traceparent = xstrdup(r->traceparent ? r->traceparent : traceparent);
    struct run_create create = {
        .row = &s->row,
        .idempotency = {.principal = r->principal,
                        .route = r->route,
                        .key = r->idempotency_key,
                        .fingerprint = r->fingerprint},
        .if_running = s->if_running,
        .open_max = s->runs->options.open_runs_max,
        .render = render,
        .render_ctx = s->runs
    };
    AUTO(run_created_done) struct run_created created = {0};
    enum err e = store_run_create(s->runs->options.store, &create, &created);
    if (e) return e;
    take_created(out, &created);
    log_created(s, out);
    if (out->outcome == SUBMIT_ACCEPTED)
        engine_enqueue(s->runs, &(struct engine_item){.run_id = id, .user_id = s->row.user_id});
    return E_OK;
}

/* What only the recipe can tell. */
static enum err check_by_recipe(struct submission *s)
{
    if (!s->recipe) {
        wrong(s, "/recipe", "is no recipe here");
        return E_OK;
    }
    check_limits(s);
    return resolve_params(s);
}

static void take_defaults(struct submission *s)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&s->runs->mutex);
    s->row.model = xstrdup(s->runs->model);
    s->timezone = xstrdup(s->runs->timezone);
}

/* A repeated request gets the first answer whatever has changed since: times that are over by now,
 * a connection that broke. E_NOT_FOUND: it is the first. */
static enum err replay(struct runs *runs, const struct run_request *r, struct submit_result *out)
{
    if (!r->idempotency_key || r->is_wrong) return E_NOT_FOUND;
    struct run_idempotency what = {.principal = r->principal,
                                   .route = r->route,
                                   .key = r->idempotency_key,
                                   .fingerprint = r->fingerprint};
    struct run_answer answer = {0};
    enum err e = store_idempotency_find(runs->options.store, &what, &answer);
    if (e == E_CONFLICT) {
        out->outcome = SUBMIT_KEY_REUSED;
        return E_OK;
    }
    if (e) return e;
    out->outcome = SUBMIT_REPLAYED;
    out->http_status = answer.http_status;
    str_move(&out->body, &answer.body);
    AUTO(xfree_ptr)
    char *id =
        json_strdup(json_get(json_root(str_text(&out->body), out->body.len), "id"), ID_MAX - 1);
    snprintf(out->run_id, sizeof(out->run_id), "%s", id ? id : "");
    return E_OK;
}

enum err runs_submit(struct runs *runs, const struct run_request *request,
                     const struct run_problem *problem, struct submit_result *out_result)
{
    *out_result = (struct submit_result){0};
    if (atomic_load(&runs->is_stopping)) {
        out_result->outcome = SUBMIT_STOPPING;
        return E_OK;
    }
    enum err e = replay(runs, request, out_result);
    if (e != E_NOT_FOUND) return e;
    AUTO(submission_done)
    struct submission s = {.runs = runs,
                           .agent = agent_hold(runs->options.agent),
                           .request = request,
                           .problem = problem,
                           .has_problem = request->is_wrong};
    take_defaults(&s);
    const char *recipe = request->recipe ? request->recipe : DEFAULT_RECIPE;
    s.recipe = catalogue_recipe(s.agent.catalogue, recipe);
    e = load_own(&s);
    if (e) return e;
    check_user(&s);
    check_words(&s);
    check_times(&s);
    check_metadata(&s);
    if (!s.recipe && !s.has_problem) {
        out_result->outcome = SUBMIT_UNKNOWN_RECIPE;
        snprintf(out_result->detail, sizeof(out_result->detail), "there is no recipe \"%.100s\"",
                 recipe);
        return E_OK;
    }
    e = check_by_recipe(&s);
    if (e) return e;
    if (s.has_problem) {
        out_result->outcome = SUBMIT_INVALID;
        return E_OK;
    }
    bool is_ready_now = true;
    if (!is_offered(&s, out_result)) return E_OK;
    e = is_ready(&s, out_result, &is_ready_now);
    if (e || !is_ready_now) return e;
    return create(&s, out_result);
}
