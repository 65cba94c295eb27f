/*
 * `briefd send`: asks a running service for a briefing and waits for its end; for timers and cron
 * beside `briefd serve`. A repeated call with the same key is harmless, so every request is tried
 * again while the service cannot be reached.
 */
#include "base/clock.h"
#include "base/embedded.h"
#include "base/json.h"
#include "base/thread.h"
#include "command/command.h"
#include "http/http.h"

#include <stdio.h>
#include <string.h>

#define WAIT_MS      40000  /* a long-poll of 30 s, and some time for its way */
#define PATIENCE_MS  120000 /* while the service cannot be reached: it may be restarting */
#define PAUSE_MS     2000
#define KEY_TEXT_MAX 256

struct sending {
    const struct config *config;
    struct http_client *http;
    const char *url, *user_id, *recipe, *key;
    bool is_daily, is_preview;
    struct str base, bearer;
    struct mutex mutex; /* for pausing */
    struct cond never;
};

/* ---- requests ---- */

static void pause_ms(struct sending *s, int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&s->mutex);
    while (cond_wait_until(&s->never, held, until_ms)) {
    }
}

/* Not reached, or not now: 429 and 5xx. */
static bool is_passing(const struct http_reply *reply)
{
    return reply->end != HTTP_ANSWERED || reply->status == 429 || reply->status >= 500;
}

/* Until there is an answer, or patience has run out. */
static void ask(struct sending *s, const struct http_request *request, struct http_reply *out)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    http_call(s->http, request, out);
    while (is_passing(out) && clock_mono_ms() < until_ms) {
        http_reply_done(out);
        pause_ms(s, PAUSE_MS);
        http_call(s->http, request, out);
    }
}

static int told(const struct http_reply *reply, const char *what)
{
    char words[256];
    AUTO(xfree_ptr) char *detail = NULL;
    struct json_limits limits = {.bytes_max = 64 * KIB};
    if (reply->end == HTTP_ANSWERED && !json_check(reply->body.data, reply->body.len, limits))
        detail =
            json_strdup(json_get(json_root(reply->body.data, reply->body.len), "detail"), 2000);
    http_reply_describe(reply, words, sizeof words);
    fprintf(stderr, "briefd: %s: %s%s%s\n", what, words, detail ? ": " : "", detail ? detail : "");
    return COMMAND_FAILED;
}

/* ---- the briefing ---- */

static void write_body(const struct sending *s, struct str *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "user_id", s->user_id);
    if (s->recipe) json_put_string(&w, "recipe", s->recipe);
    if (s->is_preview) json_put_string(&w, "mode", "preview");
    json_end_object(&w);
}

/* The day as it is in BRIEFD_TIMEZONE; the user and the recipe as a hash, which fits any header. */
static enum err daily_key(const struct sending *s, struct str *out)
{
    struct local_date day;
    char hash[SHA256_HEX_LEN + 1];
    enum err e = zone_local(s->config->timezone, clock_unix_ms(), &day);
    if (e) return e;
    struct sha256_state state = {0};
    sha256_init(&state);
    sha256_add_text(&state, s->user_id);
    sha256_add_text(&state, s->recipe ? s->recipe : "");
    sha256_add_text(&state, s->is_preview ? "preview" : "post");
    sha256_final_hex(&state, hash);
    str_append_format(out, "daily-%04d-%02d-%02d-%.16s", day.year, day.month, day.day, hash);
    return E_OK;
}

