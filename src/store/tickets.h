/*
 * Table `connect_tickets`: links that a host hands to one of its users. 256 random bits, stored as
 * their SHA-256, good for one use. Redeeming one begins a session, or widens one of the same user.
 */
#ifndef STORE_TICKETS_H
#define STORE_TICKETS_H

#include "store/idempotency.h"
#include "store/sessions.h"

struct ticket_row {
    char *user_id;
    char *display_name; /* NULL: none */
    char *connectors;   /* JSON array of names */
    char *return_to;    /* NULL: nowhere */
    bool needs_confirm;
    int64_t created_ms, expires_ms;
    int64_t redeemed_ms; /* 0: not yet */
};
void ticket_row_done(struct ticket_row *row);

/* `row` with expires_ms, without the other times. E_LIMIT: the user has too many open ones. `once`
 * renders this row, NULL: there is no key; E_CONFLICT: as it says. */
enum err store_ticket_create(struct store *store, const struct ticket_row *row,
                             const unsigned char hash[SHA256_LEN],
                             struct store_once *once) MUST_CHECK;
/* Also one that was used or has expired, for a while. Changes nothing. E_NOT_FOUND. */
enum err store_ticket_find(struct store *store, const unsigned char hash[SHA256_LEN],
                           struct ticket_row *out_row) MUST_CHECK;

struct ticket_redeem {
    const unsigned char *ticket; /* its hash */
    const char *session_id;      /* of the browser; NULL: none */
    const unsigned char *cookie; /* hash of the session's new cookie */
    bool keeps_cookie;           /* a session that exists keeps the one it has */
};
/* Uses the ticket up, once. A session of the same user may do what the ticket names from now on,
 * too; without one a session begins. E_NOT_FOUND; E_CONFLICT: used; E_TIMEOUT: expired; E_DENIED:
 * the session is another user's. With an error nothing is changed. */
enum err store_ticket_redeem(struct store *store, const struct ticket_redeem *redeem,
                             struct session_row *out_session) MUST_CHECK;

#endif
