/*
 * The service put together: every layer in the order it starts, and taken apart in reverse. Used by
 * `serve` (with the HTTP side on top) and by `run` (without).
 */
#ifndef COMMAND_SERVICE_H
#define COMMAND_SERVICE_H

#include "agent/agent.h"
#include "config/config.h"
#include "notify/notify.h"
#include "runs/feeds.h"
#include "runs/retention.h"
#include "runs/runs.h"
#include "store/store.h"

struct service {
    const struct config *config;
    struct store *store;
    struct http_client *http;
    struct anthropic *anthropic;
    struct scalekit *scalekit;
    struct catalogue_shelf *shelf;
    struct agent agent;
    struct watch *watch;
    struct feeds *feeds;
    struct runs *runs;
    struct retention *retention; /* NULL for a process that makes one run */
    struct notify *notify;       /* NULL when `is_single`: `serve` sends what is pending */
};

/* Opens the database (the caller holds its lock), recovers interrupted runs and starts working.
 * `is_single` as in struct runs_options. On an error nothing is left running. */
enum err service_start(struct service *service, const struct config *config,
                       bool is_single) MUST_CHECK;
/* Deletes some of what was kept long enough, here and now. */
void service_prune_some(struct service *service);
/* Stops the runs: model calls in flight get their grace, deliveries finish. Reads still work. */
void service_quiesce(struct service *service);
/* Frees everything; also after a start that failed. */
void service_stop(struct service *service);

#endif
