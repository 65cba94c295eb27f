/*
 * Paths to handlers: one table (web/routes.c), matched here. Pure.
 */
#ifndef WEB_ROUTER_H
#define WEB_ROUTER_H

#include "web/request.h"

/* Where a handler runs. */
enum route_place {
    ROUTE_INLINE,  /* on the MHD thread: memory only */
    ROUTE_STORE,   /* store pool */
    ROUTE_UPSTREAM /* upstream pool */
};

/* What browsers without a key may do here. */
enum route_browser {
    BROWSER_NO,
    BROWSER_OWN, /* a signed-in one: for its own user, with the scopes that briefings need */
    BROWSER_PAGE /* a page or a form: the handler looks who it is */
};

typedef void route_handler(struct request *rq);

struct route {
    const char *method;
    const char *path;    /* "/briefings/{id}": a brace segment matches one non-empty segment, a last
                            one like "{file*}" all that is left */
    unsigned scopes_any; /* one of these is needed; 0: no key */
    bool any_host;       /* answers whatever Host was asked */
    enum route_place place;
    route_handler *handler;
    enum route_browser browser;
};
extern const struct route routes[];
extern const size_t routes_count;

enum route_match {
    ROUTE_FOUND,
    ROUTE_NO_PATH,   /* 404 */
    ROUTE_NO_METHOD, /* 405: out_allow lists what is possible */
    ROUTE_OPTIONS,   /* OPTIONS of a path that exists */
    ROUTE_BAD_PATH   /* broken escapes, too long: 404 as well, nothing has such a name */
};

/* `path` as it came (still encoded). HEAD is matched as GET. Fills rq->route, rq->nearest and
 * rq->args. "OPTIONS *" asks for the server as a whole (RFC 9110, 9.3.7). */
enum route_match router_match(struct request *rq, const char *method, const char *path,
                              struct str *out_allow);

#endif
