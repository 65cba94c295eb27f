/*
 * The ScaleKit client as an object, and the small readers that its files share.
 *
 * Constant after scalekit_new() but for the token and the brake, which have locks of their own.
 * Used by run threads, upstream handlers and the commands.
 */
#include "api/scalekit_internal.h"

#include "base/redact.h"
#include "base/utf8.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#define MEMBER_NAME_MAX 64
#define MEMBERS_MAX     4 /* of one scalekit_members() */

static const char *const class_names[] = {
    [SCALEKIT_FINE] = "fine",
    [SCALEKIT_OUR_CREDENTIALS] = "our_credentials",
    [SCALEKIT_USER_CONNECT] = "user_connect",
    [SCALEKIT_USER_RECONNECT] = "user_reconnect",
    [SCALEKIT_SCOPE_MISSING] = "scope_missing",
    [SCALEKIT_RATE_LIMITED] = "rate_limited",
    [SCALEKIT_BAD_CALL] = "bad_call",
    [SCALEKIT_NOT_SENT] = "not_sent",
    [SCALEKIT_UNKNOWN] = "unknown",
    [SCALEKIT_CANCELLED] = "cancelled",
};
_Static_assert(ARRAY_LEN(class_names) == SCALEKIT_CLASS_COUNT, "a class has no name");

const char *scalekit_class_name(enum scalekit_class class)
{
    return class < SCALEKIT_CLASS_COUNT ? class_names[class] : "?";
}

struct scalekit *scalekit_new(struct http_client *http, const struct scalekit_options *options)
{
    struct scalekit *s = xcalloc(1, sizeof *s);
    s->http = http;
    s->env_url = xstrdup(options->env_url);
    size_t len = strlen(s->env_url);
    while (len > 0 && s->env_url[len - 1] == '/')
        s->env_url[--len] = '\0';
    s->client_id = xstrdup(options->client_id);
    s->control_timeout_ms = options->control_timeout_ms ? options->control_timeout_ms : 20 * 1000;
    s->tool_timeout_ms = options->tool_timeout_ms ? options->tool_timeout_ms : 65 * 1000;
    s->retry_base_ms = options->retry_base_ms ? options->retry_base_ms : 1000;
    s->tool_reply_bytes_max =
        options->tool_reply_bytes_max ? options->tool_reply_bytes_max : 8 * MIB;
    s->brake = retry_brake_new();
    scalekit_token_init(&s->token, options->client_secret);
    return s;
}

void scalekit_free(struct scalekit *s)
{
    if (!s) return;
    scalekit_token_done(&s->token);
    retry_brake_free(s->brake);
    xfree(s->client_id);
    xfree(s->env_url);
    xfree(s);
}

void scalekit_set_secret(struct scalekit *s, const char *client_secret)
{
    char *copy = xstrdup(client_secret);
    mutex_lock(&s->token.mutex);
    char *old = s->token.client_secret;
    s->token.client_secret = copy;
    mutex_unlock(&s->token.mutex);
    xfree_secret(old);
}

static void camel_of(const char *snake, char out[MEMBER_NAME_MAX])
{
    size_t len = 0;
    for (const char *at = snake; *at && len + 1 < MEMBER_NAME_MAX; at++) {
        bool is_start = *at == '_' && at[1] != '\0';
        if (is_start) at++;
        out[len++] = is_start ? (char)toupper((unsigned char)*at) : *at;
    }
    out[len] = '\0';
}

struct json_span scalekit_member(struct json_span object, const char *snake)
{
    struct json_span found = json_get(object, snake);
    if (json_type(found) != JSON_NONE) return found;

    char camel[MEMBER_NAME_MAX];
    camel_of(snake, camel);
    return strcmp(camel, snake) == 0 ? found : json_get(object, camel);
}

void scalekit_members(struct json_span object, const char *const *snake, size_t n,
                      struct json_span *out)
{
    char camel[MEMBERS_MAX][MEMBER_NAME_MAX];
    struct json_span second[MEMBERS_MAX] = {0}; /* counts when the first spelling is absent */
    assert(n <= MEMBERS_MAX);
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        camel_of(snake[i], camel[i]);
    struct json_iter it = json_iter(object);
    while (json_type(object) == JSON_OBJECT && json_next(&it)) {
        for (size_t i = 0; i < n; i++) {
            if (!out[i].len && json_string_is(it.key, snake[i])) out[i] = it.value;
            if (!second[i].len && json_string_is(it.key, camel[i])) second[i] = it.value;
        }
    }
    for (size_t i = 0; i < n; i++)
        if (!out[i].len) out[i] = second[i];
}

void scalekit_clean(char *out, size_t out_size, const char *text, size_t len)
{
    AUTO(str_done) struct str repaired = {0};
    AUTO(str_done) struct str valid = {0};
    /* Repairing can triple the bytes; what does not fit is of no interest. */
    utf8_repair(&repaired, text, len < out_size ? len : out_size);
    redact(&valid, str_text(&repaired), repaired.len); /* an error may repeat what was sent */

    size_t at = strlen(out);
    size_t room = out_size - 1 - at;
    size_t n = utf8_cut(str_text(&valid), valid.len, room);
    for (size_t i = 0; i < n; i++) {
        char c = valid.data[i];
        bool is_control = (unsigned char)c < 0x20 || c == 0x7f;
        out[at++] = is_control ? ' ' : c;
    }
    out[at] = '\0';
}

void scalekit_copy(struct json_span value, char *out, size_t out_size)
{
    out[0] = '\0';
    AUTO(str_done) struct str text = {0};
    if (json_type(value) == JSON_NUMBER) str_append(&text, value.text, value.len);
    if (json_type(value) == JSON_STRING) (void)json_string(value, &text);
    scalekit_clean(out, out_size, str_text(&text), text.len);
}
