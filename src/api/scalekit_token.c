/*
 * Our access token for ScaleKit (OAuth client credentials), kept for all threads.
 *
 *   none or stale ──first caller──▶ fetching ──answer──▶ kept ──expires_in − 60 s, or a 401──▶ stale
 *         ▲                         ▲      │
 *         │   everybody else waits ─┘      │ failure: shared with all who waited
 *         └────────────────────────────────┘
 *
 * At most one request is at the token endpoint. A token is known by its generation: who was told
 * 401 asks for any token but that generation, so a hundred threads with the same dead token cause
 * one fetch. Source: wire notes 1.1 and 1.3.
 */
#include "api/scalekit_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/url.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_REPEATS_MAX    3
#define TOKEN_REPEAT_CAP_MS  (30 * 1000)
#define TOKEN_BYTES_MAX      (16 * KIB)
#define TOKEN_MARGIN_S       60
#define TOKEN_LIFE_DEFAULT_S 300
#define TOKEN_LIFE_MAX_S     (30L * 24 * 3600)
#define TOKEN_WAIT_SLICE_MS  100 /* how late a waiting thread may notice that it is called off */

void scalekit_token_init(struct scalekit_token *token, const char *client_secret)
{
    mutex_init(&token->mutex);
    cond_init(&token->has_changed);
    token->client_secret = xstrdup(client_secret);
}

void scalekit_token_done(struct scalekit_token *token)
{
    xfree_secret(take_ptr(&token->client_secret));
    xfree_secret(take_ptr(&token->text));
    cond_done(&token->has_changed);
    mutex_done(&token->mutex);
}

uint64_t scalekit_token_generation(struct scalekit *s)
{
    mutex_lock(&s->token.mutex);
    uint64_t generation = s->token.generation;
    mutex_unlock(&s->token.mutex);
    return generation;
}

/* Another class for the same answers: whatever happens here, the call that needs the token was not
 * sent. */
static enum scalekit_class token_class(const struct http_reply *reply)
{
    if (reply->end == HTTP_CANCELLED) return SCALEKIT_CANCELLED;
    if (reply->end != HTTP_ANSWERED) return SCALEKIT_NOT_SENT;
    if (reply->status == 429) return SCALEKIT_RATE_LIMITED;
    /* Everything else is no word about our secret: an outage, a proxy's page, a wrong address. */
    bool is_refusal = reply->status == 400 || reply->status == 401 || reply->status == 403;
    return is_refusal ? SCALEKIT_OUR_CREDENTIALS : SCALEKIT_NOT_SENT;
}

static bool token_may_repeat(const struct http_reply *reply)
{
    if (reply->end == HTTP_LOST || reply->end == HTTP_NOT_SENT) return true;
    return reply->end == HTTP_ANSWERED && (reply->status == 429 || reply->status >= 500);
}

static void token_form(struct scalekit *s, struct str *out)
{
    mutex_lock(&s->token.mutex);
    AUTO(xfree_secret_ptr) char *secret = xstrdup(s->token.client_secret);
    mutex_unlock(&s->token.mutex);

    str_append_text(out, "grant_type=client_credentials&client_id=");
    percent_encode(out, s->client_id, strlen(s->client_id));
    str_append_text(out, "&client_secret=");
    percent_encode(out, secret, strlen(secret));
}

static int64_t token_timeout_ms(const struct scalekit *s, const struct scalekit_call *call)
{
    int64_t timeout_ms = s->control_timeout_ms;
    if (!call->deadline_mono_ms) return timeout_ms;
    int64_t left_ms = call->deadline_mono_ms - clock_mono_ms();
    return left_ms < timeout_ms ? left_ms : timeout_ms;
}

/* Asks the endpoint, with repeats; the answer, whatever it is, is in `out_reply`. */
static void token_ask(struct scalekit *s, const struct scalekit_call *call,
                      struct http_reply *out_reply)
{
    AUTO(str_done) struct str url = {0};
    str_append_format(&url, "%s/oauth/token", s->env_url);
    AUTO(str_done_secret) struct str form = {0};
    token_form(s, &form);
    const struct http_header headers[] = {
        {"Content-Type", "application/x-www-form-urlencoded"},
        {"Accept",       "application/json"                 },
    };

    for (int n = 0;; n++) {
        int64_t timeout_ms = token_timeout_ms(s, call);
        struct http_request request = {
            .upstream = "scalekit",
            .operation = "token",
            .is_repeat = n > 0,
            .method = "POST",
            .url = str_text(&url),
            .headers = headers,
            .n_headers = ARRAY_LEN(headers),
            .body = form.data,
            .body_len = form.len,
            .timeouts = {.total_ms = timeout_ms > 0 ? timeout_ms : 1,
                         .first_byte_ms = s->control_timeout_ms},
            .reply_bytes_max = 256 * KIB,
            .cancel = call->cancel,
        };
        http_call(s->http, &request, out_reply);
        if (n == TOKEN_REPEATS_MAX || !token_may_repeat(out_reply)) return;

        int64_t asked_ms = 0;
        bool has_asked = retry_after_ms(out_reply, clock_unix_ms(), &asked_ms);
        if (asked_ms > SCALEKIT_PATIENCE_MS) return;
        int64_t wait_ms =
            retry_delay_ms(n, has_asked, asked_ms, s->retry_base_ms, TOKEN_REPEAT_CAP_MS);
        if (!retry_sleep(s->http, wait_ms, call->cancel, call->deadline_mono_ms)) return;
        http_reply_done(out_reply);
    }
}

