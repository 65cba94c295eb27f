#!/bin/sh
# clang-tidy over the product's sources, with the checks of .clang-tidy. Needs build/clang.
set -eu
cd "${BRIEFD_ROOT:-$(dirname "$0")/../..}"
dir=build/clang

[ -f "$dir/build.ninja" ] || CC=clang meson setup "$dir" --buildtype=debugoptimized
ninja -C "$dir" >/dev/null # generated sources, and what it reads must compile
run-clang-tidy-14 -p "$dir" -quiet -j "$(nproc)" "^$PWD/src/.*\.c$" 2>/dev/null >"$dir/tidy.log" || true
# the log's lines of commands are left out; findings stay, with their notes
if grep -qE '^/.*: (warning|error):' "$dir/tidy.log"; then
    grep -vE '^clang-tidy-14 ' "$dir/tidy.log" | sed "s|$PWD/||g"
    echo "against the rule: clang-tidy finds nothing in src/, or the line says NOLINT with a reason"
    exit 1
fi
