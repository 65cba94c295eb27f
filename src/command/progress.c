#include "command/progress.h"

#include "agent/catalogue.h"
#include "base/json.h"

#include <string.h>

#define EXIT_DELIVERED        0
#define EXIT_OTHER            1
#define EXIT_CONNECTION       2
#define EXIT_UNKNOWN_DELIVERY 3

static int64_t number(struct json_span data, const char *key)
{
    int64_t value = 0;
    (void)json_int(json_get(data, key), &value);
    return value;
}

static char *text(struct json_span data, const char *key)
{
    char *value = json_strdup(json_get(data, key), 200);
    return value ? value : xstrdup("");
}

static void line_prepared(struct json_span data, struct str *out)
{
    str_append_text(out, "✓ ");
    str_append_count(out, number(data, "connectors"), "connectors");
    str_append_text(out, " checked\n✓ ");
    str_append_count(out, number(data, "tools"), "tools");
    str_append_text(out, " ready\n");
}

static void line_model(struct json_span data, struct str *out)
{
    AUTO(xfree_ptr) char *stop = text(data, "stop_reason");
    AUTO(xfree_ptr) char *cost = text(data, "cost_usd");
    int64_t read = number(data, "input_tokens") + number(data, "cache_read_tokens") +
                   number(data, "cache_write_tokens");
    str_append_format(out, "Iteration %lld: %lld tokens read, %lld written, $%s (%s)\n",
                      (long long)number(data, "turn"), (long long)read,
                      (long long)number(data, "output_tokens"), cost, stop);
}

static void line_retry(struct json_span data, struct str *out)
{
    AUTO(xfree_ptr) char *type = text(data, "type");
    long long status = number(data, "status");
    str_append_text(out, "… the model is not available (");
    if (status == 0)
        str_append_text(out, "no answer");
    else if (status == 200)
        str_append_format(out, "%s", *type ? type : "its answer broke off");
    else
        str_append_format(out, "HTTP %lld%s%s", status, *type ? " " : "", type);
    str_append_format(out, "), next try in %lld s\n",
                      (long long)(number(data, "wait_ms") + 999) / 1000);
}

static void line_tool(struct json_span data, struct str *out)
{
    AUTO(xfree_ptr) char *tool = text(data, "tool");
    AUTO(xfree_ptr) char *noun = text(data, "noun");
    if (!json_is_true(json_get(data, "ok"))) {
        str_append_format(out, "  ✗ %s failed; the model was told\n", tool);
    } else if (!noun[0]) {
        str_append_format(out, "  ✓ %s, %lld bytes\n", tool, (long long)number(data, "bytes"));
    } else {
        str_append_text(out, "  ✓ ");
        str_append_count(out, number(data, "count"), noun);
        str_append_format(out, "  (%s)\n", tool);
    }
}

static void line_delivered(struct json_span data, struct str *out)
{
    AUTO(xfree_ptr) char *channel = text(data, "channel");
    AUTO(xfree_ptr) char *ts = text(data, "ts");
    str_append_format(out, "✓ posted to %s, ts %s\n", channel, ts);
}

static void line_not_executed(struct json_span data, struct str *out)
{
    static const struct {
        const char *outcome;
        const char *words;
    } rows[] = {
        {"not_executed_account",     "the account must be connected again"                  },
        {"not_executed_passing",     "the provider says \"not now\"; it is sent again"      },
        {"not_executed_credentials", "our own credentials are refused"                      },
        {"not_executed_refused",     "the provider refuses it; the model was told"          },
        {"surely_absent",            "no answer came, and the message is not in the channel"},
    };
    AUTO(xfree_ptr) char *outcome = text(data, "outcome");
    const char *words = outcome;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (text_equal(outcome, rows[i].outcome)) words = rows[i].words;
    }
    str_append_format(out, "  ✗ not posted: %s\n", words);
}

static void line_started_over(struct json_span data, struct str *out)
{
    AUTO(xfree_ptr) char *why = text(data, "why");
    str_append_format(out, "↻ starting over: %s\n", why);
}

static const struct {
    const char *type;
    void (*line)(struct json_span data, struct str *out);
} lines[] = {
    {"prepared",              line_prepared    },
    {"model_reply",           line_model       },
    {"model_retry",           line_retry       },
    {"tool_result",           line_tool        },
    {"delivered",             line_delivered   },
    {"delivery_not_executed", line_not_executed},
    {"started_over",          line_started_over},
};

void progress_event(const struct event_row *event, struct str *out)
{
    struct json_span data =
        event->data ? json_root(event->data, strlen(event->data)) : (struct json_span){0};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (text_equal(event->type, lines[i].type)) lines[i].line(data, out);
    }
}

static bool needs_connection(const struct run_row *row)
{
    return text_equal(row->error_code, "connector_not_ready") ||
           text_equal(row->error_code, "connector_revoked") || row->status == RUN_BLOCKED;
}

static void put_missing(const struct run_row *row, const char *public_url, struct str *out)
{
    struct json_span list = row->blocked_on ? json_root(row->blocked_on, strlen(row->blocked_on))
                                            : (struct json_span){0};
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        AUTO(xfree_ptr) char *connector = text(it.value, "connector");
        AUTO(xfree_ptr) char *status = text(it.value, "status");
        str_append_format(out, "  %s is %s. Connect it: %s/?connect=%s\n", connector, status,
                          public_url, connector);
    }
    /* The page is the service's, and beside this command there is none. */
    if (row->blocked_on && row->user_id)
        str_append_format(out,
                          "  Start `briefd serve` for that; `briefd connect %s` prints a link for "
                          "this user.\n",
                          row->user_id);
}

void progress_end(const struct run_row *row, const char *public_url, struct str *out)
{
    char cost[32];
    money_format(row->usage.cost_nano_usd, cost);
    str_append_format(out, "%s %s: %s\n", row->status == RUN_SUCCEEDED ? "✓" : "✗",
                      run_status_name(row->status), row->summary ? row->summary : "");
    if (row->error_code)
        str_append_format(out, "  %s: %s\n", row->error_code,
                          row->error_detail ? row->error_detail : "");
    if (needs_connection(row)) put_missing(row, public_url, out);
    if (row->delivery == DELIVERY_PREVIEWED)
        str_append_format(out, "\n%s\n\n", row->delivery_text ? row->delivery_text : "");
    str_append_format(
        out, "Totals: %d replies, %d tool calls, %lld + %lld tokens, $%s, %lld ms\n", row->turn,
        row->tool_calls,
        (long long)(row->usage.input_tokens + row->usage.cache_read_tokens +
                    row->usage.cache_write_tokens),
        (long long)row->usage.output_tokens, cost,
        (long long)(row->finished_ms > row->created_ms ? row->finished_ms - row->created_ms : 0));
    if (row->delivery_ts) str_append_format(out, "Slack ts: %s\n", row->delivery_ts);
}

int progress_exit_code(const struct run_row *row)
{
    if (row->status == RUN_SUCCEEDED) return EXIT_DELIVERED;
    if (row->delivery == DELIVERY_UNKNOWN) return EXIT_UNKNOWN_DELIVERY;
    return needs_connection(row) ? EXIT_CONNECTION : EXIT_OTHER;
}
