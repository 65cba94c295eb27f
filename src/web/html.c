#include "web/html.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char html_flag[] = "";

static void append_escaped(struct str *out, const char *text)
{
    AUTO(str_done) struct str repaired = {0};
    utf8_repair(&repaired, text, strlen(text));
    for (const char *at = str_text(&repaired); *at; at++) {
        switch (*at) {
        case '&':
            str_append_text(out, "&amp;");
            break;
        case '<':
            str_append_text(out, "&lt;");
            break;
        case '>':
            str_append_text(out, "&gt;");
            break;
        case '"':
            str_append_text(out, "&quot;");
            break;
        case '\'':
            str_append_text(out, "&#39;");
            break;
        default:
            str_append_char(out, *at);
        }
    }
}

void html_open(struct str *out, const char *tag, ...)
{
    va_list args;
    str_append_format(out, "<%s", tag);
    va_start(args, tag);
    for (const char *name = va_arg(args, const char *); name; name = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);
        if (!value) continue;
        str_append_format(out, " %s", name);
        if (value == html_flag) continue;
        str_append_text(out, "=\"");
        append_escaped(out, value);
        str_append_char(out, '"');
    }
    va_end(args);
    str_append_char(out, '>');
}

/* A line break after these would show as a space. */
static bool is_within_text(const char *tag)
{
    static const char *const tags[] = {"a", "code", "em", "span", "strong", "time"};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (strcmp(tag, tags[i]) == 0) return true;
    return false;
}

void html_close(struct str *out, const char *tag)
{
    str_append_format(out, is_within_text(tag) ? "</%s>" : "</%s>\n", tag);
}

void html_text(struct str *out, const char *text)
{
    if (text) append_escaped(out, text);
}

void html_textf(struct str *out, const char *format, ...)
{
    char text[2000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    append_escaped(out, text);
}

void html_element(struct str *out, const char *tag, const char *class, const char *text)
{
    if (!text) return;
    html_open(out, tag, "class", class, NULL);
    html_text(out, text);
    html_close(out, tag);
}

void html_link(struct str *out, const char *class, const char *href, const char *text)
{
    html_open(out, "a", "class", class, "href", href, NULL);
    html_text(out, text);
    html_close(out, "a");
}

void html_hidden(struct str *out, const char *name, const char *value)
{
    html_open(out, "input", "type", "hidden", "name", name, "value", value, NULL);
    str_append_char(out, '\n');
}

void html_time(struct str *out, int64_t unix_ms)
{
    char machine[TIME_TEXT_MAX];
    time_format(unix_ms, machine);
    html_open(out, "time", "datetime", machine, NULL);
    html_textf(out, "%.10s %.5s UTC", machine, machine + 11);
    html_close(out, "time");
}

void html_clock(struct str *out, int64_t unix_ms)
{
    char machine[TIME_TEXT_MAX];
    time_format(unix_ms, machine);
    html_open(out, "time", "datetime", machine, "class", "clock", NULL);
    html_textf(out, "%.8s UTC", machine + 11);
    html_close(out, "time");
}
