#include "base/redact.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MARK "[redacted]"

/* What credentials begin with, and how much must follow before it is taken for one. */
static const struct {
    const char *prefix;
    size_t least;
    bool ignores_case;
} kinds[] = {
    {"bk_",            16, false},
    {"sk-ant-",        8,  false},
    {"whsec_",         8,  false},
    {"Bearer ",        8,  true },
    {"eyJ",            20, false}, /* a JSON Web Token: the beginning of {" in base64 */
    {"client_secret=", 1,  false},
};

static bool is_credential_char(char c)
{
    return isalnum((unsigned char)c) || strchr("-_.~+/=%", c) != NULL;
}

/* The length of a credential that begins here, and of its prefix; 0: none does. */
static size_t credential_at(const char *at, size_t len, size_t *out_prefix)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t n = strlen(kinds[i].prefix);
        if (len < n + kinds[i].least) continue;
        if (kinds[i].ignores_case ? strncasecmp(at, kinds[i].prefix, n) != 0
                                  : memcmp(at, kinds[i].prefix, n) != 0)
            continue;
        size_t end = n;
        while (end < len && at[end] && is_credential_char(at[end]))
            end++;
        if (end - n < kinds[i].least) continue;
        *out_prefix = n;
        return end;
    }
    return 0;
}

/* "//user:password@": the length up to the '@', and of what stays; 0: none does. */
static size_t password_at(const char *at, size_t len, size_t *out_prefix)
{
    if (len < 2 || at[0] != '/' || at[1] != '/') return 0;
    size_t colon = 0;
    for (size_t i = 2; i < len && at[i] > ' ' && at[i] != '/' && at[i] != '"'; i++) {
        if (at[i] == ':' && colon == 0) colon = i;
        if (at[i] != '@') continue;
        *out_prefix = colon > 0 ? colon + 1 : i;
        return i;
    }
    return 0;
}

void redact(struct str *out, const char *text, size_t len)
{
    bool is_inside = false; /* of a word: "task-anthem" holds no key */
    for (size_t i = 0; i < len;) {
        size_t prefix = 0;
        size_t n = is_inside ? 0 : credential_at(text + i, len - i, &prefix);
        if (n == 0) n = password_at(text + i, len - i, &prefix);
        if (n > prefix) {
            str_append(out, text + i, prefix);
            str_append_text(out, MARK);
            i += n;
            is_inside = true;
            continue;
        }
        is_inside = isalnum((unsigned char)text[i]) || text[i] == '_';
        str_append_char(out, text[i++]);
    }
}
