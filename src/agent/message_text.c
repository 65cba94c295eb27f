#include "agent/message_text.h"

#include "base/utf8.h"

#include <ctype.h>
#include <string.h>

#define LOOKALIKE_LEN_MIN 20 /* an id has 29; shorter words with this start are ordinary text */
#define ZERO_WIDTH_SPACE  "\xE2\x80\x8B"

/* ---- pass 1: what must not stand in the text at all ---- */

/* Number of bytes of a marker id, or of something that could be taken for one, at `text`; 0 when
 * there is none. */
static size_t lookalike_len(const char *text, size_t len)
{
    if (len < LOOKALIKE_LEN_MIN || strncasecmp(text, "br_", 3) != 0) return 0;
    size_t n = 3;
    while (n < len && isalnum((unsigned char)text[n]))
        n++;
    return n >= LOOKALIKE_LEN_MIN ? n : 0;
}

/* Is there something to read beside the frame of a marker ("_Briefing _")? */
static bool has_words(const char *text)
{
    const char *frame = strcasestr(text, "briefing");
    for (const char *p = text; *p; p++) {
        if (p == frame)
            p += strlen("briefing") - 1;
        else if (isalnum((unsigned char)*p) || (unsigned char)*p >= 0x80)
            return true;
    }
    return false;
}

/* A marker that was taken out may have stood between "br" and the rest of another one, which are
 * together now: takes the "br" back, and gives the length of the rest that begins at `text`. */
static size_t take_joined(struct str *out, size_t start, const char *text, size_t len)
{
    size_t taken = 0;
    while (taken < len && text[taken] == '_' && out->len - start >= 2 &&
           strncasecmp(out->data + out->len - 2, "br", 2) == 0) {
        size_t n = 1;
        while (taken + n < len && isalnum((unsigned char)text[taken + n]))
            n++;
        if (n + 2 < LOOKALIKE_LEN_MIN) break;
        str_truncate(out, out->len - 2);
        taken += n;
    }
    return taken;
}

/* A line without markers; nothing at all when it was one. */
static void append_unmarked(struct str *out, const char *line, size_t len)
{
    bool has_marker = false;
    size_t start = out->len;
    for (size_t i = 0; i < len;) {
        size_t marker = lookalike_len(line + i, len - i);
        has_marker = has_marker || marker > 0;
        if (marker == 0) str_append_char(out, line[i]);
        i += marker ? marker : 1;
        if (marker > 0) i += take_joined(out, start, line + i, len - i);
    }
    if (has_marker && !has_words(str_text(out) + start)) str_truncate(out, start);
}

/* Control characters vanish first: what they stood between must be seen together. */
static void append_printable(struct str *out, const struct str *text)
{
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->data[i];
        if ((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n') str_append_char(out, (char)c);
    }
}

static void append_lines(struct str *out, const struct str *text)
{
    const char *at = str_text(text);
    const char *end = at + text->len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        append_unmarked(out, at, (size_t)((newline ? newline : end) - at));
        if (newline) str_append_char(out, '\n');
        at = newline ? newline + 1 : end;
    }
}

/* ---- pass 2: what must not be taken for a command ---- */

/* Links are the only control sequences that are let through: whatever else begins with "<" could
 * call people, now or in a later version of the provider. */
static bool is_link(const char *text)
{
    static const char *const starts[] = {"<https://", "<http://", "<mailto:", "<#C"};
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        if (strncmp(text, starts[i], strlen(starts[i])) == 0) return true;
    }
    return false;
}

/* A bare @channel notifies too where a client expands names. */
static bool is_bare_mention(const char *text)
{
    static const char *const words[] = {"@channel", "@here", "@everyone", "@group"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);
        if (strncasecmp(text, words[i], n) == 0 && !isalnum((unsigned char)text[n])) return true;
    }
    return false;
}

static void append_neutral(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<' && !is_link(text))
            str_append_text(out, "&lt;");
        else if (*text == '@' && is_bare_mention(text))
            str_append_text(out, "@" ZERO_WIDTH_SPACE);
        else
            str_append_char(out, *text);
    }
}

/* ---- the message ---- */

static void trim_end(struct str *s)
{
    while (s->len > 0 && isspace((unsigned char)s->data[s->len - 1]))
        str_truncate(s, s->len - 1);
}

enum err message_text_make(const char *text, size_t len, const char *run_id, struct str *out)
{
    AUTO(str_done) struct str repaired = {0};
    AUTO(str_done) struct str printable = {0};
    AUTO(str_done) struct str safe = {0};
    utf8_repair(&repaired, text, len);
    append_printable(&printable, &repaired);
    append_lines(&safe, &printable);
    trim_end(&safe);
    const char *body = str_text(&safe);
    while (isspace((unsigned char)*body))
        body++;
    if (*body == '\0') return fail(E_INVALID, "the text of the message is empty");
    append_neutral(out, body);
    str_append_format(out, "\n_Briefing %s_", run_id);
    return str_ok(out) ? E_OK : fail(E_INVALID, "the text of the message is too long");
}

size_t message_text_length(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t at = 0; at < len;)
        n += utf8_next(text, len, &at) > 0xFFFF ? 2 : 1;
    return n;
}
