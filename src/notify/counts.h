/*
 * What comes of webhooks out, for the metrics. (What still waits is asked of the store.) Any thread.
 */
#ifndef NOTIFY_COUNTS_H
#define NOTIFY_COUNTS_H

#include "http/http.h"

/* Makes the series, so that what did not happen yet is there as 0. */
void notify_counts_init(void);
/* One try and what came of it. */
void notify_counts_try(const struct http_reply *reply, bool is_taken);
/* It was taken, so long after it happened. */
void notify_counts_taken(int64_t lag_ms);
/* It was given up. */
void notify_counts_given_up(void);

#endif
