#!/usr/bin/env python3
"""Proves that the checks can fail: each case makes a small tree, and names what must be said of it.

Prints TAP.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import run  # noqa: E402  tests/run.py, whose counting is checked here too

LONG_FUNCTION = "int f(void)\n{\n" + "    f();\n" * 61 + "}\n"

# A program with one command, its page and its completion.
PROGRAM = {
    "bin": """#!/bin/sh
case $1 in
    help) printf 'Commands:\\n  keys    Keys.\\n\\n' ;;
    keys) printf 'Usage:\\n  briefd keys list [--all]\\n\\nOptions:\\n  --all    All.\\n  --help   This.\\n\\n' ;;
esac
""",
    "config/man/briefd.1.scd": "*briefd* *keys* *list*\n\n# COMMANDS\n\n*keys*\n\tKeys; *--all*: all.\n\n"
                               "# OPTIONS\n\n*--help*\n\n# ENVIRONMENT\n",
    "config/completion/briefd.bash": """_briefd() {
    local words="keys"
    [ "$COMP_CWORD" = 1 ] || words="list --all --help"
    mapfile -t COMPREPLY < <(compgen -W "$words")
}
complete -F _briefd briefd
""",
}
PAGE, COMPLETION = "config/man/briefd.1.scd", "config/completion/briefd.bash"


def program(name, old, new):
    return {**PROGRAM, name: PROGRAM[name].replace(old, new)}


# name, script, files, what the output must contain (None: the tree is in order)
CASES = [
    ("an include of a layer below is allowed", "layering.py",
     {"src/agent/a.c": '#include "http/http.h"\n#include "store/store.h"\n#include <string.h>\n'}, None),
    ("an include that points back is found", "layering.py",
     {"src/base/str.c": '\n#include "web/web.h"\n'}, "src/base/str.c:2: layering: base may not"),
    ("the middle layers do not know each other", "layering.py",
     {"src/runs/a.c": '#  include "notify/notify.h"\n'}, "src/runs/a.c:1: layering: runs may not"),
    ("store and http do not know each other", "layering.py",
     {"src/store/a.h": '#include "http/http.h"\n'}, "src/store/a.h:1: layering: store may not"),
    ("web may not see the configuration", "layering.py",
     {"src/web/a.c": '#include "config/config.h"\n'}, "src/web/a.c:1: layering: web may not"),
    ("the program may see every layer", "layering.py",
     {"src/main.c": '#include "web/web.h"\n#include "config/config.h"\n'}, None),
    ("sqlite3.h is seen by store alone", "layering.py",
     {"src/store/a.c": "#include <sqlite3.h>\n", "src/main.c": "#include <sqlite3.h>\n"},
     "src/main.c:1: layering: <sqlite3.h> belongs to store"),
    ("curl's headers are seen by http alone", "layering.py",
     {"src/api/a.c": "#include <curl/easy.h>\n"}, "layering: <curl/easy.h> belongs to http"),
    ("ICU and OpenSSL are seen by base alone", "layering.py",
     {"src/store/a.c": "#include <openssl/evp.h>\n"}, "layering: <openssl/evp.h> belongs to base"),
    ("an include beside the file is found", "layering.py",
     {"src/web/a.c": '#include "router.h"\n'}, "include paths start at src/"),
    ("an include inside a comment is no include", "layering.py",
     {"src/base/a.c": '/* like\n#include "web/web.h"\n*/\n'}, None),
    ("an include without a space is found", "layering.py",
     {"src/base/a.c": '#include"web/web.h"\n'}, "src/base/a.c:1: layering: base may not"),
    ("a library's header without a space is found", "layering.py",
     {"src/web/a.c": "#include<sqlite3.h>\n"}, "src/web/a.c:1: layering: <sqlite3.h> belongs"),
    ("an include whose name a macro makes is found", "layering.py",
     {"src/base/a.c": '#define W "web/web.h"\n#include W\n'}, "src/base/a.c:2: layering: an include names"),
    ("an unknown layer is found", "layering.py",
     {"src/extra/a.c": '#include "base/str.h"\n'}, "the layer extra is not known"),

    ("malloc is called in mem.c", "banned.py", {"src/base/mem.c": "p = malloc(1);\nfree(p);\n"}, None),
    ("malloc elsewhere is found", "banned.py",
     {"src/web/a.c": "int x;\np = malloc (1);\n"}, "src/web/a.c:2: banned: malloc()"),
    ("free as a pointer is found", "banned.py",
     {"src/web/a.c": "struct x y = {.cleanup = free};\n"}, "src/web/a.c:1: banned: free()"),
    ("a banned function in brackets or as a pointer is found", "banned.py",
     {"src/web/a.c": "(strcpy)(a, b);\nf = &strcat;\n"}, "src/web/a.c:2: banned: strcat()"),
    ("a banned function under another name is found", "banned.py",
     {"src/web/a.c": "#define take malloc\n"}, "src/web/a.c:1: banned: malloc()"),
    ("what the C library allocates is found", "banned.py",
     {"src/web/a.c": "asprintf(&a, b);\n"}, "src/web/a.c:1: banned: asprintf()"),
    ("a variable called time is no call of time", "banned.py",
     {"src/web/a.c": "f(a, time);\nlocal = time;\n"}, None),
    ("a member called free is no call of free", "banned.py",
     {"src/web/a.c": "x->free(y);\nx.free(y);\nsqlite3_free(y);\nxfree(y);\n"}, None),
    ("words in comments and strings are no calls", "banned.py",
     {"src/web/a.c": '/* never strcpy(a, b) */ puts("system(x)"); // sleep(1)\n'}, None),
    ("strcpy is found everywhere", "banned.py",
     {"src/base/mem.c": "strcpy(a, b);\n"}, "src/base/mem.c:1: banned: strcpy() may be called nowhere"),
    ("getenv belongs to config", "banned.py",
     {"src/config/env.c": "getenv(x);\n", "src/base/a.c": "getenv(x);\n"}, "src/base/a.c:1: banned"),
    ("threads are started in thread.c", "banned.py",
     {"src/runs/a.c": "pthread_create(&t, 0, f, 0);\n"}, "src/runs/a.c:1: banned: pthread_create()"),
    ("time is read in clock.c", "banned.py",
     {"src/runs/a.c": "now = time(NULL);\n"}, "src/runs/a.c:1: banned: time()"),
    ("a test that sleeps is found", "banned.py",
     {"tests/unit/test_a.c": "usleep(10);\n"}, "tests/unit/test_a.c:1: banned: usleep() in a test"),

    ("a function of 60 lines is allowed", "size.py",
     {"src/a.c": LONG_FUNCTION.replace("    f();\n", "", 1)}, None),
    ("a longer function is found", "size.py", {"src/a.c": LONG_FUNCTION}, "src/a.c:2: size: a function"),
    ("a longer function with a comment behind its end is found", "size.py",
     {"src/a.c": LONG_FUNCTION.replace("}\n", "} /* f */\n")}, "src/a.c:2: size: a function"),
    ("a longer function may say why", "size.py",
     {"src/a.c": "/* Long: one switch, one case a line. */\n" + LONG_FUNCTION}, None),
    ("a file above 400 lines is found", "size.py",
     {"src/a.h": "int x;\n" * 401}, "src/a.h:401: size: a file of 401 lines"),
    ("a long script is found", "size.py",
     {"tests/system/a.test.mjs": "f();\n" * 401}, "tests/system/a.test.mjs:401: size: a file"),

    ("a layout of one's own is found", "format.sh",
     {"src/a.c": "int  f( void ) { return 1; }\n", "tests/x.h": ""}, "src/a.c:1: format"),
    ("a misspelt word is found", "spelling.sh",
     {"src/a.c": "/* rec" + "ieve */\n", "tests/lint/codespell.txt": ""}, "src/a.c:1:"),
    ("a right word is allowed", "spelling.sh",
     {"src/a.c": "/* receive */\n", "tests/lint/codespell.txt": ""}, None),

    ("an unrecorded migration is found", "migrations.sh",
     {"migrations/0001_init.sql": "x", "hashes": ""}, "migrations/0001_init.sql:1: migrations: not rec"),
    ("a recorded migration is in order", "migrations.sh",
     {"migrations/0001_init.sql": "",
      "hashes": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                "  migrations/0001_init.sql\n"}, None),
    ("a changed migration is found", "migrations.sh",
     {"migrations/0001_init.sql": "changed",
      "hashes": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                "  migrations/0001_init.sql\n"}, "migrations/0001_init.sql:1: migrations: changed"),
    ("a changed migration in a last line without an end is found", "migrations.sh",
     {"migrations/0001_init.sql": "changed",
      "hashes": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                "  migrations/0001_init.sql"}, "migrations/0001_init.sql:1: migrations: changed"),
    ("a removed migration is found", "migrations.sh",
     {"migrations/.keep": "", "hashes": "e3b0  migrations/0001_init.sql\n"}, "the file is gone"),
    ("a gap in the numbers is found", "migrations.sh",
     {"migrations/0002_init.sql": "", "hashes": ""}, "expected a name like 0001_"),

    ("commands that are described are in order", "commands.sh", PROGRAM, None),
    ("a command that the page leaves out is found", "commands.sh", program(PAGE, "\n*keys*\n", "\n"),
     "the command keys is missing"),
    ("an option that the page leaves out is found", "commands.sh", program(PAGE, "*--all*", "all"),
     f"{PAGE}: the option --all of keys is missing"),
    ("an option that the page makes up is found", "commands.sh", program(PAGE, "Keys;", "*--some*"),
     f"{PAGE}: keys has no option --some"),
    ("a word that the page leaves out is found", "commands.sh", program(PAGE, "*list*", "list"),
     f"{PAGE}: keys list is missing"),
    ("an option that the completion leaves out is found", "commands.sh", program(COMPLETION, "--all", ""),
     f"{COMPLETION}: the option --all of keys is missing"),
    ("an option that the completion makes up is found", "commands.sh", program(COMPLETION, "--all", "--all --some"),
     f"{COMPLETION}: keys has no option --some"),
    ("a word that the completion leaves out is found", "commands.sh", program(COMPLETION, "list", ""),
     f"{COMPLETION}: keys list is missing"),

    ("an example that differs from the settings is found", "settings.sh",
     {"config/briefd.env.example": "A=1\n", "bin": "#!/bin/sh\necho B=2\n"}, "+B=2"),
    ("an example that is gone is found", "settings.sh", {"bin": "#!/bin/sh\necho A=1\n"}, "there is no config"),
    ("an example that is what the settings print is allowed", "settings.sh",
     {"config/briefd.env.example": "A=1\n", "bin": "#!/bin/sh\necho A=1\n"}, None),
]


def write_tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)
    for folder in ("src", "tests"):
        (root / folder).mkdir(exist_ok=True)
    layout = root / ".clang-format"
    layout.write_bytes((HERE.parent.parent / ".clang-format").read_bytes())


def lint(script, files):
    """Exit status and output of a script over a tree of these files."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        write_tree(root, files)
        env = dict(os.environ, BRIEFD_ROOT=folder, BRIEFD_MIGRATION_HASHES=str(root / "hashes"),
                   BRIEFD_BIN=str(root / "bin"))
        command = [str(HERE / script)] + ([folder] if script.endswith(".py") else [])
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


