/*
 * What Anthropic's errors mean. Statuses and types as documented in 2026; unknown codes count as
 * their bare type, unknown types as their status. Pure functions.
 */
#include "api/anthropic_internal.h"

#include "base/redact.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void anthropic_clean(const char *text, size_t len, char *out, size_t out_size)
{
    AUTO(str_done) struct str valid = {0};
    AUTO(str_done) struct str clean = {0};
    /* Four bytes a character at most, so more input cannot matter. */
    utf8_repair(&valid, text, len < 4 * out_size ? len : 4 * out_size);
    redact(&clean, str_text(&valid), valid.len); /* an error may repeat what was sent */
    size_t n = utf8_cut(str_text(&clean), clean.len, out_size - 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)clean.data[i];
        out[i] = byte < ' ' || byte == 0x7f ? ' ' : clean.data[i];
    }
    out[n] = '\0';
}

void anthropic_copy(struct json_span value, char *out, size_t out_size)
{
    AUTO(str_done) struct str text = {0};
    json_string(value, &text);
    anthropic_clean(str_text(&text), text.len, out, out_size);
}

void anthropic_error_read(struct json_span root, struct anthropic_error *error)
{
    struct json_span inner = json_get(root, "error");
    struct json_span code = json_at(inner, "details", "error_code", NULL);
    struct json_span id = json_get(root, "request_id");
    anthropic_copy(json_get(inner, "type"), error->type, sizeof error->type);
    anthropic_copy(code, error->code, sizeof error->code);
    anthropic_copy(json_get(inner, "message"), error->message, sizeof error->message);
    if (!*error->request_id) anthropic_copy(id, error->request_id, sizeof error->request_id);
}

void anthropic_error_describe(const struct anthropic_error *error, char *out, size_t out_size)
{
    char status[16] = "";
    char request[100] = "";
    if (error->status) snprintf(status, sizeof status, "HTTP %d", error->status);
    if (*error->request_id) snprintf(request, sizeof request, " (request %s)", error->request_id);
    const char *type = *error->code ? error->code : error->type;
    const char *message = *error->message || *status || *type ? error->message : "no answer";
    snprintf(out, out_size, "%s%s%s%s%s%s", status, *status && *type ? " " : "", type,
             (*status || *type) && *message ? ": " : "", message, request);
}

int anthropic_error_status(const char *type)
{
    static const struct {
        const char *type;
        int status;
    } statuses[] = {
        {"invalid_request_error", 400},
        {"authentication_error",  401},
        {"billing_error",         402},
        {"permission_error",      403},
        {"not_found_error",       404},
        {"conflict_error",        409},
        {"request_too_large",     413},
        {"rate_limit_error",      429},
        {"api_error",             500},
        {"timeout_error",         504},
        {"overloaded_error",      529},
    };
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (strcmp(type, statuses[i].type) == 0) return statuses[i].status;
    }
    return 0;
}

/* Their stable codes first. The sentence is the only sign that a 400 gives of the same thing. */
static bool is_spend_limit(const struct anthropic_error *e)
{
    return strcmp(e->code, "enforced_spend_limit_reached") == 0 ||
           strcmp(e->code, "contract_spend_limit_reached") == 0 ||
           (e->status == 400 && strcasestr(e->message, "reached your specified") &&
            strcasestr(e->message, "API usage limits")); /* "… workspace API usage limits" */
}

/* There is no code for it; a changed sentence only makes the story less precise. */
static bool is_prompt_too_long(const struct anthropic_error *e)
{
    return e->status == 413 ||
           (e->status == 400 && (strcasestr(e->message, "prompt is too long") ||
                                 strcasestr(e->message, "exceed context limit")));
}

static enum anthropic_fault fault_of(const struct anthropic_error *e)
{
    bool is_permission = strcmp(e->type, "permission_error") == 0;
    if (is_spend_limit(e)) return ANTHROPIC_SPEND_LIMIT;
    if (e->status == 401 || (e->status == 403 && is_permission)) return ANTHROPIC_CREDENTIALS;
    if (is_prompt_too_long(e)) return ANTHROPIC_CONTEXT_EXCEEDED;
    bool may_pass = e->status == 408 || e->status == 409 || e->status == 429 || e->status >= 500;
    return may_pass ? ANTHROPIC_UNAVAILABLE : ANTHROPIC_REJECTED;
}

static void name_the_model(struct anthropic_error *e, const char *model)
{
    char words[200];
    snprintf(words, sizeof words, "%.199s", e->message);
    words[utf8_cut(words, strlen(words), strlen(words))] = '\0';
    snprintf(
        e->message, sizeof e->message,
        "the model %.100s is unknown to Anthropic or retired: configure another one (they say: %s)",
        model, words);
}

void anthropic_error_judge(struct attempt *attempt, int status, int should_retry, const char *model)
{
    struct anthropic_error *e = &attempt->error;
    e->status = status;
    e->fault = fault_of(e);
    attempt->is_overload = status == 429 || status == 503 || status == 529;
    bool may_pass = e->fault == ANTHROPIC_UNAVAILABLE;
    if (should_retry >= 0) may_pass = should_retry == 1;
    if (e->fault == ANTHROPIC_SPEND_LIMIT) {
        may_pass = false; /* until next month or a higher limit, whatever the status promises */
        attempt->is_overload = false;
    }
    attempt->next = may_pass ? ATTEMPT_AGAIN : ATTEMPT_HOPELESS;
    if (status == 404 && strcmp(e->type, "not_found_error") == 0) name_the_model(e, model);
}
