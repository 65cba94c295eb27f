/*
 * A scripted HTTP/1.1 server inside the test process: the other side of component tests.
 *
 * It listens on a loopback port of its own. Each request takes the first reply of the script whose
 * `match` fits and that is not used up, so a script is an order for one kind of request and
 * independent between kinds. Requests without a reply are answered with 599 and counted, so that a
 * test sees them. Everything that came is kept: which connection, head and body. Replies can be raw
 * bytes, slow, cut, reset or never-ending, and wait for a gate that the test opens, so that no test
 * needs to sleep.
 *
 * One thread a connection. All functions may be called from any thread; stub_stop() from one.
 */
#ifndef SUPPORT_STUB_SERVER_H
#define SUPPORT_STUB_SERVER_H

#include "base/str.h"

struct stub_server;

enum stub_end {
    STUB_KEEP,  /* the connection stays open for the next request */
    STUB_CLOSE, /* closed in order after the reply */
    STUB_RESET, /* torn down with RST */
    STUB_HANG   /* nothing more is sent; open until the client goes */
};

/* Zero-initialise; texts are copied. */
struct stub_reply {
    const char *match;   /* part of the request line, "POST /oauth/token"; NULL: any request */
    int times;           /* how many requests it answers; 0: one; -1: all */
    int status;          /* 0: `body` is everything that is sent, byte by byte, with its own head */
    const char *headers; /* further header lines, each with its \r\n */
    const char *body;    /* NULL: empty */
    size_t body_len;     /* 0: strlen(body) */
    bool is_chunked;     /* body as chunks (a stream), else with Content-Length */
    bool is_endless; /* the body again and again until the client goes; needs is_chunked or status 0
                      */
    size_t piece;    /* body bytes a write (and chunk); 0: all at once */
    int pause_ms;    /* between two pieces */
    size_t cut_after; /* send only so many body bytes, then do `end`; 0: all */
    int gate;         /* nothing is sent before stub_open(server, gate); 0: no gate */
    enum stub_end end;
};

struct stub_server *stub_start(void);
/* Closes every connection and waits for the threads. NULL is fine. */
void stub_stop(struct stub_server *s);
int stub_port(const struct stub_server *s);
/* "http://127.0.0.1:PORT" + path, valid until stub_stop(). The same text for the same path. */
const char *stub_url(struct stub_server *s, const char *path);

/* Appends to the script. */
void stub_script(struct stub_server *s, const struct stub_reply *replies, size_t n);
#define STUB_SCRIPT(server, ...)                                                                   \
    stub_script((server), (const struct stub_reply[]){__VA_ARGS__},                                \
                sizeof((const struct stub_reply[]){__VA_ARGS__}) / sizeof(struct stub_reply))
/* Lets replies with this gate number or a lower one go on. */
void stub_open(struct stub_server *s, int gate);

struct stub_request {
    char *head; /* request line and headers */
    char *body; /* NUL-terminated */
    size_t body_len;
    int connection; /* 1, 2, … in order of accept */
};
/* Requests that were read completely, so far. */
size_t stub_requests(struct stub_server *s);
/* How many of them have `match` in their request line. */
size_t stub_requests_matching(struct stub_server *s, const char *match);
/* The i-th, from 0; must exist. Valid until stub_stop(). */
const struct stub_request *stub_request(struct stub_server *s, size_t i);
/* Value of a header; false when absent or too long for `out`. */
bool stub_request_header(const struct stub_request *rq, const char *name, char *out,
                         size_t out_size);
/* Waits until `n` requests were read; false after a minute. */
bool stub_wait_requests(struct stub_server *s, size_t n);
/* Connections accepted so far, and of those open now. */
int stub_connections(struct stub_server *s);
int stub_connections_open(struct stub_server *s);
/* Waits until `n` connections are open; false after a minute. */
bool stub_wait_open(struct stub_server *s, int n);
/* Requests for which the script had nothing. */
int stub_unscripted(struct stub_server *s);

#endif
