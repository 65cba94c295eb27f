#include "api/message_block.h"

#include <stdio.h>
#include <string.h>

void message_block_done(struct message_block *b)
{
    str_done(&b->start);
    str_done(&b->fragments);
    str_done(&b->signature);
    str_done(&b->citations);
}

size_t message_block_size(const struct message_block *b)
{
    return b->start.len + b->fragments.len + b->signature.len + b->citations.len;
}

static struct json_span start_of(const struct message_block *b)
{
    return json_root(str_text(&b->start), b->start.len);
}

bool message_block_is_tool_use(const struct message_block *b)
{
    return strcmp(b->type, "tool_use") == 0;
}

enum err message_block_begin(struct message_block *b, struct json_span content_block)
{
    AUTO(xfree_ptr) char *type = json_strdup(json_get(content_block, "type"), sizeof b->type - 1);
    if (json_type(content_block) != JSON_OBJECT || !type) {
        return fail(E_PROTOCOL, "the stream began a content block without a type");
    }
    snprintf(b->type, sizeof b->type, "%s", type);
    str_append(&b->start, content_block.text, content_block.len);
    b->is_open = true;
    return E_OK;
}

/* ---- deltas ---- */

static enum err append_fragment(struct message_block *b, const char *member, struct json_span text)
{
    if (json_type(text) != JSON_STRING) {
        return fail(E_PROTOCOL, "a delta for `%s` of a %s block has no text", member, b->type);
    }
    b->member = member;
    str_append(&b->fragments, text.text + 1, text.len - 2);
    return E_OK;
}

static enum err append_citation(struct message_block *b, struct json_span citation)
{
    if (json_type(citation) != JSON_OBJECT) return fail(E_PROTOCOL, "a citation is no object");
    if (b->citations.len > 0) str_append_char(&b->citations, ',');
    str_append(&b->citations, citation.text, citation.len);
    return E_OK;
}

static enum err replace_signature(struct message_block *b, struct json_span signature)
{
    if (json_type(signature) != JSON_STRING) return fail(E_PROTOCOL, "a signature is no text");
    str_clear(&b->signature);
    str_append(&b->signature, signature.text, signature.len);
    b->has_signature = true;
    return E_OK;
}

enum err message_block_delta(struct message_block *b, struct json_span delta)
{
    struct json_span type = json_get(delta, "type");
    bool is_text = strcmp(b->type, "text") == 0;
    bool is_thinking = strcmp(b->type, "thinking") == 0;
    bool has_input = strstr(b->type, "tool_use") != NULL; /* server_tool_use, mcp_tool_use */

    if (is_text && json_string_is(type, "text_delta")) {
        return append_fragment(b, "text", json_get(delta, "text"));
    }
    if (is_text && json_string_is(type, "citations_delta")) {
        return append_citation(b, json_get(delta, "citation"));
    }
    if (is_thinking && json_string_is(type, "thinking_delta")) {
        return append_fragment(b, "thinking", json_get(delta, "thinking"));
    }
    if (is_thinking && json_string_is(type, "signature_delta")) {
        return replace_signature(b, json_get(delta, "signature"));
    }
    if (has_input && json_string_is(type, "input_json_delta")) {
        return append_fragment(b, "input", json_get(delta, "partial_json"));
    }
    AUTO(xfree_ptr) char *name = json_strdup(type, 63);
    return fail(E_PROTOCOL,
                "the stream has a delta (%s) that this version cannot add to a %s block",
                name ? name : "without a type", b->type);
}

/* ---- the finished block ---- */

static void decode_fragments(const struct message_block *b, struct str *out)
{
    struct str literal = STR_LIMIT(b->fragments.len + 2);
    str_append_char(&literal, '"');
    str_append_str(&literal, &b->fragments);
    str_append_char(&literal, '"');
    json_string(json_root(literal.data, literal.len), out);
    str_done(&literal);
}

void message_block_end(struct message_block *b)
{
    b->is_open = false;
    if (!b->member || strcmp(b->member, "input") != 0) return;

    /* Decoded once and kept in place of the fragments. Pieces without a byte in them are no input.
     */
    struct str input = STR_LIMIT(b->fragments.len + 2);
    decode_fragments(b, &input);
    bool is_object = !json_check(str_text(&input), input.len, (struct json_limits){0}) &&
                     json_type(json_root(input.data, input.len)) == JSON_OBJECT;
    if (input.len == 0) {
        b->member = NULL;
    } else if (!is_object) {
        b->is_input_broken = true;
    }
    str_move(&b->fragments, &input);
}

