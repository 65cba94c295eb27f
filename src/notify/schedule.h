/*
 * When a delivery is tried again, and when an endpoint is held back. Pure but for the jitter.
 *
 *     try       1   2    3    4    5     6     7   8   9   10 … 17
 *     after     0   5 s  30 s 2 m  10 m  30 m  1 h 2 h 4 h 8 h … 8 h
 *
 * All in all about three days; another whole (BRIEFD_WEBHOOK_RETRY_FOR) shortens or stretches every
 * step. Up to a fifth is added to each, so that what failed together does not come back together.
 * Retry-After makes a step longer, never shorter, and no longer than a day.
 */
#ifndef NOTIFY_SCHEDULE_H
#define NOTIFY_SCHEDULE_H

#include <stdint.h>

#define SCHEDULE_TRIES_MAX 17
#define SCHEDULE_WHOLE_MS  (INT64_C(3) * 24 * 60 * 60 * 1000)
#define SCHEDULE_ASKED_MS  (INT64_C(24) * 60 * 60 * 1000)
#define SCHEDULE_HOLD_MS   INT64_C(60000)
#define SCHEDULE_HELD_MS   INT64_C(3600000)

/* The wait after `tries` failed ones, with jitter; -1: there are no more. `asked_ms` is what the
 * receiver asked for, 0 nothing. */
int64_t schedule_delay_ms(int64_t tries, int64_t retry_for_ms, int64_t asked_ms);
/* The shortest that all the steps take together. An endpoint that took nothing for so long, and in
 * SCHEDULE_TRIES_MAX sendings, is disabled. */
int64_t schedule_length_ms(int64_t retry_for_ms);
/* How long nothing at all is sent to an endpoint of which nothing was taken `failures` times in a
 * row: 1 s, 2 s, 4 s … a minute; what it asked for, up to an hour. */
int64_t schedule_hold_ms(int64_t failures, int64_t retry_for_ms, int64_t asked_ms);

#endif
