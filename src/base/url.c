#include "base/url.h"

#include "base/utf8.h"

#include <arpa/inet.h>
#include <string.h>

#define PORT_MAX 65535

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One of `set`, and not its final NUL. */
static bool is_in(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static int hex_digit(char c)
{
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_escape(const char *text, size_t len)
{
    return len >= 3 && text[0] == '%' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0;
}

/* The part of a URL being read. */
struct cursor {
    const char *at;
};

static enum err take_scheme(struct cursor *in, struct url *out)
{
    if (strncasecmp(in->at, "https://", 8) == 0) {
        out->is_https = true;
        out->port = 443;
        in->at += 8;
        return E_OK;
    }
    if (strncasecmp(in->at, "http://", 7) == 0) {
        out->port = 80;
        in->at += 7;
        return E_OK;
    }
    return fail(E_INVALID, "it does not begin with http:// or https://");
}

static enum err take_ipv6(struct cursor *in, struct url *out)
{
    const char *close = strchr(in->at, ']');
    size_t len = close ? (size_t)(close + 1 - in->at) : 0;
    char bare[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (len < 3 || len - 2 >= sizeof bare)
        return fail(E_INVALID, "the IPv6 address in brackets is broken");
    memcpy(bare, in->at + 1, len - 2);
    bare[len - 2] = '\0';
    if (inet_pton(AF_INET6, bare, &address) != 1)
        return fail(E_INVALID, "the IPv6 address in brackets is broken");
    for (size_t i = 0; i < len; i++)
        out->host[i] = in->at[i] >= 'A' && in->at[i] <= 'F' ? (char)(in->at[i] + 32) : in->at[i];
    out->host[len] = '\0';
    in->at += len;
    return E_OK;
}

/* Resolvers read "127.1" and "0x7f000001" as addresses too; only the usual form is accepted, so
 * that a host means the same to everybody. */
static bool is_odd_address(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *last = dot ? dot + 1 : host;
    struct in_addr address;
    bool is_number = is_digit(last[0]) &&
                     (last[strspn(last, "0123456789")] == '\0' || strncmp(last, "0x", 2) == 0);
    return is_number && inet_pton(AF_INET, host, &address) != 1;
}

static enum err take_name(struct cursor *in, struct url *out)
{
    size_t len = 0;
    char previous = '.';
    for (; is_alnum(in->at[len]) || is_in(in->at[len], "-._"); len++) {
        char c = in->at[len];
        if (len + 1 >= sizeof out->host)
            return fail(E_INVALID, "its host is longer than %zu characters", sizeof out->host - 1);
        if (c == '.' && previous == '.') return fail(E_INVALID, "its host has an empty label");
        out->host[len] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        previous = c;
    }
    out->host[len] = '\0';
    if (len == 0) return fail(E_INVALID, "it has no host");
    if (previous == '.') return fail(E_INVALID, "its host ends in a dot");
    if (is_odd_address(out->host))
        return fail(E_INVALID, "its host is a number that is no IPv4 address");
    in->at += len;
    return E_OK;
}

static enum err take_port(struct cursor *in, struct url *out)
{
    if (*in->at != ':') return E_OK;
    in->at++;
    size_t len = strspn(in->at, "0123456789");
    int64_t port;
    if (len > 5 || !text_is_i64(in->at, len, &port) || port < 1 || port > PORT_MAX)
        return fail(E_INVALID, "its port is not between 1 and %d", PORT_MAX);
    out->port = (int)port;
    in->at += len;
    return E_OK;
}

static bool has_dot_segment(const char *path)
{
    for (const char *at = path; *at; at += strcspn(at, "/")) {
        at++;
        size_t len = strcspn(at, "/");
        if ((len == 1 || len == 2) && strncmp(at, "..", len) == 0) return true;
    }
    return false;
}

static enum err take_path(struct cursor *in, struct url *out)
{
    size_t len = strlen(in->at);
    if (len > 0 && in->at[0] != '/' && in->at[0] != '?' && in->at[0] != '#')
        return fail(E_INVALID, "there is an unexpected character behind its host");
    for (size_t i = 0; i < len; i++) {
        char c = in->at[i];
        if (c == '?' || c == '#') return fail(E_INVALID, "it must not have a query or a fragment");
        if (!is_alnum(c) && !is_in(c, "-._~!$&'()*+,;=:@/") && !is_escape(in->at + i, len - i))
            return fail(E_INVALID, "its path has a character that must be percent-encoded");
    }
    while (len > 0 && in->at[len - 1] == '/')
        len--;
    if (len >= sizeof out->path)
        return fail(E_INVALID, "its path is longer than %zu characters", sizeof out->path - 1);
    memcpy(out->path, in->at, len);
    out->path[len] = '\0';
    if (has_dot_segment(out->path))
        return fail(E_INVALID, "its path has a \".\" or \"..\" segment");
    return E_OK;
}

enum err url_parse(const char *text, struct url *out)
{
    struct url url = {0};
    struct cursor in = {.at = text};
    enum err e = take_scheme(&in, &url);
    if (e) return e;
    /* Before the first "/", "?" or "#" an "@" ends user info. */
    if (memchr(in.at, '@', strcspn(in.at, "/?#")))
        return fail(E_INVALID, "it must not have a user name or password");
    e = *in.at == '[' ? take_ipv6(&in, &url) : take_name(&in, &url);
    if (e) return e;
    e = take_port(&in, &url);
    if (e) return e;
    e = take_path(&in, &url);
    if (e) return e;
    *out = url;
    return E_OK;
}

bool host_is_loopback(const char *host)
{
    struct in_addr v4;
    if (strcasecmp(host, "localhost") == 0) return true;
    if (inet_pton(AF_INET, host, &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;

    size_t len = strlen(host);
    char bare[INET6_ADDRSTRLEN];
    struct in6_addr v6;
    if (len < 3 || len - 2 >= sizeof bare || host[0] != '[' || host[len - 1] != ']') return false;
    memcpy(bare, host + 1, len - 2);
    bare[len - 2] = '\0';
    return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* ---- percent-encoding ---- */

void percent_encode(struct str *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (is_alnum(text[i]) || is_in(text[i], "-._~")) {
            str_append_char(out, text[i]);
            continue;
        }
        const char escape[3] = {'%', hex[byte >> 4], hex[byte & 15]};
        str_append(out, escape, sizeof escape);
    }
}

static enum err decode_into(struct str *out, const char *text, size_t len, bool plus_is_space)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            if (!is_escape(text + i, len - i))
                return fail(E_INVALID, "a broken percent-encoding at byte %zu", i);
            c = (char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0') return fail(E_INVALID, "a NUL at byte %zu", i);
        str_append_char(out, c);
    }
    return E_OK;
}

enum err percent_decode(struct str *out, const char *text, size_t len, bool plus_is_space)
{
    size_t len_before = out->len;
    enum err e = decode_into(out, text, len, plus_is_space);
    if (!e && !utf8_valid(str_text(out) + len_before, out->len - len_before))
        e = fail(E_INVALID, "it is not UTF-8");
    if (e) str_truncate(out, len_before);
    return e;
}
