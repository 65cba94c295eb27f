/*
 * Civil dates are computed here; ICU is only asked for the offset of a zone at a moment.
 */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unicode/ucal.h>

#define MS_A_MINUTE   60000
#define MS_A_DAY      86400000LL
#define YEAR_MAX      9999
#define ZONE_NAME_MAX 63

static _Atomic int64_t frozen_ms;

static int64_t os_clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_unix_ms(void)
{
    int64_t frozen = atomic_load(&frozen_ms);
    return frozen ? frozen : os_clock_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return os_clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return os_clock_us(CLOCK_MONOTONIC);
}

void clock_freeze(int64_t unix_ms)
{
    atomic_store(&frozen_ms, unix_ms);
}

/* Days since 1970-01-01 of a Gregorian date, by counting years from March so that the leap day is
 * the last day of its year, in eras of 400 years. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int *out_year, int *out_month, int *out_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *out_day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *out_month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *out_year = (int)(year_of_era + era * 400 + (*out_month <= 2 ? 1 : 0));
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Keeps a moment within the years that RFC 3339 can write. */
static int64_t clamp_to_years(int64_t unix_ms)
{
    int64_t first = days_from_civil(0, 1, 1) * MS_A_DAY;
    int64_t last = days_from_civil(YEAR_MAX + 1, 1, 1) * MS_A_DAY - 1;
    if (unix_ms < first) return first;
    return unix_ms > last ? last : unix_ms;
}

/* Writes a number over the zeros that end at `last`. */
static void put_digits(char *last, int value)
{
    for (; value > 0; value /= 10)
        *last-- = (char)('0' + value % 10);
}

void time_format(int64_t unix_ms, char out[TIME_TEXT_MAX])
{
    unix_ms = clamp_to_years(unix_ms);
    int64_t days = floor_div(unix_ms, MS_A_DAY);
    int ms = (int)(unix_ms - days * MS_A_DAY);
    int year;
    int month;
    int day;
    civil_from_days(days, &year, &month, &day);
    static const char form[] = "0000-00-00T00:00:00.000Z";
    memcpy(out, form, sizeof form);
    put_digits(out + 3, year);
    put_digits(out + 6, month);
    put_digits(out + 9, day);
    put_digits(out + 12, ms / 3600000);
    put_digits(out + 15, ms / MS_A_MINUTE % 60);
    put_digits(out + 18, ms / 1000 % 60);
    put_digits(out + 22, ms % 1000);
}

/* Reads exactly `n` digits at `*at`. */
static bool take_digits(const char **at, int n, int *out_value)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9') return false;
        value = value * 10 + (c - '0');
    }
    *at += n;
    *out_value = value;
    return true;
}

static bool take_char(const char **at, char wanted)
{
    char c = **at;
    if (c != wanted && !(wanted >= 'A' && c == wanted + ('a' - 'A'))) return false;
    ++*at;
    return true;
}

static bool take_date(const char **at, int64_t *out_days)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    int month;
    int day;
    if (!take_digits(at, 4, &year) || !take_char(at, '-') || !take_digits(at, 2, &month) ||
        !take_char(at, '-') || !take_digits(at, 2, &day))
        return false;
    if (month < 1 || month > 12) return false;
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    int last = month == 2 && is_leap ? 29 : month_days[month - 1];
    if (day < 1 || day > last) return false;
    *out_days = days_from_civil(year, month, day);
    return true;
}

