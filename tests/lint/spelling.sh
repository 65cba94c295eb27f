#!/bin/sh
# Fails on a misspelt word in code, comments and documents. Words that are right although they look
# wrong stand in codespell.txt beside this file.
set -eu
cd "${BRIEFD_ROOT:-$(dirname "$0")/../..}"

command -v codespell >/dev/null || { echo "spelling: codespell is missing: ./dev setup installs it"; exit 1; }
for path in README.md CONTRIBUTING.md dev .ci src tests config migrations static; do
    [ ! -e "$path" ] || set -- "$@" "$path"
done
codespell --ignore-words tests/lint/codespell.txt \
    --skip '*/node_modules,*/corpus,*/recorded,*/package-lock.json,*/codespell.txt' "$@" || {
    echo "against the rule: words are spelt right, or listed in tests/lint/codespell.txt"
    exit 1
}
