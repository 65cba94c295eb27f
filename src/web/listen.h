/*
 * The listening socket. Bound early, so that a taken address is reported before anything else
 * starts; opened late, when recovery is finished: until then a client is refused, not kept waiting.
 */
#ifndef WEB_LISTEN_H
#define WEB_LISTEN_H

#include "base/error.h"

/* E_INVALID: no such address. E_BUSY: it is taken. `port` 0: any free one; *out_port is what was
 * bound. */
enum err listen_bind(const char *host, int port, int *out_fd, int *out_port) MUST_CHECK;
enum err listen_open(int fd) MUST_CHECK;

#endif
