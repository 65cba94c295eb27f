#include "agent/accounts.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define WORDS_BYTES_MAX 200

bool account_is_usable(const char *status)
{
    return text_equal(status, "ACTIVE");
}

bool connection_is_usable(const struct connection_row *row)
{
    return account_is_usable(row->status) && !row->is_pending_confirmation;
}

const char *connection_status(const struct connection_row *row)
{
    bool is_waiting = account_is_usable(row->status) && row->is_pending_confirmation;
    return is_waiting ? ACCOUNT_PENDING_CONFIRMATION : row->status;
}

/* Some probes answer in words: then these are what people are shown. An author is known by ids alone.
 */
static void put_words(struct json_writer *w, struct json_span data,
                      const struct connector *connector)
{
    AUTO(str_done) struct str words = {0};
    if (connector->n_author_members > 0 || !json_string(data, &words) || words.len == 0) return;
    json_key(w, connector->identity_members[connector->n_identity_members - 1]);
    json_write_string_n(w, words.data, utf8_cut(words.data, words.len, WORDS_BYTES_MAX));
}

/* The members that say who it is, from wherever a provider puts them: at the top or one object
 * below. */
static void put_identity(struct json_writer *w, struct json_span data,
                         const struct connector *connector)
{
    json_begin_object(w);
    for (size_t i = 0; i < connector->n_identity_members; i++) {
        const char *member = connector->identity_members[i];
        struct json_span value = json_get(data, member);
        for (struct json_iter it = json_iter(data);
             json_type(value) == JSON_NONE && json_next(&it);)
            value = json_get(it.value, member);
        enum json_type type = json_type(value);
        if (type != JSON_STRING && type != JSON_NUMBER) continue;
        json_key(w, member);
        json_write_span(w, value);
    }
    put_words(w, data, connector);
    json_end_object(w);
}

enum err accounts_probe(const struct agent *agent, const struct scalekit_call *call,
                        const char *user_id, const struct connector *connector,
                        struct str *out_identity, struct scalekit_error *out_error)
{
    AUTO(scalekit_result_done) struct scalekit_result result = {0};
    struct scalekit_execute probe = {.tool_name = connector->probe_tool,
                                     .connection_name = connector->connection_name,
                                     .identifier = user_id,
                                     .params = "{}",
                                     .params_len = 2,
                                     .agent_run_id = call->agent_run_id};
    enum err e = scalekit_execute(agent->scalekit, call, &probe, &result, out_error);
    if (e) return e;
    if (result.is_provider_failure) {
        out_error->class = scalekit_provider_class(result.provider_error);
        snprintf(out_error->message, sizeof(out_error->message), "%s says: %s", connector->label,
                 result.provider_error);
        return fail(E_UPSTREAM, "%s", out_error->message);
    }
    AUTO(str_done) struct str raw = {0};
    struct json_writer w = json_writer(&raw);
    put_identity(&w, json_root(str_text(&result.data), result.data.len), connector);
    return json_canonical(out_identity, str_text(&raw), raw.len);
}

/* Copies what ScaleKit said of one connector into its row; without an account the row says so. */
static void fill_row(struct connection_row *row, const char *user_id,
                     const struct connector *connector, const struct scalekit_accounts *accounts,
                     int64_t asked_ms)
{
    *row = (struct connection_row){.user_id = xstrdup(user_id),
                                   .connector = xstrdup(connector->name),
                                   .connection_name = xstrdup(connector->connection_name),
                                   .checked_ms = asked_ms,
                                   .changed_ms = asked_ms};
    for (size_t i = 0; i < accounts->n; i++) {
        const struct scalekit_account *account = &accounts->items[i];
        if (!text_equal(account->connector, connector->connection_name)) continue;
        row->account_id = xstrdup(account->id);
        row->status = xstrdup(account->status);
        row->account_updated_ms = account->updated_ms;
        return;
    }
    row->status = xstrdup(ACCOUNT_NOT_CONNECTED);
}

/* The account was listed a moment ago: a "not found" that does not speak of it is about the tool. */
static bool lacks_tool(const struct scalekit_error *error)
{
    return error->class == SCALEKIT_USER_CONNECT && error->status == 404 &&
           !strcasestr(error->message, "account");
}

/* Asks the provider who is connected. Only a clear "no" changes the status; a probe that cannot be
 * asked now leaves the identity unknown. */
