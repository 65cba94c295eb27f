/*
 * Lists that come in pages: every page once, to the end.
 *
 * A server that hands out a page token a second time would keep us for ever, so each token is
 * remembered and a repeated one ends the list as an error. `next_page_token` absent, null and ""
 * all mean the end.
 */
#include "api/scalekit_internal.h"

#include "base/url.h"

#include <stdio.h>
#include <string.h>

#define PAGES_MAX        500
#define PAGE_TOKEN_BYTES (4 * KIB)
#define PAGE_REPLY_BYTES (16 * MIB)

void scalekit_query(struct str *path, const char *name, const char *value)
{
    str_append_format(path, "&%s=", name);
    percent_encode(path, value, strlen(value));
}

struct page_tokens {
    char *items[PAGES_MAX];
    size_t n;
};

static void page_tokens_done(struct page_tokens **tokens)
{
    for (size_t i = 0; i < (*tokens)->n; i++)
        xfree((*tokens)->items[i]);
    xfree(*tokens);
}

static bool page_tokens_has(const struct page_tokens *tokens, const char *token)
{
    for (size_t i = 0; i < tokens->n; i++)
        if (strcmp(tokens->items[i], token) == 0) return true;
    return false;
}

static enum err pages_endless(const char *what, const char *why, struct scalekit_error *out_error)
{
    *out_error = (struct scalekit_error){.class = SCALEKIT_UNKNOWN, .status = 200};
    snprintf(out_error->message, sizeof out_error->message, "the list does not end: %s", why);
    return fail(E_UPSTREAM, "ScaleKit, %s: the list does not end: %s", what, why);
}

/* One page: its items are taken, its token of the next one ("" at the end) is appended to `next`.
 */
static enum err page_read(const struct scalekit_pages *pages, const struct http_reply *reply,
                          struct str *next, struct scalekit_error *out_error)
{
    const char *body = str_text(&reply->body);
    struct json_limits limits = {.bytes_max = PAGE_REPLY_BYTES};
    if (json_check(body, reply->body.len, limits))
        return scalekit_error_unreadable(pages->what, reply, out_error);

    struct json_span root = json_root(body, reply->body.len);
    struct json_span members[2];
    scalekit_members(root, (const char *const[]){pages->list, "next_page_token"}, 2, members);
    struct json_span list = members[0];
    enum json_type type = json_type(list);
    bool is_list = type == JSON_ARRAY || type == JSON_NONE || type == JSON_NULL;
    if (json_type(root) != JSON_OBJECT || !is_list)
        return scalekit_error_unreadable(pages->what, reply, out_error);

    if (type == JSON_ARRAY) {
        struct json_iter it = json_iter(list);
        while (json_next(&it)) {
            enum err e = pages->take(pages->ctx, it.value);
            if (e) return e;
        }
    }
    (void)json_string(members[1], next);
    return E_OK;
}

enum err scalekit_pages_read(struct scalekit *s, const struct scalekit_call *call,
                             const struct scalekit_pages *pages, struct scalekit_error *out_error)
{
    AUTO(page_tokens_done) struct page_tokens *seen = xcalloc(1, sizeof *seen);
    AUTO(str_done) struct str path = {0};
    str_append_text(&path, pages->path);

    for (;;) {
        struct scalekit_request request = {
            .what = pages->what,
            .method = "GET",
            .path = str_text(&path),
            .timeout_ms = s->control_timeout_ms,
            .reply_bytes_max = PAGE_REPLY_BYTES,
        };
        AUTO(http_reply_done) struct http_reply reply = {0};
        AUTO(str_done) struct str next = STR_LIMIT(PAGE_TOKEN_BYTES);
        enum err e = scalekit_send(s, call, &request, &reply, out_error);
        if (e) return e;
        e = page_read(pages, &reply, &next, out_error);
        if (e) return e;

        const char *token = str_text(&next);
        if (next.len == 0 && str_ok(&next)) return E_OK;
        if (!str_ok(&next))
            return pages_endless(pages->what, "a page token is too long", out_error);
        if (page_tokens_has(seen, token))
            return pages_endless(pages->what, "a page token came twice", out_error);
        if (seen->n == PAGES_MAX) return pages_endless(pages->what, "too many pages", out_error);
        seen->items[seen->n++] = xstrdup(token);
        str_clear(&path);
        str_append_text(&path, pages->path);
        scalekit_query(&path, "page_token", token);
    }
}
