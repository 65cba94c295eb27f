#!/bin/sh
# clang-tidy over the product's sources, with the checks of .clang-tidy. Needs build/clang.
set -eu
cd "${BRIEFD_ROOT:-$(dirname "$0")/../..}"
dir=build/clang

command -v clang-tidy-14 >/dev/null || { echo "tidy: clang-tidy-14 is missing: ./dev setup all installs it"; exit 1; }
[ -f "$dir/build.ninja" ] || CC=clang meson setup "$dir" --buildtype=debugoptimized
ninja -C "$dir" >/dev/null # generated sources, and what it reads must compile
status=0
find src -name '*.c' -print0 |
    xargs -0 -P "$(nproc)" -n 4 clang-tidy-14 -p "$dir" --quiet --use-color=false \
        >"$dir/tidy.log" 2>"$dir/tidy.err" || status=$?
if grep -qE '^[./].*: (warning|error):' "$dir/tidy.log"; then
    sed -E 's|^[./].*/(src/[a-z]+/[^ ]*:)|\1|' "$dir/tidy.log"
    echo "against the rule: clang-tidy finds nothing in src/, or the line says NOLINT and why"
    exit 1
fi
if [ $status != 0 ]; then
    tail -n 20 "$dir/tidy.err"
    echo "clang-tidy ended with $status and says no more"
    exit 1
fi
