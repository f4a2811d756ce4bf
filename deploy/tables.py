"""Create the dataset, its tables and its views, and let accounts write them.

    python -m deploy.tables --project PROJECT --dataset toast --location US --writer ACCOUNT --writer ACCOUNT

Does what the functions would do on their first call, but with the login of gcloud: so their accounts need no right to
create a dataset. What is there already stays; columns that it lacks are added, and views made from an older
definition are replaced. With --revoke the writers lose their right, and nothing else happens.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Collection

import google.oauth2.credentials
from google.api_core import exceptions as google_errors
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from deploy.login import access_token, stop
from shared import logs
from shared.bigquery_utils import Warehouse
from shared.config import Settings
from shared.errors import ConfigurationError, EtlError
from shared.schema import ALL_TABLES, VIEWS

WRITER = "WRITER"
"""What a dataset's access list calls roles/bigquery.dataEditor, whichever of the two names it was given."""

# BigQuery knows a new service account only some seconds after it was created, and two writers of an access list
# find each other out by its etag.
TRIES, PAUSE_SECONDS = 8, 5.0
_WORTH_ANOTHER_TRY = (google_errors.BadRequest, google_errors.NotFound, google_errors.PreconditionFailed)


class Dataset:
    """One dataset, seen by whoever deploys."""

    def __init__(self, client: bigquery.Client, name: str, location: str) -> None:
        self._client = client
        self._name = f"{client.project}.{name}"
        self.warehouse = Warehouse(client, name, location, host="bigquery.googleapis.com")
        self._location = location

    def create(self) -> str:
        """Create what is missing; what that was, in a few words.

        Raises ConfigurationError for a dataset that lies elsewhere, or when BigQuery refused a view.
        """
        before = self._names()
        self.warehouse.ensure(ALL_TABLES, VIEWS)
        after = self._names() or set()
        refused = [view.name for view in VIEWS if view.name not in after]
        if refused:
            raise ConfigurationError(f"BigQuery refused these views of {self._name}: {', '.join(refused)}.")
        held = f"{len(ALL_TABLES)} tables, {len(VIEWS)} views"
        if before is None:
            return f"created with {held}"
        added = len(after - before)
        return f"{held}, {added} of them new" if added else f"there already: {held}"

    def _names(self) -> set[str] | None:
        """The tables and views that there are; None where there is no dataset."""
        try:
            location = self._client.get_dataset(self._name).location or ""
        except google_errors.NotFound:
            return None
        if location.upper() != self._location.upper():
            raise ConfigurationError(
                f"The dataset {self._name} lies in {location}: deploy with --location={location}, or name another "
                f"dataset to have it in {self._location}."
            )
        return {table.table_id for table in self._client.list_tables(self._name)}

    def grant(self, accounts: Collection[str]) -> str:
        """Let accounts write; which of them could not before."""
        changed = self._change(lambda writers: writers | set(accounts))
        return f"may be written by {changed} more" if changed else "may be written by all of them already"

    def revoke(self, accounts: Collection[str]) -> str:
        """Take the right to write from accounts."""
        changed = self._change(lambda writers: writers - set(accounts))
        return f"may be written by {changed} less"

    def _change(self, change: Callable[[set[str]], set[str]]) -> int:
        """Change who may write; how many accounts that concerned."""
        for left in reversed(range(TRIES)):
            try:
                return self._change_once(change)
            except _WORTH_ANOTHER_TRY:
                if left == 0:
                    raise
                time.sleep(PAUSE_SECONDS)
        raise AssertionError("the last try returns or raises")

    def _change_once(self, change: Callable[[set[str]], set[str]]) -> int:
        dataset = self._client.get_dataset(self._name)
        writers = {str(entry.entity_id) for entry in dataset.access_entries if _is_writer(entry)}
        wanted = change(set(writers))
        if wanted == writers:
            return 0
        kept = [entry for entry in dataset.access_entries if not (_is_writer(entry) and entry.entity_id not in wanted)]
        added = [bigquery.AccessEntry(WRITER, "userByEmail", account) for account in sorted(wanted - writers)]
        dataset.access_entries = [*kept, *added]
        self._client.update_dataset(dataset, ["access_entries"])
        return len(wanted ^ writers)


def _is_writer(entry: bigquery.AccessEntry) -> bool:
    return entry.role == WRITER and entry.entity_type == "userByEmail"


def client_for(project: str) -> bigquery.Client:
    """Google's client with gcloud's login, or without any for an emulator."""
    emulator = Settings.from_environment().emulator_host
    if emulator:
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return bigquery.Client(project, anonymous, client_options={"api_endpoint": emulator})
    return bigquery.Client(project, google.oauth2.credentials.Credentials(access_token()))  # type: ignore[no-untyped-call]


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--location", default="US", help="where a new dataset is to lie (default: US)")
    parser.add_argument("--writer", action="append", default=[], help="account that may write; may be repeated")
    parser.add_argument("--revoke", action="store_true", help="take the right from the writers, and do nothing else")
    options = parser.parse_args()
    logs.configure(os.environ.get("LOG_LEVEL", "WARNING"))
    try:
        dataset = Dataset(client_for(options.project), options.dataset, options.location)
        if options.revoke:
            print(dataset.revoke(options.writer))
            return
        print(dataset.create())
        print(dataset.grant(options.writer))
    except (EtlError, google_errors.GoogleAPICallError) as error:
        stop(error)


if __name__ == "__main__":
    _main()
