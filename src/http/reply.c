/*
 * Looking at an answer. Pure functions.
 */
#include "http/http.h"

#include "base/redact.h"
#include "base/utf8.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void http_reply_done(struct http_reply *reply)
{
    str_done(&reply->body);
    str_done(&reply->headers);
    *reply = (struct http_reply){.first_byte_ms = -1};
}

bool http_reply_header(const struct http_reply *reply, const char *name, char *out, size_t out_size)
{
    size_t name_len = strlen(name);
    const char *at = str_text(&reply->headers);
    const char *end = at + reply->headers.len;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end) line_end = end;
        size_t len = (size_t)(line_end - at);
        if (len > name_len && at[name_len] == ':' && strncasecmp(at, name, name_len) == 0) {
            const char *value = at + name_len + 1;
            while (value < line_end && (*value == ' ' || *value == '\t'))
                value++;
            while (line_end > value && strchr(" \t\r", line_end[-1]))
                line_end--;
            len = (size_t)(line_end - value);
            if (len >= out_size || memchr(value, '\0', len)) return false;
            memcpy(out, value, len);
            out[len] = '\0';
            return true;
        }
        at = line_end + 1;
    }
    return false;
}

bool http_reply_date_ms(const struct http_reply *reply, int64_t *out_unix_ms)
{
    char text[64];
    if (!http_reply_header(reply, "date", text, sizeof text)) return false;
    time_t date = curl_getdate(text, NULL);
    if (date <= 0) return false;
    *out_unix_ms = (int64_t)date * 1000;
    return true;
}

void http_reply_describe(const struct http_reply *reply, char *out, size_t out_size)
{
    const char *why = reply->error[0] ? reply->error : "no reason known";
    switch (reply->end) {
    case HTTP_ANSWERED:
        snprintf(out, out_size, "HTTP %d", reply->status);
        return;
    case HTTP_NOT_SENT:
        snprintf(out, out_size, "no connection: %s", why);
        return;
    case HTTP_LOST:
        snprintf(out, out_size, "the connection broke: %s", why);
        return;
    case HTTP_TIMED_OUT:
    case HTTP_TOO_LARGE:
        snprintf(out, out_size, "%s", why);
        return;
    case HTTP_SINK_STOPPED:
        snprintf(out, out_size, "the answer was cut off because it was not usable");
        return;
    case HTTP_CANCELLED:
        snprintf(out, out_size, "called off");
        return;
    case HTTP_FAILED_LOCALLY:
        snprintf(out, out_size, "not sent: %s", why);
        return;
    case HTTP_END_COUNT:
        break;
    }
    snprintf(out, out_size, "unknown");
}

#define PAGE_BYTES_MAX 4096 /* what comes later is no headline */

bool http_page_words(const char *body, size_t len, char *out, size_t out_size)
{
    size_t at = 0;
    while (at < len && strchr(" \t\r\n", body[at]))
        at++;
    if (at == len || body[at] != '<') return false;

    AUTO(str_done) struct str page = {0};
    AUTO(str_done) struct str words = {0};
    utf8_repair(&page, body, len < PAGE_BYTES_MAX ? len : PAGE_BYTES_MAX);
    bool is_tag = false;
    bool has_gap = false;
    for (size_t i = 0; i < page.len; i++) {
        unsigned char c = (unsigned char)page.data[i];
        bool is_gap = is_tag || c <= ' ' || c == 0x7f || c == '<';
        if (c == '<') is_tag = true;
        if (c == '>') is_tag = false;
        has_gap = has_gap || is_gap;
        if (is_gap || c == '>') continue;
        if (has_gap && words.len > 0) str_append_char(&words, ' ');
        has_gap = false;
        str_append_char(&words, (char)c);
    }
    AUTO(str_done) struct str shown = {0};
    redact(&shown, str_text(&words), words.len); /* pages about errors like to repeat the request */
    size_t n = utf8_cut(str_text(&shown), shown.len, out_size - 1);
    memcpy(out, str_text(&shown), n);
    out[n] = '\0';
    return true;
}
