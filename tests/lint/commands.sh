#!/usr/bin/env bash
# Fails when a command, a word behind it, an option or a scope that the binary knows is missing from the man page or the
# completion, or when either of them names one that it does not know.
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

# options COMMAND: those that it knows
options() {
    "$bin" "$1" --help 2>/dev/null | sed -n '/^Options:/,/^$/s/^  \(--[a-z-]*\).*/\1/p'
}

# described COMMAND: what the man page says of it, and of the options that are everybody's
described() {
    sed -n "/^# COMMANDS/,/^# OPTIONS/{/^\*$1\*\$/,/^\$/p}" "$man"
    sed -n '/^# OPTIONS/,/^# ENVIRONMENT/p' "$man"
}

for command in $commands; do
    grep -q "^\*$command\*$" "$man" || wrong "$man: the command $command is missing"
    offered | grep -qx -e "$command" || wrong "$completion: the command $command is missing"
    known=$(options "$command")
    [ -n "$known" ] || wrong "\`briefd $command --help\` lists no option"
    text=$(described "$command")
    for option in $known; do
        offered "$command" | grep -qx -e "$option" ||
            wrong "$completion: the option $option of $command is missing"
        grep -qF -e "*$option*" <<<"$text" || wrong "$man: the option $option of $command is missing"
    done
    for option in $(offered "$command" | grep '^--' || true); do
        grep -qx -e "$option" <<<"$known" || wrong "$completion: $command has no option $option"
    done
    for option in $(grep -o '\*--[a-z-]*\*' <<<"$text" | tr -d '*' | sort -u); do
        [ "$option" = --version ] || grep -qx -e "$option" <<<"$known" ||
            grep -qF -e "*$option*" <<<"$(described nothing)" || wrong "$man: $command has no option $option"
    done
    # the words that stand behind the command in its synopsis
    for word in $("$bin" "$command" --help | sed -n "/^Usage:/,/^$/s/^  briefd $command \([a-z]*\)\( .*\)\{0,1\}$/\1/p"); do
        offered "$command" | grep -qx -e "$word" || wrong "$completion: $command $word is missing"
        grep -qE "^\*briefd\* \*$command\* .*\*$word\*" "$man" || wrong "$man: $command $word is missing"
    done
done
for scope in $("$bin" keys --help | sed -n 's/^Scopes: \(.*\)\.$/\1/p' | tr -d ','); do
    grep -qw -e "$scope" "$completion" || wrong "$completion: the scope $scope is missing"
done
for word in $(offered | grep -v '^--' || true); do
    grep -qx -e "$word" <<<"$commands" || wrong "$completion: briefd has no command $word"
done
for word in $(sed -n '/^# COMMANDS/,/^# OPTIONS/s/^\*\([a-z-]*\)\*$/\1/p' "$man"); do
    grep -qx -e "$word" <<<"$commands" || wrong "$man: briefd has no command $word"
done
exit $failed
