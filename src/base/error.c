#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DETAIL_MAX 1024
#define ORIGIN_MAX 64

static _Thread_local char detail[DETAIL_MAX];
static _Thread_local char origin[ORIGIN_MAX];

enum err fail_at(const char *file, int line, enum err code, const char *format, ...)
{
    /* The arguments may point into the old story. */
    char story[DETAIL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(story, sizeof story, format, args);
    va_end(args);
    memcpy(detail, story, sizeof detail);
    snprintf(origin, sizeof origin, "%s:%d", file, line);
    return code;
}

enum err fail_context(enum err code, const char *format, ...)
{
    char story[DETAIL_MAX];
    va_list args;
    va_start(args, format);
    int written = vsnprintf(story, sizeof story, format, args);
    va_end(args);
    size_t len = written < 0 ? 0 : (size_t)written;
    if (len < sizeof story) {
        size_t room = sizeof story - len;
        /* What does not fit is the end of the old story: the new context is the more useful part.
         */
        if ((size_t)snprintf(story + len, room, ": %s", detail) >= room)
            story[sizeof story - 1] = '\0';
    }
    memcpy(detail, story, sizeof detail);
    return code;
}

const char *err_detail(void)
{
    return detail;
}

const char *err_origin(void)
{
    return origin;
}

static const char *const names[] = {
#define X(code, meaning) [code] = #code,
    ERROR_TABLE(X)
#undef X
};
_Static_assert(ARRAY_LEN(names) == ERR_COUNT, "every code has a name");

const char *err_name(enum err code)
{
    return (unsigned)code < ERR_COUNT ? names[code] : "E_UNKNOWN";
}
