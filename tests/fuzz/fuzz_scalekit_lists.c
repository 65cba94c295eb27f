/*
 * Answers of ScaleKit's other endpoints, through the client: our token, accounts, tools, links,
 * verification; and error bodies of Anthropic. The network is not there: this file takes the place of
 * the calls.
 *
 * The first byte picks the endpoint, the second the status; then come the bodies of one answer after
 * the other, a line "--" between them.
 */
#include "api/anthropic_internal.h"
#include "api/scalekit_connect.h"
#include "api/scalekit_internal.h"
#include "http/transfer.h"

#include "base/utf8.h"

#include <assert.h>
#include <string.h>

#define TOKEN "{\"access_token\":\"tok-1\",\"expires_in\":3600}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is still to be answered. */
static struct {
    const char *at, *end;
    int status;
    bool has_token; /* the token endpoint is not what is looked at */
} script;

static const char *const connections[] = {"slack-1", "sanity-1"};
static const char *const names[] = {"slack_send_message", "sanitymcp_query_documents"};

static bool is_line(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f) return false;
    return true;
}

static void next_body(struct str *out)
{
    const char *mark = memmem(script.at, (size_t)(script.end - script.at), "\n--\n", 4);
    const char *stop = mark ? mark : script.end;
    str_append(out, script.at, (size_t)(stop - script.at));
    script.at = mark ? mark + 4 : script.end;
}

void http_call(struct http_client *client, const struct http_request *request,
               struct http_reply *out_reply)
{
    (void)client;
    bool is_token = text_ends(request->url, "/oauth/token");
    assert(is_line(request->url));
    for (size_t i = 0; i < request->n_headers; i++)
        assert(is_line(request->headers[i].value));
    *out_reply = (struct http_reply){.end = HTTP_ANSWERED, .status = script.status};
    if (is_token && script.has_token) {
        out_reply->status = 200;
        str_append_text(&out_reply->body, TOKEN);
    } else {
        next_body(&out_reply->body);
    }
}

void http_call_all(struct http_client *client, const struct http_request *requests, size_t n,
                   struct http_reply *out_replies)
{
    for (size_t i = 0; i < n; i++)
        http_call(client, &requests[i], &out_replies[i]);
}

bool client_sleep(struct http_client *c, int64_t until_mono_ms, const struct http_cancel *cancel)
{
    (void)c;
    (void)until_mono_ms;
    (void)cancel;
    return true;
}

/* ---- one call each ---- */

static void check(enum err e, const struct scalekit_error *error)
{
    if (!e) return;
    assert(e == E_UPSTREAM && error->class != SCALEKIT_FINE);
    assert(utf8_valid(error->message, strlen(error->message)));
}

static void ask_accounts(struct scalekit *s, const struct scalekit_call *call)
{
    struct scalekit_accounts accounts = {0};
    struct scalekit_error error = {0};
    enum err e = scalekit_accounts_list(s, call, "u_7f", connections, ARRAY_LEN(connections),
                                        &accounts, &error);
    check(e, &error);
    if (e) return;
    assert(accounts.n <= ARRAY_LEN(connections));
    for (size_t i = 0; i < accounts.n; i++) {
        const struct scalekit_account *account = &accounts.items[i];
        assert(text_equal(account->connector, connections[0]) ||
               text_equal(account->connector, connections[1]));
        assert(account->id && account->status && utf8_valid(account->id, strlen(account->id)));
    }
    scalekit_accounts_done(&accounts);
}

static void ask_tools(struct scalekit *s, const struct scalekit_call *call)
{
    struct scalekit_tools tools = {0};
    struct scalekit_error error = {0};
    enum err e = scalekit_tools_scoped(s, call, "u_7f", connections, ARRAY_LEN(connections), names,
                                       ARRAY_LEN(names), &tools, &error);
    check(e, &error);
    if (e) return;
    for (size_t i = 0; i < tools.n; i++) {
        const struct scalekit_tool *tool = &tools.items[i];
        assert(i == 0 || strcmp(tools.items[i - 1].name, tool->name) < 0);
        assert(strlen(tool->model_name) >= 1 && strlen(tool->model_name) <= 64);
        assert(utf8_valid(tool->description, strlen(tool->description)));
        assert(json_check(tool->input_schema, strlen(tool->input_schema),
                          (struct json_limits){0}) == E_OK);
    }
    scalekit_tools_done(&tools);
}

static void ask_link(struct scalekit *s, const struct scalekit_call *call)
{
    struct scalekit_link link = {0};
    struct scalekit_error error = {0};
    enum err e = scalekit_magic_link(s, call, "slack-1", "u_7f", "http://127.0.0.1:8080/back",
                                     "of_1.x", &link, &error);
    check(e, &error);
    if (e) return;
    assert(text_starts(link.url, "http") && link.expires_ms >= 0);
    scalekit_link_done(&link);
}

static void ask_verification(struct scalekit *s, const struct scalekit_call *call)
{
    enum scalekit_verdict verdict = SCALEKIT_VERDICT_COUNT;
    struct scalekit_error error = {0};
    AUTO(xfree_ptr) char *redirect_url = NULL;
    enum err e = scalekit_verify(s, call, "arq_1", "u_7f", &verdict, &redirect_url, &error);
    check(e, &error);
    if (!e) assert(verdict < SCALEKIT_VERDICT_COUNT);
    /* Words of the other side never make an error a success. */
    if (!e && script.status >= 400) assert(verdict != SCALEKIT_VERIFIED);
    enum err deleted = scalekit_account_delete(s, call, "slack-1", "u_7f", &error);
    check(deleted, &error);
}

static void read_model_error(const char *body, size_t len)
{
    struct anthropic_error error = {0};
    char words[160];
    if (json_check(body, len, (struct json_limits){.bytes_max = MIB}) == E_OK)
        anthropic_error_read(json_root(body, len), &error);
    assert(utf8_valid(error.message, strlen(error.message)));
    assert(utf8_valid(error.type, strlen(error.type)));
    if (http_page_words(body, len, words, sizeof words)) assert(strlen(words) < sizeof words);
    anthropic_clean(body, len < 160 ? len : 160, error.message, sizeof error.message);
    assert(utf8_valid(error.message, strlen(error.message)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const short statuses[] = {200, 200, 201, 400, 401, 404, 409, 429, 500, 503};
    static void (*const asks[])(struct scalekit *, const struct scalekit_call *) = {
        ask_accounts, ask_tools, ask_link, ask_verification, ask_accounts};
    if (size < 2) return 0;
    size_t which = data[0] % (ARRAY_LEN(asks) + 1);
    script.at = (const char *)data + 2;
    script.end = (const char *)data + size;
    script.status = statuses[data[1] % ARRAY_LEN(statuses)];
    script.has_token = which != 4;
    if (which == ARRAY_LEN(asks)) {
        read_model_error(script.at, (size_t)(script.end - script.at));
        return 0;
    }
    struct scalekit_call call = {0};
    struct scalekit *s =
        scalekit_new(NULL, &(struct scalekit_options){.env_url = "http://127.0.0.1:9",
                                                      .client_id = "skc_1",
                                                      .client_secret = "s&cret",
                                                      .tool_reply_bytes_max = 64 * KIB,
                                                      .retry_base_ms = 1});
    asks[which](s, &call);
    scalekit_free(s);
    return 0;
}
