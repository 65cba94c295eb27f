/*
 * Input schemas of strangers, rewritten so that the model API accepts them. (wire notes 6; the
 * model API's rules for tools: wire/anthropic.md 1.3)
 *
 * A schema is walked by spans and only known keywords with values of the right kind are copied:
 * with an odd one the model API would refuse every request of a run. What is left out is at worst a
 * hint that the model does not get: the service checks arguments itself, loosely.
 *
 *   - the top is an object schema, without anyOf, oneOf, allOf, not, enum, const; its $ref is followed
 *   - property names that the API refuses ("$filter") disappear, also from `required`
 *   - `required: true` inside a property moves to the `required` list of its parent
 *   - schema_version and tool_version, which steer the service, are not the model's business
 *   - references that lead nowhere or outside disappear
 *   - a schema above 64 KiB loses its nested descriptions and examples, then its nesting, then all
 *   - what is no object at all becomes {"properties":{},"type":"object"}: the tool stays usable
 *
 * The result is canonical (sorted keys), in whatever order the service has its maps.
 */
#include "api/scalekit_internal.h"

#include <ctype.h>
#include <string.h>

#define SCHEMA_BYTES_MAX     (64 * KIB)
#define SCHEMA_RAW_BYTES_MAX (256 * KIB) /* larger ones are not even walked */
#define SCHEMA_LEVELS_MAX    16
#define PROPERTIES_MAX       512
#define PROPERTY_NAME_MAX    64
#define REFS_MAX             4

static const char any_object[] = "{\"properties\":{},\"type\":\"object\"}";

/* How much is kept. */
enum detail { DETAIL_ALL, DETAIL_PLAIN, DETAIL_FLAT, DETAIL_COUNT };

enum keyword_kind {
    KEY_TEXT,       /* string */
    KEY_TYPE,       /* one type or a list of them */
    KEY_NUMBER,     /* number */
    KEY_POSITIVE,   /* number above 0 */
    KEY_NATURAL,    /* integer, not negative */
    KEY_BOOL,       /* true, false */
    KEY_VALUE,      /* any value */
    KEY_VALUES,     /* array, not empty */
    KEY_SCHEMA,     /* schema or bool */
    KEY_SCHEMAS,    /* array of schemas, not empty */
    KEY_PROPERTIES, /* property names to schemas */
    KEY_SCHEMA_MAP, /* other names to schemas, at the top only */
    KEY_REF         /* reference into $defs or definitions */
};
#define INNER 1 /* not at the top */
#define HINT  2 /* only explains: goes first when it is too much */

static const struct keyword {
    const char *name;
    enum keyword_kind kind;
    int flags;
} keywords[] = {
    {"type",                 KEY_TYPE,       INNER       }, /* the top's is written by us */
    {"title",                KEY_TEXT,       HINT        },
    {"description",          KEY_TEXT,       HINT        },
    {"format",               KEY_TEXT,       INNER       },
    {"pattern",              KEY_TEXT,       INNER       },
    {"enum",                 KEY_VALUES,     INNER       },
    {"const",                KEY_VALUE,      INNER       },
    {"default",              KEY_VALUE,      INNER | HINT},
    {"examples",             KEY_VALUES,     HINT        },
    {"minimum",              KEY_NUMBER,     INNER       },
    {"maximum",              KEY_NUMBER,     INNER       },
    {"exclusiveMinimum",     KEY_NUMBER,     INNER       },
    {"exclusiveMaximum",     KEY_NUMBER,     INNER       },
    {"multipleOf",           KEY_POSITIVE,   INNER       },
    {"minLength",            KEY_NATURAL,    INNER       },
    {"maxLength",            KEY_NATURAL,    INNER       },
    {"minItems",             KEY_NATURAL,    INNER       },
    {"maxItems",             KEY_NATURAL,    INNER       },
    {"minProperties",        KEY_NATURAL,    0           },
    {"maxProperties",        KEY_NATURAL,    0           },
    {"uniqueItems",          KEY_BOOL,       INNER       },
    {"items",                KEY_SCHEMA,     INNER       },
    {"prefixItems",          KEY_SCHEMAS,    INNER       },
    {"contains",             KEY_SCHEMA,     INNER       },
    {"not",                  KEY_SCHEMA,     INNER       },
    {"anyOf",                KEY_SCHEMAS,    INNER       },
    {"oneOf",                KEY_SCHEMAS,    INNER       },
    {"allOf",                KEY_SCHEMAS,    INNER       },
    {"additionalProperties", KEY_SCHEMA,     0           },
    {"properties",           KEY_PROPERTIES, 0           },
    {"$defs",                KEY_SCHEMA_MAP, 0           },
    {"definitions",          KEY_SCHEMA_MAP, 0           },
    {"$ref",                 KEY_REF,        INNER       },
};

