# Completes session-exporter in fish.
function __session_exporter_words
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    set -l lines (command $program --complete fish $words[2..-1] "$current" 2>/dev/null </dev/null)
    if test "$lines[1]" = files
        if string match -q -- '--*=*' "$current"
            set -l parts (string split -m 1 = -- "$current")
            printf "$parts[1]=%s\n" (__fish_complete_path "$parts[2]")
        else
            __fish_complete_path "$current"
        end
        return
    end
    printf '%s\n' $lines
end
complete -c session-exporter -f -a '(__session_exporter_words)'
