# shellcheck shell=bash
# Part of ./dev: what must be installed, and installing it. Packages come from apt and npm only.

packages_build="cmark-gfm gcc libc6-dev meson ninja-build pkg-config ca-certificates libmicrohttpd-dev
    libcurl4-openssl-dev libcjson-dev libsqlite3-dev libssl-dev libicu-dev python3-yaml"
packages_test="libcmocka-dev clang-format-14 codespell scdoc systemd"
packages_all="clang clang-tidy-14 libclang-rt-14-dev valgrind"
packages_package="debhelper scdoc dpkg-dev"
packages_browser="chromium"
packages_bench="wrk"
packages_profile="linux-perf"

# A node of 18 or newer, whoever brought it, is good; else Debian's.
has_node() {
    local major
    major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "${major:-0}" -ge 18 ]
}

# The sandbox of the demo needs npm only when it has dependencies of its own.
needs_npm() {
    [ -f tests/package.json ] || return 1
    [ "$1" != demo ] || grep -q '"dependencies"' tests/package.json
}

# wanted_packages build|demo|bench|profile|test|all
wanted_packages() {
    echo "$packages_build"
    if [ "$1" = build ]; then return; fi
    has_node || echo nodejs
    if needs_npm "$1" && ! command -v npm >/dev/null; then echo npm; fi
    case $1 in test | all) echo "$packages_test" ;; esac
    case $1 in all) echo "$packages_all" ;; esac
    case $1 in package | all) echo "$packages_package" ;; esac
    case $1 in all) echo "debootstrap lintian" ;; esac
    case $1 in bench | profile) echo "$packages_bench" ;; esac
    case $1 in profile) echo "$packages_profile" ;; esac
    case $1 in
        demo | bench | profile) ;;
        *) if compgen -G 'tests/browser/*.test.mjs' >/dev/null; then echo "$packages_browser"; fi ;;
    esac
}

missing_packages() {
    local package
    for package in $(wanted_packages "$1"); do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
            installed) ;;
            *) printf '%s ' "$package" ;;
        esac
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install_packages() {
    local missing start=$SECONDS
    missing=$(missing_packages "$1")
    if [ -z "$missing" ]; then return; fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        die "these packages are missing, and only root may install them: apt-get install $missing"
    fi
    if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
        say "sudo will ask for your password, to install packages"
        sudo true || die "without root: apt-get install $missing"
    fi

    say "installing with apt-get: $missing"
    quietly apt-update as_root apt-get update
    # shellcheck disable=SC2086  # a list of words
    quietly apt-install as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
    say "installed in $(seconds_since "$start")"
}

# npm's packages are those of the lock file, for this major version of node.
install_node_modules() {
    local stamp=tests/node_modules/.dev-stamp wanted start=$SECONDS
    if ! needs_npm "$1"; then return; fi
    wanted="$(sha256sum <tests/package-lock.json) node $(node -p 'process.versions.node.split(".")[0]')"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return; fi

    say "installing the npm packages of tests/package-lock.json"
    quietly npm npm ci --prefix tests --ignore-scripts --no-audit --no-fund
    mkdir -p tests/node_modules
    echo "$wanted" >"$stamp"
    say "installed in $(seconds_since "$start")"
}

# unpack_program PACKAGE PATH: a program that comes with a daemon in its package, which is unpacked and not
# installed, so that nothing is started or enabled: into build/tools.
unpack_program() {
    local package=$1 name=${2##*/} start=$SECONDS
    local dir=build/tools/unpacked-$name
    if [ -x "build/tools/$name" ] || command -v "$name" >/dev/null; then return; fi
    say "fetching $name with apt-get"
    rm -rf "$dir"
    mkdir -p "$dir" "$logs"
    if ! (cd "$dir" && apt-get download "$package") >"$logs/$name.log" 2>&1; then
        quietly apt-update as_root apt-get update
        (cd "$dir" && quietly "$name" apt-get download "$package")
    fi
    quietly "$name" dpkg-deb -x "$dir/$package"_*.deb "$dir"
    mv "$dir/$2" "build/tools/$name"
    rm -rf "$dir"
    say "fetched in $(seconds_since "$start")"
}

# setup build|demo|bench|profile|test|all
setup() {
    if ! command -v dpkg-query >/dev/null; then
        say "this is not Debian: taking for granted that its equivalents of these are there:" \
            "$(wanted_packages "$1" | tr -s ' \n' ' ')"
    else
        install_packages "$1"
    fi
    if [ "$1" != build ]; then
        install_node_modules "$1"
    fi
    case $1 in
        # promtool checks what /metrics says; nginx is what ./dev bench compares with
        test | all) unpack_program prometheus usr/bin/promtool ;;
        bench | profile) unpack_program nginx usr/sbin/nginx ;;
    esac
}
