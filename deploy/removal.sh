# shellcheck shell=bash disable=SC2154  # settings come from settings.sh, names from plan.sh
# The two ways back: --rollback to the revisions before, --teardown to nothing but the datasets.

# --- rollback ---------------------------------------------------------------------------------------

rollback() {
    check_access
    step 'Previous revisions'
    local part
    for part in $(chosen_functions); do roll_back_function "$part"; done
    say 'The next deployment lets its new revisions serve again. Tables are not touched: columns are only ever added.'
}

# Of revisions, newest first, the one below that which serves; one that never became ready serves nobody.
# shellcheck disable=SC2016  # a program of awk
readonly PREVIOUS='found && $2 != "False" { print $1; exit } $1 == serving { found = 1 }'

roll_back_function() {
    local serving before
    identify "$1"
    local look=(gcloud run services describe "$service" "${in_region[@]}"
        '--format=value(status.traffic[0].revisionName)')
    local list=(gcloud run revisions list "--service=$service" "${in_region[@]}"
        --sort-by=~metadata.creationTimestamp '--format=value(metadata.name,status.conditions[0].status)')
    local serve=(gcloud run services update-traffic "$service" "${in_region[@]}")
    if [[ $dry_run == yes ]]; then
        printf 'SERVING=\x24(%s)\n' "$(show "${look[@]}")"
        printf 'PREVIOUS=\x24(%s |\n    %s)\n' "$(show "${list[@]}")" "$(show awk -v "serving=\$SERVING" "$PREVIOUS")"
        show "${serve[@]}" "--to-revisions=\$PREVIOUS=100"
        return
    fi
    persist "${look[@]}" || failed "which revision of $service serves" "${look[@]}"
    serving=$out
    persist "${list[@]}" || failed "which revisions $service has" "${list[@]}"
    before=$(awk -v "serving=$serving" "$PREVIOUS" <<<"$out")
    if [[ -z $before ]]; then
        as_it_was "$service" "$serving serves, and there is none before it"
        return
    fi
    outcome="$serving → $before" act "$service" "${serve[@]}" "--to-revisions=$before=100"
}

# --- teardown ---------------------------------------------------------------------------------------

teardown() {
    check_access
    confirm
    remove_schedules
    [[ -z $tenant ]] || return 0
    remove_functions
    if chosen queue; then remove_queue; fi
    if chosen alerts; then remove_alerts; fi
    [[ -z $only ]] || return 0
    remove_secrets
    remove_accounts
    step 'What stays'
    say "The data: ${datasets//$'\n'/, }. To delete it for good: bq rm -r -f -d $project:DATASET"
    say 'The APIs stay enabled, and the built images in the Artifact Registry repository gcf-artifacts, which other'
    say 'functions of the project may share.'
}

confirm() {
    [[ $assume_yes == no && $dry_run == no ]] || return 0
    local what='functions, schedules, queue, alerts, secrets and accounts'
    if [[ -n $tenant ]]; then
        what="the schedules of tenant $tenant"
    elif [[ -n $only ]]; then
        what="what belongs to $only"
    fi
    printf '\n  This removes %s of %s in %s. Datasets stay.\n' "$what" "$env" "$project"
    [[ -t 0 ]] || stop 'Nobody is there to confirm it: add --yes.'
    local answer
    printf "  Type the project's id to go on: "
    IFS= read -r answer || answer=''
    [[ $answer == "$project" ]] || stop 'That is not the project. Nothing was removed.'
}

remove_schedules() {
    [[ -n $(chosen_functions) ]] || return 0
    step 'Schedules'
    local name part planned
    planned=$(schedules | cut -f 1)
    listed gcloud scheduler jobs list "${there[@]}" '--format=value(name.basename())'
    local existing=$out
    if [[ $dry_run == yes ]]; then existing=$planned; fi
    for part in $(chosen_functions); do
        identify "$part"
        for name in $existing; do
            [[ $name == "$service"-* ]] || continue
            [[ -z $tenant ]] || has "$planned" "$name" || continue
            remove "$existing" "$name" "schedule $name" gcloud scheduler jobs delete "$name" "${there[@]}"
        done
    done
}

remove_functions() {
    [[ -n $(chosen_functions) ]] || return 0
    step 'Functions'
    listed gcloud functions list "${here[@]}" "--regions=$region" '--format=value(name.basename())'
    local existing=$out part
    for part in $(chosen_functions); do
        identify "$part"
        remove "$existing" "$function" "function $function" gcloud functions delete "$function" "${in_region[@]}"
    done
}

remove_queue() {
    step 'The queue of backfills'
    listed gcloud tasks queues list "${there[@]}" '--format=value(name.basename())'
    remove "$out" "$queue" "queue $queue" gcloud tasks queues delete "$queue" "${there[@]}"
}

