/*
 * What the scalekit_*.c files share; nobody else includes this.
 *
 *   scalekit.c           the object, small readers
 *   scalekit_token.c     our access token, one fetch for all threads
 *   scalekit_send.c      requests with token, repeats and the shared brake
 *   scalekit_error.c     answers into classes
 *   scalekit_pages.c     lists that come in pages
 *   scalekit_accounts.c  connected accounts
 *   scalekit_tools.c     the user's tools     scalekit_schema.c  their input schemas
 *   scalekit_execute.c   running a tool       scalekit_result.c  what it answered
 *   scalekit_connect.c   links, verification, removal
 */
#ifndef API_SCALEKIT_INTERNAL_H
#define API_SCALEKIT_INTERNAL_H

#include "api/scalekit.h"
#include "base/thread.h"
#include "http/retry.h"

/* The kept access token. `mutex` guards everything below it; nobody holds it across a request. */
struct scalekit_token {
    struct mutex mutex;
    struct cond has_changed;
    char *client_secret;
    char *text;                  /* NULL: none */
    uint64_t generation;         /* of `text`: 1, 2, …; 0 before the first */
    int64_t use_until_ms;        /* monotonic */
    bool is_fetching;            /* one thread is at the token endpoint */
    uint64_t n_fetches;          /* that ended */
    bool has_failed;             /* the last of them, and not for reasons of its caller alone */
    struct scalekit_error error; /* of the last */
};

struct scalekit {
    struct http_client *http;
    char *env_url;
    char *client_id;
    int64_t control_timeout_ms;
    int64_t tool_timeout_ms;
    int64_t retry_base_ms;
    size_t tool_reply_bytes_max;
    struct retry_brake *brake; /* ScaleKit's own 429s */
    _Atomic int64_t clock_ahead_ms;
    struct scalekit_token token;
};

/* Member by its snake_case name; the camelCase spelling of it is found too. */
struct json_span scalekit_member(struct json_span object, const char *snake);
/* Several of them in one walk through a large object; `out` gets one for each name. */
void scalekit_members(struct json_span object, const char *const *snake, size_t n,
                      struct json_span *out);
/* A string member (numbers too: protojson writes some ids so), cut to fit, control characters
 * turned into spaces; "" when absent. */
void scalekit_copy(struct json_span value, char *out, size_t out_size);
/* Appends `text` cleaned in the same way to a NUL-terminated buffer. */
void scalekit_clean(char *out, size_t out_size, const char *text, size_t len);

/* ---- token ---- */

void scalekit_token_init(struct scalekit_token *token, const char *client_secret);
void scalekit_token_done(struct scalekit_token *token);
/* A token that is not of generation `stale` (0: any will do), with its generation. Waits for a
 * fetch of another thread instead of starting a second one, and shares its failure. The caller
 * wipes it. Failure: E_UPSTREAM or E_CANCELLED with the class; never SCALEKIT_UNKNOWN, because
 * nothing else was sent. */
enum err scalekit_token_get(struct scalekit *s, const struct scalekit_call *call, uint64_t stale,
                            char **out_token, uint64_t *out_generation,
                            struct scalekit_error *out_error) MUST_CHECK;
/* The generation that is kept now. */
uint64_t scalekit_token_generation(struct scalekit *s);

/* ---- sending ---- */

/* Told to come back later than this, a call ends instead of waiting. */
#define SCALEKIT_PATIENCE_MS (2 * 60 * 1000)

struct scalekit_request {
    const char *what;      /* for stories, and as the metrics' operation: "tools/scoped" */
    const char *operation; /* NULL: `what` */
    bool is_repeat;        /* its caller sends it once more */
    const char *method;
    const char *path; /* from "/api/…", with its query */
    const char *body; /* NULL: none */
    size_t body_len;
    int64_t timeout_ms;
    size_t reply_bytes_max;
    bool is_once; /* never repeated (except after a 401 about our token), on a fresh connection */
};
/* Sends them together and repeats those that may be repeated. For each: OK with an answer of 2xx in
 * `out_replies`, or E_UPSTREAM / E_CANCELLED with its error; replies are always initialised. */
void scalekit_send_all(struct scalekit *s, const struct scalekit_call *call,
                       const struct scalekit_request *requests, size_t n,
                       struct http_reply *out_replies, struct scalekit_error *out_errors,
                       enum err *out_err);
enum err scalekit_send(struct scalekit *s, const struct scalekit_call *call,
                       const struct scalekit_request *request, struct http_reply *out_reply,
                       struct scalekit_error *out_error) MUST_CHECK;

/* ---- errors ---- */

/* Fills `out_error` from an answer that is not 2xx, or from none. */
void scalekit_error_read(const struct http_reply *reply, struct scalekit_error *out_error);
/* The part of it that reads a body; fields that are not said stay empty. */
void scalekit_error_body(const char *body, size_t len, struct scalekit_error *out_error);
/* The class by status and the texts in `error`. */
enum scalekit_class scalekit_error_classify(const struct scalekit_error *error);
/* Is this a 401 about our own token? */
bool scalekit_error_is_our_token(const struct scalekit_error *error);
/* Did ScaleKit look at the request at all? Not without a token, and not when it was called off:
 * then the status, if there is one, is the token endpoint's. */
bool scalekit_error_is_answer(const struct scalekit_error *error);
/* Tells the story with fail(), without the other side's words. */
enum err scalekit_error_fail(const char *what, const struct scalekit_error *error);
/* An answer of 2xx that is no answer: class unknown, E_UPSTREAM. */
enum err scalekit_error_unreadable(const char *what, const struct http_reply *reply,
                                   struct scalekit_error *out_error);

/* ---- lists ---- */

/* Gives each element of array `list` of every page to `take`, which returns OK to go on. */
struct scalekit_pages {
    const char *what;
    const char *path; /* with a query */
    const char *list; /* snake_case */
    enum err (*take)(void *ctx, struct json_span item);
    void *ctx;
};
enum err scalekit_pages_read(struct scalekit *s, const struct scalekit_call *call,
                             const struct scalekit_pages *pages,
                             struct scalekit_error *out_error) MUST_CHECK;
/* Appends "&name=value" with the value percent-encoded. */
void scalekit_query(struct str *path, const char *name, const char *value);

/* ---- tools ---- */

/* The input schema of a definition in the form that the model API accepts (JSON object, canonical).
 * `schema` comes from a checked text; anything that is no object gives the schema of any object. */
void scalekit_schema_clean(struct json_span schema, struct str *out);
/* One tool of a `definition`; false when it has no usable name. model_name is left NULL. */
bool scalekit_tool_read(struct json_span definition, struct scalekit_tool *out_tool);
/* Gives every tool its model_name; `tools` are sorted by name, without duplicates. */
void scalekit_tools_name(struct scalekit_tools *tools);

/* ---- results ---- */

/* Reads the body of an answer to execute_tool. E_PROTOCOL when it is none. */
enum err scalekit_result_read(const char *body, size_t len,
                              struct scalekit_result *out_result) MUST_CHECK;

#endif
