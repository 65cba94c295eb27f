/*
 * `briefd run`: one briefing to its end in the terminal, for cron, GitHub Actions or a job runner.
 *
 * The same engine as the service, alone on its database, with no HTTP side. It drives only its own
 * briefing and touches no other one; with --idempotency-key it takes up an unfinished one of the
 * same key. Exit codes: enum exit_code.
 */
#include "base/clock.h"
#include "base/thread.h"
#include "command/command.h"
#include "command/progress.h"
#include "command/service.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define EVENTS_AT_ONCE 100
#define WAIT_MS        (60 * 1000)

struct running {
    struct config *config;
    struct service service;
    struct file_lock lock;
    char run_id[ID_MAX];
    /* asked for */
    const char *user_id, *recipe, *params, *timezone, *key, *mode;
    struct thread signals;

    struct mutex mutex; /* guards what follows */
    struct cond changed;
    bool has_news;
    bool is_over;
};

static void say(const struct str *lines)
{
    fputs(str_text(lines), stdout);
    fflush(stdout);
}

/* ---- asking for it ---- */

static void told_problem(void *ctx, const char *pointer, const char *detail)
{
    (void)ctx;
    fprintf(stderr, "  %s %s\n", pointer, detail);
}

static void canonical_request(const struct running *r, struct str *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "user_id", r->user_id);
    json_put_string(&w, "recipe", r->recipe);
    json_put_string(&w, "mode", r->mode);
    json_put_string(&w, "timezone", r->timezone);
    json_put_string(&w, "params", r->params);
    json_end_object(&w);
}

static int refused(const struct running *r, const struct submit_result *result)
{
    switch (result->outcome) {
    case SUBMIT_ALREADY_RUNNING:
        fprintf(
            stderr,
            "briefd run: %s of this user and recipe has not ended and asks for something else.\n",
            result->run_id);
        break;
    case SUBMIT_KEY_REUSED:
        fprintf(stderr, "briefd run: the idempotency key \"%s\" was used for another request.\n",
                r->key);
        break;
    case SUBMIT_QUEUE_FULL:
        fprintf(stderr, "briefd run: too many briefings in the database have not ended.\n");
        break;
    case SUBMIT_NOT_READY:
    case SUBMIT_UNKNOWN_RECIPE:
    case SUBMIT_INVALID:
    case SUBMIT_STOPPING:
    case SUBMIT_ACCEPTED:
    case SUBMIT_ATTACHED:
    case SUBMIT_REPLAYED:
        fprintf(stderr, "briefd run: not accepted%s%s.\n", result->detail[0] ? ": " : "",
                result->detail);
        break;
    }
    /* Whether accounts are usable is found out later: what is missing here is a setting. */
    return result->outcome == SUBMIT_NOT_READY ? COMMAND_CONFIG : COMMAND_FAILED;
}

static int submit(struct running *r)
{
    AUTO(str_done) struct str canonical = {0};
    char fingerprint[SHA256_HEX_LEN + 1];
    canonical_request(r, &canonical);
    sha256_hex(canonical.data, canonical.len, fingerprint);
    struct run_request request = {.principal = "command",
                                  .route = "run",
                                  .idempotency_key = r->key,
                                  .fingerprint = fingerprint,
                                  .user_id = r->user_id,
                                  .recipe = r->recipe,
                                  .mode = r->mode,
                                  .timezone = r->timezone,
                                  .if_blocked = "fail",
                                  .if_running = "attach"};
    if (r->params) {
        enum err e =
            json_check(r->params, strlen(r->params), (struct json_limits){.bytes_max = 64 * KIB});
        if (e) return command_failed("--params is no JSON");
        request.params = json_root(r->params, strlen(r->params));
    }
    AUTO(submit_result_done) struct submit_result result = {0};
    struct run_problem problem = {.add = told_problem};
    enum err e = runs_submit(r->service.runs, &request, &problem, &result);
    if (e) return command_failed("the briefing could not be accepted");
    memcpy(r->run_id, result.run_id, sizeof(r->run_id));
    if (result.outcome == SUBMIT_ACCEPTED) {
        printf("Briefing %s\n", r->run_id);
        return COMMAND_GO_ON;
    }
    if (result.outcome != SUBMIT_REPLAYED && result.outcome != SUBMIT_ATTACHED)
        return refused(r, &result);
    e = runs_adopt(r->service.runs, r->run_id);
    if (e && e != E_CONFLICT)
        return command_failed("the unfinished briefing could not be taken up");
    printf("Briefing %s (%s)\n", r->run_id,
           e ? "it has ended before; nothing is done again" : "taken up again");
    return COMMAND_GO_ON;
}

