/*
 * The way out: the row, the link, the page before it.
 */
#include "connect/flow.h"

#include "api/scalekit_connect.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/log.h"
#include "base/url.h"
#include "connect/internal.h"
#include "store/flows.h"

#include <stdio.h>
#include <string.h>

#define SECRET_BYTES   32
#define HOST_SHOWN_MAX 100

void flow_begun_done(struct flow_begun *begun)
{
    xfree_secret(begun->cookie);
    *begun = (struct flow_begun){0};
}

bool flow_state_id(const char *state, char out_id[ID_MAX])
{
    const char *dot = strchr(state, '.');
    size_t len = dot ? (size_t)(dot - state) : 0;
    if (len == 0 || len >= ID_MAX || strlen(state) > FLOW_STATE_BYTES_MAX) return false;
    memcpy(out_id, state, len);
    out_id[len] = '\0';
    return id_valid("of", out_id);
}

static bool is_among(const char *hosts, const char *host)
{
    for (const char *at = hosts ? hosts : ""; *at;) {
        at += strspn(at, ", ");
        size_t len = strcspn(at, ", ");
        if (len > 0 && len == strlen(host) && strncasecmp(at, host, len) == 0) return true;
        at += len;
    }
    return false;
}

/* The host of a link, for those who run this: the rest of it is a secret. */
static char *host_of(const char *link)
{
    const char *authority = strstr(link, "://");
    if (!authority) return xstrdup("");
    const char *host = authority + 3;
    size_t len = strcspn(host, "/?#\\");
    const char *at = memrchr(host, '@', len);
    if (at) len -= (size_t)(at + 1 - host);
    return xstrndup(at ? at + 1 : host, len < HOST_SHOWN_MAX ? len : HOST_SHOWN_MAX);
}

bool flow_link_is_allowed(const char *link, const char *scalekit_url, const char *more_hosts)
{
    struct url scalekit;
    struct url to;
    for (const char *at = link; *at; at++)
        if (*at <= 0x20 || *at >= 0x7f || *at == '\\') return false;
    const char *authority = strstr(link, "://");
    if (!authority) return false;
    /* Only scheme, host and port matter; what follows is ScaleKit's business. */
    size_t start_len = (size_t)(authority - link) + 3;
    start_len += strcspn(link + start_len, "/?#");
    AUTO(xfree_ptr) char *start = xstrndup(link, start_len);
    if (url_parse(start, &to)) return false;
    if (!to.is_https && !host_is_loopback(to.host)) return false;
    if (url_parse(scalekit_url, &scalekit) == E_OK && strcmp(scalekit.host, to.host) == 0)
        return to.port == scalekit.port;
    return is_among(more_hosts, to.host);
}

static enum err make_link(struct connect *connect, const struct flow_begin *begin,
                          const char *state, struct scalekit_link *out_link,
                          struct scalekit_error *out_error)
{
    const struct connect_options *options = &connect->options;
    struct scalekit_call call = {.cancel = &connect->stop};
    AUTO(str_done) struct str back = {0};
    str_append_format(&back, "%s/oauth/%s/callback", options->public_url, begin->connector->name);
    enum err e =
        scalekit_magic_link(options->agent->scalekit, &call, begin->connector->connection_name,
                            begin->session->user_id, str_text(&back), state, out_link, out_error);
    if (e) return e;
    if (flow_link_is_allowed(out_link->url, options->scalekit_url, options->link_hosts))
        return E_OK;
    AUTO(xfree_ptr) char *host = host_of(out_link->url);
    scalekit_link_done(out_link);
    return fail(E_PROTOCOL,
                "ScaleKit's link leads to \"%s\", which is not https on its own host or on one in "
                "BRIEFD_LINK_HOSTS",
                host);
}

static enum err store_flow(struct connect *connect, const struct flow_begin *begin,
                           const char *state, char *link, struct flow_begun *begun)
{
    const struct session_row *session = begin->session;
    struct flow_row row = {.id = begun->id,
                           .session_id = session->id,
                           .user_id = session->user_id,
                           .connector = begin->connector->name,
                           .needs_confirm =
                               names_include(session->unconfirmed, begin->connector->name),
                           .link = link,
                           .expires_ms = clock_unix_ms() + FLOW_LIFE_MS};
    AUTO(xfree_ptr) char *return_to = xstrdup(begin->return_to);
    row.return_to = return_to;
    sha256(state, strlen(state), row.state_hash);
    sha256(begun->cookie, strlen(begun->cookie), row.cookie_hash);
    struct store *store = connect->options.agent->store;
    enum err e = store_flow_create(store, &row);
    /* Some ways of connecting end without a return to us: nobody is to slip in there. */
    if (!e && row.needs_confirm)
        e = store_connection_hold(store, row.user_id, row.connector,
                                  begin->connector->connection_name, true);
    return e;
}

enum err flow_start(struct connect *connect, const struct flow_begin *begin,
                    struct flow_begun *out_begun, struct scalekit_error *out_error)
{
    AUTO(xfree_secret_ptr) char *secret = token_new(SECRET_BYTES);
    AUTO(flow_begun_done) struct flow_begun begun = {.cookie = token_new(SECRET_BYTES)};
    AUTO(str_done_secret) struct str state = {0};
    AUTO(scalekit_link_done) struct scalekit_link link = {0};
    *out_error = (struct scalekit_error){0};
    id_new("of", begun.id);
    str_append_format(&state, "%s.%s", begun.id, secret);
    enum err e = make_link(connect, begin, str_text(&state), &link, out_error);
    if (!e) e = store_flow(connect, begin, str_text(&state), link.url, &begun);
    if (e) return e;
    log_info("connect_started", LOG_STR("connector", begin->connector->name),
             LOG_STR("flow", begun.id));
    *out_begun = begun;
    begun = (struct flow_begun){0};
    return E_OK;
}

enum err flow_link(struct connect *connect, const struct session_row *session,
                   const char *connector, const char *id, const char *cookie, char **out_link)
{
    AUTO(flow_row_done) struct flow_row flow = {0};
    unsigned char hash[SHA256_LEN];
    if (!id_valid("of", id)) return fail(E_NOT_FOUND, "no id of a flow");
    enum err e = store_flow_find(connect->options.agent->store, id, &flow);
    if (e) return e;
    sha256(cookie, strlen(cookie), hash);
    bool is_ours = text_equal(flow.session_id, session->id) &&
                   text_equal(flow.user_id, session->user_id) &&
                   text_equal(flow.connector, connector) &&
                   equal_constant_time(hash, flow.cookie_hash, SHA256_LEN);
    if (!is_ours || !flow.link || flow.expires_ms <= clock_unix_ms())
        return fail(E_NOT_FOUND, "the flow is over, or another browser's");
    *out_link = take_ptr(&flow.link);
    return E_OK;
}
