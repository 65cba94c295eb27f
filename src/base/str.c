#include "base/str.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAP_FIRST 63

static size_t limit_of(const struct str *s)
{
    return s->max ? s->max : STR_MAX_DEFAULT;
}

void str_done(struct str *s)
{
    if (!s) return;
    xfree(s->data);
    *s = (struct str){.max = s->max};
}

void str_clear(struct str *s)
{
    s->len = 0;
    s->overflow = false;
    if (s->data) s->data[0] = '\0';
}

void str_done_secret(struct str *s)
{
    if (!s) return;
    if (s->data) mem_wipe(s->data, s->cap + 1);
    str_done(s);
}

/* Is there memory already? Almost always; and the limit holds, because `cap` keeps it. */
static bool has_room(const struct str *s, size_t more)
{
    return s->data && more <= s->cap - s->len && !s->overflow && s->cap <= limit_of(s);
}

static void set_cap(struct str *s, size_t cap)
{
    s->data = xrealloc(s->data, cap + 1);
    s->cap = cap;
    s->data[s->len] = '\0';
}

/* True when `more` bytes may be appended and there is memory for them and the NUL. */
static bool make_room(struct str *s, size_t more)
{
    if (has_room(s, more)) return true;
    size_t limit = limit_of(s);
    if (s->overflow || more > limit || s->len > limit - more) {
        s->overflow = true;
        return false;
    }
    size_t needed = s->len + more;
    if (s->data && needed <= s->cap) return true;
    size_t cap = s->cap ? s->cap : CAP_FIRST;
    while (cap < needed)
        cap = cap * 2 + 1;
    set_cap(s, cap > limit ? limit : cap);
    return true;
}

void str_append(struct str *s, const void *bytes, size_t len)
{
    if (!make_room(s, len)) return;
    if (len > 0) memcpy(s->data + s->len, bytes, len);
    s->len += len;
    s->data[s->len] = '\0';
}

void str_append_text(struct str *s, const char *text)
{
    str_append(s, text, strlen(text));
}

void str_append_char(struct str *s, char c)
{
    if (!make_room(s, 1)) return;
    s->data[s->len++] = c;
    s->data[s->len] = '\0';
}

void str_append_i64(struct str *s, int64_t value)
{
    char digits[20]; /* of 2^63 and a sign */
    size_t at = sizeof digits;
    /* Unsigned, so that INT64_MIN has an opposite. */
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) digits[--at] = '-';
    str_append(s, digits + at, sizeof digits - at);
}

void str_append_format(struct str *s, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int written = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    assert(written >= 0);
    size_t len = (size_t)written;
    if (len < sizeof small) {
        str_append(s, small, len);
        return;
    }
    if (!make_room(s, len)) return;
    va_start(args, format);
    vsnprintf(s->data + s->len, len + 1, format, args);
    va_end(args);
    s->len += len;
}

void str_append_count(struct str *s, int64_t n, const char *plural)
{
    static const struct {
        const char *end;
        size_t cut;
        const char *add;
    } singular[] = {
        {"ies",  3, "y"},
        {"ches", 2, "" },
        {"shes", 2, "" },
        {"sses", 2, "" },
        {"xes",  2, "" },
        {"ss",   0, "" },
        {"us",   0, "" },
        {"is",   0, "" },
        {"s",    1, "" }
    };
    str_append_format(s, "%lld %s", (long long)n, plural);
    if (n != 1) return;
    for (size_t i = 0; i < ARRAY_LEN(singular); i++) {
        if (!text_ends(plural, singular[i].end)) continue;
        str_truncate(s, s->len - singular[i].cut);
        str_append_text(s, singular[i].add);
        return;
    }
}

void str_append_str(struct str *s, const struct str *other)
{
    assert(s != other);
    str_append(s, other->data, other->len);
    if (other->overflow) s->overflow = true;
}

void str_reserve(struct str *s, size_t more)
{
    if (has_room(s, more)) return;
    size_t limit = limit_of(s);
    if (more <= limit && s->len <= limit - more)
        set_cap(s, s->len + more);
    else
        s->overflow = true;
}

void str_fit(struct str *s)
{
    if (s->data && s->cap > s->len) set_cap(s, s->len);
}

void str_truncate(struct str *s, size_t len)
{
    if (len >= s->len) return;
    s->len = len;
    s->data[len] = '\0';
}

bool str_ok(const struct str *s)
{
    return !s->overflow;
}

const char *str_text(const struct str *s)
{
    return s->data ? s->data : "";
}

bool str_equals(const struct str *s, const char *text)
{
    size_t len = strlen(text);
    return s->len == len && memcmp(str_text(s), text, len) == 0;
}

char *str_take(struct str *s)
{
    char *data = s->len > 0 ? s->data : NULL;
    if (data) s->data = NULL;
    str_done(s);
    return data;
}

void str_move(struct str *to, struct str *from)
{
    if (to == from) return;
    str_done(to);
    *to = *from;
    *from = (struct str){.max = from->max};
}

bool text_equal(const char *a, const char *b)
{
    if (!a || !b) return a == b;
    return strcmp(a, b) == 0;
}

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
    size_t text_len = strlen(text);
    size_t suffix_len = strlen(suffix);
    return text_len >= suffix_len && memcmp(text + text_len - suffix_len, suffix, suffix_len) == 0;
}

bool text_is_i64(const char *text, size_t len, int64_t *out_value)
{
    bool is_negative = len > 0 && text[0] == '-';
    size_t at = is_negative ? 1 : 0;
    if (at == len) return false;
    int64_t value = 0;
    for (; at < len; at++) {
        if (text[at] < '0' || text[at] > '9') return false;
        int digit = text[at] - '0';
        /* Counted downwards, so that INT64_MIN is reached too. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!is_negative && __builtin_sub_overflow((int64_t)0, value, &value)) return false;
    *out_value = value;
    return true;
}

enum err text_to_i64(const char *text, int64_t min, int64_t max, int64_t *out_value)
{
    int64_t value;
    bool has_sign = text[0] == '-';
    if ((has_sign && min >= 0) || !text_is_i64(text, strlen(text), &value))
        return fail(E_INVALID, "not a whole number");
    if (value < min || value > max)
        return fail(E_INVALID, "not between %lld and %lld", (long long)min, (long long)max);
    *out_value = value;
    return E_OK;
}
