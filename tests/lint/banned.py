#!/usr/bin/env python3
"""Fails on a function that may not be called, or only in the one module that wraps it."""
import re
import sys

import csource

MEMORY = ("malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf posix_memalign "
          "aligned_alloc memalign valloc getline getdelim")
CLOCK = ("localtime_r gmtime_r localtime gmtime asctime ctime mktime timegm strftime strptime "
         "clock_gettime gettimeofday time nanosleep clock_nanosleep")
NOWHERE = ("sprintf vsprintf strcpy stpcpy strcat strncpy strncat strtok strtok_r atoi atol atoll atof "
           "gets rand rand_r srand random srandom drand48 lrand48 mrand48 system popen usleep sleep signal "
           "alarm pthread_cancel pthread_detach thrd_create thrd_sleep tmpnam tempnam mktemp")

# function: the files (prefixes of names below src/) that may call it
ALLOWED = {}
ALLOWED.update({name: ["base/mem."] for name in MEMORY.split()})
ALLOWED.update({name: ["base/clock."] for name in CLOCK.split()})
ALLOWED.update({name: [] for name in NOWHERE.split()})
ALLOWED.update({name: [] for name in "localtime gmtime asctime ctime".split()})
ALLOWED["clock_gettime"] = ["base/clock.", "base/thread."]
ALLOWED["pthread_create"] = ["base/thread."]
ALLOWED["getenv"] = ALLOWED["secure_getenv"] = ALLOWED["setenv"] = ALLOWED["putenv"] = ["config/"]

# In tests these hide a race behind a wait, or overrun a buffer. The rest is theirs to use.
TESTS = set("sleep usleep sprintf vsprintf strcpy strcat gets strtok rand system popen".split())

# A call; of what is banned also the bare name, as in `.cleanup = free` and `(strcpy)(a, b)`. Names that
# are words of ours, too, only where they are called.
WORDS = set("time free sleep signal alarm random system".split())
NAMES = "|".join(name for name in ALLOWED if name == "free" or name not in WORDS)
CALL = re.compile(r"(?<![\w.])(?<!->)([a-z_0-9]+)\s*\(")
BARE = re.compile(r"(?:[=,(]\s*&?|\?\s*|:\s*|return\s+)(" + NAMES + r")\s*[,);}]")
ALIAS = re.compile(r"#[ \t]*define[ \t]+\w+[ \t]+(" + NAMES + r")\b")


def uses(text):
    for pattern in (CALL, BARE, ALIAS):
        for match in pattern.finditer(text):
            yield match[1], text.count("\n", 0, match.start(1)) + 1


def check(root):
    problems = []
    for path, name in csource.sources(root, "src", "tests"):
        text = csource.without_comments_and_strings(path.read_text(encoding="utf-8"))
        below_src = name.removeprefix("src/")
        for function, line in uses(text):
            if name.startswith("tests/"):
                if function in TESTS:
                    problems.append(f"{name}:{line}: banned: {function}() in a test")
            elif function in ALLOWED and not below_src.startswith(tuple(ALLOWED[function])):
                where = " and ".join(f"src/{prefix}*" for prefix in ALLOWED[function])
                problems.append(f"{name}:{line}: banned: {function}() may be called "
                                + (f"only in {where}" if where else "nowhere"))
    return problems


if __name__ == "__main__":
    sys.exit(csource.finish(check(csource.root_argument()), "dangerous functions stay in one module"))
