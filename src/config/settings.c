/*
 * The table of all settings.
 *
 * Long: it is data, one row a setting, in the order of the example file.
 */
#include "config/settings.h"

#include <stddef.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define USD    INT64_C(1000000000)

#define FIELD(name) .offset = offsetof(struct config, name)
/* Not a bare {…}: clang-format 14 crashes when it aligns rows of different lengths. */
#define ROW(...)                                                                                   \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

const struct setting settings[] = {
    ROW(.section = "Upstreams", .name = "SCALEKIT_ENV_URL", .alias = "SCALEKIT_ENVIRONMENT_URL",
        .kind = SETTING_UPSTREAM,
        .missing = "Copy the URL of your environment from ScaleKit's dashboard",
        .help = "The URL of your ScaleKit environment.", FIELD(scalekit_env_url)),
    ROW(.name = "SCALEKIT_CLIENT_ID", .kind = SETTING_ID,
        .missing = "Copy it from the API credentials in ScaleKit's dashboard",
        .help = "The client that briefd is at ScaleKit.", FIELD(scalekit_client_id)),
    ROW(.name = "SCALEKIT_CLIENT_SECRET", .kind = SETTING_SECRET, .is_reloaded = true,
        .missing = "Create one under API credentials in ScaleKit's dashboard",
        .help = "Its secret.", FIELD(scalekit_client_secret)),
    ROW(.name = "SCALEKIT_WEBHOOK_SECRET", .kind = SETTING_SECRET, .is_reloaded = true,
        .help = "The signing secret of ScaleKit's webhook to /hooks/scalekit. Without it no "
                "webhook is accepted.",
        FIELD(scalekit_webhook_secret)),
    ROW(.name = "ANTHROPIC_API_KEY", .kind = SETTING_SECRET, .is_reloaded = true,
        .missing = "Create a key at console.anthropic.com", .help = "The key for Claude.",
        FIELD(anthropic_api_key)),
    ROW(.name = "ANTHROPIC_BASE_URL", .kind = SETTING_UPSTREAM,
        .default_text = "https://api.anthropic.com", .help = "Where Claude answers.",
        FIELD(anthropic_base_url)),
    ROW(.name = "BRIEFD_ANTHROPIC_VERSION", .kind = SETTING_TEXT, .default_text = "2026-10-21",
        .help = "The version of Anthropic's API that is asked for.", FIELD(anthropic_version)),
    ROW(.name = "BRIEFD_ANTHROPIC_AUTH", .kind = SETTING_EITHER, .default_text = "bearer",
        .choices = {"bearer", "x-api-key"},
        .help = "The header that carries the key: Authorization (bearer), or x-api-key for a "
                "gateway that wants it.",
        FIELD(anthropic_use_x_api_key)),
    ROW(.name = "BRIEFD_MODEL", .kind = SETTING_TEXT, .is_reloaded = true,
        .default_text = "claude-sonnet-5-5",
        .help = "The model that writes briefings. It needs a row in models.json, or no budget "
                "could be kept.",
        FIELD(model)),
    ROW(.name = "BRIEFD_MODEL_RETRY_BUDGET", .kind = SETTING_DURATION, .default_text = "5m",
        .max = HOUR,
        .help = "How long one question to the model is tried again while it is overloaded or "
                "unreachable.",
        FIELD(anthropic_retry_budget_ms)),
    ROW(.name = "BRIEFD_MODEL_FIRST_BYTE_TIMEOUT", .kind = SETTING_DURATION, .default_text = "2m",
        .min = 1, .max = HOUR, .help = "How long the model may take to begin its answer.",
        FIELD(model_first_byte_ms)),
    ROW(.name = "BRIEFD_MODEL_IDLE_BYTES_TIMEOUT", .kind = SETTING_DURATION, .default_text = "1m",
        .min = 1, .max = HOUR, .help = "How long its stream may send no byte at all.",
        FIELD(model_idle_bytes_ms)),
    ROW(.name = "BRIEFD_MODEL_IDLE_EVENTS_TIMEOUT", .kind = SETTING_DURATION, .default_text = "2m",
        .min = 1, .max = HOUR, .help = "How long its stream may send nothing but signs of life.",
        FIELD(model_idle_events_ms)),
    ROW(.name = "BRIEFD_MODEL_TOTAL_TIMEOUT", .kind = SETTING_DURATION, .default_text = "10m",
        .min = 1, .max = DAY, .help = "How long one answer may take from beginning to end.",
        FIELD(model_total_ms)),
    ROW(.name = "BRIEFD_TOOL_TIMEOUT", .kind = SETTING_DURATION, .default_text = "65s", .min = 1,
        .max = HOUR,
        .help = "How long one tool call at ScaleKit may take. ScaleKit itself gives up after 60 "
                "seconds.",
        FIELD(tool_timeout_ms)),
    ROW(.name = "BRIEFD_CA_FILE", .kind = SETTING_FILE, .for_database = true,
        .help = "Certificates to trust instead of the system's, in PEM.", FIELD(ca_file)),

    ROW(.section = "The service", .name = "BRIEFD_LISTEN", .kind = SETTING_LISTEN,
        .for_database = true, .default_text = "127.0.0.1:8080",
        .help = "Address and port to listen on. Port 0 takes a free one and prints it.",
        FIELD(listen_host), .port_offset = offsetof(struct config, listen_port)),
    ROW(.name = "BRIEFD_METRICS_LISTEN", .kind = SETTING_LISTEN,
        .help =
            "Address and port, like 127.0.0.1:9464, where Prometheus reads /metrics without a "
            "key: whoever reaches it may read, so keep it to this machine or to a network of "
            "your own. With or without it, /metrics at BRIEFD_LISTEN takes a key with the scope "
            "metrics:read. What is counted begins anew with each start.",
        FIELD(metrics_host), .port_offset = offsetof(struct config, metrics_port)),
    ROW(.name = "BRIEFD_PUBLIC_URL", .kind = SETTING_PUBLIC_URL, .for_database = true,
        .help = "The address at which people and callers reach briefd: https, unless it is this "
                "machine. "
                "Needed when BRIEFD_LISTEN is no loopback address; otherwise http:// and "
                "BRIEFD_LISTEN.",
        FIELD(public_url)),
    ROW(.name = "USER_ID", .kind = SETTING_USER,
        .help = "Single-user mode: whoever opens the pages is this user (the identifier at "
                "ScaleKit), and every briefing is for this user: one for somebody else is refused. "
                "Only while BRIEFD_LISTEN and BRIEFD_PUBLIC_URL are loopback. briefd run takes it "
                "when there is no --user.",
        FIELD(user_id)),
    ROW(.name = "BRIEFD_TRUSTED_PROXY", .kind = SETTING_ADDRESSES,
        .help =
            "Addresses of reverse proxies that sign people in and tell who it is, like "
            "10.0.0.5 or 10.0.0.0/28, separated by commas. Whoever can send requests from there "
            "can be anybody.",
        FIELD(trusted_proxy)),
    ROW(.name = "BRIEFD_TRUSTED_PROXY_HEADER", .kind = SETTING_HEADER,
        .help = "The header in which they tell the user's id, like X-Forwarded-User. They have to "
                "remove it from what comes from outside.",
        FIELD(trusted_proxy_header)),
    ROW(.name = "BRIEFD_RETURN_ORIGINS", .kind = SETTING_ORIGINS,
        .help = "Origins like https://app.example.com, separated by commas, to which a connect "
                "ticket may send people back.",
        FIELD(return_origins)),
    ROW(.name = "BRIEFD_CORS_ORIGINS", .kind = SETTING_ORIGINS,
        .help = "Origins like https://app.example.com, separated by commas, whose scripts may call "
                "the routes for services with an API key. Never with a session.",
        FIELD(cors_origins)),
    ROW(.name = "BRIEFD_LINK_HOSTS", .kind = SETTING_HOSTS,
        .help = "Hosts besides that of SCALEKIT_ENV_URL to which ScaleKit's links may lead, "
                "separated by commas: a custom domain.",
        FIELD(link_hosts)),
    ROW(.name = "BRIEFD_TICKET_CONFIRM", .kind = SETTING_EITHER, .default_text = "no",
        .choices = {"no", "yes"},
        .help = "Whether a connection made by a connect ticket waits until the host confirms who "
                "was connected, unless the ticket says otherwise.",
        FIELD(ticket_confirm)),
    ROW(.name = "BRIEFD_RECHECK_AFTER", .kind = SETTING_DURATION, .default_text = "15m", .min = 1,
        .max = 7 * DAY,
        .help = "A connection that was not looked at for so long is read anew at ScaleKit, one a "
                "second.",
        FIELD(recheck_after_ms)),
    ROW(.name = "BRIEFD_WEBHOOK_ALLOW", .kind = SETTING_ADDRESSES,
        .help = "Addresses or networks that webhooks may be sent to though they are not public, "
                "like 10.1.0.0/16 or 127.0.0.1, separated by commas; there http is fine, too. All "
                "others have to be public, and https.",
        FIELD(webhook_allow)),
    ROW(.name = "BRIEFD_WEBHOOK_RETRY_FOR", .kind = SETTING_DURATION, .default_text = "3d",
        .min = SECOND, .max = 30 * DAY,
        .help = "How long a webhook that is not taken is sent again, in 17 tries at growing "
                "distances. An endpoint that takes nothing for so long is disabled.",
        FIELD(webhook_retry_for_ms)),
    ROW(.name = "BRIEFD_WEBHOOK_TIMEOUT", .kind = SETTING_DURATION, .default_text = "15s", .min = 1,
        .max = 5 * MINUTE, .help = "How long a receiver of a webhook may take to answer.",
        FIELD(webhook_timeout_ms)),
    ROW(.name = "BRIEFD_API_KEY", .kind = SETTING_SECRET, .is_reloaded = true, .for_database = true,
        .help = "The key that `briefd send` shows to the service.", FIELD(api_key)),
    ROW(.name = "BRIEFD_CONFIG_DIR", .kind = SETTING_TEXT, .is_reloaded = true,
        .help = "A folder with connectors.json, models.json and recipes/. Without it those inside "
                "the program count.",
        FIELD(config_dir)),
    ROW(.name = "BRIEFD_TIMEZONE", .kind = SETTING_ZONE, .for_database = true, .is_reloaded = true,
        .default_text = "UTC", .help = "The time zone of briefings that do not name one.",
        FIELD(timezone)),
    ROW(.name = "BRIEFD_LOG", .kind = SETTING_CHOICE, .is_reloaded = true, .default_text = "json",
        .choices = {"json", "human"}, .for_database = true, .help = "How log lines look.",
        FIELD(log_format)),
    ROW(.name = "BRIEFD_LOG_LEVEL", .kind = SETTING_CHOICE, .is_reloaded = true,
        .default_text = "info", .choices = {"debug", "info", "warn", "error"}, .for_database = true,
        .help = "The least important lines that are written.", FIELD(log_level)),

    ROW(.section = "The database", .name = "BRIEFD_DB", .kind = SETTING_DATABASE,
        .default_text = "briefd.db", .for_database = true,
        .help = "The SQLite file. It is created when it does not exist.", FIELD(db_path)),
    ROW(.name = "BRIEFD_SEAL_KEY", .kind = SETTING_SEAL_KEY, .for_database = true,
        .help = "32 bytes in base64 that stored results are sealed with (openssl rand -base64 32). "
                "Without it a key is "
                "made and kept beside the database, in <database>.key.",
        FIELD(seal_key)),
    ROW(.name = "BRIEFD_SEAL_KEY_PREVIOUS", .kind = SETTING_SEAL_KEY, .for_database = true,
        .help = "The key before it, while older rows are still sealed with that one.",
        FIELD(seal_key_previous)),

    ROW(.name = "BRIEFD_RETENTION_DAYS", .kind = SETTING_INT, .default_text = "90", .min = 7,
        .max = 36500,
        .help = "How long a briefing is kept after its end, with all that belongs to it. One that "
                "needs attention is kept until it is settled, at most four times as long.",
        FIELD(retention_days)),
    ROW(.name = "BRIEFD_AUDIT_RETENTION_DAYS", .kind = SETTING_INT, .default_text = "730", .min = 7,
        .max = 36500, .help = "How long it is kept who did what.", FIELD(audit_retention_days)),
    ROW(.name = "BRIEFD_RETENTION_INTERVAL", .kind = SETTING_DURATION, .default_text = "1h",
        .min = 1, .max = DAY,
        .help = "How often the service looks for what has been kept long enough.",
        FIELD(retention_interval_ms)),

    ROW(.section = "Limits", .name = "BRIEFD_MAX_RUNS", .kind = SETTING_INT, .default_text = "256",
        .min = 1, .max = 10000, .help = "Briefings that run at the same time; more wait.",
        FIELD(runs_max)),
    ROW(.name = "BRIEFD_MAX_RUNS_PER_USER", .kind = SETTING_INT, .default_text = "4", .min = 1,
        .max = 10000, .help = "Briefings of one user that run at the same time; more wait.",
        FIELD(runs_per_user_max)),
    ROW(.name = "BRIEFD_MAX_OPEN_RUNS", .kind = SETTING_COUNT_OF, .default_text = "20000", .min = 1,
        .max = 10000000,
        .help =
            "Briefings that may be waiting or running; above that new ones are refused with 429.",
        FIELD(open_runs_max)),
    ROW(.name = "BRIEFD_MAX_CONNECTIONS", .kind = SETTING_INT, .default_text = "10000", .min = 4,
        .max = 1000000, .help = "Connections of clients.", FIELD(http_connections_max)),
    ROW(.name = "BRIEFD_MAX_CONNECTIONS_PER_ADDRESS", .kind = SETTING_INT, .default_text = "5000",
        .min = 1, .max = 1000000,
        .help = "Connections from one address; behind a proxy all come from the proxy's.",
        FIELD(http_connections_per_address_max)),
    ROW(.name = "BRIEFD_KEY_RATE", .kind = SETTING_COUNT_OF, .default_text = "5000", .min = 0,
        .max = 10000000,
        .help =
            "Requests a second that may be made with the API keys of one name, in the long run. "
            "More is answered 429. 0: no limit.",
        FIELD(key_requests_per_s)),
    ROW(.name = "BRIEFD_KEY_BURST", .kind = SETTING_COUNT_OF, .default_text = "50000", .min = 1,
        .max = 1000000000, .help = "How many of them may come at once.", FIELD(key_requests_burst)),
    ROW(.name = "BRIEFD_ADDRESS_RATE", .kind = SETTING_COUNT_OF, .default_text = "200", .min = 0,
        .max = 10000000,
        .help = "The same for each signed-in user, and for each address from which requests come "
                "without a key that is known: pages, webhooks, wrong keys. Behind a proxy that is "
                "not in BRIEFD_TRUSTED_PROXY, all come from the proxy's address. 0: no limit.",
        FIELD(address_requests_per_s)),
    ROW(.name = "BRIEFD_ADDRESS_BURST", .kind = SETTING_COUNT_OF, .default_text = "5000", .min = 1,
        .max = 1000000000, .help = "How many of them may come at once.",
        FIELD(address_requests_burst)),
    ROW(.name = "BRIEFD_REQUEST_TIMEOUT", .kind = SETTING_DURATION, .default_text = "30s",
        .max = HOUR,
        .help = "How long a client may take to send the head of a request, and again for the body. "
                "0: as long as something comes.",
        FIELD(request_ms)),
    ROW(.name = "BRIEFD_IDLE_TIMEOUT", .kind = SETTING_DURATION, .default_text = "60s",
        .min = SECOND, .max = HOUR,
        .help = "After how long a connection of a client is closed on which nothing moves.",
        FIELD(idle_ms)),
    ROW(.name = "BRIEFD_MAX_UPSTREAM_CONNECTIONS", .kind = SETTING_INT, .default_text = "1024",
        .min = 2, .max = 65536, .help = "Connections to ScaleKit and Claude.",
        FIELD(upstream_connections_max)),
    ROW(.name = "BRIEFD_MAX_WAITERS", .kind = SETTING_COUNT_OF, .default_text = "10000", .min = 0,
        .max = 1000000, .help = "Requests that may wait for a briefing to change (?wait=).",
        FIELD(waiters_max)),
    ROW(.name = "BRIEFD_MAX_STREAMS", .kind = SETTING_COUNT_OF, .default_text = "8000", .min = 0,
        .max = 1000000, .help = "Event streams that may be open; more are refused with 503.",
        FIELD(streams_max)),
    ROW(.name = "BRIEFD_MAX_STREAMS_PER_ADDRESS", .kind = SETTING_COUNT_OF, .default_text = "5000",
        .min = 0, .max = 1000000,
        .help = "Event streams from one address; behind a proxy all come from the proxy's. More "
                "are refused with 429.",
        FIELD(streams_per_address_max)),
    ROW(.name = "BRIEFD_STREAM_HEARTBEAT", .kind = SETTING_DURATION, .default_text = "15s",
        .min = 10, .max = HOUR,
        .help = "A stream on which nothing happens gets a comment at the latest after that.",
        FIELD(stream_heartbeat_ms)),
    ROW(.name = "BRIEFD_STREAM_STALL", .kind = SETTING_DURATION, .default_text = "30s",
        .min = SECOND, .max = HOUR,
        .help = "A stream whose client reads nothing of what is there for it is closed after that.",
        FIELD(stream_stall_ms)),
    ROW(.name = "BRIEFD_MAX_BODY", .kind = SETTING_SIZE, .default_text = "64KiB", .min = 1024,
        .max = 16 * 1024 * 1024, .help = "The largest request body.", FIELD(body_bytes_max)),
    ROW(.name = "BRIEFD_START_BY", .kind = SETTING_DURATION, .default_text = "24h", .min = 1,
        .max = 30 * DAY,
        .help = "A briefing that could not start for so long expires, unless its caller said "
                "otherwise.",
        FIELD(start_by_default_ms)),
    ROW(.name = "BRIEFD_BLOCKED_TTL", .kind = SETTING_DURATION, .default_text = "24h", .min = 1,
        .max = 30 * DAY,
        .help = "A briefing that had started and then waits for its user or for credentials fails "
                "after that.",
        FIELD(blocked_ttl_ms)),
    ROW(.name = "BRIEFD_DELIVERY_SETTLE", .kind = SETTING_DURATION, .default_text = "2m",
        .max = HOUR,
        .help = "How long after a delivery with unknown outcome the channel is read for the first "
                "time.",
        FIELD(delivery_settle_ms)),
    ROW(.name = "BRIEFD_DELIVERY_RETRY", .kind = SETTING_DURATION, .default_text = "1s", .min = 1,
        .max = 30 * SECOND,
        .help = "The first wait after a provider said \"not now\" to a delivery; each next one is "
                "about twice as long.",
        FIELD(delivery_retry_ms)),
    ROW(.name = "BRIEFD_RECONCILE_PAUSE", .kind = SETTING_DURATION, .default_text = "1m", .min = 1,
        .max = HOUR,
        .help =
            "Between two reads of a channel when one failed and the provider named no time: some "
            "Slack apps get one read a minute.",
        FIELD(reconcile_pause_ms)),
    ROW(.name = "BRIEFD_RECONCILE_TIMEOUT", .kind = SETTING_DURATION, .default_text = "15m",
        .min = 1, .max = DAY,
        .help = "How long a message of unknown outcome is looked for before it is left to a "
                "person.",
        FIELD(reconcile_timeout_ms)),
    ROW(.name = "BRIEFD_STOP_GRACE", .kind = SETTING_DURATION, .default_text = "60s", .max = HOUR,
        .help = "How long model calls in flight may go on after SIGTERM.", FIELD(stop_grace_ms)),
    ROW(.name = "BRIEFD_MAX_DEADLINE", .kind = SETTING_DURATION, .default_text = "1h",
        .min = SECOND, .max = DAY,
        .help = "The longest running time that a caller or a recipe may ask for.",
        FIELD(deadline_max_ms)),
    ROW(.name = "BRIEFD_MAX_BUDGET", .kind = SETTING_MONEY, .default_text = "5.00", .min = 1,
        .max = 10000 * USD,
        .help = "The most US dollars that a caller or a recipe may let one briefing cost.",
        FIELD(budget_max_nano_usd)),
};

const size_t settings_count = ARRAY_LEN(settings);

const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < settings_count; i++)
        if (text_equal(settings[i].name, name) ||
            (settings[i].alias && text_equal(settings[i].alias, name)))
            return &settings[i];
    return NULL;
}

bool setting_is_secret(const struct setting *setting)
{
    return setting->kind == SETTING_SECRET || setting->kind == SETTING_SEAL_KEY;
}
