/*
 * GET /b/{id}: one briefing for people.
 */
#include "web/pages.h"
#include "web/routes.h"
#include "web/server.h"

#include <stdio.h>

#define EVENTS_SHOWN 500

static void fact(struct str *h, const char *name, const char *value)
{
    if (!value) return;
    html_open(h, "div", "data-fact", name, NULL);
    html_element(h, "dt", NULL, name);
    html_element(h, "dd", NULL, value);
    html_close(h, "div");
}

static void put_timeline(struct str *h, const struct event_list *events)
{
    html_element(h, "h2", NULL, "What happened");
    html_open(h, "ol", "class", "timeline", NULL);
    for (size_t i = 0; i < events->n; i++) {
        const struct event_row *event = &events->rows[i];
        char n[24];
        snprintf(n, sizeof(n), "%lld", (long long)event->n);
        html_open(h, "li", "data-n", n, "data-type", event->type, NULL);
        html_time(h, event->at_ms);
        html_textf(h, " %s", event->type);
        html_close(h, "li");
    }
    html_close(h, "ol");
}

static void put_run(struct str *h, const struct run_row *row, const struct event_list *events)
{
    char last[24];
    char cost[32];
    snprintf(last, sizeof(last), "%lld", (long long)row->last_event);
    money_format(row->usage.cost_nano_usd, cost);
    html_open(h, "article", "class", "run", "data-briefing", row->id, "data-status",
              run_status_name(row->status), "data-last-event", last, NULL);
    html_element(h, "h1", NULL, "Briefing");
    html_element(h, "p", "summary", row->summary);
    html_open(h, "dl", "class", "facts", NULL);
    fact(h, "status", run_status_name(row->status));
    fact(h, "recipe", row->recipe);
    fact(h, "mode", row->mode);
    fact(h, "cost in US dollars", cost);
    fact(h, "error", row->error_code);
    fact(h, "detail", row->error_detail);
    html_close(h, "dl");
    if (row->delivery_text) html_element(h, "pre", "message", row->delivery_text);
    put_timeline(h, events);
    html_close(h, "article");
}

void briefing_page_get(struct request *rq)
{
    AUTO(run_row_done) struct run_row row = {0};
    AUTO(event_list_done) struct event_list events = {0};
    const char *id = rq->args[0];
    struct store *store = rq->web->options.store;
    bool may_look = rq->session.id && rq->session.kind == SESSION_SIGNED_IN && id_valid("br", id);
    enum err e = may_look ? store_run_get(store, id, &row) : E_NOT_FOUND;
    if (!e && !text_equal(row.user_id, rq->session.user_id)) e = E_NOT_FOUND;
    if (!e) e = store_events_list(store, id, 0, EVENTS_SHOWN, &events);
    if (e == E_NOT_FOUND) {
        page_note(rq,
                  &(struct note){.status = 404,
                                 .kind = "warn",
                                 .code = "not_found",
                                 .title = "There is no such briefing",
                                 .text = "Perhaps it is not yours, or it was made too long ago.",
                                 .href = "/",
                                 .link = "To the start"});
        return;
    }
    if (e) {
        page_error(rq, e, "reading a briefing");
        return;
    }
    struct page page = {.rq = rq, .name = "briefing", .title = "Briefing"};
    page_begin(&page, NULL);
    put_run(&page.html, &row, &events);
    page_send(&page, 200);
}
