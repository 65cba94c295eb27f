/*
 * GET /static/…: files that travel inside the binary. Only kinds that a page needs are served.
 */
#include "base/crypt.h"
#include "base/embedded.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *ending, *type;
} kinds[] = {
    {".css",         "text/css; charset=utf-8"       },
    {".js",          "text/javascript; charset=utf-8"},
    {".svg",         "image/svg+xml"                 },
    {".png",         "image/png"                     },
    {".ico",         "image/x-icon"                  },
    {".woff2",       "font/woff2"                    },
    {".webmanifest", "application/manifest+json"     },
};

static const char *type_of(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (text_ends(path, kinds[i].ending)) return kinds[i].type;
    return NULL;
}

static const struct embedded_file *find(const char *path)
{
    for (size_t i = 0; i < embedded_static_count; i++)
        if (strcmp(embedded_static[i].path, path) == 0) return &embedded_static[i];
    return NULL;
}

void static_get(struct request *rq)
{
    const char *type = type_of(rq->args[0]);
    const struct embedded_file *file = type ? find(rq->args[0]) : NULL;
    if (!file) {
        reply_problem(rq, PROBLEM_not_found, "There is no such file.");
        return;
    }
    char hash[SHA256_HEX_LEN + 1];
    char etag[40];
    sha256_hex(file->data, file->len, hash);
    snprintf(etag, sizeof(etag), "\"%.32s\"", hash);
    reply_header(rq, "ETag", etag);
    reply_header(rq, "Cache-Control", "no-cache");
    reply_header(rq, "Cross-Origin-Resource-Policy", "same-origin");
    /* An SVG is a document when it is opened alone. */
    reply_header(rq, "Content-Security-Policy", "default-src 'none'; sandbox");
    const char *known = request_header(rq, "If-None-Match");
    if (known && strcmp(known, etag) == 0) {
        reply_empty(rq, 304);
        return;
    }
    AUTO(str_done) struct str body = {0};
    str_append(&body, file->data, file->len);
    reply_text(rq, 200, type, &body);
}
