/*
 * W3C Trace Context (https://www.w3.org/TR/trace-context/): one id that a request, the briefing it
 * started and every call to an upstream have in common.
 *
 *     00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *        trace id, of all of it           parent: the   flags: 01, the caller records
 *                                         one call
 *
 * A thread works on one thing at a time and says so with trace_set(); log lines and requests to the
 * outside take it from there. Each request is a call of its own: same trace id and flags, a new
 * parent id. `tracestate` is not passed on: it belongs to the caller's tracing system, and the
 * upstreams are none of its parts.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include "base/error.h"

#include <stdbool.h>

#define TRACEPARENT_MAX 56 /* with the NUL */
#define TRACE_ID_MAX    33
#define SPAN_ID_MAX     17

/* Is it a traceparent that is to be obeyed? Of version 00 exactly; a higher version may have more
 * behind the flags. Lower-case hex only; ids of zeros and version ff are invalid. */
bool trace_is_valid(const char *traceparent);

/* A trace that begins here. Nobody records it: flags 00. */
void trace_new(char out[TRACEPARENT_MAX]);

/* A valid one as version 00, without what a later version has behind the flags. */
void trace_copy(const char *traceparent, char out[TRACEPARENT_MAX]);

/* What this thread works on from now on: a valid traceparent is copied, anything else clears. */
void trace_set(const char *traceparent);
/* Its trace id, "" when there is none. Valid until the next trace_set() of this thread. */
const char *trace_id(void);
/* A traceparent for one call to the outside, as version 00. False when there is no trace. */
bool trace_child(char out[TRACEPARENT_MAX]);

#endif
