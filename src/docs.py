#!/usr/bin/env python3
"""Renders static/docs/*.md to HTML pages, and writes them as a table of src/base/embedded.h.

The Markdown is readable as it is, and on a forge: links to `other.md#part` become links to the pages as
they are served, /docs/other#part. Every heading gets an anchor, made as forges make it; a heading that
is nothing but `code` gets that code, so that /docs/errors#not_found works. cmark-gfm does the rendering.
"""
import argparse
import html
import json
import pathlib
import re
import subprocess
import sys

import embed
import openapi_docs

# The order of the menu; index.md is the page at /docs. The reference is written from the OpenAPI document.
PAGES = ["index", "api", "reference", "webhooks", "connecting", "recipes", "operating", "promises", "errors"]

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · briefd</title>
<link rel="stylesheet" href="/static/app.css">
<link rel="stylesheet" href="/static/docs.css">
</head>
<body class="page page-docs">
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><a class="brand" href="/docs">briefd</a></header>
<div class="docs">
<nav class="docs-menu" aria-label="Documentation"><ul>
{menu}
</ul></nav>
<main id="main" class="docs-text">
{text}
</main>
</div>
</body>
</html>
"""


def render(cmark, markdown):
    command = [cmark, "--validate-utf8", "--extension", "table", "--extension", "autolink"]
    done = subprocess.run(command, input=markdown, capture_output=True, text=True, encoding="utf-8",
                          check=True)
    return done.stdout


def plain(fragment):
    return html.unescape(re.sub(r"<[^>]*>", "", fragment))


def anchor(heading, taken):
    """The anchor that forges give to this heading; a second one of the same words gets a number."""
    text = plain(heading)
    only_code = re.fullmatch(r"<code>([^<]*)</code>", heading.strip())
    name = only_code[1] if only_code else re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
    number = taken.get(name, 0)
    taken[name] = number + 1
    return f"{name}-{number}" if number else name


def with_anchors(body):
    taken = {}

    def add(match):
        level, heading = match[1], match[2]
        name = html.escape(anchor(heading, taken))
        return (f'<h{level} id="{name}">{heading}'
                f'<a class="docs-anchor" href="#{name}" aria-label="Link to this part">#</a></h{level}>')
    return re.sub(r"<h([2-4])>(.*?)</h\1>", add, body, flags=re.DOTALL)


def with_served_links(body, names):
    def served(match):
        name, part = match[1], match[2] or ""
        if name not in names:
            raise SystemExit(f"docs: a link leads to {name}.md, which is not a page")
        return f'href="{"/docs" if name == "index" else "/docs/" + name}{part}"'
    return re.sub(r'href="([\w-]+)\.md(#[^"]*)?"', served, body)


def with_breaks(cell):
    """Names in a cell may break behind these, so that they do not do it in the middle of a word."""
    def broken(match):
        return "<code>" + re.sub("([/_])(?=.)", r"\1<wbr>", match[1]) + "</code>"
    return re.sub("<code>([^<]*)</code>", broken, cell)


def with_cells(table):
    """Where there is no room for columns each cell stands alone: those of three and more say what they are."""
    heads = [plain(head) for head in re.findall(r"<th[^>]*>(.*?)</th>", table, flags=re.DOTALL)]

    def row(match):
        cells = re.findall(r"<td[^>]*>(.*?)</td>", match[1], flags=re.DOTALL)
        labels = [f' data-label="{html.escape(head)}"' if i > 0 and head and len(heads) > 2 else ""
                  for i, head in enumerate(heads)]
        return "<tr>" + "".join(f"<td{label}>{with_breaks(cell)}</td>" for label, cell in zip(labels, cells)) + "</tr>"
    return re.sub(r"<tr>\s*(<td.*?)</tr>", row, table, flags=re.DOTALL)


def with_tables(body):
    """A wide table, or text of a program, scrolls by itself; it can be reached with the keyboard for that."""
    body = re.sub(r"<table>.*?</table>", lambda match: with_cells(match[0]), body, flags=re.DOTALL)
    return (body.replace("<table>", '<div class="docs-table" tabindex="0" role="region" aria-label="Table"><table>')
            .replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">'))


def title_of(body, name):
    match = re.search(r"<h1>(.*?)</h1>", body, flags=re.DOTALL)
    if not match:
        raise SystemExit(f"docs: {name}.md does not begin with a title")
    return plain(match[1])


def menu(titles, current):
    rows = []
    for name, title in titles.items():
        href = "/docs" if name == "index" else f"/docs/{name}"
        here = ' aria-current="page"' if name == current else ""
        rows.append(f'<li><a href="{href}"{here}>{html.escape(title)}</a></li>')
    return "\n".join(rows)


def pages(cmark, folder, contract):
    """name → HTML, of every page."""
    found = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    found["reference"] = openapi_docs.markdown(json.loads(contract.read_text(encoding="utf-8")))
    missing = set(found) - set(PAGES)
    if missing:
        raise SystemExit(f"docs: these pages are not in the menu: {', '.join(sorted(missing))}")
    bodies = {name: render(cmark, found[name]) for name in PAGES if name in found}
    titles = {name: title_of(body, name) for name, body in bodies.items()}
    result = {}
    for name, body in bodies.items():
        text = with_served_links(with_tables(with_anchors(body)), bodies)
        result[name] = PAGE.format(title=html.escape(titles[name]), menu=menu(titles, name), text=text)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--docs", required=True, type=pathlib.Path)
    parser.add_argument("--openapi", required=True, type=pathlib.Path, help="openapi.json")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="where the HTML is put")
    parser.add_argument("--cmark", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--depfile", required=True, type=pathlib.Path)
    args = parser.parse_args()

    args.work.mkdir(parents=True, exist_ok=True)
    files = []
    for name, text in pages(args.cmark, args.docs, args.openapi).items():
        files.append(args.work / f"{name}.html")
        files[-1].write_text(text, encoding="utf-8")
    files.sort()
    args.output.write_text(embed.table("docs", args.work, files), encoding="utf-8")
    args.depfile.write_text(embed.depfile(args.output, [args.docs, *sorted(args.docs.glob("*.md"))]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
