/* Paths to handlers. */
#include "web/request.h"
#include "web/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static enum route_match match(struct request *rq, const char *method, const char *path,
                              const char *allow)
{
    AUTO(str_done) struct str out = {0};
    enum route_match result = router_match(rq, method, path, &out);
    if (allow) assert_string_equal(str_text(&out), allow);
    return result;
}

static void a_path_finds_its_route_and_its_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *route, *first, *second;
    } rows[] = {
        {"GET",  "/briefings",                       "/briefings",                                  "",         ""     },
        {"POST", "/briefings",                       "/briefings",                                  "",         ""     },
        {"HEAD", "/briefings/br_1",                  "/briefings/{id}",                             "br_1",     ""     },
        {"GET",  "/briefings/br_1/events",           "/briefings/{id}/events",                      "br_1",     ""     },
        {"GET",  "/users/a%2Fb%20c/connections",     "/users/{user}/connections",                   "a/b c",    ""     },
        {"GET",  "/users/a+b/connections",           "/users/{user}/connections",                   "a+b",      ""     },
        {"GET",  "/users/../connections",            "/users/{user}/connections",                   "..",       ""     },
        {"GET",  "/users/%c3%a9/connections",        "/users/{user}/connections",                   "\xC3\xA9", ""     },
        {"POST", "/users/u/connections/slack/check", "/users/{user}/connections/{connector}/check",
         "u",                                                                                                   "slack"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct request rq = {0};
        if (match(&rq, rows[i].method, rows[i].path, NULL) != ROUTE_FOUND)
            fail_msg("%s %s", rows[i].method, rows[i].path);
        assert_string_equal(rq.route->path, rows[i].route);
        assert_string_equal(rq.args[0], rows[i].first);
        assert_string_equal(rq.args[1], rows[i].second);
    }
}

static void what_is_no_path_of_ours_is_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "*",
        "briefings",
        "/briefings/",
        "//briefings",
        "/briefings//events",
        "/briefings/br_1/",
        "/briefings/br_1/events/",
        "/briefings/br_1/event",
        "/Briefings",
        "/briefings%2F",
        "/%62riefings",
        "/briefings/%",
        "/briefings/%4",
        "/briefings/%zz",
        "/briefings/%00",
        "/briefings/a%0ab",
        "/briefings/%7f",
        "/briefings/%ff",
        "/briefings/%c3",
        "http://h/briefings",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct request rq = {0};
        enum route_match result = match(&rq, "GET", paths[i], "");
        if (result != ROUTE_NO_PATH && result != ROUTE_BAD_PATH) fail_msg("%s", paths[i]);
        assert_null(rq.route);
        assert_int_equal(rq.args[0][0], 0);
    }
}

static void an_argument_has_a_limit(void **state)
{
    (void)state;
    char path[PATH_BYTES_MAX + 200] = "/briefings/";
    size_t start = strlen(path);
    memset(path + start, 'a', PATH_ARG_BYTES_MAX);
    struct request rq = {0};
    assert_int_equal(match(&rq, "GET", path, NULL), ROUTE_FOUND);
    assert_int_equal(strlen(rq.args[0]), PATH_ARG_BYTES_MAX);
    path[start + PATH_ARG_BYTES_MAX] = 'a';
    assert_int_equal(match(&rq, "GET", path, ""), ROUTE_NO_PATH);
    memset(path + start, 'a', sizeof path - start - 1);
    assert_int_equal(match(&rq, "GET", path, ""), ROUTE_BAD_PATH);
}

static void another_method_is_told_what_is_possible(void **state)
{
    (void)state;
    struct request rq = {0};
    assert_int_equal(match(&rq, "PUT", "/briefings", "POST, GET, HEAD, OPTIONS"), ROUTE_NO_METHOD);
    assert_int_equal(match(&rq, "OPTIONS", "/briefings", "POST, GET, HEAD, OPTIONS"),
                     ROUTE_OPTIONS);
    assert_int_equal(match(&rq, "HEAD", "/briefings/x/cancel", "POST, OPTIONS"), ROUTE_NO_METHOD);
    assert_int_equal(match(&rq, "get", "/briefings/x", "GET, HEAD, OPTIONS"), ROUTE_NO_METHOD);
    assert_int_equal(match(&rq, "", "/healthz", "GET, HEAD, OPTIONS"), ROUTE_NO_METHOD);
    assert_int_equal(match(&rq, "OPTIONS", "/nothing", ""), ROUTE_NO_PATH);
    assert_null(rq.route);
}

static void the_table_keeps_its_promises(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *route = &routes[i];
        assert_non_null(route->handler);
        assert_int_equal(route->path[0], '/');
        for (size_t k = 0; k < i; k++) {
            bool is_same = strcmp(routes[k].path, route->path) == 0 &&
                           strcmp(routes[k].method, route->method) == 0;
            if (is_same) fail_msg("%s %s stands twice", route->method, route->path);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_finds_its_route_and_its_arguments),
        cmocka_unit_test(what_is_no_path_of_ours_is_not_found),
        cmocka_unit_test(an_argument_has_a_limit),
        cmocka_unit_test(another_method_is_told_what_is_possible),
        cmocka_unit_test(the_table_keeps_its_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
