/*
 * Scripts of other sites (Fetch standard, "CORS protocol"). Internal to web/.
 *
 * Nothing of it is sent unless BRIEFD_CORS_ORIGINS names the site, and then only under the routes for
 * services, for a caller that brings an API key: a request that would be answered because of a
 * cookie gets no such header, and Access-Control-Allow-Credentials is never sent.
 */
#ifndef WEB_CORS_H
#define WEB_CORS_H

#include "web/request.h"

/* The headers of any reply under this path. */
void cors_begin(struct request *rq);
/* What an OPTIONS request is told besides Allow, when it asks before another one. */
void cors_preflight(struct request *rq, const char *methods);

#endif
