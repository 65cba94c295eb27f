/* Patterns of parameters: what is taken, what is refused before the C library runs away with it. */
#include "agent/catalogue_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* What is said of it; "" when it is taken. */
static void fault_of(const char *pattern, struct str *out_problems)
{
    struct doc doc = {.file = "f", .problems = out_problems};
    struct node at = {.doc = &doc, .path = "p"};
    regex_t compiled;
    bool is_taken = pattern_compile(&at, pattern, &compiled);
    assert_int_equal(is_taken, doc.n_problems == 0);
    if (is_taken) regfree(&compiled);
}

static void what_people_write_is_taken(void **state)
{
    (void)state;
    static const char *const good[] = {
        "^$",
        "^[a-z]+$",
        "^[CGD][A-Z0-9]+$",
        "^([a-z]+-)*x$",
        "^(a*)?$",
        "^((a|b)+c?){3}$",
        "^(a*b)+$",
        "^\\(\\*\\)*$",
        "^([]*][^]*?]|[[:alpha:]*])+$",
        "^.{1,1000}$",
        "^(a{0}b)*$",
        "^a|b$",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        AUTO(str_done) struct str problems = {0};
        fault_of(good[i], &problems);
        assert_string_equal(str_text(&problems), "");
    }
}

static void what_takes_for_ever_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *fault;
    } bad[] = {
        {"^(a|[b-z]**){20}$",           "repeats what may be empty"},
        {"^(a{95}|[b-z]**){3,5}{3,5}$", "repeats too often"        },
        {"^((a?)*){20}$",               "repeats what may be empty"},
        {"^(a?){1,30}{1,30}$",          "repeats what may be empty"},
        {"^((x|)|y)+$",                 "repeats what may be empty"},
        {"^((a*b*)(c?)){2,}$",          "repeats what may be empty"},
        {"^()*$",                       "repeats what may be empty"},
        {"^(^|$)*$",                    "repeats what may be empty"},
        {"^x{0,5000}$",                 "repeats too often"        },
        {"^(a|b|c|d|e|f|g|h){0,1000}$", "repeats too often"        },
        {"^(a+)\\1$",                   "must not refer back"      },
        {"^(a$",                        "no POSIX extended regular"},
        {"a$",                          "must begin with ^"        },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(str_done) struct str problems = {0};
        fault_of(bad[i].pattern, &problems);
        if (!strstr(str_text(&problems), bad[i].fault))
            print_error("%s: %s\n", bad[i].pattern, str_text(&problems));
        assert_non_null(strstr(str_text(&problems), bad[i].fault));
    }
}

static void the_whole_text_has_to_match(void **state)
{
    (void)state;
    regex_t compiled;
    AUTO(str_done) struct str problems = {0};
    struct doc doc = {.file = "f", .problems = &problems};
    struct node at = {.doc = &doc};
    assert_true(pattern_compile(&at, "^a|b$", &compiled));
    assert_true(pattern_matches(&compiled, "a"));
    assert_true(pattern_matches(&compiled, "b"));
    assert_false(pattern_matches(&compiled, "ax"));
    assert_false(pattern_matches(&compiled, "xb"));
    regfree(&compiled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_write_is_taken),
        cmocka_unit_test(what_takes_for_ever_is_refused),
        cmocka_unit_test(the_whole_text_has_to_match),
    };
    return cmocka_run_group_tests_name("agent/pattern", tests, NULL, NULL);
}
