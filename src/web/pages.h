/*
 * Pages for browsers: whole documents, and the fragments they are made of.
 *
 * The server writes semantic HTML that works without scripts; /static/app.css makes it look like
 * something, /static/app.js (loaded with `defer`, a module) makes it move. Neither is needed. CSP
 * forbids inline code and styles: what scripts need stands in attributes. The contract:
 *
 *   <html lang="en">, <body class="page page-NAME" data-…>
 *     NAME       app, ticket, go, briefing, note (messages and errors), signed-out
 *     data-user, data-session (signed-in | ticket), and <meta name="csrf-token" content="…"> when
 *                there is a session: scripts send it as X-CSRF-Token with a same-origin Origin
 *   <header class="top">      .brand, and when there is a session .who and the sign-out form
 *   <main id="main">          the page, with one <h1>
 *   <p class="notice notice-KIND" role="status">   KIND: ok, wait, warn, error
 *
 *   app        <section id="connections"> with one
 *                <article class="connection state-STATE" id="connection-NAME" data-connector
 *                         data-status data-version [data-wanted]>
 *                STATE: usable, waiting (for confirmation), broken (expired, …), absent, unknown
 *                .connection-name .connection-state .connection-advice .connection-account
 *                .connection-since
 *                form.connect (POST /oauth/NAME/start), form.disconnect (POST /disconnect/NAME)
 *              signed in only: <section id="recipes"> with <article class="recipe" data-recipe>,
 *                .needs (what stands in the way) and form.brief (POST /brief/NAME; its first button
 *                POSTs to /defaults/NAME) with details.defaults; and <section id="briefings"
 *                data-user>: a list of a.briefing[href="/b/ID"][data-status][data-terminal],
 *                a.older, a.newest
 *   ticket     form.redeem (POST /connect/t/TICKET), ul.connectors
 *   go         meta refresh and a.go
 *   briefing   <article class="run" data-briefing data-status data-last-event [data-terminal]>:
 *              .run-head, .now (how it stands and what to do), .run-message with pre.message when
 *              there is a text, ol.timeline of <li data-n data-type data-tone>, .run-facts
 *   Tones and words of a state come from web/words.h: class="state tone-TONE".
 *
 * Forms are plain, carry csrf_token (and where it makes sense return_to), and answer with 303.
 */
#ifndef WEB_PAGES_H
#define WEB_PAGES_H

#include "web/html.h"
#include "web/request.h"

struct page {
    struct request *rq;
    const char *name;  /* of the contract above */
    const char *title; /* of the document */
    struct str html;
};
/* Everything up to and including <main>, and the rest. page_send() is the reply. `refresh`: where a
 * meta refresh leads, or NULL. */
void page_begin(struct page *page, const char *refresh);
void page_send(struct page *page, int status);

/* The headers of every page, for a handler that has its HTML already. */
void page_security_headers(struct request *rq);

/* A page of one message: what happened, and what to do. `href` and `link` may be NULL. */
struct note {
    int status;
    const char *kind; /* ok, wait, warn, error */
    const char *code; /* a word for scripts and tests: data-code */
    const char *title;
    const char *text;
    const char *href;
    const char *link;
};
void page_note(struct request *rq, const struct note *note);
/* One that tells why something was not done, with a way to the start page. */
void page_refuse(struct request *rq, int status, const char *code, const char *title,
                 const char *text);
/* For an `enum err` that no rule of the handler explains. Logged. */
void page_error(struct request *rq, enum err e, const char *what) __attribute__((nonnull(1)));
/* 303 */
void page_redirect(struct request *rq, const char *location);

/* The hidden field that every form carries. */
void page_token_field(struct page *page);
/* A form with one button: POST action. `return_to` may be NULL. */
void page_button(struct page *page, const char *class, const char *action, const char *label,
                 const char *return_to);

/* The body of a form that comes from a page of ours. False: it is none, or came from elsewhere; the
 * request is answered. */
bool page_form(struct request *rq, struct url_pairs *out);

struct connector;
/* The connector of the path, when it is offered here and the session may connect it. NULL:
 * answered. */
const struct connector *page_connector(struct request *rq);

/* A page without forms that must not tell the next one where it came from. */
void page_hide_referrer(struct request *rq);

#endif
