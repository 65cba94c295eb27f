#include "agent/history.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define PAGE_SIZE        200
#define PAGE_SIZE_LEAST  15 /* some apps get no more at once, whatever they ask for */
#define PAGES_MAX        200
#define CURSOR_BYTES_MAX 500

void history_read_done(struct history_read *read)
{
    str_done(&read->ts);
    xfree(read->cursor);
    *read = (struct history_read){0};
}

static bool is_by(struct json_span message, char *const *authors, size_t n_authors)
{
    for (size_t i = 0; i < n_authors; i++) {
        if (json_string_is(json_get(message, "user"), authors[i])) return true;
        if (json_string_is(json_get(message, "bot_id"), authors[i])) return true;
    }
    return false;
}

/* Can its author be told from us? Slack names a bot (B…), a person or both, and of ourselves perhaps
 * only one of them is known. */
static bool is_comparable(struct json_span message, char *const *authors, size_t n_authors)
{
    bool has_person = json_type(json_get(message, "user")) == JSON_STRING;
    bool has_bot = json_type(json_get(message, "bot_id")) == JSON_STRING;
    for (size_t i = 0; i < n_authors; i++)
        if (authors[i][0] == 'B' ? has_bot : has_person) return true;
    return false;
}

bool history_find(struct json_span messages, const char *marker, char *const *authors,
                  size_t n_authors, struct str *out_ts)
{
    bool is_doubtful = false;
    for (struct json_iter it = json_iter(messages); json_next(&it);) {
        /* The whole message is searched: its text may have been moved into blocks. */
        if (!memmem(it.value.text, it.value.len, marker, strlen(marker))) continue;
        if (!is_by(it.value, authors, n_authors)) {
            bool is_message = json_type(it.value) == JSON_OBJECT;
            is_doubtful |= is_message && !is_comparable(it.value, authors, n_authors);
            continue;
        }
        str_clear(out_ts);
        if (!json_string(json_get(it.value, "ts"), out_ts)) str_clear(out_ts);
        return true;
    }
    if (is_doubtful) str_clear(out_ts);
    return is_doubtful;
}

static void put_params(const struct briefing *b, int64_t oldest_unix_ms, const char *cursor,
                       struct str *out)
{
    char oldest[40];
    snprintf(oldest, sizeof(oldest), "%lld.%06lld", (long long)(oldest_unix_ms / 1000),
             (long long)(oldest_unix_ms % 1000 * 1000));
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "channel", b->frozen.channel);
    json_put_string(&w, "oldest", oldest);
    json_put_int(&w, "limit", PAGE_SIZE);
    if (cursor) json_put_string(&w, "cursor", cursor);
    json_end_object(&w);
}

/* A page that could not be read: who must do something, or when to try again? */
static enum err page_failed(struct briefing *b, const struct scalekit_error *error,
                            struct history_read *out)
{
    enum err e = briefing_scalekit_failed(b, error, b->frozen.delivery_connector,
                                          "reading the channel back");
    if (e) return e;
    bool is_final = error->class == SCALEKIT_BAD_CALL || error->class == SCALEKIT_SCOPE_MISSING;
    out->end = is_final ? HISTORY_INCOMPLETE : HISTORY_LATER;
    if (error->retry_after_ms > 0) out->wait_ms = error->retry_after_ms;
    scalekit_error_tell(error, out->why, sizeof(out->why));
    return E_OK;
}

static enum err page_refused(struct briefing *b, const char *provider_error,
                             struct history_read *out)
{
    snprintf(out->why, sizeof(out->why), "%s", scalekit_provider_word(provider_error));
    enum scalekit_class class = scalekit_provider_class(provider_error);
    if (class == SCALEKIT_USER_RECONNECT || class == SCALEKIT_USER_CONNECT)
        return briefing_blocked(b, b->frozen.delivery_connector, "EXPIRED");
    /* A word that nobody knows may be a trouble that passes; reading does no harm. */
    bool is_final = class == SCALEKIT_BAD_CALL || class == SCALEKIT_SCOPE_MISSING;
    out->end = is_final ? HISTORY_INCOMPLETE : HISTORY_LATER;
    return E_OK;
}

/* Where the channel goes on, as Slack writes it or as a tool in between may. JSON_NONE: not said. */
static struct json_span next_cursor(struct json_span data)
{
    static const char *const places[][2] = {
        {"response_metadata", "next_cursor"},
        {"responseMetadata",  "nextCursor" },
        {"next_cursor",       NULL         },
        {"nextCursor",        NULL         },
    };
    struct json_span said = {0};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct json_span cursor = json_at(data, places[i][0], places[i][1], NULL);
        if (json_type(cursor) == JSON_STRING && !json_string_is(cursor, "")) return cursor;
        if (json_type(said) == JSON_NONE) said = cursor;
    }
    return said;
}

