/*
 * Replies. Each ends the request: exactly one of these is called for it, and it is the last touch.
 */
#ifndef WEB_REPLY_H
#define WEB_REPLY_H

#include "runs/watch.h"
#include "web/request.h"

/*    code                          status  retryable  title */
#define PROBLEM_TABLE(X)                                                                           \
    X(invalid_request, 400, false, "The request is not acceptable")                                \
    X(invalid_json, 400, false, "The body is not JSON")                                            \
    X(unauthenticated, 401, false, "A valid API key is needed")                                    \
    X(insufficient_scope, 403, false, "The key's scopes do not allow this")                        \
    X(csrf_failed, 403, false, "The request does not come from a page of this service")            \
    X(user_mismatch, 403, false, "Somebody else is signed in")                                     \
    X(not_found, 404, false, "There is no such thing")                                             \
    X(method_not_allowed, 405, false, "The method is not possible here")                           \
    X(request_timeout, 408, true, "The request took too long")                                     \
    X(already_running, 409, false, "A briefing of this user and recipe is running")                \
    X(not_cancellable, 409, false, "The briefing has ended")                                       \
    X(not_settleable, 409, false, "There is nothing to settle")                                    \
    X(delivery_in_progress, 409, true, "The message is on its way")                                \
    X(not_confirmable, 409, false, "Who is connected cannot be confirmed now")                     \
    X(endpoint_disabled, 409, false, "The webhook endpoint is disabled")                           \
    X(too_many_endpoints, 409, false, "There are too many webhook endpoints")                      \
    X(body_too_large, 413, false, "The body is too large")                                         \
    X(uri_too_long, 414, false, "The address is too long")                                         \
    X(unsupported_media_type, 415, false, "The body must be JSON")                                 \
    X(misdirected_request, 421, false, "This host name is not served here")                        \
    X(idempotency_key_reused, 422, false, "The idempotency key was used for another request")      \
    X(unknown_recipe, 422, false, "There is no such recipe")                                       \
    X(connector_not_ready, 422, false, "A connection is not usable")                               \
    X(queue_full, 429, true, "Too many briefings are waiting")                                     \
    X(rate_limited, 429, true, "Too many requests, or too many callers are waiting")               \
    X(headers_too_large, 431, false, "The headers are too large")                                  \
    X(internal, 500, true, "A fault of briefd")                                                    \
    X(upstream_failed, 502, true, "ScaleKit gave no usable answer")                                \
    X(draining, 503, true, "The service is stopping")                                              \
    X(overloaded, 503, true, "Too many requests at this moment")                                   \
    X(storage_unavailable, 503, true, "The database cannot be used now")

enum problem {
#define X(code, status, retryable, title) PROBLEM_##code,
    PROBLEM_TABLE(X)
#undef X
        PROBLEM_COUNT
};

/* A header of the reply to come. */
void reply_header(struct request *rq, const char *name, const char *value);
/* JSON text; `body` is emptied. */
void reply_json(struct request *rq, int status, struct str *body);
/* Text of any kind; `body` is emptied. */
void reply_text(struct request *rq, int status, const char *content_type, struct str *body);
/* The run document of a snapshot, whose reference is taken over, with its ETag. */
void reply_snapshot(struct request *rq, struct snapshot *snapshot);
/* 304 for it; takes the reference over. */
void reply_not_modified(struct request *rq, struct snapshot *snapshot);
/* A response that was made elsewhere, which is taken over; with the headers that all replies have. */
void reply_response(struct request *rq, int status, const char *content_type,
                    struct MHD_Response *response);
/* No body. */
void reply_empty(struct request *rq, int status);
/* RFC 9457, or the same as a page for a browser that asked for one. The detail is for the caller: no
 * secrets, nothing of another user. A Retry-After that is set already stays. */
void reply_problem(struct request *rq, enum problem problem, const char *format, ...)
    PRINTF_LIKE(3, 4);
void reply_invalid(struct request *rq, const struct field_errors *errors);
int problem_status(enum problem problem);
/* The document alone, for a reply that is not made here. */
void problem_write(struct str *out, const char *public_url, enum problem problem,
                   const char *detail, const char *instance, const char *request_id);
/* For an `enum err` that no rule of the handler explains: storage_unavailable or internal; logged.
 */
void reply_error(struct request *rq, enum err e, const char *what);

#endif
