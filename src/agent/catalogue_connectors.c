/* config/connectors.json. Its members are described in config/README.md. */
#include "agent/catalogue_read.h"

#include <ctype.h>
#include <string.h>

#define CONNECTORS_MAX 64

static void read_probe(struct connector *connector, const struct node *object)
{
    static const char *const members[] = {"tool", "identity", "author", NULL};
    struct node probe = node_member(object, "probe");
    if (!probe.json) return;
    node_object(&probe, members);
    connector->probe_tool = node_text(&probe, "tool", 128, true);
    connector->identity_members =
        node_text_list(&probe, "identity", 10, true, &connector->n_identity_members);
    connector->author_members =
        node_text_list(&probe, "author", 10, false, &connector->n_author_members);
    for (size_t i = 0; i < connector->n_author_members; i++)
        if (!text_list_has(connector->identity_members, connector->n_identity_members,
                           connector->author_members[i]))
            doc_problem(probe.doc, probe.path, "author names \"%s\", which is not in identity",
                        connector->author_members[i]);
}

/* A history can only be searched for our own messages when it is known who we are. */
static void check_history(const struct connector *connector, const struct node *object)
{
    if (connector->history_tool && connector->n_author_members == 0)
        doc_problem(object->doc, object->path, "has a history_tool but no probe.author");
}

static void check_tool_prefixes(const struct connector *connector, const struct node *object)
{
    const char *tools[] = {connector->probe_tool, connector->history_tool};
    for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
        if (!tools[i] || connector->n_tool_prefixes == 0) continue;
        bool fits = false;
        for (size_t k = 0; k < connector->n_tool_prefixes; k++)
            fits = fits || text_starts(tools[i], connector->tool_prefixes[k]);
        if (!fits)
            doc_problem(object->doc, object->path, "%s begins with none of tool_prefixes",
                        tools[i]);
    }
}

/* ScaleKit's own rule (wire notes 2.0). A space at an end would be a slip of whoever copied it. */
bool connection_name_valid(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("_: -", name[i])) return false;
    return len > 0 && len <= 400 && name[0] != ' ' && name[len - 1] != ' ';
}

static void read_connector(struct connector *connector, const struct node *node,
                           const char *(*setting)(void *ctx, const char *name), void *ctx)
{
    static const char *const members[] = {"label", "connection_setting", "tool_prefixes",
                                          "probe", "history_tool",       NULL};
    if (!name_valid(connector->name, 32, "_-"))
        doc_problem(
            node->doc, node->path,
            "a connector's name has 1 to 32 of a-z 0-9 _ - and begins with a letter or digit");
    node_object(node, members);
    connector->label = node_text(node, "label", 64, true);
    connector->connection_setting = node_text(node, "connection_setting", 64, true);
    connector->tool_prefixes =
        node_text_list(node, "tool_prefixes", 16, true, &connector->n_tool_prefixes);
    read_probe(connector, node);
    connector->history_tool = node_text(node, "history_tool", 128, false);
    check_history(connector, node);
    check_tool_prefixes(connector, node);

    if (!connector->connection_setting) return;
    if (!setting_name_valid(connector->connection_setting)) {
        doc_problem(node->doc, node->path,
                    "connection_setting must be a variable's name: A-Z 0-9 _");
        return;
    }
    const char *name = setting(ctx, connector->connection_setting);
    if (name && *name) connector->connection_name = xstrdup(name);
}

static void check_unique_settings(const struct catalogue *c, struct doc *doc)
{
    for (size_t i = 0; i < c->n_connectors; i++)
        for (size_t k = 0; k < i; k++)
            if (c->connectors[i].connection_setting &&
                text_equal(c->connectors[i].connection_setting,
                           c->connectors[k].connection_setting))
                doc_problem(doc, c->connectors[i].name, "shares %s with %s",
                            c->connectors[i].connection_setting, c->connectors[k].name);
}

void catalogue_read_connectors(struct catalogue *c, struct doc *doc, const cJSON *tree,
                               const char *(*setting)(void *ctx, const char *name), void *ctx)
{
    struct node root = {.doc = doc, .json = tree};
    node_object(&root, NULL);
    if (!cJSON_IsObject(tree)) return;
    int n = cJSON_GetArraySize(tree);
    if (n < 1 || n > CONNECTORS_MAX) {
        doc_problem(doc, "", "must name 1 to %d connectors, not %d", CONNECTORS_MAX, n);
        return;
    }
    c->connectors = xcalloc((size_t)n, sizeof *c->connectors);
    for (const cJSON *m = tree->child; m; m = m->next) {
        struct connector *connector = &c->connectors[c->n_connectors++];
        connector->name = xstrdup(m->string);
        struct node node = node_member(&root, m->string);
        node.json = m;
        read_connector(connector, &node, setting, ctx);
    }
    check_unique_settings(c, doc);
}

void connector_done(struct connector *connector)
{
    xfree(connector->name);
    xfree(connector->label);
    xfree(connector->connection_setting);
    xfree(connector->connection_name);
    text_list_free(connector->tool_prefixes, connector->n_tool_prefixes);
    xfree(connector->probe_tool);
    text_list_free(connector->identity_members, connector->n_identity_members);
    text_list_free(connector->author_members, connector->n_author_members);
    xfree(connector->history_tool);
    *connector = (struct connector){0};
}
