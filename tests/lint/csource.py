"""What the C lint scripts share: finding sources, and reading them without comments and strings."""
import pathlib
import re
import sys

TOKEN = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE)


def blank(match):
    """The same number of lines and, for literals, the quotes, so that positions stay true."""
    text = match[0]
    if text[0] in "\"'":
        return text[0] + text[0]
    return " " + "\n" * text.count("\n")


def without_comments(text):
    return TOKEN.sub(lambda m: m[0] if m[0][0] in "\"'" else blank(m), text)


def without_comments_and_strings(text):
    return TOKEN.sub(blank, text)


def sources(root, *folders):
    for folder in folders:
        for path in sorted((root / folder).rglob("*.[ch]")):
            if "node_modules" not in path.parts:
                yield path, path.relative_to(root).as_posix()


def root_argument():
    here = pathlib.Path(__file__).resolve().parent.parent.parent
    return pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else here


def finish(problems, rule):
    """Prints what was found and gives the exit status."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"\n{len(problems)} against the rule: {rule}")
    return 1 if problems else 0