remove_alerts() {
    step 'Alerting policies, channels and metrics'
    local file title existing wanted
    wanted=$(policies)
    listed gcloud alpha monitoring policies list "${here[@]}" '--format=value(name,displayName)'
    existing=$out
    while IFS=$'\t' read -r file title; do
        if [[ -n $title ]]; then remove_titled "$existing" "$title" gcloud alpha monitoring policies; fi
    done <<<"$wanted"
    listed gcloud beta monitoring channels list "${here[@]}" '--format=value(name,displayName)'
    existing=$out
    title=$(channel_title)
    if [[ $dry_run == yes ]]; then existing=$'\t'$title${mail_address:-ADDRESS}; fi
    while IFS=$'\t' read -r _ wanted; do
        if [[ $wanted == "$title"* ]]; then remove_titled "$existing" "$wanted" gcloud beta monitoring channels; fi
    done <<<"$existing"
    listed gcloud logging metrics list "${here[@]}" '--format=value(name)'
    existing=$out
    for file in $(rendered metrics); do
        metric_of "$file"
        remove "$existing" "$metric" "metric $metric" gcloud logging metrics delete "$metric" "${here[@]}"
    done
}

# Google numbers these things, and people know them by their titles.
remove_titled() { # remove_titled EXISTING TITLE COMMAND..., where EXISTING has lines 'name<TAB>title'
    local name title=$2
    name=$(named "$1" "$title")
    shift 2
    if [[ $dry_run == yes ]]; then
        show_assignment NAME "$@" list "${here[@]}" "--filter=displayName=\"$title\"" '--format=value(name)'
        name=\$NAME
    fi
    if [[ -n $name ]]; then
        outcome=removed act "$title" "$@" delete "$name" "${here[@]}"
    else
        as_it_was "$title" 'not there'
    fi
}

# Of a secret that belongs to the other environment, only this one's rights are taken back.
remove_secrets() {
    step 'Secrets of this environment'
    listed gcloud iam service-accounts list "${here[@]}" '--format=value(email)'
    local accounts=$out
    listed gcloud secrets list "${here[@]}" '--format=csv[no-heading](name.basename(),labels.toast_etl)'
    local owners=$out name part role
    if [[ $dry_run == yes ]]; then
        owners=$(for name in $credential_secrets $token_secrets $webhook_secret; do printf '%s,%s\n' "$name" "$env"; done)
    fi
    for name in $owners; do
        if [[ ${name#*,} == "$env" ]]; then
            remove "$owners" "$name" "secret ${name%,*}" gcloud secrets delete "${name%,*}" "${here[@]}"
        elif has "$credential_secrets"$'\n'"$token_secrets" "${name%,*}"; then
            role=roles/secretmanager.secretAccessor
            if has "$token_secrets" "${name%,*}"; then role=projects/$project/roles/$role_id; fi
            for part in $LOADING_PARTS; do
                identify "$part"
                also_gone='olicy binding.*not found' remove "$accounts" "$email" "$account: ${name%,*}" \
                    gcloud secrets remove-iam-policy-binding "${name%,*}" "${here[@]}" "--member=$member" "--role=$role"
            done
        fi
    done
}

# Rights first: those of an account that is gone would stay behind as rights of nobody.
remove_accounts() {
    step 'Service accounts and their rights'
    local part name existing revoked=()
    for part in $FUNCTION_PARTS; do
        identify "$part"
        revoked+=("--writer=$email")
    done
    for name in $datasets; do
        also_gone='Not found: Dataset' outcome=revoked act "dataset $name" "$PYTHON" -m deploy.tables "${here[@]}" \
            "--dataset=$name" "--location=$location" "${revoked[@]}" --revoke
    done
    listed gcloud iam service-accounts list "${here[@]}" '--format=value(email)'
    existing=$out
    for part in $FUNCTION_PARTS; do revoke_in_project "$existing" "$part" roles/bigquery.jobUser; done
    for name in $BUILD_ROLES; do revoke_in_project "$existing" "$BUILDER" "$name"; done
    for name in $(chosen_accounts); do
        identify "$name"
        remove "$existing" "$email" "account $account" gcloud iam service-accounts delete "$email" "${here[@]}"
    done
    listed gcloud iam roles list "${here[@]}" '--format=value(name.basename())'
    remove "$out" "$role_id" "role $role_id" gcloud iam roles delete "$role_id" "${here[@]}"
}

revoke_in_project() { # revoke_in_project EXISTING ACCOUNT ROLE
    identify "$2"
    also_gone='olicy binding.*not found' remove "$1" "$email" "$account: $3" \
        gcloud projects remove-iam-policy-binding "$project" "--member=$member" "--role=$3" --condition=None
}
