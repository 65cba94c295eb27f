/*
 * The tools one user can run: GET /api/v1/tools/scoped. (wire notes 2.9, 2.10 and 6)
 *
 * Asked by connection name, which is the documented way, and by tool name, because a user has far
 * more tools than a recipe names. Names alone are not relied on: the service derives providers from
 * them, and a server that applies the filter differently would cost tools silently. So a refusal,
 * or an answer in which a tool is missing, is followed by the question without names. Here, too,
 * tools are picked by name.
 *
 * Of a definition only name, description and input schema go on. They are made the same bytes every
 * time (sorted tools, canonical schemas), because the model's cached prefix begins with them.
 */
#include "api/scalekit_internal.h"

#include "base/crypt.h"
#include "base/log.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOOL_NAME_MAX         512
#define DESCRIPTION_BYTES_MAX (4 * KIB)
#define MODEL_NAME_MAX        64
#define MODEL_NAME_HASH       8 /* hex digits after "_" */

static void tool_done(struct scalekit_tool *tool)
{
    xfree(tool->name);
    xfree(tool->model_name);
    xfree(tool->description);
    xfree(tool->input_schema);
    xfree(tool->connected_account_id);
    *tool = (struct scalekit_tool){0};
}

void scalekit_tools_done(struct scalekit_tools *tools)
{
    for (size_t i = 0; i < tools->n; i++)
        tool_done(&tools->items[i]);
    xfree(tools->items);
    *tools = (struct scalekit_tools){0};
}

/* ---- names for the model ---- */

static bool is_model_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool is_model_name(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (!is_model_char(name[i])) return false;
    return len > 0 && len <= MODEL_NAME_MAX;
}

/* "a.b" becomes "a_b_" and eight digits of a hash of the whole name: short, legal, and different
 * for different names. */
static char *model_name_make(const char *name, unsigned salt)
{
    AUTO(str_done) struct str hashed = {0};
    str_append_text(&hashed, name);
    if (salt) str_append_format(&hashed, "#%u", salt);
    char hex[SHA256_HEX_LEN + 1];
    sha256_hex(hashed.data, hashed.len, hex);

    AUTO(str_done) struct str made = {0};
    for (const char *at = name; *at && made.len < MODEL_NAME_MAX - MODEL_NAME_HASH - 1; at++) {
        bool is_continuation = ((unsigned char)*at & 0xc0) == 0x80;
        if (!is_continuation) str_append_char(&made, is_model_char(*at) ? *at : '_');
    }
    str_append_format(&made, "_%.*s", MODEL_NAME_HASH, hex);
    return str_take(&made);
}

static bool is_taken(const struct scalekit_tools *tools, const char *model_name)
{
    for (size_t i = 0; i < tools->n; i++)
        if (text_equal(tools->items[i].model_name, model_name)) return true;
    return false;
}

void scalekit_tools_name(struct scalekit_tools *tools)
{
    for (size_t i = 0; i < tools->n; i++)
        if (is_model_name(tools->items[i].name))
            tools->items[i].model_name = xstrdup(tools->items[i].name);

    for (size_t i = 0; i < tools->n; i++) {
        struct scalekit_tool *tool = &tools->items[i];
        for (unsigned salt = 0; !tool->model_name; salt++) {
            AUTO(xfree_ptr) char *made = model_name_make(tool->name, salt);
            if (!is_taken(tools, made)) tool->model_name = take_ptr(&made);
        }
    }
}

/* ---- one tool ---- */

static char *description_read(struct json_span definition)
{
    AUTO(str_done) struct str said = {0};
    (void)json_string(json_get(definition, "description"), &said);
    AUTO(str_done) struct str clean = {0};
    /* Repair also replaces NUL, which a C string could not hold. */
    utf8_repair(&clean, str_text(&said), said.len);
    str_truncate(&clean, utf8_cut(str_text(&clean), clean.len, DESCRIPTION_BYTES_MAX));
    char *text = str_take(&clean);
    return text ? text : xstrdup("");
}

bool scalekit_tool_read(struct json_span definition, struct scalekit_tool *out_tool)
{
    char *name = json_strdup(json_get(definition, "name"), TOOL_NAME_MAX);
    if (!name || !*name) {
        xfree(name);
        return false;
    }
    AUTO(str_done) struct str schema = {0};
    scalekit_schema_clean(scalekit_member(definition, "input_schema"), &schema);
    *out_tool = (struct scalekit_tool){
        .name = name,
        .description = description_read(definition),
        .input_schema = str_take(&schema),
    };
    return true;
}

/* ---- the list ---- */

struct wish {
    const char *identifier;
    const char *const *names;
    size_t n;
    struct scalekit_tools *found;
    size_t n_alloc;
    int64_t n_strange;
};

static bool wish_has(const struct wish *wish, struct json_span name)
{
    for (size_t i = 0; i < wish->n; i++)
        if (json_string_is(name, wish->names[i])) return true;
    return false;
}

static bool wish_is_fulfilled(const struct wish *wish)
{
    for (size_t i = 0; i < wish->n; i++) {
        bool is_found = false;
        for (size_t k = 0; !is_found && k < wish->found->n; k++)
            is_found = strcmp(wish->found->items[k].name, wish->names[i]) == 0;
        if (!is_found) return false;
    }
    return true;
}

/* The same tool comes again when two accounts offer it or pages overlap: the smallest account id
 * stays. */
