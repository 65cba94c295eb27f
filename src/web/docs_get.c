/*
 * GET /docs and /docs/{page}: the documentation, rendered when the program was built (src/docs.py).
 */
#include "base/embedded.h"
#include "web/embedded_reply.h"
#include "web/pages.h"
#include "web/reply.h"
#include "web/routes.h"

#include <string.h>

static const struct embedded_file *find(const char *page)
{
    for (size_t i = 0; i < embedded_docs_count; i++) {
        const char *path = embedded_docs[i].path;
        size_t len = strlen(page);
        if (strncmp(path, page, len) == 0 && strcmp(path + len, ".html") == 0)
            return &embedded_docs[i];
    }
    return NULL;
}

static void send_page(struct request *rq, const char *page)
{
    const struct embedded_file *file = find(page);
    if (!file) {
        reply_problem(rq, PROBLEM_not_found, "There is no such page in the documentation.");
        return;
    }
    page_security_headers(rq);
    embedded_reply(rq, file, "text/html; charset=utf-8", "public, max-age=60");
}

void docs_get(struct request *rq)
{
    send_page(rq, "index");
}

void docs_page_get(struct request *rq)
{
    send_page(rq, rq->args[0]);
}
