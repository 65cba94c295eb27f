/*
 * UTF-8: check, repair, cut. (RFC 3629: no surrogates, nothing above U+10FFFF, no overlong forms.)
 *
 * Both upstreams refuse a body that is not valid UTF-8, and Anthropic's parser also refuses lone
 * surrogates written as JSON escapes, so foreign text passes through here before it is sent on.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

bool utf8_valid(const char *text, size_t len);
/* Appends `text` to `out`, each invalid sequence replaced by U+FFFD, NUL by U+FFFD too.
 * A character that was cut off counts as one sequence, as in browsers. */
void utf8_repair(struct str *out, const char *text, size_t len);
/* The largest length ≤ max at which `text` can be cut without splitting a character. */
size_t utf8_cut(const char *text, size_t len, size_t max);
/* Number of characters (code points) in valid UTF-8. */
size_t utf8_count(const char *text, size_t len);
/* Appends one code point (a surrogate or a value out of range becomes U+FFFD). */
void utf8_append(struct str *out, uint32_t code_point);
/* Decodes the character at `*at` (which must be below `len`) and moves past it; U+FFFD for a broken
 * sequence, as utf8_repair() counts them. */
uint32_t utf8_next(const char *text, size_t len, size_t *at);

/* Bytes of the character that a text (of at least one byte) begins with; 0 when it is broken. */
size_t utf8_sequence(const char *text, size_t len);
/* How many bytes at the start are ASCII. */
size_t utf8_ascii_run(const char *text, size_t len);

#endif
