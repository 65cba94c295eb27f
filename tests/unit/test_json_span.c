/* Values inside a checked text: spans, iteration, strings, numbers, repair. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

static struct json_span span(const char *text)
{
    return json_root(text, strlen(text));
}

static bool span_is(struct json_span value, const char *text)
{
    return value.len == strlen(text) && memcmp(value.text, text, value.len) == 0;
}

static void the_root_has_no_white_space(void **state)
{
    (void)state;
    assert_true(span_is(span(" \n[ 1 ]\t\r"), "[ 1 ]"));
    assert_int_equal(json_type(span("")), JSON_NONE);
    assert_int_equal(json_type(span(" \n")), JSON_NONE);
}

static void types_are_told_by_the_first_byte(void **state)
{
    (void)state;
    assert_int_equal(json_type(span("null")), JSON_NULL);
    assert_int_equal(json_type(span("false")), JSON_FALSE);
    assert_int_equal(json_type(span("true")), JSON_TRUE);
    assert_int_equal(json_type(span("-1")), JSON_NUMBER);
    assert_int_equal(json_type(span("\"\"")), JSON_STRING);
    assert_int_equal(json_type(span("[]")), JSON_ARRAY);
    assert_int_equal(json_type(span("{}")), JSON_OBJECT);
    assert_int_equal(json_type((struct json_span){0}), JSON_NONE);
    assert_true(json_is_true(span("true")));
    assert_false(json_is_true(span("\"true\"")));
    assert_false(json_is_true((struct json_span){0}));
}

static void members_are_found_with_every_byte_kept(void **state)
{
    (void)state;
    struct json_span root = span("{ \"big\" : 12345678901234567890 , \"a\\\"}\" : \"x\\\\\", \"o\":"
                                 "{\"]\":[{}, \"}\"],\"deep\":{\"er\":\"\\u00e9\"}},\"big\":1,"
                                 "\"k\\u0065y\":5,\"\":6}");
    assert_true(span_is(json_get(root, "big"), "12345678901234567890"));
    assert_true(span_is(json_get(root, "a\"}"), "\"x\\\\\""));
    assert_true(span_is(json_get(json_get(root, "o"), "]"), "[{}, \"}\"]"));
    assert_true(span_is(json_at(root, "o", "deep", "er", NULL), "\"\\u00e9\""));
    assert_true(span_is(json_get(root, "key"), "5"));
    assert_true(span_is(json_get(root, ""), "6"));
    assert_int_equal(json_type(json_get(root, "k\\u0065y")), JSON_NONE);
    assert_int_equal(json_type(json_get(root, "Big")), JSON_NONE);
    assert_int_equal(json_type(json_get(root, "deep")), JSON_NONE);
    assert_int_equal(json_type(json_at(root, "o", "none", "er", NULL)), JSON_NONE);
    assert_true(span_is(json_at(span("1"), NULL), "1"));
}

/* Strings are skipped several bytes at a time: what ends one may stand at any place. */
static void strings_end_at_their_quote_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t before = 0; before < 20; before++) {
        for (size_t n_escapes = 0; n_escapes < 4; n_escapes++) {
            for (size_t after = 0; after < 20; after++) {
                AUTO(str_done) struct str text = {0};
                str_append_char(&text, '[');
                size_t from = text.len;
                str_append_char(&text, '"');
                for (size_t i = 0; i < before; i++)
                    str_append_char(&text, i % 2 ? '!' : ']');
                for (size_t i = 0; i < n_escapes; i++)
                    str_append_text(&text, i % 2 ? "\\\\" : "\\\"");
                for (size_t i = 0; i < after; i++)
                    str_append_char(&text, i % 2 ? '#' : (char)0xc3);
                str_append_char(&text, '"');
                size_t len = text.len - from;
                str_append_text(&text, ",7]");
                struct json_iter it = json_iter(json_root(text.data, text.len));
                assert_true(json_next(&it));
                assert_int_equal(it.value.len, len);
                assert_true(json_next(&it));
                assert_true(span_is(it.value, "7"));
                assert_false(json_next(&it));
            }
        }
    }
}

static void only_objects_have_members(void **state)
{
    (void)state;
    static const char *const texts[] = {"[\"a\",1]", "\"a\"", "1", "null", ""};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(json_type(json_get(span(texts[i]), "a")), JSON_NONE);
}

