#include "command/reload.h"

#include "base/log.h"

#include <string.h>

/* Lines as one: "a; b". */
static void join_lines(struct str *out, const struct str *lines)
{
    for (const char *at = str_text(lines); *at;) {
        size_t len = strcspn(at, "\n");
        if (out->len > 0) str_append_text(out, "; ");
        str_append(out, at, len);
        at += len + (at[len] == '\n' ? 1 : 0);
    }
}

static void refuse(const struct str *problems)
{
    AUTO(str_done) struct str all = {0};
    join_lines(&all, problems);
    log_error("reload_refused", LOG_STR("problems", str_text(&all)),
              LOG_STR("next", "the settings in force stay as they are"));
}

static void take(const struct config *fresh, struct service *service, struct connect *connect)
{
    log_setup(fresh->log_format, fresh->log_level);
    catalogue_shelf_put(service->shelf, fresh->catalogue);
    runs_set_defaults(service->runs, fresh->model, fresh->timezone);
    anthropic_set_key(service->anthropic, fresh->anthropic_api_key);
    scalekit_set_secret(service->scalekit, fresh->scalekit_client_secret);
    connect_set_webhook_secret(connect, fresh->scalekit_webhook_secret);
    runs_credentials_renewed(service->runs);
}

bool reload(const struct command_context *ctx, const struct command_line *line,
            struct service *service, struct connect *connect)
{
    AUTO(str_done) struct str problems = {0};
    AUTO(str_done) struct str warnings = {0};
    AUTO(str_done) struct str told = {0};
    AUTO(str_done) struct str frozen = {0};
    struct config *fresh = NULL;
    if (command_config_read(ctx, line, CONFIG_EVERYTHING, &fresh, &problems, &warnings)) {
        refuse(&problems);
        return false;
    }
    take(fresh, service, connect);
    join_lines(&told, &warnings);
    if (told.len > 0) log_warn("reload_warning", LOG_STR("detail", str_text(&told)));
    config_list_frozen(service->config, fresh, &frozen);
    if (frozen.len > 0) log_warn("reload_needs_restart", LOG_STR("settings", str_text(&frozen)));
    log_info("reloaded", LOG_INT("recipes", fresh->catalogue->n_recipes));
    config_free(fresh);
    return true;
}
