#include "base/json_internal.h"

/* cJSON copies a number into a buffer of this size and would cut a longer one in two. */
#define CJSON_NUMBER_MAX 63

enum err json_parse(const char *text, size_t len, struct json_limits limits, cJSON **out_tree)
{
    struct json_facts facts;
    enum err e = json_inspect(text, len, limits, &facts);
    if (e) return e;
    if (facts.has_nul) return fail(E_INVALID, "the JSON has \\u0000 in a string");
    if (facts.number_len_max > CJSON_NUMBER_MAX)
        return fail(E_INVALID, "the JSON has a number of more than %d characters",
                    CJSON_NUMBER_MAX);

    AUTO(str_done) struct str repaired = STR_LIMIT(len + 1);
    if (facts.has_lone_surrogate) {
        json_repair(&repaired, text, len);
        text = repaired.data;
        len = repaired.len;
    }
    cJSON *tree = cJSON_ParseWithLength(text, len);
    if (!tree) return fail(E_INTERNAL, "cJSON refused a valid text of %zu bytes", len);
    *out_tree = tree;
    return E_OK;
}

void json_tree_done(cJSON **tree)
{
    cJSON_Delete(*tree);
    *tree = NULL;
}
