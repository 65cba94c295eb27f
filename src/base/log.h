/*
 * The log: one event per line on stderr, JSON for machines or text for people.
 *
 *     log_info("run_started", LOG_STR("recipe", name), LOG_INT("attempt", n));
 *
 * The run, user and request of the current thread come from its log context and appear in every line.
 * The user's id is written as a short keyed-less hash, so that lines can be joined but not read.
 * Secrets, prompts, tool results and message texts are never passed to a log function. One line is one
 * write(2). Any thread.
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
#define LOG_STR(k, v) ((struct log_field){.key = (k), .text = (v) ? (v) : "-"})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .number = (int64_t)(v)})

/* Once at start, before threads. */
void log_setup(enum log_format format, enum log_level least);
/* Also used by tests: where lines go (default 2). */
void log_to(int fd);

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t n);
#define LOG_FIELDS_(...) ((const struct log_field[]){__VA_ARGS__})
#define LOG_EVENT_(level, event, ...)                                                              \
    log_event((level), (event), LOG_FIELDS_({0}, ##__VA_ARGS__) + 1,                               \
              ARRAY_LEN(LOG_FIELDS_({0}, ##__VA_ARGS__)) - 1)
#define log_debug(event, ...) LOG_EVENT_(LOG_DEBUG, event, ##__VA_ARGS__)
#define log_info(event, ...) LOG_EVENT_(LOG_INFO, event, ##__VA_ARGS__)
#define log_warn(event, ...) LOG_EVENT_(LOG_WARN, event, ##__VA_ARGS__)
#define log_error(event, ...) LOG_EVENT_(LOG_ERROR, event, ##__VA_ARGS__)
/* Logs an error with the story of err_detail() and its origin. */
#define log_failure(event, code, ...)                                                              \
    log_error(event, LOG_STR("error", err_name(code)), LOG_STR("detail", err_detail()),            \
              LOG_STR("at", err_origin()), ##__VA_ARGS__)

/* What every line of this thread says from now on; NULL clears. Copied, cut at 63 bytes. */
void log_set_run(const char *run_id, const char *user_id);
void log_set_request(const char *request_id);
/* Trace id (32 hex digits) of the W3C traceparent that came with the run or request. */
void log_set_trace(const char *trace_id);

#endif
