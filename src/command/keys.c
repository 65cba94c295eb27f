/*
 * `briefd keys`: API keys of services. Works beside a running service, which notices within a
 * second.
 */
#include "store/keys.h"
#include "base/clock.h"
#include "command/command.h"

#include <stdio.h>
#include <string.h>

#define SCOPES                                                                                     \
    "briefings:read, briefings:write, connections:read, connections:write, "                       \
    "metrics:read, admin"

/* Words separated by commas or spaces. 0 after telling what is wrong. */
static unsigned read_scopes(const struct command_context *ctx, const char *text)
{
    unsigned scopes = 0;
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, ", ");
        AUTO(xfree_ptr) char *word = xstrndup(at, len);
        unsigned scope = scope_parse(word);
        if (len > 0 && scope == 0) {
            command_misused(ctx, "\"%s\" is no scope; there are " SCOPES, word);
            return 0;
        }
        scopes |= scope;
        at += len + (at[len] ? 1 : 0);
    }
    if (scopes == 0) command_misused(ctx, "--scope names no scope; there are " SCOPES);
    return scopes;
}

static int create(const struct command_context *ctx, struct store *store, const char *name,
                  unsigned scopes)
{
    AUTO(xfree_ptr) char *id = NULL;
    AUTO(xfree_secret_ptr) char *secret = NULL;
    enum err e = store_key_create(store, name, scopes, &id, &secret);
    if (e == E_INVALID) return command_misused(ctx, "%s", err_detail());
    if (!e) e = store_audit(store, "command", "key_created", id, NULL);
    if (e) return command_failed("the key could not be created");
    AUTO(str_done) struct str words = {0};
    scope_format(scopes, &words);
    fprintf(stderr,
            "Key %s for %s may: %s.\nThis is the only time it is shown; send it as `Authorization: "
            "Bearer …`.\n",
            id, name, str_text(&words));
    printf("%s\n", secret);
    return COMMAND_OK;
}

static void print_time(int64_t unix_ms)
{
    char text[TIME_TEXT_MAX];
    time_format(unix_ms, text);
    printf("%.10s %.5s", text, text + 11);
}

static int list(struct store *store, bool with_revoked)
{
    AUTO(key_list_done) struct key_list keys = {0};
    if (store_keys_list(store, with_revoked, &keys))
        return command_failed("the keys cannot be read");
    if (keys.n == 0) {
        fprintf(
            stderr,
            "There is no key yet. `briefd keys create NAME --scope briefings:write` makes one.\n");
        return COMMAND_OK;
    }
    for (size_t i = 0; i < keys.n; i++) {
        const struct key_row *row = &keys.rows[i];
        AUTO(str_done) struct str words = {0};
        scope_format(row->scopes, &words);
        printf("%s  %-24s ", row->id, row->name);
        print_time(row->created_ms);
        printf("  %s", str_text(&words));
        if (row->revoked_ms > 0) {
            printf("  revoked ");
            print_time(row->revoked_ms);
        }
        printf("\n");
    }
    return COMMAND_OK;
}

static int revoke(struct store *store, const char *id)
{
    enum err e = store_key_revoke(store, id);
    if (!e) e = store_audit(store, "command", "key_revoked", id, NULL);
    if (e) return command_failed("the key could not be revoked");
    fprintf(stderr, "Key %s is revoked. A running service refuses it within a second.\n", id);
    return COMMAND_OK;
}

/* Beside a running service when there is one. When the database is new or of an older version,
 * nobody else may be using it: then it is made or migrated first. */
static enum err open_store(const struct config *config, bool may_create, struct file_lock *lock,
                           struct store **out_store)
{
    struct store_options options = command_store_options(config);
    options.n_readers = 1;
    options.no_create = true;
    options.no_migrate = true;
    enum err e = store_open(&options, out_store);
    bool is_older = e == E_CONFLICT || (e == E_NOT_FOUND && may_create);
    if (!is_older) return e;
    e = command_lock(config, lock);
    if (e) return fail_context(e, "the database has another version than this program");
    options.no_create = !may_create;
    options.no_migrate = false;
    return store_open(&options, out_store);
}

