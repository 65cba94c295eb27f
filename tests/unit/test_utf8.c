/* UTF-8: check, repair, cut. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define BROKEN "\xEF\xBF\xBD"

static const struct {
    const char *text;
    const char *repaired; /* NULL: it is valid */
} samples[] = {
    {"",                             NULL                                },
    {"plain",                        NULL                                },
    {"\xC2\x80",                     NULL                                },
    {"\xDF\xBF",                     NULL                                },
    {"\xE0\xA0\x80",                 NULL                                },
    {"\xED\x9F\xBF",                 NULL                                },
    {"\xEE\x80\x80",                 NULL                                },
    {"\xEF\xBF\xBF",                 NULL                                },
    {"\xF0\x90\x80\x80",             NULL                                },
    {"\xF4\x8F\xBF\xBF",             NULL                                },
    {"a\xC3\xB8z \xF0\x9F\x98\x80!", NULL                                },
    {"\x80",                         BROKEN                              }, /* nothing to continue */
    {"\xBF\xBF",                     BROKEN BROKEN                       },
    {"\xC0\x80",                     BROKEN BROKEN                       }, /* overlong NUL */
    {"\xC1\xBF",                     BROKEN BROKEN                       },
    {"\xE0\x9F\xBF",                 BROKEN BROKEN BROKEN                }, /* overlong */
    {"\xF0\x8F\xBF\xBF",             BROKEN BROKEN BROKEN BROKEN         },
    {"\xED\xA0\x80",                 BROKEN BROKEN BROKEN                }, /* surrogates */
    {"\xED\xBF\xBF",                 BROKEN BROKEN BROKEN                },
    {"\xF4\x90\x80\x80",             BROKEN BROKEN BROKEN BROKEN         }, /* above U+10FFFF */
    {"\xF5\x80",                     BROKEN BROKEN                       },
    {"\xFF\xFE",                     BROKEN BROKEN                       },
    {"\xC3",                         BROKEN                              }, /* cut off */
    {"\xE2\x82",                     BROKEN                              },
    {"\xF0\x9F\x98",                 BROKEN                              },
    {"\xE2\x82x",                    BROKEN "x"                          },
    {"a\xF0\x9F\xC3\xB8",            "a" BROKEN "\xC3\xB8"               },
    {"\xE2\xE2\x82\xAC",             BROKEN "\xE2\x82\xAC"               },
    {"ascii ascii ascii \xFF ascii", "ascii ascii ascii " BROKEN " ascii"},
};

static void valid_is_what_rfc_3629_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        assert_int_equal(utf8_valid(samples[i].text, strlen(samples[i].text)),
                         samples[i].repaired == NULL);
}

static void repair_replaces_each_broken_sequence_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const char *wanted = samples[i].repaired ? samples[i].repaired : samples[i].text;
        AUTO(str_done) struct str out = {0};
        utf8_repair(&out, samples[i].text, strlen(samples[i].text));
        assert_string_equal(str_text(&out), wanted);
        assert_true(utf8_valid(str_text(&out), out.len));
    }
}

static void repair_replaces_nul(void **state)
{
    (void)state;
    AUTO(str_done) struct str out = {0};
    utf8_repair(&out, "a\0b", 3);
    assert_string_equal(str_text(&out), "a" BROKEN "b");
}

/* The fast path reads eight bytes at a time: a broken byte must be seen at every distance. */
static void a_broken_byte_is_found_at_every_position(void **state)
{
    (void)state;
    for (size_t len = 1; len < 40; len++) {
        for (size_t at = 0; at < len; at++) {
            char *text = xmalloc(len);
            memset(text, 'x', len);
            text[at] = (char)0xFE;
            assert_int_equal(utf8_ascii_run(text, len), at);
            assert_false(utf8_valid(text, len));
            text[at] = 'y';
            assert_int_equal(utf8_ascii_run(text, len), len);
            assert_true(utf8_valid(text, len));
            xfree(text);
        }
    }
}

static void every_character_survives_both_directions(void **state)
{
    (void)state;
    struct str out = {0};
    for (uint32_t c = 0; c <= 0x110000; c++) {
        bool is_character = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        str_clear(&out);
        utf8_append(&out, c);
        size_t at = 0;
        uint32_t back = utf8_next(out.data, out.len, &at);
        if (back != (is_character ? c : 0xFFFD) || at != out.len || !utf8_valid(out.data, out.len))
            fail_msg("U+%04X came back as U+%04X", c, back);
    }
    str_done(&out);
}

static void a_cut_never_splits_a_character(void **state)
{
    (void)state;
    static const char text[] = "a\xC3\xB8\xE2\x82\xAC\xF0\x9F\x98\x80z";
    static const size_t wanted[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    size_t len = sizeof text - 1;
    for (size_t max = 0; max < ARRAY_LEN(wanted); max++) {
        assert_int_equal(utf8_cut(text, len, max), wanted[max]);
        assert_true(utf8_valid(text, utf8_cut(text, len, max)));
    }
    assert_int_equal(utf8_cut(text, len, 1000), len);
    /* Broken text is cut anywhere rather than to nothing. */
    assert_int_equal(utf8_cut("\x80\x80\x80\x80\x80\x80\x80\x80", 8, 6), 6);
}

static void characters_are_counted(void **state)
{
    (void)state;
    assert_int_equal(utf8_count("", 0), 0);
    assert_int_equal(utf8_count("a\xC3\xB8\xE2\x82\xAC\xF0\x9F\x98\x80z", 11), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_is_what_rfc_3629_says),
        cmocka_unit_test(repair_replaces_each_broken_sequence_once),
        cmocka_unit_test(repair_replaces_nul),
        cmocka_unit_test(a_broken_byte_is_found_at_every_position),
        cmocka_unit_test(every_character_survives_both_directions),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(characters_are_counted),
    };
    return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}