enum page_end { PAGE_IS_LAST, PAGE_HAS_NEXT, PAGE_END_UNSAID };

/* A page that says nothing of others is the last one only when it cannot be a full one: what lies
 * behind it would be taken for absent, and sent again. A bare list could not even say it. */
static enum page_end page_end(struct json_span data, struct json_span messages,
                              struct json_span cursor, bool is_bare)
{
    struct json_span has_more = json_get(data, "has_more");
    if (json_type(has_more) == JSON_NONE) has_more = json_get(data, "hasMore");
    bool has_cursor = json_type(cursor) == JSON_STRING && !json_string_is(cursor, "");
    if (json_is_true(has_more) || has_cursor) return PAGE_HAS_NEXT;
    if (json_type(has_more) == JSON_FALSE || json_type(cursor) != JSON_NONE) return PAGE_IS_LAST;
    size_t n = 0;
    for (struct json_iter it = json_iter(messages); json_next(&it);)
        n++;
    return n == 0 || (n < PAGE_SIZE_LEAST && !is_bare) ? PAGE_IS_LAST : PAGE_END_UNSAID;
}

/* Takes a page in. False: this was the last one (found, complete or unusable). */
static bool take_page(struct briefing *b, const struct scalekit_result *result,
                      struct history_read *out)
{
    struct json_span data = json_root(str_text(&result->data), result->data.len);
    struct json_span messages = json_get(data, "messages");
    bool is_bare = json_type(messages) == JSON_NONE;
    if (is_bare) messages = data; /* unwrapped already */
    if (json_type(messages) != JSON_ARRAY) {
        out->end = HISTORY_INCOMPLETE;
        snprintf(out->why, sizeof(out->why), "the channel's history has no messages in it");
        return false;
    }
    if (history_find(messages, b->row->id, b->frozen.authors, b->frozen.n_authors, &out->ts)) {
        /* It is there, and what the channel says of it makes no sense: for a person to see. */
        out->end = out->ts.len > 0 ? HISTORY_FOUND : HISTORY_INCOMPLETE;
        snprintf(out->why, sizeof(out->why),
                 "a message with this briefing's marker does not say by whom or when");
        return false;
    }
    struct json_span cursor = next_cursor(data);
    enum page_end how = page_end(data, messages, cursor, is_bare);
    if (how == PAGE_IS_LAST) {
        out->end = HISTORY_ABSENT;
        return false;
    }
    if (how == PAGE_END_UNSAID) {
        out->end = HISTORY_INCOMPLETE;
        snprintf(out->why, sizeof(out->why), "the channel's history does not say where it ends");
        return false;
    }
    AUTO(xfree_ptr) char *next = json_strdup(cursor, CURSOR_BYTES_MAX);
    bool goes_on = next && next[0] && !text_equal(next, out->cursor);
    if (!goes_on) {
        out->end = HISTORY_INCOMPLETE;
        snprintf(out->why, sizeof(out->why), "the channel's history has no usable next page");
        return false;
    }
    xfree(out->cursor);
    out->cursor = take_ptr(&next);
    return true;
}

enum err history_look(struct briefing *b, int64_t oldest_unix_ms, struct history_read *read)
{
    const struct frozen_account *account =
        frozen_account_find(&b->frozen, b->frozen.delivery_connector);
    read->why[0] = '\0';
    read->wait_ms = b->agent->reconcile_pause_ms;
    if (!read->cursor) {
        read->began_ms = clock_mono_ms();
        read->n_pages = 0;
    }
    for (; read->n_pages < PAGES_MAX; read->n_pages++) {
        AUTO(str_done) struct str params = {0};
        put_params(b, oldest_unix_ms, read->cursor, &params);
        struct scalekit_execute what = {.tool_name = b->frozen.history_tool,
                                        .connection_name = account->connection_name,
                                        .identifier = b->row->user_id,
                                        .params = params.data,
                                        .params_len = params.len,
                                        .agent_run_id = b->row->id};
        struct scalekit_call call = {.cancel = &b->control->reads};
        AUTO(scalekit_result_done) struct scalekit_result result = {0};
        struct scalekit_error error = {0};
        enum err e = scalekit_execute(b->agent->scalekit, &call, &what, &result, &error);
        if (e) return page_failed(b, &error, read);
        if (result.is_provider_failure) return page_refused(b, result.provider_error, read);
        if (!take_page(b, &result, read)) return E_OK;
    }
    read->end = HISTORY_INCOMPLETE;
    snprintf(read->why, sizeof(read->why), "the channel's history has more than %d pages",
             PAGES_MAX);
    return E_OK;
}
