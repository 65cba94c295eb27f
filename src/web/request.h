/*
 * One HTTP request, from its first byte to the end of its reply. Internal to web/.
 *
 * Made when MHD has read the request line, freed in MHD's completion callback, the only place. In
 * between it belongs to one thread at a time: an MHD thread, then perhaps a pool thread or the
 * watch.
 */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include "agent/agent.h"
#include "base/address.h"
#include "base/json.h"
#include "base/trace.h"
#include "base/url.h"
#include "store/keys.h"
#include "store/runs.h"
#include "store/sessions.h"
#include "web/rate_limit.h"

#include <microhttpd.h>

struct client;
struct web;
struct route;

#define REQUEST_ID_MAX     64
#define PATH_BYTES_MAX     2048 /* longer ones are no path of ours */
#define PATH_ARGS_MAX      2
#define PATH_ARG_BYTES_MAX USER_ID_BYTES_MAX

/* Who asks. */
enum principal_kind {
    PRINCIPAL_NONE,
    PRINCIPAL_SERVICE, /* an API key */
    PRINCIPAL_BROWSER  /* a session, for its own user alone */
};
struct principal {
    enum principal_kind kind;
    char name[USER_ID_BYTES_MAX + 8]; /* the key's name: survives rotation; or "user:ID" */
    const char *user_id;              /* of a browser: its session's */
    unsigned scopes;                  /* enum scope */
};

struct request {
    struct web *web;
    struct MHD_Connection *connection;
    char *host; /* of an address that was sent whole, in place of the header's; NULL: only a path */
    char *uri;  /* as it came, without the query */
    char *query; /* as it came, "" when there is none */
    const char *method;
    const struct route *route;
    const struct route *nearest; /* the first one of this path, whatever its method; NULL none */
    char args[PATH_ARGS_MAX][PATH_ARG_BYTES_MAX + 1]; /* decoded {…} of the path, in order */
    struct str body;
    size_t body_bytes_max;
    bool is_body_too_large;
    size_t body_bytes_dropped;  /* of a body that was too large */
    bool is_begun;              /* MHD called us for the headers */
    bool is_answered;           /* a response is queued */
    bool is_waiting;            /* for a change, because its caller asked for that */
    int64_t begun_us;           /* mono */
    bool is_suspended;          /* answering must resume */
    bool needs_key;             /* the bearer was not in memory: ask the database */
    bool needs_session;         /* a browser's request: session_load() comes first */
    const char *identity;       /* who it is without a session; NULL: nobody says so. Borrowed */
    struct session_row session; /* id NULL: none */
    char *session_cookie;       /* its cookie */
    struct url_pairs cookies;
    bool are_cookies_read;
    bool hides_referrer; /* the page must not be told to the next one */
    struct agent agent;  /* a copy, once somebody asked for its catalogue */
    struct principal principal;
    unsigned char address[ADDRESS_LEN]; /* the client's; when no key was in memory */
    struct rate_answer rate;            /* of the bucket that paid last */
    struct client *client;              /* its connection */
    char id[REQUEST_ID_MAX + 1];
    char traceparent[TRACEPARENT_MAX]; /* the caller's, or a new one; on pool threads */
    struct str headers;                /* of the reply: name NUL value NUL … */
    struct request *next;              /* in a pool's queue */
};

struct request *request_new(struct web *web, const char *raw_uri);
void request_free(struct request *rq);

/* The catalogue in force when the request asked first; valid as long as the request. */
const struct catalogue *request_catalogue(struct request *rq);

/* A header of the request, NULL when absent. */
const char *request_header(const struct request *rq, const char *name);
/* Does If-None-Match, a list, name the ETag of this number? Weak and strong compare alike here (RFC
 * 9110, 13.1.2): a proxy that compresses makes ours weak. */
bool request_knows(const struct request *rq, int64_t etag);
/* Takes the caller's X-Request-Id when it is 1 to 64 of [A-Za-z0-9._-], else makes one: every reply
 * and every line of the log carries it. */
void request_set_id(struct request *rq);
/* The caller's traceparent when it sent exactly one and that is valid, else a new trace begins. */
void request_set_trace(struct request *rq);

/* The query as pairs. False when it is malformed or has a name that is not among `known`
 * (NULL-terminated): then the request is answered. */
bool request_query(struct request *rq, const char *const *known, struct url_pairs *out);

/* May this principal know of what belongs to that user? Keys may, browsers only of their own. */
bool request_owns(const struct request *rq, const char *user_id);

/* A wrong field of the body, for problem+json. */
struct field_errors {
    struct str json; /* elements of "errors" */
    int n;
};
void field_errors_done(struct field_errors *errors);
/* The first thing said of a field counts. */
void field_error(void *errors, const char *pointer, const char *detail);
/* A member that is not known, of the object under the pointer `parent`. */
void field_unknown(struct field_errors *errors, const char *parent, struct json_span key);
/* A member, whatever its name, that is wrong. */
void field_member(struct field_errors *errors, const char *parent, struct json_span key,
                  const char *detail);

/* The body as a checked JSON object. False when it is none (or too deep, or has a member twice, …):
 * then the request is answered. */
bool request_json(struct request *rq, struct json_span *out_object);

#endif
