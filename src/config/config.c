/*
 * Loading: every setting from its sources into struct config, then the catalogue, then what only
 * shows when several are seen together. Nothing stops at the first problem.
 */
#include "config/config.h"

#include "base/redact.h"
#include "config/check.h"
#include "config/settings.h"
#include "config/sources.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void add_value(struct config *config, const char *name, const char *text, const char *origin,
                      bool is_secret)
{
    config->values = xrealloc(config->values, (config->n_values + 1) * sizeof *config->values);
    config->values[config->n_values++] = (struct setting_value){.name = xstrdup(name),
                                                                .text = xstrdup(text),
                                                                .origin = xstrdup(origin),
                                                                .is_secret = is_secret};
}

static void tell_refused(const struct setting *setting, const char *name, const struct found *found,
                         const struct str *why, struct str *problems)
{
    if (setting_is_secret(setting) || !is_printable(found->text) || strlen(found->text) > 200)
        str_append_format(problems, "%s (from %s) %s.\n", name, found->origin, str_text(why));
    else
        str_append_format(problems, "%s is \"%s\" (from %s), but it %s.\n", name, found->text,
                          found->origin, str_text(why));
}

/* The value under the setting's name or its other name; both may be set when they say the same. */
static const char *find_either(struct sources *s, const struct setting *setting, struct found *out)
{
    struct found by_name = {0}, by_alias = {0};
    sources_find(s, setting->name, setting_is_secret(setting), &by_name);
    if (setting->alias) sources_find(s, setting->alias, setting_is_secret(setting), &by_alias);
    if (by_name.text && by_alias.text && strcmp(by_name.text, by_alias.text) != 0)
        str_append_format(s->problems,
                          "%s and %s are both set and differ. They mean the same: keep one.\n",
                          setting->name, setting->alias);
    bool take_alias = !by_name.text && by_alias.text;
    found_done(take_alias ? &by_name : &by_alias);
    *out = take_alias ? by_alias : by_name;
    return take_alias ? setting->alias : setting->name;
}

static void load_setting(struct config *config, struct sources *s, const struct setting *setting,
                         enum config_need need)
{
    bool is_needed = need == CONFIG_EVERYTHING || setting->for_database;
    AUTO(str_done) struct str why = {0};
    AUTO(found_done) struct found found = {0};
    if (setting->default_text) {
        if (!setting_apply(setting, setting->default_text, config, &why))
            str_append_format(s->problems, "%s: the default %s.\n", setting->name, str_text(&why));
        str_clear(&why);
    }
    if (!is_needed) return;
    size_t problems_before = s->problems->len;
    const char *name = find_either(s, setting, &found);
    if (found.text && !setting_apply(setting, found.text, config, &why))
        tell_refused(setting, name, &found, &why, s->problems);
    else if (!found.text && setting->missing && s->problems->len == problems_before)
        str_append_format(
            s->problems, "%s is not set. %s and put it in the environment or in %s.\n",
            setting->name, setting->missing, s->from->env_file ? s->from->env_file : ".env");
    add_value(config, setting->name, found.text ? found.text : setting->default_text,
              found.text ? found.origin : "default", setting_is_secret(setting));
}

/* What catalogue_load() asks: variables that connectors and recipes name. */
struct lookup {
    struct config *config;
    struct sources *sources;
};

static const struct setting_value *value_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_values; i++)
        if (text_equal(config->values[i].name, name)) return &config->values[i];
    return NULL;
}

static const char *lookup_setting(void *ctx, const char *name)
{
    struct lookup *lookup = ctx;
    const struct setting_value *known = value_find(lookup->config, name);
    if (!known) {
        AUTO(found_done) struct found found = {0};
        sources_find(lookup->sources, name, false, &found);
        bool is_usable = found.text && is_printable(found.text);
        if (found.text && !is_usable)
            str_append_format(lookup->sources->problems,
                              "%s (from %s) contains a character that is not printable.\n", name,
                              found.origin);
        if (is_usable && is_placeholder(found.text))
            str_append_format(lookup->sources->problems,
                              "%s is \"%.200s\" (from %s), which is still a placeholder.\n", name,
                              found.text, found.origin);
        add_value(lookup->config, name, is_usable ? found.text : NULL,
                  is_usable ? found.origin : "not set", false);
        known = value_find(lookup->config, name);
        assert(known);
    }
    if (known->is_secret) {
        str_append_format(
            lookup->sources->problems,
            "A recipe or connector names %s, which is a secret and none of its business.\n", name);
        return NULL;
    }
    return known->text;
}

static void config_default_public_url(struct config *config)
{
    AUTO(str_done) struct str url = {0};
    bool is_v6 = strchr(config->listen_host, ':') != NULL;
    str_append_format(&url, is_v6 ? "http://[%s]:%d" : "http://%s:%d", config->listen_host,
                      config->listen_port);
    xfree(config->public_url);
    config->public_url = str_take(&url);
    config->public_url_is_default = true;
}

void config_set_port(struct config *config, int port)
{
    config->listen_port = port;
    if (config->public_url_is_default) config_default_public_url(config);
}

static void load_everything(struct config *config, struct sources *sources)
{
    struct lookup lookup = {.config = config, .sources = sources};
    /* Its problems are in the list already. */
    (void)!catalogue_load(config->config_dir, lookup_setting, &lookup, &config->catalogue,
                          sources->problems);
    if (!config->public_url && listens_on_loopback(config)) config_default_public_url(config);
    config_check(config, sources->problems);
}

enum err config_load(const struct config_source *source, enum config_need need,
                     struct config **out_config, struct str *out_problems, struct str *out_warnings)
{
    AUTO(str_done) struct str problems = {0};
    AUTO(sources_done) struct sources sources;
    struct config *config = xcalloc(1, sizeof *config);
    sources_init(&sources, source, &problems, out_warnings);
    check_unknown_names(&sources);
    for (size_t i = 0; i < settings_count; i++)
        load_setting(config, &sources, &settings[i], need);
    if (need == CONFIG_EVERYTHING) load_everything(config, &sources);
    if (problems.len > 0) {
        /* A key may stand where another value belongs, or a password in a URL. */
        redact(out_problems, str_text(&problems), problems.len);
        config_free(config);
        return fail(E_INVALID, "the configuration has problems");
    }
    *out_config = config;
    return E_OK;
}

void config_list_frozen(const struct config *running, const struct config *fresh,
                        struct str *out_names)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting_value *old = value_find(running, settings[i].name);
        const struct setting_value *new = value_find(fresh, settings[i].name);
        bool is_same = text_equal(old ? old->text : NULL, new ? new->text : NULL);
        if (is_same || settings[i].is_reloaded) continue;
        str_append_format(out_names, "%s%s", out_names->len > 0 ? ", " : "", settings[i].name);
    }
}

void config_free(struct config *config)
{
    if (!config) return;
    for (size_t i = 0; i < settings_count; i++)
        setting_clear(&settings[i], config);
    for (size_t i = 0; i < config->n_values; i++) {
        xfree(config->values[i].name);
        xfree_secret(config->values[i].text);
        xfree(config->values[i].origin);
    }
    xfree(config->values);
    catalogue_release(config->catalogue);
    xfree(config);
}
