/*
 * Time: the wall clock for what people read, the monotonic clock for waiting.
 *
 * `unix_ms` is milliseconds since 1970 in UTC; `mono_ms` counts from some point in the past and
 * never jumps. Tests may freeze and move the wall clock. Any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

int64_t clock_unix_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Tests only: the wall clock stands still at `unix_ms`; 0 lets it run again. */
void clock_freeze(int64_t unix_ms);

#define TIME_TEXT_MAX 32
/* "2026-11-23T06:00:00.123Z" (RFC 3339, UTC). */
void time_format(int64_t unix_ms, char out[TIME_TEXT_MAX]);
/* Any RFC 3339 time with offset; E_INVALID otherwise. Fractions beyond ms are cut. */
enum err time_parse(const char *text, int64_t *out_unix_ms) MUST_CHECK;

/* Time zones by ICU, never by TZ. E_INVALID for a name that is no IANA zone (also
 * for ICU's own abbreviations like "PST" and custom offsets like "GMT+3"). Case matters. */
enum err zone_check(const char *zone) MUST_CHECK;

struct local_date {
    int year, month, day; /* month 1 to 12 */
    int hour, minute;
    int weekday;        /* 0 Sunday to 6 Saturday */
    int offset_minutes; /* from UTC at that moment */
};
/* The date and time on the wall in `zone` at that moment. E_INVALID for an unknown zone. */
enum err zone_local(const char *zone, int64_t unix_ms, struct local_date *out_date) MUST_CHECK;
const char *weekday_name(int weekday); /* "Monday" */
const char *month_name(int month);     /* "November" */

#endif
