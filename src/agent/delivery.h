/*
 * The delivery: the one step that others see. Internal to agent/.
 *
 *   check the call ─▶ intent (running ─▶ delivering, committed)
 *                  ─▶ send once, on a fresh connection ─▶ outcome (committed)
 *
 * The arguments are ours: the model gives a text and nothing else. At most one message a briefing:
 * after an outcome that nobody knows, nothing is sent again before reconcile.h has looked.
 */
#ifndef AGENT_DELIVERY_H
#define AGENT_DELIVERY_H

#include "agent/tools.h"

/* Carries out the call, or shows what would be posted in preview mode. OK: the call is answered and
 * the loop goes on (refused, or delivered by a recipe that continues). Otherwise the run's end is
 * decided. */
enum err delivery_run(struct briefing *b, struct tool_call *call) MUST_CHECK;

#endif
