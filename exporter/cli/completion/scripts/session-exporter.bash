# Completes session-exporter in bash.
_session_exporter() {
    local line reply program="${1/#\~/$HOME}"
    COMPREPLY=()
    reply="$("$program" --complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)"
    if [[ "$reply" == files ]]; then
        compopt -o default 2>/dev/null
        return 0
    fi
    while IFS= read -r line; do
        [[ -n "$line" ]] && COMPREPLY+=("${line%%$'\t'*}")
    done <<< "$reply"
}
complete -F _session_exporter session-exporter
