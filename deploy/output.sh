# shellcheck shell=bash disable=SC2154  # what it does not set itself comes from settings.sh
# What deploy_all.sh shows, and how it runs a command: a title and what came of it, or in a dry run the command itself.

dry_run=no
step_number=0
scratch=''       # a folder for this run alone
log=/dev/null    # everything that gcloud said; real runs keep it, and it never holds a secret's value

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' yellow='' plain=''
fi

readonly WIDTH=116

# --- what is shown ----------------------------------------------------------------------------------

# A step of the plan. In a dry run every line that is no command begins with '#', so that the plan is a script too.
step() {
    step_number=$((step_number + 1))
    if [[ $dry_run == yes ]]; then
        printf '\n# %s. %s\n' "$step_number" "$1"
    else
        printf '\n%s%s. %s%s\n' "$bold" "$step_number" "$1" "$plain"
    fi
}

say() { fold -s -w $((WIDTH - 2)) <<<"$*" | indented; }

note() { fold -s -w $((WIDTH - 2)) <<<"Note: $*" | indented "$yellow"; }

indented() {
    local line mark='  '
    if [[ $dry_run == yes ]]; then mark='# '; fi
    while IFS= read -r line; do printf '%s%s%s%s\n' "${1:-}" "$mark" "${line% }" "${1:+$plain}"; done
}

# A command for a person to run.
hint() { show "$@" | sed 's/^/  /' | indented; }

result() { # result MARK COLOUR TITLE WHAT
    printf '  %s%s%s %-52s %s%s%s\n' "$2" "$1" "$plain" "$3" "$dim" "$4" "$plain"
}

done_with() { result '✓' "$green" "$1" "${2:-}"; }
as_it_was() { result '·' "$dim" "$1" "${2:-there already}"; }

stop() { # stop MESSAGE...: nothing was begun, or nothing more can be
    printf '%sdeploy_all.sh:%s %s\n' "$red" "$plain" "$1" >&2
    shift
    local line
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# --- a command as a person would type it -------------------------------------------------------------

# Sets $quoted. Of name=value, only the value stands in quotes.
quote() { # quote WORD
    local name='' value=$1
    if [[ $1 =~ ^((--)?[a-z-]+=)(.*)$ ]]; then name=${BASH_REMATCH[1]} value=${BASH_REMATCH[3]}; fi
    case $value in
        '$'[A-Z]*) quoted="$name\"$value\"" ;;    # a variable of the plan
        *[!A-Za-z0-9_./:=@,%+~^-]*)
            value=${value//\'/\'\\\'\'}
            quoted="$name'$value'" ;;
        *) quoted=$name$value ;;
    esac
}

