/* Answers with a file that travels inside the binary. */
#ifndef WEB_EMBEDDED_REPLY_H
#define WEB_EMBEDDED_REPLY_H

#include "base/embedded.h"

struct request;

/* 200 with the file and an ETag of its content, or 304 when If-None-Match names it. Ends the
 * request. */
void embedded_reply(struct request *rq, const struct embedded_file *file, const char *content_type,
                    const char *cache_control);

#endif