/* ---- following it ---- */

static void woken(void *ctx, struct snapshot *newest, bool is_timeout)
{
    (void)is_timeout;
    struct running *r = ctx;
    snapshot_release(newest);
    mutex_lock(&r->mutex);
    r->has_news = true;
    cond_broadcast(&r->changed);
    mutex_unlock(&r->mutex);
}

static enum err print_events(struct running *r, int64_t *last)
{
    AUTO(event_list_done) struct event_list list = {0};
    enum err e = store_events_list(r->service.store, r->run_id, *last, EVENTS_AT_ONCE, &list);
    if (e) return e;
    AUTO(str_done) struct str lines = {0};
    for (size_t i = 0; i < list.n; i++) {
        progress_event(&list.rows[i], &lines);
        *last = list.rows[i].n;
    }
    say(&lines);
    return E_OK;
}

/* Waits until the run has another event than `last`. */
static void wait_for_news(struct running *r, int64_t last)
{
    mutex_lock(&r->mutex);
    r->has_news = false;
    mutex_unlock(&r->mutex);
    enum err e = watch_wait(r->service.watch, r->run_id, last, clock_mono_ms() + WAIT_MS, woken, r);
    if (e) return;
    mutex_lock(&r->mutex);
    while (!r->has_news)
        cond_wait(&r->changed, &r->mutex);
    mutex_unlock(&r->mutex);
}

static int follow(struct running *r)
{
    AUTO(run_row_done) struct run_row row = {0};
    int64_t last = 0;
    for (;;) {
        run_row_done(&row);
        enum err e = store_run_get(r->service.store, r->run_id, &row);
        if (!e) e = print_events(r, &last);
        if (e) return command_failed("the briefing cannot be read");
        if (run_status_is_terminal(row.status) && last >= row.last_event) break;
        if (last < row.last_event) continue;
        snapshot_release(watch_put(r->service.watch, &row));
        wait_for_news(r, last);
    }
    AUTO(str_done) struct str lines = {0};
    progress_end(&row, r->config->public_url, &lines);
    say(&lines);
    return progress_exit_code(&row);
}

/* ---- signals ---- */

static void *signals_main(void *arg)
{
    struct running *r = arg;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    int number = 0;
    while (sigwait(&signals, &number) == 0) {
        mutex_lock(&r->mutex);
        bool is_over = r->is_over;
        mutex_unlock(&r->mutex);
        if (is_over) break;
        if (number == SIGUSR1) continue;
        bool is_delivering = false;
        AUTO(run_row_done) struct run_row row = {0};
        enum err e = runs_cancel(r->service.runs, r->run_id, "command", &is_delivering, &row);
        if (e && is_delivering)
            fprintf(stderr, "The message is on its way: waiting for its outcome.\n");
    }
    return NULL;
}

static int drive(struct running *r)
{
    int code = submit(r);
    if (code != COMMAND_GO_ON) return code;
    if (thread_start(&r->signals, "signals", signals_main, r))
        return command_failed("no thread could be started");
    code = follow(r);
    mutex_lock(&r->mutex);
    r->is_over = true;
    mutex_unlock(&r->mutex);
    pthread_kill(r->signals.os, SIGUSR1);
    thread_join(&r->signals);
    return code;
}

/* The value as one word, whatever is in it. */
static void append_option(struct str *out, const char *option, const char *text)
{
    str_append_format(out, " %s '", option);
    for (const char *at = text; *at; at++) {
        if (*at == '\'')
            str_append_text(out, "'\\''");
        else
            str_append_char(out, *at);
    }
    str_append_char(out, '\'');
}

