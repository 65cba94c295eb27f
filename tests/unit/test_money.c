/* Amounts of money, and what a reply costs. */
#include "agent/catalogue.h"
#include "api/anthropic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void amounts_are_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t nano_usd;
    } rows[] = {
        {"0",                    0                  },
        {"0.50",                 500000000          },
        {"12",                   12000000000        },
        {"0.000000001",          1                  },
        {"007.10",               7100000000         },
        {"1000000000.000000000", 1000000000000000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t nano_usd = -1;
        if (money_parse(rows[i].text, &nano_usd)) fail_msg("%s: %s", rows[i].text, err_detail());
        assert_true(nano_usd == rows[i].nano_usd);
    }
}

static void what_is_no_amount_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",     ".",    ".5",   "5.",          "-1",          "+1",         "1e3",
        "1,50", "0x10", " 1",   "1 ",          "1.0.0",       "1.-5",       "1.2345678901",
        "$5",   "nan",  "1.5x", "99999999999", "10000000000", "1000000001", "\xD9\xA1",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int64_t nano_usd = 77;
        assert_int_equal(money_parse(texts[i], &nano_usd), E_INVALID);
        assert_int_equal(nano_usd, 77);
    }
}

static void amounts_are_written_with_at_least_two_decimals(void **state)
{
    (void)state;
    static const struct {
        int64_t nano_usd;
        const char *text;
    } rows[] = {
        {0,          "0.00"                 },
        {12300000,   "0.0123"               },
        {500000000,  "0.50"                 },
        {1,          "0.000000001"          },
        {5000000000, "5.00"                 },
        {-12300000,  "-0.0123"              },
        {INT64_MAX,  "9223372036.854775807" },
        {INT64_MIN,  "-9223372036.854775808"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[32];
        money_format(rows[i].nano_usd, text);
        assert_string_equal(text, rows[i].text);
    }
}

static const struct model model = {
    .input = 2000,
    .output = 10000,
    .cache_read = 100,
    .cache_write_5m = 2500,
    .cache_write_1h = 4000,
};

static const struct model long_model = {
    .input = 100,
    .output = 500,
    .cache_read = 10,
    .cache_write_5m = 125,
    .cache_write_1h = 200,
    .long_prompt_tokens = 100000,
    .long_input = 500,
    .long_output = 2500,
    .long_cache_read = 50,
    .long_cache_write_5m = 625,
    .long_cache_write_1h = 1000,
};

static void every_kind_of_token_has_its_price(void **state)
{
    (void)state;
    struct anthropic_usage usage = {.input_tokens = 1,
                                    .output_tokens = 10,
                                    .cache_read_tokens = 100,
                                    .cache_write_5m_tokens = 1000,
                                    .cache_write_1h_tokens = 10000};
    assert_true(model_cost(&model, &usage) == 2000 + 100000 + 10000 + 2500000 + 40000000);
}

static void a_long_prompt_makes_the_whole_request_dearer(void **state)
{
    (void)state;
    struct anthropic_usage usage = {.input_tokens = 50000, .cache_read_tokens = 50000};
    usage.output_tokens = 10;
    assert_true(model_cost(&long_model, &usage) == 50000 * 100 + 50000 * 10 + 10 * 500);
    usage.cache_read_tokens++;
    assert_true(model_cost(&long_model, &usage) == 50000 * 500 + 50001 * 50 + 10 * 2500);
}

static void absurd_token_counts_neither_wrap_nor_pay_back(void **state)
{
    (void)state;
    struct anthropic_usage usage = {.input_tokens = INT64_MAX, .output_tokens = INT64_MAX};
    assert_true(model_cost(&model, &usage) == INT64_MAX);
    usage = (struct anthropic_usage){.input_tokens = -5, .output_tokens = 1};
    assert_true(model_cost(&model, &usage) == 10000);
}

static void the_worst_cost_counts_two_bytes_a_token_at_the_dearest_rate(void **state)
{
    (void)state;
    assert_true(model_worst_cost(&model, 2001, 100) == 1001 * 4000 + 100 * 10000);
    assert_true(model_worst_cost(&long_model, 200002, 1) == 100001 * 1000 + 2500);
    assert_true(model_worst_cost(&model, 0, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_read_exactly),
        cmocka_unit_test(what_is_no_amount_is_refused),
        cmocka_unit_test(amounts_are_written_with_at_least_two_decimals),
        cmocka_unit_test(every_kind_of_token_has_its_price),
        cmocka_unit_test(a_long_prompt_makes_the_whole_request_dearer),
        cmocka_unit_test(absurd_token_counts_neither_wrap_nor_pay_back),
        cmocka_unit_test(the_worst_cost_counts_two_bytes_a_token_at_the_dearest_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
