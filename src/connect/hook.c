#include "connect/hook.h"

#include "base/clock.h"
#include "base/crypt.h"
#include "base/log.h"
#include "connect/internal.h"
#include "store/hooks.h"

#include <string.h>

#define SIGNATURES_MAX 16
#define FIELD_MAX      400 /* a connection's name is the longest */

static bool is_signature(const char *text, size_t len, const unsigned char expected[SHA256_LEN])
{
    if (len < 3 || memcmp(text, "v1,", 3) != 0) return false;
    AUTO(str_done) struct str given = STR_LIMIT(2 * SHA256_LEN);
    if (base64_decode(&given, text + 3, len - 3)) return false;
    return given.len == SHA256_LEN && equal_constant_time(given.data, expected, SHA256_LEN);
}

static enum err check_time(const char *timestamp, int64_t now_ms)
{
    int64_t at_s = 0;
    if (!text_is_i64(timestamp, strlen(timestamp), &at_s) || at_s < 0)
        return fail(E_DENIED, "the webhook's time is no number");
    int64_t now_s = now_ms / 1000;
    if (at_s < now_s - HOOK_TOLERANCE_S) return fail(E_DENIED, "the webhook is too old");
    if (at_s > now_s + HOOK_TOLERANCE_S)
        return fail(E_DENIED, "the webhook comes from the future: compare the clocks");
    return E_OK;
}

enum err hook_check(const char *secret, const struct hook *hook, int64_t now_ms)
{
    if (!hook->id || !hook->timestamp || !hook->signature)
        return fail(E_DENIED, "a webhook needs webhook-id, webhook-timestamp, webhook-signature");
    size_t id_len = strlen(hook->id);
    if (id_len == 0 || id_len > HOOK_ID_MAX) return fail(E_DENIED, "the webhook's id is too long");
    enum err e = check_time(hook->timestamp, now_ms);
    if (e) return e;
    AUTO(str_done_secret) struct str key = STR_LIMIT(KIB);
    if (webhook_secret_key(secret, &key)) return fail(E_DENIED, "the webhook secret is no base64");
    AUTO(str_done) struct str text = {0};
    str_append_format(&text, "%s.%s.", hook->id, hook->timestamp);
    str_append(&text, hook->body, hook->len);
    unsigned char expected[SHA256_LEN];
    hmac_sha256(key.data, key.len, text.data, text.len, expected);
    const char *at = hook->signature;
    for (int i = 0; *at && i < SIGNATURES_MAX; i++) {
        at += strspn(at, " ");
        size_t len = strcspn(at, " ");
        if (is_signature(at, len, expected)) return E_OK;
        at += len;
    }
    return fail(E_DENIED, "no signature of the webhook fits");
}

void hook_event_done(struct hook_event *event)
{
    xfree(event->type);
    xfree(event->user_id);
    xfree(event->connection_name);
    xfree(event->account_id);
    *event = (struct hook_event){0};
}

enum err hook_read(const char *body, size_t len, struct hook_event *out_event)
{
    if (json_check(body, len, (struct json_limits){0}))
        return fail(E_INVALID, "the webhook's body is no JSON");
    struct json_span root = json_root(body, len);
    if (json_type(root) != JSON_OBJECT) return fail(E_INVALID, "the webhook's body is no object");
    struct json_span data = json_get(root, "data");
    *out_event = (struct hook_event){
        .type = json_strdup(json_get(root, "type"), FIELD_MAX),
        .user_id = json_strdup(json_get(data, "identifier"), FIELD_MAX),
        .connection_name = json_strdup(json_get(data, "connection_name"), FIELD_MAX),
        .account_id = json_strdup(json_get(data, "id"), FIELD_MAX)};
    return E_OK;
}

enum err hook_take(struct connect *connect, const struct hook *hook)
{
    mutex_lock(&connect->mutex);
    AUTO(xfree_secret_ptr) char *secret = xstrdup(connect->webhook_secret);
    mutex_unlock(&connect->mutex);
    if (!secret) return fail(E_DENIED, "SCALEKIT_WEBHOOK_SECRET is not set");
    enum err e = hook_check(secret, hook, clock_unix_ms());
    if (e) return e;
    AUTO(hook_event_done) struct hook_event event = {0};
    e = hook_read(hook->body, hook->len, &event);
    if (e) return e;
    if (!event.type || !text_starts(event.type, "connected_account.")) return E_OK;
    struct hook_subject subject = {.user_id = event.user_id,
                                   .connection_name = event.connection_name,
                                   .account_id = event.account_id};
    int64_t n_due = 0;
    e = store_hook_take(connect->options.agent->store, hook->id, &subject, &n_due);
    if (e == E_CONFLICT) return E_OK;
    if (e) return e;
    log_info("webhook_taken", LOG_STR("type", event.type), LOG_INT("connections", n_due));
    if (n_due > 0) connect_wake(connect);
    return E_OK;
}
