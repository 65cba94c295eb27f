/*
 * The log: one event per line on stderr, JSON for machines or text for people.
 *
 *     log_info("run_started", LOG_STR("recipe", name), LOG_INT("attempt", n));
 *
 *     {"time":"…","level":"info","event":"run_started","run":"br_…","user":"2bd806c97f0e",
 *      "request_id":"rq_…","trace_id":"4bf9…","recipe":"editorial-briefing","attempt":1}
 *
 * time, level and event stand in every line; run, user, request_id and trace_id in every line of a
 * thread that works on such a thing: they are its log context (base/trace.h has the trace). The
 * trace id is what the lines of a request, of the run it started and of all its calls have in
 * common. The user's id is written as a short keyless hash, so that lines can be joined but not
 * read. Secrets, prompts, tool results and message texts are never passed to a log function; what
 * looks like a credential all the same is redacted (base/redact.h). One line is one write(2). Any
 * thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };
enum log_format { LOG_JSON, LOG_HUMAN };

struct log_field {
    const char *key;
    const char *text; /* NULL: `number` counts */
    int64_t number;
};
static inline const char *log_text_or_dash(const char *text)
{
    return text ? text : "-";
}
#define LOG_STR(k, v) ((struct log_field){.key = (k), .text = log_text_or_dash(v)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .number = (int64_t)(v)})

/* At start, and again when settings are read anew. */
void log_setup(enum log_format format, enum log_level least);
/* Also used by tests: where lines go (default 2). */
void log_to(int fd);

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t n);
/* The last field is an empty one that is not counted: no list of macro arguments is ever empty. */
#define LOG_END_         ((struct log_field){0})
#define LOG_FIELDS_(...) ((const struct log_field[]){__VA_ARGS__})
#define LOG_EVENT_(level, event, ...)                                                              \
    log_event((level), (event), LOG_FIELDS_(__VA_ARGS__), ARRAY_LEN(LOG_FIELDS_(__VA_ARGS__)) - 1)
#define LOG_FAILURE_(event, code, ...)                                                             \
    LOG_EVENT_(LOG_ERROR, event, LOG_STR("error", err_name(code)),                                 \
               LOG_STR("detail", err_detail()), LOG_STR("at", err_origin()), __VA_ARGS__)
/* (event, fields…) */
#define log_debug(...) LOG_EVENT_(LOG_DEBUG, __VA_ARGS__, LOG_END_)
#define log_info(...)  LOG_EVENT_(LOG_INFO, __VA_ARGS__, LOG_END_)
#define log_warn(...)  LOG_EVENT_(LOG_WARN, __VA_ARGS__, LOG_END_)
#define log_error(...) LOG_EVENT_(LOG_ERROR, __VA_ARGS__, LOG_END_)
/* (event, code, fields…): an error with the story of err_detail() and its origin. */
#define log_failure(...) LOG_FAILURE_(__VA_ARGS__, LOG_END_)

/* Is a line of this level written? For what costs something to put together. */
bool log_is_on(enum log_level level);

/* What every line of this thread says from now on; NULL clears. Copied, cut at 63 bytes. */
void log_set_run(const char *run_id, const char *user_id);
void log_set_user(const char *user_id);
void log_set_request(const char *request_id);

/* How a user's id appears in lines. */
#define LOG_USER_HASH_MAX 13
void log_user_hash(const char *user_id, char out[LOG_USER_HASH_MAX]);

#endif
