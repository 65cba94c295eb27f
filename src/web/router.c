#include "web/router.h"

#include <string.h>

/* One segment of the path against one of the pattern. Brace segments are decoded into the next
 * argument. */
static bool segment_matches(const char *pattern, size_t pattern_len, const char *text, size_t len,
                            char args[PATH_ARGS_MAX][PATH_ARG_BYTES_MAX + 1], size_t *n_args)
{
    if (pattern[0] != '{') return pattern_len == len && memcmp(pattern, text, len) == 0;
    if (len == 0 || *n_args == PATH_ARGS_MAX) return false;
    AUTO(str_done) struct str decoded = STR_LIMIT(PATH_ARG_BYTES_MAX);
    if (percent_decode(&decoded, text, len, false) || !str_ok(&decoded) || decoded.len == 0)
        return false;
    for (size_t i = 0; i < decoded.len; i++) {
        unsigned char c = (unsigned char)decoded.data[i];
        if (c < 0x20 || c == 0x7f) return false;
    }
    memcpy(args[*n_args], decoded.data, decoded.len);
    args[(*n_args)++][decoded.len] = '\0';
    return true;
}

static bool path_matches(const char *pattern, const char *path,
                         char args[PATH_ARGS_MAX][PATH_ARG_BYTES_MAX + 1])
{
    size_t n_args = 0;
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        size_t pattern_len = strcspn(pattern, "/");
        bool takes_rest = pattern_len > 2 && pattern[pattern_len - 2] == '*';
        size_t len = takes_rest ? strlen(path) : strcspn(path, "/");
        if (!segment_matches(pattern, pattern_len, path, len, args, &n_args)) return false;
        pattern += pattern_len;
        path += len;
    }
    return *pattern == '\0' && *path == '\0';
}

enum route_match router_match(struct request *rq, const char *method, const char *path,
                              struct str *out_allow)
{
    if (strlen(path) > PATH_BYTES_MAX) return ROUTE_BAD_PATH;
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    if (strcmp(path, "*") == 0 && strcmp(method, "OPTIONS") == 0) {
        str_append_text(out_allow, "GET, HEAD, POST, PUT, DELETE, OPTIONS");
        return ROUTE_OPTIONS;
    }
    for (size_t i = 0; i < routes_count; i++) {
        char args[PATH_ARGS_MAX][PATH_ARG_BYTES_MAX + 1];
        memset(args, 0, sizeof(args));
        if (!path_matches(routes[i].path, path, args)) continue;
        if (!rq->nearest) rq->nearest = &routes[i];
        if (strcmp(routes[i].method, wanted) == 0) {
            rq->route = &routes[i];
            memcpy(rq->args, args, sizeof(args));
            return ROUTE_FOUND;
        }
        str_append_format(out_allow, "%s%s", out_allow->len ? ", " : "", routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0) str_append_text(out_allow, ", HEAD");
    }
    if (out_allow->len == 0) return ROUTE_NO_PATH;
    str_append_text(out_allow, ", OPTIONS");
    return strcmp(method, "OPTIONS") == 0 ? ROUTE_OPTIONS : ROUTE_NO_METHOD;
}
