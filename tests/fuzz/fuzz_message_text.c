/*
 * The model's text on its way to people: one marker and no other, no control characters, nothing
 * that calls people.
 */
#include "agent/message_text.h"

#include "base/utf8.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#define RUN_ID "br_01m8q14q3r3xxygd438erem671"
#define MARKER "\n_Briefing " RUN_ID "_"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Letters and digits behind "br_", as long as those of an id. */
static bool is_marker(const char *at)
{
    size_t n = 3;
    if (strncasecmp(at, "br_", 3) != 0) return false;
    while (isalnum((unsigned char)at[n]))
        n++;
    return n >= strlen(RUN_ID);
}

static void check_char(const char *at)
{
    static const char *const links[] = {"<http://", "<https://", "<mailto:", "<#C"};
    static const char *const calls[] = {"@channel", "@here", "@everyone"};
    bool is_link = *at != '<';
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        is_link = is_link || text_starts(at, links[i]);
    assert(is_link);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        size_t n = strlen(calls[i]);
        assert(strncasecmp(at, calls[i], n) != 0 || isalnum((unsigned char)at[n]));
    }
    assert((unsigned char)*at >= 0x20 || *at == '\n' || *at == '\t');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(str_done) struct str out = {0};
    if (message_text_make((const char *)data, size, RUN_ID, &out)) return 0;
    const char *text = str_text(&out);
    assert(utf8_valid(text, out.len) && strlen(text) == out.len);
    assert(text_ends(text, MARKER));
    size_t n_markers = 0;
    for (const char *at = text; *at; at++) {
        n_markers += is_marker(at);
        check_char(at);
    }
    assert(n_markers == 1);
    assert(message_text_length(text, out.len) <= out.len);
    return 0;
}
