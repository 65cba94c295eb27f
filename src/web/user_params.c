/*
 * GET and PUT /users/{user}/recipes/{name}/params: a user's own defaults for a recipe, which count
 * after what a request says and before the recipe's.
 */
#include "store/user_params.h"
#include "base/clock.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"

#include <stdio.h>
#include <string.h>

#define ZONE_BYTES_MAX 100

static const struct recipe *find_recipe(struct request *rq)
{
    const struct recipe *recipe = catalogue_recipe(request_catalogue(rq), rq->args[1]);
    if (recipe && user_id_valid(rq->args[0])) return recipe;
    reply_problem(rq, PROBLEM_not_found, "There is no recipe of this name.");
    return NULL;
}

static void answer(struct request *rq, const struct user_params_row *row)
{
    const char *params = row->params ? row->params : "{}";
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_put_string(&w, "user_id", rq->args[0]);
    json_put_string(&w, "recipe", rq->args[1]);
    json_put_raw(&w, "params", params, strlen(params));
    json_put_string(&w, "timezone", row->timezone);
    json_put_time(&w, "updated_at", row->updated_ms);
    json_end_object(&w);
    reply_json(rq, 200, &body);
}

void user_params_get(struct request *rq)
{
    static const char *const known[] = {NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    AUTO(user_params_row_done) struct user_params_row row = {0};
    if (!request_query(rq, known, &query) || !find_recipe(rq)) return;
    enum err e = store_user_params_find(rq->web->options.store, rq->args[0], rq->args[1], &row);
    if (e && e != E_NOT_FOUND)
        reply_error(rq, e, "reading a user's defaults");
    else
        answer(rq, &row);
}

static void take_timezone(struct json_span value, char **out, struct field_errors *errors)
{
    if (json_type(value) == JSON_NULL) return;
    *out = json_strdup(value, ZONE_BYTES_MAX);
    if (!*out || zone_check(*out))
        field_error(errors, "/timezone", "must be the name of an IANA time zone, or null");
}

/* Each value as the recipe takes it; what is required may be left out here. */
static void take_params(const struct recipe *recipe, struct json_span value, struct str *out,
                        struct field_errors *errors)
{
    if (json_type(value) != JSON_OBJECT)
        field_error(errors, "/params", "must be an object");
    else if (recipe_check_params(recipe, value, out, field_error, errors) && errors->n == 0)
        field_error(errors, "/params", "is not acceptable");
}

void user_params_put(struct request *rq)
{
    struct json_span object;
    const struct recipe *recipe = find_recipe(rq);
    if (!recipe || !request_json(rq, &object)) return;
    AUTO(field_errors_done) struct field_errors errors = {0};
    AUTO(str_done) struct str params = {0};
    AUTO(user_params_row_done) struct user_params_row row = {.updated_ms = clock_unix_ms()};
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        if (json_string_is(it.key, "params"))
            take_params(recipe, it.value, &params, &errors);
        else if (json_string_is(it.key, "timezone"))
            take_timezone(it.value, &row.timezone, &errors);
        else
            field_unknown(&errors, "", it.key);
    }
    if (errors.n > 0) {
        reply_invalid(rq, &errors);
        return;
    }
    row.params = params.len > 0 ? str_take(&params) : xstrdup("{}");
    enum err e = store_user_params_put(rq->web->options.store, rq->args[0], rq->args[1], &row);
    if (e)
        reply_error(rq, e, "keeping a user's defaults");
    else
        answer(rq, &row);
}
