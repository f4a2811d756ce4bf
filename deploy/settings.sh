# shellcheck shell=bash disable=SC2034  # settings are read by the other files
# The settings of deploy_all.sh: what they are by default, from the command line, and from deploy/ENV.conf.

project=''
env=production
only=''
tenant=''

dataset=''              # toast, or toast_staging
location=US
region=us-west1

time_zone=America/New_York
orders_at=02:00
cash_at=02:15
labor_at=02:30
config_at='Sunday 03:00'
closing_at=auto
summary_at=09:00

timeout=540
time_budget=400
max_instances=10
rate_profile=documented
ledger_days=''          # what the functions take by themselves
queue=''                # toast-backfill, or staging-toast-backfill
channel=''

task=deploy
assume_yes=no

help() {
    cat <<'HELP'
Deploys everything to a Google Cloud project, and brings an installation up to date. It may be run again at any time:
what is there stays, what changed is changed.

  ./deploy_all.sh --project my-project --dry-run      print every command, in order, and do nothing
  ./deploy_all.sh --project my-project                from nothing to running, in about five minutes
  ./deploy_all.sh --project my-project --only orders  only what belongs to orders_daily
  ./deploy_all.sh --project my-project --rollback     let the functions' previous revisions serve again
  ./deploy_all.sh --project my-project --teardown     remove everything but the datasets

What to do
  --project ID          the Google Cloud project (its id, not its name)
  --env ENV             production (default) or staging: names and dataset apart, in the same project or another
  --only PARTS          some of orders, cash, labor, config, summary, queue, alerts; separated by commas
  --tenant NAME         only this tenant of restaurants.toml
  --dry-run             print the commands and do nothing; needs neither gcloud nor a login
  --teardown            remove what was deployed; asks first
  --rollback            bring the previous revision back
  --yes                 do not ask
  --help                this page

Where
  --region REGION       of functions, schedules and queue (us-west1)
  --location LOCATION   of the BigQuery dataset (US)
  --dataset NAME        of tenants that name none (toast; toast_staging for staging)

When (local times in --time-zone)
  --time-zone ZONE      IANA time zone of all times below (America/New_York)
  --orders-at HH:MM     orders_daily, every day (02:00)
  --cash-at HH:MM       cash_daily, every day (02:15)
  --labor-at HH:MM      labor_daily, every day (02:30)
  --config-at 'DAY HH:MM'  config_weekly (Sunday 03:00)
  --closing-at HH:MM    once more orders, cash and labor, when yesterday is final (auto: three hours and a quarter after
                        the latest closeout hour in restaurants.toml; none: no such run)
  --summary-at HH:MM    the summary of yesterday (09:00)

How
  --timeout SECONDS     of a function (540)
  --time-budget SECONDS after which a call begins nothing more; at least 100 below the timeout (400)
  --max-instances N     of a function (10)
  --rate-profile NAME   documented: Toast's limits; conservative: 12 s between order calls (documented)
  --ledger-days DAYS    for which the records of runs and rejected objects are kept; 0: for ever (400)
  --queue NAME          of backfills (toast-backfill; staging-toast-backfill for staging)
  --channel LIST        who is told, separated by commas:
                          ops@example.com                        alerts and the daily summary's headline by mail
                          slack:SECRET                           the daily summary in Slack, by the webhook whose URL
                                                                 that secret holds
                          projects/P/notificationChannels/N      alerts to a channel made in the console, such as Slack

Settings that are to last belong into deploy/production.conf or deploy/staging.conf, a line each without the dashes:
  time-zone = America/Denver
HELP
}

# Take one setting. NAME is written as on the command line, without the dashes; WHERE is named in complaints.
take() { # take NAME VALUE WHERE
    case $1 in
        project | env | only | tenant | region | location | dataset | time-zone | orders-at | cash-at | labor-at | \
            config-at | closing-at | summary-at | timeout | time-budget | max-instances | rate-profile | ledger-days | \
            queue | channel)
            printf -v "${1//-/_}" '%s' "$2" ;;
        *) stop "$3: there is no setting '$1'." 'See ./deploy_all.sh --help.' ;;
    esac
}

read_command_line() {
    while [[ $# -gt 0 ]]; do
        case $1 in
            --help | -h) help; exit 0 ;;
            --dry-run) dry_run=yes ;;
            --teardown) task=teardown ;;
            --rollback) task=rollback ;;
            --yes) assume_yes=yes ;;
            --*=*) local pair=${1#--}; take "${pair%%=*}" "${pair#*=}" "$1" ;;
            --*)
                [[ $# -ge 2 ]] || stop "$1 needs a value." 'See ./deploy_all.sh --help.'
                take "${1#--}" "$2" "$1"
                shift ;;
            *) stop "'$1' is not understood." 'See ./deploy_all.sh --help.' ;;
        esac
        shift
    done
}

