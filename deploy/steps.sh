# shellcheck shell=bash disable=SC2154  # settings come from settings.sh, names from plan.sh
# The steps of a deployment, in their order. Each may be done again without harm.

check_access() {
    step 'May this login do it?'
    outcome=told act 'permissions' "$PYTHON" -m deploy.permissions "${here[@]}" "--task=$task"
}

enable_apis() {
    [[ -z $only ]] || return 0
    step 'Google APIs'
    local api hosts=()
    for api in $APIS; do hosts+=("$api.googleapis.com"); done
    act "${#hosts[@]} APIs" gcloud services enable "${hosts[@]}" "${here[@]}"
}

# --- who may do what ----------------------------------------------------------------------------------

create_accounts() {
    [[ -n $(chosen_accounts) ]] || return 0
    step 'Service accounts and what they may do in the project'
    listed gcloud iam service-accounts list "${here[@]}" '--format=value(email)'
    local existing=$out one
    for one in $(chosen_accounts); do
        identify "$one"
        create "$existing" "$email" "account $account" gcloud iam service-accounts create "$account" "${here[@]}" \
            "--display-name=Toast to BigQuery${prefix:+ (staging)}: $purpose"
    done
    for one in $(chosen_functions); do grant_in_project "$one" roles/bigquery.jobUser; done
    [[ -n $(chosen_functions) ]] || return 0
    for one in $BUILD_ROLES; do grant_in_project "$BUILDER" "$one"; done
}

grant_in_project() { # grant_in_project ACCOUNT ROLE
    identify "$1"
    act "$account: $2" gcloud projects add-iam-policy-binding "$project" "--member=$member" "--role=$2" \
        --condition=None
}

create_token_role() {
    local title="role $role_id" change=create definition=("${here[@]}" '--title=Toast token cache'
        '--description=Read and change the one secret through which all functions share a Toast token'
        "--permissions=$TOKEN_CACHE" --stage=GA)
    [[ -n $(loading_functions) ]] || return 0
    listed gcloud iam roles list "${here[@]}" --show-deleted '--format=csv[no-heading](name.basename(),deleted)'
    if has "$out" "$role_id,True"; then
        # A deleted role keeps its name for weeks, so it is brought back rather than made anew.
        outcome=restored act "$title" gcloud iam roles undelete "$role_id" "${here[@]}"
        change=update
    elif has "$out" "$role_id,"; then
        change=update
    fi
    outcome=${change}d act "$title" gcloud iam roles "$change" "$role_id" "${definition[@]}"
}

# --- data and secrets ---------------------------------------------------------------------------------

create_tables() {
    [[ -n $(chosen_functions) ]] || return 0
    step 'Dataset, tables and views'
    local name part writers=()
    for part in $(chosen_functions); do
        identify "$part"
        writers+=("--writer=$email")
    done
    for name in $datasets; do
        outcome=told act "dataset $name" "$PYTHON" -m deploy.tables "${here[@]}" "--dataset=$name" "--location=$location" \
            "${writers[@]}"
    done
}

create_secrets() {
    [[ -n $(loading_functions) || -n $webhook_secret ]] || return 0
    step 'Secrets: empty for now; their values are never part of this'
    listed gcloud secrets list "${here[@]}" '--format=csv[no-heading](name.basename(),labels.toast_etl)'
    local name part owners=$out
    for name in $credential_secrets $token_secrets $webhook_secret; do own_secret "$owners" "$name"; done
    for part in $(loading_functions); do
        for name in $credential_secrets; do grant_on_secret "$part" "$name" roles/secretmanager.secretAccessor; done
        for name in $token_secrets; do grant_on_secret "$part" "$name" "projects/$project/roles/$role_id"; done
    done
    if chosen summary && [[ -n $webhook_secret ]]; then
        grant_on_secret summary "$webhook_secret" roles/secretmanager.secretAccessor
    fi
}

# Environments may share a secret: with one Toast account they even have to share the token. The label says whose
# teardown removes it; production takes over what it finds, staging only what it makes.
own_secret() { # own_secret OWNERS NAME, where OWNERS has lines 'name,environment'
    local title="secret $2" exists=no
    if [[ $'\n'$1 == *$'\n'"$2,"* ]]; then exists=yes; fi
    if [[ $exists == yes && ($env == staging || $'\n'$1$'\n' == *$'\n'"$2,$env"$'\n'*) ]]; then
        as_it_was "$title"
    elif [[ $exists == yes ]]; then
        outcome="there already, now of $env" act "$title" \
            gcloud secrets update "$2" "${here[@]}" "--update-labels=toast_etl=$env"
    else
        outcome='created, empty' act "$title" \
            gcloud secrets create "$2" "${here[@]}" --replication-policy=automatic "--labels=toast_etl=$env"
    fi
}