struct walk {
    struct json_span root; /* where references point into */
    enum detail detail;
    struct json_writer w;
    int level;
};

static void walk_schema(struct walk *walk, struct json_span schema);

/* ---- small judgements ---- */

static bool is_property_name(const struct str *name)
{
    for (size_t i = 0; i < name->len; i++) {
        char c = name->data[i];
        if (!isalnum((unsigned char)c) && c != '_' && c != '.' && c != '-') return false;
    }
    return name->len > 0 && name->len <= PROPERTY_NAME_MAX;
}

static bool is_property_kept(const struct walk *walk, const struct str *name)
{
    bool is_control = str_equals(name, "schema_version") || str_equals(name, "tool_version");
    return is_property_name(name) && !(walk->level == 1 && is_control);
}

/* One bit for each type; 0: none of them. */
static unsigned type_bit(struct json_span value)
{
    static const char *const words[] = {"null",   "boolean", "object", "array",
                                        "number", "string",  "integer"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (json_string_is(value, words[i])) return 1U << i;
    return 0;
}

static bool is_type(struct json_span value)
{
    unsigned seen = type_bit(value);
    struct json_iter it = json_iter(value);
    while (!it.is_object && json_next(&it)) {
        unsigned bit = type_bit(it.value);
        if (bit == 0 || seen & bit) return false;
        seen |= bit;
    }
    return seen != 0;
}

static bool is_schema(struct json_span value)
{
    enum json_type type = json_type(value);
    return type == JSON_OBJECT || type == JSON_TRUE || type == JSON_FALSE;
}

static bool is_filled_array(struct json_span value)
{
    struct json_iter it = json_iter(value);
    return json_type(value) == JSON_ARRAY && json_next(&it);
}

static bool is_list_of_schemas(struct json_span value)
{
    for (struct json_iter it = json_iter(value); json_next(&it);)
        if (!is_schema(it.value)) return false;
    return is_filled_array(value);
}

/* The schema that "#/$defs/Name" or "#/definitions/Name" means; JSON_NONE when there is none. */
static struct json_span ref_target(struct json_span root, struct json_span ref)
{
    AUTO(str_done) struct str text = {0};
    if (!json_string(ref, &text)) return (struct json_span){0};
    static const char *const maps[] = {"$defs", "definitions"};
    for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
        AUTO(str_done) struct str prefix = {0};
        str_append_format(&prefix, "#/%s/", maps[i]);
        if (!text_starts(str_text(&text), str_text(&prefix))) continue;
        const char *name = str_text(&text) + prefix.len;
        if (strpbrk(name, "/~%")) continue;
        struct json_span target = json_get(json_get(root, maps[i]), name);
        if (is_schema(target)) return target;
    }
    return (struct json_span){0};
}

static bool is_fit(const struct walk *walk, enum keyword_kind kind, struct json_span value)
{
    enum json_type type = json_type(value);
    int64_t natural = -1;
    double number = 0;
    switch (kind) {
    case KEY_TEXT:
        return type == JSON_STRING;
    case KEY_TYPE:
        return is_type(value);
    case KEY_NUMBER:
        return type == JSON_NUMBER;
    case KEY_POSITIVE:
        return type == JSON_NUMBER && json_double(value, &number) && number > 0;
    case KEY_NATURAL:
        return type == JSON_NUMBER && json_int(value, &natural) && natural >= 0;
    case KEY_BOOL:
        return type == JSON_TRUE || type == JSON_FALSE;
    case KEY_VALUE:
        return true;
    case KEY_VALUES:
        return is_filled_array(value);
    case KEY_SCHEMA:
        return is_schema(value);
    case KEY_SCHEMAS:
        return is_list_of_schemas(value);
    case KEY_PROPERTIES:
    case KEY_SCHEMA_MAP:
        return type == JSON_OBJECT;
    case KEY_REF:
        return json_type(ref_target(walk->root, value)) != JSON_NONE;
    }
    return false;
}

