/*
 * `briefd user`: what is kept about one user, told or deleted. Works beside a running service,
 * which forgets within a second what it has in memory.
 */
#include "command/command.h"
#include "command/user_accounts.h"
#include "store/erase.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct wish {
    bool is_erasing;
    const char *user_id;
    const char *file; /* NULL: stdout */
    bool disconnects, keeps_accounts, leaves_file;
};

/* ---- export ---- */

static enum err write_to(void *stream, const char *text, size_t len)
{
    if (fwrite(text, 1, len, stream) == len) return E_OK;
    return fail(E_STORAGE, "the export could not be written: %s", strerrordesc_np(errno));
}

static enum err export_to_file(struct store *store, const struct wish *wish)
{
    enum err e = file_create(wish->file, "", 0, 0600);
    if (e) return e;
    FILE *stream = fopen(wish->file, "r+e");
    if (!stream) return fail(E_STORAGE, "%s: %s", wish->file, strerrordesc_np(errno));
    e = store_user_export(store, wish->user_id, write_to, stream);
    if (fclose(stream) != 0 && !e)
        e = fail(E_STORAGE, "%s: %s", wish->file, strerrordesc_np(errno));
    if (e) file_remove(wish->file);
    return e;
}

static int export(struct store *store, const struct wish *wish)
{
    enum err e = wish->file ? export_to_file(store, wish)
                            : store_user_export(store, wish->user_id, write_to, stdout);
    return e ? command_failed("nothing was exported") : COMMAND_OK;
}

/* ---- erase ---- */

static int remove_accounts(const struct config *config, struct store *store,
                           const struct wish *wish)
{
    AUTO(str_done) struct str names = {0};
    if (wish->keeps_accounts) return COMMAND_GO_ON;
    if (user_accounts_list(store, wish->user_id, &names))
        return command_failed("nothing was erased");
    if (names.len == 0) return COMMAND_GO_ON;
    if (!wish->disconnects) {
        fprintf(stderr,
                "briefd: nothing was erased: ScaleKit keeps tokens of this user (%s). Say "
                "--disconnect to have\nthese accounts removed there first, or --keep-accounts to "
                "leave them as they are.\n",
                str_text(&names));
        return COMMAND_FAILED;
    }
    if (user_accounts_remove(config, store, wish->user_id))
        return command_failed("nothing was erased");
    return COMMAND_GO_ON;
}

static void tell_erased(const struct wish *wish, const struct user_erased *erased)
{
    if (erased->was_known)
        fprintf(stderr, "%s is erased, with %lld briefing%s.", wish->user_id,
                (long long)erased->n_runs, erased->n_runs == 1 ? "" : "s");
    else
        fprintf(stderr, "Nothing is kept about %s.", wish->user_id);
    fprintf(stderr, " Backups made before still have what there was.\n");
}

static int erase(const struct config *config, struct store *store, const struct wish *wish)
{
    struct user_erased erased;
    if (store_user_is_quiet(store, wish->user_id)) return command_failed("nothing was erased");
    int code = remove_accounts(config, store, wish);
    if (code != COMMAND_GO_ON) return code;
    if (store_user_erase(store, wish->user_id, &erased))
        return command_failed("not all was erased");
    tell_erased(wish, &erased);
    return COMMAND_OK;
}

/* After the store is closed: it has the file open as well. */
static int compact(const struct config *config, const struct wish *wish)
{
    if (wish->leaves_file) {
        fprintf(stderr, "Remains may be left in unused parts of the file until it is written anew: "
                        "repeat this without --leave-file.\n");
        return COMMAND_OK;
    }
    if (store_compact(config->db_path))
        return command_failed("it is erased, but the file could not be written anew and may still "
                              "have remains: repeat this");
    return COMMAND_OK;
}

/* ---- the command ---- */

static int carry_out(const struct command_context *ctx, const struct command_line *line,
                     const struct wish *wish)
{
    struct config *config = NULL;
    struct store *store = NULL;
    int code =
        command_config(ctx, line, wish->disconnects ? CONFIG_EVERYTHING : CONFIG_DATABASE, &config);
    if (code != COMMAND_GO_ON) return code;
    struct store_options options = command_store_options(config);
    options.n_readers = 1;
    options.no_create = true;
    options.no_migrate = true;
    enum err e = store_open(&options, &store);
    if (e)
        code = command_store_failed(e);
    else
        code = wish->is_erasing ? erase(config, store, wish) : export(store, wish);
    store_close(store);
    if (wish->is_erasing && code == COMMAND_OK) code = compact(config, wish);
    config_free(config);
    return code;
}

static int read_wish(const struct command_context *ctx, const struct command_line *line,
                     struct wish *out)
{
    const char *verb = line->n_positional > 0 ? line->positional[0] : "";
    out->is_erasing = strcmp(verb, "erase") == 0;
    if (!out->is_erasing && strcmp(verb, "export") != 0)
        return command_misused(ctx, "say export or erase");
    if (line->n_positional < 2) return command_misused(ctx, "%s needs a USER", verb);
    out->user_id = line->positional[1];
    if (!user_id_valid(out->user_id))
        return command_misused(ctx, "a user's id has 1 to %d characters", USER_ID_CHARS_MAX);
    if (line->n_positional > 2 && out->is_erasing)
        return command_misused(ctx, "\"%s\" is one too many", line->positional[2]);
    out->file = line->n_positional > 2 ? line->positional[2] : NULL;
    if (!out->is_erasing && (out->disconnects || out->keeps_accounts || out->leaves_file))
        return command_misused(ctx, "export takes no such option");
    if (out->disconnects && out->keeps_accounts)
        return command_misused(ctx, "--disconnect and --keep-accounts exclude each other");
    return COMMAND_GO_ON;
}

int command_user(struct command_context *ctx)
{
    struct wish wish = {0};
    const struct command_option options[] = {
        {"--disconnect",    NULL, "Remove the user's accounts at ScaleKit first.", NULL,
         &wish.disconnects                                                                                   },
        {"--keep-accounts", NULL, "Leave them there as they are.",                 NULL, &wish.keeps_accounts},
        {"--leave-file",    NULL, "Do not write the file anew.",                   NULL, &wish.leaves_file   },
    };
    const struct command_usage usage = {
        .synopsis = "briefd user export USER [FILE]\n"
                    "briefd user erase USER [--disconnect | --keep-accounts] [--leave-file]",
        .text =
            "`export` writes all that is kept about a user as JSON, readable, to stdout or into a "
            "new\n"
            "FILE that only its owner can read.\n"
            "`erase` deletes it: briefings, what was read and written for them, parameters,\n"
            "connections, tickets, sessions, stored answers, webhook deliveries. It refuses while "
            "a\n"
            "briefing of the user has not ended. Tokens are at ScaleKit, not here: --disconnect "
            "removes\n"
            "them there. Then the file is written anew, so that nothing is left in unused parts of "
            "it;\n"
            "a running service waits with writing meanwhile. The audit keeps that a user was "
            "erased,\n"
            "with the SHA-256 of the id. Backups are not touched.\n"
            "Both work while the service runs.\n"
            "Exit code: 0 done, 1 failed or refused, 64 wrong use, 78 wrong settings.",
        .example = "briefd user erase u_7f --disconnect",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .positional_max = 3};
    struct command_line line = {0};
    int code = command_parse(ctx, &usage, &line);
    if (code == COMMAND_GO_ON) code = read_wish(ctx, &line, &wish);
    if (code != COMMAND_GO_ON) return code;
    return carry_out(ctx, &line, &wish);
}
