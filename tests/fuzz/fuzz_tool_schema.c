/*
 * Tool definitions: whatever is in them, the tool that comes out has a schema that the model API
 * takes. Cleaning it again changes nothing.
 */
#include "api/scalekit_internal.h"

#include "base/utf8.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_schema(const char *schema)
{
    size_t len = strlen(schema);
    assert(len <= 64 * KIB);
    assert(json_check(schema, len, (struct json_limits){0}) == E_OK);
    struct json_span root = json_root(schema, len);
    assert(json_string_is(json_get(root, "type"), "object"));
    assert(json_type(json_get(root, "properties")) == JSON_OBJECT);
    assert(json_type(json_get(root, "anyOf")) == JSON_NONE);
    for (struct json_iter it = json_iter(json_get(root, "properties")); json_next(&it);)
        assert(memchr(it.key.text, '$', it.key.len) == NULL);
    for (struct json_iter it = json_iter(json_get(root, "required")); json_next(&it);) {
        AUTO(str_done) struct str name = {0};
        assert(json_string(it.value, &name));
        assert(json_type(json_get(json_get(root, "properties"), str_text(&name))) != JSON_NONE);
    }
    AUTO(str_done) struct str again = {0};
    scalekit_schema_clean(root, &again);
    assert(str_equals(&again, schema));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    if (json_check(text, size, (struct json_limits){0})) return 0;

    struct scalekit_tools tools = {.items = xcalloc(1, sizeof *tools.items), .n = 1};
    if (scalekit_tool_read(json_root(text, size), &tools.items[0])) {
        scalekit_tools_name(&tools);
        const struct scalekit_tool *tool = &tools.items[0];
        assert(strlen(tool->model_name) >= 1 && strlen(tool->model_name) <= 64);
        assert(strlen(tool->description) <= 4 * KIB);
        assert(utf8_valid(tool->description, strlen(tool->description)));
        check_schema(tool->input_schema);
    }
    scalekit_tools_done(&tools);
    return 0;
}
