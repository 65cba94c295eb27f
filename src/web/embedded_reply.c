#include "web/embedded_reply.h"

#include "base/crypt.h"
#include "web/reply.h"

#include <stdio.h>
#include <string.h>

/* Weak and strong compare alike here (RFC 9110, 13.1.2). */
static bool is_known(const char *if_none_match, const char *etag)
{
    return if_none_match && (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, etag));
}

void embedded_reply(struct request *rq, const struct embedded_file *file, const char *content_type,
                    const char *cache_control)
{
    char hash[SHA256_HEX_LEN + 1];
    char etag[40];
    sha256_hex(file->data, file->len, hash);
    snprintf(etag, sizeof(etag), "\"%.32s\"", hash);
    reply_header(rq, "ETag", etag);
    reply_header(rq, "Cache-Control", cache_control);
    if (is_known(request_header(rq, "If-None-Match"), etag)) {
        reply_empty(rq, 304);
        return;
    }
    AUTO(str_done) struct str body = {0};
    str_append(&body, file->data, file->len);
    reply_text(rq, 200, content_type, &body);
}
