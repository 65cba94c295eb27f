#!/usr/bin/env bash
# Fails when a command or an option that the binary knows is missing from the man page or the completion, or when either
# of them names one that it does not know.
set -eu
cd "${BRIEFD_ROOT:-$(dirname "$0")/../..}"
bin=${BRIEFD_BIN:?names the binary}
man=config/man/briefd.1.scd
completion=config/completion/briefd.bash
failed=0

wrong() {
    echo "$1"
    failed=1
}

commands=$("$bin" help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
[ -n "$commands" ] || wrong "\`briefd help\` lists no command"

# shellcheck source=/dev/null
. "$completion"

# offered WORDS…: what the completion offers behind them
offered() {
    COMP_WORDS=(briefd "$@" "")
    COMP_CWORD=$(($# + 1))
    COMPREPLY=()
    _briefd
    printf '%s\n' "${COMPREPLY[@]}"
}

for command in $commands; do
    grep -q "^\*$command\*$" "$man" || wrong "$man: the command $command is missing"
    offered | grep -qx -e "$command" || wrong "$completion: the command $command is missing"
    for option in $("$bin" "$command" --help 2>/dev/null | sed -n '/^Options:/,/^$/s/^  \(--[a-z-]*\).*/\1/p'); do
        offered "$command" | grep -qx -e "$option" ||
            wrong "$completion: the option $option of $command is missing"
    done
done
for word in $(offered | grep -v '^--'); do
    grep -qx -e "$word" <<<"$commands" || wrong "$completion: briefd has no command $word"
done
for word in $(sed -n '/^# COMMANDS/,/^# OPTIONS/s/^\*\([a-z-]*\)\*$/\1/p' "$man"); do
    grep -qx -e "$word" <<<"$commands" || wrong "$man: briefd has no command $word"
done
exit $failed
