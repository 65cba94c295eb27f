#include "runs/document.h"

#include "agent/catalogue.h"
#include "base/json.h"

#include <string.h>

static void put_link(struct json_writer *w, const char *key, const char *public_url, const char *id,
                     const char *tail)
{
    AUTO(str_done) struct str link = {0};
    str_append_text(&link, public_url);
    str_append_text(&link, "/briefings/");
    str_append_text(&link, id);
    str_append_text(&link, tail);
    json_put_string(w, key, str_text(&link));
}

static void put_usage(struct json_writer *w, const struct run_row *row)
{
    char cost[32];
    money_format(row->usage.cost_nano_usd, cost);
    json_key(w, "usage");
    json_begin_object(w);
    json_put_string(w, "model", row->model);
    json_put_int(w, "input_tokens", row->usage.input_tokens);
    json_put_int(w, "output_tokens", row->usage.output_tokens);
    json_put_int(w, "cache_read_tokens", row->usage.cache_read_tokens);
    json_put_int(w, "cache_write_tokens", row->usage.cache_write_tokens);
    json_put_string(w, "cost_usd", cost);
    json_end_object(w);
}

static void put_delivery(struct json_writer *w, const struct run_row *row)
{
    json_key(w, "delivery");
    json_begin_object(w);
    json_put_string(w, "state", delivery_state_name(row->delivery));
    json_put_string(w, "connector", row->delivery_connector);
    json_put_string(w, "channel", row->delivery_channel);
    json_put_string(w, "ts", row->delivery_ts);
    json_put_string(w, "permalink", row->delivery_permalink);
    json_put_string(w, "text", row->delivery_text);
    json_end_object(w);
}

static void put_blocked_on(struct json_writer *w, const struct run_row *row, const char *public_url)
{
    json_key(w, "blocked_on");
    json_begin_array(w);
    struct json_span list = row->blocked_on ? json_root(row->blocked_on, strlen(row->blocked_on))
                                            : (struct json_span){0};
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        AUTO(xfree_ptr) char *connector = json_strdup(json_get(it.value, "connector"), 64);
        AUTO(str_done) struct str url = {0};
        str_append_format(&url, "%s/?connect=%s", public_url, connector ? connector : "");
        json_begin_object(w);
        json_put_string(w, "connector", connector);
        json_key(w, "status");
        json_write_span(w, json_get(it.value, "status"));
        json_put_string(w, "connect_url", str_text(&url));
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_error(struct json_writer *w, const struct run_row *row)
{
    if (!row->error_code) {
        json_put_null(w, "error");
        return;
    }
    json_key(w, "error");
    json_begin_object(w);
    json_put_string(w, "code", row->error_code);
    json_put_string(w, "detail", row->error_detail);
    json_end_object(w);
}

static void put_progress(struct json_writer *w, const struct run_row *row)
{
    json_key(w, "progress");
    json_begin_object(w);
    json_put_int(w, "turn", row->turn);
    json_put_int(w, "tool_calls", row->tool_calls);
    json_put_int(w, "last_event", row->last_event);
    json_end_object(w);
}

void run_document(const struct run_row *row, const char *public_url, struct str *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "id", row->id);
    json_put_string(&w, "status", run_status_name(row->status));
    json_put_string(&w, "phase", row->phase);
    json_put_bool(&w, "terminal", run_status_is_terminal(row->status));
    json_put_bool(&w, "needs_attention", row->needs_attention);
    json_put_string(&w, "user_id", row->user_id);
    json_key(&w, "recipe");
    json_begin_object(&w);
    json_put_string(&w, "name", row->recipe);
    json_put_string(&w, "hash", row->recipe_hash);
    json_end_object(&w);
    json_put_string(&w, "mode", row->mode);
    json_put_raw(&w, "params", row->params, strlen(row->params));
    json_put_string(&w, "timezone", row->timezone);
    json_put_time(&w, "created_at", row->created_ms);
    json_put_time(&w, "started_at", row->started_ms);
    json_put_time(&w, "finished_at", row->finished_ms);
    json_put_time(&w, "start_by", row->start_by_ms);
    json_put_int(&w, "attempt", row->attempt);
    put_progress(&w, row);
    put_usage(&w, row);
    put_delivery(&w, row);
    put_blocked_on(&w, row, public_url);
    json_put_string(&w, "summary", row->summary);
    put_error(&w, row);
    if (row->metadata)
        json_put_raw(&w, "metadata", row->metadata, strlen(row->metadata));
    else
        json_put_null(&w, "metadata");
    json_key(&w, "links");
    json_begin_object(&w);
    put_link(&w, "self", public_url, row->id, "");
    put_link(&w, "events", public_url, row->id, "/events");
    put_link(&w, "cancel", public_url, row->id, "/cancel");
    json_end_object(&w);
    json_end_object(&w);
}

void run_event(struct json_writer *w, const struct event_row *event)
{
    const char *data = event->data ? event->data : "{}";
    json_begin_object(w);
    json_put_int(w, "n", event->n);
    json_put_string(w, "type", event->type);
    json_put_time(w, "at", event->at_ms);
    json_put_raw(w, "data", data, strlen(data));
    json_end_object(w);
}

int run_poll_after_s(int64_t created_ms, int64_t now_ms)
{
    int64_t age_s = (now_ms - created_ms) / 1000;
    if (age_s < 10) return 1;
    if (age_s < 60) return 2;
    if (age_s < 10 * 60) return 5;
    return 30;
}
