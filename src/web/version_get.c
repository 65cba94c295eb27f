#include "base/embedded.h"
#include "web/reply.h"
#include "web/routes.h"

/* GET /version */
void version_get(struct request *rq)
{
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_put_string(&w, "version", briefd_version);
    json_put_string(&w, "commit", briefd_commit);
    json_end_object(&w);
    reply_json(rq, 200, &body);
}
