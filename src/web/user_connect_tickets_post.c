/*
 * POST /users/{user}/connect-tickets: a link for one of the host's users. Keys only: whoever could
 * make tickets in a browser could talk somebody else into connecting to their own name.
 */
#include "agent/accounts.h"
#include "base/clock.h"
#include "connect/connect.h"
#include "connect/ticket.h"
#include "web/idempotent.h"
#include "web/routes.h"
#include "web/server.h"

#include <string.h>

#define RETURN_BYTES_MAX 1000

struct fields {
    struct json_span connectors;
    char *recipe, *return_to, *display_name;
    bool needs_confirm;
};

static void fields_done(struct fields *f)
{
    xfree(f->recipe);
    xfree(f->return_to);
    xfree(f->display_name);
}

static const struct connector *offered(struct request *rq, const char *name)
{
    const struct connector *c = catalogue_connector(request_catalogue(rq), name);
    return c && c->connection_name ? c : NULL;
}

static void take_text(struct json_span value, size_t max, char **out, const char *pointer,
                      const char *why, struct field_errors *errors)
{
    *out = json_strdup(value, max);
    if (!*out || !**out) field_error(errors, pointer, why);
}

static void take_confirm(struct json_span value, struct fields *f, struct field_errors *errors)
{
    enum json_type type = json_type(value);
    if (type != JSON_TRUE && type != JSON_FALSE)
        field_error(errors, "/confirm", "must be true or false");
    f->needs_confirm = type == JSON_TRUE;
}

static void read_fields(struct json_span object, struct fields *f, struct field_errors *errors)
{
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        if (json_string_is(it.key, "connectors"))
            f->connectors = it.value;
        else if (json_string_is(it.key, "recipe"))
            take_text(it.value, 100, &f->recipe, "/recipe", "must be the name of a recipe", errors);
        else if (json_string_is(it.key, "return_to"))
            take_text(it.value, RETURN_BYTES_MAX, &f->return_to, "/return_to",
                      "must be an address of at most 1000 bytes", errors);
        else if (json_string_is(it.key, "display_name"))
            take_text(it.value, TICKET_NAME_BYTES_MAX, &f->display_name, "/display_name",
                      "must have 1 to 200 bytes", errors);
        else if (json_string_is(it.key, "confirm"))
            take_confirm(it.value, f, errors);
        else
            field_unknown(errors, "", it.key);
    }
}

/* The JSON array of the names that the ticket is for: as asked, else the recipe's, else all. */
static void choose(struct request *rq, const struct fields *f, struct str *out,
                   struct field_errors *errors)
{
    const struct catalogue *catalogue = request_catalogue(rq);
    const struct recipe *recipe = f->recipe ? catalogue_recipe(catalogue, f->recipe) : NULL;
    struct json_writer w = json_writer(out);
    bool is_given = json_type(f->connectors) != JSON_NONE;
    int n = 0;
    if (f->recipe && !recipe) field_error(errors, "/recipe", "is no recipe here");
    json_begin_array(&w);
    for (size_t i = 0; i < catalogue->n_connectors; i++) {
        const char *name = catalogue->connectors[i].name;
        bool is_wanted = !is_given && !recipe;
        for (struct json_iter it = json_iter(f->connectors); json_next(&it);)
            is_wanted = is_wanted || json_string_is(it.value, name);
        for (size_t k = 0; !is_given && recipe && k < recipe->n_connectors; k++)
            is_wanted = is_wanted || text_equal(recipe->connectors[k], name);
        if (!is_wanted || !offered(rq, name)) continue;
        json_write_string(&w, name);
        n++;
    }
    json_end_array(&w);
    if (is_given && json_type(f->connectors) != JSON_ARRAY)
        field_error(errors, "/connectors", "must be an array of names");
    else if (n == 0)
        field_error(errors, "/connectors", "names no connector that is offered here");
    for (struct json_iter it = json_iter(f->connectors); is_given && json_next(&it);) {
        AUTO(xfree_ptr) char *name = json_strdup(it.value, 100);
        if (!name || !offered(rq, name))
            field_error(errors, "/connectors", "has a name that is not offered here");
    }
}

