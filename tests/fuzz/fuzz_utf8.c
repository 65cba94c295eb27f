/*
 * UTF-8: check, repair, cut and decode agree with each other about any bytes.
 */
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes and encodes again, which is what repair does except for NUL. */
static bool recode(const char *text, size_t len, struct str *out)
{
    bool is_valid = true;
    for (size_t at = 0; at < len;) {
        size_t from = at;
        bool is_whole = utf8_sequence(text + at, len - at) > 0;
        uint32_t code_point = utf8_next(text, len, &at);
        assert(at > from && at <= len);
        assert(is_whole || code_point == 0xFFFD);
        is_valid = is_valid && is_whole;
        utf8_append(out, code_point ? code_point : 0xFFFD);
    }
    return is_valid;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    bool is_valid = utf8_valid(text, size);
    AUTO(str_done) struct str repaired = {0};
    utf8_repair(&repaired, text, size);
    assert(str_ok(&repaired));
    assert(utf8_valid(str_text(&repaired), repaired.len));
    assert(strlen(str_text(&repaired)) == repaired.len);
    if (is_valid && !memchr(text, '\0', size))
        assert(repaired.len == size && memcmp(str_text(&repaired), text, size) == 0);

    AUTO(str_done) struct str recoded = {0};
    assert(recode(text, size, &recoded) == is_valid);
    assert(recoded.len == repaired.len);
    assert(memcmp(str_text(&recoded), str_text(&repaired), repaired.len) == 0);

    for (size_t max = 0; max <= size; max += 1 + size / 50) {
        size_t cut = utf8_cut(text, size, max);
        assert(cut <= max && max - cut < 4);
        if (is_valid) {
            assert(utf8_valid(text, cut));
            assert(utf8_count(text, cut) <= utf8_count(text, size));
        }
    }
    return 0;
}
