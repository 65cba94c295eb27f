#include "config/check.h"

#include "base/crypt.h"
#include "base/url.h"
#include "config/settings.h"

#include <stdio.h>
#include <string.h>

static bool is_loopback(const char *host)
{
    char bracketed[80];
    if (!strchr(host, ':')) return host_is_loopback(host);
    snprintf(bracketed, sizeof bracketed, "[%.70s]", host);
    return host_is_loopback(bracketed);
}

bool listens_on_loopback(const struct config *config)
{
    return is_loopback(config->listen_host);
}

#define NAME_MAX_COMPARED 64

/* How many letters to change, add or remove to get from one name to the other. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_COMPARED + 1];
    size_t len = strlen(b);
    if (strlen(a) > NAME_MAX_COMPARED || len > NAME_MAX_COMPARED) return SIZE_MAX;
    for (size_t k = 0; k <= len; k++)
        row[k] = k;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t k = 0; k < len; k++) {
            size_t change = diagonal + (a[i] != b[k]);
            size_t other = (row[k] < row[k + 1] ? row[k] : row[k + 1]) + 1;
            diagonal = row[k + 1];
            row[k + 1] = change < other ? change : other;
        }
    }
    return row[len];
}

static bool is_known(const char *name)
{
    if (setting_find(name)) return true;
    if (!text_ends(name, "_FILE")) return false;
    AUTO(xfree_ptr) char *bare = xstrndup(name, strlen(name) - strlen("_FILE"));
    return setting_find(bare) != NULL;
}

static void check_name(void *ctx, const char *name, const char *origin)
{
    struct str *problems = ctx;
#ifdef BRIEFD_FAULTS
    if (text_starts(name, "BRIEFD_FAULT") || text_equal(name, "BRIEFD_CRASH")) return;
#endif
    if (is_known(name)) return;
    const char *nearest = NULL;
    size_t least = 5;
    for (size_t i = 0; i < settings_count; i++) {
        size_t distance = edit_distance(name, settings[i].name);
        if (distance >= least) continue;
        least = distance;
        nearest = settings[i].name;
    }
    if (nearest)
        str_append_format(problems, "%s (in %s) is no setting. Did you mean %s?\n", name, origin,
                          nearest);
    else
        str_append_format(problems,
                          "%s (in %s) is no setting. `briefd check-config --example` lists them.\n",
                          name, origin);
}

void check_unknown_names(const struct sources *sources)
{
    sources_each(sources, "BRIEFD_", check_name, sources->problems);
}

/* Was it given, so that its field can only be empty because the value was refused? */
static bool is_refused(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_values; i++)
        if (text_equal(config->values[i].name, name)) return config->values[i].text != NULL;
    return false;
}

/* Who is signed in must be told by one side, and by one that cannot be imitated. */
static void check_sign_in(const struct config *config, struct str *problems)
{
    bool has_proxy = config->trusted_proxy || is_refused(config, "BRIEFD_TRUSTED_PROXY");
    bool has_header =
        config->trusted_proxy_header || is_refused(config, "BRIEFD_TRUSTED_PROXY_HEADER");
    if (has_header && !has_proxy)
        str_append_text(problems,
                        "BRIEFD_TRUSTED_PROXY_HEADER is set without BRIEFD_TRUSTED_PROXY: anybody "
                        "could send that header. Name the addresses of the proxy.\n");
    if (has_proxy && !has_header)
        str_append_text(problems,
                        "BRIEFD_TRUSTED_PROXY is set without BRIEFD_TRUSTED_PROXY_HEADER: name the "
                        "header in which the proxy tells the user's id.\n");
    if (has_proxy && config->user_id)
        str_append_text(problems,
                        "USER_ID and BRIEFD_TRUSTED_PROXY are both set: the one says that there is "
                        "a single user, the other that a proxy says who it is. Unset one.\n");
}

static void check_addresses(const struct config *config, struct str *problems)
{
    if (!config->public_url) {
        if (is_refused(config, "BRIEFD_PUBLIC_URL")) return;
        str_append_text(
            problems, "BRIEFD_PUBLIC_URL is not set. BRIEFD_LISTEN is no loopback address, so set "
                      "the https address at which others reach briefd.\n");
        return;
    }
    if (config->metrics_host && config->metrics_port > 0 &&
        config->metrics_port == config->listen_port &&
        text_equal(config->metrics_host, config->listen_host))
        str_append_text(problems, "BRIEFD_METRICS_LISTEN is the same address as BRIEFD_LISTEN: "
                                  "take another port.\n");
    struct url url;
    if (!config->user_id) return;
    bool is_local = listens_on_loopback(config) &&
                    (config->public_url_is_default ||
                     (url_parse(config->public_url, &url) == E_OK && host_is_loopback(url.host)));
    if (!is_local)
        str_append_text(
            problems,
            "USER_ID is set, but single-user mode asks nobody who they are: it needs a loopback "
            "address in BRIEFD_LISTEN and in BRIEFD_PUBLIC_URL. Unset USER_ID, or change them.\n");
}

