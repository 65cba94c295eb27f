/*
 * What a failed call means: status first, then ScaleKit's error_code, then the provider's word.
 *
 * The line that matters most runs between "certainly not executed" and "nobody knows": only answers
 * that are documented to come before anything was run are on the first side.
 * Sources: wire notes 1.3, 2.13 and 4, design.md ("Delivery").
 *
 *   429                                              rate limited
 *   401, error_code absent or UNAUTHENTICATED        our token (one refresh, then our credentials)
 *   REAUTHENTICATION_NEEDED, REFRESH_TOKEN_MISSING   the user must reconnect
 *   TOOL_ERROR                                       by the provider's word; else 401 reconnect,
 *                                                    403 scope, 4xx bad call
 *   401 with another error_code                      the user must reconnect
 *   400 "not active"                                 the user must reconnect
 *   404 about an account                             the user must connect
 *   other refusals of the request itself             bad call
 *   408, 409, 425, 499, 5xx, 1xx, 3xx, no answer     unknown
 */
#include "api/scalekit_internal.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RPC_CODE_MAX 16 /* of google.rpc.Code */

/* ---- reading ---- */

static void error_violation(struct json_span info, struct scalekit_error *out_error)
{
    struct json_span list =
        scalekit_member(scalekit_member(info, "validation_error_info"), "field_violations");
    struct json_iter it = json_iter(list);
    if (json_type(list) != JSON_ARRAY || !json_next(&it)) return;

    char field[80];
    char description[160];
    scalekit_copy(json_get(it.value, "field"), field, sizeof field);
    scalekit_copy(json_get(it.value, "description"), description, sizeof description);
    char text[256];
    int len = snprintf(text, sizeof text, " (%s: %s)", field, description);
    scalekit_clean(out_error->message, sizeof out_error->message, text, (size_t)len);
}

/* Adds ": more" unless that is what is already said. */
static void error_message_add(struct scalekit_error *error, const char *more)
{
    if (!*more || strcmp(error->message, more) == 0) return;
    if (*error->message) scalekit_clean(error->message, sizeof error->message, ": ", 2);
    scalekit_clean(error->message, sizeof error->message, more, strlen(more));
}

static void error_info(struct json_span info, struct scalekit_error *out_error)
{
    if (!*out_error->error_code)
        scalekit_copy(scalekit_member(info, "error_code"), out_error->error_code,
                      sizeof out_error->error_code);
    if (!*out_error->request_id)
        scalekit_copy(scalekit_member(scalekit_member(info, "request_info"), "request_id"),
                      out_error->request_id, sizeof out_error->request_id);

    struct json_span tool = scalekit_member(info, "tool_error_info");
    if (json_type(tool) == JSON_OBJECT) {
        scalekit_copy(scalekit_member(tool, "tool_error_code"), out_error->tool_error_code,
                      sizeof out_error->tool_error_code);
        scalekit_copy(scalekit_member(tool, "execution_id"), out_error->execution_id,
                      sizeof out_error->execution_id);
        char words[400];
        scalekit_copy(scalekit_member(tool, "tool_error_message"), words, sizeof words);
        error_message_add(out_error, words);
    }
    error_violation(info, out_error);
}

/* google.rpc.Status with ErrorInfo details, or OAuth's error and error_description. */
static void error_json(struct json_span root, struct scalekit_error *out_error)
{
    int64_t rpc_code = 0;
    (void)json_int(json_get(root, "code"), &rpc_code);
    if (rpc_code > 0 && rpc_code <= RPC_CODE_MAX) out_error->rpc_code = (int)rpc_code;
    scalekit_copy(json_get(root, "message"), out_error->message, sizeof out_error->message);
    /* Documented in the details; a code beside the message is read, too. */
    scalekit_copy(scalekit_member(root, "error_code"), out_error->error_code,
                  sizeof out_error->error_code);

    struct json_iter it = json_iter(json_get(root, "details"));
    while (json_next(&it))
        if (json_type(it.value) == JSON_OBJECT) error_info(it.value, out_error);

    struct json_span oauth = json_get(root, "error");
    if (json_type(oauth) != JSON_STRING) return;
    char words[400];
    scalekit_copy(oauth, words, sizeof words);
    error_message_add(out_error, words);
    scalekit_copy(scalekit_member(root, "error_description"), words, sizeof words);
    error_message_add(out_error, words);
}

void scalekit_error_body(const char *body, size_t len, struct scalekit_error *out_error)
{
    AUTO(str_done) struct str repaired = {0};
    if (!utf8_valid(body, len)) {
        utf8_repair(&repaired, body, len);
        body = str_text(&repaired);
        len = repaired.len;
    }
    bool is_json = len > 0 && json_check(body, len, (struct json_limits){0}) == E_OK;
    struct json_span root = is_json ? json_root(body, len) : (struct json_span){0};
    if (json_type(root) == JSON_OBJECT)
        error_json(root, out_error);
    else if (!http_page_words(body, len, out_error->message, sizeof out_error->message))
        scalekit_clean(out_error->message, sizeof out_error->message, body, len);
}

