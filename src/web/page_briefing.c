/*
 * GET /b/{id}: one briefing for people. Scripts read this same page again while it is made.
 */
#include "web/page_parts.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/words.h"

#include <stdio.h>
#include <string.h>

#define EVENTS_SHOWN 500

static void fact(struct str *h, const char *name, const char *value)
{
    if (!value || !*value) return;
    html_open(h, "div", NULL);
    html_element(h, "dt", NULL, name);
    html_element(h, "dd", NULL, value);
    html_close(h, "div");
}

static void fact_number(struct str *h, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    if (value > 0) fact(h, name, text);
}

static void fact_time(struct str *h, const char *name, int64_t unix_ms)
{
    if (unix_ms <= 0) return;
    html_open(h, "div", NULL);
    html_element(h, "dt", NULL, name);
    html_open(h, "dd", NULL);
    html_time(h, unix_ms);
    html_close(h, "dd");
    html_close(h, "div");
}

/* ---- how it stands, and what to do ---- */

static void put_connect_links(struct page *page, const struct run_row *row)
{
    const struct catalogue *catalogue = request_catalogue(page->rq);
    struct json_span list = row->blocked_on ? json_root(row->blocked_on, strlen(row->blocked_on))
                                            : (struct json_span){0};
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        AUTO(xfree_ptr) char *name = json_strdup(json_get(it.value, "connector"), 80);
        const struct connector *connector = name ? catalogue_connector(catalogue, name) : NULL;
        char href[200], label[200];
        if (!connector) continue;
        snprintf(href, sizeof(href), "/?connect=%.80s#connection-%.80s", name, name);
        snprintf(label, sizeof(label), "Connect %.100s", connector->label);
        html_link(&page->html, "button button-main", href, label);
    }
}

static void put_now(struct page *page, const struct run_row *row)
{
    struct str *h = &page->html;
    struct run_words words = words_of_run(row);
    bool is_ended = run_status_is_terminal(row->status);
    bool is_well = strcmp(words.tone, "good") == 0 && !words.advice;
    char class[32];
    snprintf(class, sizeof(class), "now tone-%s", words.tone);
    html_open(h, "div", "class", class, "role", "status", NULL);
    html_element(h, "p", NULL, words.meaning);
    html_element(h, "p", "advice", words.advice);
    html_open(h, "p", "class", "actions", NULL);
    if (row->blocked_on) put_connect_links(page, row);
    if (row->delivery_permalink && text_starts(row->delivery_permalink, "https://"))
        html_link(h, "button", row->delivery_permalink, "Open the message");
    if (is_ended && !is_well) html_link(h, "button", "/", "To the start page");
    html_close(h, "p");
    if (!is_ended) {
        html_open(h, "noscript", NULL);
        html_element(h, "p", "hint", "Reload this page to see what is new.");
        html_close(h, "noscript");
    }
    html_close(h, "div");
}

static void put_message(struct str *h, const struct run_row *row)
{
    if (!row->delivery_text) return;
    bool is_out = row->delivery == DELIVERY_CONFIRMED || row->delivery == DELIVERY_RECONCILED ||
                  row->delivery == DELIVERY_SETTLED_DELIVERED;
    html_open(h, "section", "class", "run-message", NULL);
    html_element(h, "h2", NULL, is_out ? "The message" : "The message as it was written");
    html_open(h, "div", "class", "slack", NULL);
    html_element(h, "pre", "message", row->delivery_text);
    html_close(h, "div");
    html_close(h, "section");
}

/* ---- what happened ---- */

static void put_timeline(struct page *page, const struct run_row *row,
                         const struct event_list *events)
{
    struct str *h = &page->html;
    html_open(h, "section", "class", "run-timeline", NULL);
    html_element(h, "h2", NULL, "What happened");
    html_open(h, "ol", "class", "timeline", NULL);
    for (size_t i = 0; i < events->n; i++) {
        const struct event_row *event = &events->rows[i];
        AUTO(str_done) struct str words = {0};
        char n[24];
        snprintf(n, sizeof(n), "%lld", (long long)event->n);
        const char *tone = words_of_event(request_catalogue(page->rq), row, event, &words);
        html_open(h, "li", "data-n", n, "data-type", event->type, "data-tone", tone, NULL);
        html_clock(h, event->at_ms);
        html_text(h, " ");
        html_text(h, str_text(&words));
        html_close(h, "li");
    }
    html_close(h, "ol");
    html_close(h, "section");
}

