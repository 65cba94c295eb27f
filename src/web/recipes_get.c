/*
 * GET /recipes and GET /recipes/{name}?user_id=: what can be made here, and what one user still
 * lacks for it.
 */
#include "agent/accounts.h"
#include "web/connection_document.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"

#include <string.h>

static void put_param(struct json_writer *w, const struct recipe_param *param)
{
    static const char *const types[] = {
        [PARAM_STRING] = "string", [PARAM_INTEGER] = "integer", [PARAM_BOOLEAN] = "boolean"};
    json_begin_object(w);
    json_put_string(w, "name", param->name);
    json_put_string(w, "type", types[param->type]);
    json_put_string(w, "description", param->description);
    json_put_bool(w, "required", param->is_required);
    json_put_string(w, "default",
                    param->default_value ? param->default_value : param->setting_value);
    json_put_string(w, "pattern", param->pattern);
    json_put_int(w, "min", param->min);
    json_put_int(w, "max", param->max);
    json_end_object(w);
}

/* The members of one recipe, inside an object. */
static void put_recipe(struct json_writer *w, const struct recipe *recipe)
{
    json_put_string(w, "name", recipe->name);
    json_put_string(w, "title", recipe->title);
    json_put_string(w, "description", recipe->description);
    json_put_string(w, "hash", recipe->hash);
    json_key(w, "connectors");
    json_begin_array(w);
    for (size_t i = 0; i < recipe->n_connectors; i++)
        json_write_string(w, recipe->connectors[i]);
    json_end_array(w);
    json_key(w, "params");
    json_begin_array(w);
    for (size_t i = 0; i < recipe->n_params; i++)
        put_param(w, &recipe->params[i]);
    json_end_array(w);
}

void recipes_get(struct request *rq)
{
    static const char *const known[] = {NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    if (!request_query(rq, known, &query)) return;
    const struct catalogue *catalogue = request_catalogue(rq);
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_key(&w, "data");
    json_begin_array(&w);
    for (size_t i = 0; i < catalogue->n_recipes; i++) {
        json_begin_object(&w);
        put_recipe(&w, &catalogue->recipes[i]);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    reply_json(rq, 200, &body);
}

static void put_missing(struct json_writer *w, struct request *rq, const struct recipe *recipe,
                        const struct connection_list *list)
{
    int n = 0;
    json_key(w, "missing");
    json_begin_array(w);
    for (size_t i = 0; i < recipe->n_connectors; i++) {
        const struct connector *connector =
            catalogue_connector(request_catalogue(rq), recipe->connectors[i]);
        const struct connection_row *row = NULL;
        for (size_t k = 0; k < list->n; k++)
            if (text_equal(list->rows[k].connector, recipe->connectors[i])) row = &list->rows[k];
        if (!connector || (row && connection_is_usable(row))) continue;
        connection_document(w, connector, row, rq->web->options.public_url);
        n++;
    }
    json_end_array(w);
    json_put_bool(w, "ready", n == 0);
}

void recipe_get(struct request *rq)
{
    static const char *const known[] = {"user_id", NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    AUTO(connection_list_done) struct connection_list list = {0};
    const struct recipe *recipe = catalogue_recipe(request_catalogue(rq), rq->args[0]);
    if (!recipe) {
        reply_problem(rq, PROBLEM_not_found, "There is no recipe of this name.");
        return;
    }
    if (!request_query(rq, known, &query)) return;
    const char *user_id = url_pairs_find(&query, "user_id");
    if (!user_id && rq->principal.kind == PRINCIPAL_BROWSER) user_id = rq->principal.user_id;
    if (user_id && !request_owns(rq, user_id)) {
        reply_problem(rq, PROBLEM_not_found, "There is no such user.");
        return;
    }
    enum err e = user_id ? store_connections_list(rq->web->options.store, user_id, &list) : E_OK;
    if (e) {
        reply_error(rq, e, "reading a user's connections");
        return;
    }
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    put_recipe(&w, recipe);
    if (user_id) put_missing(&w, rq, recipe, &list);
    json_end_object(&w);
    reply_json(rq, 200, &body);
}
