/*
 * Runs in whose flight the process died, again and again.
 *
 * A death counts for every run that was in flight, until that run finishes its next step
 * (unclean_ends of its row). After two a run is a suspect: it waits here instead of in the queue,
 * and runs alone, until it has finished a step or left its thread. So every unclean end beyond two
 * came while nothing else was in flight, and the third of those convicts: the run ends as
 * crash_loop. A kill from outside can hit a suspect as well; the one with the fewest unclean ends
 * goes first, so that such kills spread.
 *
 * Guarded by the mutex of its owner, but for the two questions at the end, which are pure.
 */
#ifndef RUNS_SUSPECTS_H
#define RUNS_SUSPECTS_H

#include "base/crypt.h"
#include "store/runs.h"

struct suspect {
    char id[ID_MAX];
    int unclean_ends;
    int64_t wake_ms; /* not before; 0: now */
    struct suspect *next;
};
struct suspects {
    struct suspect *first; /* fewest unclean ends first, then oldest */
    int64_t n;
    char alone_id[ID_MAX]; /* runs now, and nothing may start beside it; "": nobody */
};

void suspects_done(struct suspects *s);
void suspects_push(struct suspects *s, const char *run_id, int unclean_ends, int64_t wake_ms);
bool suspects_have_due(const struct suspects *s, int64_t now_ms);
/* Takes the next one that is due, and notes that it is alone from now on. False: none is due. */
bool suspects_take(struct suspects *s, int64_t now_ms, char out_id[ID_MAX]);

bool suspects_include(int unclean_ends);
bool suspects_convict(int unclean_ends);

#endif
