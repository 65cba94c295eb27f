#include "web/embedded_reply.h"
#include "web/reply.h"
#include "web/routes.h"

/* GET /openapi.json: the contract, put together from static/openapi/ at build time. */
void openapi_get(struct request *rq)
{
    static const char *const known[] = {NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    if (!request_query(rq, known, &query)) return;
    embedded_reply(rq, &embedded_openapi[0], "application/json", "public, max-age=60");
}
