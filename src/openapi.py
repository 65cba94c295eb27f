#!/usr/bin/env python3
"""Puts the OpenAPI document together from static/openapi/, and holds it against the program.

The parts describe each operation: what it is for, what it takes, what it answers when all is well, and
in `x-problems` the codes that are its own. What every operation has in common comes from the program:

    src/web/routes.c  who may call it (`security`), and the problems of that kind of route
    src/web/reply.h   a code's status, its title, and whether trying again helps

It ends with a message when a route is in neither list of the document (`paths`,
`x-outside-the-contract`), when the document has one that the program has not, and when a code has no
explanation in problems.yaml, or one that the program does not know.
"""
import argparse
import json
import pathlib
import re
import sys

import yaml

METHODS = ["get", "put", "post", "delete", "patch"]
ROUTE = re.compile(r'\b(KEY|OWN|PAGE|OPEN)\(\s*"(\w+)",\s*"([^"]+)",\s*(.*?)\)\s*,\s*(?=KEY|OWN|PAGE|OPEN|\}|/\*)', re.S)
PROBLEM = re.compile(r'X\((\w+), (\d{3}), (true|false), "([^"]+)"\)')
ALWAYS = {"X-Request-Id": "XRequestId"}
LIMITED = {"RateLimit-Policy": "RateLimitPolicy", "RateLimit": "SometimesRateLimit"}


class Loader(yaml.SafeLoader):
    """Times stay text, and a member given twice is a mistake."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"given twice: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


class Mismatch(Exception):
    """The document and the program disagree."""


def load(path):
    return yaml.load(path.read_text(encoding="utf-8"), Loader)  # a SafeLoader


def load_all(folder, into, what):
    for path in sorted(folder.glob("*.yaml")):
        for name, value in load(path).items():
            if name in into:
                raise Mismatch(f"{path}: {what} {name} is described twice")
            into[name] = value


# ---- what the program says ----

def read_routes(text):
    table = text[text.index("const struct route routes[]"):]
    routes = {}
    for kind, method, path, rest in ROUTE.findall(table):
        words = [word.strip() for word in rest.replace("\n", " ").split(",")]
        scopes = re.findall(r"SCOPE_([A-Z_]+)", words[0]) if kind in ("KEY", "OWN") else []
        routes[f"{method} {path}"] = {
            "kind": kind,
            "scopes": [scope.lower().replace("_", ":") for scope in scopes],
            "any_host": kind == "OPEN" and words[0] == "true",
            "inline": words[-2] == "INLINE",
        }
    n_rows = len(re.findall(r"^    (?:KEY|OWN|PAGE|OPEN)\(", table, re.M))
    if not routes or n_rows != len(routes):
        raise Mismatch(f"src/web/routes.c: {n_rows} rows, {len(routes)} understood")
    return routes


def read_problems(text, explained):
    problems = {}
    for code, status, retryable, title in PROBLEM.findall(text):
        if code not in explained:
            raise Mismatch(f"static/openapi/problems.yaml: {code} of src/web/reply.h is missing")
        problems[code] = {"status": status, "retryable": retryable == "true", "title": title, **explained[code]}
    unknown = set(explained) - set(problems)
    if unknown:
        raise Mismatch(f"static/openapi/problems.yaml: not in src/web/reply.h: {sorted(unknown)}")
    return problems


# ---- what operations have in common ----

def own_parameters(document, item, operation):
    names = set()
    for parameter in item.get("parameters", []) + operation.get("parameters", []):
        if "$ref" in parameter:
            name = parameter["$ref"].split("/")[-1]
            if name not in document["components"]["parameters"]:
                raise Mismatch(f"{operation['operationId']}: there is no parameter {name}")
            parameter = document["components"]["parameters"][name]
        names.add((parameter["in"], parameter["name"]))
    return names


def common_problems(route, method, parameters, has_body):
    """The codes that every route of this kind can answer."""
    codes = ["invalid_request"]
    if route["scopes"]:
        codes += ["unauthenticated", "insufficient_scope"]
    if route["kind"] == "OWN" and method != "get":
        codes += ["csrf_failed", "unsupported_media_type"]
    if method != "get":
        codes.append("body_too_large")
    if has_body and route["scopes"]:
        codes += ["invalid_json", "unsupported_media_type"]
    if ("header", "Idempotency-Key") in parameters:
        codes += ["idempotency_key_reused", "invalid_json"]
    if not route["any_host"]:
        codes += ["misdirected_request", "rate_limited"]
    if not route["inline"] or route["scopes"]:
        codes += ["overloaded", "draining"]
    if route["scopes"] or not route["inline"] and not route["any_host"]:
        codes += ["internal", "storage_unavailable"]
    return codes


def security(route):
    if not route["scopes"]:
        return []
    # one of the scopes is enough, and admin is always
    rows = [{"apiKey": [scope]} for scope in route["scopes"]]
    return rows + ([{"session": []}] if route["kind"] == "OWN" else [])


def problem_example(code, problem):
    return {"summary": code, "value": {
        "type": f"https://briefd.example/docs/errors#{code}", "title": problem["title"],
        "status": int(problem["status"]), "detail": problem["detail"], "instance": "/briefings", "code": code,
        "retryable": problem["retryable"], "request_id": "rq_01KAMJ9V2E0M3N6X8QZ4T7W5YB",
        "errors": problem.get("errors", [])}}


def header_refs(names):
    return {name: {"$ref": f"#/components/headers/{ref}"} for name, ref in names.items()}


def problem_response(codes, problems):
    headers = {**ALWAYS, **LIMITED}
    for code in codes:
        only_some = len(codes) > 1
        if problems[code]["retryable"]:
            headers["Retry-After"] = "SometimesRetryAfter" if not all(problems[c]["retryable"] for c in codes) else "RetryAfter"
        if problems[code]["status"] == "429":
            headers["RateLimit"] = "RateLimit"
        for name, ref in problems[code].get("headers", {}).items():
            headers[name] = f"Sometimes{ref}" if only_some else ref
    return {
        "description": "\n".join(f"- `{code}`: {problems[code]['means']}" for code in codes),
        "headers": header_refs(headers),
        "content": {"application/problem+json": {
            "schema": {"allOf": [{"$ref": "#/components/schemas/Problem"},
                                 {"properties": {"code": {"enum": codes}}}]},
            "examples": {code: problem_example(code, problems[code]) for code in codes}}}}


def add_problems(document, operation, codes, problems):
    """Responses of the same codes are the same response, kept once."""
    by_status = {}
    for code in codes:
        by_status.setdefault(problems[code]["status"], []).append(code)
    shared = document["components"].setdefault("responses", {})
    for status, some in sorted(by_status.items()):
        some = sorted(set(some))
        name = "Or".join("".join(word.capitalize() for word in code.split("_")) for code in some)
        shared.setdefault(name, problem_response(some, problems))
        response = {"$ref": f"#/components/responses/{name}"}
        if status in operation["responses"]:  # a document of its own, or a problem
            own = operation["responses"][status]
            own["content"].update(shared[name]["content"])
            more = {k: v for k, v in shared[name]["headers"].items() if k not in own["headers"]}
            if "Retry-After" in more:
                more.update(header_refs({"Retry-After": "SometimesRetryAfter"}))
            own["headers"].update(more)
        else:
            operation["responses"][status] = response


def complete(document, item, route, method, operation, problems):
    operation["security"] = security(route)
    for response in operation["responses"].values():
        response["headers"] = {**header_refs(ALWAYS), **response.get("headers", {})}
    if not route["any_host"]:
        for response in operation["responses"].values():
            response["headers"].update(header_refs(LIMITED))
    parameters = own_parameters(document, item, operation)
    if ("header", "Idempotency-Key") in parameters:
        for response in operation["responses"].values():
            response["headers"]["Idempotent-Replayed"] = {"$ref": "#/components/headers/IdempotentReplayed"}
    codes = common_problems(route, method, parameters, "requestBody" in operation)
    codes += operation.pop("x-problems", [])
    unknown = set(codes) - set(problems)
    if unknown:
        raise Mismatch(f"{operation['operationId']}: unknown codes {sorted(unknown)}")
    add_problems(document, operation, codes, problems)
    operation["responses"] = dict(sorted(operation["responses"].items()))


def add_sometimes_headers(document):
    """A header that only some of a response's codes bring is not required there."""
    headers = document["components"]["headers"]
    for name in ["RetryAfter", "Location", "WwwAuthenticate", "RateLimit"]:
        headers[f"Sometimes{name}"] = {**headers[name], "required": False}


