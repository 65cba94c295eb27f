/* Bounded reading of JSON: the validator and cJSON trees. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const struct json_limits no_limits = {0};

/* Checks a copy of exactly its length, so that a sanitizer sees every read past the end. */
static enum err check(const char *text, size_t len)
{
    AUTO(xfree_ptr) char *copy = xmalloc(len);
    if (len > 0) memcpy(copy, text, len);
    return json_check(copy, len, no_limits);
}

static void what_is_json_is_accepted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0e-0",
        "1E+400",
        "123.456e7",
        "123456789012345678901234567890123456789012345678901234567890123456789012345",
        "\"\"",
        "\"plain\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\uD83D\\uDE00\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\\u0000\"",
        "\"\x7F\"",
        "\"\xC3\xB8 \xF0\x9F\x98\x80 \xE2\x80\xA8\"",
        "[]",
        "{}",
        " \t\r\n[ ]\n",
        "[1,[2,[3,{\"a\":[{}]}]],\"x\"]",
        "{\"a\":1,\"a\":2,\"\":null}",
        "{ \"a\" : { \"b\" : [ ] } , \"c\" : true }",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (check(texts[i], strlen(texts[i])) != E_OK) fail_msg("%s: %s", texts[i], err_detail());
}

static const char *const no_json[] = {
    "",
    " ",
    "nul",
    "nulls",
    "True",
    "NaN",
    "Infinity",
    "-",
    "+1",
    "01",
    "-01",
    ".5",
    "1.",
    "1.e5",
    "1e",
    "1e+",
    "0x10",
    "1 2",
    "'a'",
    "\"",
    "\"a",
    "\"\\",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12G4\"",
    "\"\\U0041\"",
    "\"\\ud83d\\u12\"",
    "\"a\nb\"",
    "\"\x1F\"",
    "\"\xFF\"",
    "\"\xC0\x80\"",
    "\"\xED\xA0\x80\"",
    "\"\xE2\x82\"",
    "\xEF\xBB\xBF[]",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "[[]",
    "[]]",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{\"a\"::1}",
    "{a:1}",
    "{1:1}",
    "{\"a\":}",
    "{\"a\":1]",
    "{\"a\":1}{",
    "[1]//comment",
    "/**/[1]",
    "[\"a\":1]",
    "{\"a\",\"b\"}",
    "\v[]",
    "[]\f",
    "\xA0[]",
};

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(no_json); i++)
        if (check(no_json[i], strlen(no_json[i])) != E_INVALID)
            fail_msg("accepted: %s", no_json[i]);
}

static void nul_bytes_are_never_the_end(void **state)
{
    (void)state;
    assert_int_equal(check("[1]\0", 4), E_INVALID);
    assert_int_equal(check("\"a\0b\"", 5), E_INVALID);
    assert_int_equal(check("[\0]", 3), E_INVALID);
    assert_int_equal(check("\"\\\0\"", 4), E_INVALID);
    assert_int_equal(check("1\0", 2), E_INVALID);
    assert_int_equal(check("1e\0", 3), E_INVALID);
}

static void every_part_of_a_document_is_incomplete(void **state)
{
    (void)state;
    static const char text[] =
        "{\"key\\u00e9\":[true,false,null,-12.5e+3,\"a\\n\xC3\xB8\\ud83d\\ude00\""
        ",{\"x\":{}}],\"long long long key\":\"long long long value\"}";
    size_t len = sizeof text - 1;
    assert_int_equal(check(text, len), E_OK);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(check(text, cut), E_INVALID);
}

static void a_bad_byte_is_found_at_every_position_of_a_string(void **state)
{
    (void)state;
    static const char bad[] = {'\0', '\n', '\x1F', '\x80', '\xC1', '\xFF', '"', '\\'};
    for (size_t len = 1; len < 30; len++) {
        for (size_t at = 0; at < len; at++) {
            for (size_t i = 0; i < sizeof bad; i++) {
                char text[40] = "\"";
                memset(text + 1, 'x', len);
                text[1 + at] = bad[i];
                text[1 + len] = '"';
                assert_int_equal(check(text, len + 2), E_INVALID);
                text[1 + at] = '\x7F';
                assert_int_equal(check(text, len + 2), E_OK);
            }
        }
    }
}

static void the_story_says_where(void **state)
{
    (void)state;
    assert_int_equal(check("[1, x]", 6), E_INVALID);
    assert_string_equal(err_detail(), "not JSON: no value at byte 4");
    assert_int_equal(check("[\"secret words\\q\"]", 18), E_INVALID);
    assert_non_null(strstr(err_detail(), "byte 14"));
    assert_null(strstr(err_detail(), "secret"));
}

/* `n` opening brackets and as many closing ones; objects and arrays by turns. */
static void nest(struct str *out, size_t n)
{
    str_clear(out);
    for (size_t i = 0; i < n; i++)
        str_append_text(out, i % 2 ? "{\"a\":" : "[");
    str_append_text(out, "1");
    for (size_t i = n; i-- > 0;)
        str_append_text(out, i % 2 ? "}" : "]");
}

