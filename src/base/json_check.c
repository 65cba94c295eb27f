/*
 * The validator: one pass, no recursion and no memory of its own. Which of the open containers are
 * objects is kept as one bit for each level of depth.
 */
#include "base/json_internal.h"
#include "base/utf8.h"

#include <string.h>

#define BYTES_MAX_DEFAULT (32 * MIB)
#define NODES_MAX_DEFAULT ((size_t)1000000)

enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_CLOSE,
    EXPECT_KEY,
    EXPECT_KEY_OR_CLOSE,
    EXPECT_COMMA_OR_CLOSE,
    EXPECT_END,
};

struct checker {
    const char *text;
    size_t len;
    size_t at;
    size_t n_nodes;
    size_t nodes_max;
    uint64_t object_bits; /* bit n: the container at depth n is an object */
    int depth;
    int depth_max;
    enum expect expect;
    struct json_facts facts;
};
_Static_assert(JSON_DEPTH_MAX <= 64, "object_bits has one bit a level");

static enum err invalid(const struct checker *c, const char *what)
{
    return fail(E_INVALID, "not JSON: %s at byte %zu", what, c->at);
}

static enum err ends_early(const struct checker *c)
{
    return fail(E_INVALID, "not JSON: the text ends early, after %zu bytes", c->len);
}

/* The value of four hex digits, or a value above 0xFFFF. */
static uint32_t hex4(const char *at, const char *end)
{
    if (end - at < 4) return UINT32_MAX;
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char ch = at[i];
        uint32_t digit;
        if (ch >= '0' && ch <= '9')
            digit = (uint32_t)(ch - '0');
        else if (ch >= 'a' && ch <= 'f')
            digit = (uint32_t)(ch - 'a') + 10;
        else if (ch >= 'A' && ch <= 'F')
            digit = (uint32_t)(ch - 'A') + 10;
        else
            return UINT32_MAX;
        value = value << 4 | digit;
    }
    return value;
}

struct json_unicode json_unicode_at(const char *at, const char *end)
{
    struct json_unicode none = {0};
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u') return none;
    uint32_t first = hex4(at + 2, end);
    if (first > 0xFFFF) return none;
    if (first < 0xD800 || first > 0xDFFF)
        return (struct json_unicode){.len = 6, .code_point = first};
    if (first <= 0xDBFF && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
        uint32_t second = hex4(at + 8, end);
        if (second >= 0xDC00 && second <= 0xDFFF)
            return (struct json_unicode){
                .len = 12,
                .code_point = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00),
            };
    }
    return (struct json_unicode){.len = 6, .code_point = 0xFFFD, .is_lone = true};
}

static enum err check_escape(struct checker *c)
{
    if (c->len - c->at < 2) return ends_early(c);
    char kind = c->text[c->at + 1];
    if (kind == 'u') {
        struct json_unicode unicode = json_unicode_at(c->text + c->at, c->text + c->len);
        if (unicode.len == 0) return invalid(c, "a broken \\u escape");
        c->facts.has_nul |= unicode.code_point == 0;
        c->facts.has_lone_surrogate |= unicode.is_lone;
        c->at += unicode.len;
        return E_OK;
    }
    if (kind == '\0' || !strchr("\"\\/bfnrt", kind)) return invalid(c, "an unknown escape");
    c->at += 2;
    return E_OK;
}

static enum err check_string(struct checker *c)
{
    c->at++;
    while (c->at < c->len) {
        c->at += json_plain_run(c->text + c->at, c->len - c->at);
        if (c->at == c->len) break;
        unsigned char byte = (unsigned char)c->text[c->at];
        if (byte == '"') {
            c->at++;
            return E_OK;
        }
        if (byte == '\\') {
            enum err e = check_escape(c);
            if (e) return e;
            continue;
        }
        if (byte < 0x20) return invalid(c, "a control character in a string");
        size_t n = utf8_sequence(c->text + c->at, c->len - c->at);
        if (n == 0) return invalid(c, "invalid UTF-8");
        c->at += n;
    }
    return ends_early(c);
}

static size_t take_digits(struct checker *c)
{
    size_t from = c->at;
    while (c->at < c->len && c->text[c->at] >= '0' && c->text[c->at] <= '9')
        c->at++;
    return c->at - from;
}

static bool take_one_of(struct checker *c, const char *chars)
{
    if (c->at == c->len || c->text[c->at] == '\0' || !strchr(chars, c->text[c->at])) return false;
    c->at++;
    return true;
}

static enum err check_number(struct checker *c)
{
    size_t from = c->at;
    take_one_of(c, "-");
    if (!take_one_of(c, "0") && take_digits(c) == 0) return invalid(c, "a broken number");
    if (take_one_of(c, ".") && take_digits(c) == 0) return invalid(c, "a broken number");
    if (take_one_of(c, "eE")) {
        take_one_of(c, "+-");
        if (take_digits(c) == 0) return invalid(c, "a broken number");
    }
    if (c->at - from > c->facts.number_len_max) c->facts.number_len_max = c->at - from;
    return E_OK;
}

