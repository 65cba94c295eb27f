#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

/*
 * Files that travel inside the binary, so that it works alone: the database's migrations, the
 * default configuration, the files served to browsers and the description of the API. src/embed.py makes the tables at build
 * time from the folders of the same name.
 *
 * The tables are constant and live as long as the process: any thread may read them at any time,
 * and pointers into them may be kept.
 */

struct embedded_file {
    const char *path;          /* relative to the table's folder, '/' between parts */
    const unsigned char *data; /* len bytes, then one NUL that len does not count */
    size_t len;
};

/* Each table is sorted by path, byte by byte, and closed by a row whose path is NULL, which the
 * count does not include. A table may be empty. */

/* migrations/NNNN_name.sql, in the order in which they are applied */
extern const struct embedded_file embedded_migrations[];
extern const size_t embedded_migrations_count;

/* config/connectors.json, config/models.json and config/recipes/ */
extern const struct embedded_file embedded_config[];
extern const size_t embedded_config_count;

/* static/docs/NAME.md as NAME.html, rendered by src/docs.py */
extern const struct embedded_file embedded_docs[];
extern const size_t embedded_docs_count;

/* static/, without the parts of openapi.json */
extern const struct embedded_file embedded_static[];
extern const size_t embedded_static_count;

/* openapi.json alone: static/openapi/ put together by src/openapi.py */
extern const struct embedded_file embedded_openapi[];
extern const size_t embedded_openapi_count;

/* "0.1.0", and the commit it was built from ("unknown" when built outside a clone) */
extern const char briefd_version[];
extern const char briefd_commit[];

#endif
