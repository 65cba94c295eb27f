/*
 * The timeline in words. The data of events is our own, written by agent/ and runs/.
 */
#include "web/words.h"

#include <string.h>

struct line {
    const struct catalogue *catalogue;
    const struct run_row *row;
    struct json_span data;
    struct str *out;
};

#define WORD_MAX 300

static void put_text(struct line *l, const char *member)
{
    AUTO(xfree_ptr) char *value = json_strdup(json_get(l->data, member), WORD_MAX);
    str_append_text(l->out, value ? value : "?");
}

static int64_t number(const struct line *l, const char *member)
{
    int64_t value = 0;
    return json_int(json_get(l->data, member), &value) ? value : 0;
}

static void put_seconds(struct line *l, const char *member)
{
    str_append_format(l->out, "%.1f s", (double)number(l, member) / 1000);
}

/* "sanitymcp_query_documents" is "Sanity: query documents". */
static void put_tool(struct line *l, struct json_span name)
{
    AUTO(xfree_ptr) char *tool = json_strdup(name, WORD_MAX);
    const char *rest = tool ? tool : "?";
    for (size_t i = 0; i < l->catalogue->n_connectors; i++) {
        const struct connector *connector = &l->catalogue->connectors[i];
        for (size_t k = 0; k < connector->n_tool_prefixes; k++) {
            if (!text_starts(rest, connector->tool_prefixes[k])) continue;
            rest += strlen(connector->tool_prefixes[k]);
            str_append_format(l->out, "%s: ", connector->label);
            break;
        }
    }
    for (; *rest; rest++)
        str_append_char(l->out, *rest == '_' ? ' ' : *rest);
}

static const char *prepared(struct line *l)
{
    str_append_count(l->out, number(l, "connectors"), "accounts");
    str_append_text(l->out, " checked, ");
    str_append_count(l->out, number(l, "tools"), "tools");
    str_append_text(l->out, " ready");
    return NULL;
}

static const char *model_reply(struct line *l)
{
    str_append_format(l->out, "Claude answered (reply %lld, ", (long long)number(l, "turn"));
    put_seconds(l, "took_ms");
    str_append_text(l->out, ", $");
    put_text(l, "cost_usd");
    str_append_char(l->out, ')');
    return NULL;
}

static const char *model_retry(struct line *l)
{
    str_append_text(l->out, "Claude is not available; trying again in ");
    put_seconds(l, "wait_ms");
    return "wait";
}

/* The same one several times in a row is named once. */
static const char *tools_called(struct line *l)
{
    const char *between = "Asking ";
    struct json_iter it = json_iter(json_get(l->data, "tools"));
    for (bool is_there = json_next(&it); is_there;) {
        AUTO(xfree_ptr) char *tool = json_strdup(it.value, WORD_MAX);
        int times = 1;
        str_append_text(l->out, between);
        put_tool(l, it.value);
        while ((is_there = json_next(&it)) && tool && json_string_is(it.value, tool))
            times++;
        if (times > 1) str_append_format(l->out, " (%d times)", times);
        between = "; ";
    }
    return NULL;
}

static const char *tool_result(struct line *l)
{
    put_tool(l, json_get(l->data, "tool"));
    if (!json_is_true(json_get(l->data, "ok"))) {
        str_append_text(l->out, " did not work; Claude was told");
        return "wait";
    }
    if (json_type(json_get(l->data, "count")) == JSON_NONE) {
        str_append_text(l->out, " answered");
        return NULL;
    }
    AUTO(xfree_ptr) char *noun = json_strdup(json_get(l->data, "noun"), WORD_MAX);
    str_append_text(l->out, ": ");
    str_append_count(l->out, number(l, "count"), noun ? noun : "?");
    return NULL;
}

static const char *delivered(struct line *l)
{
    str_append_text(l->out, "Posted to ");
    put_text(l, "channel");
    return "good";
}

