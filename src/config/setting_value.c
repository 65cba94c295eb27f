/* The kinds of settings: how each is read, what it may be, and where it goes in struct config. */
#include "base/clock.h"
#include "base/crypt.h"
#include "base/file.h"
#include "base/utf8.h"
#include "config/settings.h"
#include "store/runs.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_BYTES_MAX 2000
#define PEM_BYTES_MAX  (16 * MIB)

static void *field(const struct setting *setting, struct config *config)
{
    return (char *)config + setting->offset;
}

static bool is_text_kind(enum setting_kind kind)
{
    switch (kind) {
    case SETTING_TEXT:
    case SETTING_ID:
    case SETTING_SECRET:
    case SETTING_SEAL_KEY:
    case SETTING_UPSTREAM:
    case SETTING_PUBLIC_URL:
    case SETTING_LISTEN:
    case SETTING_FILE:
    case SETTING_DATABASE:
    case SETTING_USER:
    case SETTING_ADDRESSES:
    case SETTING_HEADER:
    case SETTING_ORIGINS:
    case SETTING_HOSTS:
    case SETTING_ZONE:
        return true;
    case SETTING_CHOICE:
    case SETTING_EITHER:
    case SETTING_INT:
    case SETTING_COUNT_OF:
    case SETTING_DURATION:
    case SETTING_SIZE:
    case SETTING_MONEY:
        return false;
    }
    return false;
}

void setting_clear(const struct setting *setting, struct config *config)
{
    if (!is_text_kind(setting->kind)) return;
    char **text = field(setting, config);
    xfree_secret(*text);
    *text = NULL;
}

static bool set_text(const struct setting *setting, struct config *config, const char *text,
                     size_t len)
{
    setting_clear(setting, config);
    char **to = field(setting, config);
    *to = xstrndup(text, len);
    return true;
}

static bool refuse(struct str *out_why, const char *why)
{
    str_append_text(out_why, why);
    return false;
}

bool is_printable(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f) return false;
    return utf8_valid(text, strlen(text));
}

bool is_placeholder(const char *text)
{
    static const char *const whole[] = {"todo", "secret", "key",     "token",
                                        "none", "null",   "password"};
    static const char *const starts[] = {"changeme", "change-me", "change_me",
                                         "your-",    "your_",     "<",
                                         "xxx",      "replace",   "placeholder"};
    static const char *const inside[] = {"...", "\xe2\x80\xa6", "your-", "your_", "<", "xxxxx"};
    for (size_t i = 0; i < ARRAY_LEN(whole); i++)
        if (strcasecmp(text, whole[i]) == 0) return true;
    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (strncasecmp(text, starts[i], strlen(starts[i])) == 0) return true;
    for (size_t i = 0; i < ARRAY_LEN(inside); i++)
        if (strcasestr(text, inside[i])) return true;
    return false;
}

static bool apply_secret(const struct setting *setting, const char *text, struct config *config,
                         struct str *out_why)
{
    if (is_placeholder(text))
        return refuse(out_why, "is still a placeholder: put the real value there");
    if (strpbrk(text, " \t"))
        return refuse(out_why, "contains a space: it was perhaps copied with something around it");
    return set_text(setting, config, text, strlen(text));
}

static bool apply_seal_key(const struct setting *setting, const char *text, struct config *config,
                           struct str *out_why)
{
    AUTO(str_done_secret) struct str plain = {0}, url = {0};
    bool fits = (base64_decode(&plain, text, strlen(text)) == E_OK && plain.len == SEAL_KEY_LEN) ||
                (base64url_decode(&url, text, strlen(text)) == E_OK && url.len == SEAL_KEY_LEN);
    if (!fits) return refuse(out_why, "must be 32 bytes in base64: openssl rand -base64 32");
    return set_text(setting, config, text, strlen(text));
}

