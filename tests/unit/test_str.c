/* A growable text that knows its limit. */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void an_empty_text_is_a_text(void **state)
{
    (void)state;
    struct str s = {0};
    assert_string_equal(str_text(&s), "");
    assert_true(str_ok(&s));
    assert_true(str_equals(&s, ""));
    assert_null(str_take(&s));
    str_clear(&s);
    str_truncate(&s, 0);
    str_done(&s);
    str_done(NULL);
    str_done_secret(&s);
}

static void it_grows_and_stays_terminated(void **state)
{
    (void)state;
    AUTO(str_done) struct str s = {0};
    for (int i = 0; i < 10000; i++) {
        str_append_char(&s, (char)('a' + i % 26));
        assert_int_equal(s.data[s.len], 0);
    }
    assert_int_equal(s.len, 10000);
    for (size_t i = 0; i < s.len; i++)
        assert_int_equal(s.data[i], 'a' + i % 26);
}

static void bytes_inside_may_be_anything(void **state)
{
    (void)state;
    AUTO(str_done) struct str s = {0};
    str_append(&s, "a\0b", 3);
    str_append(&s, NULL, 0);
    str_append_text(&s, "");
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.data, "a\0b", 4);
    assert_false(str_equals(&s, "a"));
}

static void exactly_the_limit_fits(void **state)
{
    (void)state;
    AUTO(str_done) struct str s = STR_LIMIT(5);
    str_append_text(&s, "12345");
    assert_true(str_ok(&s));
    str_append_char(&s, '6');
    assert_false(str_ok(&s));
    assert_string_equal(str_text(&s), "12345");
}

static void after_an_overflow_nothing_more_is_appended(void **state)
{
    (void)state;
    AUTO(str_done) struct str s = STR_LIMIT(5);
    str_append_text(&s, "123");
    str_append_text(&s, "456");
    assert_string_equal(str_text(&s), "123");
    str_append_char(&s, '4');
    str_append_format(&s, "%d", 5);
    assert_string_equal(str_text(&s), "123");
    str_truncate(&s, 1);
    assert_false(str_ok(&s));
    str_clear(&s);
    assert_true(str_ok(&s));
    str_append_text(&s, "12345");
    assert_true(str_ok(&s));
}

static void a_huge_length_is_an_overflow_and_not_a_wrap(void **state)
{
    (void)state;
    AUTO(str_done) struct str s = {0};
    str_append_text(&s, "x");
    str_reserve(&s, SIZE_MAX);
    assert_false(str_ok(&s));
    AUTO(str_done) struct str t = {0};
    str_reserve(&t, STR_MAX_DEFAULT + 1);
    assert_false(str_ok(&t));
}

static void formats_of_any_length(void **state)
{
    (void)state;
    static const int widths[] = {0, 1, 254, 255, 256, 257, 5000};
    for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
        AUTO(str_done) struct str s = {0};
        str_append_text(&s, "<");
        str_append_format(&s, "%*s>", widths[i], "");
        assert_int_equal(s.len, (size_t)widths[i] + 2);
        assert_int_equal(s.data[s.len - 1], '>');
    }
    AUTO(str_done) struct str small = STR_LIMIT(300);
    str_append_format(&small, "%400s", "");
    assert_false(str_ok(&small));
    assert_int_equal(small.len, 0);
}

static void numbers_of_any_size_are_written(void **state)
{
    (void)state;
    AUTO(str_done) struct str s = {0};
    const int64_t numbers[] = {0, 7, -7, 10, -100, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        str_append_i64(&s, numbers[i]);
        str_append_char(&s, ' ');
    }
    assert_string_equal(s.data, "0 7 -7 10 -100 9223372036854775807 -9223372036854775808 ");
}

static void overflow_is_inherited(void **state)
{
    (void)state;
    AUTO(str_done) struct str part = STR_LIMIT(2);
    str_append_text(&part, "ab");
    AUTO(str_done) struct str whole = {0};
    str_append_str(&whole, &part);
    assert_true(str_equals(&whole, "ab"));
    str_append_char(&part, 'c');
    str_append_str(&whole, &part);
    assert_false(str_ok(&whole));
}

static void taking_and_moving_leave_the_source_empty(void **state)
{
    (void)state;
    AUTO(str_done) struct str s = STR_LIMIT(10);
    str_append_text(&s, "abc");
    AUTO(xfree_ptr) char *taken = str_take(&s);
    assert_string_equal(taken, "abc");
    assert_string_equal(str_text(&s), "");
    assert_int_equal(s.max, 10);

    AUTO(str_done) struct str to = {0};
    str_append_text(&to, "old");
    str_append_text(&s, "new");
    str_move(&to, &s);
    assert_true(str_equals(&to, "new"));
    assert_int_equal(s.len, 0);
    assert_null(s.data);
    str_move(&to, &to);
    assert_true(str_equals(&to, "new"));
    str_clear(&to);
    assert_null(str_take(&to));
}

