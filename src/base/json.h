/*
 * JSON: bounded reading, raw spans, and writing.
 *
 * Three tools, for three needs:
 *   1. json_parse() builds a cJSON tree after checking size, depth, number of nodes and UTF-8. For
 *      small documents that are read once (request bodies, configuration). A tree takes up to 40
 *      times the memory of its text, so none is ever kept across a call to the outside.
 *   2. struct json_span points at a value inside a text that was checked with json_check().
 *      Nothing is copied, numbers and strings keep every byte. For foreign replies and for the
 *      parts of them that are sent back verbatim: cJSON would turn integers above 2^53 into
 *      doubles.
 *   3. struct json_writer appends JSON to a struct str; strings are escaped and repaired on the
 *      way.
 *
 * RFC 8259. Duplicate keys: the first one wins in spans and trees alike.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/str.h"

#include <cjson/cJSON.h>

/* cJSON uses about 130 bytes of stack a level, and hostile input may have thousands. */
#define JSON_DEPTH_MAX 64

struct json_limits {
    size_t bytes_max; /* of the text; 0: 32 MiB */
    size_t nodes_max; /* values in the whole document; 0: 1,000,000 */
    int depth_max;    /* 0: JSON_DEPTH_MAX, which is also the most */
    bool no_lone;     /* refuse half of a surrogate pair: two such texts would become the same */
};

/* One pass over the text: is this one complete JSON value within the limits, in valid UTF-8, with
 * no control characters in strings? Lone surrogate escapes are allowed unless `limits` says so (see
 * json_repair()).
 * E_INVALID with what and where (byte offset), E_LIMIT for too large, deep or many. */
enum err json_check(const char *text, size_t len, struct json_limits limits) MUST_CHECK;

/* json_check() and then a tree that the caller frees with cJSON_Delete() / AUTO(json_tree_done).
 * Lone surrogate escapes become U+FFFD. Refuses \u0000 in strings (E_INVALID), because C strings
 * would end there, and numbers of more than 63 characters, which cJSON cannot read. */
enum err json_parse(const char *text, size_t len, struct json_limits limits,
                    cJSON **out_tree) MUST_CHECK;
void json_tree_done(cJSON **tree);

enum json_type {
    JSON_NONE, /* no value: a member that is absent */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
    JSON_TYPE_COUNT
};

/* A value inside a checked text; all-zero is "no value". Valid as long as the text is. */
struct json_span {
    const char *text; /* first byte of the value */
    size_t len;       /* without surrounding white space */
};

/* The whole checked text as a span. */
struct json_span json_root(const char *text, size_t len);
enum json_type json_type(struct json_span value);
/* Member of an object; JSON_NONE when absent or when `object` is no object. Keys written with
 * escapes are found too. */
struct json_span json_get(struct json_span object, const char *key);
/* json_get() along a path: json_at(root, "error", "details", NULL). */
struct json_span json_at(struct json_span value, ...) __attribute__((sentinel));

/* Walks over an array or object:
 *     struct json_iter it = json_iter(array);
 *     while (json_next(&it)) use(it.value);            // and it.key for objects */
struct json_iter {
    struct json_span key;   /* of an object's member, with its quotes */
    struct json_span value; /* the current element */
    const char *at, *end;
    bool is_object;
};
struct json_iter json_iter(struct json_span container);
bool json_next(struct json_iter *it);

/* Appends the decoded string; a lone surrogate becomes U+FFFD. False when it is no string. */
bool json_string(struct json_span value, struct str *out);
/* The decoded string in own memory; NULL when it is no string, longer than `max` bytes, or has a
 * NUL inside. */
char *json_strdup(struct json_span value, size_t max) MUST_CHECK;
bool json_string_is(struct json_span value, const char *text);
/* Whole number; also one written as 3600.0 or 1e3 (below 2^53), and a string of digits (protojson
 * writes int64 so). */
bool json_int(struct json_span value, int64_t *out_value);
bool json_double(struct json_span value, double *out_value);
bool json_is_true(struct json_span value);

/* Copies a checked value so that a strict parser accepts it: every lone surrogate escape becomes
 * \ufffd; all other bytes stay as they are. */
void json_repair(struct str *out, const char *text, size_t len);

/* Canonical form (RFC 8785 in spirit: members sorted, no white space, strings in one spelling, of
 * equal names only the first), so that equal documents hash equally. Numbers keep their text: 1
 * and 1.0 differ, which costs nothing where a client repeats its own bytes. E_INVALID and E_LIMIT
 * as json_check(), E_LIMIT also when it does not fit into `out`. */
enum err json_canonical(struct str *out, const char *text, size_t len) MUST_CHECK;

/* ---- writing ---- */

/* Commas are the writer's business. Keys are escaped as strings are. */
struct json_writer {
    struct str *out;
    bool need_comma;
};

struct json_writer json_writer(struct str *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
/* Strings are repaired to valid UTF-8; NULL writes null. Control characters and DEL are escaped. */
void json_write_string(struct json_writer *w, const char *text);
void json_write_string_n(struct json_writer *w, const char *text, size_t len);
void json_write_int(struct json_writer *w, int64_t value);
void json_write_bool(struct json_writer *w, bool value);
void json_write_null(struct json_writer *w);
/* JSON text from elsewhere, as it is: one complete value. A span of no value writes null. */
void json_write_raw(struct json_writer *w, const char *json, size_t len);
void json_write_span(struct json_writer *w, struct json_span value);
/* key + value in one call */
void json_put_string(struct json_writer *w, const char *key, const char *text);
void json_put_int(struct json_writer *w, const char *key, int64_t value);
void json_put_bool(struct json_writer *w, const char *key, bool value);
void json_put_null(struct json_writer *w, const char *key);
void json_put_raw(struct json_writer *w, const char *key, const char *json, size_t len);
/* A time in ms since the epoch as RFC 3339 UTC; 0 writes null. */
void json_put_time(struct json_writer *w, const char *key, int64_t unix_ms);

#endif
