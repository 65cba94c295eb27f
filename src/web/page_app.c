/*
 * GET /: what is connected, what can be made, what was made. `?connect=NAME` points at one
 * connector, `?connected=NAME` tells how connecting it ended.
 */
#include "agent/accounts.h"
#include "base/clock.h"
#include "connect/connect.h"
#include "web/pages.h"
#include "web/routes.h"
#include "web/server.h"

#include <stdio.h>
#include <string.h>

#define BRIEFINGS_SHOWN 20
#define QUERY_PAIRS_MAX 20

struct state {
    const char *name, *words;
};

static struct state state_of(const struct connection_row *row)
{
    if (!row) return (struct state){"unknown", "Not connected yet"};
    const char *status = connection_status(row);
    if (connection_is_usable(row)) return (struct state){"usable", "Connected"};
    if (text_equal(status, ACCOUNT_PENDING_CONFIRMATION))
        return (struct state){"waiting", "Connected, waiting to be confirmed"};
    if (text_equal(status, ACCOUNT_NOT_CONNECTED)) return (struct state){"absent", "Not connected"};
    if (text_equal(status, "PENDING_AUTH") || text_equal(status, "PENDING_VERIFICATION"))
        return (struct state){"absent", "Not finished: connect again"};
    return (struct state){"broken", "The connection has ended: connect again"};
}

static const struct connection_row *find(const struct connection_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (text_equal(list->rows[i].connector, name)) return &list->rows[i];
    return NULL;
}

/* "team_id" reads "team id". */
static void put_label(struct str *h, const char *member)
{
    AUTO(str_done) struct str label = {0};
    str_append_text(&label, member);
    for (size_t i = 0; i < label.len; i++)
        if (label.data[i] == '_') label.data[i] = ' ';
    html_element(h, "dt", NULL, str_text(&label));
}

/* Who is connected, in the order in which the connector lists what tells it apart. */
static void put_account(struct str *h, const struct connector *connector, const char *identity)
{
    if (!identity) return;
    struct json_span root = json_root(identity, strlen(identity));
    html_open(h, "dl", "class", "connection-account", NULL);
    for (size_t i = 0; i < connector->n_identity_members; i++) {
        const char *member = connector->identity_members[i];
        struct json_span value = json_get(root, member);
        AUTO(str_done) struct str text = {0};
        if (json_type(value) == JSON_NONE) continue;
        if (!json_string(value, &text)) str_append(&text, value.text, value.len);
        html_open(h, "div", "data-member", member, NULL);
        put_label(h, member);
        html_element(h, "dd", NULL, str_text(&text));
        html_close(h, "div");
    }
    html_close(h, "dl");
}

static void put_connection(struct page *page, const struct connector *connector,
                           const struct connection_row *row, bool is_wanted)
{
    struct str *h = &page->html;
    struct state state = state_of(row);
    bool has_account = row && row->account_id;
    char id[100], class[100], action[120], version[24];
    snprintf(id, sizeof(id), "connection-%.80s", connector->name);
    snprintf(class, sizeof(class), "connection state-%s", state.name);
    snprintf(version, sizeof(version), "%lld", row ? (long long)row->version : 0);
    html_open(h, "article", "class", class, "id", id, "data-connector", connector->name,
              "data-status", row ? connection_status(row) : "UNKNOWN", "data-version", version,
              "data-wanted", is_wanted ? HTML_FLAG : NULL, NULL);
    html_element(h, "h3", "connection-name", connector->label);
    html_element(h, "p", "connection-state", state.words);
    if (has_account) put_account(h, connector, row->identity);
    if (has_account && row->changed_ms > 0) {
        html_open(h, "p", "class", "connection-since", NULL);
        html_text(h, "Since ");
        html_time(h, row->changed_ms);
        html_close(h, "p");
    }
    snprintf(action, sizeof(action), "/oauth/%.80s/start", connector->name);
    page_button(page, "connect", action, has_account ? "Connect again" : "Connect", NULL);
    snprintf(action, sizeof(action), "/disconnect/%.80s", connector->name);
    if (has_account) page_button(page, "disconnect", action, "Disconnect", NULL);
    html_close(h, "article");
}

static void put_connections(struct page *page, const struct connection_list *list,
                            const char *wanted)
{
    const struct catalogue *catalogue = page->rq->web->options.catalogue;
    html_open(&page->html, "section", "id", "connections", NULL);
    html_element(&page->html, "h2", NULL, "Accounts");
    for (size_t i = 0; i < catalogue->n_connectors; i++) {
        const struct connector *connector = &catalogue->connectors[i];
        bool is_shown = connector->connection_name &&
                        names_include(page->rq->session.connectors, connector->name);
        if (is_shown)
            put_connection(page, connector, find(list, connector->name),
                           text_equal(wanted, connector->name));
    }
    html_close(&page->html, "section");
}