show() { # show COMMAND...: over as many lines as it needs
    local line='' word
    for word in "$@"; do
        quote "$word"
        if [[ -n $line && $((${#line} + ${#quoted} + 3)) -gt $WIDTH ]]; then
            printf '%s \\\n' "$line"
            line="    $quoted"
        else
            line=${line:+$line }$quoted
        fi
    done
    printf '%s\n' "$line"
}

# In a dry run: a line that keeps what a command says in a variable, which later lines use.
show_assignment() { # show_assignment VARIABLE COMMAND...
    local variable=$1
    shift
    printf '%s=\x24(%s)\n' "$variable" "$(show "$@")"
    printf -v "$variable" '\x24%s' "$variable"
}

# --- running it --------------------------------------------------------------------------------------

said=''    # what the last command wrote, both streams
out=''     # what it wrote to standard output
readonly PAUSE=${DEPLOY_PAUSE:-5}    # seconds between two tries

# Run a command; its output goes to $out, and with its errors to $said and the log. The status is the command's.
# Whoever runs commands side by side gives each a $lane of its own.
attempt() {
    local errors=$scratch/errors.${lane:-main} status=0
    out=$("$@" 2>"$errors" </dev/null) || status=$?
    said=$(<"$errors")${out:+$'\n'$out}
    { printf '\n$ '; show "$@"; printf '%s\n' "$said"; } >>"$log"
    return "$status"
}

# What passes by itself: a service account that Google's other services have not heard of yet, an IAM policy that
# somebody else changed in the same second, an API that was enabled just now, a service that is busy.
passes_by_itself() {
    [[ $said =~ (Service\ account\ [^ ]+\ does\ not\ exist|service\ accounts\ were\ not\ found|concurrent\ policy\ changes|ABORTED|UNAVAILABLE|status=\[50[234]\]|has\ not\ been\ used\ in\ project|SERVICE_DISABLED) ]]
}

# Run a command, again while what it fails at passes by itself.
#   also_passes=RE  another error that does, and takes up to ten minutes
persist() {
    local left=8 patient=no
    until attempt "$@"; do
        left=$((left - 1))
        if [[ $patient == no && -n ${also_passes:-} && $said =~ $also_passes ]]; then
            patient=yes left=120
            say "Google says '${BASH_REMATCH[0]}', which passes: this is tried again for up to ten minutes."
        fi
        if [[ $left -le 0 ]] || { [[ $patient == no ]] && ! passes_by_itself; }; then return 1; fi
        sleep "$PAUSE"
    done
}

# act TITLE COMMAND...: do something that may be done again without harm.
#   outcome=TEXT  what to show when it is done; 'told' for what the command itself says of it
#   also_gone=RE  an error that means that there is nothing left to remove
act() {
    local title=$1 what=${outcome:-done}
    shift
    if [[ $dry_run == yes ]]; then
        show "$@"
        return
    fi
    if ! persist "$@"; then
        [[ -n ${also_gone:-} && $said =~ $also_gone ]] || failed "$title" "$@"
        as_it_was "$title" 'not there'
        return
    fi
    if [[ $what == told ]]; then what=${out//$'\n'/; }; fi
    done_with "$title" "$what"
}

# create EXISTING NAME TITLE COMMAND...: create what is not among the existing names, of which there is one a line.
create() {
    local existing=$1 name=$2 title=$3
    shift 3
    if has "$existing" "$name"; then as_it_was "$title"; else outcome=created act "$title" "$@"; fi
}

# remove EXISTING NAME TITLE COMMAND...: remove what is there; a dry run shows all that might be.
remove() {
    local existing=$1 name=$2 title=$3
    shift 3
    if [[ $dry_run == yes ]] || has "$existing" "$name"; then
        outcome=removed act "$title" "$@"
    else
        as_it_was "$title" 'not there'
    fi
}

has() { [[ $'\n'$1$'\n' == *$'\n'"$2"$'\n'* ]]; }

# listed COMMAND...: what there is, in $out. A dry run asks nobody, and plans for an empty project.
listed() {
    out=''
    [[ $dry_run == yes ]] || persist "$@" || failed 'look what is there' "$@"
}

failed() { # failed TITLE COMMAND...
    local title=$1
    shift
    printf '  %s✗ %s%s\n\n' "$red" "$title" "$plain" >&2
    show "$@" | sed 's/^/    /' >&2
    printf '%s\n' "$said" | grep -v '^$' | tail -n 15 | sed 's/^/    /' >&2
    printf '\n' >&2
    stop "stopped at step $step_number. What was done so far stays." "$(advice)" \
        'Then run the same command again: it goes on from here.' "Everything that was said: $log"
}

# What to do about an error, from what gcloud says.
advice() {
    case $said in
        *'illing'*) echo "Link a billing account: https://console.cloud.google.com/billing/linkedaccount?project=$project" ;;
        *'auth login'* | *'auth tokens'* | *'eauthenticat'*) echo "Log in again: gcloud auth login" ;;
        *PERMISSION_DENIED* | *'does not have permission'* | *'403'* | *'orbidden'*)
            echo 'Ask an owner of the project for the permission named above; docs/install.md lists the roles.' ;;
        *'existed recently'* | *'existed too recently'*)
            echo 'A queue that was deleted keeps its name for some days: give the new one another, with --queue NAME.' ;;
        *RESOURCE_EXHAUSTED* | *'uota'*) echo 'A quota of the project is spent: wait, or ask Google for more.' ;;
        *'resolve'* | *'onnection'* | *'etwork'*) echo 'Check the network.' ;;
        *'org policy'* | *'constraints/'*) echo "A policy of your organization forbids it: ask who looks after it." ;;
        *) echo 'See what gcloud says above.' ;;
    esac
}