static enum err probe_row(const struct agent *agent, const struct scalekit_call *call,
                          const struct connector *connector, struct connection_row *row,
                          struct scalekit_error *out_error)
{
    AUTO(str_done) struct str identity = {0};
    enum err e = accounts_probe(agent, call, row->user_id, connector, &identity, out_error);
    if (!e) {
        row->identity = str_take(&identity);
        return E_OK;
    }
    if (lacks_tool(out_error)) return E_OK;
    switch (out_error->class) {
    case SCALEKIT_USER_CONNECT:
    case SCALEKIT_USER_RECONNECT:
        xfree(row->status);
        row->status = xstrdup("EXPIRED");
        return E_OK;
    case SCALEKIT_OUR_CREDENTIALS:
    case SCALEKIT_CANCELLED:
    case SCALEKIT_RATE_LIMITED:
    case SCALEKIT_NOT_SENT:
    case SCALEKIT_UNKNOWN:
        return e;
    case SCALEKIT_FINE:
    case SCALEKIT_SCOPE_MISSING:
    case SCALEKIT_BAD_CALL:
    case SCALEKIT_CLASS_COUNT:
        break;
    }
    return E_OK;
}

/* What the table made of the rows: since when the status is what it is, and an identity that was
 * read before. */
static enum err take_stored(const struct agent *agent, const char *user_id,
                            struct connection_list *list)
{
    AUTO(connection_list_done) struct connection_list stored = {0};
    enum err e = store_connections_list(agent->store, user_id, &stored);
    for (size_t i = 0; !e && i < list->n; i++) {
        for (size_t k = 0; k < stored.n; k++) {
            if (!text_equal(stored.rows[k].connector, list->rows[i].connector)) continue;
            struct connection_row fresh = list->rows[i];
            list->rows[i] = stored.rows[k];
            stored.rows[k] = fresh;
        }
    }
    return e;
}

enum err accounts_refresh(const struct agent *agent, const struct scalekit_call *call,
                          const char *user_id, const char *const *connectors, size_t n,
                          bool with_probe, struct connection_list *out_list,
                          struct scalekit_error *out_error)
{
    AUTO(xfree_ptr) const char **names = xcalloc(n, sizeof(*names));
    for (size_t i = 0; i < n; i++) {
        const struct connector *connector = catalogue_connector(agent->catalogue, connectors[i]);
        if (!connector || !connector->connection_name)
            return fail(E_INVALID, "connector \"%s\" is not set up here", connectors[i]);
        names[i] = connector->connection_name;
    }
    /* Before the question: what happens while it is on its way is newer than the answer. */
    int64_t asked_ms = clock_unix_ms();
    AUTO(scalekit_accounts_done) struct scalekit_accounts accounts = {0};
    enum err e =
        scalekit_accounts_list(agent->scalekit, call, user_id, names, n, &accounts, out_error);
    if (e && out_error->class != SCALEKIT_USER_CONNECT) return e;

    AUTO(connection_list_done)
    struct connection_list list = {.rows = xcalloc(n, sizeof(*list.rows)), .n = n};
    for (size_t i = 0; i < n; i++) {
        const struct connector *connector = catalogue_connector(agent->catalogue, connectors[i]);
        fill_row(&list.rows[i], user_id, connector, &accounts, asked_ms);
        bool is_asked =
            with_probe && connector->probe_tool && account_is_usable(list.rows[i].status);
        e = is_asked ? probe_row(agent, call, connector, &list.rows[i], out_error) : E_OK;
        if (e) return e;
    }
    e = store_connections_put(agent->store, list.rows, n);
    if (!e) e = take_stored(agent, user_id, &list);
    if (e) return e;
    *out_list = list;
    list = (struct connection_list){0};
    return E_OK;
}

enum err accounts_mark(const struct agent *agent, const char *user_id, const char *connector,
                       const char *status)
{
    AUTO(connection_list_done) struct connection_list list = {0};
    enum err e = store_connections_list(agent->store, user_id, &list);
    if (e) return e;
    for (size_t i = 0; i < list.n; i++) {
        struct connection_row *row = &list.rows[i];
        if (!text_equal(row->connector, connector)) continue;
        xfree(row->status);
        row->status = xstrdup(status);
        row->checked_ms = clock_unix_ms();
        row->changed_ms = row->checked_ms;
        return store_connections_put(agent->store, row, 1);
    }
    return E_OK;
}
