/*
 * A growable text that knows its limit.
 *
 * `data` is always NUL-terminated once something was appended; `len` does not count the NUL; bytes
 * inside may be anything. An all-zero struct is an empty string without a limit of its own
 * (STR_MAX_DEFAULT applies); give one with STR_LIMIT(bytes). What would pass the limit is not
 * appended, `overflow` is set and stays set, and everything appended later is dropped: append
 * freely, check once with str_ok() at the end.
 *
 * A struct str belongs to one thread at a time.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define STR_MAX_DEFAULT (64 * MIB)

struct str {
    char *data;    /* NULL while empty */
    size_t len;    /* bytes in use */
    size_t cap;    /* bytes there is room for; the NUL behind them has its own */
    size_t max;    /* limit in bytes; 0 means STR_MAX_DEFAULT */
    bool overflow; /* something did not fit */
};

#define STR_LIMIT(bytes) ((struct str){.max = (bytes)})

/* Frees the memory and leaves an empty string with the same limit. Accepts an empty one. */
void str_done(struct str *s);
/* Empties, but keeps the memory for the next use. */
void str_clear(struct str *s);
/* Wipes and frees. */
void str_done_secret(struct str *s);

void str_append(struct str *s, const void *bytes, size_t len);
void str_append_text(struct str *s, const char *text);
void str_append_char(struct str *s, char c);
void str_append_i64(struct str *s, int64_t value);
void str_append_format(struct str *s, const char *format, ...) PRINTF_LIKE(2, 3);
/* "7 documents", "1 document": for people; English plurals of the regular kind. */
void str_append_count(struct str *s, int64_t n, const char *plural);
void str_append_str(struct str *s, const struct str *other);
/* Makes room for exactly `more` further bytes, if they are within the limit. */
void str_reserve(struct str *s, size_t more);
/* Gives back the room that is not used: for a text that stays for long. */
void str_fit(struct str *s);
/* Cuts to `len` bytes (no effect when shorter). */
void str_truncate(struct str *s, size_t len);

/* False when something was dropped because of the limit. */
bool str_ok(const struct str *s);
/* The text, "" when empty; never NULL. Valid until the next change. */
const char *str_text(const struct str *s);
bool str_equals(const struct str *s, const char *text);
/* Hands the bytes over; the caller frees with xfree(). NULL when empty. Leaves `s` empty. */
char *str_take(struct str *s);
/* Moves `from` into `to` (whose old content is freed); `from` is empty afterwards. */
void str_move(struct str *to, struct str *from);

/* Helpers for plain C strings. */
bool text_equal(const char *a, const char *b); /* both NULL counts as equal */
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
/* Decimal integer, the whole text, no sign for unsigned: E_INVALID otherwise. */
enum err text_to_i64(const char *text, int64_t min, int64_t max, int64_t *out_value) MUST_CHECK;

/* The same without a story: true and the value when `len` bytes are digits, perhaps after a '-'. */
bool text_is_i64(const char *text, size_t len, int64_t *out_value);

#endif
