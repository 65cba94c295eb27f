/*
 * The stub server's half of HTTP/1.1: reads one request, sends one scripted reply, in plain
 * blocking calls on the connection's own thread.
 */
#ifndef SUPPORT_STUB_WIRE_H
#define SUPPORT_STUB_WIRE_H

#include "support/stub_server.h"

/* One whole request, taken from the front of `in`, which is filled from `fd`. NULL at the end of
 * the connection. */
struct stub_request *stub_receive(int fd, struct str *in);
void stub_request_free(struct stub_request *rq);
/* Does what the reply says; true when the connection may take another request. */
bool stub_answer(int fd, const struct stub_reply *reply);

#endif
