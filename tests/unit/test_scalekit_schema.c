/*
 * Tool definitions of strangers, made acceptable for the model API.
 */
#include "api/scalekit_internal.h"

#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ANY "{\"properties\":{},\"type\":\"object\"}"

static void clean(const char *schema, struct str *out)
{
    size_t len = strlen(schema);
    assert_int_equal(json_check(schema, len, (struct json_limits){0}), E_OK);
    scalekit_schema_clean(json_root(schema, len), out);
    assert_int_equal(json_check(out->data, out->len, (struct json_limits){0}), E_OK);
    assert_true(out->len <= 64 * KIB);
}

struct row {
    const char *schema;
    const char *cleaned;
};

static void assert_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AUTO(str_done) struct str out = {0};
        clean(rows[i].schema, &out);
        if (!str_equals(&out, rows[i].cleaned))
            fail_msg("%s: got %s", rows[i].schema, str_text(&out));
    }
}

static void what_is_no_schema_becomes_the_schema_of_any_object(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"null",                  ANY},
        {"true",                  ANY},
        {"[]",                    ANY},
        {"7",                     ANY},
        {"\"words\"",             ANY},
        {"{}",                    ANY},
        {"\"[]\"",                ANY},
        {"{\"type\":\"string\"}", ANY},
        {"{\"properties\":[]}",   ANY},
    };
    assert_rows(rows, ARRAY_LEN(rows));
    AUTO(str_done) struct str out = {0};
    scalekit_schema_clean((struct json_span){0}, &out);
    assert_string_equal(str_text(&out), ANY);
}

