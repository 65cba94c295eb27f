# shellcheck shell=bash
# Part of ./dev: test, lint and fuzz.

# shellcheck disable=SC2154  # set by dev
tally=$logs/tally

# run_suites KIND [OPTION…] SUITE…: builds, runs, adds to the tally. A failure is counted and the
# rest goes on.
run_suites() {
    local kind=$1 options=()
    shift
    while [ "${1#--}" != "$1" ]; do
        options+=("$1" "$2")
        shift 2
    done
    if ! (configure "$kind"); then
        echo "0 1 0" >>"$tally"
        return
    fi
    tests/run.py --tally "$tally" "${options[@]}" "build/$kind" "$@" </dev/null || true
}

# Adds to the tally something that is not a test of meson: count_one NAME COMMAND…
count_one() {
    local name=$1 start=$SECONDS log=$logs/$1.log
    shift
    mkdir -p "$logs"
    if "$@" >"$log" 2>&1 </dev/null; then
        printf '  %-27s %5d ok, 0 not ok  (%s)\n' "$name" 1 "$(seconds_since "$start")"
        echo "1 0 0" >>"$tally"
    else
        printf '  %-27s %5d ok, 1 not ok  (%s)\n\n    FAILED  %s (all of it: %s)\n' \
            "$name" 0 "$(seconds_since "$start")" "$name" "$log"
        tail -n 60 "$log" | sed 's/^/        /'
        echo "0 1 0" >>"$tally"
    fi
}

# Builds while tests run: those wait more than they compute. What fails here is said when it is needed.
build_ahead() {
    (configure "$1" && nice -n 19 ninja -C "build/$1") >"$logs/build-$1-ahead.log" 2>&1 </dev/null &
}

everything_else() {
    local target
    run_suites asan --slow 3 system
    run_suites clang unit component fault fuzz
    run_suites release lint unit component fuzz system
    run_suites tsan --slow 5 unit component system
    run_suites debug --setup valgrind unit component
    BRIEFD_TEST_LONG=1 run_suites asan --slow 5 crash fault
    count_one crash-campaign env "BRIEFD_BIN=$root/build/release/src/briefd" \
        node tests/crash/campaign.mjs "${BRIEFD_CRASH_SECONDS:-60}"
    tail -n 4 "$logs/crash-campaign.log"
    count_one mutations env "BRIEFD_BIN=$root/build/release/src/briefd" BRIEFD_TEST_LONG=1 \
        node --test tests/system/mutation.test.mjs
    count_one package as_root tests/package/install.sh
    lint_deep
    # shellcheck disable=SC2046  # names without spaces
    build fuzz $(fuzz_targets | sed 's|^|tests/fuzz_|')
    for target in $(fuzz_targets); do
        while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
        count_one "fuzz-$target" fuzz_one "$target" "${BRIEFD_FUZZ_SECONDS:-40}" &
    done
    wait
}

lint_deep() {
    count_one analyzer tests/lint/analyzer.sh
    count_one clang-tidy tests/lint/tidy.sh
}

# Ends with the line `N passed, N failed`; fails when something failed or nothing ran.
close_tally() {
    local passed failed skipped
    read -r passed failed skipped < <(awk '{p += $1; f += $2; s += $3} END {print p + 0, f + 0, s + 0}' "$tally")
    if [ "$skipped" != 0 ]; then say "$skipped skipped"; fi
    say "took $(seconds_since 0)"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
}

start_tally() {
    mkdir -p "$logs"
    : >"$tally"
}

verb_test() {
    local all=false package=false suites=()
    for word in "$@"; do
        case $word in
            --all) all=true ;;
            package) package=true ;;
            lint | unit | component | fault | fuzz | system | crash | browser) suites+=("$word") ;;
            *) die "test knows --all and the suites lint unit component fault fuzz system crash browser package" ;;
        esac
    done
    if $all || $package; then setup all; else setup test; fi
    start_tally

    if $package; then count_one package as_root tests/package/install.sh; fi
    if [ ${#suites[@]} != 0 ]; then
        run_suites debug "${suites[@]}"
    elif ! $package || $all; then
        say "gcc, debug"
        run_suites debug lint unit component fuzz
        build_ahead asan
        run_suites debug system crash browser
        wait
        say "AddressSanitizer and UndefinedBehaviorSanitizer"
        run_suites asan --slow 3 unit component fault fuzz
        if $all; then
            say "everything else"
            everything_else
        fi
    fi
    close_tally
}

verb_lint() {
    local deep=true
    for word in "$@"; do
        case $word in
            --quick) deep=false ;;
            --fix) tests/lint/format.sh --fix ;;
            *) die "lint knows --quick and --fix" ;;
        esac
    done
    if $deep; then setup all; else setup test; fi
    start_tally
    run_suites debug lint
    if $deep; then lint_deep; fi
    close_tally
}

fuzz_targets() {
    find tests/fuzz -maxdepth 1 -name 'fuzz_*.c' -exec basename {} .c \; | sed 's/^fuzz_//' | sort
}

# fuzz_one TARGET SECONDS: new inputs go to build/fuzz/corpus, what breaks to build/fuzz/found.
fuzz_one() {
    local target=$1 grown=build/fuzz/corpus/$1 dictionary=tests/fuzz/$1.dict
    mkdir -p "$grown" build/fuzz/found
    set -- -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/found/$target-"
    if [ -f "$dictionary" ]; then set -- "$@" -dict="$dictionary"; fi
    UBSAN_OPTIONS=print_stacktrace=1 "build/fuzz/tests/fuzz_$target" "$@" "$grown" "tests/fuzz/corpus/$target"
}

verb_fuzz() {
    if [ $# != 2 ]; then
        say "./dev fuzz TARGET SECONDS, with one of these targets:"
        fuzz_targets
        [ $# = 0 ] || exit 2
        return
    fi
    [ -f "tests/fuzz/fuzz_$1.c" ] || die "there is no tests/fuzz/fuzz_$1.c"
    setup all
    build fuzz "tests/fuzz_$1"
    fuzz_one "$1" "$2"
    say "nothing broke; new inputs are in build/fuzz/corpus/$1. To keep the useful ones:"
    echo "build/fuzz/tests/fuzz_$1 -merge=1 tests/fuzz/corpus/$1 build/fuzz/corpus/$1"
}
