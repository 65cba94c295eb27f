#include "connect/connect.h"
#include "web/connection_document.h"
#include "web/idempotent.h"
#include "web/routes.h"
#include "web/server.h"

/* POST /users/{user}/connections/{connector}/check: ask ScaleKit and the provider now. Blocked
 * briefings of the user whose connections are all usable now go on by themselves. */
void user_connection_check_post(struct request *rq)
{
    const struct connector *connector = request_connector(rq);
    struct idempotent idempotent;
    if (!connector || !idempotent_begin(rq, &idempotent)) return;
    AUTO(connection_row_done) struct connection_row row = {0};
    struct scalekit_error error = {0};
    enum err e =
        connect_check(rq->web->options.connect, rq->args[0], connector->name, &row, &error);
    if (e && error.class != SCALEKIT_FINE) {
        connection_upstream_failed(rq, &error);
        return;
    }
    if (e) {
        reply_error(rq, e, "checking a connection");
        return;
    }
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    connection_document(&w, connector, &row, rq->web->options.public_url);
    idempotent_reply(rq, &idempotent, 200, &body);
}
