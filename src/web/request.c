#include "web/request.h"

#include "base/clock.h"
#include "base/crypt.h"
#include "web/reply.h"
#include "web/server.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define QUERY_PAIRS_MAX 16
#define FIELD_NAME_MAX  100
#define MEMBERS_MAX     256 /* of one object in a request body */

/* Where the host begins in "http://host/path"; NULL for a path. */
static const char *absolute_host(const char *raw_uri)
{
    if (strncasecmp(raw_uri, "http://", 7) == 0) return raw_uri + 7;
    return strncasecmp(raw_uri, "https://", 8) == 0 ? raw_uri + 8 : NULL;
}

struct request *request_new(struct web *web, const char *raw_uri)
{
    struct request *rq = xcalloc(1, sizeof(*rq));
    const char *host = absolute_host(raw_uri);
    const char *path = host ? host + strcspn(host, "/?") : raw_uri;
    const char *query = strchr(path, '?');
    size_t path_len = query ? (size_t)(query - path) : strlen(path);
    rq->web = web;
    if (host) rq->host = xstrndup(host, (size_t)(path - host));
    rq->uri = host && path_len == 0 ? xstrdup("/") : xstrndup(path, path_len);
    rq->query = xstrdup(query ? query + 1 : "");
    rq->body_bytes_max = web->options.body_bytes_max;
    rq->begun_us = clock_mono_us();
    return rq;
}

void request_free(struct request *rq)
{
    if (!rq) return;
    agent_release(&rq->agent);
    xfree(rq->host);
    xfree(rq->uri);
    xfree(rq->query);
    str_done(&rq->body);
    str_done_secret(&rq->headers);
    session_row_done(&rq->session);
    xfree_secret(rq->session_cookie);
    url_pairs_done(&rq->cookies);
    xfree(rq);
}

const struct catalogue *request_catalogue(struct request *rq)
{
    if (!rq->agent.catalogue) rq->agent = agent_hold(rq->web->options.agent);
    return rq->agent.catalogue;
}

const char *request_header(const struct request *rq, const char *name)
{
    return MHD_lookup_connection_value(rq->connection, MHD_HEADER_KIND, name);
}

bool request_knows(const struct request *rq, int64_t etag)
{
    for (const char *at = request_header(rq, "If-None-Match"); at && *at;) {
        at += strspn(at, " \t,");
        if (*at == '*') return true;
        if (strncmp(at, "W/", 2) == 0) at += 2;
        if (*at != '"') return false;
        const char *end = strchr(at + 1, '"');
        if (!end) return false;
        int64_t n = 0;
        AUTO(xfree_ptr) char *text = xstrndup(at + 1, (size_t)(end - at - 1));
        if (!text_to_i64(text, 0, INT64_MAX, &n) && n == etag) return true;
        at = end + 1;
    }
    return false;
}

void request_set_id(struct request *rq)
{
    const char *given = request_header(rq, "X-Request-Id");
    size_t len = given ? strlen(given) : 0;
    bool is_plain = len >= 1 && len <= REQUEST_ID_MAX;
    for (size_t i = 0; is_plain && i < len; i++)
        is_plain = isalnum((unsigned char)given[i]) || strchr("._-", given[i]);
    char made[ID_MAX];
    if (!is_plain) id_new("rq", made);
    snprintf(rq->id, sizeof(rq->id), "%s", is_plain ? given : made);
}

struct trace_headers {
    const char *value;
    int n;
};

static enum MHD_Result take_traceparent(void *cls, enum MHD_ValueKind kind, const char *name,
                                        const char *value)
{
    (void)kind;
    struct trace_headers *headers = cls;
    if (strcasecmp(name, "traceparent") != 0) return MHD_YES;
    headers->value = value;
    headers->n++;
    return MHD_YES;
}

void request_set_trace(struct request *rq)
{
    struct trace_headers headers = {0};
    MHD_get_connection_values(rq->connection, MHD_HEADER_KIND, take_traceparent, &headers);
    /* A later version's own part is not ours to pass on. */
    if (headers.n == 1 && trace_is_valid(headers.value))
        trace_copy(headers.value, rq->traceparent);
    else
        trace_new(rq->traceparent);
}

bool request_query(struct request *rq, const char *const *known, struct url_pairs *out)
{
    if (form_parse(rq->query, strlen(rq->query), QUERY_PAIRS_MAX, out)) {
        reply_problem(rq, PROBLEM_invalid_request, "The query is malformed: %s", err_detail());
        return false;
    }
    AUTO(field_errors_done) struct field_errors errors = {0};
    for (size_t i = 0; i < out->n; i++) {
        bool is_known = false;
        for (const char *const *name = known; *name; name++)
            is_known = is_known || strcmp(*name, out->items[i].name) == 0;
        char pointer[100];
        snprintf(pointer, sizeof(pointer), "?%.80s", out->items[i].name);
        if (!is_known)
            field_error(&errors, pointer, "is not a known parameter");
        else if (url_pairs_find(out, out->items[i].name) != out->items[i].value)
            field_error(&errors, pointer, "is given twice");
    }
    if (errors.n == 0) return true;
    url_pairs_done(out);
    reply_invalid(rq, &errors);
    return false;
}