static void depth_is_limited(void **state)
{
    (void)state;
    AUTO(str_done) struct str text = {0};
    nest(&text, JSON_DEPTH_MAX);
    assert_int_equal(check(text.data, text.len), E_OK);
    nest(&text, JSON_DEPTH_MAX + 1);
    assert_int_equal(check(text.data, text.len), E_LIMIT);
    nest(&text, 100000);
    assert_int_equal(check(text.data, text.len), E_LIMIT);

    nest(&text, 4);
    assert_int_equal(json_check(text.data, text.len, (struct json_limits){.depth_max = 3}),
                     E_LIMIT);
    assert_int_equal(json_check(text.data, text.len, (struct json_limits){.depth_max = 4}), E_OK);
    nest(&text, JSON_DEPTH_MAX + 1);
    assert_int_equal(json_check(text.data, text.len, (struct json_limits){.depth_max = 1000}),
                     E_LIMIT);
}

static void closing_brackets_must_match_at_every_depth(void **state)
{
    (void)state;
    AUTO(str_done) struct str text = {0};
    for (size_t n = 1; n <= JSON_DEPTH_MAX; n++) {
        nest(&text, n);
        char *last = text.data + text.len - n;
        *last = *last == ']' ? '}' : ']';
        assert_int_equal(check(text.data, text.len), E_INVALID);
    }
}

static void size_and_number_of_values_are_limited(void **state)
{
    (void)state;
    static const char text[] = "[1,{\"a\":2},3]"; /* five values */
    size_t len = sizeof text - 1;
    assert_int_equal(json_check(text, len, (struct json_limits){.nodes_max = 5}), E_OK);
    assert_int_equal(json_check(text, len, (struct json_limits){.nodes_max = 4}), E_LIMIT);
    assert_int_equal(json_check(text, len, (struct json_limits){.bytes_max = len}), E_OK);
    assert_int_equal(json_check(text, len, (struct json_limits){.bytes_max = len - 1}), E_LIMIT);
}

static void a_tree_has_what_the_text_says(void **state)
{
    (void)state;
    static const char text[] =
        "{\"n\":-1.5,\"s\":\"\\u00f8\\ud83d\\ude00\",\"n\":2,\"N\":3,\"l\":[true]}";
    AUTO(json_tree_done) cJSON *tree = NULL;
    assert_int_equal(json_parse(text, sizeof text - 1, no_limits, &tree), E_OK);
    assert_true(cJSON_GetObjectItemCaseSensitive(tree, "n")->valuedouble < -1.4);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(tree, "s")->valuestring,
                        "\xC3\xB8\xF0\x9F\x98\x80");
    assert_true(cJSON_IsTrue(cJSON_GetArrayItem(cJSON_GetObjectItem(tree, "l"), 0)));
}

static void a_tree_is_built_of_exactly_the_given_bytes(void **state)
{
    (void)state;
    AUTO(xfree_ptr) char *text = xmalloc(3);
    memcpy(text, "123", 3);
    AUTO(json_tree_done) cJSON *tree = NULL;
    assert_int_equal(json_parse(text, 3, no_limits, &tree), E_OK);
    assert_int_equal(tree->valueint, 123);
}

static void trees_repair_lone_surrogates(void **state)
{
    (void)state;
    static const char text[] = "[\"a\\ud83d\",\"\\udc00b\",\"\\ud83d\\ude00\"]";
    AUTO(json_tree_done) cJSON *tree = NULL;
    assert_int_equal(json_parse(text, sizeof text - 1, no_limits, &tree), E_OK);
    assert_string_equal(cJSON_GetArrayItem(tree, 0)->valuestring, "a\xEF\xBF\xBD");
    assert_string_equal(cJSON_GetArrayItem(tree, 1)->valuestring, "\xEF\xBF\xBD"
                                                                  "b");
    assert_string_equal(cJSON_GetArrayItem(tree, 2)->valuestring, "\xF0\x9F\x98\x80");
}

static void trees_refuse_what_c_cannot_hold(void **state)
{
    (void)state;
    cJSON *tree = NULL;
    static const char nul[] = "{\"a\\u0000b\":1}";
    assert_int_equal(json_parse(nul, sizeof nul - 1, no_limits, &tree), E_INVALID);
    static const char written_out[] = "[\"\\\\u0000\"]";
    assert_int_equal(json_parse(written_out, sizeof written_out - 1, no_limits, &tree), E_OK);
    json_tree_done(&tree);
    assert_null(tree);

    char digits[65];
    memset(digits, '7', sizeof digits);
    assert_int_equal(json_parse(digits, 64, no_limits, &tree), E_INVALID);
    assert_int_equal(json_parse(digits, 63, no_limits, &tree), E_OK);
    json_tree_done(&tree);
    assert_int_equal(json_parse("[1", 2, no_limits, &tree), E_INVALID);
    assert_null(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json_is_accepted),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(nul_bytes_are_never_the_end),
        cmocka_unit_test(every_part_of_a_document_is_incomplete),
        cmocka_unit_test(a_bad_byte_is_found_at_every_position_of_a_string),
        cmocka_unit_test(the_story_says_where),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(closing_brackets_must_match_at_every_depth),
        cmocka_unit_test(size_and_number_of_values_are_limited),
        cmocka_unit_test(a_tree_has_what_the_text_says),
        cmocka_unit_test(a_tree_is_built_of_exactly_the_given_bytes),
        cmocka_unit_test(trees_repair_lone_surrogates),
        cmocka_unit_test(trees_refuse_what_c_cannot_hold),
    };
    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
