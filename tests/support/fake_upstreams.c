#include "support/fake_upstreams.h"

#include "base/clock.h"
#include "base/thread.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define REPLIES_MAX 64
#define RULES_MAX   64
#define KEPT_MAX    2048
#define SLICE_MS    5

static struct {
    pthread_mutex_t mutex; /* guards all */
    struct fake_reply replies[REPLIES_MAX];
    size_t n_replies, n_taken;
    struct fake_rule rules[RULES_MAX];
    size_t n_rules;
    char *questions[KEPT_MAX];
    size_t n_questions;
    struct {
        char *tool, *text;
    } calls[KEPT_MAX];
    size_t n_calls;
    size_t parallel_max;
    bool is_released;
    struct {
        char name[64], id[64], status[64]; /* no status: no account */
    } accounts[8];
    size_t n_accounts;
    enum scalekit_class accounts_class;
    char missing[100];
} fake = {.mutex = PTHREAD_MUTEX_INITIALIZER};

_Atomic int64_t fake_clock_ahead_ms;

static void lock(void)
{
    pthread_mutex_lock(&fake.mutex);
}

static void unlock(void)
{
    pthread_mutex_unlock(&fake.mutex);
}

void fake_reset(void)
{
    lock();
    for (size_t i = 0; i < fake.n_questions; i++)
        xfree(fake.questions[i]);
    for (size_t i = 0; i < fake.n_calls; i++) {
        xfree(fake.calls[i].tool);
        xfree(fake.calls[i].text);
    }
    fake.n_replies = fake.n_taken = fake.n_rules = fake.n_questions = fake.n_calls = 0;
    fake.parallel_max = fake.n_accounts = 0;
    fake.is_released = false;
    fake.accounts_class = SCALEKIT_FINE;
    fake.missing[0] = '\0';
    unlock();
    fake_clock_ahead_ms = 0;
}

void fake_claude(const struct fake_reply *replies, size_t n)
{
    lock();
    for (size_t i = 0; i < n && fake.n_replies < REPLIES_MAX; i++)
        fake.replies[fake.n_replies++] = replies[i];
    unlock();
}

void fake_tools(const struct fake_rule *rules, size_t n)
{
    lock();
    for (size_t i = 0; i < n && fake.n_rules < RULES_MAX; i++) {
        fake.rules[fake.n_rules] = rules[i];
        if (rules[i].times == 0) fake.rules[fake.n_rules].times = 1;
        fake.n_rules++;
    }
    unlock();
}

size_t fake_questions(void)
{
    lock();
    size_t n = fake.n_questions;
    unlock();
    return n;
}

const char *fake_question(size_t i)
{
    lock();
    const char *text = i < fake.n_questions ? fake.questions[i] : "";
    unlock();
    return text;
}

static void pause_a_little(void)
{
    struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
    nanosleep(&slice, NULL);
}

bool fake_wait_questions(size_t n)
{
    int64_t until = clock_mono_ms() + 60000;
    while (fake_questions() < n) {
        if (clock_mono_ms() > until) return false;
        pause_a_little();
    }
    return true;
}

size_t fake_calls(const char *tool)
{
    size_t n = 0;
    lock();
    for (size_t i = 0; i < fake.n_calls; i++)
        n += strcmp(fake.calls[i].tool, tool) == 0;
    unlock();
    return n;
}

const char *fake_call(const char *tool, size_t i)
{
    const char *found = "";
    lock();
    for (size_t k = 0; k < fake.n_calls; k++) {
        if (strcmp(fake.calls[k].tool, tool) != 0) continue;
        if (i-- == 0) found = fake.calls[k].text;
        if (*found) break;
    }
    unlock();
    return found;
}

size_t fake_parallel_max(void)
{
    lock();
    size_t n = fake.parallel_max;
    unlock();
    return n;
}

void fake_release(void)
{
    lock();
    fake.is_released = true;
    unlock();
}

/* False: called off. */
static bool hold(struct http_cancel *cancel)
{
    for (;;) {
        if (cancel && atomic_load(&cancel->is_fired)) return false;
        lock();
        bool is_released = fake.is_released;
        unlock();
        if (is_released) return true;
        pause_a_little();
    }
}

void fake_account(const char *connection_name, const char *account_id, const char *status)
{
    lock();
    size_t i = 0;
    while (i < fake.n_accounts && strcmp(fake.accounts[i].name, connection_name) != 0)
        i++;
    if (i == fake.n_accounts) fake.n_accounts++;
    snprintf(fake.accounts[i].name, sizeof fake.accounts[i].name, "%s", connection_name);
    snprintf(fake.accounts[i].id, sizeof fake.accounts[i].id, "%s", account_id);
    snprintf(fake.accounts[i].status, sizeof fake.accounts[i].status, "%s", status ? status : "");
    unlock();
}

