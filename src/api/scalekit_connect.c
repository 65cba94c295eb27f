/*
 * Magic link, user verification and removal of connected accounts. (wire notes 2.6 to 2.8)
 *
 * Making a link and deleting may be repeated, verifying may not.
 */
#include "api/scalekit_connect.h"

#include "api/scalekit_internal.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define AUTH_REQUEST_ID_MAX 1000
#define LINK_BYTES_MAX      (8 * KIB)
#define REPLY_BYTES_MAX     (256 * KIB)
#define RPC_NOT_FOUND       5

void scalekit_link_done(struct scalekit_link *link)
{
    xfree_secret(link->url);
    *link = (struct scalekit_link){0};
}

static enum err post(struct scalekit *s, const struct scalekit_call *call, const char *what,
                     const char *path, const struct str *body, bool is_once,
                     struct http_reply *out_reply, struct scalekit_error *out_error)
{
    struct scalekit_request request = {
        .what = what,
        .method = "POST",
        .path = path,
        .body = body->data,
        .body_len = body->len,
        .timeout_ms = s->control_timeout_ms,
        .reply_bytes_max = REPLY_BYTES_MAX,
        .is_once = is_once,
    };
    return scalekit_send(s, call, &request, out_reply, out_error);
}

static bool is_web_address(const char *text)
{
    return text && (text_starts(text, "https://") || text_starts(text, "http://"));
}

/* The root object of an answer; JSON_NONE when it is none. */
static struct json_span answer_root(const struct http_reply *reply)
{
    const char *body = str_text(&reply->body);
    if (json_check(body, reply->body.len, (struct json_limits){0})) return (struct json_span){0};
    struct json_span root = json_root(body, reply->body.len);
    return json_type(root) == JSON_OBJECT ? root : (struct json_span){0};
}

/* ---- link ---- */

static enum err link_read(const struct http_reply *reply, struct scalekit_link *out_link,
                          struct scalekit_error *out_error)
{
    struct json_span root = answer_root(reply);
    AUTO(xfree_secret_ptr) char *url = json_strdup(json_get(root, "link"), LINK_BYTES_MAX);
    if (!is_web_address(url)) return scalekit_error_unreadable("magic_link", reply, out_error);

    AUTO(xfree_ptr) char *expiry = json_strdup(json_get(root, "expiry"), TIME_TEXT_MAX * 2);
    int64_t expires_ms = 0;
    if (!expiry || time_parse(expiry, &expires_ms) || expires_ms < 0) expires_ms = 0;
    *out_link = (struct scalekit_link){.url = take_ptr(&url), .expires_ms = expires_ms};
    return E_OK;
}

enum err scalekit_magic_link(struct scalekit *s, const struct scalekit_call *call,
                             const char *connection_name, const char *identifier,
                             const char *verify_url, const char *state,
                             struct scalekit_link *out_link, struct scalekit_error *out_error)
{
    *out_error = (struct scalekit_error){0};
    bool is_acceptable = is_web_address(verify_url) && strlen(state) <= SCALEKIT_STATE_MAX &&
                         strlen(verify_url) <= SCALEKIT_VERIFY_URL_MAX;
    if (!is_acceptable) {
        out_error->class = SCALEKIT_BAD_CALL;
        snprintf(out_error->message, sizeof out_error->message,
                 "the return address or the state is longer than ScaleKit takes, or no http(s) "
                 "address");
        return fail(E_UPSTREAM, "ScaleKit, magic_link: not sent, %s", out_error->message);
    }
    AUTO(str_done_secret) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_put_string(&w, "connector", connection_name);
    json_put_string(&w, "identifier", identifier);
    json_put_string(&w, "user_verify_url", verify_url);
    if (*state) json_put_string(&w, "state", state);
    json_end_object(&w);

