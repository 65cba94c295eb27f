/*
 * The last net below the rule that no secret reaches the log or an error's words: values that look
 * like a credential lose all but their beginning. Pure.
 */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

#include "base/str.h"

/* Appends `text`; of API keys ("bk_…", "sk-ant-…", "whsec_…"), bearer tokens, JSON Web Tokens and
 * the passwords of URLs only the kind is left: "sk-ant-[redacted]". */
void redact(struct str *out, const char *text, size_t len);

#endif
