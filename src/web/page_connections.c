/*
 * The accounts on the app page: who is connected, since when, and what can be done about it.
 */
#include "web/page_parts.h"
#include "web/server.h"
#include "web/words.h"

#include "agent/accounts.h"

#include <stdio.h>
#include <string.h>

const struct connection_row *page_connection_find(const struct connection_list *list,
                                                  const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (text_equal(list->rows[i].connector, name)) return &list->rows[i];
    return NULL;
}

/* Names are for people; ids are for the few who compare them. */
static bool is_id(const char *member)
{
    return strcmp(member, "id") == 0 || text_ends(member, "_id") || text_ends(member, "Id");
}

static void put_member(struct str *h, struct json_span identity, const char *member)
{
    struct json_span value = json_get(identity, member);
    AUTO(str_done) struct str label = {0};
    AUTO(str_done) struct str text = {0};
    if (json_type(value) == JSON_NONE || json_type(value) == JSON_NULL) return;
    if (!json_string(value, &text)) str_append(&text, value.text, value.len);
    words_of_member(member, &label);
    html_open(h, "div", "data-member", member, NULL);
    html_element(h, "dt", NULL, str_text(&label));
    html_element(h, "dd", NULL, str_text(&text));
    html_close(h, "div");
}

/* Those members, in the order in which the connector lists what tells it apart. */
static void put_members(struct str *h, const struct connector *connector, const char *identity,
                        bool are_ids)
{
    struct json_span root = json_root(identity, strlen(identity));
    html_open(h, "dl", NULL);
    for (size_t i = 0; i < connector->n_identity_members; i++)
        if (is_id(connector->identity_members[i]) == are_ids)
            put_member(h, root, connector->identity_members[i]);
    html_close(h, "dl");
}

static void put_account(struct str *h, const struct connector *connector, const char *identity)
{
    if (!identity) return;
    html_open(h, "div", "class", "connection-account", NULL);
    put_members(h, connector, identity, false);
    html_open(h, "details", NULL);
    html_open(h, "summary", NULL);
    html_text(h, "IDs");
    html_close(h, "summary");
    put_members(h, connector, identity, true);
    html_close(h, "details");
    html_close(h, "div");
}

static void put_button(struct page *page, const struct connector *connector, const char *kind,
                       const char *label)
{
    bool is_connect = strcmp(kind, "connect") == 0;
    char action[120], name[200];
    snprintf(action, sizeof(action), is_connect ? "/oauth/%.80s/start" : "/disconnect/%.80s",
             connector->name);
    /* Read alone, "Connect" would not say what. */
    snprintf(name, sizeof(name), "%s: %.100s", label, connector->label);
    html_open(&page->html, "form", "class", kind, "method", "post", "action", action, NULL);
    page_token_field(page);
    html_open(&page->html, "button", "type", "submit", "class", "button", "aria-label", name, NULL);
    html_text(&page->html, label);
    html_close(&page->html, "button");
    html_close(&page->html, "form");
}

static void put_connection(struct page *page, const struct connector *connector,
                           const struct connection_row *row, bool is_wanted)
{
    struct str *h = &page->html;
    struct connection_words words = words_of_connection(row);
    bool has_account = row && row->account_id;
    char id[100], class[100], version[24];
    snprintf(id, sizeof(id), "connection-%.80s", connector->name);
    snprintf(class, sizeof(class), "connection state-%s", words.name);
    snprintf(version, sizeof(version), "%lld", row ? (long long)row->version : 0);
    html_open(h, "article", "class", class, "id", id, "data-connector", connector->name,
              "data-status", row ? connection_status(row) : "UNKNOWN", "data-version", version,
              "data-wanted", is_wanted ? HTML_FLAG : NULL, NULL);
    html_element(h, "h3", "connection-name", connector->label);
    html_element(h, "p", "connection-state", words.state);
    html_element(h, "p", "connection-advice", words.advice);
    if (has_account) put_account(h, connector, row->identity);
    if (has_account && words.since && row->changed_ms > 0) {
        html_open(h, "p", "class", "connection-since", NULL);
        html_text(h, words.since);
        html_time(h, row->changed_ms);
        html_close(h, "p");
    }
    html_open(h, "div", "class", "actions", NULL);
    put_button(page, connector, "connect", words.button);
    if (has_account) put_button(page, connector, "disconnect", "Disconnect");
    html_close(h, "div");
    html_close(h, "article");
}

void page_put_connections(struct page *page, const struct connection_list *list, const char *wanted)
{
    const struct catalogue *catalogue = request_catalogue(page->rq);
    size_t n = 0;
    html_open(&page->html, "section", "id", "connections", NULL);
    html_element(&page->html, "h2", NULL, "Accounts");
    for (size_t i = 0; i < catalogue->n_connectors; i++) {
        const struct connector *connector = &catalogue->connectors[i];
        bool is_shown = connector->connection_name &&
                        names_include(page->rq->session.connectors, connector->name);
        if (!is_shown) continue;
        put_connection(page, connector, page_connection_find(list, connector->name),
                       text_equal(wanted, connector->name));
        n++;
    }
    if (n == 0)
        html_element(&page->html, "p", "empty",
                     "There is nothing to connect here. Tell those who run this service.");
    html_close(&page->html, "section");
}
