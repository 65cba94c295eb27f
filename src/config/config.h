/*
 * Settings: one table, one struct.
 *
 * Every setting is one row in src/config/settings.c: name, type, default, limits, whether it is
 * secret, help. A value comes from the environment, else from a file named by NAME_FILE, else from
 * systemd's $CREDENTIALS_DIRECTORY/NAME, else from the `.env` file in the working directory (or the
 * one given with --env-file), else it is the default. An empty value counts as not set. An unknown
 * BRIEFD_… variable is a problem: a typo must not go unnoticed. What connectors.json and the
 * recipes name (SLACK_CONNECTION, SLACK_CHANNEL, …) is found in the same way. All problems are
 * found before the first one is reported. This is the only place that calls getenv().
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "agent/catalogue.h"
#include "base/log.h"
#include "base/url.h"

struct config {
    /* upstreams */
    char *scalekit_env_url;            /* SCALEKIT_ENV_URL, SCALEKIT_ENVIRONMENT_URL */
    char *scalekit_client_id;          /* SCALEKIT_CLIENT_ID */
    char *scalekit_client_secret;      /* SCALEKIT_CLIENT_SECRET, secret */
    char *scalekit_webhook_secret;     /* SCALEKIT_WEBHOOK_SECRET, secret, optional */
    char *anthropic_base_url;          /* ANTHROPIC_BASE_URL: https://api.anthropic.com */
    char *anthropic_api_key;           /* ANTHROPIC_API_KEY, secret */
    char *anthropic_version;           /* BRIEFD_ANTHROPIC_VERSION: 2026-10-21 */
    bool anthropic_use_x_api_key;      /* BRIEFD_ANTHROPIC_AUTH: bearer (default) or x-api-key */
    int64_t anthropic_retry_budget_ms; /* BRIEFD_MODEL_RETRY_BUDGET: 300 s */
    int64_t model_first_byte_ms, model_idle_bytes_ms, model_idle_events_ms,
        model_total_ms;      /* BRIEFD_MODEL_…_TIMEOUT */
    int64_t tool_timeout_ms; /* BRIEFD_TOOL_TIMEOUT: 65 s */
    char *ca_file;           /* BRIEFD_CA_FILE */
    /* the service */
    char *listen_host;  /* BRIEFD_LISTEN: 127.0.0.1:8080; "::1" without its brackets */
    int listen_port;    /* 0: any free one, printed in the ready line */
    char *metrics_host; /* BRIEFD_METRICS_LISTEN; NULL: no listener of its own */
    int metrics_port;
    char *public_url; /* BRIEFD_PUBLIC_URL, no slash at its end; default http://<listen> when that
                          is loopback */
    char *user_id;    /* USER_ID: single-user mode; NULL otherwise */
    char *trusted_proxy;                /* BRIEFD_TRUSTED_PROXY: addresses; NULL none */
    char *trusted_proxy_header;         /* BRIEFD_TRUSTED_PROXY_HEADER: says who is signed in */
    char *return_origins;               /* BRIEFD_RETURN_ORIGINS: where tickets may lead back to */
    char *cors_origins;                 /* BRIEFD_CORS_ORIGINS: whose scripts may call; NULL none */
    char *link_hosts;                   /* BRIEFD_LINK_HOSTS: beside ScaleKit's own host */
    char *api_key;                      /* BRIEFD_API_KEY, secret: of `briefd send` */
    bool ticket_confirm;                /* BRIEFD_TICKET_CONFIRM: no, yes */
    int64_t recheck_after_ms;           /* BRIEFD_RECHECK_AFTER: 15 min */
    char *webhook_allow;                /* BRIEFD_WEBHOOK_ALLOW: networks that are not public */
    int64_t webhook_retry_for_ms;       /* BRIEFD_WEBHOOK_RETRY_FOR: 3 d */
    int64_t webhook_timeout_ms;         /* BRIEFD_WEBHOOK_TIMEOUT: 15 s */
    char *db_path;                      /* BRIEFD_DB: briefd.db */
    char *config_dir;                   /* BRIEFD_CONFIG_DIR; NULL: built in */
    char *model;                        /* BRIEFD_MODEL: claude-sonnet-5-5 */
    char *timezone;                     /* BRIEFD_TIMEZONE: UTC */
    char *seal_key, *seal_key_previous; /* BRIEFD_SEAL_KEY, BRIEFD_SEAL_KEY_PREVIOUS, secret */
    enum log_format log_format;         /* BRIEFD_LOG: json, human */
    enum log_level log_level;           /* BRIEFD_LOG_LEVEL: info */
    int retention_days;                 /* BRIEFD_RETENTION_DAYS: 90 */
    int audit_retention_days;           /* BRIEFD_AUDIT_RETENTION_DAYS: 730 */
    int64_t retention_interval_ms;      /* BRIEFD_RETENTION_INTERVAL: 1 h */
    /* limits */
    int runs_max;                         /* BRIEFD_MAX_RUNS: 256 */
    int runs_per_user_max;                /* BRIEFD_MAX_RUNS_PER_USER: 4 */
    int64_t open_runs_max;                /* BRIEFD_MAX_OPEN_RUNS: 20,000 */
    int http_connections_max;             /* BRIEFD_MAX_CONNECTIONS: 10,000, of clients */
    int http_connections_per_address_max; /* BRIEFD_MAX_CONNECTIONS_PER_ADDRESS: 5,000 */
    int upstream_connections_max;         /* BRIEFD_MAX_UPSTREAM_CONNECTIONS: 1,024 */
    int64_t waiters_max;                  /* BRIEFD_MAX_WAITERS: 10,000 long-polls */
    int64_t streams_max;                  /* BRIEFD_MAX_STREAMS: 8,000 event streams */
    int64_t streams_per_address_max;      /* BRIEFD_MAX_STREAMS_PER_ADDRESS: 5,000 */
    int64_t stream_heartbeat_ms;          /* BRIEFD_STREAM_HEARTBEAT: 15 s */
    int64_t stream_stall_ms;              /* BRIEFD_STREAM_STALL: 30 s */
    int64_t body_bytes_max;               /* BRIEFD_MAX_BODY: 64 KiB */
    int64_t start_by_default_ms;          /* BRIEFD_START_BY: 24 h */
    int64_t blocked_ttl_ms;               /* BRIEFD_BLOCKED_TTL: 24 h */
    int64_t delivery_settle_ms;           /* BRIEFD_DELIVERY_SETTLE: 120 s */
    int64_t delivery_retry_ms;            /* BRIEFD_DELIVERY_RETRY: 1 s */
    int64_t reconcile_pause_ms;           /* BRIEFD_RECONCILE_PAUSE: 1 min */
    int64_t reconcile_timeout_ms;         /* BRIEFD_RECONCILE_TIMEOUT: 15 min */
    int64_t stop_grace_ms;       /* BRIEFD_STOP_GRACE: 60 s, for model calls in flight at SIGTERM */
    int64_t deadline_max_ms;     /* BRIEFD_MAX_DEADLINE: 1 h, what a caller may ask for */
    int64_t budget_max_nano_usd; /* BRIEFD_MAX_BUDGET: "5.00" */
    /* limits of clients */
    int64_t key_requests_per_s, key_requests_burst;         /* BRIEFD_KEY_RATE, …_BURST */
    int64_t address_requests_per_s, address_requests_burst; /* BRIEFD_ADDRESS_RATE, …_BURST */
    int64_t request_ms;                                     /* BRIEFD_REQUEST_TIMEOUT: 30 s */
    int64_t idle_ms;                                        /* BRIEFD_IDLE_TIMEOUT: 60 s */
    /* data */
    struct catalogue *catalogue; /* NULL for CONFIG_DATABASE */
    /* texts and origins, for config_print() */
    struct setting_value *values;
    size_t n_values;
    bool public_url_is_default;
};

