/* Writing JSON, and the canonical form that is hashed. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define BROKEN "\xEF\xBF\xBD"

static void commas_are_the_writers_business(void **state)
{
    (void)state;
    AUTO(str_done) struct str out = {0};
    struct json_writer w = json_writer(&out);
    json_begin_object(&w);
    json_put_string(&w, "s", "x");
    json_put_int(&w, "i", INT64_MIN);
    json_key(&w, "list");
    json_begin_array(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_write_null(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_write_bool(&w, true);
    json_write_int(&w, 7);
    json_end_array(&w);
    json_put_bool(&w, "b", false);
    json_put_null(&w, "n");
    json_put_raw(&w, "r", "[1, 2]", 6);
    json_key(&w, "none");
    json_write_span(&w, (struct json_span){0});
    json_key(&w, "span");
    json_write_span(&w, json_root(" 1.0 ", 5));
    json_end_object(&w);
    assert_string_equal(str_text(&out), "{\"s\":\"x\",\"i\":-9223372036854775808,"
                                        "\"list\":[[],null,{},true,7],\"b\":false,\"n\":null,"
                                        "\"r\":[1, 2],\"none\":null,\"span\":1.0}");
}

static void strings_are_escaped_and_repaired(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *json;
    } rows[] = {
        {"",                                     "\"\""                                    },
        {"plain / text's",                       "\"plain / text's\""                      },
        {"\"\\",                                 "\"\\\"\\\\\""                            },
        {"\b\f\n\r\t",                           "\"\\b\\f\\n\\r\\t\""                     },
        {"\x01\x1F\x7F",                         "\"\\u0001\\u001f\\u007f\""               },
        {"\xC3\xB8\xE2\x80\xA8\xF0\x9F\x98\x80", "\"\xC3\xB8\xE2\x80\xA8\xF0\x9F\x98\x80\""},
        {"a\xFF"
         "b\xC3",                       "\"a" BROKEN "b" BROKEN "\""              },
        {"\xED\xA0\x80",                         "\"" BROKEN BROKEN BROKEN "\""            },
        {"\xC3\"",                               "\"" BROKEN "\\\"\""                      },
        {NULL,                                   "null"                                    },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(str_done) struct str out = {0};
        struct json_writer w = json_writer(&out);
        json_write_string(&w, rows[i].text);
        assert_string_equal(str_text(&out), rows[i].json);
    }
}

static void any_bytes_become_valid_json_and_come_back(void **state)
{
    (void)state;
    char text[256];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)i;
    for (size_t len = 0; len <= sizeof text; len++) {
        AUTO(str_done) struct str out = {0};
        struct json_writer w = json_writer(&out);
        json_begin_object(&w);
        json_key(&w, "a\"\n");
        json_write_string_n(&w, text, len);
        json_end_object(&w);
        assert_int_equal(json_check(out.data, out.len, (struct json_limits){0}), E_OK);
        AUTO(str_done) struct str back = {0};
        struct json_span member = json_get(json_root(out.data, out.len), "a\"\n");
        assert_true(json_string(member, &back));
        size_t n_same = len < 128 ? len : 128;
        assert_memory_equal(str_text(&back), text, n_same);
        assert_int_equal(back.len, n_same + 3 * (len - n_same));
    }
}

static void times_are_rfc_3339_or_null(void **state)
{
    (void)state;
    AUTO(str_done) struct str out = {0};
    struct json_writer w = json_writer(&out);
    json_begin_object(&w);
    json_put_time(&w, "at", 1763877600123);
    json_put_time(&w, "never", 0);
    json_end_object(&w);
    assert_string_equal(str_text(&out), "{\"at\":\"2025-11-23T06:00:00.123Z\",\"never\":null}");
}

/* ---- canonical form ---- */

