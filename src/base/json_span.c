/*
 * Spans: finding one's way in a checked text without copying it.
 *
 * These scanners trust the grammar but not the length: in a text that was never checked they may
 * find nonsense, yet they read nothing beyond its end and always come to one.
 */
#include "base/json_internal.h"

#include <endian.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && json_is_space(*at))
        at++;
    return at;
}

/* The first quote or backslash. Eight bytes at a time: a zero byte of `quote` or `backslash` sets
 * its high bit, and the lowest one set is exact. */
static const char *string_run(const char *at, const char *end)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    for (; end - at >= (ptrdiff_t)sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        word = le64toh(word);
        uint64_t quote = word ^ (ones * '"');
        uint64_t backslash = word ^ (ones * '\\');
        uint64_t hits = (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & highs;
        if (hits) return at + __builtin_ctzll(hits) / 8;
    }
    while (at < end && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* From an opening quote to behind the closing one. */
static const char *skip_string(const char *at, const char *end)
{
    at = string_run(at + 1, end);
    while (at < end && *at == '\\')
        at = end - at > 2 ? string_run(at + 2, end) : end;
    return at < end ? at + 1 : end;
}

static const char *skip_container(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        switch (*at) {
        case '"':
            at = skip_string(at, end);
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            if (depth == 0) return at + 1;
            break;
        }
        at++;
    }
    return end;
}

static const char *skip_value(const char *at, const char *end)
{
    if (at == end) return end;
    if (*at == '"') return skip_string(at, end);
    if (*at == '{' || *at == '[') return skip_container(at, end);
    while (at < end && *at != ',' && *at != ':' && *at != ']' && *at != '}' && !json_is_space(*at))
        at++;
    return at;
}

struct json_span json_root(const char *text, size_t len)
{
    const char *end = text + len;
    const char *at = skip_space(text, end);
    while (end > at && json_is_space(end[-1]))
        end--;
    if (at == end) return (struct json_span){0};
    return (struct json_span){.text = at, .len = (size_t)(end - at)};
}

enum json_type json_type(struct json_span value)
{
    if (value.len == 0) return JSON_NONE;
    switch (value.text[0]) {
    case 'n':
        return JSON_NULL;
    case 'f':
        return JSON_FALSE;
    case 't':
        return JSON_TRUE;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    default:
        return JSON_NUMBER;
    }
}

struct json_iter json_iter(struct json_span container)
{
    enum json_type type = json_type(container);
    if ((type != JSON_ARRAY && type != JSON_OBJECT) || container.len < 2)
        return (struct json_iter){0};
    return (struct json_iter){
        .at = container.text + 1,
        .end = container.text + container.len - 1,
        .is_object = type == JSON_OBJECT,
    };
}

static struct json_span span_between(const char *from, const char *to)
{
    return (struct json_span){.text = from, .len = (size_t)(to - from)};
}

bool json_next(struct json_iter *it)
{
    const char *at = skip_space(it->at, it->end);
    if (at < it->end && *at == ',') at = skip_space(at + 1, it->end);
    if (it->is_object && at < it->end) {
        const char *key_end = *at == '"' ? skip_string(at, it->end) : at;
        it->key = span_between(at, key_end);
        at = skip_space(key_end, it->end);
        at = at < it->end && *at == ':' ? skip_space(at + 1, it->end) : it->end;
    }
    const char *value_end = skip_value(at, it->end);
    it->value = span_between(at, value_end);
    it->at = value_end;
    if (it->value.len > 0) return true;
    /* The end; in an unchecked text also the first thing that is no value. */
    it->at = it->end;
    it->key = it->value = (struct json_span){0};
    return false;
}

static bool key_is(struct json_span key, const char *name, size_t name_len)
{
    if (key.len == name_len + 2 && memcmp(key.text + 1, name, name_len) == 0)
        return !memchr(name, '\\', name_len);
    return key.len > 0 && memchr(key.text, '\\', key.len) && json_string_is(key, name);
}

struct json_span json_get(struct json_span object, const char *key)
{
    if (json_type(object) != JSON_OBJECT) return (struct json_span){0};
    size_t key_len = strlen(key);
    struct json_iter it = json_iter(object);
    while (json_next(&it))
        if (key_is(it.key, key, key_len)) return it.value;
    return (struct json_span){0};
}

struct json_span json_at(struct json_span value, ...)
{
    va_list keys;
    va_start(keys, value);
    const char *key = va_arg(keys, const char *);
    while (key) {
        value = json_get(value, key);
        key = va_arg(keys, const char *);
    }
    va_end(keys);
    return value;
}
