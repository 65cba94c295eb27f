#include "agent/catalogue_files.h"

#include "base/embedded.h"
#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static enum err read_built_in(const char *path, size_t bytes_max, struct str *out)
{
    for (size_t i = 0; i < embedded_config_count; i++) {
        const struct embedded_file *file = &embedded_config[i];
        if (strcmp(file->path, path) != 0) continue;
        if (file->len > bytes_max)
            return fail(E_LIMIT, "the built-in %s is larger than %zu bytes", path, bytes_max);
        str_append(out, file->data, file->len);
        return E_OK;
    }
    return fail(E_NOT_FOUND, "there is no built-in %s", path);
}

enum err catalogue_file_read(const char *config_dir, const char *path, size_t bytes_max,
                             struct str *out)
{
    if (!config_dir) return read_built_in(path, bytes_max, out);
    AUTO(str_done) struct str full = {0};
    str_append_format(&full, "%s/%s", config_dir, path);
    return file_read(str_text(&full), bytes_max, out);
}

static void add_name(struct recipe_names *names, const char *name, size_t len)
{
    names->names = xrealloc(names->names, (names->n + 1) * sizeof *names->names);
    names->names[names->n++] = xstrndup(name, len);
}

static void names_built_in(struct recipe_names *names)
{
    static const char folder[] = "recipes/";
    for (size_t i = 0; i < embedded_config_count; i++) {
        const char *path = embedded_config[i].path;
        if (!text_starts(path, folder) || !text_ends(path, "/recipe.json")) continue;
        const char *name = path + strlen(folder);
        add_name(names, name, strcspn(name, "/"));
    }
}

static bool is_folder(const char *parent, const char *name)
{
    AUTO(str_done) struct str path = {0};
    struct stat st;
    str_append_format(&path, "%s/%s", parent, name);
    return stat(str_text(&path), &st) == 0 && S_ISDIR(st.st_mode);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum err catalogue_recipe_names(const char *config_dir, struct recipe_names *out_names)
{
    struct recipe_names names = {0};
    if (config_dir) {
        AUTO(str_done) struct str folder = {0};
        str_append_format(&folder, "%s/recipes", config_dir);
        DIR *dir = opendir(str_text(&folder));
        if (!dir) return fail(E_NOT_FOUND, "%s is no readable folder", str_text(&folder));
        for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
            if (entry->d_name[0] != '.' && is_folder(str_text(&folder), entry->d_name))
                add_name(&names, entry->d_name, strlen(entry->d_name));
        closedir(dir);
    } else {
        names_built_in(&names);
    }
    if (names.n > 0) qsort(names.names, names.n, sizeof *names.names, compare_names);
    *out_names = names;
    return E_OK;
}

void recipe_names_done(struct recipe_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        xfree(names->names[i]);
    xfree(names->names);
    *names = (struct recipe_names){0};
}
