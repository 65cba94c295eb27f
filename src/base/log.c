#include "base/log.h"

#include "base/fault.h"

#include "base/clock.h"
#include "base/crypt.h"
#include "base/json.h"
#include "base/redact.h"
#include "base/trace.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES (8 * KIB)
#define VALUE_MAX      (2 * KIB)
#define CONTEXT_MAX    64

/* Set once before threads start; tests redirect later. */
static _Atomic int log_format = LOG_JSON;
static _Atomic int log_least = LOG_INFO;
static _Atomic int log_fd = STDERR_FILENO;

static _Thread_local struct {
    char run[CONTEXT_MAX];
    char user[LOG_USER_HASH_MAX];
    char request[CONTEXT_MAX];
} context;

static const char *const level_names[] = {"debug", "info", "warn", "error"};
_Static_assert(ARRAY_LEN(level_names) == LOG_LEVEL_COUNT, "every level has a name");

void log_setup(enum log_format format, enum log_level least)
{
    atomic_store(&log_format, format);
    atomic_store(&log_least, least);
}

bool log_is_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&log_least, memory_order_relaxed);
}

void log_to(int fd)
{
    atomic_store(&log_fd, fd);
}

static void set_context(char field[CONTEXT_MAX], const char *text)
{
    if (!text) text = "";
    size_t kept = utf8_cut(text, strlen(text), CONTEXT_MAX - 1);
    memcpy(field, text, kept);
    field[kept] = '\0';
}

void log_set_run(const char *run_id, const char *user_id)
{
    set_context(context.run, run_id);
    log_set_user(user_id);
}

void log_set_user(const char *user_id)
{
    context.user[0] = '\0';
    if (user_id) log_user_hash(user_id, context.user);
}

void log_user_hash(const char *user_id, char out[LOG_USER_HASH_MAX])
{
    char hex[SHA256_HEX_LEN + 1];
    sha256_hex(user_id, strlen(user_id), hex);
    memcpy(out, hex, LOG_USER_HASH_MAX - 1);
    out[LOG_USER_HASH_MAX - 1] = '\0';
}

void log_set_request(const char *request_id)
{
    set_context(context.request, request_id);
}

/* ---- one line ---- */

/* A line under construction in either format. */
struct line {
    struct str text;
    struct json_writer json;
    enum log_format format;
    bool is_cut; /* a field was left out */
};

/* Words stand as they are; everything else is quoted and escaped as in JSON, so that no value can
 * end a line, begin another field or talk to a terminal. */
static void append_human_value(struct str *out, const char *text, size_t len)
{
    bool is_word = len > 0;
    for (size_t i = 0; i < len && is_word; i++)
        is_word =
            text[i] > ' ' && text[i] < 0x7F && text[i] != '"' && text[i] != '=' && text[i] != '\\';
    if (is_word) {
        str_append(out, text, len);
        return;
    }
    size_t from = out->len;
    struct json_writer w = json_writer(out);
    json_write_string_n(&w, text, len);
    /* JSON lets the control characters U+0080 to U+009F pass; terminals obey some of them. */
    for (size_t i = from; i + 1 < out->len; i++)
        if ((unsigned char)out->data[i] == 0xC2 && (unsigned char)out->data[i + 1] < 0xA0)
            out->data[i] = out->data[i + 1] = '?';
}

static void add_text(struct line *line, const char *key, const char *text)
{
    AUTO(str_done) struct str value = {0};
    redact(&value, text, utf8_cut(text, strlen(text), VALUE_MAX));
    if (line->format == LOG_JSON) {
        json_key(&line->json, key);
        json_write_string_n(&line->json, str_text(&value), value.len);
        return;
    }
    str_append_format(&line->text, " %s=", key);
    append_human_value(&line->text, str_text(&value), value.len);
}

static void add_number(struct line *line, const char *key, int64_t number)
{
    if (line->format == LOG_JSON)
        json_put_int(&line->json, key, number);
    else
        str_append_format(&line->text, " %s=%lld", key, (long long)number);
}

/* Left out when the event says it itself: no key stands twice in an object. */
static void add_context(struct line *line, const char *key, const char *text,
                        const struct log_field *fields, size_t n)
{
    bool is_said = text[0] == '\0';
    for (size_t i = 0; i < n && !is_said; i++)
        is_said = strcmp(fields[i].key, key) == 0;
    if (!is_said) add_text(line, key, text);
}

static void add_field(struct line *line, const struct log_field *field)
{
    size_t len = line->text.len;
    if (field->text)
        add_text(line, field->key, field->text);
    else
        add_number(line, field->key, field->number);
    /* Room is kept for the mark and the end. */
    if (line->text.len > LINE_MAX_BYTES - 32) {
        str_truncate(&line->text, len);
        line->json.need_comma = true;
        line->is_cut = true;
    }
}

static void begin_line(struct line *line, enum log_level level, const char *event,
                       const struct log_field *fields, size_t n)
{
    char time[TIME_TEXT_MAX];
    time_format(clock_unix_ms(), time);
    line->json = json_writer(&line->text);
    if (line->format == LOG_JSON) {
        json_begin_object(&line->json);
        json_put_string(&line->json, "time", time);
        json_put_string(&line->json, "level", level_names[level]);
        add_text(line, "event", event);
    } else {
        str_append_format(&line->text, "%.12s %-5s ", time + strlen("2026-11-23T"),
                          level_names[level]);
        append_human_value(&line->text, event, utf8_cut(event, strlen(event), VALUE_MAX));
    }
    add_context(line, "run", context.run, fields, n);
    add_context(line, "user", context.user, fields, n);
    add_context(line, "request_id", context.request, fields, n);
    add_context(line, "trace_id", trace_id(), fields, n);
}

static void end_line(struct line *line)
{
    if (line->is_cut && line->format == LOG_JSON)
        json_put_bool(&line->json, "cut", true);
    else if (line->is_cut)
        str_append_text(&line->text, " cut=true");
    if (line->format == LOG_JSON) json_end_object(&line->json);
    str_append_char(&line->text, '\n');
}

static void write_line(const struct line *line)
{
    size_t done = 0;
    while (done < line->text.len) {
        ssize_t n = fault_fails("write") ? -1
                                         : write(atomic_load(&log_fd), line->text.data + done,
                                                 line->text.len - done);

        if (n < 0 && errno == EINTR) continue;
        /* There is nobody to tell. */
        if (n <= 0) return;
        done += (size_t)n;
    }
}

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    if (!log_is_on(level)) return;
    /* A log line between a failing call and the look at errno must not change it. */
    int saved_errno = errno;
    struct line line = {.format = (enum log_format)atomic_load(&log_format)};
    begin_line(&line, level, event, fields, n);
    for (size_t i = 0; i < n; i++)
        add_field(&line, &fields[i]);
    end_line(&line);
    write_line(&line);
    str_done(&line.text);
    errno = saved_errno;
}
