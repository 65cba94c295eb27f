/* Money: billionths of a US dollar in 64 bits, and what a model's reply costs. */
#include "agent/catalogue.h"
#include "api/anthropic.h"

#include <stdio.h>
#include <string.h>

#define NANO    INT64_C(1000000000)
#define USD_MAX 1000000000 /* a billion dollars: far from the end of 64 bits */

enum err money_parse(const char *text, int64_t *out_nano_usd)
{
    static const char digits[] = "0123456789";
    size_t n_whole = strspn(text, digits);
    const char *fraction = text[n_whole] == '.' ? text + n_whole + 1 : "";
    size_t n_fraction = strspn(fraction, digits);
    bool has_point = text[n_whole] == '.';
    size_t n_used = n_whole + (has_point ? 1 + n_fraction : 0);
    if (n_whole == 0 || n_whole > 10 || (has_point && n_fraction == 0) || n_fraction > 9 ||
        text[n_used] != '\0')
        return fail(E_INVALID, "an amount is digits, perhaps a point and 1 to 9 decimals");

    int64_t whole = 0;
    for (size_t i = 0; i < n_whole; i++)
        whole = whole * 10 + (text[i] - '0');
    if (whole > USD_MAX) return fail(E_INVALID, "an amount is at most %d", USD_MAX);
    int64_t nano = 0;
    for (size_t i = 0; i < 9; i++)
        nano = nano * 10 + (i < n_fraction ? fraction[i] - '0' : 0);
    *out_nano_usd = whole * NANO + nano;
    return E_OK;
}

void money_format(int64_t nano_usd, char out[32])
{
    /* Unsigned, so that the smallest number has a magnitude too. */
    uint64_t amount = nano_usd < 0 ? 0 - (uint64_t)nano_usd : (uint64_t)nano_usd;
    int n = snprintf(out, 32, "%s%llu.%09llu", nano_usd < 0 ? "-" : "",
                     (unsigned long long)(amount / (uint64_t)NANO),
                     (unsigned long long)(amount % (uint64_t)NANO));
    int n_least = n - 7; /* two decimals stay */
    while (n > n_least && out[n - 1] == '0')
        out[--n] = '\0';
}

/* Adds tokens × price; what does not fit in 64 bits counts as all there is. */
static void add_cost(int64_t *total, int64_t tokens, int64_t price)
{
    int64_t cost = 0;
    if (tokens <= 0) return;
    if (__builtin_mul_overflow(tokens, price, &cost) || __builtin_add_overflow(*total, cost, total))
        *total = INT64_MAX;
}

static int64_t sum_tokens(const int64_t *counts, size_t n)
{
    int64_t total = 0;
    for (size_t i = 0; i < n; i++)
        if (counts[i] > 0 && __builtin_add_overflow(total, counts[i], &total)) return INT64_MAX;
    return total;
}

static bool is_long(const struct model *model, int64_t prompt_tokens)
{
    return model->long_prompt_tokens > 0 && prompt_tokens > model->long_prompt_tokens;
}

int64_t model_cost(const struct model *model, const struct anthropic_usage *usage)
{
    const int64_t prompt[] = {usage->input_tokens, usage->cache_read_tokens,
                              usage->cache_write_5m_tokens, usage->cache_write_1h_tokens};
    bool dear = is_long(model, sum_tokens(prompt, ARRAY_LEN(prompt)));
    int64_t total = 0;
    add_cost(&total, usage->input_tokens, dear ? model->long_input : model->input);
    add_cost(&total, usage->output_tokens, dear ? model->long_output : model->output);
    add_cost(&total, usage->cache_read_tokens, dear ? model->long_cache_read : model->cache_read);
    add_cost(&total, usage->cache_write_5m_tokens,
             dear ? model->long_cache_write_5m : model->cache_write_5m);
    add_cost(&total, usage->cache_write_1h_tokens,
             dear ? model->long_cache_write_1h : model->cache_write_1h);
    return total;
}

static int64_t dearest(int64_t a, int64_t b, int64_t c)
{
    int64_t most = a > b ? a : b;
    return most > c ? most : c;
}

int64_t model_worst_cost(const struct model *model, size_t prompt_bytes, int max_tokens)
{
    int64_t tokens = (int64_t)(prompt_bytes / 2 + prompt_bytes % 2);
    bool dear = is_long(model, tokens);
    int64_t total = 0;
    add_cost(
        &total, tokens,
        dear ? dearest(model->long_input, model->long_cache_write_5m, model->long_cache_write_1h)
             : dearest(model->input, model->cache_write_5m, model->cache_write_1h));
    add_cost(&total, max_tokens, dear ? model->long_output : model->output);
    return total;
}
