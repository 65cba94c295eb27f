/* Time and time zones. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

static void the_wall_clock_can_be_frozen_and_runs_again(void **state)
{
    (void)state;
    clock_freeze(1763877600123);
    assert_int_equal(clock_unix_ms(), 1763877600123);
    assert_int_equal(clock_unix_ms(), 1763877600123);
    clock_freeze(0);
    assert_true(clock_unix_ms() > 1763877600123);
}

static void the_monotonic_clock_never_goes_back_and_does_not_freeze(void **state)
{
    (void)state;
    clock_freeze(1);
    int64_t first = clock_mono_us();
    int64_t last = first;
    while (last < first + 2000) {
        int64_t now = clock_mono_us();
        assert_true(now >= last);
        last = now;
    }
    assert_true(clock_mono_ms() >= last / 1000);
    clock_freeze(0);
}

static void times_are_written_in_utc(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0,               "1970-01-01T00:00:00.000Z"},
        {-1,              "1969-12-31T23:59:59.999Z"},
        {1763877600123,   "2025-11-23T06:00:00.123Z"},
        {951782400000,    "2000-02-29T00:00:00.000Z"},
        {4107542399999,   "2100-02-28T23:59:59.999Z"},
        {4107542400000,   "2100-03-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX,       "9999-12-31T23:59:59.999Z"},
        {-62167219200000, "0000-01-01T00:00:00.000Z"},
        {INT64_MIN,       "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[TIME_TEXT_MAX];
        time_format(rows[i].ms, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void times_are_read_with_any_offset(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z",               0            },
        {"2025-11-23T06:00:00.123Z",           1763877600123},
        {"2025-11-23T07:00:00.123+01:00",      1763877600123},
        {"2025-11-22T18:30:00.123-11:30",      1763877600123},
        {"2025-11-23t06:00:00.1239999999999z", 1763877600123},
        {"2025-11-23T06:00:00.1Z",             1763877600100},
        {"2016-12-31T23:59:60Z",               1483228800000},
        {"2024-02-29T00:00:00Z",               1709164800000},
        {"1969-12-31T23:59:59.999-00:00",      -1           },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 0;
        assert_int_equal(time_parse(rows[i].text, &ms), E_OK);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "2025",
        "2025-11-23",
        "2025-11-23T06:00:00",
        "2025-11-23 06:00:00Z",
        "2025-11-23T06:00Z",
        "2025-11-23T06:00:00.Z",
        "2025-11-23T06:00:00+1:00",
        "2025-11-23T06:00:00+0100",
        "2025-11-23T06:00:00+24:00",
        "2025-11-23T06:00:00+01:60",
        "2025-11-23T06:00:00ZZ",
        "2025-11-23T06:00:00Z ",
        " 2025-11-23T06:00:00Z",
        "2025-11-23T24:00:00Z",
        "2025-11-23T06:60:00Z",
        "2025-11-23T06:00:61Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2025-11-31T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2025-11-00T00:00:00Z",
        "2025-1-01T00:00:00Z",
        "+025-11-23T06:00:00Z",
        "12025-11-23T06:00:00Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int64_t ms = 4711;
        if (time_parse(texts[i], &ms) != E_INVALID) fail_msg("accepted: %s", texts[i]);
        assert_int_equal(ms, 4711);
    }
}

static void every_day_of_eight_centuries_survives_both_directions(void **state)
{
    (void)state;
    char before[TIME_TEXT_MAX] = "";
    for (int64_t day = -150000; day < 150000; day++) {
        char text[TIME_TEXT_MAX];
        int64_t back;
        int64_t ms = day * DAY_MS + day % 1000 * 86399;
        time_format(ms, text);
        assert_int_equal(time_parse(text, &back), E_OK);
        assert_int_equal(back, ms);
        time_format(day * DAY_MS, text);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof before);
    }
}

/* ---- zones ---- */

static void zones_are_those_of_the_iana_list(void **state)
{
    (void)state;
    static const char *const good[] = {
        "Europe/Oslo",  "America/Argentina/Buenos_Aires",
        "Asia/Kolkata", "Europe/Kyiv",
        "UTC",          "Etc/UTC",
        "Etc/GMT+5",    "GMT",
        "CET",          "EST5EDT",
        "Japan",        "US/Pacific",
    };
    static const char *const bad[] = {
        "",
        "europe/oslo",
        "Europe/Nowhere",
        "PST",
        "IST",
        "GMT+3",
        "UTC+1",
        "+01:00",
        "Z",
        "local",
        "Etc/Unknown",
        "Etc/GMT+25",
        "SystemV/AST4",
        "Factory",
        "Europe/Oslo ",
        " Europe/Oslo",
        "posix/Europe/Oslo",
        "../../etc/passwd",
        "Europe/Osl\xC3\xB8",
        "America/New York",
        "a/very/long/name/that/no/zone/of/the/world/has/and/that/fits/nowhere/at/all/really/not"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (zone_check(good[i]) != E_OK) fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct local_date date;
        if (zone_check(bad[i]) != E_INVALID) fail_msg("accepted: %s", bad[i]);
        assert_int_equal(zone_local(bad[i], 0, &date), E_INVALID);
    }
}