static void the_top_is_an_object_without_alternatives(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"type\":[\"object\",\"null\"],\"properties\":{\"a\":{\"type\":\"string\"}}}",
         "{\"properties\":{\"a\":{\"type\":\"string\"}},\"type\":\"object\"}"                                                                                  },
        {"{\"properties\":{\"a\":{}},\"anyOf\":[{\"required\":[\"a\"]}],\"oneOf\":[{}],"
         "\"allOf\":[{}],\"not\":{},\"enum\":[1],\"const\":2,\"if\":{},\"items\":{}}", "{\"properties\":{\"a\":{}},\"type\":\"object\"}"              },
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"$id\":\"x\",\"x-y\":1,"
         "\"display_properties\":{},\"description\":\"d\"}",                           "{\"description\":\"d\",\"properties\":{},\"type\":\"object\"}"},
        {"{\"additionalProperties\":false}",
         "{\"additionalProperties\":false,\"properties\":{},\"type\":\"object\"}"                                                                              },
        {"\"{\\\"properties\\\":{\\\"a\\\":{}}}\"",
         "{\"properties\":{\"a\":{}},\"type\":\"object\"}"                                                                                                     },
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void refused_property_names_disappear_also_from_required(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"properties\":{\"$top\":{\"type\":\"integer\"},\"a.b-c_1\":{},\"with space\":{},"
         "\"\":{},\"\\u0024filter\":{},\"\\u0061\":{}},\"required\":[\"$top\",\"a\",\"$filter\"]}", "{\"properties\":{\"a\":{},\"a.b-c_1\":{}},\"required\":[\"a\"],\"type\":\"object\"}"},
        {"{\"properties\":{\"o\":{\"type\":\"object\",\"properties\":{\"@id\":{},\"k\":{}},"
         "\"required\":[\"@id\"]}}}",                                                               "{\"properties\":{\"o\":{\"properties\":{\"k\":{}},\"type\":\"object\"}},"
         "\"type\":\"object\"}"                                                                                                                     },
        {"{\"properties\":{"
         "\"a23456789012345678901234567890123456789012345678901234567890123_\":{},"
         "\"a234567890123456789012345678901234567890123456789012345678901234_\":{}}}",              "{\"properties\":{"
         "\"a23456789012345678901234567890123456789012345678901234567890123_\":{}},"
         "\"type\":\"object\"}"                                                                    },
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void control_parameters_are_hidden_at_the_top_only(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"properties\":{\"schema_version\":{},\"tool_version\":{},"
         "\"o\":{\"properties\":{\"schema_version\":{}}}},\"required\":[\"tool_version\",\"o\"]}", "{\"properties\":{\"o\":{\"properties\":{\"schema_version\":{}}}},\"required\":[\"o\"],"
         "\"type\":\"object\"}"},
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void required_inside_a_property_moves_to_its_parent(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"properties\":{\"b\":{\"type\":\"string\",\"required\":true},"
         "\"a\":{\"required\":false},\"c\":{\"required\":true}},\"required\":[\"c\"]}", "{\"properties\":{\"a\":{},\"b\":{\"type\":\"string\"},\"c\":{}},"
         "\"required\":[\"c\",\"b\"],\"type\":\"object\"}"},
        {"{\"properties\":{\"o\":{\"type\":\"object\",\"required\":true,"
         "\"properties\":{\"i\":{\"required\":true}}}}}",                               "{\"properties\":{\"o\":{\"properties\":{\"i\":{}},\"required\":[\"i\"],"
         "\"type\":\"object\"}},\"required\":[\"o\"],\"type\":\"object\"}"              },
 /* a property that is called required is no keyword */
        {"{\"properties\":{\"required\":{\"type\":\"boolean\"}},\"required\":[\"required\"]}",
         "{\"properties\":{\"required\":{\"type\":\"boolean\"}},\"required\":[\"required\"],"
         "\"type\":\"object\"}"                                                                                                                           },
        {"{\"properties\":{\"a\":{}},\"required\":[\"a\",\"a\",7,\"zzz\",null]}",
         "{\"properties\":{\"a\":{}},\"required\":[\"a\"],\"type\":\"object\"}"                                                                           },
        {"{\"properties\":{\"a\":{}},\"required\":true}",
         "{\"properties\":{\"a\":{}},\"type\":\"object\"}"                                                                                                },
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void keywords_with_values_of_the_wrong_kind_are_left_out(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"properties\":{\"a\":{\"type\":\"any\",\"minimum\":\"1\",\"exclusiveMinimum\":true,"
         "\"enum\":[],\"description\":7,\"items\":[{}],\"minLength\":-1,\"maxLength\":2.5,"
         "\"uniqueItems\":1,\"anyOf\":[],\"oneOf\":[7],\"nullable\":true,\"pattern\":{}}}}",   "{\"properties\":{\"a\":{}},\"type\":\"object\"}"                                      },
        {"{\"properties\":{\"a\":{\"type\":[\"string\",\"null\"],\"minimum\":1.50,"
         "\"enum\":[\"x\",null],\"default\":12345678901234567890,\"minLength\":0}}}",          "{\"properties\":{\"a\":{\"default\":12345678901234567890,\"enum\":[\"x\",null],"
         "\"minLength\":0,\"minimum\":1.50,\"type\":[\"string\",\"null\"]}},\"type\":\"object\"}"},
        {"{\"properties\":{\"a\":{\"type\":[\"string\",\"string\"],\"multipleOf\":0},"
         "\"b\":{\"type\":{\"x\":\"string\"},\"multipleOf\":-1},\"c\":{\"multipleOf\":0.5}}}", "{\"properties\":{\"a\":{},\"b\":{},\"c\":{\"multipleOf\":0.5}},\"type\":\"object\"}"  },
        {"{\"properties\":{\"a\":\"string\",\"b\":true,\"c\":null,\"d\":[]}}",
         "{\"properties\":{\"a\":{},\"b\":true,\"c\":{},\"d\":{}},\"type\":\"object\"}"                                                                                                        },
        {"{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\","
         "\"items\":{\"type\":\"integer\",\"x\":1}}]}}}",                                      "{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\"},{\"items\":{\"type\":"
         "\"integer\"},\"type\":\"array\"}]}},\"type\":\"object\"}"                                                          },
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void references_lead_somewhere_or_disappear(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/A\"},\"b\":{\"$ref\":\"#/$defs/B\"},"
         "\"c\":{\"$ref\":\"http://x/y\"},\"d\":{\"$ref\":\"#/properties/a\"}},"
         "\"$defs\":{\"A\":{\"type\":\"string\"}}}",                                     "{\"$defs\":{\"A\":{\"type\":\"string\"}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/A\"},"
         "\"b\":{},\"c\":{},\"d\":{}},\"type\":\"object\"}"                     },
        {"{\"$ref\":\"#/definitions/In\",\"definitions\":{\"In\":{\"type\":\"object\","
         "\"properties\":{\"q\":{\"type\":\"string\"}},\"required\":[\"q\"]}}}",         "{\"definitions\":{\"In\":{\"properties\":{\"q\":{\"type\":\"string\"}},"
         "\"required\":[\"q\"],\"type\":\"object\"}},\"properties\":{\"q\":{\"type\":\"string\"}},"
         "\"required\":[\"q\"],\"type\":\"object\"}"},
        {"{\"$ref\":\"#/definitions/A\",\"definitions\":{\"A\":{\"$ref\":\"#/definitions/A\"}}}",
         "{\"definitions\":{\"A\":{\"$ref\":\"#/definitions/A\"}},\"properties\":{},"
         "\"type\":\"object\"}"                                                                                                              },
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void the_order_of_the_service_does_not_show(void **state)
{
    (void)state;
    AUTO(str_done) struct str one = {0};
    AUTO(str_done) struct str two = {0};
    clean("{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"string\",\"title\":\"t\"},"
          "\"a\":{}},\"required\":[\"a\"]}",
          &one);
    clean("{ \"required\" : [\"a\"], \"properties\": {\"a\": {}, \"b\": {\"title\":\"t\","
          "\"type\":\"string\"}}, \"type\":\"object\" }",
          &two);
    assert_string_equal(str_text(&one), str_text(&two));
}