bool request_owns(const struct request *rq, const char *user_id)
{
    if (rq->principal.kind != PRINCIPAL_BROWSER) return true;
    return strcmp(rq->principal.user_id, user_id) == 0;
}

void field_errors_done(struct field_errors *errors)
{
    str_done(&errors->json);
}

void field_error(void *errors, const char *pointer, const char *detail)
{
    struct field_errors *list = errors;
    AUTO(str_done) struct str start = {0};
    str_append_text(&start, "{\"pointer\":");
    struct json_writer w = json_writer(&start);
    json_write_string(&w, pointer);
    str_append_char(&start, ',');
    if (list->n > 0 && strstr(str_text(&list->json), str_text(&start))) return;

    w = json_writer(&list->json);
    if (list->n++ > 0) str_append_char(&list->json, ',');
    json_begin_object(&w);
    json_put_string(&w, "pointer", pointer);
    json_put_string(&w, "detail", detail);
    json_end_object(&w);
}

void field_unknown(struct field_errors *errors, const char *parent, struct json_span key)
{
    field_member(errors, parent, key, "is not a known field");
}

void field_member(struct field_errors *errors, const char *parent, struct json_span key,
                  const char *detail)
{
    AUTO(xfree_ptr) char *name = json_strdup(key, FIELD_NAME_MAX);
    AUTO(str_done) struct str pointer = {0};
    str_append_format(&pointer, "%s/", parent);
    /* RFC 6901, 3: "~" and "/" in a name are written as ~0 and ~1. */
    for (const char *at = name ? name : "?"; *at; at++) {
        if (*at == '~')
            str_append_text(&pointer, "~0");
        else if (*at == '/')
            str_append_text(&pointer, "~1");
        else
            str_append_char(&pointer, *at);
    }
    field_error(errors, str_text(&pointer), detail);
}

static bool is_json_type(const char *content_type)
{
    if (!content_type) return false;
    size_t len = strcspn(content_type, ";");
    while (len > 0 && isspace((unsigned char)content_type[len - 1]))
        len--;
    if (len != strlen("application/json") ||
        strncasecmp(content_type, "application/json", len) != 0)
        return false;
    const char *charset = strcasestr(content_type + len, "charset=");
    if (!charset) return true;
    charset += strlen("charset=");
    if (*charset == '"') charset++;
    return strncasecmp(charset, "utf-8", 5) == 0;
}

/* A member given twice could mean two things to two readers. */
static enum err check_members(struct json_span value)
{
    enum json_type type = json_type(value);
    if (type != JSON_OBJECT && type != JSON_ARRAY) return E_OK;
    int n = 0;
    for (struct json_iter it = json_iter(value); json_next(&it); n++) {
        enum err e = check_members(it.value);
        if (e) return e;
        if (type == JSON_ARRAY) continue;
        if (n >= MEMBERS_MAX)
            return fail(E_INVALID, "an object has more than %d members", MEMBERS_MAX);
        AUTO(xfree_ptr) char *key = json_strdup(it.key, 200);
        if (!key) return fail(E_INVALID, "a member's name is too long or holds a NUL");
        if (json_get(value, key).text != it.value.text)
            return fail(E_INVALID, "the member \"%.60s\" is given twice", key);
    }
    return E_OK;
}

bool request_json(struct request *rq, struct json_span *out_object)
{
    if (!is_json_type(request_header(rq, "Content-Type"))) {
        reply_problem(rq, PROBLEM_unsupported_media_type, "Send the body as application/json.");
        return false;
    }
    enum err e = json_check(str_text(&rq->body), rq->body.len,
                            (struct json_limits){.bytes_max = rq->body_bytes_max, .no_lone = true});
    if (!e) e = check_members(json_root(rq->body.data, rq->body.len));
    if (e) {
        reply_problem(rq, PROBLEM_invalid_json, "The body is not acceptable JSON: %s.",
                      err_detail());
        return false;
    }
    *out_object = json_root(rq->body.data, rq->body.len);
    if (json_type(*out_object) == JSON_OBJECT) return true;
    AUTO(field_errors_done) struct field_errors errors = {0};
    field_error(&errors, "", "must be an object");
    reply_invalid(rq, &errors);
    return false;
}
