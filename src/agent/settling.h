/*
 * How long no process can have been sending a message whose outcome nobody knows.
 *
 * Kept with the begun step of the delivery, so that a service that is restarted every other minute
 * still decides. It begins when the send ended, or with the start after a process that died in the
 * middle of it. The monotonic clock counts. A stored moment is believed only as long as both clocks
 * went on together since: after a reboot, a suspend or a clock that was set, counting begins anew.
 */
#ifndef AGENT_SETTLING_H
#define AGENT_SETTLING_H

#include "base/str.h"

struct settling {
    int64_t unix_ms, mono_ms; /* the same moment, by both clocks; 0: not known */
    int64_t looked_ms;        /* that earlier attempts have spent on looking */
    int64_t clock_ahead_ms;   /* our wall clock was, when the message was sent */
    int64_t n_reads;          /* complete ones, in vain, with the settle time over */
};

/* From the meta of a step, which may be NULL or hold nothing of it. */
struct settling settling_read(const char *meta);
void settling_write(const struct settling *settling, struct str *out_meta);

/* How long it has been quiet by now. Counting begins now when what is stored cannot be believed. */
int64_t settling_quiet_ms(struct settling *settling, int64_t now_unix_ms, int64_t now_mono_ms);

#endif
