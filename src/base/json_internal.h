/*
 * What the parts of base/json.h share. Not for anybody else.
 *
 *     json_check.c      the validator            json_write.c      writing
 *     json_tree.c       cJSON trees              json_canonical.c  the form that is hashed
 *     json_span.c       spans and iteration      json_value.c      strings and numbers of spans
 */
#ifndef BASE_JSON_INTERNAL_H
#define BASE_JSON_INTERNAL_H

#include "base/json.h"

#include <string.h>

/* What the validator noticed on its way. */
struct json_facts {
    bool has_nul;            /* a string has \u0000 */
    bool has_lone_surrogate; /* a string has half of a surrogate pair */
    size_t number_len_max;   /* length of the longest number */
};

/* json_check() that also tells `out_facts`. */
enum err json_inspect(const char *text, size_t len, struct json_limits limits,
                      struct json_facts *out_facts) MUST_CHECK;

/* A \u escape, or two of them that make a pair. */
struct json_unicode {
    size_t len;          /* bytes of text: 6 or 12; 0 when it is no such escape */
    uint32_t code_point; /* U+FFFD for half a pair */
    bool is_lone;
};
/* Decodes what starts at the backslash `at`; reads nothing from `end` on. */
struct json_unicode json_unicode_at(const char *at, const char *end);

static inline bool json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* How many bytes at the start of a string need no look of their own: printable ASCII without quotes
 * and backslashes. Eight at a time: each term sets the high bit of the bytes
 * that end the run; a borrow may mark a byte too many, which the loop below then looks at. */
static inline size_t json_plain_run(const char *text, size_t len)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    size_t at = 0;
    for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, text + at, sizeof word);
        uint64_t quote = word ^ (ones * '"');
        uint64_t backslash = word ^ (ones * '\\');
        uint64_t delete = word ^ (ones * 0x7F);
        uint64_t ends =
            word | (word - ones * 0x20) | (quote - ones) | (backslash - ones) | (delete - ones);
        if (ends & highs) break;
    }
    while (at < len) {
        unsigned char byte = (unsigned char)text[at];
        if (byte < 0x20 || byte >= 0x7F || byte == '"' || byte == '\\') break;
        at++;
    }
    return at;
}

#endif
