#include "web/reply.h"
#include "web/routes.h"

/* GET /healthz: the process answers. Nothing more: a restart would not mend a full disk. */
void healthz_get(struct request *rq)
{
    AUTO(str_done) struct str body = {0};
    str_append_text(&body, "{\"status\":\"ok\"}");
    reply_json(rq, 200, &body);
}