/* ---- classes ---- */

/* Words that prove that nothing was done: Slack's (https://docs.slack.dev, errors of its methods),
 * and those that ScaleKit's tools use. */
static const struct {
    const char *word;
    enum scalekit_class class;
} provider_words[] = {
    {"invalid_auth",            SCALEKIT_USER_RECONNECT},
    {"not_authed",              SCALEKIT_USER_RECONNECT},
    {"account_inactive",        SCALEKIT_USER_RECONNECT},
    {"token_revoked",           SCALEKIT_USER_RECONNECT},
    {"token_expired",           SCALEKIT_USER_RECONNECT},
    {"org_login_required",      SCALEKIT_USER_RECONNECT},
    {"UNAUTHORIZED",            SCALEKIT_USER_RECONNECT},
    {"UNAUTHENTICATED",         SCALEKIT_USER_RECONNECT},
    {"missing_scope",           SCALEKIT_SCOPE_MISSING },
    {"no_permission",           SCALEKIT_SCOPE_MISSING },
    {"not_allowed_token_type",  SCALEKIT_SCOPE_MISSING },
    {"ekm_access_denied",       SCALEKIT_SCOPE_MISSING },
    {"FORBIDDEN",               SCALEKIT_SCOPE_MISSING },
    {"ratelimited",             SCALEKIT_RATE_LIMITED  },
    {"message_limit_exceeded",  SCALEKIT_RATE_LIMITED  },
    {"RATE_LIMITED",            SCALEKIT_RATE_LIMITED  },
    {"RATE_LIMIT_EXCEEDED",     SCALEKIT_RATE_LIMITED  },
    {"channel_not_found",       SCALEKIT_BAD_CALL      },
    {"not_in_channel",          SCALEKIT_BAD_CALL      },
    {"is_archived",             SCALEKIT_BAD_CALL      },
    {"msg_too_long",            SCALEKIT_BAD_CALL      },
    {"no_text",                 SCALEKIT_BAD_CALL      },
    {"invalid_blocks",          SCALEKIT_BAD_CALL      },
    {"restricted_action",       SCALEKIT_BAD_CALL      },
    {"cannot_reply_to_message", SCALEKIT_BAD_CALL      },
    {"invalid_arguments",       SCALEKIT_BAD_CALL      },
    {"too_many_attachments",    SCALEKIT_BAD_CALL      },
};

enum scalekit_class scalekit_provider_class(const char *provider_error)
{
    for (size_t i = 0; i < ARRAY_LEN(provider_words); i++)
        if (strcasecmp(provider_words[i].word, provider_error) == 0) return provider_words[i].class;
    return SCALEKIT_UNKNOWN;
}

/* Statuses with which a server refuses a request before doing what it asks. */
static bool status_refuses(int status)
{
    static const short refusals[] = {400, 401, 403, 404, 405, 406, 410, 411,
                                     413, 414, 415, 422, 428, 429, 431};
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        if (refusals[i] == status) return true;
    return false;
}

static bool says(const struct scalekit_error *error, const char *words)
{
    return strcasestr(error->message, words) != NULL;
}

/* The code is often the tool's own ("EXEC_FAILED"), and the provider's word stands alone at the end of
 * the message. */
static enum scalekit_class class_of_last_word(const struct scalekit_error *error)
{
    const char *word = error->message;
    for (const char *at = word; (at = strstr(at, ": ")); word = at)
        at += 2;
    return scalekit_provider_class(word);
}

static enum scalekit_class classify_tool_error(const struct scalekit_error *error)
{
    enum scalekit_class by_word = scalekit_provider_class(error->tool_error_code);
    if (by_word == SCALEKIT_UNKNOWN) by_word = class_of_last_word(error);
    if (by_word != SCALEKIT_UNKNOWN) return by_word;
    if (error->status == 401) return SCALEKIT_USER_RECONNECT;
    if (error->status == 403) return SCALEKIT_SCOPE_MISSING;
    if (says(error, "not active") && says(error, "account")) return SCALEKIT_USER_RECONNECT;
    return SCALEKIT_BAD_CALL;
}

/* "tool not found", "connection not found" and "connected account not found" are all 404. */
static enum scalekit_class classify_not_found(const struct scalekit_error *error)
{
    if (says(error, "connected account") || says(error, "connected_account"))
        return SCALEKIT_USER_CONNECT;
    if (says(error, "tool")) return SCALEKIT_BAD_CALL;
    if (says(error, "account")) return SCALEKIT_USER_CONNECT;
    if (says(error, "connection") || says(error, "connector")) return SCALEKIT_BAD_CALL;
    /* Documented as "the selected account does not exist". A page of a proxy has no error_code. */
    bool is_theirs = strcmp(error->error_code, "RESOURCE_NOT_FOUND") == 0;
    return is_theirs ? SCALEKIT_USER_CONNECT : SCALEKIT_BAD_CALL;
}

