#include "command/supervisor.h"

#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A path, or "@name" for one of the abstract kind. */
static void find_socket(struct supervisor *supervisor, const char *name)
{
    size_t len = name ? strlen(name) : 0;
    if (len == 0) return;
    if ((name[0] != '/' && name[0] != '@') || len >= sizeof supervisor->address.sun_path) {
        log_warn("supervisor_not_told", LOG_STR("why", "NOTIFY_SOCKET names no unix socket"));
        return;
    }
    supervisor->address.sun_family = AF_UNIX;
    memcpy(supervisor->address.sun_path, name, len);
    if (name[0] == '@') supervisor->address.sun_path[0] = '\0';
    supervisor->address_len = (unsigned)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* The watchdog may be meant for another process of the unit. */
static void find_watchdog(struct supervisor *supervisor, const char *usec, const char *pid)
{
    int64_t us = 0;
    int64_t whose = 0;
    if (!usec || text_to_i64(usec, 1, INT64_MAX, &us)) return;
    if (pid && (text_to_i64(pid, 1, INT_MAX, &whose) || whose != getpid())) return;
    supervisor->watchdog_ms = us / 1000;
}

struct supervisor supervisor_find(const struct command_context *ctx)
{
    struct supervisor supervisor = {0};
    find_socket(&supervisor, command_environ(ctx, "NOTIFY_SOCKET"));
    if (supervisor.address_len > 0)
        find_watchdog(&supervisor, command_environ(ctx, "WATCHDOG_USEC"),
                      command_environ(ctx, "WATCHDOG_PID"));
    return supervisor;
}

static bool send_text(const struct supervisor *supervisor, const char *text, size_t len)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    ssize_t n = sendto(fd, text, len, MSG_NOSIGNAL, (const void *)&supervisor->address,
                       supervisor->address_len);
    int error = errno;
    close(fd);
    errno = error;
    return n == (ssize_t)len;
}

void supervisor_tell(const struct supervisor *supervisor, const char *format, ...)
{
    char text[512];
    if (supervisor->address_len == 0) return;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text || !send_text(supervisor, text, (size_t)len))
        log_warn("supervisor_not_told", LOG_STR("why", strerrordesc_np(errno)));
}