static const char *not_posted(struct line *l)
{
    static const struct {
        const char *outcome, *words;
    } rows[] = {
        {"not_executed_account",     "the account must be connected again"                  },
        {"not_executed_passing",     "the channel says \"not now\"; it is sent again"       },
        {"not_executed_credentials", "this service's own credentials are refused"           },
        {"not_executed_refused",     "the channel refused it; Claude was told"              },
        {"surely_absent",            "no answer came, and the message is not in the channel"},
    };
    str_append_text(l->out, "Not posted");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (json_string_is(json_get(l->data, "outcome"), rows[i].outcome))
            str_append_format(l->out, ": %s", rows[i].words);
    return "wait";
}

static const char *started_over(struct line *l)
{
    str_append_text(l->out, "Starting over: ");
    put_text(l, "why");
    return "wait";
}

static const char *settled(struct line *l)
{
    bool is_delivered = json_string_is(json_get(l->data, "state"), "settled_delivered");
    str_append_text(l->out, is_delivered ? "Somebody looked: the message is in the channel"
                                         : "Somebody looked: the message is not in the channel");
    return is_delivered ? "good" : "bad";
}

/* The end is as good as the briefing. */
static const char *ended(struct line *l)
{
    struct run_words words = words_of_run(l->row);
    str_append_format(l->out, "Ended: %s", words.state);
    return words.tone;
}

static const struct {
    const char *type, *tone, *words;
    const char *(*write)(struct line *l); /* instead of `words`; returns the tone */
} lines[] = {
    {"queued",                  NULL,   "Accepted",                                    NULL        },
    {"claimed",                 NULL,   "Started",                                     NULL        },
    {"prepare_begun",           NULL,   "Checking the accounts",                       NULL        },
    {"prepared",                NULL,   NULL,                                          prepared    },
    {"model_asked",             NULL,   "Claude is thinking",                          NULL        },
    {"model_reply",             NULL,   NULL,                                          model_reply },
    {"model_retry",             NULL,   NULL,                                          model_retry },
    {"model_charged",           NULL,   "An interrupted reply of Claude was paid for", NULL        },
    {"tools_called",            NULL,   NULL,                                          tools_called},
    {"tool_result",             NULL,   NULL,                                          tool_result },
    {"delivery_intended",       NULL,   "The message is on its way",                   NULL        },
    {"delivery_reconciling",    "wait", "No answer came: looking into the channel",    NULL        },
    {"delivery_not_executed",   NULL,   NULL,                                          not_posted  },
    {"delivered",               "good", NULL,                                          delivered   },
    {"delivery_settled",        NULL,   NULL,                                          settled     },
    {"previewed",               "good", "The message is ready; nothing was posted",    NULL        },
    {"started_over",            "wait", NULL,                                          started_over},
    {"blocked",                 "wait", "Waiting: an account needs you",               NULL        },
    {"unblocked",               "good", "The account works: going on",                 NULL        },
    {"parked",                  "wait", "Paused; it goes on by itself",                NULL        },
    {"recovered",               "wait", "Taken up again after a restart",              NULL        },
    {"restored",                "bad",  "The service was restored from a backup",      NULL        },
    {"waiting_for_credentials", "wait", "Waiting for those who run this service",      NULL        },
    {"cancel_requested",        "wait", "Asked to be cancelled",                       NULL        },
    {"cancelled",               "off",  "Cancelled",                                   NULL        },
    {"ended",                   NULL,   NULL,                                          ended       },
};

const char *words_of_event(const struct catalogue *catalogue, const struct run_row *row,
                           const struct event_row *event, struct str *out)
{
    struct line line = {.catalogue = catalogue, .row = row, .out = out};
    if (event->data) line.data = json_root(event->data, strlen(event->data));
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (!text_equal(event->type, lines[i].type)) continue;
        if (lines[i].write) return lines[i].write(&line);
        str_append_text(out, lines[i].words);
        return lines[i].tone;
    }
    words_of_member(event->type, out); /* newer than this table */
    return NULL;
}
