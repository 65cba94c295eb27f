/*
 * HTML by construction: elements, attributes and text, each escaped where it stands. There is no
 * way to write raw markup, so nothing that came from outside can become any.
 */
#ifndef WEB_HTML_H
#define WEB_HTML_H

#include "base/str.h"

/* <tag name="value" …>; attributes as pairs, closed by NULL. A value of NULL leaves its attribute
 * out, HTML_FLAG writes the name alone. */
void html_open(struct str *out, const char *tag, ...) __attribute__((sentinel));
/* </tag>, and a line break unless the tag stands within text. */
void html_close(struct str *out, const char *tag);
/* Text; NULL is none. */
void html_text(struct str *out, const char *text);
void html_textf(struct str *out, const char *format, ...) PRINTF_LIKE(2, 3);
/* <tag class="class">text</tag>; `class` may be NULL. No text, no element. */
void html_element(struct str *out, const char *tag, const char *class, const char *text);
/* <a class="class" href="href">text</a> */
void html_link(struct str *out, const char *class, const char *href, const char *text);
/* <input type="hidden" …> */
void html_hidden(struct str *out, const char *name, const char *value);
/* A <time> that scripts may show in local words. */
void html_time(struct str *out, int64_t unix_ms);

/* The same, of which only the time of day matters. */
void html_clock(struct str *out, int64_t unix_ms);

extern const char html_flag[];
#define HTML_FLAG html_flag

#endif
