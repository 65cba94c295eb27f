/*
 * What curl is told about one transfer.
 */
#include "http/transfer.h"

#include <string.h>
#include <strings.h>

#define KEEPALIVE_S  45L  /* NATs and load balancers forget silent connections after about 350 s */
#define DNS_CACHE_S  300L /* each uncached name costs a resolver thread */
#define UPLOAD_WATCH (64 * KIB)
/* Held by each transfer as long as it waits; upload buffers are there with TLS only. */
#define RECEIVE_BUFFER ((long)(4 * KIB))
#define UPLOAD_BUFFER  ((long)(16 * KIB))

static bool is_token(const char *name)
{
    if (!*name) return false;
    for (const char *p = name; *p; p++) {
        bool is_plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                        (*p >= '0' && *p <= '9') || strchr("!#$%&'*+-.^_`|~", *p);
        if (!is_plain) return false;
    }
    return true;
}

static bool is_value(const char *value)
{
    for (const char *p = value; *p; p++) {
        unsigned char byte = (unsigned char)*p;
        if ((byte < ' ' && byte != '\t') || byte == 0x7f) return false;
    }
    return true;
}

static enum err append_line(struct curl_slist **lines, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*lines, line);
    if (!longer) return fail(E_INTERNAL, "no memory for the request's headers");
    *lines = longer;
    return E_OK;
}

static enum err append_header(struct curl_slist **lines, const struct http_header *header)
{
    if (!header->name || !is_token(header->name)) {
        return fail(E_INVALID, "the request has a header without a proper name");
    }
    if (!header->value || !is_value(header->value)) {
        return fail(E_INVALID, "the value of the header %s has control characters", header->name);
    }
    /* "Name;" is curl's way to write a header without a value; "Name:" would leave it out. */
    AUTO(str_done_secret) struct str line = {0};
    str_append_text(&line, header->name);
    str_append_text(&line, *header->value ? ": " : ";");
    str_append_text(&line, header->value);
    return append_line(lines, str_text(&line));
}

void setup_headers_free(struct curl_slist **headers)
{
    for (struct curl_slist *line = *headers; line; line = line->next) {
        mem_wipe(line->data, strlen(line->data));
    }
    curl_slist_free_all(*headers);
    *headers = NULL;
}

static enum err make_headers(const struct transfer *t, struct curl_slist **out_headers)
{
    const struct http_request *request = t->request;
    bool has_type = false;
    struct curl_slist *lines = NULL;
    enum err e = E_OK;
    for (size_t i = 0; !e && i < request->n_headers; i++) {
        e = append_header(&lines, &request->headers[i]);
        has_type = has_type || (!e && strcasecmp(request->headers[i].name, "content-type") == 0);
    }
    if (!e && *t->traceparent)
        e = append_header(&lines, &(struct http_header){"traceparent", t->traceparent});
    /* Without these, curl waits for a "100 Continue" and calls every body a form. */
    if (!e) e = append_line(&lines, "Expect:");
    if (!e && !has_type) e = append_line(&lines, "Content-Type:");
    if (e) {
        setup_headers_free(&lines);
        return e;
    }
    *out_headers = lines;
    return E_OK;
}

static CURLcode set_method(CURL *easy, const struct http_request *request)
{
    if (strcmp(request->method, "GET") == 0 && !request->body) {
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    if (strcmp(request->method, "HEAD") == 0) return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);

    CURLcode code = CURLE_OK;
    if (request->body || strcmp(request->method, "POST") == 0) {
        code = curl_easy_setopt(easy, CURLOPT_POST, 1L);
        if (!code) {
            curl_off_t len = (curl_off_t)request->body_len;
            code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, len);
        }
        /* Borrowed: the caller keeps the body until the call returns. */
        const void *body = request->body ? request->body : "";
        if (!code) code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    }
    if (!code && strcmp(request->method, "POST") != 0) {
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
    return code;
}

/* A macro because curl_easy_setopt() takes any type and checks it at compile time. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (!code) code = curl_easy_setopt(easy, (option), (value));                               \
    } while (0)

static CURLcode set_callbacks(struct transfer *t)
{
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_ERRORBUFFER, t->reply->error);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_PREREQFUNCTION, on_ready_to_send);
    SET(CURLOPT_PREREQDATA, t);
    if (t->client->may_connect) {
        SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        SET(CURLOPT_OPENSOCKETDATA, t);
    }
    if (t->request->body_len > UPLOAD_WATCH) {
        SET(CURLOPT_XFERINFOFUNCTION, on_progress);
        SET(CURLOPT_XFERINFODATA, t);
        SET(CURLOPT_NOPROGRESS, 0L);
    }
    return code;
}

static CURLcode set_connection(struct transfer *t)
{
    CURL *easy = t->easy;
    const struct http_client *c = t->client;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, ""); /* nothing from the environment */
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (c->ca_file) SET(CURLOPT_CAINFO, c->ca_file);
    if (c->user_agent) SET(CURLOPT_USERAGENT, c->user_agent);
    SET(CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
    SET(CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);
    SET(CURLOPT_MAXAGE_CONN, (long)c->idle_age_s);
    SET(CURLOPT_SHARE, c->names);
    SET(CURLOPT_DNS_CACHE_TIMEOUT, DNS_CACHE_S);
    /* A cancelled transfer must not wait for a resolver thread that hangs: all others would wait,
     * too. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    /* Ours counts; curl's is set because it divides its time among the addresses of a name. */
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)t->timeouts.connect_ms);
    if (t->request->is_fresh) {
        SET(CURLOPT_FRESH_CONNECT, 1L);
        SET(CURLOPT_FORBID_REUSE, 1L);
    }
    return code;
}

enum err setup_easy(struct transfer *t)
{
    const struct http_request *request = t->request;
    if (!request->method || !is_token(request->method) || !request->url) {
        return fail(E_INVALID, "the request has no proper method or URL");
    }
    enum err e = make_headers(t, &t->headers);
    if (e) return e;

    CURL *easy = t->easy;
    CURLcode code = set_callbacks(t);
    if (!code) code = set_connection(t);
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_HTTPHEADER, t->headers);
    if (!code) code = set_method(easy, request);
    if (code) return fail(E_INTERNAL, "libcurl refuses an option: %s", curl_easy_strerror(code));
    return E_OK;
}
