/*
 * Browsers: who they are, and whether a request really comes from our own page.
 *
 * Three ways to be somebody, told apart by what they prove:
 *   a header of a trusted proxy   the proxy signed the person in; checked with every request
 *   single-user mode              nobody else can reach this machine's loopback address
 *   a connect ticket              whoever has the link; may connect what it names, nothing else
 * The first two are an *identity*. A session with an identity is good only as long as the identity
 * is the same; one from a ticket only where there are no identities. (OpenID Connect will be a
 * fourth, and an identity, too.)
 *
 * The session is a cookie, the token that forms and scripts send back is made from it, so that
 * nothing has to be stored for it. A browser without a session gets a short-lived cookie of its own
 * for the same purpose. Cookies have the prefix __Host- under https, and plain names on loopback.
 */
#ifndef WEB_SESSION_H
#define WEB_SESSION_H

#include "web/request.h"

/* Reads the identity and the session of the request; rq->session.id is NULL when there is none.
 * Pool threads. Errors: storage. */
enum err session_load(struct request *rq) MUST_CHECK;
/* A page was opened: an identity without a session gets one. */
enum err session_sign_in(struct request *rq) MUST_CHECK;
/* The browser gets a new cookie for a session; `out_hash` is what is stored of it. */
void session_new_cookie(struct request *rq, unsigned char out_hash[SHA256_LEN]);
/* Ends the session, here and in the browser. */
enum err session_end(struct request *rq) MUST_CHECK;

/* The token that a form of this browser carries; a browser without any cookie of ours gets one. */
void session_token(struct request *rq, struct str *out_token);
/* Does the request come from a page of ours, with the browser's token? `token` may be NULL. */
bool session_is_own_request(struct request *rq, const char *token);

/* Cookies of one flow: set for ten minutes, read, and taken away. */
void flow_cookie_set(struct request *rq, const char *flow_id, const char *value);
const char *flow_cookie(struct request *rq, const char *flow_id);
void flow_cookie_clear(struct request *rq, const char *flow_id);

#endif
