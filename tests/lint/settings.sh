#!/bin/sh
# Fails when config/briefd.env.example is not what the settings table of the binary prints: the example
# that operators copy names every setting there is, and none that is not.
set -eu
cd "${BRIEFD_ROOT:-$(dirname "$0")/../..}"
example=config/briefd.env.example

if [ ! -f "$example" ]; then
    echo "settings: there is no $example"
    exit 1
fi
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"${BRIEFD_BIN:?names the binary}" check-config --example >"$made"
if ! diff -u --label "$example" --label "the settings table" "$example" "$made"; then
    echo "against the rule: every setting is in $example, as \`briefd check-config --example\` prints it"
    exit 1
fi
