/* The .env file, as people and editors write it. */
#include "config/dotenv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static enum err parse(const char *text, struct url_pairs *pairs, struct str *problems)
{
    return dotenv_parse(text, strlen(text), ".env", pairs, problems);
}

static void values_are_read_in_every_way_of_writing(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *value;
    } rows[] = {
        {"A=plain",                        "plain"                   },
        {"A=",                             ""                        },
        {"A=\"\"",                         ""                        },
        {"A=''",                           ""                        },
        {"  A = spaced out  ",             "spaced out"              },
        {"export A=1",                     "1"                       },
        {"export\tA=1",                    "1"                       },
        {"A=a=b==",                        "a=b=="                   },
        {"A=x # comment",                  "x"                       },
        {"A=x#no-comment",                 "x#no-comment"            },
        {"A=# only a comment",             ""                        },
        {"A=#",                            ""                        },
        {"A= #comment",                    ""                        },
        {"A=#news",                        "#news"                   },
        {"A=#news # comment",              "#news"                   },
        {"A='single \"$HOME\" \\n # x'",   "single \"$HOME\" \\n # x"},
        {"A=\"q \\\" b \\\\ d \\$ n\\n\"", "q \" b \\ d $ n\n"       },
        {"A=\"x\" # after",                "x"                       },
        {"A=$HOME/${X}",                   "$HOME/${X}"              },
        {"A=it's",                         "it's"                    },
        {"A=\xC3\xB8l",                    "\xC3\xB8l"               },
        {"A=1\nA=2",                       "2"                       },
        {"\xEF\xBB\xBF"
         "A=bom",                 "bom"                     },
        {"A=crlf\r\nB=x\r\n",              "crlf"                    },
        {"# c\n\n   \t\n#A=0\nA=last",     "last"                    },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(url_pairs_done) struct url_pairs pairs = {0};
        AUTO(str_done) struct str problems = {0};
        if (parse(rows[i].line, &pairs, &problems))
            fail_msg("%s: %s", rows[i].line, str_text(&problems));
        const char *value = url_pairs_find(&pairs, "A");
        assert_non_null(value);
        assert_string_equal(value, rows[i].value);
    }
}

static void a_line_that_is_none_is_a_problem_with_its_number(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "just words", "=value",    "1A=x",    "A-B=x",      "A",       "export",
        "A='open",    "A=\"open",  "A=\"x\\", "A=\"\\t\"",  "A='x' y", "A=\"x\"y",
        "A=\"x\"#y",  "export =1", "A.B=1",   "\xC3\xB8=1", "- A=1",   "exportA 1",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        AUTO(url_pairs_done) struct url_pairs pairs = {0};
        AUTO(str_done) struct str problems = {0}, text = {0};
        str_append_format(&text, "GOOD=1\n%s\nLAST=2\n", lines[i]);
        assert_int_equal(parse(str_text(&text), &pairs, &problems), E_INVALID);
        if (!text_starts(str_text(&problems), ".env:2: ")) fail_msg("%s", str_text(&problems));
        /* What is fine is still there, so that nothing is reported twice. */
        assert_string_equal(url_pairs_find(&pairs, "GOOD"), "1");
        assert_string_equal(url_pairs_find(&pairs, "LAST"), "2");
    }
}

static void a_problem_does_not_show_the_line(void **state)
{
    (void)state;
    AUTO(url_pairs_done) struct url_pairs pairs = {0};
    AUTO(str_done) struct str problems = {0};
    assert_int_equal(parse("KEY='hunter2\nhunter3\n", &pairs, &problems), E_INVALID);
    assert_null(strstr(str_text(&problems), "hunter"));
    assert_non_null(strstr(str_text(&problems), ".env:1: "));
    assert_non_null(strstr(str_text(&problems), ".env:2: "));
}

static void sizes_and_bytes_have_limits(void **state)
{
    (void)state;
    AUTO(url_pairs_done) struct url_pairs pairs = {0};
    AUTO(str_done) struct str problems = {0}, text = {0};
    for (int i = 0; i < 1001; i++)
        str_append_format(&text, "N%d=\n", i);
    assert_int_equal(parse(str_text(&text), &pairs, &problems), E_INVALID);
    assert_non_null(strstr(str_text(&problems), ".env:1001: too many names"));

    str_clear(&text);
    str_append_text(&text, "A=");
    while (text.len <= 9 * KIB)
        str_append_text(&text, "0123456789");
    url_pairs_done(&pairs);
    assert_int_equal(parse(str_text(&text), &pairs, &problems), E_INVALID);
    assert_int_equal(pairs.n, 0);

    while (text.len <= 64 * KIB)
        str_append_text(&text, "\n# 3456789");
    assert_int_equal(parse(str_text(&text), &pairs, &problems), E_INVALID);
    assert_non_null(strstr(str_text(&problems), "larger than 64 KiB"));

    static const char nul[] = "A=1\0B=2";
    assert_int_equal(dotenv_parse(nul, sizeof nul - 1, "x", &pairs, &problems), E_INVALID);
    assert_int_equal(parse("A=\xFF\xFE", &pairs, &problems), E_INVALID);
    assert_int_equal(dotenv_parse("", 0, "x", &pairs, &problems), E_OK);
    assert_int_equal(dotenv_parse(NULL, 0, "x", &pairs, &problems), E_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_in_every_way_of_writing),
        cmocka_unit_test(a_line_that_is_none_is_a_problem_with_its_number),
        cmocka_unit_test(a_problem_does_not_show_the_line),
        cmocka_unit_test(sizes_and_bytes_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
