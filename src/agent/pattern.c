/*
 * Patterns of parameters, by the C library's matcher. Recipes are the operator's own files, but a
 * careless pattern should be refused at start and not burn a thread on every request: no back
 * references (they can take exponential time), no huge repetitions (they can take gigabytes), and
 * no repetition of what may be empty, like (a*)*: a few dozen of them take minutes to compile.
 */
#include "agent/catalogue_read.h"

#include <stdio.h>
#include <string.h>

#define PATTERN_BYTES_MAX  200
#define REPEAT_PRODUCT_MAX 1000
/* The pattern's length times its repetitions: compiling takes the square of it, at most 0.3 s. */
#define EXPANDED_BYTES_MAX 20000

/* The number at `*p` in a "{n,m}", which moves behind it. */
static long repeat_count(const char **p)
{
    long n = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++)
        if (n <= REPEAT_PRODUCT_MAX) n = n * 10 + (**p - '0');
    return n;
}

/* Product of all repetitions: nested ones multiply the size of the compiled pattern. */
static bool repeats_too_much(const char *pattern)
{
    long len = (long)strlen(pattern);
    long product = 1;
    for (const char *p = pattern; *p; p++) {
        if (*p == '\\' && p[1]) {
            p++;
            continue;
        }
        if (*p != '{') continue;
        p++;
        long low = repeat_count(&p);
        if (*p == ',') p++;
        long high = repeat_count(&p);
        long most = high > low ? high : low;
        if (most > 1) product *= most;
        if (product > REPEAT_PRODUCT_MAX || product * len > EXPANDED_BYTES_MAX) return true;
        p--;
    }
    return false;
}

/* ---- repetitions of what may be empty ---- */

struct reading {
    const char *at;
    bool repeats_nothing;
};

static bool read_branches(struct reading *r);

/* Behind "[...]", where "]" may come first and "[:alpha:]" inside. */
static void skip_bracket(struct reading *r)
{
    r->at += r->at[1] == '^' ? 2 : 1;
    if (*r->at == ']') r->at++;
    for (; *r->at && *r->at != ']'; r->at++) {
        bool is_class = r->at[0] == '[' && r->at[1] && strchr(":.=", r->at[1]);
        const char *end = is_class ? strchr(r->at + 2, ']') : NULL;
        if (end) r->at = end;
    }
    if (*r->at) r->at++;
}

/* One character, class, anchor or group: may it match nothing? */
static bool read_atom(struct reading *r)
{
    char c = *r->at;
    if (c == '[') {
        skip_bracket(r);
        return false;
    }
    r->at++;
    if (c == '\\' && *r->at) r->at++;
    if (c != '(') return c == '^' || c == '$';
    bool may_be_empty = read_branches(r);
    if (*r->at == ')') r->at++;
    return may_be_empty;
}

/* A repetition at `r->at`, which moves behind it. False: there is none. */
static bool read_repetition(struct reading *r, bool *out_is_from_0, bool *out_is_many)
{
    char c = *r->at;
    if (c == '\0' || !strchr("*+?{", c)) return false;
    r->at++;
    *out_is_from_0 = c != '+';
    *out_is_many = c != '?';
    if (c != '{') return true;
    long low = repeat_count(&r->at);
    bool is_open = *r->at == ',';
    if (is_open) r->at++;
    bool has_high = *r->at >= '0' && *r->at <= '9';
    long high = has_high ? repeat_count(&r->at) : low;
    if (*r->at == '}') r->at++;
    *out_is_from_0 = low == 0;
    *out_is_many = high > 1 || (is_open && !has_high);
    return true;
}

static bool read_piece(struct reading *r)
{
    bool may_be_empty = read_atom(r);
    bool is_from_0;
    bool is_many;
    while (read_repetition(r, &is_from_0, &is_many)) {
        r->repeats_nothing = r->repeats_nothing || (may_be_empty && is_many);
        may_be_empty = may_be_empty || is_from_0;
    }
    return may_be_empty;
}

static bool read_branches(struct reading *r)
{
    bool is_any_empty = false;
    bool is_empty = true; /* all of this branch */
    while (*r->at && *r->at != ')') {
        if (*r->at == '|') {
            r->at++;
            is_any_empty = is_any_empty || is_empty;
            is_empty = true;
        } else if (!read_piece(r)) {
            is_empty = false;
        }
    }
    return is_any_empty || is_empty;
}

static bool repeats_nothing(const char *pattern)
{
    struct reading r = {.at = pattern};
    while (*r.at) {
        (void)read_branches(&r);
        if (*r.at) r.at++; /* a ")" of no group stands for itself */
    }
    return r.repeats_nothing;
}

static bool has_back_reference(const char *pattern)
{
    for (const char *p = pattern; *p; p++) {
        if (*p != '\\' || !p[1]) continue;
        p++;
        if (*p >= '1' && *p <= '9') return true;
    }
    return false;
}

static const char *pattern_fault(const char *pattern)
{
    size_t len = strlen(pattern);
    if (len > PATTERN_BYTES_MAX) return "is longer than 200 bytes";
    if (len < 2 || pattern[0] != '^' || pattern[len - 1] != '$')
        return "must begin with ^ and end with $";
    if (has_back_reference(pattern)) return "must not refer back (\\1)";
    if (repeats_too_much(pattern)) return "repeats too often ({n,m})";
    if (repeats_nothing(pattern)) return "repeats what may be empty, like (a*)*";
    return NULL;
}

bool pattern_compile(const struct node *at, const char *pattern, regex_t *out_compiled)
{
    const char *fault = pattern_fault(pattern);
    if (fault) {
        doc_problem(at->doc, at->path, "%s", fault);
        return false;
    }
    int code = regcomp(out_compiled, pattern, REG_EXTENDED);
    if (code != 0) {
        char why[128];
        regerror(code, out_compiled, why, sizeof why);
        doc_problem(at->doc, at->path, "is no POSIX extended regular expression: %s", why);
        return false;
    }
    return true;
}

bool pattern_matches(const regex_t *compiled, const char *text)
{
    regmatch_t match;
    if (regexec(compiled, text, 1, &match, 0) != 0) return false;
    /* "^a|b$" is anchored on one side only in each branch. */
    return match.rm_so == 0 && (size_t)match.rm_eo == strlen(text);
}
