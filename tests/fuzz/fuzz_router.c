/*
 * The request line's target: path to route, query to pairs. What is found has whole arguments, and
 * an argument written again leads to the same route.
 */
#include "web/request.h"
#include "web/router.h"

#include "base/utf8.h"

#include <assert.h>
#include <string.h>

#define PAIRS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_args(const struct request *rq)
{
    for (size_t i = 0; i < PATH_ARGS_MAX; i++) {
        size_t len = strnlen(rq->args[i], sizeof rq->args[i]);
        assert(len <= PATH_ARG_BYTES_MAX);
        assert(utf8_valid(rq->args[i], len));
        for (size_t k = 0; k < len; k++)
            assert((unsigned char)rq->args[i][k] >= 0x20 && rq->args[i][k] != 0x7f);
    }
}

/* The route's pattern with the arguments encoded again. */
static void write_path(const struct request *rq, struct str *out)
{
    size_t n = 0;
    for (const char *at = rq->route->path; *at; at++) {
        if (*at != '{') {
            str_append_char(out, *at);
            continue;
        }
        assert(rq->args[n][0]);
        percent_encode(out, rq->args[n], strlen(rq->args[n]));
        n++;
        at = strchr(at, '}');
    }
}

static void check_path(const char *method, const char *path)
{
    struct request rq = {0};
    AUTO(str_done) struct str allow = {0};
    enum route_match match = router_match(&rq, method, path, &allow);
    assert((match == ROUTE_FOUND) == (rq.route != NULL));
    assert((match == ROUTE_NO_METHOD || match == ROUTE_OPTIONS) ==
           text_ends(str_text(&allow), "OPTIONS"));
    check_args(&rq);
    if (match != ROUTE_FOUND) return;
    AUTO(str_done) struct str again = {0};
    write_path(&rq, &again);
    if (again.len > PATH_BYTES_MAX) return;
    struct request twin = {0};
    AUTO(str_done) struct str none = {0};
    assert(router_match(&twin, method, str_text(&again), &none) == ROUTE_FOUND);
    assert(twin.route == rq.route);
    assert(memcmp(twin.args, rq.args, sizeof rq.args) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT"};
    if (size == 0) return 0;
    AUTO(xfree_ptr) char *uri = xstrndup((const char *)data + 1, size - 1);
    char *query = strchr(uri, '?');
    if (query) *query++ = '\0';
    check_path(methods[data[0] % ARRAY_LEN(methods)], uri);
    AUTO(url_pairs_done) struct url_pairs pairs = {0};
    if (!query || form_parse(query, strlen(query), PAIRS_MAX, &pairs)) return 0;
    assert(pairs.n <= PAIRS_MAX);
    for (size_t i = 0; i < pairs.n; i++)
        assert(url_pairs_find(&pairs, pairs.items[i].name));
    return 0;
}
