/*
 * The settings table: one row a setting. Reading, checking, printing and the example file all walk
 * over it, so that a new setting is one row here and one field in struct config. Immutable; any
 * thread.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/config.h"

enum setting_kind {
    SETTING_TEXT,       /* char *, printable */
    SETTING_ID,         /* char *, printable without spaces */
    SETTING_SECRET,     /* char *, the same, never shown */
    SETTING_SEAL_KEY,   /* the same: 32 bytes in base64 or base64url */
    SETTING_UPSTREAM,   /* char *: https URL, or http to this machine; no slash at the end */
    SETTING_PUBLIC_URL, /* the same without a path */
    SETTING_LISTEN,     /* "host:port" → char * host, and the port at port_offset */
    SETTING_FILE,       /* char *: a file with certificates in PEM */
    SETTING_DATABASE,   /* char *: a file in a folder that exists */
    SETTING_USER,       /* char *: a user's id */
    SETTING_ADDRESSES,  /* char *: addresses and networks, separated by commas */
    SETTING_HEADER,     /* char *: name of an HTTP header */
    SETTING_ORIGINS,    /* char *: https://host[:port], separated by commas */
    SETTING_HOSTS,      /* char *: host names, separated by commas */
    SETTING_ZONE,       /* char *: IANA time zone */
    SETTING_CHOICE,     /* enum: index in `choices` */
    SETTING_EITHER,     /* bool: is it the second of `choices`? */
    SETTING_INT,        /* int */
    SETTING_COUNT_OF,   /* int64_t: a number */
    SETTING_DURATION,   /* int64_t milliseconds: "90", "90s", "250ms", "5m", "24h", "7d" */
    SETTING_SIZE,       /* int64_t bytes: "65536", "64KiB", "1MiB" */
    SETTING_MONEY,      /* int64_t nano dollars: "5.00" */
};

struct setting {
    const char *section; /* heading in the example file; a row without one belongs to the last */
    const char *name;
    const char *alias; /* another name it is known by; NULL none */
    enum setting_kind kind;
    const char *default_text; /* NULL: none */
    const char *missing;      /* required: what to do when it is not set; NULL: optional */
    const char *choices[5];   /* of SETTING_CHOICE, NULL-terminated */
    int64_t min, max;         /* in the unit of the field; both 0: no limits of its own */
    bool is_reloaded;         /* read anew on SIGHUP */
    bool for_database;        /* also read for CONFIG_DATABASE */
    const char *help;         /* sentences for the example file */
    size_t offset;            /* of the field in struct config */
    size_t port_offset;       /* of SETTING_LISTEN: of its int */
};

extern const struct setting settings[];
extern const size_t settings_count;

/* By name or alias; NULL when there is none. */
const struct setting *setting_find(const char *name);
bool setting_is_secret(const struct setting *setting);

/* Checks `text` and puts it into its field. False with the rest of a sentence ("must be …") in
 * `out_why`; the field is unchanged then. */
bool setting_apply(const struct setting *setting, const char *text, struct config *config,
                   struct str *out_why);
/* Frees what setting_apply() allocated. */
void setting_clear(const struct setting *setting, struct config *config);

/* Checks the lists and names among the kinds; the rest of a sentence in `out_why`. */
bool setting_list_is_fine(enum setting_kind kind, const char *text, struct str *out_why);
/* Looks like a value that somebody forgot to fill in: "changeme", "your-key", "sk-…". */
bool is_placeholder(const char *text);
/* No control characters, valid UTF-8. */
bool is_printable(const char *text);

/* "90s" → 90000. False when it is no duration. */
bool duration_parse(const char *text, int64_t *out_ms);
/* 90000 → "90s", 300000 → "5m". */
void duration_format(int64_t ms, char out[32]);
/* "64KiB" → 65536. False when it is no size. */
bool size_parse(const char *text, int64_t *out_bytes);

/* Where a value came from, for config_print(); one for each table row, then one for each variable
 * that connectors and recipes name. */
struct setting_value {
    char *name;
    char *text;   /* NULL: not set, and no default */
    char *origin; /* "environment", ".env", "file /run/secrets/x", "default", … */
    bool is_secret;
};

#endif
