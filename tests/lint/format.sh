#!/bin/sh
# Fails when a C file is not laid out as clang-format 14 does it. `format.sh --fix` lays it out.
# Version 14 alone counts: others disagree with it about tables.
set -eu
cd "${BRIEFD_ROOT:-$(dirname "$0")/../..}"

tool=$(command -v clang-format-14 || command -v clang-format || true)
case $([ -n "$tool" ] && "$tool" --version) in
    *"version 14."*) ;;
    *) echo "format: clang-format 14 is missing: ./dev setup installs it"; exit 1 ;;
esac

files() {
    find src tests -name node_modules -prune -o -name '*.[ch]' -print0
}

if [ "${1:-}" = --fix ]; then
    files | xargs -0 -r "$tool" -i
    exit 0
fi
wrong=$(files | xargs -0 -r "$tool" --dry-run 2>&1 | sed -n 's/^\([^:]*:[0-9]*\):.*clang-format.*/\1: format/p' |
    sort -t: -k1,1 -k2,2n -u | head -40)
if [ -n "$wrong" ]; then
    echo "$wrong"
    echo "against the rule: clang-format decides the layout. To fix: tests/lint/format.sh --fix"
    exit 1
fi
