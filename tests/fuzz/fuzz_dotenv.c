/*
 * The .env file: whatever is in it, what comes out are names and printable-or-not texts without a
 * NUL, and a file written from them reads back the same.
 */
#include "config/dotenv.h"

#include "base/utf8.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In double quotes every value can be written. */
static void write_back(const struct url_pairs *pairs, struct str *out)
{
    for (size_t i = 0; i < pairs->n; i++) {
        str_append_format(out, "%s=\"", pairs->items[i].name);
        for (const char *p = pairs->items[i].value; *p; p++) {
            if (strchr("\"\\$\n", *p)) str_append_char(out, '\\');
            str_append_char(out, *p == '\n' ? 'n' : *p);
        }
        str_append_text(out, "\"\n");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct url_pairs pairs = {0}, again = {0};
    AUTO(str_done) struct str problems = {0}, text = {0};
    enum err e = dotenv_parse((const char *)data, size, ".env", &pairs, &problems);
    assert((e == E_OK) == (problems.len == 0));
    assert(pairs.n <= 1000);
    for (size_t i = 0; i < pairs.n; i++) {
        assert(pairs.items[i].name[0] && pairs.items[i].value);
        assert(utf8_valid(pairs.items[i].value, strlen(pairs.items[i].value)));
        assert(url_pairs_find(&pairs, pairs.items[i].name) == pairs.items[i].value);
    }

    write_back(&pairs, &text);
    if (text.len <= 32 * KIB &&
        dotenv_parse(str_text(&text), text.len, ".env", &again, &problems) == E_OK) {
        assert(again.n == pairs.n);
        for (size_t i = 0; i < pairs.n; i++)
            assert(strcmp(again.items[i].value, pairs.items[i].value) == 0);
    } else {
        /* Only a line that grew beyond its limit may fail. */
        assert(size > 4 * KIB);
    }
    url_pairs_done(&pairs);
    url_pairs_done(&again);
    return 0;
}
