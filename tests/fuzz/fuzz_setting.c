/*
 * Values of settings, "NAME=VALUE" a line: each is taken, or refused with the rest of a sentence, and
 * a time and a size are what they say. Those that look at files are left out.
 */
#include "config/settings.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_value(const char *name, const char *text)
{
    AUTO(str_done) struct str why = {0};
    const struct setting *setting = setting_find(name);
    if (!setting || setting->kind == SETTING_FILE || setting->kind == SETTING_DATABASE) return;
    struct config *config = xcalloc(1, sizeof *config);
    bool is_taken = setting_apply(setting, text, config, &why);
    assert(is_taken == (why.len == 0));
    if (is_taken) setting_clear(setting, config);
    xfree(config);
}

static void try_units(const char *text)
{
    char written[32];
    int64_t value, again;
    if (duration_parse(text, &value)) {
        duration_format(value, written);
        assert(duration_parse(written, &again) && again == value);
    }
    if (size_parse(text, &value)) assert(value >= 0);
    (void)is_placeholder(text);
    (void)is_printable(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(xfree_ptr) char *text = xstrndup(size ? (const char *)data : "", size);
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        char *value = strchr(line, '=');
        if (!value) continue;
        *value++ = '\0';
        try_value(line, value);
        try_units(value);
    }
    return 0;
}
