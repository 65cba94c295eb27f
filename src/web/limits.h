/*
 * Who may ask how often. Internal to web/.
 *
 *   bucket       one for each                  costs
 *   key          API key's name                every request with a key that is known
 *   user         user signed in by a session   every request with such a session
 *   address      client address                every other request; health checks are free
 *   unknown-key  client address                every bearer token that is not in memory, because it
 *                                              is looked up in the database before a 401
 *
 * A key's name, not the key: a rotation neither doubles nor interrupts what a caller may do. IPv6
 * addresses count by their /64. Behind BRIEFD_TRUSTED_PROXY the address is the last one in
 * X-Forwarded-For, the one that this proxy wrote itself.
 */
#ifndef WEB_LIMITS_H
#define WEB_LIMITS_H

#include "web/auth.h"

struct web;
struct web_options;

void limits_start(struct web *web, const struct web_options *options);
void limits_stop(struct web *web);

/* On the MHD thread, with what memory knows of the caller. False: answered with 429. */
bool limits_let_in(struct request *rq, enum auth_result result);
/* On a pool thread: the key was found after all, or the session. What its address has paid is given
 * back, and the key or user pays. False: answered with 429. */
bool limits_let_principal_in(struct request *rq);
/* RateLimit-Policy and RateLimit of the reply. */
void limits_add_headers(struct request *rq, struct MHD_Response *response);

#endif
