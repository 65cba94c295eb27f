/*
 * Webhooks out: tells those who asked for it what has changed.
 *
 *     what happened ─▶ outbox row, same transaction (store/webhooks.h)
 *                              │ commit wakes
 *     receiver thread ◀────────┘   one for each enabled endpoint
 *         what is due ─▶ signed, POSTed, several at once ─▶ outcome written ─▶ …
 *
 * Each endpoint has a thread of its own that sleeps while there is nothing to send, so a slow or
 * dead receiver delays nobody else, and runs least of all. A delivery is written down as delivered
 * only after the answer: a process that dies in between sends it again, under the same webhook-id.
 * The order is not promised; the body carries what is needed to sort.
 *
 * Signed as Standard Webhooks say (https://github.com/standard-webhooks/standard-webhooks). Only a
 * 2xx within the time is success; redirects are failures; 410 disables the endpoint. Failures are
 * tried again as schedule.h says. Addresses are checked when a connection is opened: target.h. The
 * connections are no others', so none that an upstream has opened is used for a webhook.
 */
#ifndef NOTIFY_NOTIFY_H
#define NOTIFY_NOTIFY_H

#include "store/webhooks.h"

struct notify;

struct notify_options {
    struct store *store;
    const char *user_agent;
    const char *ca_file;  /* NULL: the system's */
    const char *allowed;  /* networks that may be sent to though they are not public; NULL none */
    int64_t retry_for_ms; /* how long a delivery is tried, all in all */
    int64_t timeout_ms;   /* for one answer */
};

/* Starts sending what is pending. The store's observer of webhooks is this one's from now on: so
 * before other threads use the store. */
enum err notify_start(const struct notify_options *options, struct notify **out_notify) MUST_CHECK;
/* After everybody who writes what is to be told. What is being sent gets a moment to be answered; what is not then is sent again at the next start.
 * NULL is fine. */
void notify_stop(struct notify *notify);

/* Something is due: after commits (store_observe_webhooks()). Any thread; memory only. */
void notify_wake(void *notify);
/* Endpoints were made, deleted, enabled or disabled. Any thread. */
void notify_endpoints_changed(struct notify *notify);

#endif
