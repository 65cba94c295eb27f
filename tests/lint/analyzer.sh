#!/bin/sh
# gcc's -fanalyzer over the product's sources. What it wrongly reports is listed in analyzer.accepted,
# as FILE: TEXT, with the reason in a comment.
set -eu
cd "${BRIEFD_ROOT:-$(dirname "$0")/../..}"
accepted=$PWD/tests/lint/analyzer.accepted
dir=build/analyzer

[ -f "$dir/build.ninja" ] ||
    CC=gcc meson setup "$dir" --buildtype=debug -Doptimization=1 -Dwerror=false -Dc_args=-fanalyzer \
        -Dtests=false
ninja -C "$dir" -t clean >/dev/null # warnings are printed only when a file is compiled
ninja -C "$dir" >"$dir/analyzer.log" 2>&1 || { tail -n 40 "$dir/analyzer.log"; exit 1; }
found=$(sed -nE 's|^(\.\./)*(src/[^:]*):([0-9]+):[0-9]+: warning: (.*\[-Wanalyzer.*)$|\2:\3: \4|p' \
    "$dir/analyzer.log" | sort -u)
grep -v '^#' "$accepted" >"$dir/accepted" || true
left=$(printf '%s\n' "$found" | while IFS= read -r row; do
    [ -n "$row" ] || continue
    plain=$(printf '%s' "$row" | sed -E 's/^([^:]*):[0-9]+: (.*)$/\1: \2/')
    grep -qxF "$plain" "$dir/accepted" || printf '%s\n' "$row"
done)
if [ -n "$left" ]; then
    printf '%s\n' "$left"
    echo "against the rule: gcc's analyser finds nothing in src/ that analyzer.accepted does not explain"
    exit 1
fi
