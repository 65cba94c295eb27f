#!/usr/bin/env bash
# Runs a command in a fresh clone on a bare Debian 12: what a stranger meets on a new machine.
#
#   tests/support/bare-debian.sh [COMMAND]      as root; COMMAND is ./dev demo --once when left out
#
# debootstrap's smallest system is laid into a new folder, the current commit is cloned to
# /root/briefd, and the command runs there in a chroot with its own mounts and processes, which end
# with it: nothing stays mounted or running. apt and npm reach the registries that this machine is
# configured for, and no others. The environment is empty but for that.
#
#   BARE_DEBIAN_BASE=FILE   keeps the bare system in this tar file, and takes it from there next time
#   BARE_DEBIAN_KEEP=1      leaves the folder, and says where it is
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

command=${*:-./dev demo --once}
suite=bookworm
[ "$(id -u)" = 0 ] || { echo "bare-debian: only root can make a chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "bare-debian: apt-get install debootstrap" >&2; exit 1; }

dir=$(mktemp -d /var/tmp/bare-debian.XXXXXX)
chmod 755 "$dir" # the root of the new system: everyone may look into it
# shellcheck disable=SC2317  # the trap calls it
finish() {
    if [ -n "${BARE_DEBIAN_KEEP:-}" ]; then
        echo "bare-debian: left in $dir"
    else
        rm -rf --one-file-system "$dir"
    fi
}
trap finish EXIT

# "URI SUITE COMPONENT" of Debian's own archives, as apt is configured here
# shellcheck disable=SC2016  # apt-get expands these itself
archives() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        grep " $suite" | sort -u
}

lay_base() {
    local mirror base=${BARE_DEBIAN_BASE:-}
    if [ -n "$base" ] && [ -f "$base" ]; then
        echo "bare-debian: unpacking $base"
        tar -xf "$base" -C "$dir" --numeric-owner
        return
    fi
    mirror=$(archives | awk -v suite="$suite" '$2 == suite {print $1; exit}')
    echo "bare-debian: debootstrap $suite from $mirror"
    debootstrap --variant=minbase "$suite" "$dir" "$mirror" >"$dir.log" 2>&1 ||
        { tail -n 20 "$dir.log" >&2; exit 1; }
    rm -f "$dir.log"
    if [ -n "$base" ]; then tar -cf "$base" -C "$dir" --numeric-owner .; fi
}

# How this machine reaches its registries: archives, apt's way of fetching, extra certificates.
lend_registries() {
    local file
    archives | sed 's/^/deb /' >"$dir/etc/apt/sources.list"
    for file in /etc/apt/apt.conf.d/*; do
        if grep -q '^Acquire' "$file" && ! grep -qi 'dpkg::' "$file"; then
            cp "$file" "$dir/etc/apt/apt.conf.d/"
        fi
    done
    cp /etc/resolv.conf /etc/hosts "$dir/etc/"
    if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
        mkdir -p "$dir/usr/local/share/ca-certificates"
        cp /usr/local/share/ca-certificates/*.crt "$dir/usr/local/share/ca-certificates/"
    fi
    if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
        cp /etc/ssl/certs/ca-certificates.crt "$dir/etc/bare-debian-ca.crt"
    fi
}

lay_base
lend_registries
git clone -q --no-hardlinks "$PWD" "$dir/root/briefd"
commit=$(git -C "$dir/root/briefd" rev-parse --short HEAD)

environment=(HOME=/root TERM="${TERM:-dumb}" PATH=/usr/local/bin:/usr/bin:/bin
    NODE_EXTRA_CA_CERTS=/etc/bare-debian-ca.crt npm_config_cafile=/etc/bare-debian-ca.crt)
if command -v npm >/dev/null; then
    environment+=(npm_config_registry="$(npm config get registry 2>/dev/null)")
fi
for name in http_proxy https_proxy no_proxy BRIEFD_FUZZ_SECONDS; do
    if [ -n "${!name:-}" ]; then environment+=("$name=${!name}"); fi
done

echo "bare-debian: $command  (commit $commit)"
status=0
# shellcheck disable=SC2016  # the inner shell expands its own arguments
unshare --mount --pid --fork --kill-child sh -c '
    set -e
    dir=$1; shift
    mount -t proc proc "$dir/proc"
    mount --rbind /dev "$dir/dev"
    mount -t tmpfs tmpfs "$dir/tmp"
    command=$1; shift
    exec env -i "$@" /usr/sbin/chroot "$dir" /bin/sh -c "cd /root/briefd && $command"
' sh "$dir" "$command" "${environment[@]}" || status=$?
echo "bare-debian: exit status $status"
exit $status