void fake_accounts_fail(enum scalekit_class class)
{
    lock();
    fake.accounts_class = class;
    unlock();
}

void fake_tool_missing(const char *tool)
{
    lock();
    snprintf(fake.missing, sizeof fake.missing, "%s", tool);
    unlock();
}

/* ---- api/anthropic.h ---- */

void anthropic_reply_done(struct anthropic_reply *reply)
{
    str_done(&reply->content);
    *reply = (struct anthropic_reply){0};
}

static enum err give_up(struct anthropic_error *error, enum anthropic_fault fault)
{
    error->fault = fault;
    if (fault == ANTHROPIC_CANCELLED) return fail(E_CANCELLED, "called off");
    return fail(fault == ANTHROPIC_DEADLINE ? E_TIMEOUT : E_UPSTREAM, "no reply");
}

/* The attempts before the one that counts; false: the budget says no. */
static bool attempts(const struct fake_reply *reply, const struct anthropic_hooks *hooks,
                     struct anthropic_error *error)
{
    int n_failed = reply->n_refused + reply->n_uncertain;
    for (int n = 1;; n++) {
        if (!hooks->before_attempt(hooks->ctx, n)) return false;
        error->attempts = n;
        if (n > n_failed) return true;
        error->status = n <= reply->n_refused ? 529 : 500;
        if (n > reply->n_refused) error->attempts_uncertain++;
        hooks->on_retry(hooks->ctx, error, 1);
    }
}

enum err anthropic_ask(struct anthropic *a, const char *body, size_t len,
                       struct http_cancel *cancel, int64_t deadline_mono_ms,
                       const struct anthropic_hooks *hooks, struct anthropic_reply *out_reply,
                       struct anthropic_error *out_error)
{
    (void)a;
    (void)deadline_mono_ms;
    *out_error = (struct anthropic_error){0};
    lock();
    struct fake_reply reply = {.fault = ANTHROPIC_REJECTED};
    if (fake.n_taken < fake.n_replies) reply = fake.replies[fake.n_taken++];
    if (fake.n_questions < KEPT_MAX) fake.questions[fake.n_questions++] = xstrndup(body, len);
    unlock();
    if (!attempts(&reply, hooks, out_error)) return give_up(out_error, ANTHROPIC_REJECTED);
    if (reply.hook) reply.hook(reply.ctx);
    if (reply.is_held && !hold(cancel)) return give_up(out_error, ANTHROPIC_CANCELLED);
    if (reply.fault) return give_up(out_error, reply.fault);
    *out_reply = (struct anthropic_reply){
        .stop = reply.stop,
        .usage = {.input_tokens = 10, .output_tokens = 5},
        .attempts = out_error->attempts
    };
    str_append_text(&out_reply->content, reply.content);
    snprintf(out_reply->stop_word, sizeof out_reply->stop_word, "%s", stop_reason_name(reply.stop));
    return E_OK;
}

/* ---- api/scalekit.h ---- */

int64_t scalekit_clock_ahead_ms(const struct scalekit *s)
{
    (void)s;
    return fake_clock_ahead_ms;
}

void scalekit_result_done(struct scalekit_result *result)
{
    str_done(&result->data);
    *result = (struct scalekit_result){0};
}

static struct fake_rule take_rule(const struct scalekit_execute *what)
{
    AUTO(str_done) struct str text = {0};
    str_append_format(&text, "%s %s %.*s", what->identifier, what->connection_name,
                      (int)what->params_len, what->params);
    struct fake_rule rule = {0};
    lock();
    if (fake.n_calls < KEPT_MAX) {
        fake.calls[fake.n_calls].tool = xstrdup(what->tool_name);
        fake.calls[fake.n_calls++].text = xstrdup(str_text(&text));
    }
    for (size_t i = 0; i < fake.n_rules; i++) {
        if (fake.rules[i].times == 0 || strcmp(fake.rules[i].tool, what->tool_name) != 0) continue;
        if (fake.rules[i].times > 0) fake.rules[i].times--;
        rule = fake.rules[i];
        break;
    }
    unlock();
    return rule;
}

