#include "config/sources.h"

#include "base/file.h"
#include "base/utf8.h"
#include "config/dotenv.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ENV_FILE_BYTES_MAX   (64 * KIB)
#define VALUE_FILE_BYTES_MAX (64 * KIB)

/* A place that holds variables by name. */
struct layer {
    const char *(*get)(const struct sources *s, const char *name);
    const char *origin;
};

static const char *environ_get(const struct sources *s, const char *name)
{
    size_t len = strlen(name);
    for (char **entry = s->from->environ; entry && *entry; entry++)
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=') return *entry + len + 1;
    return NULL;
}

static const char *env_file_get(const struct sources *s, const char *name)
{
    return url_pairs_find(&s->env_file, name);
}

static const char *override_get(const struct sources *s, const char *name)
{
    size_t len = strlen(name);
    const char *value = NULL;
    for (const char *const *entry = s->from->overrides; entry && *entry; entry++)
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=') value = *entry + len + 1;
    return value;
}

static const char *non_empty(const char *text)
{
    return text && *text ? text : NULL;
}

static bool others_may_read(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0;
}

void sources_init(struct sources *s, const struct config_source *from, struct str *problems,
                  struct str *warnings)
{
    *s = (struct sources){.from = from, .problems = problems, .warnings = warnings};
    const char *path = from->env_file ? from->env_file : ".env";
    AUTO(str_done_secret) struct str text = {0};
    enum err e = file_read(path, ENV_FILE_BYTES_MAX, &text);
    if (e == E_NOT_FOUND && !from->env_file) return;
    if (e) {
        str_append_format(problems, "%s.\n", err_detail());
        return;
    }
    s->env_file_name = path;
    s->env_file_is_open = others_may_read(path);
    /* Its problems are in the list already. */
    (void)!dotenv_parse(str_text(&text), text.len, path, &s->env_file, problems);
}

void sources_done(struct sources *s)
{
    for (size_t i = 0; i < s->env_file.n; i++)
        mem_wipe(s->env_file.items[i].value, strlen(s->env_file.items[i].value));
    url_pairs_done(&s->env_file);
}

void found_done(struct found *found)
{
    xfree_secret(found->text);
    xfree(found->origin);
    *found = (struct found){0};
}

/* Editors and `echo` end a file with a line break that is not part of the value. */
static void trim_newline(struct str *text)
{
    if (text->len > 0 && text->data[text->len - 1] == '\n') str_truncate(text, text->len - 1);
    if (text->len > 0 && text->data[text->len - 1] == '\r') str_truncate(text, text->len - 1);
}

static void found_file(struct sources *s, const char *name, const char *path, struct found *out)
{
    AUTO(str_done_secret) struct str text = {0};
    AUTO(str_done) struct str origin = {0};
    if (file_read(path, VALUE_FILE_BYTES_MAX, &text)) {
        str_append_format(s->problems, "%s cannot be read from its file: %s.\n", name,
                          err_detail());
        return;
    }
    trim_newline(&text);
    if (text.len == 0 || memchr(text.data, '\0', text.len)) {
        str_append_format(s->problems, "%s cannot be read from its file: %s %s.\n", name, path,
                          text.len == 0 ? "is empty" : "is no text");
        return;
    }
    str_append_format(&origin, "file %s", path);
    out->text = str_take(&text);
    out->origin = str_take(&origin);
}

/* True when the layer has an answer, be it a problem. */
static bool find_in(struct sources *s, struct layer layer, const char *name, bool is_secret,
                    struct found *out)
{
    char file_name[128];
    snprintf(file_name, sizeof file_name, "%.100s_FILE", name);
    const char *text = non_empty(layer.get(s, name));
    const char *path = non_empty(layer.get(s, file_name));
    if (text && path) {
        str_append_format(s->problems, "%s and %s are both set in %s. Keep one of them.\n", name,
                          file_name, layer.origin);
        return true;
    }
    if (path) {
        found_file(s, name, path, out);
        if (out->text && is_secret && others_may_read(path))
            str_append_format(s->warnings,
                              "%s: every user of this machine can read %s. chmod 600 it.\n", name,
                              path);
        return true;
    }
    if (!text) return false;
    out->text = xstrdup(text);
    out->origin = xstrdup(layer.origin);
    return true;
}

/* systemd's LoadCredential= puts files there that only this service can read. */
static bool find_credential(struct sources *s, const char *name, struct found *out)
{
    const char *folder = non_empty(environ_get(s, "CREDENTIALS_DIRECTORY"));
    if (!folder) return false;
    /* Those of a whole folder, LoadCredential=briefd:/etc/briefd/credentials, get a prefix. */
    static const char *const prefixes[] = {"", "briefd_"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        AUTO(str_done) struct str path = {0};
        str_append_format(&path, "%s/%s%s", folder, prefixes[i], name);
        if (!file_exists(str_text(&path))) continue;
        found_file(s, name, str_text(&path), out);
        return true;
    }
    return false;
}

static void warn_open_env_file(struct sources *s, const char *name)
{
    if (!s->env_file_is_open || s->env_file_is_warned) return;
    s->env_file_is_warned = true;
    str_append_format(
        s->warnings,
        "%s holds secrets (%s) and every user of this machine can read it. chmod 600 it.\n",
        s->env_file_name, name);
}

void sources_find(struct sources *s, const char *name, bool is_secret, struct found *out_found)
{
    struct found found = {0};
    const char *override = override_get(s, name);
    if (override) {
        found.text = xstrdup(override);
        found.origin = xstrdup("command line");
    } else if (!find_in(s, (struct layer){environ_get, "the environment"}, name, is_secret,
                        &found) &&
               !find_credential(s, name, &found) && s->env_file_name) {
        find_in(s, (struct layer){env_file_get, s->env_file_name}, name, is_secret, &found);
        if (is_secret && found.text && non_empty(env_file_get(s, name)))
            warn_open_env_file(s, name);
    }
    *out_found = found;
}

void sources_each(const struct sources *s, const char *prefix,
                  void (*each)(void *ctx, const char *name, const char *origin), void *ctx)
{
    for (char **entry = s->from->environ; entry && *entry; entry++) {
        size_t len = strcspn(*entry, "=");
        if (!text_starts(*entry, prefix) || len > 200) continue;
        AUTO(xfree_ptr) char *name = xstrndup(*entry, len);
        each(ctx, name, "the environment");
    }
    for (size_t i = 0; i < s->env_file.n; i++)
        if (text_starts(s->env_file.items[i].name, prefix))
            each(ctx, s->env_file.items[i].name, s->env_file_name);
}