struct request {
    enum { KEYS_CREATE, KEYS_LIST, KEYS_REVOKE } what;
    const char *subject; /* name or id */
    unsigned scopes;
    bool with_revoked;
};

static int carry_out(const struct command_context *ctx, const struct command_line *line,
                     const struct request *request)
{
    struct config *config = NULL;
    struct store *store = NULL;
    struct file_lock lock = {.fd = -1};
    int code = command_config(ctx, line, CONFIG_DATABASE, &config);
    if (code != COMMAND_GO_ON) return code;
    bool is_new = !file_exists(config->db_path);
    enum err e = open_store(config, request->what == KEYS_CREATE, &lock, &store);
    /* In a wrong folder the key would be one that no service knows. */
    if (!e && is_new)
        fprintf(stderr, "There was no database yet: %s is new, for the service to use.\n",
                config->db_path);
    if (e) {
        code = command_store_failed(e);
    } else {
        switch (request->what) {
        case KEYS_CREATE:
            code = create(ctx, store, request->subject, request->scopes);
            break;
        case KEYS_LIST:
            code = list(store, request->with_revoked);
            break;
        case KEYS_REVOKE:
            code = revoke(store, request->subject);
            break;
        }
    }
    store_close(store);
    file_unlock(&lock);
    config_free(config);
    return code;
}

static int read_request(const struct command_context *ctx, const struct command_line *line,
                        const char *scope, struct request *out)
{
    const char *verb = line->n_positional > 0 ? line->positional[0] : "";
    size_t n_wanted = strcmp(verb, "list") == 0 ? 1 : 2;
    if (strcmp(verb, "create") == 0)
        out->what = KEYS_CREATE;
    else if (strcmp(verb, "list") == 0)
        out->what = KEYS_LIST;
    else if (strcmp(verb, "revoke") == 0)
        out->what = KEYS_REVOKE;
    else
        return command_misused(ctx, "say create, list or revoke");
    if (line->n_positional < n_wanted)
        return command_misused(ctx, "%s needs %s", verb,
                               out->what == KEYS_CREATE ? "a NAME" : "an ID");
    if (line->n_positional > n_wanted)
        return command_misused(ctx, "\"%s\" is one too many", line->positional[n_wanted]);
    out->subject = line->positional[1];
    if (out->what != KEYS_CREATE && scope)
        return command_misused(ctx, "--scope goes with create only");
    if (out->what != KEYS_LIST && out->with_revoked)
        return command_misused(ctx, "--all goes with list only");
    if (out->what != KEYS_CREATE) return COMMAND_GO_ON;
    if (!scope) return command_misused(ctx, "create needs --scope; there are " SCOPES);
    out->scopes = read_scopes(ctx, scope);
    return out->scopes ? COMMAND_GO_ON : COMMAND_USAGE;
}

int command_keys(struct command_context *ctx)
{
    const char *scope = NULL;
    struct request request = {.what = KEYS_LIST};
    const struct command_option options[] = {
        {"--scope", "WORDS", "What the key may do; separated by commas.", &scope, NULL                 },
        {"--all",   NULL,    "List revoked keys, too.",                   NULL,   &request.with_revoked},
    };
    const struct command_usage usage = {
        .synopsis = "briefd keys create NAME --scope WORDS\n"
                    "briefd keys list [--all]\n"
                    "briefd keys revoke ID",
        .text =
            "API keys of the services that call briefd. `create` prints the key, alone, on "
            "stdout;\n"
            "only its hash is stored. Several live keys may share a name, so that a key can be\n"
            "replaced without a gap. Works while the service runs.\n"
            "Scopes: " SCOPES ".\n"
            "Exit code: 0 done, 1 failed, 64 wrong use, 78 wrong settings.",
        .example = "briefd keys create newsroom --scope briefings:write,briefings:read",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .positional_max = 3};
    struct command_line line = {0};
    int code = command_parse(ctx, &usage, &line);
    if (code == COMMAND_GO_ON) code = read_request(ctx, &line, scope, &request);
    if (code != COMMAND_GO_ON) return code;
    return carry_out(ctx, &line, &request);
}
