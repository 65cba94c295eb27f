/*
 * Inside the Anthropic client: what its files share.
 *
 *     anthropic.c          the question: attempts, waiting, giving up
 *     anthropic_attempt.c  one request and what came of it
 *     anthropic_error.c    what an error means
 *     message_stream.c     the reply from the events
 */
#ifndef API_ANTHROPIC_INTERNAL_H
#define API_ANTHROPIC_INTERNAL_H

#include "api/anthropic.h"
#include "base/thread.h"
#include "http/retry.h"

struct anthropic {
    struct http_client *http;
    char *url;
    char *version;
    bool use_x_api_key;
    struct http_timeouts timeouts;
    int64_t retry_budget_ms;
    int64_t retry_base_ms;
    struct retry_brake *brake;

    struct mutex mutex; /* guards the key */
    char *api_key;
};

/* One attempt, judged. */
enum attempt_next {
    ATTEMPT_DONE,    /* there is a reply */
    ATTEMPT_AGAIN,   /* another one may succeed */
    ATTEMPT_HOPELESS /* it would fail again */
};
struct attempt {
    enum attempt_next next;
    struct anthropic_error error; /* with the fault that it is if this was the last attempt */
    bool is_uncertain;            /* sent, and perhaps billed */
    bool is_overload;             /* they want fewer requests, not only this one later */
    bool is_senseless;            /* the answer made no sense: few more tries */
    bool has_asked;               /* they named a time to wait … */
    int64_t asked_ms;             /* … this one */
};

/* Sends `body` once; at most until `deadline_mono_ms` (0: none). With ATTEMPT_DONE the reply is the
 * caller's. */
void anthropic_attempt(struct anthropic *a, const char *body, size_t len,
                       struct http_cancel *cancel, int64_t deadline_mono_ms, bool is_repeat,
                       struct anthropic_reply *out_reply, struct attempt *out_attempt);

/* A string member for people: cut to fit, control characters become spaces; "" when it is no
 * string. */
void anthropic_copy(struct json_span value, char *out, size_t out_size);
/* The same for bytes that may be anything. */
void anthropic_clean(const char *text, size_t len, char *out, size_t out_size);
/* Fills type, code, message and request id from an error body or an `error` event. */
void anthropic_error_read(struct json_span root, struct anthropic_error *error);
/* The HTTP status that belongs to an error type of a stream; 0 for an unknown type. */
int anthropic_error_status(const char *type);
/* Judges an error with its status and type: sets the fault and what to do. `should_retry` as
 * retry_should() says it. `model` for the message about a model that is gone. */
void anthropic_error_judge(struct attempt *attempt, int status, int should_retry,
                           const char *model);

#endif