static int create(struct sending *s, char out_id[ID_MAX])
{
    AUTO(str_done) struct str url = {0}, body = {0}, key = {0};
    char random[ID_MAX];
    id_new("send", random);
    str_append_text(&key, s->key ? s->key : random);
    if (s->is_daily) str_clear(&key);
    if (s->is_daily && daily_key(s, &key)) return command_failed("there is no date");
    str_append_format(&url, "%s/briefings", str_text(&s->base));
    write_body(s, &body);
    const struct http_header headers[] = {
        {"Authorization",   str_text(&s->bearer)},
        {"Content-Type",    "application/json"  },
        {"Idempotency-Key", str_text(&key)      }
    };
    struct http_request request = {.method = "POST",
                                   .url = str_text(&url),
                                   .headers = headers,
                                   .n_headers = ARRAY_LEN(headers),
                                   .body = str_text(&body),
                                   .body_len = body.len};
    AUTO(http_reply_done) struct http_reply reply = {0};
    ask(s, &request, &reply);
    bool is_accepted =
        reply.end == HTTP_ANSWERED && (reply.status == 200 || reply.status == 202) &&
        !json_check(reply.body.data, reply.body.len, (struct json_limits){.bytes_max = MIB});
    AUTO(xfree_ptr)
    char *id = is_accepted
                   ? json_strdup(json_get(json_root(reply.body.data, reply.body.len), "id"), ID_MAX)
                   : NULL;
    if (!id || !id_valid("br", id)) return told(&reply, "the service did not take the briefing");
    snprintf(out_id, ID_MAX, "%s", id);
    fprintf(stderr, "Briefing %s\n", id);
    return COMMAND_GO_ON;
}

/* As `briefd run` does. */
static int exit_code(struct json_span document)
{
    struct json_span delivery = json_at(document, "delivery", "state", NULL);
    struct json_span code = json_at(document, "error", "code", NULL);
    if (json_string_is(json_get(document, "status"), "succeeded")) return COMMAND_OK;
    if (json_string_is(delivery, "unknown") || json_string_is(code, "delivery_unknown"))
        return COMMAND_DELIVERY_UNKNOWN;
    bool needs_user =
        json_string_is(code, "connector_not_ready") || json_string_is(code, "connector_revoked");
    return needs_user ? COMMAND_NEEDS_USER : COMMAND_FAILED;
}

static int tell_end(struct json_span document)
{
    AUTO(xfree_ptr) char *status = json_strdup(json_get(document, "status"), 40);
    AUTO(xfree_ptr) char *summary = json_strdup(json_get(document, "summary"), 2000);
    printf("%s%s%s\n", status ? status : "ended", summary ? ": " : "", summary ? summary : "");
    return exit_code(document);
}

static int follow(struct sending *s, const char *id)
{
    AUTO(str_done) struct str url = {0};
    str_append_format(&url, "%s/briefings/%s?wait=30", str_text(&s->base), id);
    char etag[64] = "\"0\"";
    for (;;) {
        const struct http_header headers[] = {
            {"Authorization", str_text(&s->bearer)},
            {"If-None-Match", etag                }
        };
        struct http_request request = {
            .method = "GET",
            .url = str_text(&url),
            .headers = headers,
            .n_headers = ARRAY_LEN(headers),
            .timeouts = {.first_byte_ms = WAIT_MS, .total_ms = WAIT_MS}
        };
        AUTO(http_reply_done) struct http_reply reply = {0};
        ask(s, &request, &reply);
        if (reply.end == HTTP_ANSWERED && reply.status == 304) continue;
        struct json_limits limits = {.bytes_max = MIB};
        if (reply.end != HTTP_ANSWERED || reply.status != 200 ||
            json_check(reply.body.data, reply.body.len, limits))
            return told(&reply, "nobody knows here how the briefing ended");
        struct json_span document = json_root(reply.body.data, reply.body.len);
        if (json_is_true(json_get(document, "terminal"))) return tell_end(document);
        if (!http_reply_header(&reply, "ETag", etag, sizeof etag))
            return told(&reply, "this is no briefd");
    }
}

/* ---- the command ---- */