/* Time of day with its fraction; the leap second 60 counts as the first of the next minute. */
static bool take_time(const char **at, int64_t *out_ms)
{
    int hour;
    int minute;
    int second;
    if (!take_digits(at, 2, &hour) || !take_char(at, ':') || !take_digits(at, 2, &minute) ||
        !take_char(at, ':') || !take_digits(at, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60) return false;
    int ms = 0;
    if (take_char(at, '.')) {
        int scale = 100;
        int digit;
        const char *first = *at;
        while (take_digits(at, 1, &digit)) {
            ms += digit * scale;
            scale /= 10;
        }
        if (*at == first) return false;
    }
    *out_ms = ((int64_t)hour * 60 + minute) * MS_A_MINUTE + (int64_t)second * 1000 + ms;
    return true;
}

static bool take_offset(const char **at, int64_t *out_ms)
{
    *out_ms = 0;
    if (take_char(at, 'Z')) return true;
    int sign = **at == '-' ? -1 : 1;
    if (!take_char(at, '+') && !take_char(at, '-')) return false;
    int hours;
    int minutes;
    if (!take_digits(at, 2, &hours) || !take_char(at, ':') || !take_digits(at, 2, &minutes))
        return false;
    if (hours > 23 || minutes > 59) return false;
    *out_ms = sign * ((int64_t)hours * 60 + minutes) * MS_A_MINUTE;
    return true;
}

enum err time_parse(const char *text, int64_t *out_unix_ms)
{
    const char *at = text;
    int64_t days;
    int64_t ms;
    int64_t offset_ms;
    if (!take_date(&at, &days) || !take_char(&at, 'T') || !take_time(&at, &ms) ||
        !take_offset(&at, &offset_ms) || *at != '\0')
        return fail(E_INVALID, "not a time like 2026-11-23T06:00:00Z or 2026-11-23T07:00:00+01:00");
    *out_unix_ms = days * MS_A_DAY + ms - offset_ms;
    return E_OK;
}

/* ICU also knows names that the IANA list does not have: its own three-letter abbreviations ("PST",
 * ambiguous all over the world), SystemV/… and the placeholder Factory. */
static bool is_iana_name(const char *zone)
{
    static const char *const three_letters[] = {"CET", "EET", "EST", "GMT", "HST", "MET", "MST",
                                                "PRC", "ROC", "ROK", "UCT", "UTC", "WET"};
    if (text_starts(zone, "SystemV/") || text_equal(zone, "Factory")) return false;
    if (strlen(zone) != 3) return true;
    for (size_t i = 0; i < ARRAY_LEN(three_letters); i++)
        if (text_equal(zone, three_letters[i])) return true;
    return false;
}

/* ASCII only: no zone has anything else. */
static bool to_icu(const char *zone, UChar out[ZONE_NAME_MAX + 1], int32_t *out_len)
{
    size_t len = strnlen(zone, ZONE_NAME_MAX + 1);
    if (len == 0 || len > ZONE_NAME_MAX) return false;
    for (size_t i = 0; i < len; i++) {
        if (zone[i] <= ' ' || zone[i] > '~') return false;
        out[i] = (UChar)zone[i];
    }
    out[len] = 0;
    *out_len = (int32_t)len;
    return true;
}

static enum err zone_to_icu(const char *zone, UChar out[ZONE_NAME_MAX + 1], int32_t *out_len)
{
    UChar canonical[128];
    UErrorCode status = U_ZERO_ERROR;
    UBool is_system = 0;
    if (!to_icu(zone, out, out_len) || !is_iana_name(zone))
        return fail(E_INVALID, "not a time zone of the IANA list, like Europe/Oslo");
    /* Custom zones such as "GMT+3" are understood by ICU too, but are not system zones. */
    ucal_getCanonicalTimeZoneID(out, *out_len, canonical, (int32_t)ARRAY_LEN(canonical), &is_system,
                                &status);
    if (U_FAILURE(status) || !is_system)
        return fail(E_INVALID, "not a time zone of the IANA list, like Europe/Oslo");
    return E_OK;
}

enum err zone_check(const char *zone)
{
    UChar name[ZONE_NAME_MAX + 1];
    int32_t len = 0;
    return zone_to_icu(zone, name, &len);
}

enum err zone_local(const char *zone, int64_t unix_ms, struct local_date *out_date)
{
    UChar name[ZONE_NAME_MAX + 1];
    int32_t len = 0;
    enum err e = zone_to_icu(zone, name, &len);
    if (e) return e;

    unix_ms = clamp_to_years(unix_ms);
    UErrorCode status = U_ZERO_ERROR;
    UCalendar *calendar = ucal_open(name, len, "en_US", UCAL_GREGORIAN, &status);
    ucal_setMillis(calendar, (UDate)unix_ms, &status);
    int32_t offset_ms = ucal_get(calendar, UCAL_ZONE_OFFSET, &status);
    offset_ms += ucal_get(calendar, UCAL_DST_OFFSET, &status);
    ucal_close(calendar);
    if (U_FAILURE(status))
        return fail(E_INTERNAL, "the time zone library failed: %s", u_errorName(status));

    int64_t local_ms = unix_ms + offset_ms;
    int64_t days = floor_div(local_ms, MS_A_DAY);
    int minutes = (int)((local_ms - days * MS_A_DAY) / MS_A_MINUTE);
    struct local_date date = {
        .hour = minutes / 60,
        .minute = minutes % 60,
        .weekday = (int)(days + 4 - floor_div(days + 4, 7) * 7), /* 1970 began on a Thursday */
        .offset_minutes = offset_ms / MS_A_MINUTE,
    };
    civil_from_days(days, &date.year, &date.month, &date.day);
    *out_date = date;
    return E_OK;
}

const char *weekday_name(int weekday)
{
    static const char *const names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
    return weekday >= 0 && weekday < (int)ARRAY_LEN(names) ? names[weekday] : "";
}

const char *month_name(int month)
{
    static const char *const names[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
    return month >= 1 && month <= (int)ARRAY_LEN(names) ? names[month - 1] : "";
}
