"""What deploy_all.sh needs besides gcloud: alert policies, the daily summary, the data dictionary."""
