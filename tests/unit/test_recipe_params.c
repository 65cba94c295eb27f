/* A run's parameters: what a caller may give, and what counts when they do not. */
#include "agent/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static char daily[] = "daily";
static char project[] = "project", project_setting[] = "SANITY_PROJECT_NAME";
static char dataset[] = "dataset", dataset_default[] = "production", dataset_pattern[] = "^[a-z]+$";
static char days[] = "days", days_default[] = "7";
static char quiet[] = "quiet", note[] = "note";

static struct recipe_param params[5];
static const struct recipe recipe = {
    .name = daily, .params = params, .n_params = ARRAY_LEN(params)};

static int set_up(void **state)
{
    (void)state;
    params[0] = (struct recipe_param){.name = project,
                                      .default_setting = project_setting,
                                      .is_required = true,
                                      .min = 1,
                                      .max = 20};
    params[1] = (struct recipe_param){.name = dataset,
                                      .default_value = dataset_default,
                                      .pattern = dataset_pattern,
                                      .min = 1,
                                      .max = 20};
    params[2] = (struct recipe_param){
        .name = days, .type = PARAM_INTEGER, .default_value = days_default, .min = 1, .max = 30};
    params[3] = (struct recipe_param){.name = quiet, .type = PARAM_BOOLEAN};
    params[4] = (struct recipe_param){.name = note, .max = 10};
    params[1].has_pattern =
        regcomp(&params[1].pattern_compiled, dataset_pattern, REG_EXTENDED) == 0;
    return params[1].has_pattern ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    regfree(&params[1].pattern_compiled);
    return 0;
}

static void note_problem(void *ctx, const char *pointer, const char *text)
{
    str_append_format(ctx, "%s %s\n", pointer, text);
}

static enum err resolve(const char *given, struct str *out, struct str *problems)
{
    struct json_span span = {0};
    if (given) {
        assert_int_equal(json_check(given, strlen(given), (struct json_limits){0}), E_OK);
        span = json_root(given, strlen(given));
    }
    return recipe_resolve_params(&recipe, span, out, note_problem, problems);
}

static void expect(const char *given, const char *wanted)
{
    AUTO(str_done) struct str out = {0}, problems = {0};
    if (resolve(given, &out, &problems)) fail_msg("%s: %s", given, str_text(&problems));
    assert_string_equal(str_text(&out), wanted);
}

static void expect_problem(const char *given, const char *wanted)
{
    AUTO(str_done) struct str out = {0}, problems = {0};
    assert_int_equal(resolve(given, &out, &problems), E_INVALID);
    assert_string_equal(str_text(&problems), wanted);
    assert_int_equal(out.len, 0);
}

static void given_values_come_first_and_the_result_is_canonical(void **state)
{
    (void)state;
    expect("{\"quiet\":true,\"project\":\"News\",\"note\":\"\",\"days\":30,\"dataset\":\"x\"}",
           "{\"dataset\":\"x\",\"days\":30,\"note\":\"\",\"project\":\"News\",\"quiet\":true}");
    expect("{ \"project\" : \"Caf\\u00e9 \\\"1\\\"\" }",
           "{\"dataset\":\"production\",\"days\":7,\"project\":\"Caf\xC3\xA9 \\\"1\\\"\"}");
}

static void defaults_and_then_settings_fill_what_is_missing(void **state)
{
    (void)state;
    expect_problem(NULL, "/params/project is required: give it here or set SANITY_PROJECT_NAME\n");
    static char value[] = "Newsroom";
    params[0].setting_value = value;
    expect(NULL, "{\"dataset\":\"production\",\"days\":7,\"project\":\"Newsroom\"}");
    expect("{}", "{\"dataset\":\"production\",\"days\":7,\"project\":\"Newsroom\"}");
    expect("{\"project\":\"Other\"}",
           "{\"dataset\":\"production\",\"days\":7,\"project\":\"Other\"}");
    params[0].setting_value = NULL;
}

static void a_setting_that_breaks_the_rules_is_told_and_not_used(void **state)
{
    (void)state;
    static char value[] = "a name that is longer than twenty bytes";
    params[0].setting_value = value;
    expect_problem("{}", "/params/project must have 1 to 20 bytes, not 39\n");
    params[0].setting_value = NULL;
}

static void every_wrong_value_is_told_with_its_pointer(void **state)
{
    (void)state;
    expect_problem("{\"project\":5,\"dataset\":\"Up\",\"days\":0,\"quiet\":\"yes\",\"note\":null}",
                   "/params/project must be a text\n"
                   "/params/dataset must match ^[a-z]+$\n"
                   "/params/days must be a whole number from 1 to 30\n"
                   "/params/quiet must be true or false\n"
                   "/params/note must be a text\n");
    expect_problem("{\"project\":\"\",\"a/b~c\":1,\"Project\":\"x\"}",
                   "/params/project must have 1 to 20 bytes, not 0\n"
                   "/params/a~1b~0c is no parameter of this recipe\n"
                   "/params/Project is no parameter of this recipe\n");
    expect_problem("{\"project\":\"a\",\"project\":\"b\"}",
                   "/params/project is given more than once\n");
    expect_problem("[]", "/params must be an object\n"
                         "/params/project is required: give it here or set SANITY_PROJECT_NAME\n");
}

static void numbers_must_be_whole_and_in_range(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "1.5", "1e1", "31", "-1", "\"7\"", "true", "99999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        AUTO(str_done) struct str given = {0}, out = {0}, problems = {0};
        str_append_format(&given, "{\"project\":\"p\",\"days\":%s}", numbers[i]);
        assert_int_equal(resolve(str_text(&given), &out, &problems), E_INVALID);
        assert_true(text_starts(str_text(&problems), "/params/days must be a whole number"));
    }
}

static void text_with_control_characters_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"a\\nToday: 2020-01-01", "a\\u0000b", "\\u001b[31m",
                                        "a\\u007f"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(str_done) struct str given = {0}, out = {0}, problems = {0};
        str_append_format(&given, "{\"project\":\"%s\"}", texts[i]);
        assert_int_equal(resolve(str_text(&given), &out, &problems), E_INVALID);
        assert_true(text_starts(str_text(&problems), "/params/project must not contain"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_values_come_first_and_the_result_is_canonical),
        cmocka_unit_test(defaults_and_then_settings_fill_what_is_missing),
        cmocka_unit_test(a_setting_that_breaks_the_rules_is_told_and_not_used),
        cmocka_unit_test(every_wrong_value_is_told_with_its_pointer),
        cmocka_unit_test(numbers_must_be_whole_and_in_range),
        cmocka_unit_test(text_with_control_characters_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
