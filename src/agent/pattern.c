/*
 * Patterns of parameters, by the C library's matcher. Recipes are the operator's own files, but a
 * careless pattern should be refused at start and not burn a thread on every request: no back
 * references (they can take exponential time) and no huge repetitions (they can take gigabytes).
 */
#include "agent/catalogue_read.h"

#include <stdio.h>
#include <string.h>

#define PATTERN_BYTES_MAX  200
#define REPEAT_PRODUCT_MAX 5000

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
        if (product > REPEAT_PRODUCT_MAX) return true;
        p--;
    }
    return false;
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
