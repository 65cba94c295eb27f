/*
 * The `.env` file: NAME=value lines, `#` comments, `export ` in front allowed, single quotes literal, double quotes with
 * \n \" \\ \$, no expansion. A line that is none of that is a problem with its number. Foreign bytes: limits on
 * file (64 KiB), line and number of names.
 */
#ifndef CONFIG_DOTENV_H
#define CONFIG_DOTENV_H

#include "base/url.h"

/* Every problem is one line in `out_problems`; E_INVALID when there is any. A name given twice: the last one wins. */
enum err dotenv_parse(const char *text, size_t len, const char *file_name, struct url_pairs *out_pairs,
                      struct str *out_problems) MUST_CHECK;

#endif
