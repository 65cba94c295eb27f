/*
 * A time as RFC 3339 writes it, and the name of a time zone on a line of its own: what is accepted is
 * written and read again as the same moment, and has a date on the wall.
 */
#include "base/clock.h"

#include <assert.h>
#include <string.h>

/* The years that can be written; a time beyond them is shown as their begin or end. */
#define FIRST_MS INT64_C(-62167219200000)
#define LAST_MS  INT64_C(253402300799999)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_zone(const char *zone, int64_t unix_ms)
{
    struct local_date date = {0};
    if (zone_check(zone)) return;
    assert(zone_local(zone, unix_ms, &date) == E_OK);
    assert(date.month >= 1 && date.month <= 12 && date.day >= 1 && date.day <= 31);
    assert(date.hour >= 0 && date.hour <= 23 && date.minute >= 0 && date.minute <= 59);
    assert(date.weekday >= 0 && date.weekday <= 6);
    assert(date.offset_minutes > -24 * 60 && date.offset_minutes < 24 * 60);
    assert(weekday_name(date.weekday) && month_name(date.month));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(xfree_ptr) char *text = xstrndup(size ? (const char *)data : "", size);
    char *zone = strchr(text, '\n');
    if (zone) *zone++ = '\0';

    int64_t unix_ms = 0;
    if (time_parse(text, &unix_ms) == E_OK) {
        char written[TIME_TEXT_MAX];
        int64_t again = -1;
        time_format(unix_ms, written);
        assert(strlen(written) == strlen("2026-11-23T06:00:00.123Z"));
        assert(time_parse(written, &again) == E_OK);
        int64_t shown = unix_ms < FIRST_MS ? FIRST_MS : unix_ms > LAST_MS ? LAST_MS : unix_ms;
        assert(again == shown);
    }
    if (zone) check_zone(zone, unix_ms);
    return 0;
}
