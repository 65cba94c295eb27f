/*
 * Answers to execute_tool: unwrapping, failures inside a 200, bytes kept.
 */
#include "api/scalekit_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *body;
    const char *data;
    const char *failure; /* provider_error; NULL: none */
};

static void assert_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct scalekit_result result = {0};
        enum err e = scalekit_result_read(rows[i].body, strlen(rows[i].body), &result);
        if (e) fail_msg("%s: %s", rows[i].body, err_detail());
        if (!str_equals(&result.data, rows[i].data))
            fail_msg("%s: got %s", rows[i].body, str_text(&result.data));
        if (result.is_provider_failure != (rows[i].failure != NULL))
            fail_msg("%s: failure %d", rows[i].body, result.is_provider_failure);
        assert_string_equal(result.provider_error, rows[i].failure ? rows[i].failure : "");
        assert_int_equal(json_check(result.data.data, result.data.len, (struct json_limits){0}),
                         E_OK);
        scalekit_result_done(&result);
    }
}

static void wrappings_that_stand_alone_are_taken_off(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"data\":{\"a\":1},\"execution_id\":\"1\"}",                                 "{\"a\":1}",               NULL},
        {"{\"data\":{}}",                                                               "{}",                      NULL},
        {"{\"data\":{\"result\":\"plain words\"}}",                                     "\"plain words\"",         NULL},
        {"{\"data\":{\"result\":\"[{\\\"id\\\":1}]\"}}",                                "[{\"id\":1}]",            NULL},
        {"{\"data\":{\"result\":\" {\\\"n\\\": 1.0} \\n\"}}",                           "{\"n\": 1.0}",            NULL},
        {"{\"data\":{\"result\":\"42\"}}",                                              "\"42\"",                  NULL},
        {"{\"data\":{\"result\":\"null\"}}",                                            "\"null\"",                NULL},
        {"{\"data\":{\"result\":\"{broken\"}}",                                         "\"{broken\"",             NULL},
        {"{\"data\":{\"result\":[{\"id\":1},{\"id\":2}]}}",                             "[{\"id\":1},{\"id\":2}]", NULL},
        {"{\"data\":{\"result\":7}}",                                                   "7",                       NULL},
        {"{\"data\":{\"result\":null}}",                                                "null",                    NULL},
        {"{\"data\":{\"array\":[1,2]}}",                                                "[1,2]",                   NULL},
        {"{\"data\":{\"items\":[]}}",                                                   "[]",                      NULL},
        {"{\"data\":\"{\\\"array\\\":[3]}\"}",                                          "[3]",                     NULL},
        {"{\"data\":\"words\"}",                                                        "\"words\"",               NULL},
        {"{\"data\":\"\"}",                                                             "\"\"",                    NULL},
        {"{\"data\":{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"x\\\":1}\"}],"
         "\"isError\":false}}",                                                "{\"x\":1}",               NULL},
        {"{\"data\":{\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}}}", "\"hi\"",
         NULL                                                                                                          },
        {"{\"data\":{\"result\":[{\"type\":\"text\",\"text\":\"[1]\"}]}}",              "[1]",                     NULL},
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void wrappings_with_company_stay(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"data\":{\"result\":[1],\"total\":9}}",        "{\"result\":[1],\"total\":9}",                                                          NULL},
        {"{\"data\":{\"array\":[1],\"next\":2}}",          "{\"array\":[1],\"next\":2}",                                                            NULL},
        {"{\"data\":{\"items\":{\"a\":1}}}",               "{\"items\":{\"a\":1}}",                                                                 NULL},
        {"{\"data\":{\"results\":[1]}}",                   "{\"results\":[1]}",                                                                     NULL},
        {"{\"data\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
         "{\"type\":\"text\",\"text\":\"b\"}]}}", "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}",
         NULL                                                                                                                                           },
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void failures_inside_a_200_are_seen(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"data\":{\"ok\":false,\"error\":\"channel_not_found\"}}",
         "{\"ok\":false,\"error\":\"channel_not_found\"}",                                                                            "channel_not_found"},
        {"{\"data\":{\"ok\":false}}",                                                             "{\"ok\":false}",                   "error"            },
        {"{\"data\":{\"error\":{\"message\":\"no\"}}}",                                           "{\"error\":{\"message\":\"no\"}}", "no"               },
        {"{\"data\":{\"error\":{\"code\":\"E7\",\"message\":\"no\"}}}",
         "{\"error\":{\"code\":\"E7\",\"message\":\"no\"}}",                                                                          "E7"               },
        {"{\"data\":{\"isError\":true,\"content\":[{\"type\":\"text\",\"text\":\"bad GROQ\"}]}}",
         "\"bad GROQ\"",                                                                                                              "bad GROQ"         },
        {"{\"data\":{\"result\":\"{\\\"ok\\\":false,\\\"error\\\":\\\"is_archived\\\"}\"}}",
         "{\"ok\":false,\"error\":\"is_archived\"}",                                                                                  "is_archived"      },
        {"{\"data\":{\"result\":\"it broke\",\"isError\":true}}",                                 "\"it broke\"",                     "it broke"         },
        {"{\"error\":\"upstream\"}",                                                              "{\"error\":\"upstream\"}",         "upstream"         },
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void success_is_not_taken_for_failure(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"data\":{\"ok\":true,\"ts\":\"1.2\"}}",                    "{\"ok\":true,\"ts\":\"1.2\"}",  NULL},
        {"{\"data\":{\"ok\":true,\"error\":\"x\"}}",                   "{\"ok\":true,\"error\":\"x\"}", NULL},
        {"{\"data\":{\"error\":null,\"a\":1}}",                        "{\"error\":null,\"a\":1}",      NULL},
        {"{\"data\":{\"error\":\"\"}}",                                "{\"error\":\"\"}",              NULL},
        {"{\"data\":{\"error\":{}}}",                                  "{\"error\":{}}",                NULL},
        {"{\"data\":{\"error\":false}}",                               "{\"error\":false}",             NULL},
        {"{\"data\":{\"array\":[{\"error\":\"inside a document\"}]}}",
         "[{\"error\":\"inside a document\"}]",                                                         NULL},
        {"{\"execution_id\":\"5\"}",                                   "{}",                            NULL},
        {"{}",                                                         "{}",                            NULL},
        {"{\"data\":null,\"executionId\":\"5\"}",                      "{}",                            NULL},
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void numbers_and_text_keep_their_bytes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"data\":{\"id\":12345678901234567890,\"f\":1.10,\"e\":1E+2,\"s\":\"a\\u0041\\/\"}}",
         "{\"id\":12345678901234567890,\"f\":1.10,\"e\":1E+2,\"s\":\"a\\u0041\\/\"}",                                         NULL},
        {"{\"data\":{\"result\":\"{\\\"id\\\":9007199254740993}\"}}",                            "{\"id\":9007199254740993}",
         NULL                                                                                                                     },
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void broken_text_is_repaired(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"data\":{\"s\":\"a\xff\"}}",            "{\"s\":\"a\xef\xbf\xbd\"}",  NULL},
        {"{\"data\":{\"s\":\"\\ud800 x\"}}",        "{\"s\":\"\\ufffd x\"}",      NULL},
        {"{\"data\":{\"s\":\"\\ud83d\\ude00\"}}",   "{\"s\":\"\\ud83d\\ude00\"}", NULL},
        {"{\"data\":{\"result\":\"cut \\ud83d\"}}", "\"cut \xef\xbf\xbd\"",       NULL},
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "<html>ok</html>",
        "[]",
        "\"x\"",
        "null",
        "{\"data\":{\"a\":1}",
        "{\"data\":{\"a\":1}} trailing",
        "{\"status\":\"ok\"}",
        "{\"data\":null,\"status\":\"ok\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct scalekit_result result = {0};
        if (scalekit_result_read(bodies[i], strlen(bodies[i]), &result) != E_PROTOCOL)
            fail_msg("accepted: %s", bodies[i]);
        assert_null(result.data.data);
    }
}

