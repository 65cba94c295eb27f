/*
 * URLs, query strings, forms and cookies: bytes from strangers, taken apart with limits.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include "base/str.h"

/* RFC 3986 percent-encoding of everything but unreserved characters. */
void percent_encode(struct str *out, const char *text, size_t len);
/* E_INVALID for a broken escape, an encoded NUL or invalid UTF-8; then nothing is appended. '+' is
 * a space in forms and queries. */
enum err percent_decode(struct str *out, const char *text, size_t len,
                        bool plus_is_space) MUST_CHECK;

struct url_pair {
    char *name;
    char *value;
};
struct url_pairs {
    struct url_pair *items;
    size_t n;
};
/* application/x-www-form-urlencoded, as in query strings too. E_INVALID, E_LIMIT (above `n_max`).
 */
enum err form_parse(const char *text, size_t len, size_t n_max, struct url_pairs *out) MUST_CHECK;
/* RFC 6265 Cookie header; broken cookies are skipped, quotes around a value removed. E_LIMIT. */
enum err cookie_parse(const char *header, size_t n_max, struct url_pairs *out) MUST_CHECK;
void url_pairs_done(struct url_pairs *pairs);
/* First value of that name, NULL when absent. */
const char *url_pairs_find(const struct url_pairs *pairs, const char *name);

/* Scheme, host, port and path of an absolute http(s) URL without user info, query or fragment. */
struct url {
    bool is_https;
    char host[256];  /* lower case; IPv6 with its brackets */
    int port;        /* explicit or the scheme's */
    char path[1024]; /* without a trailing slash; "" for the root */
};
/* E_INVALID with the reason in words. */
enum err url_parse(const char *text, struct url *out) MUST_CHECK;
/* 127.0.0.0/8, [::1] or localhost. */
bool host_is_loopback(const char *host);

#endif