static enum err check_word(struct checker *c, const char *word)
{
    size_t len = strlen(word);
    if (c->len - c->at < len || memcmp(c->text + c->at, word, len) != 0)
        return invalid(c, "an unknown word");
    c->at += len;
    return E_OK;
}

static void after_value(struct checker *c)
{
    c->expect = c->depth == 0 ? EXPECT_END : EXPECT_COMMA_OR_CLOSE;
}

static bool in_object(const struct checker *c)
{
    return c->object_bits >> (c->depth - 1) & 1;
}

static enum err open_container(struct checker *c, bool is_object)
{
    if (c->depth == c->depth_max)
        return fail(E_LIMIT, "the JSON is nested deeper than %d levels", c->depth_max);
    uint64_t bit = (uint64_t)1 << c->depth;
    c->object_bits = is_object ? c->object_bits | bit : c->object_bits & ~bit;
    c->depth++;
    c->at++;
    c->expect = is_object ? EXPECT_KEY_OR_CLOSE : EXPECT_VALUE_OR_CLOSE;
    return E_OK;
}

static void close_container(struct checker *c)
{
    c->depth--;
    c->at++;
    after_value(c);
}

static enum err check_scalar(struct checker *c, char first)
{
    if (first == '"') return check_string(c);
    if (first == '-' || (first >= '0' && first <= '9')) return check_number(c);
    if (first == 't') return check_word(c, "true");
    if (first == 'f') return check_word(c, "false");
    if (first == 'n') return check_word(c, "null");
    return invalid(c, "no value");
}

static enum err check_value(struct checker *c, char first)
{
    if (c->n_nodes == c->nodes_max)
        return fail(E_LIMIT, "the JSON has more than %zu values", c->nodes_max);
    c->n_nodes++;
    if (first == '{' || first == '[') return open_container(c, first == '{');
    enum err e = check_scalar(c, first);
    if (e) return e;
    after_value(c);
    return E_OK;
}

static void skip_space(struct checker *c)
{
    while (c->at < c->len && json_is_space(c->text[c->at]))
        c->at++;
}

static enum err check_key(struct checker *c, char first)
{
    if (first != '"') return invalid(c, "no member name");
    enum err e = check_string(c);
    if (e) return e;
    skip_space(c);
    if (c->at == c->len) return ends_early(c);
    if (c->text[c->at] != ':') return invalid(c, "no colon behind a member name");
    c->at++;
    c->expect = EXPECT_VALUE;
    return E_OK;
}

/* One token at c->at, which is neither the end nor white space. */
static enum err check_token(struct checker *c)
{
    char first = c->text[c->at];
    bool may_close = c->expect == EXPECT_VALUE_OR_CLOSE || c->expect == EXPECT_KEY_OR_CLOSE ||
                     c->expect == EXPECT_COMMA_OR_CLOSE;
    if (may_close && first == (in_object(c) ? '}' : ']')) {
        close_container(c);
        return E_OK;
    }
    switch (c->expect) {
    case EXPECT_VALUE:
    case EXPECT_VALUE_OR_CLOSE:
        return check_value(c, first);
    case EXPECT_KEY:
    case EXPECT_KEY_OR_CLOSE:
        return check_key(c, first);
    case EXPECT_COMMA_OR_CLOSE:
        if (first != ',') return invalid(c, "neither a comma nor the end of the container");
        c->at++;
        c->expect = in_object(c) ? EXPECT_KEY : EXPECT_VALUE;
        return E_OK;
    case EXPECT_END:
        break;
    }
    return invalid(c, "more text behind the value");
}

enum err json_inspect(const char *text, size_t len, struct json_limits limits,
                      struct json_facts *out_facts)
{
    size_t bytes_max = limits.bytes_max ? limits.bytes_max : BYTES_MAX_DEFAULT;
    if (len > bytes_max) return fail(E_LIMIT, "the JSON is larger than %zu bytes", bytes_max);
    struct checker c = {
        .text = text,
        .len = len,
        .nodes_max = limits.nodes_max ? limits.nodes_max : NODES_MAX_DEFAULT,
        .depth_max = limits.depth_max > 0 && limits.depth_max < JSON_DEPTH_MAX ? limits.depth_max
                                                                               : JSON_DEPTH_MAX,
    };
    for (;;) {
        skip_space(&c);
        if (c.at == c.len) break;
        enum err e = check_token(&c);
        if (e) return e;
    }
    if (c.expect != EXPECT_END) return ends_early(&c);
    *out_facts = c.facts;
    return E_OK;
}

enum err json_check(const char *text, size_t len, struct json_limits limits)
{
    struct json_facts facts = {0};
    enum err e = json_inspect(text, len, limits, &facts);
    if (e) return e;
    if (limits.no_lone && facts.has_lone_surrogate)
        return fail(E_INVALID, "a \\u escape is half of a surrogate pair");
    return E_OK;
}
