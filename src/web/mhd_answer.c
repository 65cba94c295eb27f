#include "web/mhd_answer.h"

#include "web/clients.h"
#include "web/reply.h"

#include <dlfcn.h>
#include <string.h>

typedef enum MHD_Result queue_response(struct MHD_Connection *connection, unsigned status,
                                       struct MHD_Response *response);

static queue_response *library; /* constant once a daemon runs */

enum err mhd_answer_start(void)
{
    void *found = dlsym(RTLD_NEXT, "MHD_queue_response");
    if (!found) return fail(E_INTERNAL, "libmicrohttpd cannot be reached");
    memcpy(&library, &found, sizeof(library)); /* ISO C knows no other way */
    return E_OK;
}

enum MHD_Result mhd_answer(struct MHD_Connection *connection, unsigned status,
                           struct MHD_Response *response)
{
    return library(connection, status, response);
}

static enum problem problem_of(unsigned status)
{
    switch (status) {
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return PROBLEM_body_too_large;
    case MHD_HTTP_URI_TOO_LONG:
        return PROBLEM_uri_too_long;
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        return PROBLEM_headers_too_large;
    default: /* 400; 505, another version; 500, a line about a chunk that has no end */
        return PROBLEM_invalid_request;
    }
}

/* Called by the library alone, on the connection's own thread. Its page is queued all the same, for a
 * client that does not hear it any more: told that nothing was queued it would free the request, and
 * some of its callers go on reading it. */
enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned status,
                                   struct MHD_Response *response)
{
    struct client *client = client_of(connection);
    enum problem problem = problem_of(status);
    if (client)
        client_refuse(client, problem,
                      problem == PROBLEM_invalid_request
                          ? "What came cannot be read as HTTP/1.1."
                          : "What came is larger than anything that is read here.");
    return library(connection, status, response);
}