grant_on_secret() { # grant_on_secret PART SECRET ROLE
    identify "$1"
    act "$account: $2" gcloud secrets add-iam-policy-binding "$2" "${here[@]}" "--member=$member" "--role=$3"
}

# --- functions ----------------------------------------------------------------------------------------

deploy_functions() {
    [[ -n $(chosen_functions) ]] || return 0
    step 'Functions'
    [[ $dry_run == yes ]] || say 'Google builds them side by side, which takes about three minutes.'
    local part begin=$SECONDS broken=''
    for part in $(chosen_functions); do
        deployment_of "$part"
        if [[ $dry_run == yes ]]; then show "${command[@]}"; else in_background "$part"; fi
    done
    if [[ $dry_run == no ]]; then
        for part in $(chosen_functions); do
            identify "$part"
            if wait "$(<"$scratch/$part.pid")"; then
                done_with "function $function" "deployed in $((SECONDS - begin)) s"
            else
                result '✗' "$red" "function $function" failed
                broken=$part
            fi
        done
        if [[ -n $broken ]]; then
            said=$(<"$scratch/$broken.said")
            deployment_of "$broken"
            failed "function $function" "${command[@]}"
        fi
    fi
    find_urls
}

in_background() {
    local lane=$1
    {
        status=0
        persist "${command[@]}" || status=$?
        printf '%s\n' "$said" >"$scratch/$lane.said"
        exit "$status"
    } &
    echo $! >"$scratch/$lane.pid"
}

deployment_of() { # deployment_of PART: the command, in $command
    local variables="GOOGLE_CLOUD_PROJECT=$project,BQ_DATASET=$dataset,BQ_LOCATION=$location"
    variables+=",TOAST_RATE_PROFILE=$rate_profile,TIME_BUDGET_SECONDS=$time_budget,FUNCTION_TIMEOUT_SECONDS=$timeout"
    if [[ -n $ledger_days ]]; then variables+=",LEDGER_DAYS=$ledger_days"; fi
    if [[ $restaurants != restaurants.toml ]]; then variables+=",RESTAURANTS_FILE=$restaurants"; fi
    if [[ $1 == summary && -n $webhook_secret ]]; then variables+=",SUMMARY_WEBHOOK_SECRET=$webhook_secret"; fi
    identify "$BUILDER"
    local build_account=projects/$project/serviceAccounts/$email
    identify "$1"
    # A rollback keeps calls on an older revision until they are told to come back.
    command=(gcloud functions deploy "$function" "${in_region[@]}" --gen2 --runtime=python312 --source=.
        "--entry-point=$entry_point" --trigger-http --no-allow-unauthenticated --serve-all-traffic-latest-revision
        "--memory=$memory" "--timeout=${timeout}s" --concurrency=1 "--max-instances=$max_instances"
        "--service-account=$email" "--build-service-account=$build_account"
        "--set-env-vars=$variables" "--update-labels=toast-etl=$env")
}

