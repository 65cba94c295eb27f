/*
 * The service manager, as far as one is there: systemd's notification protocol (sd_notify(3),
 * systemd.service(5)). One datagram to the socket that $NOTIFY_SOCKET names: READY, RELOADING,
 * STOPPING, STATUS, and WATCHDOG while the service is alive. Without the variable nothing happens.
 * One thread: main.
 */
#ifndef COMMAND_SUPERVISOR_H
#define COMMAND_SUPERVISOR_H

#include "command/command.h"

#include <sys/un.h>

struct supervisor {
    struct sockaddr_un address;
    unsigned address_len; /* 0: nobody is to be told */
    int64_t watchdog_ms;  /* how long we may be silent; 0: as long as we like */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
struct supervisor supervisor_find(const struct command_context *ctx);
/* "READY=1\nSTATUS=…". What cannot be sent is logged and otherwise no matter. */
void supervisor_tell(const struct supervisor *supervisor, const char *format, ...)
    PRINTF_LIKE(2, 3);

#endif
