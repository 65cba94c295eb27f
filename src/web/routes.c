#include "web/routes.h"

#include "web/router.h"

/* THE table: every route, who may call it, where it runs. */
const struct route routes[] = {
    {"POST", "/briefings",                                  SCOPE_BRIEFINGS_WRITE,  false, ROUTE_STORE,    briefings_post        },
    {"GET",  "/briefings",                                  SCOPE_BRIEFINGS_READ,   false, ROUTE_STORE,    briefings_get         },
    {"GET",  "/briefings/{id}",                             SCOPE_BRIEFINGS_READ,   false, ROUTE_INLINE,   briefing_get          },
    {"GET",  "/briefings/{id}/events",                      SCOPE_BRIEFINGS_READ,   false, ROUTE_STORE,
     briefing_events_get                                                                                                         },
    {"POST", "/briefings/{id}/cancel",                      SCOPE_BRIEFINGS_WRITE,  false, ROUTE_STORE,
     briefing_cancel_post                                                                                                        },
    {"POST", "/briefings/{id}/delivery",                    SCOPE_ADMIN,            false, ROUTE_STORE,    briefing_delivery_post},
    {"GET",  "/users/{user}/connections",                   SCOPE_CONNECTIONS_READ, false, ROUTE_STORE,
     user_connections_get                                                                                                        },
    {"POST", "/users/{user}/connections/{connector}/check",
     SCOPE_CONNECTIONS_READ | SCOPE_CONNECTIONS_WRITE,                              false, ROUTE_UPSTREAM,
     user_connection_check_post                                                                                                  },
    {"GET",  "/healthz",                                    0,                      true,  ROUTE_INLINE,   healthz_get           },
    {"GET",  "/readyz",                                     0,                      true,  ROUTE_STORE,    readyz_get            },
    {"GET",  "/version",                                    0,                      false, ROUTE_INLINE,   version_get           },
};
const size_t routes_count = ARRAY_LEN(routes);