static void walks_visit_everything_in_order(void **state)
{
    (void)state;
    static const char *const wanted[] = {"1", "\"a,]\"", "[ 2 , 3]", "{\"x\":4}", "null"};
    struct json_iter it = json_iter(span("[ 1,\"a,]\" ,[ 2 , 3],{\"x\":4}, null ]"));
    size_t n = 0;
    while (json_next(&it)) {
        assert_true(n < ARRAY_LEN(wanted));
        assert_true(span_is(it.value, wanted[n]));
        assert_int_equal(it.key.len, 0);
        n++;
    }
    assert_int_equal(n, ARRAY_LEN(wanted));
    assert_false(json_next(&it));

    it = json_iter(span("{\"a\" : 1,\n\"b\":[{}]}"));
    assert_true(json_next(&it));
    assert_true(span_is(it.key, "\"a\"") && span_is(it.value, "1"));
    assert_true(json_next(&it));
    assert_true(span_is(it.key, "\"b\"") && span_is(it.value, "[{}]"));
    assert_false(json_next(&it));
}

static void nothing_to_walk_over(void **state)
{
    (void)state;
    static const char *const texts[] = {"[]", "{}", "[ \n]", "{ }", "1", "\"[1]\"", "null", ""};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct json_iter it = json_iter(span(texts[i]));
        assert_false(json_next(&it));
        assert_false(json_next(&it));
    }
}

/* These were never checked: whatever comes out, the walk ends and reads nothing beyond the end. */
static void unchecked_text_does_no_harm(void **state)
{
    (void)state;
    static const char *const texts[] = {"[",       "{",        "[,,]", "{:}",   "[1 2 3",
                                        "{\"a\"}", "{\"a\":}", "[}]",  "{a:1}", "[\"a",
                                        "{\"a\\",  "[[[[[",    "]",    "{\"\\", "[\"\\\"]"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        size_t len = strlen(texts[i]);
        AUTO(xfree_ptr) char *copy = xmalloc(len);
        memcpy(copy, texts[i], len);
        struct json_iter it = json_iter(json_root(copy, len));
        size_t n = 0;
        while (json_next(&it))
            assert_true(n++ < len);
        AUTO(str_done) struct str out = {0};
        json_get(json_root(copy, len), "a");
        json_string(json_root(copy, len), &out);
        json_repair(&out, copy, len);
    }
}

static void strings_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *text;
    } rows[] = {
        {"\"\"",                             ""                                 },
        {"\"plain\"",                        "plain"                            },
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",   "\"\\/\b\f\n\r\t"                  },
        {"\"\\u0041\\u00f8\\u20AC\\uffff\"", "A\xC3\xB8\xE2\x82\xAC\xEF\xBF\xBF"},
        {"\"\\ud83d\\ude00\"",               "\xF0\x9F\x98\x80"                 },
        {"\"\\ud83dx\"",                     "\xEF\xBF\xBDx"                    },
        {"\"\\ude00\\ud83d\"",               "\xEF\xBF\xBD\xEF\xBF\xBD"         },
        {"\"\\ud83d\\ud83d\\ude00\"",        "\xEF\xBF\xBD\xF0\x9F\x98\x80"     },
        {"\"\\ud83d\\n\"",                   "\xEF\xBF\xBD\n"                   },
        {"\"\\\\ud83d\"",                    "\\ud83d"                          },
        {"\"a\xC3\xB8\"",                    "a\xC3\xB8"                        },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(str_done) struct str out = {0};
        assert_true(json_string(span(rows[i].json), &out));
        assert_string_equal(str_text(&out), rows[i].text);
        assert_true(json_string_is(span(rows[i].json), rows[i].text));
        assert_false(json_string_is(span(rows[i].json), "something else entirely, and longer"));
        AUTO(xfree_ptr) char *own = json_strdup(span(rows[i].json), strlen(rows[i].text));
        assert_string_equal(own, rows[i].text);
    }
}

static void strings_of_their_own_are_bounded(void **state)
{
    (void)state;
    assert_null(json_strdup(span("\"abc\""), 2));
    assert_null(json_strdup(span("\"\\u00e9\""), 1));
    assert_null(json_strdup(span("\"a\""), 0));
    assert_null(json_strdup(span("\"a\\u0000b\""), 100));
    assert_null(json_strdup(span("12"), 100));
    assert_null(json_strdup((struct json_span){0}, 100));
    AUTO(xfree_ptr) char *empty = json_strdup(span("\"\""), 0);
    assert_string_equal(empty, "");
}

