"""Two restaurants and three business dates in a warehouse, to plant violations in and see the gates find them."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from functions import RESTAURANTS, Json, SimulatorControl, in_process, restaurants_file
from google.cloud import bigquery

from history.ledger import Ledger
from history.units import Location
from local_stack.processes import function_environment
from quality.context import Context
from quality.findings import Finding, Outcome, Report
from quality.gates import run_gates
from shared import bigquery_utils, connections
from shared.bigquery_utils import Warehouse
from shared.config import Settings, load_tenants

GUIDS = [RESTAURANTS[0].guid, RESTAURANTS[4].guid]
BROOKLYN, PHOENIX = GUIDS
NAMES = {one.guid: one.name for one in RESTAURANTS}
DAYS = [dt.date(2026, 2, day) for day in (20, 21, 22)]
FIRST, MIDDLE, LAST = DAYS
CONFIGURED = "2026-02-20 18:00:00+00"
NOW = "2026-02-24T15:00:00Z"


class GateStack:
    """A small warehouse, loaded through the functions, and what a test does to it."""

    def __init__(self, toast: SimulatorControl, emulator: str, folder: Path, client: bigquery.Client) -> None:
        self.dataset = f"gates_{time.time_ns()}"
        file = restaurants_file(folder / "restaurants.toml", GUIDS)
        self.environment = {
            **function_environment(toast.url, emulator),
            "BQ_DATASET": self.dataset,
            "RESTAURANTS_FILE": str(file),
        }
        self.toast = toast
        self.client = client
        self.settings = Settings.from_environment(self.environment)
        (self.tenant,) = load_tenants(file).values()
        self.warehouse: Warehouse = bigquery_utils.connect(self.settings, self.tenant.dataset)

    def load(self) -> None:
        """The facts, and the configuration as if it had been read before them too, at ``CONFIGURED``."""
        self.call("config_weekly")
        for function in ("orders_daily", "cash_daily", "labor_daily"):
            self.call(function, start_date=FIRST, end_date=LAST)
        self.rows(
            "INSERT INTO {d}.etl_runs SELECT * REPLACE (CONCAT(run_id, '-before') AS run_id, "
            f"TIMESTAMP '{CONFIGURED}' AS finished_at) FROM {{d}}.etl_runs WHERE `function` = 'config_weekly'"
        )

    def call(self, function: str, **body: Any) -> Json:
        """Call a function in this process; it has to succeed."""
        with in_process(self.environment, function) as call:
            return call(**{"restaurant_guid": "ALL", **body}).succeeded().body

    # --- verifying -----------------------------------------------------------------------------------

    @property
    def locations(self) -> list[Location]:
        """The restaurants as the warehouse knows them."""
        return Ledger(self.warehouse).locations(self.tenant.restaurants)

    def context(self, **changes: Any) -> Context:
        """What the gates work with; Toast is asked unless ``toast`` is None."""
        values: Json = {
            "tenant": self.tenant,
            "restaurants": self.locations,
            "warehouse": self.warehouse,
            "settings": self.settings,
            "now": self.toast.now(),
            "start_date": FIRST,
            "end_date": LAST,
            "toast": lambda: connections.toast_client(self.settings, self.tenant, 1),
        }
        return Context(**values | changes)

    def verify(self, *gates: int, **changes: Any) -> Report:
        """Run some gates."""
        return run_gates(self.context(**changes), gates or (1, 2, 3))

    # --- rows ----------------------------------------------------------------------------------------

    def rows(self, sql: str) -> list[Json]:
        """Run a statement; ``{d}`` stands for the dataset. Its rows, if it has any."""
        return [dict(row) for row in self.client.query(sql.replace("{d}", self.dataset)).result()]

    def one(self, sql: str) -> Json:
        """The first row of a query that has to find one."""
        found = self.rows(f"{sql} LIMIT 1")
        assert found, f"the world has nothing like this: {sql}"
        return found[0]

    @contextmanager
    def planted(self, plant: str | Sequence[str], undo: str | Sequence[str]) -> Iterator[None]:
        """Something wrong in the warehouse, for a while."""
        for sql in [plant] if isinstance(plant, str) else plant:
            self.rows(sql)
        try:
            yield
        finally:
            for sql in [undo] if isinstance(undo, str) else undo:
                self.rows(sql)

    @contextmanager
    def copied(self, table: str, condition: str, **columns: str) -> Iterator[None]:
        """A row of a table once more, with other values (SQL) in some columns, for a while."""
        changes = ", ".join(f"{value} AS {name}" for name, value in {**columns, "_run_id": "'planted'"}.items())
        insert = f"INSERT INTO {{d}}.{table} SELECT * REPLACE ({changes}) FROM {{d}}.{table} WHERE {condition} LIMIT 1"
        with self.planted(insert, f"DELETE FROM {{d}}.{table} WHERE {SOME_DATE} AND _run_id = 'planted'"):
            assert self.rows(f"SELECT 1 FROM {{d}}.{table} WHERE {SOME_DATE} AND _run_id = 'planted'"), condition
            yield


SOME_DATE = "business_date > '2000-01-01'"


def failing(report: Report) -> dict[str, Outcome]:
    """The checks that failed, by name."""
    return {outcome.name: outcome for outcome in report.failed()}


def only_finding(report: Report, name: str) -> Finding:
    """The one finding of the one check that failed."""
    assert list(failing(report)) == [name], {key: one.findings[:2] for key, one in failing(report).items()}
    (finding,) = failing(report)[name].findings
    return finding


def is_at(finding: Finding, guid: str, start: dt.date, end: dt.date | None = None) -> None:
    """Make sure that a finding names the place."""
    assert (finding.restaurant_guid, finding.restaurant_name) == (guid, NAMES[guid])
    assert (finding.start_date, finding.end_date) == (start, end or start)
    assert guid in finding.mend