static bool is_known(struct wish *wish, struct json_span name, const char *account_id)
{
    for (size_t i = 0; i < wish->found->n; i++) {
        struct scalekit_tool *known = &wish->found->items[i];
        if (!json_string_is(name, known->name)) continue;
        bool is_smaller = *account_id && strcmp(account_id, known->connected_account_id) < 0;
        if (is_smaller || !*known->connected_account_id) {
            xfree(known->connected_account_id);
            known->connected_account_id = xstrdup(account_id);
        }
        return true;
    }
    return false;
}

static enum err tool_take(void *ctx, struct json_span item)
{
    struct wish *wish = ctx;
    static const char *const names[] = {"identifier", "connected_account_id", "tool"};
    struct json_span members[ARRAY_LEN(names)];
    scalekit_members(item, names, ARRAY_LEN(names), members);
    struct json_span owner = members[0];
    bool is_strange = json_type(owner) == JSON_STRING && !json_string_is(owner, wish->identifier);
    wish->n_strange += is_strange;
    struct json_span definition = json_get(members[2], "definition");
    struct json_span name = json_get(definition, "name");
    if (is_strange || !wish_has(wish, name)) return E_OK;

    char account_id[128];
    scalekit_copy(members[1], account_id, sizeof account_id);
    if (is_known(wish, name, account_id)) return E_OK;

    struct scalekit_tool tool;
    if (!scalekit_tool_read(definition, &tool)) return E_OK;
    tool.connected_account_id = xstrdup(account_id);
    struct scalekit_tools *found = wish->found;
    if (found->n == wish->n_alloc) {
        wish->n_alloc = wish->n_alloc ? 2 * wish->n_alloc : 16;
        found->items = xrealloc(found->items, wish->n_alloc * sizeof *found->items);
    }
    found->items[found->n++] = tool;
    return E_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct scalekit_tool *left = a;
    const struct scalekit_tool *right = b;
    return strcmp(left->name, right->name);
}

/* `with_names`: only the tools wished for. */
static enum err list_read(struct scalekit *s, const struct scalekit_call *call, struct wish *wish,
                          const char *const *connections, size_t n_connections, bool with_names,
                          struct scalekit_error *out_error)
{
    AUTO(str_done) struct str path = {0};
    str_append_text(&path, "/api/v1/tools/scoped?page_size=100");
    scalekit_query(&path, "identifier", wish->identifier);
    for (size_t i = 0; i < n_connections; i++)
        scalekit_query(&path, "filter.connection_names", connections[i]);
    for (size_t i = 0; with_names && i < wish->n; i++)
        scalekit_query(&path, "filter.tool_names", wish->names[i]);

    struct scalekit_pages pages = {
        .what = "tools/scoped",
        .path = str_text(&path),
        .list = "tools",
        .take = tool_take,
        .ctx = wish,
    };
    return scalekit_pages_read(s, call, &pages, out_error);
}

/* ScaleKit's own "no" to the question. A page of a proxy has neither code. */
static bool is_refusal(const struct scalekit_error *error)
{
    bool is_theirs = *error->error_code || error->rpc_code;
    return scalekit_error_is_answer(error) &&
           (error->status == 400 || (error->status == 404 && is_theirs));
}

static enum err read_all(struct scalekit *s, const struct scalekit_call *call, struct wish *wish,
                         const char *const *connections, size_t n, struct scalekit_error *out_error)
{
    enum err e = list_read(s, call, wish, connections, n, true, out_error);
    if (e ? !is_refusal(out_error) : wish_is_fulfilled(wish)) return e;

    e = list_read(s, call, wish, connections, n, false, out_error);
    /* Together they are refused when two of them belong to one provider. */
    bool is_refused = e && scalekit_error_is_answer(out_error) && out_error->status == 400 && n > 1;
    for (size_t i = 0; is_refused && i < n; i++) {
        e = list_read(s, call, wish, &connections[i], 1, false, out_error);
        if (e) break;
    }
    /* No account on a connection; said in other words by other versions of the service. */
    bool is_unconnected = e && is_refusal(out_error) && out_error->status == 404;
    if (is_unconnected) out_error->class = SCALEKIT_USER_CONNECT;
    return e;
}

enum err scalekit_tools_scoped(struct scalekit *s, const struct scalekit_call *call,
                               const char *identifier, const char *const *connection_names,
                               size_t n_connections, const char *const *tool_names, size_t n_tools,
                               struct scalekit_tools *out_tools, struct scalekit_error *out_error)
{
    *out_error = (struct scalekit_error){0};
    struct scalekit_tools found = {0};
    struct wish wish = {
        .identifier = identifier, .names = tool_names, .n = n_tools, .found = &found};

    /* Without a filter the service refuses, and nothing is wanted without names. */
    enum err e = E_OK;
    if (n_connections && n_tools)
        e = read_all(s, call, &wish, connection_names, n_connections, out_error);
    if (wish.n_strange) log_debug("scalekit_tools_strange", LOG_INT("ignored", wish.n_strange));
    if (e) {
        scalekit_tools_done(&found);
        return e;
    }
    if (found.n) qsort(found.items, found.n, sizeof *found.items, by_name);
    scalekit_tools_name(&found);
    *out_error = (struct scalekit_error){0};
    *out_tools = found;
    return E_OK;
}