    AUTO(http_reply_done) struct http_reply reply = {0};
    enum err e = post(s, call, "magic_link", "/api/v1/connected_accounts/magic_link", &body, false,
                      &reply, out_error);
    /* The call creates the account, so what is not found is the connection. */
    if (e && out_error->status == 404) out_error->class = SCALEKIT_BAD_CALL;
    if (e) return e;
    e = link_read(&reply, out_link, out_error);
    mem_wipe(reply.body.data, reply.body.len);
    return e;
}

/* ---- verification ---- */

/* What a failed call says about the verification; COUNT when it says nothing. */
static enum scalekit_verdict verdict_of(const struct scalekit_error *error)
{
    if (error->class == SCALEKIT_UNKNOWN) return SCALEKIT_VERIFY_UNCLEAR;
    /* REAUTHENTICATION_NEEDED can come after what was asked for was done. (wire notes 1.3) */
    if (error->status == 401 && error->class == SCALEKIT_USER_RECONNECT)
        return SCALEKIT_VERIFY_UNCLEAR;
    if (error->status == 403) return SCALEKIT_WRONG_USER;
    if (error->status == 400 || error->status == 404) return SCALEKIT_VERIFY_GONE;
    return SCALEKIT_VERDICT_COUNT;
}

enum err scalekit_verify(struct scalekit *s, const struct scalekit_call *call,
                         const char *auth_request_id, const char *identifier,
                         enum scalekit_verdict *out_verdict, char **out_redirect_url,
                         struct scalekit_error *out_error)
{
    *out_error = (struct scalekit_error){0};
    size_t len = strlen(auth_request_id);
    if (len == 0 || len > AUTH_REQUEST_ID_MAX) {
        *out_verdict = SCALEKIT_VERIFY_GONE;
        *out_redirect_url = NULL;
        return E_OK;
    }
    AUTO(str_done_secret) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_put_string(&w, "auth_request_id", auth_request_id);
    json_put_string(&w, "identifier", identifier);
    json_end_object(&w);

    AUTO(http_reply_done) struct http_reply reply = {0};
    enum err e = post(s, call, "user/verify", "/api/v1/connected_accounts/user/verify", &body, true,
                      &reply, out_error);
    enum scalekit_verdict verdict = e ? verdict_of(out_error) : SCALEKIT_VERIFIED;
    /* The token endpoint's failures have statuses, too; they say nothing about the verification. */
    bool is_about_us = out_error->class == SCALEKIT_OUR_CREDENTIALS;
    if (verdict == SCALEKIT_VERDICT_COUNT || is_about_us) return e;

    *out_verdict = verdict;
    /* 200 verifies; an answer that cannot be read costs only the address of the next page. */
    char *next = json_strdup(scalekit_member(e ? (struct json_span){0} : answer_root(&reply),
                                             "post_user_verify_redirect_url"),
                             LINK_BYTES_MAX);
    *out_redirect_url = is_web_address(next) ? take_ptr(&next) : NULL;
    xfree(next);
    return E_OK;
}

/* ---- removal ---- */

enum err scalekit_account_delete(struct scalekit *s, const struct scalekit_call *call,
                                 const char *connection_name, const char *identifier,
                                 struct scalekit_error *out_error)
{
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_put_string(&w, "connector", connection_name);
    json_put_string(&w, "identifier", identifier);
    json_end_object(&w);

    AUTO(http_reply_done) struct http_reply reply = {0};
    enum err e = post(s, call, "connected_accounts:delete", "/api/v1/connected_accounts:delete",
                      &body, false, &reply, out_error);
    /* The details of "not found" may be missing; a page of a proxy is no word of ScaleKit. */
    bool is_bare = out_error->rpc_code == RPC_NOT_FOUND && !*out_error->error_code &&
                   !strcasestr(out_error->message, "connection");
    bool is_gone =
        e && out_error->status == 404 && (out_error->class == SCALEKIT_USER_CONNECT || is_bare);
    if (is_gone) *out_error = (struct scalekit_error){0};
    return is_gone ? E_OK : e;
}