static void the_first_of_equal_keys_counts_and_surrogates_are_repaired(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"properties\":{\"a\":{\"type\":\"string\"},\"\\u0061\":{\"type\":\"number\"},"
         "\"b\":{\"description\":\"x \\ud800\"}}}", "{\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"description\":\"x \xef\xbf\xbd\"}},"
         "\"type\":\"object\"}"},
    };
    assert_rows(rows, ARRAY_LEN(rows));
}

static void nesting_ends(void **state)
{
    (void)state;
    AUTO(str_done) struct str deep = {0};
    int levels = 25; /* two JSON levels each, below the limit of JSON itself */
    for (int i = 0; i < levels; i++)
        str_append_text(&deep, "{\"properties\":{\"p\":");
    str_append_text(&deep, "{}");
    for (int i = 0; i < levels; i++)
        str_append_text(&deep, "}}");
    AUTO(str_done) struct str out = {0};
    clean(str_text(&deep), &out);
    size_t n = 0;
    for (const char *at = str_text(&out); (at = strstr(at, "\"p\"")); at++)
        n++;
    assert_int_equal(n, 16);
}

static void big_schema(struct str *out, int n, size_t words)
{
    str_append_text(out, "{\"type\":\"object\",\"properties\":{");
    for (int i = 0; i < n; i++) {
        str_append_format(out, "%s\"p%d\":{\"type\":\"string\",\"description\":\"", i ? "," : "",
                          i);
        for (size_t k = 0; k < words; k++)
            str_append_char(out, 'w');
        str_append_text(out, "\"}");
    }
    str_append_text(out, "},\"required\":[\"p1\"]}");
}

static void a_large_schema_loses_its_words_before_its_shape(void **state)
{
    (void)state;
    AUTO(str_done) struct str big = {0};
    big_schema(&big, 100, 1000);
    AUTO(str_done) struct str out = {0};
    clean(str_text(&big), &out);
    assert_null(strstr(str_text(&out), "www"));
    assert_non_null(strstr(str_text(&out), "\"p99\":{\"type\":\"string\"}"));
    assert_non_null(strstr(str_text(&out), "\"required\":[\"p1\"]"));

    AUTO(str_done) struct str huge = {0};
    big_schema(&huge, 300, 1000);
    str_clear(&out);
    clean(str_text(&huge), &out);
    assert_string_equal(str_text(&out), ANY);
}

static void only_so_many_properties_are_kept(void **state)
{
    (void)state;
    AUTO(str_done) struct str many = {0};
    big_schema(&many, 2000, 1);
    AUTO(str_done) struct str out = {0};
    clean(str_text(&many), &out);
    assert_non_null(strstr(str_text(&out), "\"p511\""));
    assert_null(strstr(str_text(&out), "\"p512\""));
}

/* ---- definitions and names ---- */

static bool read_tool(const char *definition, struct scalekit_tool *out_tool)
{
    size_t len = strlen(definition);
    assert_int_equal(json_check(definition, len, (struct json_limits){0}), E_OK);
    return scalekit_tool_read(json_root(definition, len), out_tool);
}

static void a_definition_without_a_name_is_no_tool(void **state)
{
    (void)state;
    struct scalekit_tool tool;
    assert_false(read_tool("{\"description\":\"d\"}", &tool));
    assert_false(read_tool("{\"name\":\"\"}", &tool));
    assert_false(read_tool("{\"name\":7}", &tool));
    assert_false(read_tool("[]", &tool));
}

