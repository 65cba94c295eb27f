/*
 * Texts on their way into the log: whatever stands around a key that stands alone, it is gone, and
 * its place is marked.
 */
#include "base/redact.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

#define KEY "sk-ant-api03-AAAABBBBCCCCDDDD"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(str_done) struct str alone = {0}, with_key = {0}, without = {0};
    redact(&alone, (const char *)data, size);
    assert(utf8_valid((const char *)data, size) <= utf8_valid(str_text(&alone), alone.len));

    /* Inside a word it is none: "task-anthem". */
    if (memmem(data, size, "sk-ant-", 7)) return 0;
    str_append(&with_key, data, size);
    str_append_text(&with_key, " " KEY " ");
    str_append(&with_key, data, size);
    redact(&without, str_text(&with_key), with_key.len);
    assert(memmem(str_text(&without), without.len, "[redacted]", 10));
    assert(!memmem(str_text(&without), without.len, KEY, strlen(KEY)));
    return 0;
}
