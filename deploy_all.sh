#!/usr/bin/env bash
# Deploys everything to Google Cloud, and brings an installation up to date. ./deploy_all.sh --help says how.
#
# This file is the table of contents; deploy/ has the chapters: settings.sh (options), plan.sh (what everything is
# called), steps.sh and alerting.sh (deploying), removal.sh (teardown and rollback), output.sh (what is shown, and how
# commands run).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

source deploy/output.sh
source deploy/settings.sh
source deploy/plan.sh
source deploy/steps.sh
source deploy/alerting.sh
source deploy/removal.sh

main() {
    read_settings "$@"
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'stop "Interrupted at step $step_number. What was done so far stays; run the same command again to go on."' INT
    [[ $dry_run == yes ]] || check_gcloud
    read_tenants
    headline
    case $task in
        deploy) deploy ;;
        teardown) teardown ;;
        rollback) rollback ;;
    esac
}

deploy() {
    check_access
    enable_apis
    create_accounts
    create_token_role
    create_tables
    create_secrets
    deploy_functions
    let_invoke
    create_queue
    create_schedules
    create_alerts
    tell_what_is_left
}

# What has to be there before anything can be asked.
check_gcloud() {
    command -v gcloud >/dev/null || stop 'gcloud was not found on the PATH.' \
        'Install the Google Cloud CLI (https://cloud.google.com/sdk/docs/install), or use Cloud Shell, which has it.' \
        'To see the plan without it: add --dry-run.'
    # No question of gcloud's own may wait for an answer that nobody sees.
    export CLOUDSDK_CORE_DISABLE_PROMPTS=1
    log=$(mktemp "${TMPDIR:-/tmp}/deploy_all.XXXXXX")
    login=$(gcloud auth list --filter=status:ACTIVE '--format=value(account)' 2>/dev/null) || login=''
    [[ -n $login ]] || stop 'gcloud is not logged in.' 'Log in: gcloud auth login'
}

headline() {
    local what
    case $task in
        deploy) what='Deploying Toast to BigQuery' ;;
        teardown) what='Removing Toast to BigQuery' ;;
        rollback) what='Rolling Toast to BigQuery back' ;;
    esac
    if [[ $dry_run == yes ]]; then
        say "$what: the plan for project $project, $env, $region."
        say 'Nothing is done, and nobody was asked what is there already. A real run leaves alone or updates what it' \
            'would create, and removes only what is there.'
    else
        printf '%s%s: project %s, %s, %s%s\n' "$bold" "$what" "$project" "$env" "$region" "$plain"
        printf '%sas %s; log: %s%s\n' "$dim" "$login" "$log" "$plain"
    fi
    if [[ -n $tenant_notes && $task == deploy && $closing_at == auto && -n $(loading_functions) ]]; then
        note "$tenant_notes"
    fi
}

main "$@"
