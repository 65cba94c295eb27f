/*
 * Requests that wait until a connection changes. One thread of its own, which looks into the
 * database only when this process has changed a connection, or a wait is over.
 */
#ifndef WEB_CONNECTION_WAIT_H
#define WEB_CONNECTION_WAIT_H

#include "web/request.h"

struct connection_waits;

enum err connection_waits_start(struct store *store,
                                struct connection_waits **out_waits) MUST_CHECK;
/* Answers all that wait. NULL is fine. */
void connection_waits_stop(struct connection_waits *waits);
/* Frees what connection_waits_stop() has stopped. NULL is fine. */
void connection_waits_free(struct connection_waits *waits);

/* Takes the request over: it is answered when the version differs, or at that time. Too many: it is
 * answered with 429. */
void connection_wait(struct connection_waits *waits, struct request *rq, int64_t version,
                     int64_t until_mono_ms);

#endif
