"""Ask Google, before anything is done, whether whoever is logged in may do all of it.

    python -m deploy.permissions --project PROJECT --task deploy

Ends with exit code 1 and the missing permissions, each with a role that holds it.
"""

from __future__ import annotations

import argparse
import os
import sys

import requests

from deploy.login import access_token, stop
from shared.errors import ConfigurationError

_ENDPOINT = "https://cloudresourcemanager.googleapis.com/"
# The variable by which gcloud itself is pointed elsewhere, where Google's services are reached by a private address.
_ENDPOINT_VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER"
_SECONDS = 20

ROLES: dict[str, tuple[str, ...]] = {
    "roles/serviceusage.serviceUsageAdmin": ("serviceusage.services.enable",),
    "roles/iam.serviceAccountAdmin": ("iam.serviceAccounts.create", "iam.serviceAccounts.delete"),
    "roles/iam.serviceAccountUser": ("iam.serviceAccounts.actAs",),
    "roles/iam.roleAdmin": ("iam.roles.create", "iam.roles.update", "iam.roles.delete", "iam.roles.undelete"),
    "roles/resourcemanager.projectIamAdmin": ("resourcemanager.projects.setIamPolicy",),
    "roles/bigquery.admin": (
        "bigquery.datasets.create",
        "bigquery.datasets.update",
        "bigquery.tables.create",
        "bigquery.tables.update",
        "bigquery.jobs.create",
    ),
    "roles/secretmanager.admin": (
        "secretmanager.secrets.create",
        "secretmanager.secrets.update",
        "secretmanager.secrets.delete",
        "secretmanager.secrets.setIamPolicy",
    ),
    "roles/cloudfunctions.developer": (
        "cloudfunctions.functions.create",
        "cloudfunctions.functions.update",
        "cloudfunctions.functions.delete",
    ),
    "roles/run.admin": ("run.services.setIamPolicy", "run.services.update", "run.revisions.list"),
    "roles/cloudtasks.queueAdmin": (
        "cloudtasks.queues.create",
        "cloudtasks.queues.update",
        "cloudtasks.queues.delete",
    ),
    "roles/cloudscheduler.admin": (
        "cloudscheduler.jobs.create",
        "cloudscheduler.jobs.update",
        "cloudscheduler.jobs.delete",
    ),
    "roles/logging.configWriter": (
        "logging.logMetrics.create",
        "logging.logMetrics.update",
        "logging.logMetrics.delete",
    ),
    "roles/monitoring.editor": (
        "monitoring.alertPolicies.create",
        "monitoring.alertPolicies.update",
        "monitoring.alertPolicies.delete",
        "monitoring.notificationChannels.create",
    ),
}
"""The permissions that deploying and removing take, under the smallest predefined role that holds them."""

_ROLLBACK = ("run.services.update", "run.revisions.list", "iam.serviceAccounts.actAs")


def needed(task: str) -> list[str]:
    """The permissions that a task takes: deploy, teardown or rollback."""
    if task == "rollback":
        return list(_ROLLBACK)
    every = [permission for permissions in ROLES.values() for permission in permissions]
    if task == "deploy":
        return [permission for permission in every if not permission.endswith(".delete")]
    return [permission for permission in every if permission.endswith((".delete", ".setIamPolicy", "datasets.update"))]


def missing(project: str, permissions: list[str]) -> list[str]:
    """Those of the permissions that gcloud's login does not have on a project.

    Raises ConfigurationError when the project cannot be seen, or Google cannot be asked.
    """
    base = os.environ.get(_ENDPOINT_VARIABLE, _ENDPOINT).rstrip("/")
    try:
        reply = requests.post(
            f"{base}/v1/projects/{project}:testIamPermissions",
            json={"permissions": permissions},
            headers={"Authorization": f"Bearer {access_token()}"},
            timeout=_SECONDS,
        )
    except requests.RequestException as error:
        raise ConfigurationError(f"{base} cannot be reached ({type(error).__name__}); check the network.") from None
    if reply.status_code == 403 and "SERVICE_DISABLED" in reply.text:
        return []  # a project so new that it cannot even be asked; the first step enables this API too
    if reply.status_code in (403, 404):
        raise ConfigurationError(
            f"There is no project {project!r}, or this login may not see it. 'gcloud projects list' shows those that "
            "it may see; the id counts, not the name."
        )
    if reply.status_code == 401:
        raise ConfigurationError("Google does not take gcloud's login any more: run 'gcloud auth login'.")
    if reply.status_code != 200:
        raise ConfigurationError(f"Google did not say what this login may do (HTTP {reply.status_code}); try again.")
    held = set(reply.json().get("permissions", []))
    return [permission for permission in permissions if permission not in held]


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", required=True)
    parser.add_argument("--task", choices=("deploy", "teardown", "rollback"), default="deploy")
    options = parser.parse_args()
    try:
        lacking = missing(options.project, needed(options.task))
    except ConfigurationError as error:
        stop(error)
    if not lacking:
        print("nothing is missing")
        return
    print(
        f"This login lacks permissions on {options.project}. An owner of the project can grant them:", file=sys.stderr
    )
    for role, permissions in ROLES.items():
        of_role = [permission for permission in permissions if permission in lacking]
        if of_role:
            print(f"  {role:<40} for {', '.join(of_role)}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    _main()