bool scalekit_error_is_answer(const struct scalekit_error *error)
{
    return error->class != SCALEKIT_NOT_SENT && error->class != SCALEKIT_CANCELLED &&
           error->class != SCALEKIT_OUR_CREDENTIALS;
}

bool scalekit_error_is_our_token(const struct scalekit_error *error)
{
    if (error->status != 401) return false;
    return !*error->error_code || strcmp(error->error_code, "UNAUTHENTICATED") == 0;
}

enum scalekit_class scalekit_error_classify(const struct scalekit_error *error)
{
    const char *code = error->error_code;
    if (error->status == 429) return SCALEKIT_RATE_LIMITED;
    if (!status_refuses(error->status)) return SCALEKIT_UNKNOWN;
    if (scalekit_error_is_our_token(error)) return SCALEKIT_OUR_CREDENTIALS;
    if (strcmp(code, "REAUTHENTICATION_NEEDED") == 0) return SCALEKIT_USER_RECONNECT;
    if (strcmp(code, "REFRESH_TOKEN_MISSING") == 0) return SCALEKIT_USER_RECONNECT;
    if (strcmp(code, "TOOL_ERROR") == 0) return classify_tool_error(error);
    if (error->status == 401) return SCALEKIT_USER_RECONNECT;
    if (error->status == 400 && says(error, "not active")) return SCALEKIT_USER_RECONNECT;
    if (error->status == 404) return classify_not_found(error);
    return SCALEKIT_BAD_CALL;
}

/* ---- from an answer, or none ---- */

static enum scalekit_class class_without_answer(const struct http_reply *reply)
{
    bool is_unsent = reply->end == HTTP_NOT_SENT || reply->end == HTTP_FAILED_LOCALLY ||
                     (reply->end == HTTP_TIMED_OUT && text_equal(reply->timer, "connect"));
    if (is_unsent) return SCALEKIT_NOT_SENT;
    return reply->end == HTTP_CANCELLED ? SCALEKIT_CANCELLED : SCALEKIT_UNKNOWN;
}

void scalekit_error_read(const struct http_reply *reply, struct scalekit_error *out_error)
{
    *out_error = (struct scalekit_error){.status = reply->status};
    if (reply->end != HTTP_ANSWERED) {
        out_error->class = class_without_answer(reply);
        http_reply_describe(reply, out_error->message, sizeof out_error->message);
        return;
    }
    scalekit_error_body(str_text(&reply->body), reply->body.len, out_error);
    if (!*out_error->request_id)
        (void)http_reply_header(reply, "x-request-id", out_error->request_id,
                                sizeof out_error->request_id);
    int64_t asked_ms = 0;
    if (retry_after_ms(reply, clock_unix_ms(), &asked_ms)) out_error->retry_after_ms = asked_ms;
    out_error->class = scalekit_error_classify(out_error);
}

void scalekit_error_describe(const struct scalekit_error *error, char *out, size_t out_size)
{
    char status[16] = "";
    if (error->status) snprintf(status, sizeof status, "HTTP %d", error->status);
    const char *first = *status ? status : scalekit_class_name(error->class);
    if (!*status && *error->message) first = "";
    snprintf(out, out_size, "%s%s%s%s%s", first, *error->error_code ? " " : "", error->error_code,
             *first && *error->message ? ": " : "", error->message);
}

void scalekit_error_tell(const struct scalekit_error *error, char *out, size_t out_size)
{
    struct scalekit_error told = *error;
    if (told.status) told.message[0] = '\0';
    scalekit_error_describe(&told, out, out_size);
    size_t len = strlen(out);
    if (*error->request_id && len < out_size)
        snprintf(out + len, out_size - len, " (request %s)", error->request_id);
}

const char *scalekit_provider_word(const char *provider_error)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t len = strspn(provider_error, plain);
    bool is_word = len > 0 && len <= 40 && !provider_error[len];
    return is_word ? provider_error : "an error in the provider's own words";
}

enum err scalekit_error_fail(const char *what, const struct scalekit_error *error)
{
    enum err code = error->class == SCALEKIT_CANCELLED ? E_CANCELLED : E_UPSTREAM;
    const char *class = scalekit_class_name(error->class);
    if (!error->status) return fail(code, "ScaleKit, %s: no answer (%s)", what, class);
    return fail(code, "ScaleKit, %s: status %d, error_code %s, request %s (%s)", what,
                error->status, *error->error_code ? error->error_code : "none",
                *error->request_id ? error->request_id : "without id", class);
}

enum err scalekit_error_unreadable(const char *what, const struct http_reply *reply,
                                   struct scalekit_error *out_error)
{
    *out_error = (struct scalekit_error){.class = SCALEKIT_UNKNOWN, .status = reply->status};
    (void)http_reply_header(reply, "x-request-id", out_error->request_id,
                            sizeof out_error->request_id);
    snprintf(out_error->message, sizeof out_error->message,
             "the answer of %zu bytes cannot be read", reply->body.len);
    return fail(E_UPSTREAM, "ScaleKit, %s: the answer (status %d, %zu bytes) cannot be read", what,
                reply->status, reply->body.len);
}