/* ---- writing ---- */

static bool is_nested_too_deep(const struct walk *walk)
{
    int max = walk->detail == DETAIL_FLAT ? 2 : SCHEMA_LEVELS_MAX;
    return walk->level > max;
}

/* Decodes the key of `it`; false when an earlier member of the object has it, which counts. */
static bool key_decode(struct json_span object, const struct json_iter *it, struct str *out)
{
    str_clear(out);
    (void)json_string(it->key, out);
    return json_get(object, str_text(out)).text == it->value.text;
}

static void walk_map(struct walk *walk, struct json_span map, bool is_properties)
{
    AUTO(str_done) struct str name = {0};
    size_t n = 0;
    json_begin_object(&walk->w);
    for (struct json_iter it = json_iter(map); n < PROPERTIES_MAX && json_next(&it); n++) {
        bool is_first = key_decode(map, &it, &name);
        if (!is_first || (is_properties && !is_property_kept(walk, &name))) continue;
        json_key(&walk->w, str_text(&name));
        walk_schema(walk, it.value);
    }
    json_end_object(&walk->w);
}

struct required {
    struct str array; /* "[\"a\",\"b\"" */
    struct str seen;  /* "\na\nb\n", to find doubles */
};

static void required_done(struct required *required)
{
    str_done(&required->array);
    str_done(&required->seen);
}

static void required_add(const struct walk *walk, struct required *required,
                         struct json_span properties, const struct str *name)
{
    /* Only what the model is shown can be required of it. */
    if (!is_property_kept(walk, name)) return;
    if (json_type(json_get(properties, str_text(name))) == JSON_NONE) return;

    AUTO(str_done) struct str line = {0};
    str_append_format(&line, "\n%s\n", str_text(name));
    if (strstr(str_text(&required->seen), str_text(&line))) return;
    str_append_str(&required->seen, &line);
    str_append_format(&required->array, "%c\"%s\"", required->array.len ? ',' : '[',
                      str_text(name));
}

/* The list as it is declared, then properties that call themselves required. */
static void walk_required(struct walk *walk, struct json_span schema)
{
    AUTO(required_done) struct required required = {0};
    AUTO(str_done) struct str name = {0};
    struct json_span properties = json_get(schema, "properties");
    struct json_span declared = json_get(schema, "required");

    size_t n = 0;
    struct json_iter it = json_iter(declared);
    while (json_type(declared) == JSON_ARRAY && n++ < PROPERTIES_MAX && json_next(&it)) {
        str_clear(&name);
        if (json_string(it.value, &name)) required_add(walk, &required, properties, &name);
    }
    n = 0;
    it = json_iter(properties);
    while (json_type(properties) == JSON_OBJECT && n++ < PROPERTIES_MAX && json_next(&it)) {
        if (!json_is_true(json_get(it.value, "required"))) continue;
        if (key_decode(properties, &it, &name)) required_add(walk, &required, properties, &name);
    }
    if (!required.array.len) return;
    str_append_char(&required.array, ']');
    json_put_raw(&walk->w, "required", required.array.data, required.array.len);
}

static void walk_list(struct walk *walk, struct json_span list)
{
    json_begin_array(&walk->w);
    for (struct json_iter it = json_iter(list); json_next(&it);)
        walk_schema(walk, it.value);
    json_end_array(&walk->w);
}

