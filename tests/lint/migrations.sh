#!/bin/sh
# Fails when a migration is not the one that was recorded in migrations.sha256, is missing, is not
# recorded, or does not follow the one before it. A database that has applied a migration never applies
# it again, so an edit would give old and new databases different tables: write the next one instead.
#
#   migrations.sh --accept     records the new ones
#   migrations.sh --rewrite    records all of them as they are: only while no release holds them
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${BRIEFD_ROOT:-$here/../..}"
recorded=${BRIEFD_MIGRATION_HASHES:-$here/migrations.sha256}
[ -f "$recorded" ] || : >"$recorded"

migrations() {
    find migrations -name '*.sql' | LC_ALL=C sort
}

case ${1:-} in
    --rewrite) migrations | xargs -r sha256sum >"$recorded"; exit 0 ;;
    --accept)
        migrations | while read -r path; do
            grep -qF "  $path" "$recorded" || sha256sum "$path" >>"$recorded"
        done
        exit 0 ;;
esac

status=0
while read -r hash path || [ -n "$hash" ]; do
    if [ ! -f "$path" ]; then
        echo "$path:1: migrations: recorded, but the file is gone"
        status=1
    elif [ "$(sha256sum <"$path" | cut -d' ' -f1)" != "$hash" ]; then
        echo "$path:1: migrations: changed after it was recorded; write a new migration instead"
        status=1
    fi
done <"$recorded"

expected=0
for path in $(migrations); do
    expected=$((expected + 1))
    number=$(basename "$path" | sed -n 's/^\([0-9]\{4\}\)_[a-z0-9_]*\.sql$/\1/p')
    if [ "$number" != "$(printf %04d $expected)" ]; then
        echo "$path:1: migrations: expected a name like $(printf %04d $expected)_what_it_does.sql"
        status=1
    fi
    if ! grep -qF "  $path" "$recorded"; then
        echo "$path:1: migrations: not recorded; tests/lint/migrations.sh --accept does it"
        status=1
    fi
done
[ $status = 0 ] || echo "against the rule: a migration never changes once it was recorded"
exit $status
