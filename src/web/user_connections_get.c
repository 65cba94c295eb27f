#include "web/connection_document.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"

#include <string.h>

static const struct connection_row *find(const struct connection_list *list, const char *connector)
{
    for (size_t i = 0; i < list->n; i++) {
        if (text_equal(list->rows[i].connector, connector)) return &list->rows[i];
    }
    return NULL;
}

/* GET /users/{user}/connections: every connector that is offered here, with what is known of the
 * user's account. */
void user_connections_get(struct request *rq)
{
    static const char *const known[] = {NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    if (!request_query(rq, known, &query)) return;
    if (!user_id_valid(rq->args[0])) {
        reply_problem(rq, PROBLEM_not_found,
                      "A user's id has at most 100 characters, none of them a control character.");
        return;
    }
    AUTO(connection_list_done) struct connection_list list = {0};
    enum err e = store_connections_list(rq->web->options.store, rq->args[0], &list);
    if (e) {
        reply_error(rq, e, "reading a user's connections");
        return;
    }
    const struct catalogue *catalogue = request_catalogue(rq);
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_put_string(&w, "user_id", rq->args[0]);
    json_key(&w, "data");
    json_begin_array(&w);
    for (size_t i = 0; i < catalogue->n_connectors; i++) {
        const struct connector *connector = &catalogue->connectors[i];
        if (connector->connection_name)
            connection_document(&w, connector, find(&list, connector->name),
                                rq->web->options.public_url);
    }
    json_end_array(&w);
    json_end_object(&w);
    reply_json(rq, 200, &body);
}
