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

typedef void route_handler(struct request *rq);

struct route {
    const char *method;
    const char *path;    /* "/briefings/{id}": a brace segment matches one non-empty segment */
    unsigned scopes_any; /* one of these is needed; 0: no key */
    bool any_host;       /* answers whatever Host was asked */
    enum route_place place;
    route_handler *handler;
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

/* `path` as it came (still encoded). HEAD is matched as GET. Fills rq->route and rq->args. */
enum route_match router_match(struct request *rq, const char *method, const char *path,
                              struct str *out_allow);

#endif
