#include "web/cors.h"

#include "web/reply.h"
#include "web/router.h"
#include "web/server.h"

#include <string.h>

/* Browsers keep the answer of a preflight so long; Chromium no longer than two hours. */
#define PREFLIGHT_S "7200"

static bool is_listed(const char *list, const char *origin)
{
    size_t len = strlen(origin);
    for (const char *at = list; *at;) {
        at += strspn(at, ", ");
        size_t n = strcspn(at, ", ");
        if (n > 0 && n == len && strncasecmp(at, origin, len) == 0) return true;
        at += n;
    }
    return false;
}

static const char *allowed_origin(const struct request *rq)
{
    const char *list = rq->web->options.cors_origins;
    const char *origin = list ? request_header(rq, "Origin") : NULL;
    bool is_for_services = rq->nearest && rq->nearest->scopes_any != 0;
    return origin && is_for_services && is_listed(list, origin) ? origin : NULL;
}

void cors_begin(struct request *rq)
{
    if (!rq->web->options.cors_origins) return;
    if (rq->nearest && rq->nearest->scopes_any != 0) reply_header(rq, "Vary", "Origin");
    const char *origin = allowed_origin(rq);
    bool is_by_cookie = request_header(rq, "Cookie") && !request_header(rq, "Authorization");
    if (!origin || is_by_cookie) return;
    reply_header(rq, "Access-Control-Allow-Origin", origin);
    reply_header(rq, "Access-Control-Expose-Headers",
                 "ETag, Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, "
                 "X-Request-Id");
}

void cors_preflight(struct request *rq, const char *methods)
{
    bool is_preflight = request_header(rq, "Access-Control-Request-Method") != NULL;
    if (!is_preflight || !allowed_origin(rq)) return;
    reply_header(rq, "Access-Control-Allow-Methods", methods);
    reply_header(rq, "Access-Control-Allow-Headers",
                 "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
                 "Last-Event-ID, Prefer, Traceparent, X-Request-Id");
    reply_header(rq, "Access-Control-Max-Age", PREFLIGHT_S);
}