static void local_dates_follow_the_zone(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *utc;
        struct local_date date;
    } rows[] = {
        {"UTC",                 "2026-11-23T06:07:59.999Z", {2026, 11, 23, 6, 7, 1, 0}     },
        {"Europe/Oslo",         "2026-11-23T06:00:00Z",     {2026, 11, 23, 7, 0, 1, 60}    },
 /* both sides of both changes of the clocks */
        {"Europe/Oslo",         "2026-03-29T00:59:59Z",     {2026, 3, 29, 1, 59, 0, 60}    },
        {"Europe/Oslo",         "2026-03-29T01:00:00Z",     {2026, 3, 29, 3, 0, 0, 120}    },
        {"Europe/Oslo",         "2026-10-25T00:59:59Z",     {2026, 10, 25, 2, 59, 0, 120}  },
        {"Europe/Oslo",         "2026-10-25T01:00:00Z",     {2026, 10, 25, 2, 0, 0, 60}    },
 /* the date differs on either side of UTC */
        {"Pacific/Auckland",    "2025-12-31T11:00:00Z",     {2026, 1, 1, 0, 0, 4, 780}     },
        {"America/Los_Angeles", "2026-01-01T07:59:00Z",     {2025, 12, 31, 23, 59, 3, -480}},
        {"Asia/Kathmandu",      "2024-02-28T18:15:00Z",     {2024, 2, 29, 0, 0, 4, 345}    },
        {"America/St_Johns",    "2026-07-01T02:29:00Z",     {2026, 6, 30, 23, 59, 2, -150} },
        {"Australia/Lord_Howe", "2026-01-10T13:00:00Z",     {2026, 1, 11, 0, 0, 0, 660}    },
        {"Australia/Lord_Howe", "2026-06-10T13:30:00Z",     {2026, 6, 11, 0, 0, 4, 630}    },
        {"Etc/GMT+5",           "1969-12-31T23:00:00Z",     {1969, 12, 31, 18, 0, 3, -300} },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms;
        struct local_date date = {0};
        const struct local_date *wanted = &rows[i].date;
        assert_int_equal(time_parse(rows[i].utc, &ms), E_OK);
        assert_int_equal(zone_local(rows[i].zone, ms, &date), E_OK);
        assert_int_equal(date.year, wanted->year);
        assert_int_equal(date.month, wanted->month);
        assert_int_equal(date.day, wanted->day);
        assert_int_equal(date.hour, wanted->hour);
        assert_int_equal(date.minute, wanted->minute);
        assert_int_equal(date.weekday, wanted->weekday);
        assert_int_equal(date.offset_minutes, wanted->offset_minutes);
    }
}

static void the_environment_has_no_say(void **state)
{
    (void)state;
    setenv("TZ", "Asia/Tokyo", 1);
    struct local_date date;
    assert_int_equal(zone_local("UTC", 0, &date), E_OK);
    assert_int_equal(date.hour, 0);
    char text[TIME_TEXT_MAX];
    time_format(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    unsetenv("TZ");
}

static void days_and_months_have_names(void **state)
{
    (void)state;
    assert_string_equal(weekday_name(0), "Sunday");
    assert_string_equal(weekday_name(6), "Saturday");
    assert_string_equal(weekday_name(7), "");
    assert_string_equal(weekday_name(-1), "");
    assert_string_equal(month_name(1), "January");
    assert_string_equal(month_name(12), "December");
    assert_string_equal(month_name(0), "");
    assert_string_equal(month_name(13), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wall_clock_can_be_frozen_and_runs_again),
        cmocka_unit_test(the_monotonic_clock_never_goes_back_and_does_not_freeze),
        cmocka_unit_test(times_are_written_in_utc),
        cmocka_unit_test(times_are_read_with_any_offset),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(every_day_of_eight_centuries_survives_both_directions),
        cmocka_unit_test(zones_are_those_of_the_iana_list),
        cmocka_unit_test(local_dates_follow_the_zone),
        cmocka_unit_test(the_environment_has_no_say),
        cmocka_unit_test(days_and_months_have_names),
    };
    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