# deploy/production.conf or deploy/staging.conf: lines such as 'time-zone = America/Denver'; '#' begins a comment.
read_conf() { # read_conf FILE
    [[ -f $1 ]] || return 0
    local line number=0 name value
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        line=${line%%#*}
        [[ $line =~ [^[:space:]] ]] || continue
        [[ $line == *=* ]] || stop "$1, line $number: expected 'name = value'."
        name=$(trimmed "${line%%=*}")
        value=$(trimmed "${line#*=}")
        [[ $name != env ]] || stop "$1, line $number: the file's name says the environment."
        take "$name" "$value" "$1, line $number"
    done <"$1"
}

trimmed() {
    local text=$1
    text=${text#"${text%%[![:space:]]*}"}
    printf '%s' "${text%"${text##*[![:space:]]}"}"
}

# The command line wins over the file, and which file it is stands on the command line: so it is read twice.
read_settings() {
    read_command_line "$@"
    [[ $env == production || $env == staging ]] || stop "--env is '$env'; it can be production or staging."
    conf=deploy/$env.conf
    read_conf "$conf"
    read_command_line "$@"
    check_settings
    name_things
}

check_settings() {
    [[ -n $project ]] || stop '--project is missing: the id of the Google Cloud project.' \
        "'gcloud projects list' shows those that you may see. See also ./deploy_all.sh --help."
    matches project '^[a-z][a-z0-9:.-]{2,61}[a-z0-9]$' 'a project id such as my-project-123'
    matches region '^[a-z]+-[a-z]+[0-9]+$' 'a region such as us-west1'
    matches location '^[A-Za-z0-9-]+$' 'a BigQuery location such as US or us-west1'
    matches dataset '^[A-Za-z0-9_]*$' "letters, digits and '_'"
    matches ledger_days '^(0|3[1-9]|[4-9][0-9]|[1-9][0-9]{2,4})?$' 'a number of days, at least 31, or 0'
    matches queue '^[A-Za-z0-9-]*$' "letters, digits and '-'"
    matches rate_profile '^(documented|conservative)$' 'documented or conservative'
    local at
    for at in orders_at cash_at labor_at summary_at; do
        matches "$at" '^([01]?[0-9]|2[0-3]):[0-5][0-9]$' 'a time such as 02:00'
    done
    matches closing_at '^(auto|none|([01]?[0-9]|2[0-3]):[0-5][0-9])$' 'a time such as 07:15, auto or none'
    matches config_at '^(Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day ([01]?[0-9]|2[0-3]):[0-5][0-9]$' \
        "a day and a time such as 'Sunday 03:00'"
    local number
    for number in timeout time_budget max_instances; do
        matches "$number" '^[1-9][0-9]{0,3}$' 'a whole number above 0'
    done
    # Cloud Scheduler waits for 30 minutes at most, and has to wait a minute longer than the function may take.
    [[ $timeout -le 1740 ]] || stop "--timeout is $timeout; it can be at most 1740 seconds."
    [[ $time_budget -le $((timeout - 100)) ]] ||
        stop "--time-budget is $time_budget and --timeout $timeout: what was read by then is still to be loaded." \
            'Leave at least 100 seconds between them.'
    local part
    for part in ${only//,/ }; do
        matches_text "--only $part" "$part" '^(orders|cash|labor|config|summary|queue|alerts)$' \
            'some of orders, cash, labor, config, summary, queue, alerts'
    done
    local one
    for one in ${channel//,/ }; do
        matches_text "--channel $one" "$one" \
            '^([^@/:]+@[^@/:]+\.[a-z]+|slack:[A-Za-z0-9_-]+|projects/[^/]+/notificationChannels/[0-9]+)$' \
            'a mail address, slack:SECRET or projects/P/notificationChannels/N'
    done
}

matches() { matches_text "--${1//_/-} is '${!1}'" "${!1}" "$2" "$3"; }

matches_text() { [[ $2 =~ $3 ]] || stop "$1: expected $4."; }

# What everything is called. Services, schedules and metrics of staging begin with 'staging-'.
name_things() {
    case $env in
        production) prefix='' function_prefix='' role_id=toastTokenCache restaurants=restaurants.toml ;;
        staging)
            prefix=staging- function_prefix=staging_ role_id=toastStagingTokenCache restaurants=restaurants.staging.toml
            [[ -f $restaurants ]] || restaurants=restaurants.toml ;;
    esac
    : "${dataset:=toast$([[ $env == production ]] || printf _staging)}"
    : "${queue:=${prefix}toast-backfill}"
    account_domain=$project
    # The project name of a domain, example.com:name, is turned round in the addresses of its accounts.
    if [[ $project == *:* ]]; then account_domain=${project#*:}.${project%%:*}; fi
    here=("--project=$project")
    there=("--project=$project" "--location=$region")
    in_region=("--project=$project" "--region=$region")
}
