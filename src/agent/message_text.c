#include "agent/message_text.h"

#include "base/utf8.h"

#include <ctype.h>
#include <string.h>

#define LOOKALIKE_LEN_MIN 10 /* shorter words with this start are ordinary text */
#define ZERO_WIDTH_SPACE  "\xE2\x80\x8B"

static bool is_id_char(char c)
{
    return isalnum((unsigned char)c);
}

/* Number of bytes of a marker id, or of something that could be taken for one, at `text`; 0 when
 * there is none. */
static size_t lookalike_len(const char *text, size_t len)
{
    if (len < LOOKALIKE_LEN_MIN || strncasecmp(text, "br_", 3) != 0) return 0;
    size_t n = 3;
    while (n < len && is_id_char(text[n]))
        n++;
    return n >= LOOKALIKE_LEN_MIN ? n : 0;
}

static bool starts_word(const char *text, size_t len, const char *word)
{
    size_t n = strlen(word);
    return len >= n && strncasecmp(text, word, n) == 0 &&
           (len == n || !isalnum((unsigned char)text[n]));
}

/* A bare @channel notifies too where a client expands names. */
static bool is_bare_mention(const char *text, size_t len)
{
    return len > 1 && text[0] == '@' &&
           (starts_word(text + 1, len - 1, "channel") || starts_word(text + 1, len - 1, "here") ||
            starts_word(text + 1, len - 1, "everyone") || starts_word(text + 1, len - 1, "group"));
}

static void append_line(struct str *out, const char *line, size_t len)
{
    bool has_marker = false;
    size_t start = out->len;
    for (size_t i = 0; i < len;) {
        size_t marker = lookalike_len(line + i, len - i);
        unsigned char c = (unsigned char)line[i];
        if (marker) {
            has_marker = true;
            i += marker;
            continue;
        }
        if (c == '<' && i + 1 < len && (line[i + 1] == '!' || line[i + 1] == '@'))
            str_append_text(out, "&lt;");
        else if (is_bare_mention(line + i, len - i))
            str_append_text(out, "@" ZERO_WIDTH_SPACE);
        else if ((c >= 0x20 && c != 0x7f) || c == '\t')
            str_append_char(out, (char)c);
        i++;
    }
    /* Nothing but the frame of a marker is left: the whole line was one. */
    if (has_marker) {
        bool has_more = false;
        const char *rest = str_text(out) + start;
        const char *frame = strcasestr(rest, "briefing");
        for (const char *p = rest; *p; p++) {
            if (frame && p == frame)
                p += strlen("briefing") - 1;
            else if (isalnum((unsigned char)*p))
                has_more = true;
        }
        if (!has_more) str_truncate(out, start);
    }
}

static void trim_end(struct str *s)
{
    while (s->len > 0 && isspace((unsigned char)s->data[s->len - 1]))
        str_truncate(s, s->len - 1);
}

enum err message_text_make(const char *text, size_t len, const char *run_id, struct str *out)
{
    AUTO(str_done) struct str clean = {0};
    AUTO(str_done) struct str safe = {0};
    utf8_repair(&clean, text, len);
    const char *at = str_text(&clean);
    const char *end = at + clean.len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;
        append_line(&safe, at, (size_t)(line_end - at));
        if (newline) str_append_char(&safe, '\n');
        at = newline ? newline + 1 : end;
    }
    trim_end(&safe);
    const char *body = str_text(&safe);
    while (isspace((unsigned char)*body))
        body++;
    if (*body == '\0') return fail(E_INVALID, "the text of the message is empty");
    str_append_text(out, body);
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
