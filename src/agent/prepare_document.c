#include "agent/prepare_document.h"

#include "base/clock.h"
#include "base/crypt.h"

#include <stdio.h>
#include <string.h>

/* ---- the first message ---- */

static enum err expand_one(struct str *out, const char *name, size_t len, const struct run_row *row,
                           int64_t now_ms, const struct local_date *today)
{
    char stamp[TIME_TEXT_MAX];
    int64_t days = 0;
    AUTO(xfree_ptr) char *word = xstrndup(name, len);
    if (text_equal(word, "today")) {
        str_append_format(out, "%s, %04d-%02d-%02d", weekday_name(today->weekday), today->year,
                          today->month, today->day);
    } else if (text_equal(word, "now")) {
        time_format(now_ms, stamp);
        str_append_text(out, stamp);
    } else if (text_equal(word, "timezone")) {
        str_append_text(out, row->timezone);
    } else if (text_starts(word, "days_ago:") && !text_to_i64(word + 9, 0, 3650, &days)) {
        time_format(now_ms - days * 24 * 3600 * 1000, stamp);
        str_append_text(out, stamp);
    } else if (text_starts(word, "param:")) {
        struct json_span value =
            json_get(json_root(row->params, strlen(row->params)), word + strlen("param:"));
        if (!json_string(value, out)) str_append(out, value.text, value.len);
    } else {
        return fail(E_INVALID, "the recipe's first message has an unknown {%s}", word);
    }
    return E_OK;
}

static enum err expand(const char *template, const struct run_row *row, int64_t now_ms,
                       const struct local_date *today, struct str *out)
{
    for (const char *at = template; *at;) {
        const char *open = strchr(at, '{');
        const char *close = open ? strchr(open, '}') : NULL;
        if (!close) {
            str_append_text(out, at);
            return E_OK;
        }
        str_append(out, at, (size_t)(open - at));
        enum err e = expand_one(out, open + 1, (size_t)(close - open - 1), row, now_ms, today);
        if (e) return e;
        at = close + 1;
    }
    return E_OK;
}

/* What a result of the tool counts, taken from its name: "github_issues_list" and
 * "sanitymcp_list_issues" give "issues". */
static char *noun_of(const char *tool_name)
{
    size_t len = strlen(tool_name);
    if (text_ends(tool_name, "_list")) len -= strlen("_list");
    size_t start = len;
    while (start > 0 && tool_name[start - 1] != '_')
        start--;
    return xstrndup(tool_name + start, len - start);
}

static const struct connector *connector_of(const struct agent *agent, const struct recipe *recipe,
                                            const char *tool_name)
{
    for (size_t i = 0; i < recipe->n_connectors; i++) {
        const struct connector *c = catalogue_connector(agent->catalogue, recipe->connectors[i]);
        for (size_t k = 0; c && k < c->n_tool_prefixes; k++) {
            if (text_starts(tool_name, c->tool_prefixes[k])) return c;
        }
    }
    return NULL;
}

/* ---- the document ---- */

static void put_delivery_schema(struct json_writer *w, const struct recipe_delivery *delivery)
{
    json_begin_object(w);
    json_put_string(w, "type", "object");
    json_key(w, "properties");
    json_begin_object(w);
    json_key(w, delivery->text_argument);
    json_begin_object(w);
    json_put_string(w, "type", "string");
    json_put_string(w, "description", "The complete message, ready to be read by people.");
    json_end_object(w);
    json_end_object(w);
    json_key(w, "required");
    json_begin_array(w);
    json_write_string(w, delivery->text_argument);
    json_end_array(w);
    json_put_bool(w, "additionalProperties", false);
    json_end_object(w);
}

/* The server's own tool is not the model's. */
static bool is_shown(const struct recipe *recipe, const char *tool_name)
{
    if (text_equal(tool_name, recipe->delivery.tool)) return true;
    for (size_t i = 0; i < recipe->n_read_tools; i++) {
        if (text_equal(tool_name, recipe->read_tools[i])) return true;
    }
    return false;
}

