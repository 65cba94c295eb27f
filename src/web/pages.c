#include "web/pages.h"

#include "base/log.h"
#include "web/reply.h"
#include "web/server.h"
#include "web/session.h"

#include <string.h>

#define FORM_PAIRS_MAX 20

/* ---- the frame ---- */

void page_security_headers(struct request *rq)
{
    reply_header(rq, "Content-Security-Policy",
                 "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                 "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
                 "base-uri 'none'; frame-ancestors 'none'");
    /* With no-referrer browsers would send our own forms with "Origin: null". */
    reply_header(rq, "Referrer-Policy", rq->hides_referrer ? "no-referrer" : "same-origin");
    reply_header(rq, "X-Frame-Options", "DENY");
    reply_header(rq, "Cross-Origin-Opener-Policy", "same-origin");
    reply_header(rq, "Cross-Origin-Resource-Policy", "same-origin");
    reply_header(rq, "Permissions-Policy",
                 "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
}

void page_hide_referrer(struct request *rq)
{
    rq->hides_referrer = true;
}

void page_token_field(struct page *page)
{
    AUTO(str_done) struct str token = {0};
    session_token(page->rq, &token);
    html_hidden(&page->html, "csrf_token", str_text(&token));
}

void page_button(struct page *page, const char *class, const char *action, const char *label,
                 const char *return_to)
{
    html_open(&page->html, "form", "class", class, "method", "post", "action", action, NULL);
    page_token_field(page);
    if (return_to) html_hidden(&page->html, "return_to", return_to);
    html_open(&page->html, "button", "type", "submit", "class", "button", NULL);
    html_text(&page->html, label);
    html_close(&page->html, "button");
    html_close(&page->html, "form");
}

static void put_head(struct page *page, const char *refresh)
{
    struct str *h = &page->html;
    struct request *rq = page->rq;
    html_open(h, "head", NULL);
    html_open(h, "meta", "charset", "utf-8", NULL);
    html_open(h, "meta", "name", "viewport", "content", "width=device-width, initial-scale=1",
              NULL);
    html_open(h, "meta", "name", "color-scheme", "content", "light dark", NULL);
    html_element(h, "title", NULL, page->title);
    html_open(h, "link", "rel", "icon", "href", "/static/icon.svg", "type", "image/svg+xml", NULL);
    html_open(h, "link", "rel", "stylesheet", "href", "/static/app.css", NULL);
    html_open(h, "script", "type", "module", "src", "/static/app.js", NULL);
    html_close(h, "script");
    if (rq->session.id) {
        AUTO(str_done) struct str token = {0};
        session_token(rq, &token);
        html_open(h, "meta", "name", "csrf-token", "content", str_text(&token), NULL);
    }
    if (refresh) {
        AUTO(str_done) struct str content = {0};
        str_append_format(&content, "0; url=%s", refresh);
        html_open(h, "meta", "http-equiv", "refresh", "content", str_text(&content), NULL);
    }
    html_close(h, "head");
}

/* Not from a page without forms, and not where everybody who comes is the one user. */
static bool may_sign_out(const struct request *rq)
{
    return !rq->hides_referrer && !rq->web->options.user_id;
}

static void put_top(struct page *page)
{
    struct str *h = &page->html;
    const struct session_row *session = &page->rq->session;
    html_open(h, "a", "class", "skip", "href", "#main", NULL);
    html_text(h, "Skip to the content");
    html_close(h, "a");
    html_open(h, "header", "class", "top", NULL);
    html_link(h, "brand", "/", "Briefings");
    if (session->id) {
        html_element(h, "span", "who",
                     session->display_name ? session->display_name : session->user_id);
        if (may_sign_out(page->rq)) page_button(page, "sign-out", "/sign-out", "Sign out", NULL);
    }
    html_close(h, "header");
}

void page_begin(struct page *page, const char *refresh)
{
    struct str *h = &page->html;
    const struct session_row *session = &page->rq->session;
    AUTO(str_done) struct str class = {0};
    const char *kind = session->kind == SESSION_TICKET ? "ticket" : "signed-in";
    str_append_format(&class, "page page-%s", page->name);
    str_append_text(h, "<!doctype html>\n");
    html_open(h, "html", "lang", "en", NULL);
    put_head(page, refresh);
    html_open(h, "body", "class", str_text(&class), "data-user", session->user_id, "data-session",
              session->id ? kind : NULL, NULL);
    put_top(page);
    html_open(h, "main", "id", "main", NULL);
}

void page_send(struct page *page, int status)
{
    html_close(&page->html, "main");
    html_close(&page->html, "body");
    html_close(&page->html, "html");
    page_security_headers(page->rq);
    reply_text(page->rq, status, "text/html; charset=utf-8", &page->html);
}

/* ---- messages ---- */

void page_note(struct request *rq, const struct note *note)
{
    struct page page = {.rq = rq, .name = "note", .title = note->title};
    AUTO(str_done) struct str class = {0};
    page_begin(&page, NULL);
    str_append_format(&class, "note note-%s", note->kind);
    html_open(&page.html, "article", "class", str_text(&class), "data-code", note->code, NULL);
    html_element(&page.html, "h1", NULL, note->title);
    html_element(&page.html, "p", NULL, note->text);
    if (note->href) {
        html_open(&page.html, "p", NULL);
        html_link(&page.html, "button", note->href, note->link);
        html_close(&page.html, "p");
    }
    html_close(&page.html, "article");
    page_send(&page, note->status);
}

void page_refuse(struct request *rq, int status, const char *code, const char *title,
                 const char *text)
{
    page_note(rq, &(struct note){.status = status,
                                 .kind = status >= 500 ? "error" : "warn",
                                 .code = code,
                                 .title = title,
                                 .text = text,
                                 .href = "/",
                                 .link = "To the start page"});
}

void page_error(struct request *rq, enum err e, const char *what)
{
    log_failure("page_failed", e, LOG_STR("what", what), LOG_STR("request_id", rq->id));
    AUTO(str_done) struct str text = {0};
    str_append_format(&text,
                      "Nothing was changed. Try again in a moment; if it happens again, tell those "
                      "who run this service the number %s.",
                      rq->id);
    page_refuse(rq, e == E_STORAGE ? 503 : 500, e == E_STORAGE ? "storage_unavailable" : "internal",
                "Something went wrong here", str_text(&text));
}

void page_redirect(struct request *rq, const char *location)
{
    reply_header(rq, "Location", location);
    page_security_headers(rq);
    reply_empty(rq, 303);
}

/* ---- forms ---- */

static bool is_form(const struct request *rq)
{
    static const char type[] = "application/x-www-form-urlencoded";
    const char *given = request_header(rq, "Content-Type");
    size_t len = given ? strcspn(given, "; ") : 0;
    return len == strlen(type) && strncasecmp(given, type, len) == 0;
}

bool page_form(struct request *rq, struct url_pairs *out)
{
    bool is_readable =
        is_form(rq) && form_parse(str_text(&rq->body), rq->body.len, FORM_PAIRS_MAX, out) == E_OK;
    if (!is_readable) {
        page_note(rq, &(struct note){.status = 415,
                                     .kind = "error",
                                     .code = "unsupported_media_type",
                                     .title = "This is not a form",
                                     .text = "Use the buttons of the page.",
                                     .href = "/",
                                     .link = "To the start page"});
        return false;
    }
    if (session_is_own_request(rq, url_pairs_find(out, "csrf_token"))) return true;
    page_note(rq,
              &(struct note){.status = 403,
                             .kind = "error",
                             .code = "csrf_failed",
                             .title = "Please press the button again",
                             .text = "This request did not come from a page of ours, or the page "
                                     "was open for too long. Nothing was done. Open the page "
                                     "again and press the button there.",
                             .href = "/",
                             .link = "To the start page"});
    return false;
}