/* connect/hook.c would find it out with the first webhook, and refuse every one. */
static void check_webhook_secret(const struct config *config, struct str *problems)
{
    if (!config->scalekit_webhook_secret) return;
    AUTO(str_done_secret) struct str key = {0};
    if (webhook_secret_key(config->scalekit_webhook_secret, &key) == E_OK) return;
    str_append_text(problems, "SCALEKIT_WEBHOOK_SECRET is no signing secret: copy it from "
                              "ScaleKit's dashboard, whsec_ and all.\n");
}

static void check_model(const struct config *config, struct str *problems)
{
    const struct model *model = catalogue_model(config->catalogue, config->model);
    if (!model) {
        str_append_format(
            problems,
            "BRIEFD_MODEL is \"%.100s\", which has no prices in models.json, so no budget could be "
            "kept. Known are:",
            config->model);
        for (size_t i = 0; i < config->catalogue->n_models; i++)
            str_append_format(problems, "%s %s", i == 0 ? "" : ",",
                              config->catalogue->models[i].name);
        str_append_text(problems, ".\n");
        return;
    }
    for (size_t i = 0; i < config->catalogue->n_recipes; i++) {
        const struct recipe *recipe = &config->catalogue->recipes[i];
        if (recipe->max_tokens > model->max_output_tokens)
            str_append_format(problems,
                              "recipes/%s/recipe.json: limits.max_tokens: %s writes at most %d.\n",
                              recipe->name, model->name, model->max_output_tokens);
    }
}

static void check_recipe_limits(const struct config *config, struct str *problems)
{
    for (size_t i = 0; i < config->catalogue->n_recipes; i++) {
        const struct recipe *recipe = &config->catalogue->recipes[i];
        if (recipe->deadline_ms > config->deadline_max_ms)
            str_append_format(
                problems,
                "recipes/%s/recipe.json: limits.deadline_seconds is above BRIEFD_MAX_DEADLINE.\n",
                recipe->name);
        if (recipe->budget_nano_usd > config->budget_max_nano_usd)
            str_append_format(
                problems, "recipes/%s/recipe.json: limits.budget_usd is above BRIEFD_MAX_BUDGET.\n",
                recipe->name);
    }
}

/* Variables behind parameters: the recipes' own rules are known only now. */
static void check_param_settings(const struct config *config, struct str *problems)
{
    AUTO(str_done) struct str why = {0};
    for (size_t i = 0; i < config->catalogue->n_recipes; i++) {
        const struct recipe *recipe = &config->catalogue->recipes[i];
        for (size_t k = 0; k < recipe->n_params; k++) {
            const struct recipe_param *param = &recipe->params[k];
            str_clear(&why);
            if (!param->setting_value || recipe_param_accepts(param, param->setting_value, &why))
                continue;
            str_append_format(problems, "%s is \"%.200s\", but the recipe %s says that it %s.\n",
                              param->default_setting, param->setting_value, recipe->name,
                              str_text(&why));
        }
    }
}

static void check_connectors(const struct config *config, struct str *problems)
{
    const struct catalogue *c = config->catalogue;
    size_t n_named = 0;
    for (size_t i = 0; i < c->n_connectors; i++) {
        const struct connector *connector = &c->connectors[i];
        if (!connector->connection_name) continue;
        n_named++;
        if (!connection_name_valid(connector->connection_name))
            str_append_format(problems,
                              "%s is \"%.200s\", which is no connection name: copy it from "
                              "ScaleKit's dashboard as it is.\n",
                              connector->connection_setting, connector->connection_name);
    }
    if (n_named > 0) return;
    str_append_text(
        problems,
        "No connection is named, so no briefing could run. Copy the connection names from "
        "ScaleKit's dashboard into");
    for (size_t i = 0; i < c->n_connectors; i++)
        str_append_format(problems, "%s %s",
                          i == 0                     ? ""
                          : i + 1 == c->n_connectors ? " or"
                                                     : ",",
                          c->connectors[i].connection_setting);
    str_append_text(problems, ".\n");
}

void config_check(const struct config *config, struct str *problems)
{
    check_addresses(config, problems);
    check_sign_in(config, problems);
    check_webhook_secret(config, problems);
    if (!config->catalogue) return;
    check_model(config, problems);
    check_recipe_limits(config, problems);
    check_param_settings(config, problems);
    check_connectors(config, problems);
}
