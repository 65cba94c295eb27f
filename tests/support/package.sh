#!/usr/bin/env bash
# Builds the Debian package: tests/support/package.sh FOLDER. What is in the working tree and known to git goes in.
#   PACKAGE_VERSION=0.0.9        another version, for tests of upgrades
#   PACKAGE_MIGRATIONS=0002      nothing above this migration
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mkdir -p "$1"
folder=$(cd "$1" && pwd)
source=$folder/source
rm -rf "$source" "$folder"/*.deb
mkdir -p "$source"
git ls-files -z | xargs -0 cp --parents -t "$source" --no-dereference
mv "$source/config/debian" "$source/debian"
if [ -n "${PACKAGE_VERSION:-}" ]; then sed -i "1s/(.*)/($PACKAGE_VERSION)/" "$source/debian/changelog"; fi
if [ -n "${PACKAGE_MIGRATIONS:-}" ]; then
    for file in "$source"/migrations/[0-9]*.sql; do
        number=$(basename "$file" | cut -c1-4)
        if [ "$number" -gt "$PACKAGE_MIGRATIONS" ]; then rm "$file"; fi
    done
fi
cd "$source"
DEB_BUILD_OPTIONS="parallel=2 nocheck noddebs" dpkg-buildpackage --build=binary --no-sign