static void prefixes_and_suffixes(void **state)
{
    (void)state;
    assert_true(text_starts("briefing", "brief"));
    assert_true(text_starts("x", ""));
    assert_false(text_starts("br", "brief"));
    assert_true(text_ends("a.db.lock", ".lock"));
    assert_true(text_ends("x", ""));
    assert_false(text_ends("ck", "lock"));
    assert_true(text_equal("a", "a"));
    assert_false(text_equal("a", "A"));
    assert_true(text_equal(NULL, NULL));
    assert_false(text_equal(NULL, ""));
    assert_false(text_equal("", NULL));
}

static void whole_numbers_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max, value;
        bool is_valid;
    } rows[] = {
        {"0",                    0,         100,       0,         true },
        {"-0",                   -1,        100,       0,         true },
        {"007",                  0,         100,       7,         true },
        {"100",                  0,         100,       100,       true },
        {"101",                  0,         100,       0,         false},
        {"-5",                   -5,        5,         -5,        true },
        {"-6",                   -5,        5,         0,         false},
        {"-0",                   0,         5,         0,         false},
        {"9223372036854775807",  INT64_MIN, INT64_MAX, INT64_MAX, true },
        {"9223372036854775808",  INT64_MIN, INT64_MAX, 0,         false},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN, true },
        {"-9223372036854775809", INT64_MIN, INT64_MAX, 0,         false},
        {"99999999999999999999", INT64_MIN, INT64_MAX, 0,         false},
        {"",                     INT64_MIN, INT64_MAX, 0,         false},
        {"-",                    INT64_MIN, INT64_MAX, 0,         false},
        {"+1",                   INT64_MIN, INT64_MAX, 0,         false},
        {" 1",                   INT64_MIN, INT64_MAX, 0,         false},
        {"1 ",                   INT64_MIN, INT64_MAX, 0,         false},
        {"1.0",                  INT64_MIN, INT64_MAX, 0,         false},
        {"0x10",                 INT64_MIN, INT64_MAX, 0,         false},
        {"--1",                  INT64_MIN, INT64_MAX, 0,         false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = 4711;
        enum err e = text_to_i64(rows[i].text, rows[i].min, rows[i].max, &value);
        assert_int_equal(e, rows[i].is_valid ? E_OK : E_INVALID);
        assert_int_equal(value, rows[i].is_valid ? rows[i].value : 4711);
    }
}

static void digits_are_read_up_to_a_length(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(text_is_i64("1234", 2, &value));
    assert_int_equal(value, 12);
    assert_false(text_is_i64("1234", 0, &value));
    assert_false(text_is_i64("-1", 1, &value));
}

static void one_of_something_is_not_several(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        const char *plural, *wanted;
    } rows[] = {
        {7, "documents", "7 documents"},
        {0, "documents", "0 documents"},
        {1, "documents", "1 document" },
        {1, "queries",   "1 query"    },
        {1, "branches",  "1 branch"   },
        {1, "releases",  "1 release"  },
        {1, "status",    "1 status"   },
        {1, "progress",  "1 progress" },
        {1, "history",   "1 history"  },
        {1, "",          "1 "         }
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(str_done) struct str out = {0};
        str_append_count(&out, rows[i].n, rows[i].plural);
        assert_string_equal(str_text(&out), rows[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_is_a_text),
        cmocka_unit_test(it_grows_and_stays_terminated),
        cmocka_unit_test(bytes_inside_may_be_anything),
        cmocka_unit_test(exactly_the_limit_fits),
        cmocka_unit_test(after_an_overflow_nothing_more_is_appended),
        cmocka_unit_test(a_huge_length_is_an_overflow_and_not_a_wrap),
        cmocka_unit_test(formats_of_any_length),
        cmocka_unit_test(numbers_of_any_size_are_written),
        cmocka_unit_test(overflow_is_inherited),
        cmocka_unit_test(taking_and_moving_leave_the_source_empty),
        cmocka_unit_test(prefixes_and_suffixes),
        cmocka_unit_test(one_of_something_is_not_several),
        cmocka_unit_test(whole_numbers_are_read_strictly),
        cmocka_unit_test(digits_are_read_up_to_a_length),
    };
    return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
