/*
 * GET and POST /connect/t/{ticket}: the page that a ticket leads to, and the button that redeems
 * it.
 *
 * Opening it changes nothing, so that whoever looks at links before a person does not use it up.
 */
#include "base/clock.h"
#include "connect/connect.h"
#include "connect/ticket.h"
#include "web/pages.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/session.h"

#include <stdio.h>
#include <string.h>

static void gone(struct request *rq, const char *code, int status, const char *title)
{
    page_note(rq, &(struct note){.status = status,
                                 .kind = "warn",
                                 .code = code,
                                 .title = title,
                                 .text = "Such a link works once and for ten minutes. Ask the "
                                         "application for a new one."});
}

static void not_found(struct request *rq)
{
    gone(rq, "not_found", 404, "This link does not exist");
}

static void used(struct request *rq)
{
    gone(rq, "ticket_used", 410, "This link was used already");
}

static void expired(struct request *rq)
{
    gone(rq, "ticket_expired", 410, "This link has expired");
}

/* Towards a browser that is signed in as somebody else: nothing of the other person is shown. */
static void mismatch(struct request *rq)
{
    struct page page = {.rq = rq, .name = "note", .title = "This link is for somebody else"};
    const char *user = rq->session.display_name ? rq->session.display_name : rq->session.user_id;
    page_begin(&page, NULL);
    html_open(&page.html, "article", "class", "note note-error", "data-code", "user_mismatch",
              NULL);
    html_element(&page.html, "h1", NULL, page.title);
    html_open(&page.html, "p", NULL);
    html_text(&page.html, "You are signed in here as ");
    html_element(&page.html, "strong", NULL, user ? user : rq->identity);
    html_text(&page.html, ", but the link was made for another person. If somebody sent it to you, "
                          "do not use it: your accounts would be connected to theirs.");
    html_close(&page.html, "p");
    html_close(&page.html, "article");
    page_send(&page, 403);
}

static void nobody(struct request *rq)
{
    page_note(rq,
              &(struct note){.status = 401,
                             .kind = "warn",
                             .code = "unauthenticated",
                             .title = "You are not signed in",
                             .text = "Open this link through the sign-in of your organisation."});
}

static void put_connectors(struct str *h, const struct catalogue *catalogue, const char *names)
{
    html_open(h, "ul", "class", "connectors", NULL);
    for (size_t i = 0; i < catalogue->n_connectors; i++) {
        const struct connector *connector = &catalogue->connectors[i];
        if (!names_include(names, connector->name)) continue;
        html_open(h, "li", "data-connector", connector->name, NULL);
        html_text(h, connector->label);
        html_close(h, "li");
    }
    html_close(h, "ul");
}

static void put_interstitial(struct request *rq, const struct ticket_row *ticket)
{
    struct page page = {.rq = rq, .name = "ticket", .title = "Connect your accounts"};
    struct str *h = &page.html;
    page_begin(&page, NULL);
    html_element(h, "h1", NULL, page.title);
    html_open(h, "p", NULL);
    html_text(h, "This link connects accounts for ");
    html_element(h, "strong", "ticket-user",
                 ticket->display_name ? ticket->display_name : ticket->user_id);
    html_text(h, ". Go on only if that is you: whatever you connect will be used in their name.");
    html_close(h, "p");
    put_connectors(h, request_catalogue(rq), ticket->connectors);
    page_button(&page, "redeem", rq->uri, "Yes, that is me", NULL);
    html_open(h, "p", "class", "hint ticket-expires", NULL);
    html_text(h, "The link works once, until ");
    html_time(h, ticket->expires_ms);
    html_text(h, ".");
    html_close(h, "p");
    page_send(&page, 200);
}

static bool is_somebody_else(const struct request *rq, const char *user_id)
{
    const char *who = rq->session.id ? rq->session.user_id : rq->identity;
    return who && strcmp(who, user_id) != 0;
}

/* True: the ticket is good for this browser. False: answered. */
static bool look(struct request *rq, struct ticket_row *ticket, unsigned char hash[SHA256_LEN])
{
    enum err e = ticket_hash(rq->args[0], hash)
                     ? store_ticket_find(rq->web->options.store, hash, ticket)
                     : E_NOT_FOUND;
    if (e == E_NOT_FOUND)
        not_found(rq);
    else if (e)
        page_error(rq, e, "looking up a ticket");
    else if (is_somebody_else(rq, ticket->user_id))
        mismatch(rq);
    else if (ticket->redeemed_ms > 0)
        used(rq);
    else if (ticket->expires_ms <= clock_unix_ms())
        expired(rq);
    else if (rq->web->options.trusted_proxy && !rq->identity)
        nobody(rq);
    else
        return true;
    return false;
}

void connect_ticket_get(struct request *rq)
{
    unsigned char hash[SHA256_LEN];
    AUTO(ticket_row_done) struct ticket_row ticket = {0};
    if (look(rq, &ticket, hash)) put_interstitial(rq, &ticket);
}

void connect_ticket_post(struct request *rq)
{
    unsigned char hash[SHA256_LEN];
    unsigned char cookie[SHA256_LEN];
    AUTO(url_pairs_done) struct url_pairs form = {0};
    AUTO(ticket_row_done) struct ticket_row ticket = {0};
    AUTO(session_row_done) struct session_row session = {0};
    if (!page_form(rq, &form) || !look(rq, &ticket, hash)) return;
    /* Somebody who is known already keeps their session: the ticket only says what to connect. */
    if (rq->identity && !rq->session.id) {
        nobody(rq);
        return;
    }
    bool keeps_cookie = rq->session.kind == SESSION_SIGNED_IN && rq->session.id;
    if (!keeps_cookie) session_new_cookie(rq, cookie);
    struct ticket_redeem redeem = {.ticket = hash,
                                   .session_id = rq->session.id,
                                   .cookie = cookie,
                                   .keeps_cookie = keeps_cookie};
    enum err e = store_ticket_redeem(rq->web->options.store, &redeem, &session);
    if (e) rq->headers.len = 0; /* no cookie for a session that there is not */
    if (e == E_CONFLICT || e == E_NOT_FOUND)
        used(rq);
    else if (e == E_TIMEOUT)
        expired(rq);
    else if (e == E_DENIED)
        mismatch(rq);
    else if (e)
        page_error(rq, e, "redeeming a ticket");
    else
        page_redirect(rq, "/");
}
