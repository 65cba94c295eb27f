#include "config/dotenv.h"

#include "base/utf8.h"

#include <string.h>

#define FILE_BYTES_MAX (64 * KIB)
#define LINE_BYTES_MAX (8 * KIB)
#define NAMES_MAX      1000

struct reader {
    struct url_pairs *pairs;
    struct str *problems;
    const char *file_name;
    int line;
    size_t n_problems;
};

/* The line itself is never shown: it may be half of a secret. */
static void tell(struct reader *r, const char *what)
{
    str_append_format(r->problems, "%s:%d: %s\n", r->file_name, r->line, what);
    r->n_problems++;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

static bool is_name_char(char c, bool is_first)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return is_letter || (!is_first && c >= '0' && c <= '9');
}

static const char *skip_export(const char *at, const char *end)
{
    static const char word[] = "export";
    size_t len = sizeof word - 1;
    if ((size_t)(end - at) <= len || memcmp(at, word, len) != 0 || !is_space(at[len])) return at;
    return skip_space(at + len, end);
}

/* What follows a value: nothing, or a comment. */
static bool is_rest_empty(const char *at, const char *end)
{
    const char *rest = skip_space(at, end);
    return rest == end || (*rest == '#' && rest > at);
}

static bool read_single_quoted(const char *at, const char *end, struct str *value)
{
    const char *close = memchr(at + 1, '\'', (size_t)(end - at - 1));
    if (!close) return false;
    str_append(value, at + 1, (size_t)(close - at - 1));
    return is_rest_empty(close + 1, end);
}

static bool read_double_quoted(const char *at, const char *end, struct str *value)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at != '\\') {
            str_append_char(value, *at);
            continue;
        }
        at++;
        if (at == end) return false;
        if (*at == 'n')
            str_append_char(value, '\n');
        else if (*at == '"' || *at == '\\' || *at == '$')
            str_append_char(value, *at);
        else
            return false;
    }
    return at < end && is_rest_empty(at + 1, end);
}

/* " # …" anywhere, and "=# …": but "=#news" is a value, if seldom a good one. */
static bool is_comment(const char *p, const char *at, const char *end)
{
    if (*p != '#') return false;
    return is_space(p[-1]) || (p == at && (p + 1 == end || is_space(p[1])));
}

static void read_plain(const char *at, const char *end, struct str *value)
{
    const char *stop = at;
    while (stop < end && !is_comment(stop, at, end))
        stop++;
    while (stop > at && is_space(stop[-1]))
        stop--;
    str_append(value, at, (size_t)(stop - at));
}

static void put(struct reader *r, const char *name, size_t name_len, const struct str *value)
{
    AUTO(xfree_ptr) char *key = xstrndup(name, name_len);
    AUTO(xfree_secret_ptr) char *text = xstrndup(str_text(value), value->len);
    for (size_t i = 0; i < r->pairs->n; i++) {
        if (strcmp(r->pairs->items[i].name, key) != 0) continue;
        xfree_secret(r->pairs->items[i].value);
        r->pairs->items[i].value = take_ptr(&text);
        return;
    }
    if (r->pairs->n == NAMES_MAX) {
        tell(r, "too many names: 1000 are allowed");
        return;
    }
    r->pairs->items = xrealloc(r->pairs->items, (r->pairs->n + 1) * sizeof *r->pairs->items);
    r->pairs->items[r->pairs->n++] =
        (struct url_pair){.name = take_ptr(&key), .value = take_ptr(&text)};
}

static void read_line(struct reader *r, const char *at, const char *end)
{
    at = skip_space(at, end);
    if (at == end || *at == '#') return;
    if ((size_t)(end - at) > LINE_BYTES_MAX) {
        tell(r, "the line is longer than 8 KiB");
        return;
    }
    const char *name = skip_export(at, end);
    const char *name_end = name;
    while (name_end < end && is_name_char(*name_end, name_end == name))
        name_end++;
    at = skip_space(name_end, end);
    if (name_end == name || at == end || *at != '=') {
        tell(r, "a line is NAME=value, a comment, or empty");
        return;
    }
    at = skip_space(at + 1, end);

    AUTO(str_done_secret) struct str value = {0};
    bool is_fine = true;
    if (at < end && *at == '\'')
        is_fine = read_single_quoted(at, end, &value);
    else if (at < end && *at == '"')
        is_fine = read_double_quoted(at, end, &value);
    else
        read_plain(at, end, &value);
    if (is_fine)
        put(r, name, (size_t)(name_end - name), &value);
    else
        tell(
            r,
            "the quotes do not close in this line, something follows them, or an escape is not one "
            "of \\n \\\" \\\\ \\$");
}

static bool check_text(struct reader *r, const char *text, size_t len)
{
    if (len > FILE_BYTES_MAX)
        tell(r, "the file is larger than 64 KiB");
    else if (memchr(text, '\0', len) || !utf8_valid(text, len))
        tell(r, "the file is no UTF-8 text");
    return r->n_problems == 0;
}

enum err dotenv_parse(const char *text, size_t len, const char *file_name,
                      struct url_pairs *out_pairs, struct str *out_problems)
{
    struct url_pairs pairs = {0};
    struct reader r = {
        .pairs = &pairs, .problems = out_problems, .file_name = file_name, .line = 1};
    const char *at = text;
    const char *end = text + len;
    if (len > 0 && check_text(&r, text, len)) {
        if (len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
            at += 3; /* some editors' byte order mark */
        for (; at < end; r.line++) {
            const char *newline = memchr(at, '\n', (size_t)(end - at));
            const char *line_end = newline ? newline : end;
            const char *text_end = line_end > at && line_end[-1] == '\r' ? line_end - 1 : line_end;
            read_line(&r, at, text_end);
            at = newline ? newline + 1 : end;
        }
    }
    *out_pairs = pairs;
    if (r.n_problems > 0) return fail(E_INVALID, "%s has %zu problems", file_name, r.n_problems);
    return E_OK;
}
