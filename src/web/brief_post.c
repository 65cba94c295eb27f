/*
 * POST /brief/{recipe} and POST /defaults/{recipe}: the app page's form, pressed by somebody who is
 * signed in. What cannot be taken is shown again in the same form.
 */
#include "base/clock.h"
#include "base/crypt.h"
#include "web/page_parts.h"
#include "web/routes.h"
#include "web/server.h"

#include <stdio.h>
#include <string.h>

#define NONCE_BYTES_MAX 64
#define ROUTE           "POST /brief"

/* The recipe of the path, for somebody who may have it made. NULL: answered. */
static const struct recipe *find_recipe(struct request *rq)
{
    const struct recipe *recipe = catalogue_recipe(request_catalogue(rq), rq->args[0]);
    if (!rq->session.id)
        page_refuse(
            rq, 401, "unauthenticated", "You are not signed in",
            "Your session has ended, and nothing was done. Open the page again the way you came.");
    else if (rq->session.kind != SESSION_SIGNED_IN)
        page_refuse(rq, 403, "insufficient_scope", "Your link is for connecting accounts",
                    "It cannot be used to make briefings. Nothing was done.");
    else if (!recipe)
        page_refuse(rq, 404, "not_found", "There is no such kind of briefing",
                    "Perhaps it is not made here any more. Nothing was done.");
    else
        return recipe;
    return NULL;
}

static void show_again(struct request *rq, const struct recipe_form *form)
{
    app_show(rq, &(struct app_view){.form = form, .status = 400});
}

/* ---- defaults ---- */

void defaults_post(struct request *rq)
{
    AUTO(url_pairs_done) struct url_pairs fields = {0};
    AUTO(recipe_form_done) struct recipe_form form = {0};
    AUTO(str_done) struct str given = {0};
    AUTO(str_done) struct str params = {0};
    AUTO(str_done) struct str zone = {0};
    AUTO(user_params_row_done) struct user_params_row row = {.updated_ms = clock_unix_ms()};
    if (!page_form(rq, &fields)) return;
    const struct recipe *recipe = find_recipe(rq);
    if (!recipe) return;
    form.recipe = recipe;
    form.values = &fields;
    recipe_form_params(&form, false, &given);
    recipe_form_value(&form, "timezone", &zone);
    enum err e = recipe_check_params(recipe, json_root(given.data, given.len), &params,
                                     recipe_form_problem, &form);
    if (zone.len > 0 && zone_check(str_text(&zone)))
        recipe_form_problem(&form, "/timezone", "is not the name of a time zone");
    if (e || form.n_problems > 0) {
        show_again(rq, &form);
        return;
    }
    row.params = str_take(&params);
    row.timezone = zone.len > 0 ? str_take(&zone) : NULL;
    e = store_user_params_put(rq->web->options.store, rq->session.user_id, recipe->name, &row);
    if (e) {
        page_error(rq, e, "keeping a user's defaults");
        return;
    }
    char location[300];
    snprintf(location, sizeof(location), "/?saved=%.100s#recipe-%.100s", recipe->name,
             recipe->name);
    page_redirect(rq, location);
}

/* ---- a briefing ---- */

/*
 * The same press twice is one briefing: the key is the form's random word and what was asked. (A
 * form that comes back from the browser's history and is filled in anew asks for something else.)
 */
static void make_key(const struct run_request *request, const char *nonce, const char *params,
                     char out_hash[SHA256_HEX_LEN + 1], struct str *out_key)
{
    struct sha256_state state;
    sha256_init(&state);
    sha256_add_text(&state, request->recipe);
    sha256_add_text(&state, request->mode);
    sha256_add_text(&state, request->timezone);
    sha256_add_text(&state, params);
    sha256_final_hex(&state, out_hash);
    str_append_format(out_key, "%s-%.32s", nonce, out_hash);
}

