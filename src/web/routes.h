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
void connect_ticket_get(struct request *rq);
void connect_ticket_post(struct request *rq);
void oauth_start_post(struct request *rq);
void oauth_go_get(struct request *rq);
void oauth_callback_get(struct request *rq);
void brief_post(struct request *rq);
void defaults_post(struct request *rq);
void disconnect_post(struct request *rq);
void sign_out_post(struct request *rq);
void app_get(struct request *rq);
void briefing_page_get(struct request *rq);
void static_get(struct request *rq);
void user_connect_tickets_post(struct request *rq);
void user_connection_get(struct request *rq);
void user_connection_delete(struct request *rq);
void user_connection_confirm_post(struct request *rq);
void user_params_get(struct request *rq);
void user_params_put(struct request *rq);
void recipes_get(struct request *rq);
void recipe_get(struct request *rq);
void webhook_endpoints_post(struct request *rq);
void webhook_endpoints_get(struct request *rq);
void webhook_endpoint_get(struct request *rq);
void webhook_endpoint_delete(struct request *rq);
void webhook_endpoint_enable_post(struct request *rq);
void webhook_endpoint_test_post(struct request *rq);
void webhook_endpoint_deliveries_get(struct request *rq);
void delivery_get(struct request *rq);
void delivery_redeliver_post(struct request *rq);
void hooks_scalekit_post(struct request *rq);
void healthz_get(struct request *rq);
void readyz_get(struct request *rq);
void version_get(struct request *rq);
void metrics_get(struct request *rq);
void openapi_get(struct request *rq);
void docs_get(struct request *rq);
void docs_page_get(struct request *rq);

#endif