bool message_block_is_blank(const struct message_block *b)
{
    if (strcmp(b->type, "text") != 0) return false;
    struct str text = {0};
    json_string(json_get(start_of(b), "text"), &text);
    /* Most texts begin with a letter and need no second look. */
    char first = b->fragments.len > 0 ? b->fragments.data[0] : ' ';
    if (strchr(" \\", first))
        decode_fragments(b, &text);
    else
        str_append_char(&text, first);
    bool is_blank = strspn(str_text(&text), " \t\r\n\f\v") == text.len;
    str_done(&text);
    return is_blank;
}

/* A member whose value in the start object is replaced. */
struct splice {
    const char *key; /* NULL: none */
    struct str value;
};

/* `opening`, then what the start object has between its own delimiters, then the streamed part. */
static void join(struct splice *s, const struct message_block *b, const struct str *streamed,
                 enum json_type type, const char *separator)
{
    struct json_span old = json_get(start_of(b), s->key);
    bool has_old = json_type(old) == type && old.len > 2;
    str_append_char(&s->value, type == JSON_STRING ? '"' : '[');
    if (has_old) {
        str_append(&s->value, old.text + 1, old.len - 2);
        str_append_text(&s->value, separator);
    }
    str_append_str(&s->value, streamed);
    str_append_char(&s->value, type == JSON_STRING ? '"' : ']');
}

static size_t make_splices(const struct message_block *b, struct splice out[3])
{
    size_t n = 0;
    if (b->member && strcmp(b->member, "input") == 0) {
        out[n].key = "input";
        /* A broken input never runs and is never echoed; the block stays readable. */
        if (b->is_input_broken)
            str_append_text(&out[n].value, "{}");
        else
            str_append_str(&out[n].value, &b->fragments);
        n++;
    } else if (b->member) {
        out[n].key = b->member;
        join(&out[n++], b, &b->fragments, JSON_STRING, "");
    } else if (message_block_is_tool_use(b) &&
               json_type(json_get(start_of(b), "input")) != JSON_OBJECT) {
        out[n].key = "input";
        str_append_text(&out[n++].value, "{}");
    }
    if (b->has_signature) {
        out[n].key = "signature";
        str_append_str(&out[n++].value, &b->signature);
    }
    if (b->citations.len > 0) {
        out[n].key = "citations";
        join(&out[n++], b, &b->citations, JSON_ARRAY, ",");
    }
    return n;
}

/* The start object, byte by byte, with the values of some members exchanged; members that it does
 * not have come last. */
static void write_spliced(const struct str *start, struct splice *splices, size_t n,
                          struct str *out)
{
    struct json_span object = json_root(start->data, start->len);
    const char *copied = object.text;
    bool is_empty = true;
    struct json_iter it = json_iter(object);
    while (json_next(&it)) {
        is_empty = false;
        for (size_t i = 0; i < n; i++) {
            if (!splices[i].key || !json_string_is(it.key, splices[i].key)) continue;
            str_append(out, copied, (size_t)(it.value.text - copied));
            str_append_str(out, &splices[i].value);
            copied = it.value.text + it.value.len;
            splices[i].key = NULL;
        }
    }
    const char *brace = object.text + object.len - 1;
    str_append(out, copied, (size_t)(brace - copied));
    for (size_t i = 0; i < n; i++) {
        if (!splices[i].key) continue;
        str_append_format(out, "%s\"%s\":", is_empty ? "" : ",", splices[i].key);
        str_append_str(out, &splices[i].value);
        is_empty = false;
    }
    str_append_char(out, '}');
}

void message_block_write(const struct message_block *b, struct str *out)
{
    struct splice splices[3] = {0};
    size_t n = make_splices(b, splices);
    struct str block = {0};
    write_spliced(&b->start, splices, n, &block);
    json_repair(out, str_text(&block), block.len);
    str_done(&block);
    for (size_t i = 0; i < n; i++)
        str_done(&splices[i].value);
}
