#!/usr/bin/env bash
# Builds the package and one of an older version, and takes a bare Debian 12 through installation, start, an upgrade with
# migrations, removal and purge. As root; needs debootstrap.
#
#   PACKAGE_BASE=FILE   keeps the bare system in this tar file, and takes it from there next time
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH="$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
work=$(mktemp -d /var/tmp/briefd-package.XXXXXX)
chmod 755 "$work"
dir=$work/root
base=${PACKAGE_BASE:-/var/tmp/briefd-package-base.tar}
served=

# shellcheck disable=SC2317  # the trap calls it
finish() {
    if [ -n "$served" ]; then kill "$served" 2>/dev/null || true; fi
    rm -rf --one-file-system "$work"
}
trap finish EXIT

fail() {
    echo "package: $*" >&2
    exit 1
}

enter=(chroot "$dir" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
    LC_ALL=C.UTF-8 BRIEFD_DB=/var/lib/briefd/briefd.db)
inside() {
    "${enter[@]}" "$@"
}

lay_base() {
    mkdir "$dir"
    if [ ! -f "$base" ]; then
        local mirror
        # shellcheck disable=SC2016  # apt-get expands these itself
        mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
            awk '$2 == "bookworm" {print $1; exit}')
        # What the package needs is laid in with the rest: the chroot itself reaches no archive.
        debootstrap --variant=minbase --include=ca-certificates,libcjson1,libcurl4,libicu72,libmicrohttpd12,libsqlite3-0,libssl3 \
            bookworm "$dir" "$mirror"
        tar -cf "$base" -C "$dir" --numeric-owner .
    else
        tar -xf "$base" -C "$dir" --numeric-owner
    fi
}

# Starts the service as its unit would, without systemd: credentials in a folder, a socket to be told
# at. Waits for READY, and stops it again.
serve_once() {
    local socket=$dir/run/notify log=$work/serve.log messages=$work/messages ready=false
    rm -f "$socket"
    python3 tests/system/notify_socket.py "$socket" < <(tail -f /dev/null --pid=$$) >"$messages" &
    local listener=$!
    until [ -S "$socket" ]; do read -rt 0.1 <> <(:) || true; done
    # Not through the function: signals are for the service itself.
    "${enter[@]}" NOTIFY_SOCKET=/run/notify CREDENTIALS_DIRECTORY=/run/credentials \
        briefd serve --env-file /etc/briefd/briefd.env >"$log" 2>&1 &
    served=$!
    for _ in $(seq 600); do
        if grep -q '"READY": "1"' "$messages"; then
            ready=true
            break
        fi
        kill -0 "$served" 2>/dev/null || break
        read -rt 0.1 <> <(:) || true
    done
    $ready || { cat "$log" >&2; fail "the service did not become ready"; }
    kill -TERM "$served"
    wait "$served" || { cat "$log" >&2; fail "the service did not end well"; }
    served=
    grep -q '"STOPPING": "1"' "$messages" || fail "STOPPING was not said"
    kill "$listener" 2>/dev/null || true
    wait "$listener" 2>/dev/null || true
}