static void only_name_description_and_schema_survive(void **state)
{
    (void)state;
    struct scalekit_tools tools = {.items = xcalloc(1, sizeof *tools.items), .n = 1};
    assert_true(read_tool("{\"name\":\"t\",\"display_name\":\"T\",\"description\":\"a\\u0000b\","
                          "\"inputSchema\":{\"properties\":{\"q\":{}}},\"annotations\":{}}",
                          &tools.items[0]));
    assert_string_equal(tools.items[0].name, "t");
    assert_string_equal(tools.items[0].description, "a\xef\xbf\xbd"
                                                    "b");
    assert_string_equal(tools.items[0].input_schema,
                        "{\"properties\":{\"q\":{}},\"type\":\"object\"}");
    assert_null(tools.items[0].model_name);
    scalekit_tools_done(&tools);
}

static void a_long_description_is_cut_between_characters(void **state)
{
    (void)state;
    AUTO(str_done) struct str definition = {0};
    str_append_text(&definition, "{\"name\":\"t\",\"description\":\"x");
    for (int i = 0; i < 3000; i++)
        str_append_text(&definition, "\xe2\x82\xac"); /* three bytes */
    str_append_text(&definition, "\"}");
    struct scalekit_tools tools = {.items = xcalloc(1, sizeof *tools.items), .n = 1};
    assert_true(read_tool(str_text(&definition), &tools.items[0]));
    size_t len = strlen(tools.items[0].description);
    assert_in_range(len, 4 * KIB - 3, 4 * KIB);
    assert_true(utf8_valid(tools.items[0].description, len));
    scalekit_tools_done(&tools);
}

static void model_names_are_legal_short_and_unique(void **state)
{
    (void)state;
    static const char *const names[] = {
        "a.b",
        "a/b",
        "a_b",
        "c-myapify_fetch-docs",
        "sl\xc3\xa4-k",
        "x2345678901234567890123456789012345678901234567890123456789012345_1",
        "x2345678901234567890123456789012345678901234567890123456789012345_2",
        "x234567890123456789012345678901234567890123456789012345678901234",
    };
    struct scalekit_tools tools = {.items = xcalloc(ARRAY_LEN(names), sizeof *tools.items),
                                   .n = ARRAY_LEN(names)};
    for (size_t i = 0; i < tools.n; i++)
        tools.items[i].name = xstrdup(names[i]);
    scalekit_tools_name(&tools);

    assert_string_equal(tools.items[2].model_name, "a_b");
    assert_string_equal(tools.items[3].model_name, "c-myapify_fetch-docs");
    assert_string_equal(tools.items[7].model_name, names[7]);
    for (size_t i = 0; i < tools.n; i++) {
        const char *name = tools.items[i].model_name;
        assert_in_range(strlen(name), 1, 64);
        assert_int_equal(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789_-"),
                         strlen(name));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(name, tools.items[k].model_name);
    }
    scalekit_tools_done(&tools);
}

static void a_made_name_gives_way_to_a_real_one(void **state)
{
    (void)state;
    struct scalekit_tools first = {.items = xcalloc(1, sizeof *first.items), .n = 1};
    first.items[0].name = xstrdup("a.b");
    scalekit_tools_name(&first);

    struct scalekit_tools both = {.items = xcalloc(2, sizeof *both.items), .n = 2};
    both.items[0].name = xstrdup("a.b");
    both.items[1].name = xstrdup(first.items[0].model_name);
    scalekit_tools_name(&both);
    assert_string_equal(both.items[1].model_name, both.items[1].name);
    assert_string_not_equal(both.items[0].model_name, both.items[1].model_name);
    scalekit_tools_done(&first);
    scalekit_tools_done(&both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_schema_becomes_the_schema_of_any_object),
        cmocka_unit_test(the_top_is_an_object_without_alternatives),
        cmocka_unit_test(refused_property_names_disappear_also_from_required),
        cmocka_unit_test(control_parameters_are_hidden_at_the_top_only),
        cmocka_unit_test(required_inside_a_property_moves_to_its_parent),
        cmocka_unit_test(keywords_with_values_of_the_wrong_kind_are_left_out),
        cmocka_unit_test(references_lead_somewhere_or_disappear),
        cmocka_unit_test(the_order_of_the_service_does_not_show),
        cmocka_unit_test(the_first_of_equal_keys_counts_and_surrogates_are_repaired),
        cmocka_unit_test(nesting_ends),
        cmocka_unit_test(a_large_schema_loses_its_words_before_its_shape),
        cmocka_unit_test(only_so_many_properties_are_kept),
        cmocka_unit_test(a_definition_without_a_name_is_no_tool),
        cmocka_unit_test(only_name_description_and_schema_survive),
        cmocka_unit_test(a_long_description_is_cut_between_characters),
        cmocka_unit_test(model_names_are_legal_short_and_unique),
        cmocka_unit_test(a_made_name_gives_way_to_a_real_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
