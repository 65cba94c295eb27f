/* Durations and sizes as people write them. */
#include "config/settings.h"

#include <stdio.h>
#include <string.h>

struct unit {
    const char *suffix;
    int64_t factor;
};

/* The larger ones last: duration_format() takes the largest that divides. */
static const struct unit durations[] = {
    {"ms", 1       },
    {"s",  1000    },
    {"m",  60000   },
    {"h",  3600000 },
    {"d",  86400000}
};
static const struct unit sizes[] = {
    {"",    1                    },
    {"B",   1                    },
    {"KiB", (int64_t)KIB         },
    {"MiB", (int64_t)MIB         },
    {"GiB", (int64_t)(1024 * MIB)}
};

static bool parse(const char *text, const struct unit *units, size_t n, int64_t *out_value)
{
    size_t n_digits = strspn(text, "0123456789");
    int64_t number = 0;
    if (n_digits == 0 || n_digits > 15 || !text_is_i64(text, n_digits, &number)) return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text + n_digits, units[i].suffix) != 0) continue;
        return !__builtin_mul_overflow(number, units[i].factor, out_value);
    }
    return false;
}

bool duration_parse(const char *text, int64_t *out_ms)
{
    static const struct unit plain = {"", 1000};
    return parse(text, &plain, 1, out_ms) || parse(text, durations, ARRAY_LEN(durations), out_ms);
}

void duration_format(int64_t ms, char out[32])
{
    size_t i = ARRAY_LEN(durations) - 1;
    while (i > 0 && (ms % durations[i].factor != 0 || ms < durations[i].factor))
        i--;
    if (ms == 0) i = 1;
    snprintf(out, 32, "%lld%s", (long long)(ms / durations[i].factor), durations[i].suffix);
}

bool size_parse(const char *text, int64_t *out_bytes)
{
    return parse(text, sizes, ARRAY_LEN(sizes), out_bytes);
}