static void answer(struct request *rq, struct submit_result *result, const struct recipe_form *form)
{
    char location[ID_MAX + 8];
    snprintf(location, sizeof(location), "/b/%s", result->run_id);
    switch (result->outcome) {
    case SUBMIT_ACCEPTED:
    case SUBMIT_ATTACHED:
    case SUBMIT_REPLAYED:
        page_redirect(rq, location);
        return;
    case SUBMIT_INVALID:
        show_again(rq, form);
        return;
    case SUBMIT_ALREADY_RUNNING:
        page_note(rq, &(struct note){.status = 409,
                                     .kind = "warn",
                                     .code = "already_running",
                                     .title = "Another briefing is being made",
                                     .text = "It was asked for with other values. Wait until it is "
                                             "finished, then send this one. Nothing was started.",
                                     .href = location,
                                     .link = "See that briefing"});
        return;
    case SUBMIT_UNKNOWN_RECIPE:
    case SUBMIT_NOT_READY:
        page_refuse(rq, 422, "connector_not_ready", "This briefing cannot be made here",
                    "An account that it needs is not offered. Tell those who run this service.");
        return;
    case SUBMIT_KEY_REUSED:
        page_refuse(rq, 409, "idempotency_key_reused", "This was sent already",
                    "Open the start page again and press the button there.");
        return;
    case SUBMIT_QUEUE_FULL:
        page_refuse(rq, 429, "queue_full", "Too many briefings are waiting",
                    "Nothing was started. Try again in a few minutes.");
        return;
    case SUBMIT_STOPPING:
        page_refuse(rq, 503, "draining", "The service is restarting",
                    "Nothing was started. Try again in a minute.");
        return;
    }
}

static void submit(struct request *rq, struct recipe_form *form, const char *mode,
                   const char *nonce)
{
    AUTO(str_done) struct str params = {0};
    AUTO(str_done) struct str zone = {0};
    AUTO(str_done) struct str key = {0};
    AUTO(submit_result_done) struct submit_result result = {0};
    char hash[SHA256_HEX_LEN + 1];
    recipe_form_params(form, true, &params);
    recipe_form_value(form, "timezone", &zone);
    if (zone.len == 0) str_append_text(&zone, rq->web->options.timezone);
    if (zone_check(str_text(&zone)))
        recipe_form_problem(form, "/timezone", "is not the name of a time zone");
    struct run_request request = {.principal = rq->principal.name,
                                  .route = ROUTE,
                                  .user_id = rq->session.user_id,
                                  .recipe = form->recipe->name,
                                  .mode = mode,
                                  .params = json_root(params.data, params.len),
                                  .timezone = str_text(&zone),
                                  .is_wrong = form->n_problems > 0};
    make_key(&request, nonce, str_text(&params), hash, &key);
    request.idempotency_key = str_text(&key);
    request.fingerprint = hash;
    struct run_problem problem = {.add = recipe_form_problem, .ctx = form};
    enum err e = runs_submit(rq->web->options.runs, &request, &problem, &result);
    if (e)
        page_error(rq, e, "accepting a briefing");
    else if (form->n_problems > 0)
        show_again(rq, form);
    else
        answer(rq, &result, form);
}

void brief_post(struct request *rq)
{
    AUTO(url_pairs_done) struct url_pairs fields = {0};
    AUTO(recipe_form_done) struct recipe_form form = {0};
    if (!page_form(rq, &fields)) return;
    form.recipe = find_recipe(rq);
    if (!form.recipe) return;
    form.values = &fields;
    const char *mode = url_pairs_find(&fields, "mode");
    const char *nonce = url_pairs_find(&fields, "idempotency_key");
    bool is_mode = text_equal(mode, "post") || text_equal(mode, "preview");
    if (!is_mode || !nonce || !*nonce || strlen(nonce) > NONCE_BYTES_MAX) {
        page_refuse(rq, 400, "invalid_request", "This is not one of our forms",
                    "Nothing was done. Use the buttons of the start page.");
    } else if (atomic_load(&rq->web->is_draining)) {
        page_refuse(rq, 503, "draining", "The service is restarting",
                    "Nothing was started. Try again in a minute.");
    } else {
        submit(rq, &form, mode, nonce);
    }
}