static bool apply_url(const struct setting *setting, const char *text, struct config *config,
                      struct str *out_why)
{
    struct url url;
    if (is_placeholder(text))
        return refuse(out_why, "is still a placeholder: put the real address there");
    if (url_parse(text, &url)) {
        str_append_format(out_why, "is no URL: %s", err_detail());
        return false;
    }
    if (!url.is_https && !host_is_loopback(url.host))
        return refuse(out_why, "must begin with https:// (http:// is for this machine only)");
    if (setting->kind == SETTING_PUBLIC_URL && url.path[0])
        return refuse(out_why, "must have no path: briefd answers at the root of its address");
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '/')
        len--;
    return set_text(setting, config, text, len);
}

/* The address without brackets in `host`. */
static bool split_address(const char *text, char host[64], int *out_port)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !text_is_i64(colon + 1, strlen(colon + 1), &port) || port < 0 || port > 65535)
        return false;
    size_t len = (size_t)(colon - text);
    bool is_v6 = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (is_v6) {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= 64) return false;
    memcpy(host, text, len);
    host[len] = '\0';
    unsigned char address[sizeof(struct in6_addr)];
    if (is_v6 ? inet_pton(AF_INET6, host, address) != 1
              : inet_pton(AF_INET, host, address) != 1 && strcmp(host, "localhost") != 0)
        return false;
    *out_port = (int)port;
    return true;
}

static bool apply_listen(const struct setting *setting, const char *text, struct config *config,
                         struct str *out_why)
{
    char host[64];
    int port = 0;
    if (!split_address(text, host, &port))
        return refuse(out_why, "must be an address and a port, like 127.0.0.1:8080 or [::1]:8080");
    *(int *)(void *)((char *)config + setting->port_offset) = port;
    return set_text(setting, config, host, strlen(host));
}

static bool apply_file(const struct setting *setting, const char *text, struct config *config,
                       struct str *out_why)
{
    AUTO(str_done) struct str pem = {0};
    if (file_read(text, PEM_BYTES_MAX, &pem))
        return refuse(out_why, "names a file that cannot be read");
    if (!strstr(str_text(&pem), "CERTIFICATE-----"))
        return refuse(out_why, "names a file without a certificate in PEM");
    return set_text(setting, config, text, strlen(text));
}

static bool apply_database(const struct setting *setting, const char *text, struct config *config,
                           struct str *out_why)
{
    const char *slash = strrchr(text, '/');
    AUTO(xfree_ptr)
    char *folder = slash ? xstrndup(text, (size_t)(slash - text) + 1) : xstrdup(".");
    struct stat st;
    bool is_folder = stat(text, &st) == 0 && S_ISDIR(st.st_mode);
    if (is_folder || (slash && !slash[1])) return refuse(out_why, "must name a file, not a folder");
    if (access(folder, F_OK) != 0) {
        str_append_format(out_why, "is in a folder that does not exist: mkdir %s", folder);
        return false;
    }
    return set_text(setting, config, text, strlen(text));
}

static bool apply_user(const struct setting *setting, const char *text, struct config *config,
                       struct str *out_why)
{
    if (!user_id_valid(text))
        return refuse(out_why, "must have 1 to 100 characters, none of them a control character");
    return set_text(setting, config, text, strlen(text));
}

static bool apply_zone(const struct setting *setting, const char *text, struct config *config,
                       struct str *out_why)
{
    if (zone_check(text)) return refuse(out_why, "is no IANA time zone, like Europe/Oslo or UTC");
    return set_text(setting, config, text, strlen(text));
}

static bool apply_choice(const struct setting *setting, const char *text, struct config *config,
                         struct str *out_why)
{
    for (int i = 0; setting->choices[i]; i++) {
        if (strcmp(setting->choices[i], text) != 0) continue;
        if (setting->kind == SETTING_EITHER) {
            bool *is_second = field(setting, config);
            *is_second = i == 1;
        } else {
            int *number = field(setting, config);
            *number = i;
        }
        return true;
    }
    str_append_text(out_why, "must be ");
    for (int i = 0; setting->choices[i]; i++)
        str_append_format(out_why, "%s%s", i == 0 ? "" : " or ", setting->choices[i]);
    return false;
}