static void put_recipes(struct page *page)
{
    struct str *h = &page->html;
    const struct catalogue *catalogue = page->rq->web->options.catalogue;
    html_open(h, "section", "id", "recipes", NULL);
    html_element(h, "h2", NULL, "What can be made");
    for (size_t i = 0; i < catalogue->n_recipes; i++) {
        const struct recipe *recipe = &catalogue->recipes[i];
        html_open(h, "article", "class", "recipe", "data-recipe", recipe->name, NULL);
        html_element(h, "h3", NULL, recipe->title);
        html_element(h, "p", NULL, recipe->description);
        html_close(h, "article");
    }
    html_close(h, "section");
}

static void put_briefings(struct page *page, const struct run_list *runs)
{
    struct str *h = &page->html;
    html_open(h, "section", "id", "briefings", "data-user", page->rq->session.user_id, NULL);
    html_element(h, "h2", NULL, "Briefings");
    if (runs->n == 0) html_element(h, "p", "empty", "None yet.");
    html_open(h, "ul", NULL);
    for (size_t i = 0; i < runs->n; i++) {
        const struct run_row *run = &runs->rows[i];
        char href[ID_MAX + 8];
        snprintf(href, sizeof(href), "/b/%s", run->id);
        html_open(h, "li", NULL);
        html_open(h, "a", "class", "briefing", "href", href, "data-status",
                  run_status_name(run->status), NULL);
        html_time(h, run->created_ms);
        html_textf(h, " %s", run_status_name(run->status));
        html_close(h, "a");
        html_close(h, "li");
    }
    html_close(h, "ul");
    html_close(h, "section");
}

/* How connecting ended: the words come from what is stored, never from the address. */
static void put_outcome(struct page *page, const struct connection_list *list, const char *name)
{
    const struct catalogue *catalogue = page->rq->web->options.catalogue;
    const struct connector *connector = name ? catalogue_connector(catalogue, name) : NULL;
    const struct connection_row *row = connector ? find(list, name) : NULL;
    const char *return_to = page->rq->session.return_to;
    if (!row || !account_is_usable(row->status)) return;
    bool is_usable = connection_is_usable(row);
    html_open(&page->html, "p", "class", is_usable ? "notice notice-ok" : "notice notice-wait",
              "role", "status", NULL);
    html_textf(&page->html,
               is_usable ? "%s is connected. Please check that this is the account you meant."
                         : "%s is connected and waits until somebody confirms that it is yours.",
               connector->label);
    html_close(&page->html, "p");
    if (return_to) {
        html_open(&page->html, "p", NULL);
        html_link(&page->html, "button return", return_to, "Continue");
        html_close(&page->html, "p");
    }
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

void app_get(struct request *rq)
{
    AUTO(url_pairs_done) struct url_pairs query = {0};
    AUTO(connection_list_done) struct connection_list connections = {0};
    AUTO(run_list_done) struct run_list runs = {0};
    /* People come here by all kinds of links: what is not known is passed over. */
    (void)!form_parse(rq->query, strlen(rq->query), QUERY_PAIRS_MAX, &query);
    if (!rq->session.id) {
        nobody(rq);
        return;
    }
    const char *user_id = rq->session.user_id;
    bool is_ticket = rq->session.kind == SESSION_TICKET;
    enum err e = store_connections_list(rq->web->options.store, user_id, &connections);
    struct run_filter filter = {.user_id = user_id, .status = -1, .limit = BRIEFINGS_SHOWN};
    if (!e && !is_ticket) e = store_runs_list(rq->web->options.store, &filter, &runs);
    if (e) {
        page_error(rq, e, "reading what belongs to a user");
        return;
    }
    struct page page = {.rq = rq, .name = "app", .title = "Briefings"};
    page_begin(&page, NULL);
    html_element(&page.html, "h1", NULL, is_ticket ? "Connect your accounts" : "Briefings");
    put_outcome(&page, &connections, url_pairs_find(&query, "connected"));
    put_connections(&page, &connections, url_pairs_find(&query, "connect"));
    if (!is_ticket) {
        put_recipes(&page);
        put_briefings(&page, &runs);
    }
    page_send(&page, 200);
}