static void walk_keyword(struct walk *walk, const struct keyword *keyword, struct json_span value)
{
    json_key(&walk->w, keyword->name);
    if (keyword->kind == KEY_SCHEMA)
        walk_schema(walk, value);
    else if (keyword->kind == KEY_SCHEMAS)
        walk_list(walk, value);
    else if (keyword->kind == KEY_PROPERTIES || keyword->kind == KEY_SCHEMA_MAP)
        walk_map(walk, value, keyword->kind == KEY_PROPERTIES);
    else
        json_write_span(&walk->w, value);
}

/* The first member for each keyword, in one walk. */
static void collect(struct json_span schema, struct json_span out[ARRAY_LEN(keywords)])
{
    memset(out, 0, ARRAY_LEN(keywords) * sizeof *out);
    for (struct json_iter it = json_iter(schema); json_next(&it);)
        for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
            if (!out[i].len && json_string_is(it.key, keywords[i].name)) out[i] = it.value;
}

/* Members of `schema`; definitions come from the root, another one behind a $ref at the top. */
static void walk_members(struct walk *walk, struct json_span schema)
{
    bool is_top = walk->level == 1;
    bool is_plain = walk->detail != DETAIL_ALL && !is_top;
    struct json_span members[ARRAY_LEN(keywords)];
    collect(schema, members);
    json_begin_object(&walk->w);
    if (is_top) json_put_string(&walk->w, "type", "object");
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        const struct keyword *keyword = &keywords[i];
        bool is_map = keyword->kind == KEY_SCHEMA_MAP;
        bool is_out = (is_top && keyword->flags & INNER) || (is_plain && keyword->flags & HINT) ||
                      (is_map && !is_top);
        if (is_out) continue;
        struct json_span value = is_map ? json_get(walk->root, keyword->name) : members[i];
        if (json_type(value) != JSON_NONE && is_fit(walk, keyword->kind, value))
            walk_keyword(walk, keyword, value);
    }
    walk_required(walk, schema);
    bool has_properties = json_type(json_get(schema, "properties")) == JSON_OBJECT;
    if (is_top && !has_properties) json_put_raw(&walk->w, "properties", "{}", 2);
    json_end_object(&walk->w);
}

static void walk_schema(struct walk *walk, struct json_span schema)
{
    walk->level++;
    enum json_type type = json_type(schema);
    if (type == JSON_TRUE || type == JSON_FALSE)
        json_write_bool(&walk->w, type == JSON_TRUE);
    else if (type == JSON_OBJECT && !is_nested_too_deep(walk))
        walk_members(walk, schema);
    else
        json_write_raw(&walk->w, "{}", 2);
    walk->level--;
}

/* The schema at the top, behind a $ref where the whole schema is one. */
static struct json_span top_of(struct json_span schema)
{
    struct json_span top = schema;
    for (int i = 0; i < REFS_MAX; i++) {
        struct json_span target = ref_target(schema, json_get(top, "$ref"));
        if (json_type(target) != JSON_OBJECT) break;
        top = target;
    }
    return top;
}

static bool schema_write(struct json_span schema, enum detail detail, struct str *out)
{
    AUTO(str_done) struct str raw = STR_LIMIT(SCHEMA_BYTES_MAX);
    struct walk walk = {.root = schema, .detail = detail, .w = json_writer(&raw)};
    walk_schema(&walk, top_of(schema));
    if (!str_ok(&raw)) return false;

    /* Strings are decoded on the way, so lone surrogates are replaced, too. */
    if (json_canonical(out, raw.data, raw.len) == E_OK) return true;
    str_clear(out);
    return false;
}

void scalekit_schema_clean(struct json_span schema, struct str *out)
{
    AUTO(str_done) struct str decoded = {0};
    /* Some services put the schema's text into a string. */
    if (json_type(schema) == JSON_STRING && json_string(schema, &decoded) &&
        !json_check(str_text(&decoded), decoded.len, (struct json_limits){0}))
        schema = json_root(decoded.data, decoded.len);

    bool is_walked = json_type(schema) == JSON_OBJECT && schema.len <= SCHEMA_RAW_BYTES_MAX;
    for (int detail = 0; is_walked && detail < DETAIL_COUNT; detail++)
        if (schema_write(schema, (enum detail)detail, out)) return;
    str_append_text(out, any_object);
}
