/*
 * POST /oauth/{connector}/start and GET /oauth/{connector}/go: out to the provider.
 *
 * The form's answer is a redirect to a page of ours, and that page leads on: browsers apply
 * `form-action 'self'` to every redirect that follows a form.
 */
#include "base/log.h"
#include "connect/flow.h"
#include "connect/ticket.h"
#include "web/pages.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/session.h"

#include <stdio.h>
#include <string.h>

const struct connector *page_connector(struct request *rq)
{
    const struct connector *connector = catalogue_connector(request_catalogue(rq), rq->args[0]);
    if (!connector || !connector->connection_name) {
        page_refuse(rq, 404, "not_found", "There is no such connector here",
                    "Perhaps it is not offered any more.");
        return NULL;
    }
    if (!rq->session.id) {
        page_refuse(rq, 401, "unauthenticated", "You are not signed in",
                    "Your session has ended. Open the page again the way you came.");
        return NULL;
    }
    if (!names_include(rq->session.connectors, connector->name)) {
        page_refuse(rq, 403, "insufficient_scope", "Your link does not name this connector",
                    "Ask the application for a link to connect it.");
        return NULL;
    }
    return connector;
}

static void failed(struct request *rq, enum err e, const struct scalekit_error *error)
{
    if (e == E_NOT_FOUND) {
        page_refuse(rq, 401, "unauthenticated", "You are not signed in any more",
                    "Open the page again the way you came.");
    } else if (e == E_LIMIT) {
        page_refuse(rq, 429, "rate_limited", "Too many attempts at once",
                    "Finish what is open in other tabs, or wait ten minutes.");
    } else if (e == E_PROTOCOL) {
        log_failure("link_refused", e);
        page_refuse(
            rq, 502, "upstream_failed", "This connection is not set up correctly",
            "ScaleKit answered with a link to another host. Nothing was done. Tell those who run "
            "this service.");
    } else if (error->class != SCALEKIT_FINE) {
        log_warn("connect_not_started", LOG_STR("class", scalekit_class_name(error->class)),
                 LOG_INT("status", error->status), LOG_STR("error_code", error->error_code),
                 LOG_STR("upstream_request", error->request_id));
        bool is_refused =
            error->class == SCALEKIT_BAD_CALL || error->class == SCALEKIT_SCOPE_MISSING;
        if (is_refused)
            page_refuse(
                rq, 502, "upstream_failed", "This connection is not set up correctly",
                "ScaleKit knows no such connection, or refuses it. Nothing was done. Tell those "
                "who run this service.");
        else
            page_refuse(rq, 502, "upstream_failed", "ScaleKit cannot be reached now",
                        "Nothing was done. Try again in a moment.");
    } else {
        page_error(rq, e, "starting to connect an account");
    }
}

void oauth_start_post(struct request *rq)
{
    AUTO(url_pairs_done) struct url_pairs form = {0};
    if (!page_form(rq, &form)) return;
    const struct connector *connector = page_connector(rq);
    if (!connector) return;
    const char *return_to = url_pairs_find(&form, "return_to");
    if (return_to && !is_own_path(return_to)) {
        page_refuse(rq, 400, "invalid_request", "This link leads elsewhere",
                    "After connecting, only a page of this service can follow. Nothing was done.");
        return;
    }
    struct flow_begin begin = {
        .session = &rq->session, .connector = connector, .return_to = return_to};
    AUTO(flow_begun_done) struct flow_begun begun = {0};
    struct scalekit_error error = {0};
    enum err e = flow_start(rq->web->options.connect, &begin, &begun, &error);
    if (e) {
        failed(rq, e, &error);
        return;
    }
    char location[300];
    snprintf(location, sizeof(location), "/oauth/%.100s/go?flow=%s", connector->name, begun.id);
    flow_cookie_set(rq, begun.id, begun.cookie);
    page_redirect(rq, location);
}

void oauth_go_get(struct request *rq)
{
    static const char *const known[] = {"flow", NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    AUTO(xfree_secret_ptr) char *link = NULL;
    if (!request_query(rq, known, &query)) return;
    const struct connector *connector = page_connector(rq);
    if (!connector) return;
    const char *id = url_pairs_find(&query, "flow");
    const char *cookie = id && id_valid("of", id) ? flow_cookie(rq, id) : NULL;
    enum err e = cookie ? flow_link(rq->web->options.connect, &rq->session, connector->name, id,
                                    cookie, &link)
                        : E_NOT_FOUND;
    if (e == E_NOT_FOUND) {
        page_refuse(rq, 410, "flow_over", "This step is over",
                    "It belongs to another browser, was finished, or took more than ten minutes.");
        return;
    }
    if (e) {
        page_error(rq, e, "looking up a flow");
        return;
    }
    page_hide_referrer(rq);
    struct page page = {.rq = rq, .name = "go", .title = "On the way"};
    page_begin(&page, link);
    html_open(&page.html, "h1", NULL);
    html_textf(&page.html, "On the way to %s", connector->label);
    html_close(&page.html, "h1");
    html_element(&page.html, "p", NULL,
                 "You are about to be asked there whether these briefings may use your account.");
    html_open(&page.html, "p", NULL);
    html_open(&page.html, "a", "class", "button go", "href", link, "rel", "noreferrer", NULL);
    html_textf(&page.html, "Go on to %s", connector->label);
    html_close(&page.html, "a");
    html_close(&page.html, "p");
    page_send(&page, 200);
    mem_wipe(page.html.data, page.html.cap);
}