struct config_source {
    const char *env_file; /* --env-file; NULL: ".env" when it exists */
    char **environ;       /* as main got it */
    const char *const
        *overrides; /* "NAME=value" from the command line, NULL-terminated; NULL none */
};

/* What a command needs, so that `keys` does not ask for an Anthropic key. */
enum config_need { CONFIG_DATABASE, CONFIG_EVERYTHING };

/* E_INVALID: `out_problems` has one line each, in words ("ANTHROPIC_API_KEY is not set: …").
 * `out_warnings` may be lines too. Checks reach no network and change nothing. */
enum err config_load(const struct config_source *source, enum config_need need,
                     struct config **out_config, struct str *out_problems,
                     struct str *out_warnings) MUST_CHECK;
void config_free(struct config *config);
/* Names of settings that differ in `fresh` and are read at the start only, separated by commas. */
void config_list_frozen(const struct config *running, const struct config *fresh,
                        struct str *out_names);
/* The port that was really bound, for BRIEFD_LISTEN with port 0: also corrects a public_url that
 * was not set. */
void config_set_port(struct config *config, int port);
/* "NAME=value  # where from", every setting, secrets masked as "(set, 51 characters)". */
void config_print(const struct config *config, struct str *out);
/* The example file config/briefd.env.example, made from the table; a test compares the two. */
void config_print_example(struct str *out);

#endif
