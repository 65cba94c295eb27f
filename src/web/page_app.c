/*
 * GET /: what is connected, what can be made, what was made. `?connect=NAME` points at one
 * connector, `?connected=NAME` tells how connecting it ended, `?saved=RECIPE` that defaults were
 * kept, `?before=ID` shows older briefings.
 */
#include "agent/accounts.h"
#include "web/page_parts.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/words.h"

#include <stdio.h>
#include <string.h>

#define QUERY_PAIRS_MAX 20

/* Everything that the page shows of a user. */
struct app {
    struct connection_list connections;
    struct run_list runs;
    struct user_params_row *own; /* one for each recipe */
    size_t n_own;
};

static void app_done(struct app *app)
{
    connection_list_done(&app->connections);
    run_list_done(&app->runs);
    for (size_t i = 0; i < app->n_own; i++)
        user_params_row_done(&app->own[i]);
    xfree(app->own);
}

static enum err app_read(struct request *rq, const struct app_view *view, struct app *app)
{
    struct store *store = rq->web->options.store;
    const struct catalogue *catalogue = request_catalogue(rq);
    const char *user_id = rq->session.user_id;
    enum err e = store_connections_list(store, user_id, &app->connections);
    if (e || rq->session.kind == SESSION_TICKET) return e;
    struct run_filter filter = {
        .user_id = user_id, .status = -1, .before_id = view->before, .limit = BRIEFINGS_SHOWN + 1};
    e = store_runs_list(store, &filter, &app->runs);
    app->own = xcalloc(catalogue->n_recipes, sizeof(*app->own));
    app->n_own = catalogue->n_recipes;
    for (size_t i = 0; i < app->n_own && !e; i++) {
        e = store_user_params_find(store, user_id, catalogue->recipes[i].name, &app->own[i]);
        if (e == E_NOT_FOUND) e = E_OK;
    }
    return e;
}

/* How connecting ended: the words come from what is stored, never from the address. */
static void put_outcome(struct page *page, const struct connection_list *list, const char *name)
{
    struct str *h = &page->html;
    const struct catalogue *catalogue = request_catalogue(page->rq);
    const struct connector *connector = name ? catalogue_connector(catalogue, name) : NULL;
    const struct connection_row *row = connector ? page_connection_find(list, name) : NULL;
    const char *return_to = page->rq->session.return_to;
    if (!row || !account_is_usable(row->status)) return;
    bool is_usable = connection_is_usable(row);
    html_open(h, "p", "class", is_usable ? "notice notice-ok" : "notice notice-wait", "role",
              "status", NULL);
    html_textf(h,
               is_usable ? "%s is connected. Please check that this is the account you meant."
                         : "%s is connected and waits until somebody confirms that it is yours.",
               connector->label);
    html_close(h, "p");
    if (return_to) {
        html_open(h, "p", NULL);
        html_link(h, "button button-main return", return_to, "Continue");
        html_close(h, "p");
    }
}

static bool has_all(const struct app *app, const struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->n_connectors; i++) {
        const struct connection_row *row =
            page_connection_find(&app->connections, recipe->connectors[i]);
        if (!row || !connection_is_usable(row)) return false;
    }
    return true;
}

static const char *first_words(const struct app *app, const struct catalogue *catalogue)
{
    size_t n_usable = 0;
    for (size_t i = 0; i < catalogue->n_recipes; i++)
        if (has_all(app, &catalogue->recipes[i]))
            return "Look at a preview of your first briefing, then send it.";
    for (size_t i = 0; i < app->connections.n; i++)
        n_usable += connection_is_usable(&app->connections.rows[i]);
    return n_usable == 0 ? "Connect your accounts, then send your first briefing."
                         : "Connect what is missing, then send your first briefing.";
}

/* What to do first, for somebody who has not done it. */
static void put_lead(struct page *page, const struct app *app, bool is_first)
{
    bool is_ticket = page->rq->session.kind == SESSION_TICKET;
    if (is_ticket)
        html_element(&page->html, "p", "lead",
                     "Briefings are made from these accounts. You decide at the provider, and can "
                     "disconnect here at any time.");
    else if (app->runs.n == 0 && is_first)
        html_element(&page->html, "p", "lead", first_words(app, request_catalogue(page->rq)));
}

static void put_recipes(struct page *page, const struct app *app, const struct app_view *view)
{
    const struct catalogue *catalogue = request_catalogue(page->rq);
    html_open(&page->html, "section", "id", "recipes", NULL);
    html_element(&page->html, "h2", NULL, "New briefing");
    for (size_t i = 0; i < catalogue->n_recipes; i++)
        page_put_recipe(page, &catalogue->recipes[i], &app->connections, &app->own[i], view);
    html_close(&page->html, "section");
}

static void nobody(struct request *rq)
{
    bool has_proxy = rq->web->options.trusted_proxy != NULL;
    page_note(rq,
              &(struct note){
                  .status = 401,
                  .kind = "warn",
                  .code = "unauthenticated",
                  .title = "You are not signed in",
                  .text = has_proxy
                              ? "Open this page through the sign-in of your organisation."
                              : "Open the link that the application gave you. If it is too old, "
                                "ask there for a new one."});
}

void app_show(struct request *rq, const struct app_view *view)
{
    AUTO(app_done) struct app app = {0};
    bool is_ticket = rq->session.kind == SESSION_TICKET;
    enum err e = app_read(rq, view, &app);
    if (e) {
        page_error(rq, e, "reading what belongs to a user");
        return;
    }
    const char *title = is_ticket ? "Connect your accounts" : "Briefings";
    struct page page = {.rq = rq, .name = "app", .title = title};
    page_begin(&page, NULL);
    html_element(&page.html, "h1", NULL, title);
    put_outcome(&page, &app.connections, view->connected);
    put_lead(&page, &app, !view->before);
    page_put_connections(&page, &app.connections, view->wanted);
    if (!is_ticket) {
        put_recipes(&page, &app, view);
        page_put_briefings(&page, &app.runs, !view->before);
    }
    page_send(&page, view->status ? view->status : 200);
}

void app_get(struct request *rq)
{
    AUTO(url_pairs_done) struct url_pairs query = {0};
    /* People come here by all kinds of links: what is not known is passed over. */
    (void)!form_parse(rq->query, strlen(rq->query), QUERY_PAIRS_MAX, &query);
    if (!rq->session.id) {
        nobody(rq);
        return;
    }
    const char *before = url_pairs_find(&query, "before");
    app_show(rq, &(struct app_view){.connected = url_pairs_find(&query, "connected"),
                                    .wanted = url_pairs_find(&query, "connect"),
                                    .saved = url_pairs_find(&query, "saved"),
                                    .before = before && id_valid("br", before) ? before : NULL});
}
