# shellcheck shell=bash disable=SC2154  # settings come from settings.sh, names from plan.sh
# Metrics, alerting policies and channels, from the files of deploy/metrics and deploy/alerts; its README says how.

create_alerts() {
    chosen alerts || return 0
    step 'Log-based metrics'
    local file name change existing
    listed gcloud logging metrics list "${here[@]}" '--format=value(name)'
    existing=$out
    for file in $(rendered metrics); do
        metric_of "$file"
        name=$metric change=create
        if has "$existing" "$name"; then change=update; fi
        outcome=${change}d act "metric $name" gcloud logging metrics "$change" "$name" "${here[@]}" \
            "--config-from-file=$file"
    done

    step 'Who is told, and the alerting policies'
    find_channels
    listed gcloud alpha monitoring policies list "${here[@]}" \
        '--format=value(name,displayName,notificationChannels.list())'
    existing=$out
    local wanted
    wanted=$(policies)
    while IFS=$'\t' read -r file name; do
        if [[ -n $file ]]; then apply_policy "$file" "$name" "$existing"; fi
    done <<<"$wanted"
}

# The files of deploy/metrics or deploy/alerts with this environment's names in place of their placeholders.
rendered() { # rendered FOLDER
    local file copy folder=.data/deploy/$env/$1
    rm -rf "$folder"
    mkdir -p "$folder"
    for file in deploy/"$1"/*.json deploy/"$1"/*.yaml; do
        [[ -f $file ]] || continue
        copy=$folder/${file##*/}
        # shellcheck disable=SC2016  # the placeholders are meant as they stand
        sed -e 's/\${FUNCTION_PREFIX}/'"$prefix"'/g' -e 's/\${ENV}/'"$env"'/g' "$file" >"$copy"
        printf '%s\n' "$copy"
    done
}

# Sets $metric, the name of the metric of a file.
metric_of() { # metric_of FILE
    metric=${1##*/}
    metric=$prefix${metric%.*}
}

# The rendered policies, a line each: file and display name, separated by a tab.
policies() {
    local files
    files=$(rendered alerts)
    # shellcheck disable=SC2086  # paths without spaces, of our own
    "$PYTHON" -c 'import json, sys
for file in sys.argv[1:]:
    print(file, json.load(open(file))["displayName"], sep="\t")' $files || stop 'deploy/alerts: a policy is no JSON.'
}

# Of the first among lines 'name<TAB>display name<TAB>more' that has this display name: its name, or another column.
named() { # named LINES TITLE [COLUMN]
    awk -F '\t' -v title="$2" -v column="${3:-1}" '$2 == title { print $column; exit }' <<<"$1"
}

channel_title() { printf 'Toast alerts (%s): ' "$env"; }

# Sets $mail_channel and $channels; in a dry run the variable stands for a channel that is not made yet.
find_channels() {
    mail_channel=''
    channels=$other_channels
    if [[ -n $mail_address ]]; then
        local title make
        title=$(channel_title)$mail_address
        make=(gcloud beta monitoring channels create "${here[@]}" "--display-name=$title" --type=email
            "--channel-labels=email_address=$mail_address" '--format=value(name)')
        if [[ $dry_run == yes ]]; then
            show_assignment MAIL_CHANNEL "${make[@]}"
            mail_channel=\$MAIL_CHANNEL
        else
            listed gcloud beta monitoring channels list "${here[@]}" '--format=value(name,displayName)'
            mail_channel=$(named "$out" "$title")
            if [[ -n $mail_channel ]]; then
                as_it_was "channel $mail_address"
            else
                outcome=created act "channel $mail_address" "${make[@]}"
                mail_channel=$out
            fi
        fi
        channels=${channels:+$channels,}$mail_channel
    fi
    if [[ -z $channels ]]; then
        note 'without --channel policies that are there keep their channels; new ones show in the console only.'
    fi
}

apply_policy() { # apply_policy FILE TITLE EXISTING, where EXISTING has lines 'name<TAB>title<TAB>channels'
    local name to=$channels
    if [[ $1 == */daily-summary.json ]]; then to=$mail_channel; fi
    name=$(named "$3" "$2")
    # Cloud Monitoring learns of a new metric only after some minutes.
    if [[ -n $name ]]; then
        # The file takes the place of the whole policy, so channels that are not given again would be lost.
        to=${to:-$(named "$3" "$2" 3)}
        also_passes='Cannot find metric' outcome=updated act "$2" \
            gcloud alpha monitoring policies update "$name" "${here[@]}" "--policy-from-file=$1" \
            ${to:+"--set-notification-channels=$to"}
    elif [[ -n $to || $1 != */daily-summary.json ]]; then
        also_passes='Cannot find metric' outcome=created act "$2" \
            gcloud alpha monitoring policies create "${here[@]}" "--policy-from-file=$1" \
            ${to:+"--notification-channels=$to"}
    fi
}
