/*
 * Requests as the metrics see them, and the page that shows all metrics. Internal to web/.
 */
#ifndef WEB_OBSERVE_H
#define WEB_OBSERVE_H

#include "web/request.h"

/* Handles of the series, made at their first use. */
struct observer;
struct observer *observer_new(void);
void observer_free(struct observer *observer);

/* The answer of a request is decided. Any thread; no lock. */
void observe_answer(const struct request *rq, int status);

/* Everything in Prometheus' text format. Reads the database: not on MHD's threads for callers. */
void metrics_page(struct web *web, struct str *out);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* A listener of its own for the page, without a key: BRIEFD_METRICS_LISTEN. Takes the descriptor
 * over. */
struct metrics_listener;
enum err metrics_listener_start(struct web *web, int listen_fd,
                                struct metrics_listener **out_listener) MUST_CHECK;
/* NULL is fine. */
void metrics_listener_stop(struct metrics_listener *listener);

#endif