static void what_is_no_string_is_not_decoded(void **state)
{
    (void)state;
    AUTO(str_done) struct str out = {0};
    assert_false(json_string(span("5"), &out));
    assert_false(json_string(span("[\"a\"]"), &out));
    assert_false(json_string((struct json_span){0}, &out));
    assert_false(json_string_is((struct json_span){0}, ""));
    assert_false(json_string_is(span("null"), "null"));
    assert_int_equal(out.len, 0);
}

static void integers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t value;
        bool is_int;
    } rows[] = {
        {"0",                       0,                true },
        {"-12",                     -12,              true },
        {"9223372036854775807",     INT64_MAX,        true },
        {"-9223372036854775808",    INT64_MIN,        true },
        {"9007199254740993",        9007199254740993, true },
        {"\"9223372036854775807\"", INT64_MAX,        true },
        {"\"-7\"",                  -7,               true },
        {"3600.0",                  3600,             true },
        {"1e3",                     1000,             true },
        {"9223372036854775808",     0,                false},
        {"1e18",                    0,                false},
        {"1e999",                   0,                false},
        {"1.5",                     0,                false},
        {"\"\"",                    0,                false},
        {"\"1.0\"",                 0,                false},
        {"\"12 \"",                 0,                false},
        {"true",                    0,                false},
        {"[1]",                     0,                false},
        {"",                        0,                false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = 4711;
        assert_int_equal(json_int(span(rows[i].json), &value), rows[i].is_int);
        assert_int_equal(value, rows[i].is_int ? rows[i].value : 4711);
    }
}

static void doubles_are_read(void **state)
{
    (void)state;
    double value = 0;
    assert_true(json_double(span("-2.5e-1"), &value));
    assert_true(fabs(value + 0.25) < 1e-12);
    assert_true(json_double(span("7"), &value));
    assert_false(json_double(span("1e999"), &value));
    assert_false(json_double(span("\"7\""), &value));
    assert_false(json_double(span("null"), &value));
    assert_true(fabs(value - 7) < 1e-12);
}

static void repair_changes_lone_surrogates_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *after;
    } rows[] = {
        {"",                                 ""                                },
        {"[1.0, \"a\\n\\u00e9\"]",           "[1.0, \"a\\n\\u00e9\"]"          },
        {"\"\\ud83d\\ude00\\uD83D\\uDE00\"", "\"\\ud83d\\ude00\\uD83D\\uDE00\""},
        {"\"\\ud83d\"",                      "\"\\ufffd\""                     },
        {"\"\\uDE00 \\uD83D\\u0041\"",       "\"\\ufffd \\ufffd\\u0041\""      },
        {"\"\\ud83d\\ud83d\\ude00\\ude00\"", "\"\\ufffd\\ud83d\\ude00\\ufffd\""},
        {"\"\\\\ud83d\"",                    "\"\\\\ud83d\""                   },
        {"\"\\\\\\ud83d\\\\\"",              "\"\\\\\\ufffd\\\\\""             },
        {"{\"\\udfff\":\"\\ud800\\\\u\"}",   "{\"\\ufffd\":\"\\ufffd\\\\u\"}"  },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(str_done) struct str out = {0};
        json_repair(&out, rows[i].before, strlen(rows[i].before));
        assert_string_equal(str_text(&out), rows[i].after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_has_no_white_space),
        cmocka_unit_test(types_are_told_by_the_first_byte),
        cmocka_unit_test(members_are_found_with_every_byte_kept),
        cmocka_unit_test(strings_end_at_their_quote_wherever_it_stands),
        cmocka_unit_test(only_objects_have_members),
        cmocka_unit_test(walks_visit_everything_in_order),
        cmocka_unit_test(nothing_to_walk_over),
        cmocka_unit_test(unchecked_text_does_no_harm),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(strings_of_their_own_are_bounded),
        cmocka_unit_test(what_is_no_string_is_not_decoded),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(doubles_are_read),
        cmocka_unit_test(repair_changes_lone_surrogates_and_nothing_else),
    };
    return cmocka_run_group_tests_name("base/json spans", tests, NULL, NULL);
}