/* Where the service listens on this machine, else where everybody reaches it. */
static void find_service(struct sending *s)
{
    const struct config *c = s->config;
    bool is_v6 = strchr(c->listen_host, ':') != NULL;
    if (s->url)
        str_append_text(&s->base, s->url);
    else if (c->public_url)
        str_append_text(&s->base, c->public_url);
    else
        str_append_format(&s->base, is_v6 ? "http://[%s]:%d" : "http://%s:%d", c->listen_host,
                          c->listen_port);
    while (s->base.len > 0 && s->base.data[s->base.len - 1] == '/')
        str_truncate(&s->base, s->base.len - 1);
    str_append_format(&s->bearer, "Bearer %s", c->api_key);
}

static int send_it(struct sending *s)
{
    char user_agent[64];
    char id[ID_MAX];
    snprintf(user_agent, sizeof user_agent, "briefd/%s", briefd_version);
    struct http_options options = {
        .connections_max = 2, .user_agent = user_agent, .ca_file = s->config->ca_file};
    if (http_start(&options, &s->http)) return command_failed("nothing was sent");
    find_service(s);
    mutex_init(&s->mutex);
    cond_init(&s->never);
    int code = create(s, id);
    if (code == COMMAND_GO_ON) code = follow(s, id);
    http_stop(s->http);
    cond_done(&s->never);
    mutex_done(&s->mutex);
    str_done(&s->base);
    str_done_secret(&s->bearer);
    return code;
}

static int check(const struct command_context *ctx, const struct sending *s)
{
    if (!s->user_id) return command_misused(ctx, "say for whom: --user ID");
    if (s->key && s->is_daily)
        return command_misused(ctx, "--daily and --idempotency-key exclude each other");
    if (s->key && strlen(s->key) >= KEY_TEXT_MAX)
        return command_misused(ctx, "the key is too long");
    return COMMAND_GO_ON;
}

int command_send(struct command_context *ctx)
{
    struct sending s = {0};
    const struct command_option options[] = {
        {"--user",            "ID",   "For whom.",                                    &s.user_id, NULL         },
        {"--recipe",          "NAME", "What kind of briefing.",                       &s.recipe,  NULL         },
        {"--daily",           NULL,   "At most one on a day, in BRIEFD_TIMEZONE.",    NULL,       &s.is_daily  },
        {"--idempotency-key", "KEY",  "The same key never makes a second briefing.",  &s.key,     NULL         },
        {"--preview",         NULL,   "Make the message, post nothing.",              NULL,       &s.is_preview},
        {"--url",             "URL",  "Where the service is; default: its settings.", &s.url,     NULL         },
    };
    const struct command_usage usage = {
        .synopsis = "briefd send --user ID [--recipe NAME] [--daily | --idempotency-key KEY]\n"
                    "            [--preview] [--url URL]",
        .text = "Asks a running service for a briefing and waits for its end: for timers and cron\n"
                "beside `briefd serve`. Needs BRIEFD_API_KEY, a key with the scopes\n"
                "briefings:write and briefings:read, and where the service is: BRIEFD_PUBLIC_URL\n"
                "or BRIEFD_LISTEN. Tries again for two minutes while it cannot be reached.\n"
                "Exit codes: 0 posted (or previewed), 2 a connection needs its user, 3 nobody\n"
                "knows whether the message was posted, 78 wrong settings, 1 anything else.",
        .example = "briefd send --user u_7f --daily",
        .options = options,
        .n_options = ARRAY_LEN(options)};
    struct command_line line = {0};
    struct config *config = NULL;
    int code = command_parse(ctx, &usage, &line);
    if (code == COMMAND_GO_ON) code = check(ctx, &s);
    if (code == COMMAND_GO_ON) code = command_config(ctx, &line, CONFIG_DATABASE, &config);
    if (code != COMMAND_GO_ON) return code;
    s.config = config;
    if (config->api_key) {
        code = send_it(&s);
    } else {
        fprintf(stderr, "briefd send: BRIEFD_API_KEY is not set. `briefd keys create NAME --scope "
                        "briefings:write,briefings:read` makes one.\n");
        code = COMMAND_CONFIG;
    }
    config_free(config);
    return code;
}
