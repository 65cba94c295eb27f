#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

static enum err resolve(const char *host, int port, struct addrinfo **out_found)
{
    char port_text[16];
    char plain[256];
    size_t len = strlen(host);
    bool has_brackets = len > 2 && host[0] == '[';
    snprintf(port_text, sizeof(port_text), "%d", port);
    snprintf(plain, sizeof(plain), "%.*s", (int)(has_brackets ? len - 2 : len),
             host + (has_brackets ? 1 : 0));
    struct addrinfo hints = {.ai_flags = AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    int rc = getaddrinfo(plain, port_text, &hints, out_found);
    return rc ? fail(E_INVALID, "cannot listen on %s: %s", host, gai_strerror(rc)) : E_OK;
}

static int port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {0}};
    socklen_t len = sizeof(bound);
    if (getsockname(fd, &bound.any, &len)) return 0;
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

enum err listen_bind(const char *host, int port, int *out_fd, int *out_port)
{
    struct addrinfo *found = NULL;
    enum err e = resolve(host, port, &found);
    if (e) return e;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    bool is_bound = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                    bind(fd, found->ai_addr, found->ai_addrlen) == 0;
    int error = errno;
    freeaddrinfo(found);
    if (!is_bound) {
        if (fd >= 0) close(fd);
        return fail(E_BUSY, "cannot listen on %s:%d: %s", host, port, strerror(error));
    }
    *out_fd = fd;
    *out_port = port_of(fd);
    return E_OK;
}

enum err listen_open(int fd)
{
    return listen(fd, BACKLOG) ? fail(E_BUSY, "cannot listen: %s", strerror(errno)) : E_OK;
}
