/*
 * Memory: allocation that cannot fail, and cleanup that cannot be forgotten.
 *
 * Running out of memory aborts the process with a message. That is safe here because every finished
 * step of a run is in the journal, and honest because every size that comes from outside is limited
 * before it is allocated. No other file may call malloc and its family.
 *
 * All functions may be called from any thread.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#define MUST_CHECK                 __attribute__((warn_unused_result))
#define PRINTF_LIKE(format, first) __attribute__((__format__(__printf__, format, first)))
#define ARRAY_LEN(array)           (sizeof(array) / sizeof((array)[0]))

/* Runs `done(&variable)` when the variable leaves its scope. */
#define AUTO(done) __attribute__((cleanup(done), unused))

/* Never inlined: what it keeps on the stack is not held by a caller that waits for long. */
#define OWN_FRAME __attribute__((noinline))

/* Zero-filled memory; never NULL, also for a size of 0. */
void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull, warn_unused_result));
void *xmalloc(size_t size) __attribute__((returns_nonnull, warn_unused_result));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull, warn_unused_result));
/* Copies of text; a NULL text gives NULL. */
char *xstrdup(const char *text) MUST_CHECK;
char *xstrndup(const char *text, size_t len) MUST_CHECK;
/* Frees; NULL is fine. */
void xfree(void *memory);

/* For AUTO(): frees what a `char *` or `void *` variable points to. */
void xfree_ptr(void *pointer_to_pointer);

/* Hands the pointer over to the caller and leaves the variable NULL. */
#define take_ptr(pointer_to_pointer)                                                               \
    __extension__({                                                                                \
        __typeof__(pointer_to_pointer) from_ = (pointer_to_pointer);                               \
        __typeof__(*from_) taken_ = *from_;                                                        \
        *from_ = NULL;                                                                             \
        taken_;                                                                                    \
    })

/* Overwrites a secret in a way that the compiler cannot leave out. */
void mem_wipe(void *memory, size_t len);
/* Wipes and frees a secret text; NULL is fine. */
void xfree_secret(char *secret);
/* For AUTO(): the same for a variable. */
void xfree_secret_ptr(char **secret);

/* The whole pages inside go back to the system until they are touched again; what they hold is lost.
 * For a large buffer that is not needed for long. */
void mem_give_back(void *memory, size_t len);

/* Keeps large buffers out of the arenas: their memory goes back to the system. Once at start. */
void mem_tune(void);
/* Gives back what only the start of the process needed: freed heap, and the read-only pages (symbol
 * tables, relocations, constants) of the program and its libraries, which the kernel brings again
 * from its page cache when they are touched. Code stays: a debugger may have written into it. For a
 * long-lived process, once, when it is ready. */
void mem_settle(void);

#endif