/* The body of POST /briefings that asks for the same. */
static void request_body(const struct running *r, struct str *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "user_id", r->user_id);
    if (r->recipe) json_put_string(&w, "recipe", r->recipe);
    if (!text_equal(r->mode, "post")) json_put_string(&w, "mode", r->mode);
    if (r->timezone) json_put_string(&w, "timezone", r->timezone);
    struct json_limits limits = {.bytes_max = 64 * KIB};
    if (r->params && !json_check(r->params, strlen(r->params), limits))
        json_put_raw(&w, "params", r->params, strlen(r->params));
    json_end_object(&w);
}

static int locked_by_service(const struct running *r)
{
    AUTO(str_done) struct str command = {0}, body = {0}, key = {0};
    fprintf(stderr, "briefd run: %s.\n", err_detail());
    str_append_format(&command, "curl -X POST %s/briefings", r->config->public_url);
    append_option(&command, "-H", "Authorization: Bearer bk_…");
    append_option(&command, "-H", "Content-Type: application/json");
    if (r->key) {
        str_append_format(&key, "Idempotency-Key: %s", r->key);
        append_option(&command, "-H", str_text(&key));
    }
    request_body(r, &body);
    append_option(&command, "-d", str_text(&body));
    fprintf(stderr,
            "A service is running on this database. Ask it instead:\n"
            "  %s\n",
            str_text(&command));
    return COMMAND_FAILED;
}

static int run(struct running *r)
{
    if (!r->user_id) r->user_id = r->config->user_id;
    if (!r->user_id) {
        fprintf(stderr, "briefd run: say for whom: --user ID, or USER_ID in the environment.\n");
        return COMMAND_USAGE;
    }
    if (command_lock(r->config, &r->lock)) return locked_by_service(r);
    enum err e = service_start(&r->service, r->config, true);
    if (e) return command_store_failed(e);
    int code = drive(r);
    service_prune_some(&r->service);
    return code;
}

int command_run(struct command_context *ctx)
{
    bool is_preview = false;
    struct running r = {.lock = {.fd = -1}};
    const struct command_option options[] = {
        {"--user",            "ID",   "for whom (default: USER_ID)",                         &r.user_id,  NULL       },
        {"--recipe",          "NAME", "what kind of briefing (default: editorial-briefing)", &r.recipe,
         NULL                                                                                                        },
        {"--params",          "JSON", "the recipe's parameters as a JSON object",            &r.params,   NULL       },
        {"--timezone",        "ZONE", "IANA name (default: BRIEFD_TIMEZONE)",                &r.timezone, NULL       },
        {"--idempotency-key", "KEY",  "the same key never makes a second briefing",          &r.key,      NULL       },
        {"--preview",         NULL,   "make the message and show it, post nothing",          NULL,        &is_preview},
    };
    const struct command_usage usage = {
        .synopsis = "briefd run [--user ID] [--recipe NAME] [--idempotency-key KEY] [--preview]",
        .text = "Makes one briefing and shows its progress; for cron and other schedulers.\n"
                "Exit codes: 0 delivered or previewed, 2 a connection needs its user, 3 nobody "
                "knows whether\n"
                "the message was posted, 78 configuration, 1 anything else.",
        .example = "briefd run --user u_7f --idempotency-key daily-2026-11-23-u_7f",
        .options = options,
        .n_options = ARRAY_LEN(options),
    };
    struct command_line line = {0};
    int code = command_parse(ctx, &usage, &line);
    if (code != COMMAND_GO_ON) return code;
    r.mode = is_preview ? "preview" : "post";
    code = command_config(ctx, &line, CONFIG_EVERYTHING, &r.config);
    if (code != COMMAND_GO_ON) return code;
    /* The progress lines tell the story here: the log only what is wrong, unless asked for more. */
    if (r.config->log_level == LOG_INFO) log_setup(r.config->log_format, LOG_WARN);
    thread_block_signals();
    mutex_init(&r.mutex);
    cond_init(&r.changed);
    code = run(&r);
    service_stop(&r.service);
    cond_done(&r.changed);
    mutex_done(&r.mutex);
    file_unlock(&r.lock);
    config_free(r.config);
    return code;
}
