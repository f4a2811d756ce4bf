# shellcheck shell=bash disable=SC2154,SC2034  # settings come from settings.sh; what is set here the steps read
# What an installation is made of: its functions, accounts, tenants and schedules, by name.

readonly PYTHON=.venv/bin/python
readonly FUNCTION_PARTS='orders cash labor config summary'
readonly LOADING_PARTS='orders cash labor config'    # those that talk to Toast
readonly CLOSING_PARTS='orders cash labor'
readonly BUILDER=build SCHEDULER=scheduler TASKS=tasks
# What Google's guide asks of an account that builds functions; in new projects its own default one may lack them.
readonly BUILD_ROLES='roles/artifactregistry.writer roles/logging.logWriter roles/storage.objectViewer'

readonly APIS='artifactregistry bigquery cloudbuild cloudfunctions cloudresourcemanager cloudscheduler cloudtasks iam
    logging monitoring run secretmanager storage'

# No predefined role that may change a secret's annotations is smaller than secretmanager.admin.
readonly TOKEN_CACHE=secretmanager.secrets.get,secretmanager.secrets.update,secretmanager.versions.access,\
secretmanager.versions.add,secretmanager.versions.list,secretmanager.versions.destroy

chosen() { [[ -z $only || ,$only, == *,$1,* ]]; }

chosen_functions() {
    local part
    for part in $FUNCTION_PARTS; do if chosen "$part"; then printf '%s ' "$part"; fi; done
}

is_one_of() { [[ " $2 " == *" $1 "* ]]; }

# Sets the names of one part of the installation: a function, or one of the three other accounts.
identify() {
    case $1 in
        orders) entry_point=orders_daily url_variable=ORDERS_DAILY_URL ;;
        cash) entry_point=cash_daily url_variable=CASH_DAILY_URL ;;
        labor) entry_point=labor_daily url_variable=LABOR_DAILY_URL ;;
        config) entry_point=config_weekly url_variable=CONFIG_WEEKLY_URL ;;
        summary) entry_point=daily_summary url_variable=DAILY_SUMMARY_URL ;;
        *) entry_point='' ;;
    esac
    function=$function_prefix$entry_point
    service=${function//_/-}
    memory=512Mi
    if [[ $1 == orders ]]; then memory=1Gi; fi
    account=${entry_point:-$1}
    account=toast-$prefix${account//_/-}
    email=$account@$account_domain.iam.gserviceaccount.com
    member=serviceAccount:$email
    case $1 in
        "$BUILDER") purpose='builds the functions' ;;
        "$SCHEDULER") purpose='calls the functions on schedule' ;;
        "$TASKS") purpose='calls the functions from the queue of backfills' ;;
        *) purpose="runs $entry_point" ;;
    esac
}

chosen_accounts() {
    chosen_functions
    if [[ -n $(chosen_functions) ]]; then printf '%s %s ' "$BUILDER" "$SCHEDULER"; fi
    if chosen queue; then printf '%s' "$TASKS"; fi
}

loading_functions() {
    local part
    for part in $(chosen_functions); do if is_one_of "$part" "$LOADING_PARTS"; then printf '%s ' "$part"; fi; done
}

# --- tenants ------------------------------------------------------------------------------------------

# Reads restaurants.toml into $tenants, a line each (see deploy/tenants.py), and into what follows from them.
read_tenants() {
    local notes options=(--file "$restaurants" --dataset "$dataset" --time-zone "$time_zone")
    if [[ -n $tenant ]]; then options+=(--tenant "$tenant"); fi
    if [[ $env == staging ]]; then options+=(--apart-from restaurants.toml); fi
    [[ -x $PYTHON ]] || local_stack/setup.sh >&2 || stop 'The Python environment could not be made; see above.'
    notes=$scratch/notes
    tenants=$("$PYTHON" -m deploy.tenants "${options[@]}" 2>"$notes") || stop "$(tail -n 1 "$notes")"
    tenant_notes=$(cat "$notes")
    datasets=$(columns 2)
    credential_secrets=$(columns 3 4)
    token_secrets=$(columns 5)
    webhook_secret=''
    mail_address=''
    other_channels=''
    local one
    for one in ${channel//,/ }; do
        case $one in
            slack:*) webhook_secret=${one#slack:} ;;
            projects/*) other_channels=${other_channels:+$other_channels,}$one ;;
            *) mail_address=$one ;;
        esac
    done
}

# The different values in some columns of $tenants, in the order in which they come.
columns() {
    local name values number
    while IFS=$'\t' read -r -a values; do
        for number in "$@"; do printf '%s\n' "${values[number - 1]}"; done
    done <<<"$tenants" | while IFS= read -r name; do
        has "${seen:-}" "$name" || { seen=${seen:-}$'\n'$name; printf '%s\n' "$name"; }
    done
}

# --- schedules ----------------------------------------------------------------------------------------

cron_at() { # cron_at HH:MM [DAY]
    local hour=${1%:*} minute=${1#*:}
    printf '%d %d * * %s' "$((10#$minute))" "$((10#$hour))" "${2:-*}"
}

cron_weekly() { # cron_weekly 'Sunday 03:00'
    local day
    case $1 in
        Sun*) day=0 ;; Mon*) day=1 ;; Tue*) day=2 ;; Wed*) day=3 ;; Thu*) day=4 ;; Fri*) day=5 ;; *) day=6 ;;
    esac
    cron_at "${1#* }" "$day"
}

# The closing run begins with orders; cash and labor follow, five minutes apart.
later() { # later HH:MM MINUTES
    local total=$(((10#${1%:*} * 60 + 10#${1#*:} + $2) % 1440))
    printf '%02d:%02d' $((total / 60)) $((total % 60))
}

# Every schedule: name, part, cron expression and body, separated by tabs, a line each.
schedules() {
    local name ready part at
    while IFS=$'\t' read -r name _ _ _ _ _ ready; do
        local all='{"restaurant_guid": "ALL", "tenant": "'$name'"}' of_tenant='{"tenant": "'$name'"}'
        for part in $CLOSING_PARTS; do
            at=${part}_at
            schedule "$part" "$name" '' "$(cron_at "${!at}")" "$all"
        done
        schedule config "$name" '' "$(cron_weekly "$config_at")" "$all"
        local closing=$closing_at minutes=0
        [[ $closing != auto ]] || closing=$ready
        if [[ $closing != none ]]; then
            for part in $CLOSING_PARTS; do
                schedule "$part" "$name" -closing "$(cron_at "$(later "$closing" $minutes)")" "$all"
                minutes=$((minutes + 5))
            done
        fi
        # Freshness is measured at the warehouse, every hour; the message goes out once a day.
        schedule summary "$name" -hourly '5 * * * *' '{"tenant": "'"$name"'", "post": false}'
        schedule summary "$name" '' "$(cron_at "$summary_at")" "$of_tenant"
    done <<<"$tenants"
}

schedule() { # schedule PART TENANT SUFFIX CRON BODY
    chosen "$1" || return 0
    identify "$1"
    printf '%s\t%s\t%s\t%s\n' "$service-$2$3" "$1" "$4" "$5"
}
