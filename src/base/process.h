/*
 * What the kernel says of this process. Any thread.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdint.h>

struct process_facts {
    int64_t resident_bytes;
    int64_t virtual_bytes;
    int64_t cpu_us; /* user and system */
    int64_t open_fds;
    int64_t max_fds;
    int64_t threads;
};
/* What cannot be read is 0. */
void process_facts_read(struct process_facts *out);

#endif
