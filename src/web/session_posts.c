/*
 * POST /disconnect/{connector} and POST /sign-out: the other two forms.
 */
#include "base/log.h"
#include "connect/connect.h"
#include "web/pages.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/session.h"

void disconnect_post(struct request *rq)
{
    AUTO(url_pairs_done) struct url_pairs form = {0};
    if (!page_form(rq, &form)) return;
    const struct connector *connector = page_connector(rq);
    if (!connector) return;
    struct scalekit_error error = {0};
    enum err e = connect_remove(rq->web->options.connect, rq->session.user_id, connector->name,
                                rq->principal.name, &error);
    if (e && error.class != SCALEKIT_FINE) {
        log_warn("not_disconnected", LOG_STR("class", scalekit_class_name(error.class)),
                 LOG_INT("status", error.status), LOG_STR("upstream_request", error.request_id));
        page_refuse(rq, 502, "upstream_failed", "ScaleKit cannot be reached now",
                    "The account is still connected. Try again in a moment.");
    } else if (e) {
        page_error(rq, e, "disconnecting an account");
    } else {
        page_redirect(rq, "/");
    }
}

void sign_out_post(struct request *rq)
{
    AUTO(url_pairs_done) struct url_pairs form = {0};
    if (!page_form(rq, &form)) return;
    enum err e = session_end(rq);
    if (e) {
        page_error(rq, e, "signing out");
        return;
    }
    struct page page = {.rq = rq, .name = "signed-out", .title = "Signed out"};
    page_begin(&page, NULL);
    html_open(&page.html, "article", "class", "note note-ok", NULL);
    html_element(&page.html, "h1", NULL, "You are signed out");
    html_element(&page.html, "p", NULL,
                 "What is connected stays connected. You can close this page.");
    if (rq->web->options.trusted_proxy) {
        html_element(&page.html, "p", NULL,
                     "Your organisation may still know you: opening the page again signs you in.");
        html_open(&page.html, "p", NULL);
        html_link(&page.html, "button", "/", "Open the page again");
        html_close(&page.html, "p");
    }
    html_close(&page.html, "article");
    page_send(&page, 200);
}
