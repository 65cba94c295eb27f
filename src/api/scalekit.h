/*
 * ScaleKit AgentKit over REST: who is connected, which tools they have, run one.
 *
 * Our access token is fetched with client credentials, kept until `expires_in` − 60 s, with one
 * refresh in flight for all threads, and refreshed once when a 401 is about *it* (error_code absent
 * or UNAUTHENTICATED), never on one that is about the user's account. Field names are snake_case on
 * the wire; camelCase is understood.
 *
 * Reads (accounts, tools, and tool calls that the recipe marks as `read`) are repeated on 429, 502,
 * 503, 504 and broken connections, at most 3 times with jitter; a delivery is sent exactly once.
 * Any thread.
 */
#ifndef API_SCALEKIT_H
#define API_SCALEKIT_H

#include "base/json.h"
#include "http/http.h"

struct scalekit;

struct scalekit_options {
    const char *env_url; /* without trailing slash */
    const char *client_id;
    const char *client_secret;
    int64_t control_timeout_ms;  /* 0: 20 s */
    int64_t tool_timeout_ms;     /* 0: 65 s, above ScaleKit's own 60 s */
    size_t tool_reply_bytes_max; /* 0: 8 MiB */
    int64_t retry_base_ms;       /* the first wait before a repeat grows from here; 0: 1 s */
};
struct scalekit *scalekit_new(struct http_client *http, const struct scalekit_options *options);
void scalekit_free(struct scalekit *s);
/* By how much our wall clock was ahead of theirs at the last answer that said a date (a second's
 * precision); negative: behind. 0 before that. */
int64_t scalekit_clock_ahead_ms(const struct scalekit *s);
void scalekit_set_secret(struct scalekit *s, const char *client_secret);

/* Classes of failure; first match of the rules in the wire notes ("Client rules that follow"). */
enum scalekit_class {
    SCALEKIT_FINE,
    SCALEKIT_OUR_CREDENTIALS, /* the token endpoint or, after one refresh, the API refuses us */
    SCALEKIT_USER_CONNECT,    /* no account: the user must connect */
    SCALEKIT_USER_RECONNECT,  /* the account is not usable any more */
    SCALEKIT_SCOPE_MISSING,   /* the provider denies this action to the account */
    SCALEKIT_RATE_LIMITED,    /* ScaleKit or the provider says later; nothing was executed */
    SCALEKIT_BAD_CALL, /* wrong tool or arguments, the provider said no; nothing was executed */
    SCALEKIT_NOT_SENT, /* the connection never opened, nothing was executed */
    SCALEKIT_UNKNOWN,  /* sent, and nobody knows what happened: timeouts, 408, 409, 499, 5xx, lost,
                          unreadable */
    SCALEKIT_CANCELLED,
    SCALEKIT_CLASS_COUNT
};
const char *scalekit_class_name(enum scalekit_class class);
/* What a provider's own word for a failure means ("ratelimited", "missing_scope",
 * "channel_not_found"), for the failures inside HTTP 200. Words that do not prove that nothing was
 * done: SCALEKIT_UNKNOWN. */
enum scalekit_class scalekit_provider_class(const char *provider_error);

struct scalekit_error {
    enum scalekit_class class;
    int status;               /* HTTP, 0 none */
    int rpc_code;             /* of ScaleKit's error document; 0: the body is none */
    char error_code[64];      /* ScaleKit's */
    char tool_error_code[64]; /* the provider's, free text */
    char request_id[80];
    char execution_id[80];
    char message[512]; /* their words, cut and cleaned. May quote the user's content: never logged
                          above debug */
    int64_t retry_after_ms; /* 0: not said */
};
/* The same in words, for people and for the model: "HTTP 503 UNAVAILABLE: try later", or without an
 * answer what became of the connection. Quotes their message. */
#define SCALEKIT_STORY_MAX 640
void scalekit_error_describe(const struct scalekit_error *error, char *out, size_t out_size);
/* The same without the message of an answer: what answers a call with content may quote it, and so
 * belongs to the model alone, into no log and no error that is kept. */
