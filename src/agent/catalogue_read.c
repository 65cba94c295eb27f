#include "agent/catalogue_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void doc_problem(struct doc *doc, const char *path, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    str_append_format(doc->problems, "%s: %s%s%s\n", doc->file, path, *path ? ": " : "", text);
    doc->n_problems++;
}

static const char *type_name(const cJSON *json)
{
    if (cJSON_IsObject(json)) return "an object";
    if (cJSON_IsArray(json)) return "a list";
    if (cJSON_IsString(json)) return "a text";
    if (cJSON_IsNumber(json)) return "a number";
    if (cJSON_IsBool(json)) return "true or false";
    return "null";
}

static bool is_listed(const char *const *list, const char *text)
{
    for (; *list; list++)
        if (strcmp(*list, text) == 0) return true;
    return false;
}

bool node_object(const struct node *node, const char *const *allowed)
{
    if (!node->json) return false;
    if (!cJSON_IsObject(node->json)) {
        doc_problem(node->doc, node->path, "must be an object, not %s", type_name(node->json));
        return false;
    }
    bool fine = true;
    for (const cJSON *m = node->json->child; m; m = m->next) {
        if (allowed && !is_listed(allowed, m->string)) {
            doc_problem(node->doc, node->path, "has an unknown member \"%.60s\"", m->string);
            fine = false;
        }
        /* The tree would hide a second one behind the first. */
        if (cJSON_GetObjectItemCaseSensitive(node->json, m->string) != m) {
            doc_problem(node->doc, node->path, "has \"%.60s\" more than once", m->string);
            fine = false;
        }
    }
    return fine;
}

struct node node_member(const struct node *object, const char *name)
{
    struct node member = {.doc = object->doc};
    member.json = cJSON_GetObjectItemCaseSensitive(object->json, name);
    snprintf(member.path, sizeof member.path, "%.58s%s%.58s", object->path,
             *object->path ? "." : "", name);
    return member;
}

struct node node_need(const struct node *object, const char *name)
{
    struct node member = node_member(object, name);
    if (!member.json) doc_problem(member.doc, member.path, "is missing");
    return member;
}

static bool has_control_characters(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f) return true;
    return false;
}

/* True when `json` is a text as node_text() promises; a problem otherwise. */
static bool text_fine(struct doc *doc, const char *path, const cJSON *json, size_t bytes_max)
{
    if (!cJSON_IsString(json)) {
        doc_problem(doc, path, "must be a text, not %s", type_name(json));
        return false;
    }
    size_t len = strlen(json->valuestring);
    if (len == 0 || len > bytes_max) {
        doc_problem(doc, path, "must have 1 to %zu bytes, not %zu", bytes_max, len);
        return false;
    }
    if (has_control_characters(json->valuestring)) {
        doc_problem(doc, path, "must not contain line breaks or other control characters");
        return false;
    }
    return true;
}

char *node_text(const struct node *object, const char *name, size_t bytes_max, bool is_required)
{
    struct node m = is_required ? node_need(object, name) : node_member(object, name);
    if (!m.json || !text_fine(m.doc, m.path, m.json, bytes_max)) return NULL;
    return xstrdup(m.json->valuestring);
}

int64_t node_int(const struct node *object, const char *name, int64_t min, int64_t max,
                 int64_t otherwise)
{
    struct node m = node_member(object, name);
    if (!m.json) return otherwise;
    double value = cJSON_IsNumber(m.json) ? m.json->valuedouble : (double)max + 1;
    if (!(value >= (double)min && value <= (double)max) || (double)(int64_t)value < value) {
        doc_problem(m.doc, m.path, "must be a whole number from %lld to %lld", (long long)min,
                    (long long)max);
        return otherwise;
    }
    return (int64_t)value;
}

bool node_bool(const struct node *object, const char *name, bool otherwise)
{
    struct node m = node_member(object, name);
    if (!m.json) return otherwise;
    if (!cJSON_IsBool(m.json)) {
        doc_problem(m.doc, m.path, "must be true or false");
        return otherwise;
    }
    return cJSON_IsTrue(m.json);
}

int64_t node_money(const struct node *object, const char *name, int64_t otherwise)
{
    struct node m = node_member(object, name);
    if (!m.json) return otherwise;
    int64_t amount = otherwise;
    if (!cJSON_IsString(m.json) || money_parse(m.json->valuestring, &amount)) {
        doc_problem(m.doc, m.path, "must be a decimal amount as text, like \"0.50\"");
        return otherwise;
    }
    return amount;
}

char **node_text_list(const struct node *object, const char *name, size_t n_max, bool is_required,
                      size_t *out_n)
{
    *out_n = 0;
    struct node m = is_required ? node_need(object, name) : node_member(object, name);
    if (!m.json) return NULL;
    if (!cJSON_IsArray(m.json)) {
        doc_problem(m.doc, m.path, "must be a list of texts, not %s", type_name(m.json));
        return NULL;
    }
    size_t n = (size_t)cJSON_GetArraySize(m.json);
    if (n > n_max || (is_required && n == 0)) {
        doc_problem(m.doc, m.path, "must have %d to %zu entries, not %zu", is_required ? 1 : 0,
                    n_max, n);
        return NULL;
    }
    char **list = xcalloc(n, sizeof *list);
    for (const cJSON *item = m.json->child; item; item = item->next) {
        if (!text_fine(m.doc, m.path, item, 200)) continue;
        if (text_list_has(list, *out_n, item->valuestring)) {
            doc_problem(m.doc, m.path, "has \"%s\" more than once", item->valuestring);
            continue;
        }
        list[(*out_n)++] = xstrdup(item->valuestring);
    }
    return list;
}

void text_list_free(char **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++)
        xfree(list[i]);
    xfree(list);
}

bool text_list_has(char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (text_equal(list[i], text)) return true;
    return false;
}

bool name_valid(const char *text, size_t bytes_max, const char *more)
{
    size_t len = strlen(text);
    size_t plain = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");
    if (len == 0 || len > bytes_max || plain == 0) return false;
    for (const char *p = text; *p; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && !strchr(more, *p))
            return false;
    return true;
}

bool setting_name_valid(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= 64 && text[0] >= 'A' && text[0] <= 'Z' &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}
