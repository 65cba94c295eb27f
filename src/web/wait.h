/*
 * How long a caller wants to wait for news: long-polls. Internal to web/.
 */
#ifndef WEB_WAIT_H
#define WEB_WAIT_H

#include "web/request.h"

/* Seconds from ?wait= (0 to 60, the only field of the query), else from `Prefer: wait=` (RFC 7240,
 * 4.3), of which more than 60 count as 60; 0: none. False: the request is answered. */
bool request_wait_s(struct request *rq, int64_t *out_s);

#endif