enum err scalekit_execute(struct scalekit *s, const struct scalekit_call *call,
                          const struct scalekit_execute *what, struct scalekit_result *out_result,
                          struct scalekit_error *out_error)
{
    (void)s;
    struct fake_rule rule = take_rule(what);
    *out_error = (struct scalekit_error){
        .class = rule.class, .status = rule.status, .retry_after_ms = rule.retry_after_ms};
    if (rule.hook) rule.hook(rule.ctx);
    if (rule.is_held && !hold(call->cancel)) out_error->class = SCALEKIT_CANCELLED;
    if (out_error->class != SCALEKIT_FINE)
        return fail(out_error->class == SCALEKIT_CANCELLED ? E_CANCELLED : E_UPSTREAM, "no answer");
    *out_result = (struct scalekit_result){.is_provider_failure = rule.provider_error != NULL};
    str_append_text(&out_result->data, rule.data ? rule.data : "{}");
    if (rule.provider_error)
        snprintf(out_result->provider_error, sizeof out_result->provider_error, "%s",
                 rule.provider_error);
    return E_OK;
}

void scalekit_execute_all(struct scalekit *s, const struct scalekit_call *call,
                          const struct scalekit_execute *what, size_t n,
                          struct scalekit_result *out_results, struct scalekit_error *out_errors,
                          enum err *out_err)
{
    lock();
    if (n > fake.parallel_max) fake.parallel_max = n;
    unlock();
    for (size_t i = 0; i < n; i++)
        out_err[i] = scalekit_execute(s, call, &what[i], &out_results[i], &out_errors[i]);
}

void scalekit_accounts_done(struct scalekit_accounts *accounts)
{
    for (size_t i = 0; i < accounts->n; i++) {
        xfree(accounts->items[i].connector);
        xfree(accounts->items[i].id);
        xfree(accounts->items[i].provider);
        xfree(accounts->items[i].status);
    }
    xfree(accounts->items);
    *accounts = (struct scalekit_accounts){0};
}

enum err scalekit_accounts_list(struct scalekit *s, const struct scalekit_call *call,
                                const char *identifier, const char *const *connection_names,
                                size_t n, struct scalekit_accounts *out_accounts,
                                struct scalekit_error *out_error)
{
    (void)s;
    (void)call;
    (void)identifier;
    *out_accounts = (struct scalekit_accounts){.items = xcalloc(n, sizeof(*out_accounts->items))};
    lock();
    *out_error = (struct scalekit_error){.class = fake.accounts_class};
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < fake.n_accounts && strcmp(fake.accounts[k].name, connection_names[i]) != 0)
            k++;
        bool is_set = k < fake.n_accounts;
        if (is_set && !fake.accounts[k].status[0]) continue;
        out_accounts->items[out_accounts->n++] = (struct scalekit_account){
            .connector = xstrdup(connection_names[i]),
            .id = xstrdup(is_set ? fake.accounts[k].id : "ca_1"),
            .provider = xstrdup("P"),
            .status = xstrdup(is_set ? fake.accounts[k].status : "ACTIVE"),
            .updated_ms = 1};
    }
    unlock();
    if (out_error->class == SCALEKIT_FINE) return E_OK;
    scalekit_accounts_done(out_accounts);
    return fail(E_UPSTREAM, "no list");
}

void scalekit_tools_done(struct scalekit_tools *tools)
{
    for (size_t i = 0; i < tools->n; i++) {
        xfree(tools->items[i].name);
        xfree(tools->items[i].model_name);
        xfree(tools->items[i].description);
        xfree(tools->items[i].input_schema);
        xfree(tools->items[i].connected_account_id);
    }
    xfree(tools->items);
    *tools = (struct scalekit_tools){0};
}

enum err scalekit_tools_scoped(struct scalekit *s, const struct scalekit_call *call,
                               const char *identifier, const char *const *connection_names,
                               size_t n_connections, const char *const *tool_names, size_t n_tools,
                               struct scalekit_tools *out_tools, struct scalekit_error *out_error)
{
    (void)s;
    (void)call;
    (void)identifier;
    (void)connection_names;
    (void)n_connections;
    *out_error = (struct scalekit_error){0};
    *out_tools = (struct scalekit_tools){.items = xcalloc(n_tools, sizeof(*out_tools->items))};
    for (size_t i = 0; i < n_tools; i++) {
        lock();
        bool is_missing = strcmp(fake.missing, tool_names[i]) == 0;
        unlock();
        if (is_missing) continue;
        out_tools->items[out_tools->n++] =
            (struct scalekit_tool){.name = xstrdup(tool_names[i]),
                                   .model_name = xstrdup(tool_names[i]),
                                   .description = xstrdup("does it"),
                                   .input_schema = xstrdup("{\"type\":\"object\"}")};
    }
    return E_OK;
}
