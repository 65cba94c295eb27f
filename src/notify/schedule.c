#include "notify/schedule.h"

#include "base/crypt.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const int64_t steps[] = {
    5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR,     2 * HOUR, 4 * HOUR,
    8 * HOUR,   8 * HOUR,    8 * HOUR,   8 * HOUR,    8 * HOUR,    8 * HOUR, 8 * HOUR, 8 * HOUR,
};
_Static_assert(ARRAY_LEN(steps) == SCHEDULE_TRIES_MAX - 1, "a step between each two tries");

/* Limits of the setting keep this far from an overflow. */
static int64_t scaled(int64_t ms, int64_t retry_for_ms)
{
    return ms * (retry_for_ms / SECOND) / (SCHEDULE_WHOLE_MS / SECOND);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t schedule_delay_ms(int64_t tries, int64_t retry_for_ms, int64_t asked_ms)
{
    if (tries < 1 || tries >= SCHEDULE_TRIES_MAX) return -1;
    int64_t step = scaled(steps[tries - 1], retry_for_ms);
    step = larger(step, smaller(asked_ms, SCHEDULE_ASKED_MS));
    return step + (int64_t)random_below((uint64_t)step / 5 + 1);
}

int64_t schedule_length_ms(int64_t retry_for_ms)
{
    int64_t sum = 0;
    for (int i = 0; i < SCHEDULE_TRIES_MAX - 1; i++)
        sum += scaled(steps[i], retry_for_ms);
    return sum;
}

int64_t schedule_hold_ms(int64_t failures, int64_t retry_for_ms, int64_t asked_ms)
{
    int64_t hold = SCHEDULE_HOLD_MS;
    if (failures < 7) hold = SECOND << (failures > 0 ? failures - 1 : 0);
    hold = smaller(smaller(hold, SCHEDULE_HOLD_MS), retry_for_ms / SCHEDULE_TRIES_MAX);
    return larger(hold, smaller(asked_ms, SCHEDULE_HELD_MS));
}
