/*
 * JSON: what the validator accepts, every other tool can read, and two of them agree on it; what it
 * refuses does no harm to the scanners. Accepted texts are walked, decoded, repaired, put into
 * canonical form and compared with a cJSON tree.
 */
#include "base/json.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits no_limits = {0};

/* Counts the values below `value` by recursion; in a checked text JSON_DEPTH_MAX bounds it. */
static size_t walk(struct json_span value, int depth)
{
    assert(value.len > 0);
    assert(depth <= JSON_DEPTH_MAX);
    assert(json_check(value.text, value.len, no_limits) == E_OK);
    size_t n = 1;
    struct json_iter it = json_iter(value);
    while (json_next(&it)) {
        assert(it.value.text > value.text);
        assert(it.value.text + it.value.len < value.text + value.len);
        assert((json_type(it.key) == JSON_STRING) == (json_type(value) == JSON_OBJECT));
        n += walk(it.value, depth + 1);
    }
    return n;
}

static void check_string(struct json_span value)
{
    AUTO(str_done) struct str text = {0};
    assert(json_string(value, &text));
    assert(utf8_valid(str_text(&text), text.len));
    AUTO(str_done) struct str written = {0};
    struct json_writer w = json_writer(&written);
    json_write_string_n(&w, str_text(&text), text.len);
    AUTO(str_done) struct str again = {0};
    assert(json_string(json_root(written.data, written.len), &again));
    assert(again.len == text.len);
    assert(memcmp(str_text(&again), str_text(&text), text.len) == 0);
    AUTO(xfree_ptr) char *own = json_strdup(value, text.len);
    assert((own == NULL) == (memchr(str_text(&text), '\0', text.len) != NULL));
    if (own) assert(json_string_is(value, own));
}

static void check_scalars(struct json_span value)
{
    int64_t whole;
    double number;
    json_int(value, &whole);
    json_double(value, &number);
    if (json_type(value) == JSON_STRING) check_string(value);
    struct json_iter it = json_iter(value);
    while (json_next(&it)) {
        if (it.is_object) check_string(it.key);
        check_scalars(it.value);
    }
}

static void check_repair(const char *text, size_t len)
{
    AUTO(str_done) struct str repaired = {0};
    json_repair(&repaired, text, len);
    assert(repaired.len == len);
    assert(json_check(repaired.data, repaired.len, no_limits) == E_OK);
    AUTO(str_done) struct str again = {0};
    json_repair(&again, repaired.data, repaired.len);
    assert(memcmp(again.data, repaired.data, len) == 0);
}

static void check_canonical(const char *text, size_t len)
{
    AUTO(str_done) struct str once = {0};
    assert(json_canonical(&once, text, len) == E_OK);
    AUTO(str_done) struct str twice = {0};
    assert(json_canonical(&twice, once.data, once.len) == E_OK);
    assert(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
}

/* Both find the same first member under every key. */
static void compare_with_tree(struct json_span value, const cJSON *tree)
{
    static const int types[JSON_TYPE_COUNT] = {
        [JSON_NULL] = cJSON_NULL,     [JSON_FALSE] = cJSON_False,   [JSON_TRUE] = cJSON_True,
        [JSON_NUMBER] = cJSON_Number, [JSON_STRING] = cJSON_String, [JSON_ARRAY] = cJSON_Array,
        [JSON_OBJECT] = cJSON_Object,
    };
    assert((tree->type & 0xFF) == types[json_type(value)]);
    if (json_type(value) == JSON_STRING) assert(json_string_is(value, tree->valuestring));
    const cJSON *child = tree->child;
    struct json_iter it = json_iter(value);
    while (json_next(&it)) {
        assert(child);
        if (it.is_object) {
            assert(json_string_is(it.key, child->string));
            const cJSON *first = cJSON_GetObjectItemCaseSensitive(tree, child->string);
            struct json_span found = json_get(value, child->string);
            assert((found.text == it.value.text) == (first == child));
        }
        compare_with_tree(it.value, child);
        child = child->next;
    }
    assert(!child);
}

static void do_no_harm(const char *text, size_t len)
{
    struct json_span root = json_root(text, len);
    AUTO(str_done) struct str out = {0};
    struct json_iter it = json_iter(root);
    for (size_t n = 0; json_next(&it); n++) {
        assert(n < len);
        json_get(it.value, "a");
        json_string(it.value, &out);
        json_string_is(it.key, "a");
    }
    json_repair(&out, text, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    do_no_harm(text, size);
    if (json_check(text, size, no_limits)) {
        cJSON *none = NULL;
        assert(json_parse(text, size, no_limits, &none) != E_OK && !none);
        return 0;
    }
    struct json_span root = json_root(text, size);
    size_t n = walk(root, 0);
    assert(json_check(text, size, (struct json_limits){.nodes_max = n}) == E_OK);
    assert(n == 1 || json_check(text, size, (struct json_limits){.nodes_max = n - 1}) == E_LIMIT);
    check_scalars(root);
    check_repair(text, size);
    check_canonical(text, size);
    AUTO(json_tree_done) cJSON *tree = NULL;
    if (json_parse(text, size, no_limits, &tree) == E_OK) compare_with_tree(root, tree);
    return 0;
}
