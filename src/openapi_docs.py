"""Writes the OpenAPI document as a page of Markdown: the reference of the documentation (src/docs.py).

Operations stand under their tags, each with its parameters, its body, a call with curl, and its answers;
behind them the schemas, field by field.
"""
import json
import shlex

METHODS = ["get", "put", "post", "delete", "patch"]
EVERYWHERE = ["X-Request-Id", "RateLimit-Policy", "RateLimit"]


def cell(text):
    """Text for a cell of a table: one line, no bars."""
    return " ".join(str(text).replace("|", "\\|").split())


def one_line(node, document):
    return cell(node.get("description", "") or resolve(node, document).get("description", ""))


def resolve(node, document):
    while "$ref" in node:
        at = document
        for part in node["$ref"][2:].split("/"):
            at = at[part.replace("~1", "/").replace("~0", "~")]
        node = at
    return node


def link(name):
    return f"[{name}](#{name.lower()})"


def limits_of(schema):
    limits = []
    for least, most, unit in [("minimum", "maximum", ""), ("minLength", "maxLength", " characters"),
                              ("minItems", "maxItems", "")]:
        low, high = schema.get(least), schema.get(most)
        if low is not None and high is not None:
            limits.append(f"{low} to {high}{unit}" if low != high else f"{low}{unit}")
        elif low is not None or high is not None:
            limits.append(f"at least {low}{unit}" if high is None else f"at most {high}{unit}")
    if "default" in schema:
        limits.append(f"default `{json.dumps(schema['default'])}`")
    return limits


def type_of(schema, document):
    """What kind of value, with its limits."""
    if "$ref" in schema:
        return link(schema["$ref"].split("/")[-1])
    if "oneOf" in schema:
        return " or ".join(type_of(each, document) for each in schema["oneOf"])
    kinds = schema.get("type", "anything")
    words = " or ".join(kinds) if isinstance(kinds, list) else kinds
    if "items" in schema:
        words = words.replace("array", "array of " + type_of(schema["items"], document))
    if "enum" in schema:
        words = ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    limits = limits_of(schema)
    return words + (f" ({', '.join(limits)})" if limits else "")


def fields(schema, document, prefix=""):
    """Rows of a table: name, type, description."""
    for name, field in schema.get("properties", {}).items():
        star = " *" if name in schema.get("required", []) and prefix == "" else ""
        yield f"| `{prefix}{name}`{star} | {cell(type_of(field, document))} | {one_line(field, document)} |"
        if field.get("properties"):
            yield from fields(field, document, f"{prefix}{name}.")
        if field.get("items", {}).get("properties"):
            yield from fields(field["items"], document, f"{prefix}{name}[].")


def table(head, rows):
    rows = list(rows)
    return ["", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *rows, ""] if rows else []


def curl(method, path, parameters, operation):
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace("{%s}" % parameter["name"], str(parameter.get("example", "")))
    words = ["curl"] if method == "get" else ["curl", "-X", method.upper()]
    words.append(f"$BRIEFD{path}")
    if operation["security"]:
        words += ["-H", "Authorization: Bearer $KEY"]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if "examples" in content:
        body = json.dumps(list(content["examples"].values())[-1]["value"], ensure_ascii=False)
        words += ["-H", "Content-Type: application/json", "-d", body]
    quoted = [f'"{word}"' if "$" in word else shlex.quote(word) for word in words]
    return ["```", " ".join(quoted), "```", ""]


def responses(operation, document):
    for status, response in operation["responses"].items():
        response = resolve(response, document)
        what = response["description"].replace("\n- ", " · ").removeprefix("- ")
        schemas = [media["schema"]["$ref"].split("/")[-1] for media in response.get("content", {}).values()
                   if "$ref" in media.get("schema", {})]
        body = " " + ", ".join(link(name) for name in schemas) if schemas else ""
        headers = [f"`{name}`" for name in response.get("headers", {}) if name not in EVERYWHERE]
        yield f"| {status} | {cell(what)}{body} | {' '.join(headers)} |"


def operation_text(path, method, item, document):
    operation = item[method]
    parameters = [resolve(each, document) for each in item.get("parameters", []) + operation.get("parameters", [])]
    keys = [scope for way in operation["security"] for scope in way.get("apiKey", [])]
    who = "Everybody." if not keys else "An API key with " + " or ".join(f"`{scope}`" for scope in keys)
    if any("session" in way for way in operation["security"]):
        who += ", or a signed-in browser for its own user"
    rows = [f"### {method.upper()} {path}", "", f"**{operation['summary']}.** {operation['description']}", "",
            f"Who may: {who.rstrip('.')}.", ""]
    rows += table(["Parameter", "Value", ""], (
        f"| `{p['name']}`{' *' if p.get('required') else ''} in {p['in']} "
        f"| {cell(type_of(p['schema'], document))} | {cell(p['description'])} |"
        for p in parameters))
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if schema:
        rows += table(["Field", "Value", ""], fields(resolve(schema, document), document))
    rows += curl(method, path, parameters, operation)
    return rows + table(["Status", "", "Headers"], responses(operation, document))


def markdown(document):
    info = document["info"]
    rows = ["# Reference", "",
            f"Version {info['version']}, made from [`/openapi.json`](/openapi.json). A star marks what is needed.", "",
            info["description"], ""]
    for tag in document["tags"]:
        rows += [f"## {tag['name']}", "", tag["description"], ""]
        for path, item in document["paths"].items():
            for method in METHODS:
                if method in item and tag["name"] in item[method]["tags"]:
                    rows += operation_text(path, method, item, document)
    rows += ["## Schemas", ""]
    for name, schema in sorted(document["components"]["schemas"].items()):
        rows += [f"### {name}", "", schema.get("description", ""), ""]
        rows += table(["Field", "Value", ""], fields(schema, document))
        if not schema.get("properties"):
            rows += [f"{type_of({k: v for k, v in schema.items()}, document)}", ""]
    return "\n".join(rows) + "\n"
