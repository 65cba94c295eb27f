/*
 * GET /static/…: files that travel inside the binary. Only kinds that a page needs are served.
 */
#include "web/embedded_reply.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"

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
    reply_header(rq, "Cross-Origin-Resource-Policy", "same-origin");
    /* An SVG is a document when it is opened alone. */
    reply_header(rq, "Content-Security-Policy", "default-src 'none'; sandbox");
    embedded_reply(rq, file, type, "no-cache");
}