static void canonical_form_has_one_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *canonical;
    } rows[] = {
        {" null ",                                                         "null"                                     },
        {"[ ]",                                                            "[]"                                       },
        {"{ }",                                                            "{}"                                       },
        {"[ 1 , 2.50,-0, 1E5 ]",                                           "[1,2.50,-0,1E5]"                          },
        {"{\"b\":1,\"a\":2}",                                              "{\"a\":2,\"b\":1}"                        },
        {"{\"aa\":1,\"a\":2,\"\":3,\"B\":4}",                              "{\"\":3,\"B\":4,\"a\":2,\"aa\":1}"        },
        {"{\"\\u0061\":\"\\u0062\\/\\u00E9\"}",                            "{\"a\":\"b/\xC3\xA9\"}"                   },
        {"\"\\u000A\\u000b\\u007f\"",                                      "\"\\n\\u000b\\u007f\""                    },
        {"\"\\u0000\"",                                                    "\"\\u0000\""                              },
        {"\"\\ud83d\\ude00\"",                                             "\"\xF0\x9F\x98\x80\""                     },
        {"\"\\ud83d\"",                                                    "\"" BROKEN "\""                           },
        {"{\"a\":1,\"\\u0061\":2,\"a\":3}",                                "{\"a\":1}"                                },
        {"[{\"z\":[{\"y\":1,\"x\":{}}],\"a\":null}]",                      "[{\"a\":null,\"z\":[{\"x\":{},\"y\":1}]}]"},
 /* U+10000 is a surrogate pair in UTF-16 and comes before U+E000 there, after it in UTF-8.
  */
        {"{\"\xEE\x80\x80\":1,\"\xF0\x90\x80\x80\":2,\"\xED\x9F\xBF\":3}",
         "{\"\xED\x9F\xBF\":3,\"\xF0\x90\x80\x80\":2,\"\xEE\x80\x80\":1}"                                             },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(str_done) struct str out = {0};
        assert_int_equal(json_canonical(&out, rows[i].text, strlen(rows[i].text)), E_OK);
        assert_string_equal(str_text(&out), rows[i].canonical);
        AUTO(str_done) struct str again = {0};
        assert_int_equal(json_canonical(&again, out.data, out.len), E_OK);
        assert_string_equal(str_text(&again), rows[i].canonical);
    }
}

static void different_documents_stay_different(void **state)
{
    (void)state;
    static const char *const texts[] = {"1",     "1.0",       "\"1\"",         "[1]",
                                        "[[1]]", "{\"1\":1}", "{\"1\":\"1\"}", "\"\\u0031\\u0000\"",
                                        "[]",    "{}",        "null",          "\"null\"",
                                        "[1,2]", "[2,1]"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t j = 0; j < i; j++) {
            AUTO(str_done) struct str a = {0};
            AUTO(str_done) struct str b = {0};
            assert_int_equal(json_canonical(&a, texts[i], strlen(texts[i])), E_OK);
            assert_int_equal(json_canonical(&b, texts[j], strlen(texts[j])), E_OK);
            assert_false(str_equals(&a, str_text(&b)));
        }
    }
}

static void canonical_form_refuses_what_is_not_checked(void **state)
{
    (void)state;
    AUTO(str_done) struct str out = {0};
    assert_int_equal(json_canonical(&out, "{\"a\":}", 6), E_INVALID);
    AUTO(str_done) struct str deep = {0};
    for (int i = 0; i <= JSON_DEPTH_MAX; i++)
        str_append_char(&deep, '[');
    assert_int_equal(json_canonical(&out, deep.data, deep.len), E_LIMIT);
    assert_int_equal(out.len, 0);
    AUTO(str_done) struct str small = STR_LIMIT(3);
    assert_int_equal(json_canonical(&small, "[1,2,3]", 7), E_LIMIT);
}

static void many_members_are_sorted(void **state)
{
    (void)state;
    AUTO(str_done) struct str text = {0};
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    for (int i = 0; i < 5000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%05d", i * 1237 % 5000);
        json_put_int(&w, key, i);
    }
    json_end_object(&w);
    AUTO(str_done) struct str out = {0};
    assert_int_equal(json_canonical(&out, text.data, text.len), E_OK);
    assert_int_equal(out.len, text.len);
    struct json_iter it = json_iter(json_root(out.data, out.len));
    for (int i = 0; i < 5000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%05d", i);
        assert_true(json_next(&it));
        assert_true(json_string_is(it.key, key));
    }
    assert_false(json_next(&it));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_are_the_writers_business),
        cmocka_unit_test(strings_are_escaped_and_repaired),
        cmocka_unit_test(any_bytes_become_valid_json_and_come_back),
        cmocka_unit_test(times_are_rfc_3339_or_null),
        cmocka_unit_test(canonical_form_has_one_spelling),
        cmocka_unit_test(different_documents_stay_different),
        cmocka_unit_test(canonical_form_refuses_what_is_not_checked),
        cmocka_unit_test(many_members_are_sorted),
    };
    return cmocka_run_group_tests_name("base/json writing", tests, NULL, NULL);
}
