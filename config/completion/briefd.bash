# Completion of briefd for bash: source it, or put it into /usr/share/bash-completion/completions/briefd.

_briefd() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local common="--env-file --db --help" words=""

    case $previous in
        --env-file | --db)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
        --scope)
            mapfile -t COMPREPLY < <(compgen -W \
                "briefings:read briefings:write connections:read connections:write metrics:read admin" -- "$current")
            return
            ;;
        --connectors | --name | --return-to | --user | --recipe | --params | --timezone | --idempotency-key | --url) return ;;
    esac

    if [ "$COMP_CWORD" = 1 ]; then
        words="serve run send check-config keys connect migrate backup restore user version help --version --help"
    else
        case ${COMP_WORDS[1]} in
            serve | migrate) words=$common ;;
            backup | restore)
                [ "${COMP_WORDS[1]}" = restore ] && common="--force $common"
                mapfile -t COMPREPLY < <(compgen -f -W "$common" -- "$current")
                return
                ;;
            run) words="--user --recipe --params --timezone --idempotency-key --preview $common" ;;
            send) words="--user --recipe --daily --idempotency-key --preview --url $common" ;;
            check-config) words="--print --print-config --example --unpack $common" ;;
            keys)
                words="--scope --all $common"
                [ "$COMP_CWORD" = 2 ] && words="create list revoke $words"
                ;;
            user)
                words="--disconnect --keep-accounts --leave-file $common"
                [ "$COMP_CWORD" = 2 ] && words="export erase $words"
                ;;
            connect) words="--connectors --name --return-to --confirm $common" ;;
            help) words="serve run send check-config keys connect migrate backup restore user version --help" ;;
            version) words="--help" ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _briefd briefd