static void the_execution_id_is_kept_in_any_spelling(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"data\":{},\"execution_id\":\"123456789\"}",
        "{\"data\":{},\"executionId\":\"123456789\"}",
        "{\"data\":{},\"execution_id\":123456789}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct scalekit_result result = {0};
        assert_int_equal(scalekit_result_read(bodies[i], strlen(bodies[i]), &result), E_OK);
        assert_string_equal(result.execution_id, "123456789");
        scalekit_result_done(&result);
    }
}

static void texts_inside_texts_end(void **state)
{
    (void)state;
    AUTO(str_done) struct str text = {0};
    str_append_text(&text, "{\"a\":1}");
    for (int i = 0; i < 12; i++) {
        AUTO(str_done) struct str outer = {0};
        struct json_writer w = json_writer(&outer);
        json_begin_object(&w);
        json_put_string(&w, i == 11 ? "data" : "result", str_text(&text));
        json_end_object(&w);
        str_move(&text, &outer);
    }
    struct scalekit_result result = {0};
    assert_int_equal(scalekit_result_read(text.data, text.len, &result), E_OK);
    assert_true(str_ok(&result.data));
    assert_int_equal(json_check(result.data.data, result.data.len, (struct json_limits){0}), E_OK);
    scalekit_result_done(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrappings_that_stand_alone_are_taken_off),
        cmocka_unit_test(wrappings_with_company_stay),
        cmocka_unit_test(failures_inside_a_200_are_seen),
        cmocka_unit_test(success_is_not_taken_for_failure),
        cmocka_unit_test(numbers_and_text_keep_their_bytes),
        cmocka_unit_test(broken_text_is_repaired),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(the_execution_id_is_kept_in_any_spelling),
        cmocka_unit_test(texts_inside_texts_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
