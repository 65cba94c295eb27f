#include "agent/frozen.h"

#include <string.h>

#define TEXT_MAX (1 * MIB)

static enum err need(const struct json_span from, const char *key, char **out)
{
    *out = json_strdup(json_get(from, key), TEXT_MAX);
    return *out ? E_OK : fail(E_CORRUPT, "the prepared run lacks \"%s\"", key);
}

static int64_t number(struct json_span from, const char *key)
{
    int64_t value = 0;
    (void)json_int(json_get(from, key), &value);
    return value;
}

static size_t count(struct json_span array)
{
    size_t n = 0;
    for (struct json_iter it = json_iter(array); json_next(&it);)
        n++;
    return n;
}

static enum err load_tools(struct frozen *f, struct json_span list)
{
    f->tool_list = xcalloc(count(list), sizeof(*f->tool_list));
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct frozen_tool *tool = &f->tool_list[f->n_tools++];
        enum err e = need(it.value, "model_name", &tool->model_name);
        if (!e) e = need(it.value, "name", &tool->name);
        if (!e) e = need(it.value, "connector", &tool->connector);
        if (!e) e = need(it.value, "connection_name", &tool->connection_name);
        if (!e) e = need(it.value, "noun", &tool->noun);
        if (e) return e;
        tool->is_delivery = json_is_true(json_get(it.value, "is_delivery"));
    }
    return E_OK;
}

static enum err load_accounts(struct frozen *f, struct json_span list)
{
    f->accounts = xcalloc(count(list), sizeof(*f->accounts));
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct frozen_account *account = &f->accounts[f->n_accounts++];
        enum err e = need(it.value, "connector", &account->connector);
        if (!e) e = need(it.value, "connection_name", &account->connection_name);
        if (!e) e = need(it.value, "account_id", &account->account_id);
        if (e) return e;
        account->identity = json_strdup(json_get(it.value, "identity"), TEXT_MAX);
    }
    return E_OK;
}

static enum err load_delivery(struct frozen *f, struct json_span delivery)
{
    enum err e = need(delivery, "connector", &f->delivery_connector);
    if (!e) e = need(delivery, "channel", &f->channel);
    if (!e) e = need(delivery, "channel_argument", &f->channel_argument);
    if (!e) e = need(delivery, "text_argument", &f->text_argument);
    if (e) return e;
    struct json_span fixed = json_get(delivery, "fixed_arguments");
    if (json_type(fixed) != JSON_OBJECT)
        return fail(E_CORRUPT, "the prepared run lacks \"fixed_arguments\"");
    f->fixed_arguments = xstrndup(fixed.text, fixed.len);
    f->text_chars_max = (int)number(delivery, "text_chars_max");
    f->history_tool = json_strdup(json_get(delivery, "history_tool"), 200);
    struct json_span authors = json_get(delivery, "authors");
    f->authors = xcalloc(count(authors), sizeof(*f->authors));
    for (struct json_iter it = json_iter(authors); json_next(&it);) {
        f->authors[f->n_authors] = json_strdup(it.value, 200);
        if (f->authors[f->n_authors]) f->n_authors++;
    }
    f->delivery_continues = json_is_true(json_get(delivery, "continues"));
    return E_OK;
}

static void load_prices(struct model *prices, struct json_span from)
{
    prices->input = number(from, "input");
    prices->output = number(from, "output");
    prices->cache_read = number(from, "cache_read");
    prices->cache_write_5m = number(from, "cache_write_5m");
    prices->cache_write_1h = number(from, "cache_write_1h");
    prices->long_prompt_tokens = number(from, "long_prompt_tokens");
    prices->long_input = number(from, "long_input");
    prices->long_output = number(from, "long_output");
    prices->long_cache_read = number(from, "long_cache_read");
    prices->long_cache_write_5m = number(from, "long_cache_write_5m");
    prices->long_cache_write_1h = number(from, "long_cache_write_1h");
    prices->max_output_tokens = (int)number(from, "max_output_tokens");
}

enum err frozen_load(struct frozen *f, struct str *json)
{
    *f = (struct frozen){0};
    str_move(&f->json, json);
    str_fit(&f->json);
    enum err e = json_check(str_text(&f->json), f->json.len, (struct json_limits){0});
    if (e) return fail(E_CORRUPT, "the prepared run is not JSON");
    struct json_span root = json_root(f->json.data, f->json.len);
    f->system = json_get(root, "system");
    f->tools = json_get(root, "tools");
    e = need(root, "first_message", &f->first_message);
    if (!e) e = need(root, "model", &f->model);
    if (!e) e = need(root, "user_hash", &f->user_hash);
    if (!e) e = need(root, "date", &f->date);
    if (!e) e = load_tools(f, json_get(root, "tool_list"));
    if (!e) e = load_accounts(f, json_get(root, "accounts"));
    if (!e) e = load_delivery(f, json_get(root, "delivery"));
    if (e) return e;
    load_prices(&f->prices, json_get(root, "prices"));
    f->effort = json_strdup(json_get(root, "effort"), 64);
    f->max_tokens = (int)number(root, "max_tokens");
    f->turns_max = (int)number(root, "turns_max");
    f->tool_output_bytes_max = (size_t)number(root, "tool_output_bytes_max");
    bool is_whole = json_type(f->system) == JSON_STRING && json_type(f->tools) == JSON_ARRAY &&
                    f->max_tokens > 0 && f->turns_max > 0 && f->tool_output_bytes_max > 0 &&
                    f->text_chars_max > 0;
    return is_whole ? E_OK : fail(E_CORRUPT, "the prepared run is not whole");
}

void frozen_done(struct frozen *f)
{
    for (size_t i = 0; i < f->n_tools; i++) {
        xfree(f->tool_list[i].model_name);
        xfree(f->tool_list[i].name);
        xfree(f->tool_list[i].connector);
        xfree(f->tool_list[i].connection_name);
        xfree(f->tool_list[i].noun);
    }
    for (size_t i = 0; i < f->n_accounts; i++) {
        xfree(f->accounts[i].connector);
        xfree(f->accounts[i].connection_name);
        xfree(f->accounts[i].account_id);
        xfree(f->accounts[i].identity);
    }
    xfree(f->tool_list);
    xfree(f->accounts);
    xfree(f->first_message);
    xfree(f->model);
    xfree(f->effort);
    xfree(f->user_hash);
    xfree(f->date);
    xfree(f->delivery_connector);
    xfree(f->channel);
    xfree(f->channel_argument);
    xfree(f->text_argument);
    xfree(f->fixed_arguments);
    xfree(f->history_tool);
    for (size_t i = 0; i < f->n_authors; i++)
        xfree(f->authors[i]);
    xfree(f->authors);
    str_done(&f->json);
    *f = (struct frozen){0};
}

const struct frozen_tool *frozen_tool_find(const struct frozen *f, const char *model_name)
{
    for (size_t i = 0; i < f->n_tools; i++) {
        if (text_equal(f->tool_list[i].model_name, model_name)) return &f->tool_list[i];
    }
    return NULL;
}

const struct frozen_account *frozen_account_find(const struct frozen *f, const char *connector)
{
    for (size_t i = 0; i < f->n_accounts; i++) {
        if (text_equal(f->accounts[i].connector, connector)) return &f->accounts[i];
    }
    return NULL;
}
