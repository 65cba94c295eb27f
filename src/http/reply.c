/*
 * Looking at an answer. Pure functions.
 */
#include "http/http.h"

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