static void put_facts(struct str *h, const struct run_row *row)
{
    char cost[40];
    snprintf(cost, sizeof(cost), "$%.4f", (double)row->usage.cost_nano_usd / 1e9);
    html_open(h, "section", "class", "run-facts", NULL);
    html_element(h, "h2", NULL, "Details");
    html_open(h, "dl", "class", "facts", NULL);
    fact(h, "Asked for", words_of_mode(row->mode));
    fact(h, "Channel", row->delivery_channel);
    fact_number(h, "Replies of Claude", row->turn);
    fact_number(h, "Look-ups", row->tool_calls);
    fact(h, "Cost", cost);
    fact(h, "Time zone", row->timezone);
    fact_time(h, "Accepted", row->created_ms);
    fact_time(h, "Ended", row->finished_ms);
    html_close(h, "dl");
    if (row->error_code) {
        html_open(h, "details", "class", "technical", NULL);
        html_open(h, "summary", NULL);
        html_text(h, "For those who run this service");
        html_close(h, "summary");
        html_open(h, "p", NULL);
        html_element(h, "code", NULL, row->error_code);
        html_text(h, " ");
        html_text(h, row->error_detail);
        html_close(h, "p");
        html_close(h, "details");
    }
    html_close(h, "section");
}

static void put_run(struct page *page, const struct run_row *row, const struct event_list *events)
{
    struct str *h = &page->html;
    AUTO(str_done) struct str title = {0};
    struct run_words words = words_of_run(row);
    char last[24];
    snprintf(last, sizeof(last), "%lld", (long long)row->last_event);
    page_recipe_title(request_catalogue(page->rq), row->recipe, &title);
    html_open(h, "article", "class", "run", "data-briefing", row->id, "data-status",
              run_status_name(row->status), "data-last-event", last, "data-terminal",
              run_status_is_terminal(row->status) ? HTML_FLAG : NULL, NULL);
    html_open(h, "div", "class", "run-head", NULL);
    html_element(h, "h1", NULL, str_text(&title));
    page_put_state(h, "p", words);
    html_open(h, "p", "class", "run-when", NULL);
    html_time(h, row->created_ms);
    html_text(h, " ");
    html_element(h, "code", NULL, row->id);
    html_close(h, "p");
    html_close(h, "div");
    put_now(page, row);
    put_message(h, row);
    put_timeline(page, row, events);
    put_facts(h, row);
    html_close(h, "article");
}

static enum err read_run(struct request *rq, struct run_row *row, struct event_list *events)
{
    const char *id = rq->args[0];
    struct store *store = rq->web->options.store;
    bool may_look = rq->session.id && rq->session.kind == SESSION_SIGNED_IN && id_valid("br", id);
    if (!may_look) return E_NOT_FOUND;
    enum err e = store_run_get(store, id, row);
    if (!e && !text_equal(row->user_id, rq->session.user_id)) e = E_NOT_FOUND;
    if (e) return e;
    int64_t after = row->last_event > EVENTS_SHOWN ? row->last_event - EVENTS_SHOWN : 0;
    e = store_events_list(store, id, after, EVENTS_SHOWN, events);
    if (e) return e;
    /* Once more: what the page says must not be older than its timeline. */
    run_row_done(row);
    return store_run_get(store, id, row);
}

void briefing_page_get(struct request *rq)
{
    AUTO(run_row_done) struct run_row row = {0};
    AUTO(event_list_done) struct event_list events = {0};
    AUTO(str_done) struct str title = {0};
    enum err e = read_run(rq, &row, &events);
    if (e == E_NOT_FOUND) {
        bool is_nobody = !rq->session.id;
        page_note(rq, &(struct note){.status = 404,
                                     .kind = "warn",
                                     .code = "not_found",
                                     .title = "There is no such briefing",
                                     .text = is_nobody
                                                 ? "Perhaps you are not signed in any more, or it "
                                                   "was made too long ago."
                                                 : "Perhaps it is not yours, or it was made too "
                                                   "long ago.",
                                     .href = "/",
                                     .link = "To the start page"});
        return;
    }
    if (e) {
        page_error(rq, e, "reading a briefing");
        return;
    }
    str_append_format(&title, "%s: ", words_of_run(&row).state);
    page_recipe_title(request_catalogue(rq), row.recipe, &title);
    struct page page = {.rq = rq, .name = "briefing", .title = str_text(&title)};
    page_begin(&page, NULL);
    html_open(&page.html, "p", "class", "back", NULL);
    html_link(&page.html, NULL, "/", "All briefings");
    html_close(&page.html, "p");
    put_run(&page, &row, &events);
    page_send(&page, 200);
}