# name, fields of meson's record, (passed, failed, skipped)
COUNTS = [
    ("passed and skipped cases are counted",
     {"stdout": "1..3\nok 1 - a\nok 2 - b\nok 3 - c # SKIP no disk\n"}, (2, 0, 1)),
    ("a case that cmocka skips is skipped",
     {"stdout": "1..2\nok 1 - a\nnot ok 2 # SKIP b\n", "result": "FAIL"}, (1, 0, 1)),
    ("a failed case is counted",
     {"stdout": "1..2\nok 1 - a\nnot ok 2 - b\n", "result": "FAIL", "returncode": 1}, (1, 1, 0)),
    ("a program that dies after its last case has failed",
     {"stdout": "1..1\nok 1 - a\n", "result": "ERROR", "returncode": 99}, (1, 1, 0)),
    ("a program that runs no case has failed",
     {"stdout": "1..0\n", "result": "SKIP"}, (0, 1, 0)),
    ("a program that prints nothing at all has failed", {"stdout": "", "result": "SKIP"}, (0, 1, 0)),
    ("a test that was cut off by its time limit has failed",
     {"stdout": "TAP version 13\nok 1 - a\n", "result": "TIMEOUT", "returncode": -9}, (1, 1, 0)),
    ("a script without cases counts as one", {"stdout": "fine"}, (1, 0, 0)),
    ("a script that fails counts as one", {"result": "FAIL", "returncode": 1}, (0, 1, 0)),
]


