#include "command/user_accounts.h"

#include "api/scalekit_connect.h"
#include "base/embedded.h"
#include "store/connections.h"

#include <stdio.h>

enum err user_accounts_list(struct store *store, const char *user_id, struct str *out_names)
{
    AUTO(connection_list_done) struct connection_list list = {0};
    enum err e = store_connections_list(store, user_id, &list);
    if (e) return e;
    for (size_t i = 0; i < list.n; i++)
        if (list.rows[i].account_id)
            str_append_format(out_names, "%s%s", out_names->len > 0 ? ", " : "",
                              list.rows[i].connector);
    return E_OK;
}

static enum err remove_each(struct scalekit *scalekit, const struct connection_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct connection_row *row = &list->rows[i];
        struct scalekit_call call = {0};
        struct scalekit_error error = {0};
        char story[SCALEKIT_STORY_MAX];
        if (!row->account_id) continue;
        if (!scalekit_account_delete(scalekit, &call, row->connection_name, row->user_id, &error)) {
            fprintf(stderr, "The account on %s is removed at ScaleKit.\n", row->connector);
            continue;
        }
        scalekit_error_tell(&error, story, sizeof story);
        return fail(E_UPSTREAM, "the account on %s could not be removed at ScaleKit (%s)",
                    row->connector, story);
    }
    return E_OK;
}

enum err user_accounts_remove(const struct config *config, struct store *store, const char *user_id)
{
    AUTO(connection_list_done) struct connection_list list = {0};
    enum err e = store_connections_list(store, user_id, &list);
    if (e || list.n == 0) return e;
    char user_agent[64];
    snprintf(user_agent, sizeof user_agent, "briefd/%s", briefd_version);
    struct http_options options = {
        .connections_max = 2, .user_agent = user_agent, .ca_file = config->ca_file};
    struct http_client *http = NULL;
    e = http_start(&options, &http);
    if (e) return e;
    struct scalekit_options scalekit = {.env_url = config->scalekit_env_url,
                                        .client_id = config->scalekit_client_id,
                                        .client_secret = config->scalekit_client_secret,
                                        .tool_timeout_ms = config->tool_timeout_ms};
    struct scalekit *client = scalekit_new(http, &scalekit);
    e = remove_each(client, &list);
    scalekit_free(client);
    http_stop(http);
    return e;
}
