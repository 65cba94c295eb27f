/*
 * Errors: one code for the program, one story for the person.
 *
 * A function that can fail returns `enum err`. It raises with
 *     return fail(E_UPSTREAM, "ScaleKit answered %d to %s", status, what);
 * which keeps the text, file and line in a thread-local detail, and callers pass it on with
 *     if (e) return e;
 * Two kinds of codes. *Expected* ones (E_NOT_FOUND, E_CONFLICT, E_INVALID, E_LIMIT, E_DENIED,
 * E_BUSY, E_LOST, E_TIMEOUT, E_CANCELLED, E_UPSTREAM) are named in the header of the function that
 * returns them, and its callers decide on them. The others are only passed up. A detail never
 * contains a secret, a prompt or a tool result.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/mem.h"

/*    code          meaning                                                     */
#define ERROR_TABLE(X)                                                                             \
    X(E_OK, "no error")                                                                            \
    X(E_INTERNAL, "a fault of briefd itself")                                                      \
    X(E_STORAGE, "the database could not do it")                                                   \
    X(E_CORRUPT, "stored data is not what was written")                                            \
    X(E_NOT_FOUND, "there is no such thing")                                                       \
    X(E_CONFLICT, "the state of things does not allow it")                                         \
    X(E_INVALID, "the input is not acceptable")                                                    \
    X(E_LIMIT, "a limit was reached")                                                              \
    X(E_DENIED, "not allowed")                                                                     \
    X(E_BUSY, "too much to do at this moment")                                                     \
    X(E_LOST, "somebody else has taken this over")                                                 \
    X(E_TIMEOUT, "it took too long")                                                               \
    X(E_CANCELLED, "it was called off")                                                            \
    X(E_UPSTREAM, "the other side failed")                                                         \
    X(E_PROTOCOL, "the other side broke the protocol")

enum err {
#define X(code, meaning) code,
    ERROR_TABLE(X)
#undef X
        ERR_COUNT
};

/* Records the story and returns `code`. */
enum err fail_at(const char *file, int line, enum err code, const char *format, ...)
    PRINTF_LIKE(4, 5);
#define fail(code, ...) fail_at(__FILE_NAME__, __LINE__, (code), __VA_ARGS__)

/* Puts context in front of the story told so far: fail_context(e, "run %s", id) gives
 * "run br_1: <old story>". Returns `code`. */
enum err fail_context(enum err code, const char *format, ...) PRINTF_LIKE(2, 3);

/* The story of the last fail() of this thread; "" when there was none. Valid until the next one. */
const char *err_detail(void);
/* Where it was raised: "file.c:123". */
const char *err_origin(void);
/* "E_UPSTREAM". */
const char *err_name(enum err code);

#endif
