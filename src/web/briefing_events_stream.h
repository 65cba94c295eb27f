/*
 * The events of a briefing as Server-Sent Events. Internal to web/.
 */
#ifndef WEB_BRIEFING_EVENTS_STREAM_H
#define WEB_BRIEFING_EVENTS_STREAM_H

#include "web/request.h"

/* Answers with a stream of the events above `after`, until the briefing ends; `pointer` names where
 * the number was given. On a store thread. */
void events_stream(struct request *rq, int64_t after, const char *pointer);

#endif
