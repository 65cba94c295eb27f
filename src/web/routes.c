#include "web/routes.h"

#include "web/router.h"

#define KEY(method, path, scopes, place, handler)                                                  \
    {                                                                                              \
        method, path, scopes, false, ROUTE_##place, handler, BROWSER_NO                            \
    }
#define OWN(method, path, scopes, place, handler)                                                  \
    {                                                                                              \
        method, path, scopes, false, ROUTE_##place, handler, BROWSER_OWN                           \
    }
#define PAGE(method, path, place, handler)                                                         \
    {                                                                                              \
        method, path, 0, false, ROUTE_##place, handler, BROWSER_PAGE                               \
    }
#define OPEN(method, path, any_host, place, handler)                                               \
    {                                                                                              \
        method, path, 0, any_host, ROUTE_##place, handler, BROWSER_NO                              \
    }

/*
 * THE table: every route, who may call it, where it runs.
 *   KEY   services with one of the scopes
 *   OWN   the same, and signed-in browsers for their own user
 *   PAGE  browsers; the handler looks who it is
 *   OPEN  everybody
 */
const struct route routes[] = {
    OWN("POST", "/briefings", SCOPE_BRIEFINGS_WRITE, STORE, briefings_post),
    OWN("GET", "/briefings", SCOPE_BRIEFINGS_READ, STORE, briefings_get),
    OWN("GET", "/briefings/{id}", SCOPE_BRIEFINGS_READ, INLINE, briefing_get),
    OWN("GET", "/briefings/{id}/events", SCOPE_BRIEFINGS_READ, STORE, briefing_events_get),
    OWN("POST", "/briefings/{id}/cancel", SCOPE_BRIEFINGS_WRITE, STORE, briefing_cancel_post),
    KEY("POST", "/briefings/{id}/delivery", SCOPE_ADMIN, STORE, briefing_delivery_post),

    KEY("POST", "/users/{user}/connect-tickets", SCOPE_CONNECTIONS_WRITE, STORE,
        user_connect_tickets_post),
    OWN("GET", "/users/{user}/connections", SCOPE_CONNECTIONS_READ, STORE, user_connections_get),
    OWN("GET", "/users/{user}/connections/{connector}", SCOPE_CONNECTIONS_READ, STORE,
        user_connection_get),
    OWN("DELETE", "/users/{user}/connections/{connector}", SCOPE_CONNECTIONS_WRITE, UPSTREAM,
        user_connection_delete),
    OWN("POST", "/users/{user}/connections/{connector}/check",
        SCOPE_CONNECTIONS_READ | SCOPE_CONNECTIONS_WRITE, UPSTREAM, user_connection_check_post),
    KEY("POST", "/users/{user}/connections/{connector}/confirm", SCOPE_ADMIN, STORE,
        user_connection_confirm_post),
    OWN("GET", "/users/{user}/recipes/{name}/params", SCOPE_BRIEFINGS_READ, STORE, user_params_get),
    OWN("PUT", "/users/{user}/recipes/{name}/params", SCOPE_BRIEFINGS_WRITE, STORE,
        user_params_put),
    OWN("GET", "/recipes", SCOPE_BRIEFINGS_READ, INLINE, recipes_get),
    OWN("GET", "/recipes/{name}", SCOPE_BRIEFINGS_READ, STORE, recipe_get),
    KEY("POST", "/webhook-endpoints", SCOPE_ADMIN, STORE, webhook_endpoints_post),
    KEY("GET", "/webhook-endpoints", SCOPE_ADMIN, STORE, webhook_endpoints_get),
    KEY("GET", "/webhook-endpoints/{id}", SCOPE_ADMIN, STORE, webhook_endpoint_get),
    KEY("DELETE", "/webhook-endpoints/{id}", SCOPE_ADMIN, STORE, webhook_endpoint_delete),
    KEY("POST", "/webhook-endpoints/{id}/enable", SCOPE_ADMIN, STORE, webhook_endpoint_enable_post),
    KEY("POST", "/webhook-endpoints/{id}/test", SCOPE_ADMIN, STORE, webhook_endpoint_test_post),
    KEY("GET", "/webhook-endpoints/{id}/deliveries", SCOPE_ADMIN, STORE,
        webhook_endpoint_deliveries_get),
    KEY("GET", "/deliveries/{id}", SCOPE_ADMIN, STORE, delivery_get),
    KEY("POST", "/deliveries/{id}/redeliver", SCOPE_ADMIN, STORE, delivery_redeliver_post),
    OPEN("POST", "/hooks/scalekit", false, STORE, hooks_scalekit_post),

    PAGE("GET", "/", STORE, app_get),
    PAGE("GET", "/b/{id}", STORE, briefing_page_get),
    PAGE("GET", "/connect/t/{ticket}", STORE, connect_ticket_get),
    PAGE("POST", "/connect/t/{ticket}", STORE, connect_ticket_post),
    PAGE("POST", "/oauth/{connector}/start", UPSTREAM, oauth_start_post),
    PAGE("GET", "/oauth/{connector}/go", STORE, oauth_go_get),
    PAGE("GET", "/oauth/{connector}/callback", UPSTREAM, oauth_callback_get),
    PAGE("POST", "/disconnect/{connector}", UPSTREAM, disconnect_post),
    PAGE("POST", "/brief/{recipe}", STORE, brief_post),
    PAGE("POST", "/defaults/{recipe}", STORE, defaults_post),
    PAGE("POST", "/sign-out", STORE, sign_out_post),
    OPEN("GET", "/static/{file*}", false, INLINE, static_get),

    OPEN("GET", "/healthz", true, INLINE, healthz_get),
    OPEN("GET", "/readyz", true, STORE, readyz_get),
    OPEN("GET", "/version", false, INLINE, version_get),
    KEY("GET", "/metrics", SCOPE_METRICS_READ, STORE, metrics_get),
    OPEN("GET", "/openapi.json", false, INLINE, openapi_get),
    OPEN("GET", "/docs", false, INLINE, docs_get),
    OPEN("GET", "/docs/{page}", false, INLINE, docs_page_get),
};
const size_t routes_count = ARRAY_LEN(routes);
