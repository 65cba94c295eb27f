#include "base/json_internal.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The bytes between the quotes; false when `value` is no string. */
static bool unquote(struct json_span value, struct json_span *out_inner)
{
    if (json_type(value) != JSON_STRING || value.len < 2 || value.text[value.len - 1] != '"')
        return false;
    *out_inner = (struct json_span){.text = value.text + 1, .len = value.len - 2};
    return true;
}

static char plain_escape(char kind)
{
    switch (kind) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return kind;
    }
}

/* Appends what the escape at `at` stands for; returns where it ends. */
static const char *decode_escape(const char *at, const char *end, struct str *out)
{
    struct json_unicode unicode = json_unicode_at(at, end);
    if (unicode.len > 0) {
        utf8_append(out, unicode.code_point);
        return at + unicode.len;
    }
    if (end - at < 2) return end;
    str_append_char(out, plain_escape(at[1]));
    return at + 2;
}

static void decode(struct json_span inner, struct str *out)
{
    const char *at = inner.text;
    const char *end = inner.text + inner.len;
    while (at < end) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        if (!backslash) backslash = end;
        str_append(out, at, (size_t)(backslash - at));
        at = backslash < end ? decode_escape(backslash, end, out) : end;
    }
}

bool json_string(struct json_span value, struct str *out)
{
    struct json_span inner;
    if (!unquote(value, &inner)) return false;
    decode(inner, out);
    return true;
}

char *json_strdup(struct json_span value, size_t max)
{
    struct json_span inner;
    if (!unquote(value, &inner)) return NULL;
    /* An escape is longer than what it stands for, so this bounds the memory too. */
    AUTO(str_done) struct str text = STR_LIMIT(max ? max : 1);
    decode(inner, &text);
    if (!str_ok(&text) || text.len > max || memchr(str_text(&text), '\0', text.len)) return NULL;
    return xstrdup(str_text(&text));
}

bool json_string_is(struct json_span value, const char *text)
{
    struct json_span inner;
    if (!unquote(value, &inner)) return false;
    size_t len = strlen(text);
    /* Escapes are longer than what they stand for. */
    if (inner.len <= len)
        return inner.len == len && memcmp(inner.text, text, len) == 0 &&
               !memchr(inner.text, '\\', len);
    if (!memchr(inner.text, '\\', inner.len)) return false;
    AUTO(str_done) struct str decoded = STR_LIMIT(len + 1);
    decode(inner, &decoded);
    return str_ok(&decoded) && str_equals(&decoded, text);
}

bool json_int(struct json_span value, int64_t *out_value)
{
    struct json_span inner;
    if (unquote(value, &inner)) return text_is_i64(inner.text, inner.len, out_value);
    if (json_type(value) != JSON_NUMBER) return false;
    if (text_is_i64(value.text, value.len, out_value)) return true;
    /* 3600.0 and 1e3 are whole numbers too, as long as a double holds them exactly. */
    double number;
    if (!json_double(value, &number) || fabs(number) > 9007199254740991.0 ||
        trunc(number) < number || trunc(number) > number)
        return false;
    *out_value = (int64_t)number;
    return true;
}

bool json_double(struct json_span value, double *out_value)
{
    if (json_type(value) != JSON_NUMBER) return false;
    AUTO(xfree_ptr) char *text = xstrndup(value.text, value.len);
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number)) return false;
    *out_value = number;
    return true;
}

bool json_is_true(struct json_span value)
{
    return json_type(value) == JSON_TRUE;
}

void json_repair(struct str *out, const char *text, size_t len)
{
    const char *end = text + len;
    const char *copied = text;
    const char *at = text;
    /* In a checked text every backslash begins an escape inside a string. */
    while ((size_t)(end - at) >= 2) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        if (!backslash) break;
        struct json_unicode unicode = json_unicode_at(backslash, end);
        if (unicode.is_lone) {
            str_append(out, copied, (size_t)(backslash - copied));
            str_append_text(out, "\\ufffd");
            copied = backslash + unicode.len;
        }
        size_t skip = unicode.len ? unicode.len : 2;
        at = (size_t)(end - backslash) > skip ? backslash + skip : end;
    }
    str_append(out, copied, (size_t)(end - copied));
}
