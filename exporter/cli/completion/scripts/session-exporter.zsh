#compdef session-exporter
# Completes session-exporter in zsh.
_session-exporter() {
    local line program="${words[1]/#\~/$HOME}"
    local -a lines candidates
    lines=("${(@f)$("$program" --complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null </dev/null)}")
    if [[ "$lines[1]" == files ]]; then
        compset -P '--*='
        _files
        return
    fi
    for line in $lines; do
        candidates+=("${${line/%$'\t'}/$'\t'/:}")
    done
    _describe -t words session-exporter candidates
}
if [[ "$funcstack[1]" == _session-exporter ]]; then
    _session-exporter "$@"
else
    compdef _session-exporter session-exporter
fi