def check_routes(document, routes):
    described = {f"{method.upper()} {path}" for path, item in document["paths"].items()
                 for method in item if method in METHODS}
    outside = set(document["x-outside-the-contract"])
    problems = [f"{name} is described and declared outside" for name in sorted(described & outside)]
    problems += [f"{name} of src/web/routes.c is not described" for name in sorted(set(routes) - described - outside)]
    problems += [f"{name} is no route of src/web/routes.c" for name in sorted((described | outside) - set(routes))]
    if problems:
        raise Mismatch("static/openapi: " + "; ".join(problems))


def drop_unused(document):
    """What nothing refers to is left out."""
    text = json.dumps(document)
    for section in ["headers", "responses", "parameters"]:
        kept = document["components"][section]
        for name in [name for name in kept if f'"#/components/{section}/{name}"' not in text]:
            del kept[name]


def assemble(parts, source, version):
    document = load(parts / "openapi.yaml")
    document["info"]["version"] = version
    document["paths"] = {}
    document["components"]["schemas"] = {}
    load_all(parts / "paths", document["paths"], "path")
    load_all(parts / "schemas", document["components"]["schemas"], "schema")
    document = json.loads(json.dumps(document))  # anchors make parts of it one object: separate them
    routes = read_routes((source / "web/routes.c").read_text(encoding="utf-8"))
    problems = read_problems((source / "web/reply.h").read_text(encoding="utf-8"), load(parts / "problems.yaml"))
    check_routes(document, routes)
    add_sometimes_headers(document)
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                complete(document, item, routes[f"{method.upper()} {path}"], method, item[method], problems)
    drop_unused(document)
    return document


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--parts", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path, help="the folder src")
    parser.add_argument("--version", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--depfile", type=pathlib.Path)
    args = parser.parse_args()
    try:
        document = assemble(args.parts, args.source, args.version)
    except (Mismatch, yaml.YAMLError) as error:
        print(f"openapi: {error}", file=sys.stderr)
        return 1
    args.output.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    if args.depfile:
        inputs = [p for p in sorted(args.parts.rglob("*")) if p.is_dir() or p.suffix == ".yaml"]
        inputs += [args.parts, args.source / "web/routes.c", args.source / "web/reply.h"]
        names = " ".join(str(p).replace(" ", "\\ ") for p in inputs)
        args.depfile.write_text(f"{args.output}: {names}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