/* Those of the ticket's connectors that are not known to be usable. */
static enum err list_missing(struct request *rq, const char *names, struct str *out)
{
    AUTO(connection_list_done) struct connection_list list = {0};
    enum err e = store_connections_list(rq->web->options.store, rq->args[0], &list);
    struct json_writer w = json_writer(out);
    json_begin_array(&w);
    for (struct json_iter it = json_iter(json_root(names, strlen(names))); json_next(&it);) {
        bool is_usable = false;
        for (size_t i = 0; i < list.n; i++)
            if (json_string_is(it.value, list.rows[i].connector))
                is_usable = connection_is_usable(&list.rows[i]);
        if (!is_usable) json_write_span(&w, it.value);
    }
    json_end_array(&w);
    return e;
}

struct made {
    struct str url, missing;
};

static void made_done(struct made *made)
{
    str_done_secret(&made->url);
    str_done(&made->missing);
}

static void render(void *ctx, const void *row, struct run_answer *out)
{
    const struct made *made = ctx;
    const struct ticket_row *ticket = row;
    struct json_writer w = json_writer(&out->body);
    json_begin_object(&w);
    json_put_string(&w, "url", str_text(&made->url));
    json_put_time(&w, "expires_at", ticket->expires_ms);
    json_key(&w, "missing");
    json_write_span(&w, json_root(made->missing.data, made->missing.len));
    json_end_object(&w);
    out->http_status = 201;
}

static void make(struct request *rq, const struct idempotent *idempotent, struct ticket_row *ticket)
{
    AUTO(made_done) struct made made = {0};
    struct store *store = rq->web->options.store;
    struct store_once once = idempotent_once(rq, idempotent, render, &made);
    enum err e = list_missing(rq, ticket->connectors, &made.missing);
    if (!e) e = ticket_make(store, rq->web->options.public_url, ticket, &once, &made.url);
    if (e == E_LIMIT) {
        reply_problem(rq, PROBLEM_rate_limited, "Not made: %s.", err_detail());
        return;
    }
    if (!e && !once.is_replayed)
        e = store_audit(store, rq->principal.name, "ticket_made", rq->args[0], NULL);
    if (e && !once.is_reused)
        reply_error(rq, e, "making a connect ticket");
    else
        idempotent_answer(rq, &once);
    str_done_secret(&once.answer.body);
}

void user_connect_tickets_post(struct request *rq)
{
    struct json_span object = {0};
    struct idempotent idempotent;
    if (!user_id_valid(rq->args[0])) {
        reply_problem(rq, PROBLEM_not_found,
                      "A user's id has at most 100 characters, none of them a control character.");
        return;
    }
    if (rq->body.len > 0 && !request_json(rq, &object)) return;
    AUTO(fields_done) struct fields f = {.needs_confirm = rq->web->options.ticket_confirm};
    AUTO(field_errors_done) struct field_errors errors = {0};
    AUTO(str_done) struct str connectors = {0};
    read_fields(object, &f, &errors);
    choose(rq, &f, &connectors, &errors);
    if (f.return_to && !is_return_address(rq->web->options.return_origins, f.return_to))
        field_error(&errors, "/return_to",
                    "must be a path of this service or an address whose origin is in "
                    "BRIEFD_RETURN_ORIGINS");
    if (errors.n > 0) {
        reply_invalid(rq, &errors);
        return;
    }
    if (!idempotent_read(rq, &idempotent)) return;
    AUTO(xfree_ptr) char *names = str_take(&connectors);
    struct ticket_row ticket = {.user_id = rq->args[0],
                                .display_name = f.display_name,
                                .connectors = names,
                                .return_to = f.return_to,
                                .needs_confirm = f.needs_confirm};
    make(rq, &idempotent, &ticket);
}