static void put_tools(struct json_writer *w, struct briefing *b, const struct recipe *recipe,
                      const struct scalekit_tools *tools)
{
    json_key(w, "tools");
    json_begin_array(w);
    for (size_t i = 0; i < tools->n; i++) {
        if (!is_shown(recipe, tools->items[i].name)) continue;
        bool is_delivery = text_equal(tools->items[i].name, recipe->delivery.tool);
        json_begin_object(w);
        json_put_string(w, "name", tools->items[i].model_name);
        json_put_string(w, "description",
                        is_delivery ? recipe->delivery.description : tools->items[i].description);
        json_key(w, "input_schema");
        if (is_delivery)
            put_delivery_schema(w, &recipe->delivery);
        else
            json_write_raw(w, tools->items[i].input_schema, strlen(tools->items[i].input_schema));
        json_end_object(w);
    }
    json_end_array(w);
    json_key(w, "tool_list");
    json_begin_array(w);
    for (size_t i = 0; i < tools->n; i++) {
        if (!is_shown(recipe, tools->items[i].name)) continue;
        const struct connector *c = connector_of(b->agent, recipe, tools->items[i].name);
        json_begin_object(w);
        json_put_string(w, "model_name", tools->items[i].model_name);
        json_put_string(w, "name", tools->items[i].name);
        json_put_string(w, "connector", c ? c->name : "");
        json_put_string(w, "connection_name", c ? c->connection_name : "");
        AUTO(xfree_ptr) char *noun = noun_of(tools->items[i].name);
        json_put_string(w, "noun", noun);
        json_put_bool(w, "is_delivery", text_equal(tools->items[i].name, recipe->delivery.tool));
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_accounts(struct json_writer *w, const struct connection_list *list)
{
    json_key(w, "accounts");
    json_begin_array(w);
    for (size_t i = 0; i < list->n; i++) {
        json_begin_object(w);
        json_put_string(w, "connector", list->rows[i].connector);
        json_put_string(w, "connection_name", list->rows[i].connection_name);
        json_put_string(w, "account_id", list->rows[i].account_id ? list->rows[i].account_id : "");
        json_put_string(w, "identity", list->rows[i].identity);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_prices(struct json_writer *w, const struct model *m)
{
    json_key(w, "prices");
    json_begin_object(w);
    json_put_int(w, "input", m->input);
    json_put_int(w, "output", m->output);
    json_put_int(w, "cache_read", m->cache_read);
    json_put_int(w, "cache_write_5m", m->cache_write_5m);
    json_put_int(w, "cache_write_1h", m->cache_write_1h);
    json_put_int(w, "long_prompt_tokens", m->long_prompt_tokens);
    json_put_int(w, "long_input", m->long_input);
    json_put_int(w, "long_output", m->long_output);
    json_put_int(w, "long_cache_read", m->long_cache_read);
    json_put_int(w, "long_cache_write_5m", m->long_cache_write_5m);
    json_put_int(w, "long_cache_write_1h", m->long_cache_write_1h);
    json_put_int(w, "max_output_tokens", m->max_output_tokens);
    json_end_object(w);
}

/* The values of the identity that our own messages carry. */
static void put_authors(struct json_writer *w, const struct connector *connector,
                        const struct connection_list *connections)
{
    json_key(w, "authors");
    json_begin_array(w);
    for (size_t i = 0; i < connections->n; i++) {
        const struct connection_row *row = &connections->rows[i];
        if (!text_equal(row->connector, connector->name) || !row->identity) continue;
        struct json_span identity = json_root(row->identity, strlen(row->identity));
        for (size_t k = 0; k < connector->n_author_members; k++) {
            struct json_span value = json_get(identity, connector->author_members[k]);
            if (json_type(value) == JSON_STRING) json_write_span(w, value);
        }
    }
    json_end_array(w);
}

static void put_destination(struct json_writer *w, const struct briefing *b,
                            const struct recipe_delivery *d, const struct prepare_parts *parts,
                            const char *channel)
{
    const struct connector *connector = catalogue_connector(b->agent->catalogue, d->connector);
    json_key(w, "delivery");
    json_begin_object(w);
    json_put_string(w, "connector", d->connector);
    json_put_string(w, "channel", channel);
    json_put_string(w, "channel_argument", d->channel_argument);
    json_put_string(w, "text_argument", d->text_argument);
    json_put_raw(w, "fixed_arguments", d->fixed_arguments ? d->fixed_arguments : "{}",
                 d->fixed_arguments ? strlen(d->fixed_arguments) : 2);
    json_put_int(w, "text_chars_max", d->text_chars_max);
    json_put_bool(w, "continues", d->continues);
    json_put_string(w, "history_tool", parts->has_history_tool ? connector->history_tool : NULL);
    put_authors(w, connector, parts->connections);
    json_end_object(w);
}

static void put_limits(struct json_writer *w, const struct recipe *recipe,
                       const struct model *model)
{
    int max_tokens = recipe->max_tokens < model->max_output_tokens ? recipe->max_tokens
                                                                   : model->max_output_tokens;
    json_put_int(w, "max_tokens", max_tokens);
    json_put_int(w, "turns_max", recipe->turns_max);
    json_put_int(w, "tool_output_bytes_max", (int64_t)recipe->tool_output_bytes_max);
    json_put_string(w, "effort", model->takes_effort ? recipe->effort : NULL);
}

static void user_hash(const char *user_id, char out[SHA256_HEX_LEN + 1])
{
    struct sha256_state state;
    sha256_init(&state);
    sha256_add_text(&state, "briefd user");
    sha256_add_text(&state, user_id);
    sha256_final_hex(&state, out);
}

enum err prepare_document(struct briefing *b, const struct prepare_parts *parts, struct str *out)
{
    const struct recipe *recipe = parts->recipe;
    int64_t now_ms = clock_unix_ms();
    struct local_date today;
    enum err e = zone_local(b->row->timezone, now_ms, &today);
    if (e) return e;
    AUTO(str_done) struct str first = {0};
    e = expand(recipe->first_message, b->row, now_ms, &today, &first);
    if (e) return e;
    struct json_span params = json_root(b->row->params, strlen(b->row->params));
    AUTO(xfree_ptr)
    char *channel = json_strdup(json_get(params, recipe->delivery.channel_param), 200);
    if (!channel) return fail(E_INVALID, "the run has no destination channel");
    char hash[SHA256_HEX_LEN + 1];
    user_hash(b->row->user_id, hash);
    char date[48];
    snprintf(date, sizeof(date), "%04d-%02d-%02d", today.year, today.month, today.day);

    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "system", recipe->prompt);
    json_put_string(&w, "first_message", str_text(&first));
    json_put_string(&w, "model", b->row->model);
    json_put_string(&w, "user_hash", hash);
    json_put_string(&w, "date", date);
    put_limits(&w, recipe, parts->model);
    put_prices(&w, parts->model);
    put_tools(&w, b, recipe, parts->tools);
    put_accounts(&w, parts->connections);
    put_destination(&w, b, &recipe->delivery, parts, channel);
    json_end_object(&w);
    return str_ok(out) ? E_OK : fail(E_LIMIT, "the recipe and its tools are too large");
}
