/* The handlers, one file each, named after its route. */
#ifndef WEB_ROUTES_H
#define WEB_ROUTES_H

struct request;

void briefings_post(struct request *rq);
void briefings_get(struct request *rq);
void briefing_get(struct request *rq);
void briefing_events_get(struct request *rq);
void briefing_cancel_post(struct request *rq);
void briefing_delivery_post(struct request *rq);
void user_connections_get(struct request *rq);
void user_connection_check_post(struct request *rq);
void healthz_get(struct request *rq);
void readyz_get(struct request *rq);
void version_get(struct request *rq);

#endif
