#include "base/utf8.h"

#include <assert.h>
#include <string.h>

#define REPLACEMENT 0xFFFDu

/* What stands at the start of a text: one character, or a broken sequence. */
struct sequence {
    size_t len;          /* bytes to move on by; a broken sequence ends before the first byte that
                            cannot continue it (the "maximal subpart" of Unicode chapter 3.9) */
    uint32_t code_point; /* REPLACEMENT when broken */
    bool is_valid;
};

static struct sequence broken(size_t len)
{
    return (struct sequence){.len = len, .code_point = REPLACEMENT};
}

static struct sequence sequence_at(const char *text, size_t len)
{
    assert(len > 0);
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char lead = bytes[0];
    if (lead < 0x80) return (struct sequence){.len = 1, .code_point = lead, .is_valid = true};
    if (lead < 0xC2 || lead > 0xF4) return broken(1);

    size_t wanted = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    /* The second byte alone rules out overlong forms, surrogates and values above U+10FFFF. */
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    uint32_t code_point = lead & (0x7Fu >> wanted);
    for (size_t i = 1; i < wanted; i++) {
        if (i == len || bytes[i] < low || bytes[i] > high) return broken(i);
        code_point = code_point << 6 | (bytes[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    return (struct sequence){.len = wanted, .code_point = code_point, .is_valid = true};
}

size_t utf8_sequence(const char *text, size_t len)
{
    struct sequence sequence = sequence_at(text, len);
    return sequence.is_valid ? sequence.len : 0;
}

size_t utf8_ascii_run(const char *text, size_t len)
{
    size_t at = 0;
    for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, text + at, sizeof word);
        if (word & 0x8080808080808080u) break;
    }
    while (at < len && !((unsigned char)text[at] & 0x80))
        at++;
    return at;
}

bool utf8_valid(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        at += utf8_ascii_run(text + at, len - at);
        if (at == len) break;
        size_t n = utf8_sequence(text + at, len - at);
        if (n == 0) return false;
        at += n;
    }
    return true;
}

void utf8_repair(struct str *out, const char *text, size_t len)
{
    size_t clean_from = 0;
    size_t at = 0;
    while (at < len) {
        struct sequence sequence = sequence_at(text + at, len - at);
        if (!sequence.is_valid || sequence.code_point == 0) {
            str_append(out, text + clean_from, at - clean_from);
            utf8_append(out, REPLACEMENT);
            clean_from = at + sequence.len;
        }
        at += sequence.len;
    }
    str_append(out, text + clean_from, len - clean_from);
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

size_t utf8_cut(const char *text, size_t len, size_t max)
{
    if (len <= max) return len;
    size_t cut = max;
    /* A character has at most three continuation bytes; more of them are broken text anyway. */
    while (cut > 0 && max - cut < 3 && is_continuation(text[cut]))
        cut--;
    return is_continuation(text[cut]) ? max : cut;
}

size_t utf8_count(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += !is_continuation(text[i]);
    return n;
}

void utf8_append(struct str *out, uint32_t code_point)
{
    uint32_t c = code_point;
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = REPLACEMENT;
    unsigned char bytes[4];
    size_t n;
    if (c < 0x80) {
        bytes[0] = (unsigned char)c;
        n = 1;
    } else if (c < 0x800) {
        bytes[0] = (unsigned char)(0xC0 | c >> 6);
        n = 2;
    } else if (c < 0x10000) {
        bytes[0] = (unsigned char)(0xE0 | c >> 12);
        n = 3;
    } else {
        bytes[0] = (unsigned char)(0xF0 | c >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        bytes[i] = (unsigned char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3F));
    str_append(out, bytes, n);
}

uint32_t utf8_next(const char *text, size_t len, size_t *at)
{
    struct sequence sequence = sequence_at(text + *at, len - *at);
    *at += sequence.len;
    return sequence.code_point;
}
