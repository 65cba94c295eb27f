/*
 * A webhook: the line of signatures, the line of the time, the body. Only our own signature opens
 * it, beside whatever else stands in the line; the body gives texts without a NUL, or nothing.
 */
#include "base/crypt.h"
#include "connect/hook.h"

#include <assert.h>
#include <string.h>

#define SECRET "whsec_c2NhbGVraXQtdHJpZ2dlci10ZXN0LXNlY3JldC0zMmI="
#define KEY    "scalekit-trigger-test-secret-32b"
#define NOW_MS INT64_C(1800000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *take_line(const char **at, const char *end)
{
    const char *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    const char *line = *at;
    *at = stop ? stop + 1 : end;
    return xstrndup(line, (size_t)((stop ? stop : end) - line));
}

static void put_signature(const struct hook *hook, struct str *out)
{
    unsigned char mac[SHA256_LEN];
    AUTO(str_done) struct str text = {0};
    str_append_format(&text, "%s.%s.", hook->id, hook->timestamp);
    str_append(&text, hook->body, hook->len);
    hmac_sha256(KEY, strlen(KEY), text.data, text.len, mac);
    str_append_text(out, " v1,");
    base64_encode(out, mac, sizeof(mac));
}

static void check_signatures(struct hook *hook)
{
    AUTO(str_done) struct str with_ours = {0};
    AUTO(str_done) struct str ours = {0};
    put_signature(hook, &ours);
    enum err alone = hook_check(SECRET, hook, NOW_MS);
    assert(alone == E_OK || alone == E_DENIED);
    assert(alone == E_DENIED || strstr(hook->signature, "v1,"));
    str_append_str(&with_ours, &ours);
    str_append_format(&with_ours, " %s", hook->signature);
    hook->signature = str_text(&with_ours);
    int64_t at_s = 0;
    bool is_now = text_is_i64(hook->timestamp, strlen(hook->timestamp), &at_s) &&
                  at_s >= NOW_MS / 1000 - 300 && at_s <= NOW_MS / 1000 + 300;
    assert((hook_check(SECRET, hook, NOW_MS) == E_OK) == is_now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    const char *end = at + size;
    AUTO(xfree_ptr) char *signature = take_line(&at, end);
    AUTO(xfree_ptr) char *timestamp = take_line(&at, end);
    struct hook hook = {.id = "msg_1",
                        .timestamp = timestamp,
                        .signature = signature,
                        .body = at < end ? at : "",
                        .len = (size_t)(end - at)};
    check_signatures(&hook);
    AUTO(hook_event_done) struct hook_event event = {0};
    enum err e = hook_read(hook.body, hook.len, &event);
    assert(e == E_OK || e == E_INVALID);
    assert(e == E_OK || (!event.type && !event.user_id));
    return 0;
}