void scalekit_error_tell(const struct scalekit_error *error, char *out, size_t out_size);
/* A provider's error when it is a plain word, like "channel_not_found", else that it is none. */
const char *scalekit_provider_word(const char *provider_error);

/* What a call is made for. Zeros are fine. */
struct scalekit_call {
    struct http_cancel *cancel;
    int64_t deadline_mono_ms; /* 0: none but the timeouts */
    const char *agent_run_id; /* for probes: groups them with the run in ScaleKit's log; NULL: none
                               */
    bool is_fresh_token;      /* do not use the kept token (check-config) */
};

struct scalekit_account {
    char *connector; /* connection name */
    char *id;        /* "ca_…" */
    char *provider;
    char *status; /* as they wrote it; unknown words happen */
    int64_t updated_ms;
};
struct scalekit_accounts {
    struct scalekit_account *items;
    size_t n;
};
void scalekit_accounts_done(struct scalekit_accounts *accounts);

/* The user's accounts on these connections, in one list call (one each where the service refuses
 * that). A missing account is simply not in the list. OK or E_UPSTREAM (E_CANCELLED) with
 * `out_error`. */
enum err scalekit_accounts_list(struct scalekit *s, const struct scalekit_call *call,
                                const char *identifier, const char *const *connection_names,
                                size_t n, struct scalekit_accounts *out_accounts,
                                struct scalekit_error *out_error) MUST_CHECK;

/* A tool as the model may see it: name, description and input schema, made acceptable for the model
 * API. */
struct scalekit_tool {
    char *name;         /* ScaleKit's, to execute it */
    char *model_name;   /* the same, or a short unique one of [A-Za-z0-9_-]{1,64} */
    char *description;  /* cut at 4 KiB */
    char *input_schema; /* JSON object: cleaned (see scalekit_schema.c) */
    char *connected_account_id;
};
struct scalekit_tools {
    struct scalekit_tool *items;
    size_t n;
};
void scalekit_tools_done(struct scalekit_tools *tools);

/* The user's tools among `tool_names`, over all pages, sorted by name. A repeated page token ends
 * as E_UPSTREAM. */
enum err scalekit_tools_scoped(struct scalekit *s, const struct scalekit_call *call,
                               const char *identifier, const char *const *connection_names,
                               size_t n_connections, const char *const *tool_names, size_t n_tools,
                               struct scalekit_tools *out_tools,
                               struct scalekit_error *out_error) MUST_CHECK;

struct scalekit_execute {
    const char *tool_name;
    const char *connection_name;
    const char *identifier;
    const char *params; /* JSON object text, sent as it is */
    size_t params_len;
    const char *agent_run_id; /* ≤ 255 */
    bool is_delivery;         /* once, on a fresh connection, never repeated */
    bool is_repeat;           /* the caller asks the same once more; for the metrics */
};
struct scalekit_result {
    struct str data; /* JSON text of `data`, unwrapped from {"result":…}/{"array":…} where it is
                      * alone; text results that hold JSON are unwrapped too */
    char execution_id[80];
    bool is_provider_failure; /* HTTP 200 with ok:false, isError or error inside */
    char provider_error[128]; /* Slack's "channel_not_found", … */
    int64_t took_ms;
};
void scalekit_result_done(struct scalekit_result *result);

/* Runs a tool. OK with `out_result` (look at is_provider_failure), or E_UPSTREAM (E_CANCELLED) with
 * `out_error`. */
enum err scalekit_execute(struct scalekit *s, const struct scalekit_call *call,
                          const struct scalekit_execute *what, struct scalekit_result *out_result,
                          struct scalekit_error *out_error) MUST_CHECK;
/* Several reads at once, each with its own result and error; `out_err[i]` as scalekit_execute()
 * returns. */
void scalekit_execute_all(struct scalekit *s, const struct scalekit_call *call,
                          const struct scalekit_execute *what, size_t n,
                          struct scalekit_result *out_results, struct scalekit_error *out_errors,
                          enum err *out_err);

#endif