/* "expires_in" minus a margin; half of it when the life is too short for the margin. */
static int64_t token_use_ms(struct json_span root)
{
    int64_t life_s = TOKEN_LIFE_DEFAULT_S;
    bool is_said = json_int(scalekit_member(root, "expires_in"), &life_s);
    if (!is_said || life_s < 0) life_s = TOKEN_LIFE_DEFAULT_S;
    if (life_s > TOKEN_LIFE_MAX_S) life_s = TOKEN_LIFE_MAX_S;
    return life_s > 2 * TOKEN_MARGIN_S ? (life_s - TOKEN_MARGIN_S) * 1000 : life_s * 500;
}

static bool token_is_usable(const char *token)
{
    if (!token || !*token) return false;
    for (const char *at = token; *at; at++)
        if (*at <= ' ' || *at > '~') return false;
    return true;
}

/* The token of an answer, NULL when it has none. */
static char *token_read(const struct http_reply *reply, int64_t *out_use_ms)
{
    if (reply->end != HTTP_ANSWERED || reply->status < 200 || reply->status > 299) return NULL;
    if (json_check(str_text(&reply->body), reply->body.len, (struct json_limits){0})) return NULL;

    struct json_span root = json_root(reply->body.data, reply->body.len);
    AUTO(xfree_secret_ptr)
    char *token = json_strdup(scalekit_member(root, "access_token"), TOKEN_BYTES_MAX);
    if (!token_is_usable(token)) return NULL;
    *out_use_ms = token_use_ms(root);
    return take_ptr(&token);
}

/* Without the lock. NULL with the error. */
static char *token_fetch(struct scalekit *s, const struct scalekit_call *call, int64_t *out_use_ms,
                         struct scalekit_error *out_error)
{
    struct http_reply reply;
    token_ask(s, call, &reply);
    char *token = token_read(&reply, out_use_ms);
    if (!token) {
        scalekit_error_read(&reply, out_error);
        out_error->class = token_class(&reply);
        if (reply.end == HTTP_ANSWERED && reply.status < 300)
            snprintf(out_error->message, sizeof out_error->message,
                     "the token endpoint gave no access token");
    }
    log_debug("scalekit_token", LOG_INT("status", reply.status), LOG_INT("ms", reply.took_ms),
              LOG_STR("outcome", token ? "fetched" : scalekit_class_name(out_error->class)));
    str_done_secret(&reply.body);
    http_reply_done(&reply);
    return token;
}

/* Why the caller cannot wait any longer, or FINE. */
static enum scalekit_class token_impatience(const struct scalekit_call *call)
{
    if (call->cancel && atomic_load(&call->cancel->is_fired)) return SCALEKIT_CANCELLED;
    bool is_late = call->deadline_mono_ms && clock_mono_ms() >= call->deadline_mono_ms;
    return is_late ? SCALEKIT_NOT_SENT : SCALEKIT_FINE;
}

/* Called with the lock, returns with it; in between requests go out. A failure is everybody's
 * unless it is that this caller was called off or ran out of time: then the next one tries for
 * itself. */
static bool token_refresh_locked(struct scalekit *s, const struct scalekit_call *call,
                                 struct scalekit_error *out_error)
{
    struct scalekit_token *token = &s->token;
    token->is_fetching = true;
    mutex_unlock(&token->mutex);

    int64_t asked_at_ms = clock_mono_ms();
    int64_t use_ms = 0;
    char *fresh = token_fetch(s, call, &use_ms, out_error);
    bool is_private = token_impatience(call) != SCALEKIT_FINE;

    mutex_lock(&token->mutex);
    token->is_fetching = false;
    token->n_fetches++;
    token->has_failed = !fresh && !is_private;
    token->error = *out_error;
    if (fresh) {
        xfree_secret(token->text);
        token->text = fresh;
        token->generation++;
        token->use_until_ms = asked_at_ms + use_ms;
    }
    cond_broadcast(&token->has_changed);
    return fresh != NULL;
}

/* True when the wish is decided: with a token in `out_token`, or with the failure in `out_error`.
 */
static bool token_try_locked(struct scalekit *s, const struct scalekit_call *call, uint64_t stale,
                             uint64_t fetches_before, char **out_token, uint64_t *out_generation,
                             struct scalekit_error *out_error)
{
    struct scalekit_token *token = &s->token;
    bool is_usable = token->text && token->generation != stale &&
                     (token->n_fetches != fetches_before || clock_mono_ms() < token->use_until_ms);
    if (is_usable) {
        *out_token = xstrdup(token->text);
        *out_generation = token->generation;
        return true;
    }
    if (token->n_fetches != fetches_before && token->has_failed) {
        *out_error = token->error;
        return true;
    }
    out_error->class = token_impatience(call);
    if (out_error->class != SCALEKIT_FINE)
        snprintf(out_error->message, sizeof out_error->message,
                 "there was no time left to get an access token");
    return out_error->class != SCALEKIT_FINE;
}

enum err scalekit_token_get(struct scalekit *s, const struct scalekit_call *call, uint64_t stale,
                            char **out_token, uint64_t *out_generation,
                            struct scalekit_error *out_error)
{
    struct scalekit_token *token = &s->token;
    struct scalekit_error error = {0};
    char *text = NULL;

    mutex_lock(&token->mutex);
    uint64_t fetches_before = token->n_fetches;
    while (!token_try_locked(s, call, stale, fetches_before, &text, out_generation, &error)) {
        if (token->is_fetching) {
            (void)cond_wait_until(&token->has_changed, &token->mutex,
                                  clock_mono_ms() + TOKEN_WAIT_SLICE_MS);
            continue;
        }
        if (!token_refresh_locked(s, call, &error)) break;
    }
    mutex_unlock(&token->mutex);

    if (text) {
        *out_token = text;
        return E_OK;
    }
    *out_error = error;
    return scalekit_error_fail("the token endpoint", out_error);
}