/* The range in the words in which the value is written. */
static void tell_range(const struct setting *setting, struct str *out_why)
{
    char least[32], most[32];
    if (setting->kind == SETTING_DURATION) {
        duration_format(setting->min, least);
        duration_format(setting->max, most);
        str_append_format(out_why,
                          "must be a time like 90s, 5m or 24h (a plain number means seconds), "
                          "from %s to %s",
                          least, most);
    } else if (setting->kind == SETTING_MONEY) {
        money_format(setting->min, least);
        money_format(setting->max, most);
        str_append_format(out_why, "must be an amount in dollars like 0.50, from %s to %s", least,
                          most);
    } else {
        str_append_format(out_why, "must be %s, from %lld to %lld",
                          setting->kind == SETTING_SIZE ? "a size in bytes, or like 64KiB or 1MiB"
                                                        : "a whole number",
                          (long long)setting->min, (long long)setting->max);
    }
}

static bool parse_number(const struct setting *setting, const char *text, int64_t *out_value)
{
    if (setting->kind == SETTING_DURATION) return duration_parse(text, out_value);
    if (setting->kind == SETTING_SIZE) return size_parse(text, out_value);
    if (setting->kind == SETTING_MONEY) return money_parse(text, out_value) == E_OK;
    return text_is_i64(text, strlen(text), out_value);
}

static bool apply_number(const struct setting *setting, const char *text, struct config *config,
                         struct str *out_why)
{
    int64_t value = 0;
    if (!parse_number(setting, text, &value) || value < setting->min || value > setting->max) {
        tell_range(setting, out_why);
        return false;
    }
    if (setting->kind == SETTING_INT) {
        int *number = field(setting, config);
        *number = (int)value;
    } else {
        int64_t *number = field(setting, config);
        *number = value;
    }
    return true;
}

bool setting_apply(const struct setting *setting, const char *text, struct config *config,
                   struct str *out_why)
{
    if (strlen(text) > TEXT_BYTES_MAX) return refuse(out_why, "is longer than 2000 bytes");
    if (!is_printable(text))
        return refuse(out_why, "contains a line break or another character that is not printable");
    switch (setting->kind) {
    case SETTING_TEXT:
        return set_text(setting, config, text, strlen(text));
    case SETTING_ID:
    case SETTING_SECRET:
        return apply_secret(setting, text, config, out_why);
    case SETTING_SEAL_KEY:
        return apply_seal_key(setting, text, config, out_why);
    case SETTING_UPSTREAM:
    case SETTING_PUBLIC_URL:
        return apply_url(setting, text, config, out_why);
    case SETTING_LISTEN:
        return apply_listen(setting, text, config, out_why);
    case SETTING_FILE:
        return apply_file(setting, text, config, out_why);
    case SETTING_DATABASE:
        return apply_database(setting, text, config, out_why);
    case SETTING_USER:
        return apply_user(setting, text, config, out_why);
    case SETTING_ADDRESSES:
    case SETTING_HEADER:
    case SETTING_ORIGINS:
    case SETTING_HOSTS:
        return setting_list_is_fine(setting->kind, text, out_why) &&
               set_text(setting, config, text, strlen(text));
    case SETTING_ZONE:
        return apply_zone(setting, text, config, out_why);
    case SETTING_CHOICE:
    case SETTING_EITHER:
        return apply_choice(setting, text, config, out_why);
    case SETTING_INT:
    case SETTING_COUNT_OF:
    case SETTING_DURATION:
    case SETTING_SIZE:
    case SETTING_MONEY:
        return apply_number(setting, text, config, out_why);
    }
    return false;
}
