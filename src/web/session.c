#include "web/session.h"

#include "base/clock.h"
#include "base/crypt.h"
#include "base/utf8.h"
#include "web/reply.h"
#include "web/server.h"

#include <stdio.h>
#include <string.h>

#define COOKIES_MAX   100
#define SECRET_BYTES  32
#define FLOW_COOKIE_S 600
#define PRE_COOKIE_S  3600

/* ---- cookies ---- */

static const char *prefix(const struct request *rq)
{
    return rq->web->is_https ? "__Host-" : "";
}

static const char *cookie_find(struct request *rq, const char *name)
{
    if (!rq->are_cookies_read) {
        const char *header = request_header(rq, "Cookie");
        /* Too many are as good as none. */
        if (header && cookie_parse(header, COOKIES_MAX, &rq->cookies)) rq->cookies.n = 0;
        rq->are_cookies_read = true;
    }
    char full[ID_MAX + 32];
    snprintf(full, sizeof(full), "%s%s", prefix(rq), name);
    return url_pairs_find(&rq->cookies, full);
}

/* `value` NULL takes the cookie away. */
static void cookie_set(struct request *rq, const char *name, const char *value, int64_t life_s)
{
    AUTO(str_done_secret) struct str line = {0};
    str_append_format(&line, "%s%s=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%lld%s", prefix(rq),
                      name, value ? value : "", (long long)(value ? life_s : 0),
                      rq->web->is_https ? "; Secure" : "");
    reply_header(rq, "Set-Cookie", str_text(&line));
}

static void flow_cookie_name(const char *flow_id, char out[ID_MAX + 16])
{
    snprintf(out, ID_MAX + 16, "briefd-flow-%s", flow_id + strlen("of_"));
}

void flow_cookie_set(struct request *rq, const char *flow_id, const char *value)
{
    char name[ID_MAX + 16];
    flow_cookie_name(flow_id, name);
    cookie_set(rq, name, value, FLOW_COOKIE_S);
}

const char *flow_cookie(struct request *rq, const char *flow_id)
{
    char name[ID_MAX + 16];
    flow_cookie_name(flow_id, name);
    return cookie_find(rq, name);
}

void flow_cookie_clear(struct request *rq, const char *flow_id)
{
    char name[ID_MAX + 16];
    flow_cookie_name(flow_id, name);
    cookie_set(rq, name, NULL, 0);
}

/* ---- who it is ---- */

struct header_count {
    const char *name;
    const char *value;
    int n;
};

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    (void)kind;
    struct header_count *count = cls;
    if (strcasecmp(name, count->name) != 0) return MHD_YES;
    count->value = value;
    count->n++;
    return MHD_YES;
}

/* What the trusted proxy says. A header that came twice, or from elsewhere, says nothing. */
static const char *proxy_user(struct request *rq)
{
    const struct web_options *options = &rq->web->options;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(rq->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !address_is_among(options->trusted_proxy, info->client_addr)) return NULL;
    struct header_count count = {.name = options->trusted_proxy_header};
    MHD_get_connection_values(rq->connection, MHD_HEADER_KIND, count_header, &count);
    return count.n == 1 && count.value && user_id_valid(count.value) ? count.value : NULL;
}

static bool has_identities(const struct web *web)
{
    return web->options.trusted_proxy || web->options.user_id;
}

static const char *identity(struct request *rq)
{
    if (rq->web->options.trusted_proxy) return proxy_user(rq);
    return rq->web->options.user_id;
}

static bool session_is_good(struct request *rq, const struct session_row *session)
{
    if (!has_identities(rq->web)) return session->kind == SESSION_TICKET;
    return session->kind == SESSION_SIGNED_IN && rq->identity &&
           strcmp(session->user_id, rq->identity) == 0;
}

enum err session_load(struct request *rq)
{
    rq->identity = identity(rq);
    const char *cookie = cookie_find(rq, "briefd");
    if (!cookie) return E_OK;
    unsigned char hash[SHA256_LEN];
    sha256(cookie, strlen(cookie), hash);
    enum err e = store_session_find(rq->web->options.store, hash, &rq->session);
    if (e == E_NOT_FOUND) return E_OK;
    if (e) return e;
    if (!session_is_good(rq, &rq->session)) session_row_done(&rq->session);
    if (rq->session.id) rq->session_cookie = xstrdup(cookie);
    return E_OK;
}

void session_new_cookie(struct request *rq, unsigned char out_hash[SHA256_LEN])
{
    xfree_secret(rq->session_cookie);
    rq->session_cookie = token_new(SECRET_BYTES);
    sha256(rq->session_cookie, strlen(rq->session_cookie), out_hash);
    cookie_set(rq, "briefd", rq->session_cookie, SESSION_LIFE_MS / 1000);
}

enum err session_sign_in(struct request *rq)
{
    if (rq->session.id || !rq->identity || strcmp(rq->method, "GET") != 0) return E_OK;
    unsigned char hash[SHA256_LEN];
    char id[ID_MAX];
    AUTO(session_row_done)
    struct session_row row = {.kind = SESSION_SIGNED_IN, .user_id = xstrdup(rq->identity)};
    session_new_cookie(rq, hash);
    enum err e = store_session_create(rq->web->options.store, &row, hash, NULL, id);
    if (e) return e;
    return store_session_find(rq->web->options.store, hash, &rq->session);
}

enum err session_end(struct request *rq)
{
    enum err e =
        rq->session.id ? store_session_delete(rq->web->options.store, rq->session.id) : E_OK;
    if (e) return e;
    session_row_done(&rq->session);
    cookie_set(rq, "briefd", NULL, 0);
    return E_OK;
}

/* ---- is it our own page? ---- */

static void token_of(const char *cookie, struct str *out_token)
{
    static const char purpose[] = "briefd form token";
    unsigned char mac[SHA256_LEN];
    hmac_sha256(cookie, strlen(cookie), purpose, strlen(purpose), mac);
    base64url_encode(out_token, mac, sizeof(mac));
}

void session_token(struct request *rq, struct str *out_token)
{
    const char *cookie = rq->session_cookie ? rq->session_cookie : cookie_find(rq, "briefd-pre");
    if (cookie) {
        token_of(cookie, out_token);
        return;
    }
    AUTO(xfree_secret_ptr) char *made = token_new(SECRET_BYTES);
    cookie_set(rq, "briefd-pre", made, PRE_COOKIE_S);
    token_of(made, out_token);
}

/* Browsers send Origin with every POST; Sec-Fetch-Site stands in where one does not. */
static bool is_same_origin(const struct request *rq)
{
    const char *origin = request_header(rq, "Origin");
    const char *site = request_header(rq, "Sec-Fetch-Site");
    if (site && strcmp(site, "same-origin") != 0) return false;
    return origin ? strcasecmp(origin, rq->web->origin) == 0 : site != NULL;
}

bool session_is_own_request(struct request *rq, const char *token)
{
    const char *cookie = rq->session_cookie ? rq->session_cookie : cookie_find(rq, "briefd-pre");
    if (!is_same_origin(rq) || !cookie || !token) return false;
    AUTO(str_done) struct str expected = {0};
    token_of(cookie, &expected);
    size_t len = strlen(token);
    return len == expected.len && equal_constant_time(token, str_text(&expected), len);
}
