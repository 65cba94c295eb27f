/*
 * The `.env` file: NAME=value lines, `#` comments, `export ` in front allowed, spaces around the
 * `=` too. Single quotes are literal; double quotes know \n \" \\ \$; without quotes a value ends
 * at " #" (NAME=#x has the value "#x") and has no spaces around it. No expansion, no value longer
 * than its line. A line that is none of that is a problem with its number. Foreign bytes: limits on
 * file (64 KiB), line (8 KiB) and number of names (1000).
 */
#ifndef CONFIG_DOTENV_H
#define CONFIG_DOTENV_H

#include "base/url.h"

/* Every problem is one line in `out_problems`; E_INVALID when there is any. A name given twice: the
 * last one wins. What was understood is in `out_pairs` in either case, so that later checks do not
 * complain about it again. */
enum err dotenv_parse(const char *text, size_t len, const char *file_name,
                      struct url_pairs *out_pairs, struct str *out_problems) MUST_CHECK;

#endif