def counted(fields):
    record = {"name": "briefd:unit / x", "stdout": "", "stderr": "", "result": "OK", "returncode": 0}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "log.json"
        path.write_text(json.dumps({**record, **fields}) + "\n")
        count = run.count_log(path)
    return count.passed, count.failed, count.skipped


# name, the file of the program or of the document, what in it, becomes what; what must be said (None: in order)
CONTRACT = [
    ("the document and the program agree", "src/web/routes.c", "", "", None),
    ("a route that is not described is found", "src/web/routes.c", '"/version"', '"/versions"',
     "GET /versions of src/web/routes.c is not described"),
    ("a described route that is none is found", "static/openapi/paths/service.yaml", "/version:", "/versions:",
     "GET /versions is no route"),
    ("a code without an explanation is found", "static/openapi/problems.yaml", "draining:", "dripping:",
     "draining of src/web/reply.h is missing"),
    ("a code that the program does not know is found", "static/openapi/paths/briefings.yaml", "[not_found]",
     "[not_here]", "unknown codes ['not_here']"),
    ("a row of the route table that is not understood is found", "src/web/routes.c", 'OPEN("GET", "/version",',
     'OPEN(GET, "/version",', "understood"),
]


def contract(name, old, new):
    """Exit status and output of src/openapi.py over a copy of its parts in which something is changed."""
    source = HERE.parent.parent
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        shutil.copytree(source / "static/openapi", root / "static/openapi")
        (root / "src/web").mkdir(parents=True)
        for path in ["src/web/routes.c", "src/web/reply.h"]:
            shutil.copy(source / path, root / path)
        text = (root / name).read_text()
        (root / name).write_text(text.replace(old, new, 1) if old else text)
        command = [sys.executable, str(source / "src/openapi.py"), "--parts", str(root / "static/openapi"),
                   "--source", str(root / "src"), "--version", "1", "--output", str(root / "openapi.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def results():
    for name, path, old, new, expected in CONTRACT:
        status, said = contract(path, old, new)
        good = status == 0 if expected is None else status == 1 and expected in said
        yield good, f"openapi.py: {name}", f"exit status {status}, said:\n{said}"
    for name, script, files, expected in CASES:
        status, said = lint(script, files)
        good = status == 0 if expected is None else status == 1 and expected in said
        yield good, f"{script}: {name}", f"exit status {status}, said:\n{said}"
    for name, fields, expected in COUNTS:
        got = counted(fields)
        yield got == expected, f"run.py: {name}", f"counted {got}, expected {expected}"


def main():
    n_failed = 0
    print(f"1..{len(CONTRACT) + len(CASES) + len(COUNTS)}")
    for number, (good, name, story) in enumerate(results(), 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        if not good:
            n_failed += 1
            print("\n".join("# " + row for row in story.splitlines()))
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