# The commands of a page that only a machine with the package can run: the Nth block that names this folder.
block_of_page() {
    awk -v wanted="$2" '
        /^<!-- run by tests\/package -->/ {n++; is_next = 1; next}
        /^```/ {if (is_inside) exit; is_inside = is_next && n == wanted; is_next = 0; next}
        is_inside' "$1"
}

version_of_database() {
    python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version").fetchone()[0])' \
        "$dir/var/lib/briefd/briefd.db"
}

echo "== packages"
PACKAGE_VERSION=0.0.9 PACKAGE_MIGRATIONS=0002 tests/support/package.sh "$work/old"
tests/support/package.sh "$work/new"
# As root lintian only warns about being root.
lintian --fail-on error,warning "$work"/new/*.deb
dpkg-deb -x "$work"/new/briefd_*_amd64.deb "$work/unpacked"
BRIEFD_BIN=$work/unpacked/usr/bin/briefd BRIEFD_OPTIMISED=yes tests/lint/hardening.sh || fail "the program is not hardened"

echo "== a bare Debian 12"
lay_base
cp "$work"/old/briefd_*.deb "$dir/root/old.deb"
mkdir "$dir/root/new"
cp "$work"/new/briefd_*_amd64.deb "$dir/root/new/"

echo "== installation of the older version"
inside dpkg -i /root/old.deb
[ -d "$dir/etc/briefd/credentials" ] || fail "there is no place for secrets"
status=0
inside briefd serve --env-file /etc/briefd/briefd.env || status=$?
[ "$status" = 78 ] || fail "without settings it ends with $status"
echo "sk-ant-api03-0123456789abcdef" >"$dir/etc/briefd/credentials/ANTHROPIC_API_KEY"
echo "test-secret-0123456789" >"$dir/etc/briefd/credentials/SCALEKIT_CLIENT_SECRET"
mkdir -p "$dir/var/lib/briefd" "$dir/run/credentials" # StateDirectory= and LoadCredential= of the unit
for name in ANTHROPIC_API_KEY SCALEKIT_CLIENT_SECRET; do
    cp "$dir/etc/briefd/credentials/$name" "$dir/run/credentials/briefd_$name"
done
cat >>"$dir/etc/briefd/briefd.env" <<'END'
SCALEKIT_ENV_URL=http://127.0.0.1:9
SCALEKIT_CLIENT_ID=skc_0123456789
SLACK_CONNECTION=slack-1
SANITY_CONNECTION=sanity-1
BRIEFD_LISTEN=127.0.0.1:0
END
key=$(inside briefd keys create before --scope briefings:read)
old=$(version_of_database)
[ "$old" = 2 ] || fail "the older version made a database of version $old"

echo "== upgrade"
mkdir -p "$dir/etc/apt/apt.conf.d" # nobody is there to be asked about the changed file
echo 'Dpkg::Options {"--force-confold";};' >"$dir/etc/apt/apt.conf.d/90confold"
inside bash -ec "cd /root/new; $(block_of_page static/docs/operating.md 1 | sed 's/apt-get install/& --assume-yes/')"
grep -q '^SLACK_CONNECTION=slack-1' "$dir/etc/briefd/briefd.env" || fail "the operator's settings are gone"
serve_once
new=$(version_of_database)
known=$(find migrations -name '[0-9]*.sql' | wc -l)
[ "$new" = "$known" ] || fail "the database has version $new after the upgrade, not $known"
inside bash -ec "$(block_of_page static/docs/operating.md 2)" # the secrets are found, nothing is missing
inside bash -ec "$(block_of_page static/docs/operating.md 3)"
grep -q '^bk_' "$dir/etc/briefd/api-key" || fail "the key for the timer is missing"
[ "$(stat -c %a "$dir/etc/briefd/api-key")" = 600 ] || fail "others can read the key for the timer"
inside briefd keys list | grep -q ' before ' || fail "the key made before the upgrade is gone"
[ -n "$key" ]

echo "== removal keeps what the operator and the service wrote"
inside dpkg -r briefd
[ ! -e "$dir/usr/bin/briefd" ] && [ ! -e "$dir/lib/systemd/system/briefd.service" ] || fail "files are left"
[ -f "$dir/var/lib/briefd/briefd.db" ] && [ -f "$dir/etc/briefd/briefd.env" ] || fail "data is gone"

rm -r "$dir/run/credentials" # systemd's
echo "== purge leaves nothing"
inside dpkg -P briefd
left=$(find "$dir" -xdev -path "$dir/root" -prune -o -path "$dir/proc" -prune -o -iname '*briefd*' -print |
    grep -v "^$dir/var/log/" || true)
[ -z "$left" ] || fail "left behind: $left"
echo "== installed, started, upgraded, removed, purged"
