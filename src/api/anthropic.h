/*
 * Claude: Anthropic's Messages API, as one blocking question.
 *
 * anthropic_ask() sends a complete request body, always streaming, and returns when there is a
 * whole reply or when it is sure that there will be none. A reply counts only after `message_stop`;
 * before that nothing of it is used. This is the only retry layer: 408, 409, 429, every 5xx, an
 * `error` event inside a 200, a broken connection and silence are tried again, with jitter on top
 * of what the server asks, until the retry budget or the deadline is used up. A 429 about a spend
 * limit is final. Any thread.
 */
#ifndef API_ANTHROPIC_H
#define API_ANTHROPIC_H

#include "base/json.h"
#include "http/http.h"

struct anthropic;

struct anthropic_options {
    const char *base_url;          /* "https://api.anthropic.com", without trailing slash */
    const char *api_key;           /* sent as `Authorization: Bearer` … */
    bool use_x_api_key;            /* … or as `x-api-key`; never both */
    const char *version;           /* "2026-10-21" */
    struct http_timeouts timeouts; /* zeros: connect 10 s, first byte 120 s, bytes 60 s, events 120
                                      s, total 10 min */
    int64_t retry_budget_ms; /* how long one question may be retried after its first failure; 0: 5
                                min */
    int64_t retry_base_ms; /* the first wait is at most this, if nobody asks for more; 0: 500 ms */
};
struct anthropic *anthropic_new(struct http_client *http, const struct anthropic_options *options);
void anthropic_free(struct anthropic *a);
/* The secret was read anew (SIGHUP). */
void anthropic_set_key(struct anthropic *a, const char *api_key);

enum stop_reason {
    STOP_END_TURN,
    STOP_TOOL_USE,
    STOP_MAX_TOKENS,
    STOP_SEQUENCE,
    STOP_PAUSE_TURN,
    STOP_REFUSAL,
    STOP_CONTEXT_EXCEEDED, /* model_context_window_exceeded */
    STOP_UNKNOWN,          /* null, or a word this version does not know (kept in stop_word) */
    STOP_REASON_COUNT
};
const char *stop_reason_name(enum stop_reason reason);

struct anthropic_usage {
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t cache_read_tokens;
    int64_t cache_write_5m_tokens;
    int64_t cache_write_1h_tokens;
};

/* The reply. `content` is the assistant's content array as JSON text, assembled once from the
 * stream: block starts, text fragments and tool inputs as the very bytes that came, so that it can
 * be echoed byte-identically in every later request. Three things differ from what came, because
 * the API refuses them in a request: text blocks without visible text are left out, lone surrogates
 * are U+FFFD, and an absent tool input is `{}`. Blocks are read with json_iter(json_root(content)).
 */
struct anthropic_reply {
    struct str content;
    enum stop_reason stop;
    char stop_word[48];
    char refusal_category[48]; /* "" when none */
    char message_id[80];
    char model[80];
    char request_id[80];
    struct anthropic_usage usage;
    /* The last block is a tool_use whose input may have been cut off (max_tokens, context,
     * refusal). An input that is no JSON object then reads `{}` in `content`: such a call is never
     * run and never echoed. */
    bool has_truncated_tool_use;
    int attempts; /* requests that were sent for this reply */
    int64_t took_ms;
};
void anthropic_reply_done(struct anthropic_reply *reply);

enum anthropic_fault {
    ANTHROPIC_FINE,
    ANTHROPIC_CREDENTIALS,      /* 401, 403 permission_error: our key */
    ANTHROPIC_REJECTED,         /* 400, 402, 404, 413 …: the same request will fail again */
    ANTHROPIC_CONTEXT_EXCEEDED, /* 413, or the prompt is too long */
    ANTHROPIC_SPEND_LIMIT,      /* our own limit at Anthropic */
    ANTHROPIC_UNAVAILABLE,      /* retried until the budget was used up */
    ANTHROPIC_CANCELLED,
    ANTHROPIC_DEADLINE,
    ANTHROPIC_FAULT_COUNT
};

struct anthropic_error {
    enum anthropic_fault fault;
    int status;    /* HTTP, 0 none */
    char type[64]; /* "overloaded_error" */
    char code[64]; /* error.details.error_code */
    char request_id[80];
    char message[512]; /* their words, cut and cleaned; for the operator */
    int attempts;
    int attempts_uncertain; /* of those: sent, outcome unknown, perhaps billed */
};
/* In words, for people: "HTTP 529 overloaded_error: Overloaded (request req_1)", with what is known
 * of it. */
#define ANTHROPIC_STORY_MAX 768
void anthropic_error_describe(const struct anthropic_error *error, char *out, size_t out_size);

/* What the caller is told before a retry and may refuse (budget). Called on the asking thread. */
struct anthropic_hooks {
    /* About to send attempt n (1, 2, …): false stops with ANTHROPIC_REJECTED, code "budget". NULL:
     * always. */
    bool (*before_attempt)(void *ctx, int n);
    /* An attempt failed and another follows in wait_ms. NULL: nobody asks. */
    void (*on_retry)(void *ctx, const struct anthropic_error *error, int64_t wait_ms);
    void *ctx;
};

/* `body` is the complete JSON request with "stream":true. OK, or E_UPSTREAM with `out_error` filled
 * (E_CANCELLED, E_TIMEOUT for those faults). After OK `out_error` has the attempts that were
 * needed. A stream that makes no sense is asked for three times at most, because each time is paid
 * for. `deadline_mono_ms` 0: none. */
enum err anthropic_ask(struct anthropic *a, const char *body, size_t len,
                       struct http_cancel *cancel, int64_t deadline_mono_ms,
                       const struct anthropic_hooks *hooks, struct anthropic_reply *out_reply,
                       struct anthropic_error *out_error) MUST_CHECK;

#endif
