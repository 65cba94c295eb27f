#!/usr/bin/env bash
# Fails when the program was not linked and compiled with what makes a mistake harder to use: position-independent, all
# symbols bound at start and read-only afterwards, no stack that can be run, guarded stacks, and checked copies where the
# compiler optimises.
set -eu
bin=${BRIEFD_BIN:?names the binary}
failed=0

wrong() {
    echo "$bin: hardening: $1"
    failed=1
}

headers=$(readelf --wide --file-header --program-headers --dynamic "$bin")
symbols=$(readelf --wide --dyn-syms "$bin")
has() {
    grep -qE -e "$1" <<<"$headers"
}

has 'Type: +DYN' || wrong "not position-independent (-pie)"
has 'FLAGS_1.*\bPIE\b' || wrong "not position-independent (-pie)"
has '^ +GNU_RELRO' || wrong "no read-only relocations (-z relro)"
has 'FLAGS.*\b(BIND_NOW|NOW)\b' || wrong "symbols are bound late (-z now)"
has '^ +GNU_STACK .* RW +0x' || wrong "the stack can be run (-z noexecstack)"
if has 'RPATH|RUNPATH'; then wrong "it looks for libraries in a path of its own"; fi
grep -q '__stack_chk_fail' <<<"$symbols" || wrong "stacks have no guard (-fstack-protector-strong)"
if [ "${BRIEFD_OPTIMISED:-no}" = yes ]; then
    grep -qE '__(vs|s)nprintf_chk' <<<"$symbols" || wrong "copies are not checked (-D_FORTIFY_SOURCE)"
fi
exit $failed