# Where a function is called: in a dry run the variable that would hold it.
find_urls() {
    local part look
    for part in $(chosen_functions); do
        identify "$part"
        look=(gcloud functions describe "$function" "${in_region[@]}" '--format=value(serviceConfig.uri)')
        if [[ $dry_run == yes ]]; then
            show_assignment "$url_variable" "${look[@]}"
        else
            persist "${look[@]}" || failed "the URL of $function" "${look[@]}"
            [[ $out == https://* ]] || failed "the URL of $function" "${look[@]}"
            printf -v "$url_variable" '%s' "$out"
        fi
    done
}

let_invoke() {
    [[ -n $(chosen_accounts) ]] || return 0
    step 'Who may call the functions: the schedules, and the queue of backfills; nobody else'
    local part
    for part in $(chosen_functions); do invoker "$SCHEDULER" "$part"; done
    chosen queue || return 0
    local queued
    queued=$(loading_functions)
    for part in ${queued:-$LOADING_PARTS}; do invoker "$TASKS" "$part"; done
}

invoker() { # invoker ACCOUNT PART
    identify "$1"
    local caller=$account who=$member
    identify "$2"
    act "$caller: $function" gcloud run services add-iam-policy-binding "$service" "${in_region[@]}" \
        "--member=$who" --role=roles/run.invoker
}

# --- who calls them -----------------------------------------------------------------------------------

create_queue() {
    chosen queue || return 0
    step 'The queue of backfills'
    listed gcloud tasks queues list "${there[@]}" '--format=value(name.basename())'
    local change=create
    if has "$out" "$queue"; then change=update; fi
    # A 503 of a function says that the same call goes on; so a task is tried again for long, with growing pauses.
    # Two instances are left to the schedules.
    outcome=${change}d act "queue $queue" gcloud tasks queues "$change" "$queue" "${there[@]}" \
        "--max-concurrent-dispatches=$((max_instances > 2 ? max_instances - 2 : 1))" --max-dispatches-per-second=1 \
        --max-attempts=30 --min-backoff=30s --max-backoff=900s --max-doublings=5
}

create_schedules() {
    [[ -n $(chosen_functions) ]] || return 0
    step "Schedules, in the time of $time_zone"
    listed gcloud scheduler jobs list "${there[@]}" '--format=value(name.basename())'
    local existing=$out name part cron body change caller
    identify "$SCHEDULER"
    caller=$email
    while IFS=$'\t' read -r name part cron body; do
        identify "$part"
        change=create
        if has "$existing" "$name"; then change=update; fi
        # The attempt is given a minute more than the function, so that it is the function that says what happened.
        local terms=("${there[@]}" "--schedule=$cron" "--time-zone=$time_zone" "--uri=${!url_variable}"
            --http-method=POST "--message-body=$body"
            "--oidc-service-account-email=$caller" "--oidc-token-audience=${!url_variable}"
            "--attempt-deadline=$((timeout + 60))s"
            --max-retry-attempts=5 --min-backoff=60s --max-backoff=900s --max-doublings=4)
        if [[ $change == create ]]; then
            terms+=(--headers=Content-Type=application/json)
        else
            terms+=(--update-headers=Content-Type=application/json)
        fi
        outcome=${change}d act "schedule $name" gcloud scheduler jobs "$change" http "$name" "${terms[@]}"
    done < <(schedules)
    name_surplus "$existing"
}

# Schedules of a tenant that left restaurants.toml would fail every night.
name_surplus() { # name_surplus EXISTING
    [[ -z $only && -z $tenant ]] || return 0
    local name part expected
    expected=$(schedules | cut -f 1)
    for part in $FUNCTION_PARTS; do
        identify "$part"
        for name in $1; do
            if [[ $name == "$service"-* ]] && ! has "$expected" "$name"; then
                note "schedule $name belongs to no tenant or setting any more. To remove it:"
                hint gcloud scheduler jobs delete "$name" "${there[@]}"
            fi
        done
    done
}

# --- what is left to a person -----------------------------------------------------------------------------

tell_what_is_left() {
    [[ -n $(loading_functions) ]] || return 0
    step 'Left to you'
    local name empty=''
    for name in $credential_secrets ${webhook_secret:+"$webhook_secret"}; do
        listed gcloud secrets versions list "$name" "${here[@]}" --filter=state=ENABLED --limit=1 '--format=value(name)'
        if [[ -z $out ]]; then empty="$empty $name"; fi
    done
    if [[ -z $empty ]]; then
        say 'Nothing: the secrets hold values.'
        return
    fi
    say 'Fill the secrets: after each command paste the value, then press Enter and Ctrl-D.'
    for name in $empty; do hint gcloud secrets versions add "$name" "${here[@]}" --data-file=-; done
    say 'Then load the configuration and the last finished day, rather than wait for tonight:'
    for name in config orders cash labor; do
        chosen "$name" || continue
        identify "$name"
        hint gcloud scheduler jobs run "$service-$(columns 1 | head -n 1)" "${there[@]}"
    done
    say 'And fill in history (docs/backfill.md):'
    say "  export GOOGLE_CLOUD_PROJECT=$project BQ_DATASET=$dataset BQ_LOCATION=$location"
    say "  export FUNCTIONS_URL='https://$region-$project.cloudfunctions.net/$function_prefix{function}'"
    say "  $PYTHON backfill_all.py run --missing --target http"
    chosen queue || return 0
    identify "$TASKS"
    say 'or from the queue, with this machine switched off:'
    say "  export TASKS_QUEUE=projects/$project/locations/$region/queues/$queue"
    say "  export TASKS_INVOKER=$email"
    say "  $PYTHON backfill_all.py run --missing --target tasks"
}
