"""A stack on this machine with a backfill's command line beside it, as a process that can be killed."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from functions import SimulatorControl
from google.cloud import bigquery

from local_stack.demo import example_restaurants, warehouse_client, write_restaurants
from local_stack.processes import DATASET, ROOT, LocalStack, child_environment
from local_stack.truth import differences
from shared.bigquery_utils import connect
from shared.cash_tables import CASH_TABLES
from shared.config import Settings
from shared.labor_tables import LABOR_TABLES
from shared.order_tables import ORDER_TABLES
from shared.schema import ALL_TABLES, VIEWS

TABLES_OF = {
    "orders_daily": ORDER_TABLES,
    "cash_daily": CASH_TABLES,
    "labor_daily": LABOR_TABLES,
    "config_weekly": (),
}

Day = tuple[str, str, dt.date]
"""Source, restaurant, business date."""


# A shell that runs the tests in its background turns Ctrl-C off for all that they start. Not a preexec_fn: it makes
# Popen fork, and where gRPC channels are open the child can end before it has become anything, a fault of grpcio.
CTRL_C_ARRIVES = """\
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class BackfillStack:
    """The servers, and `backfill_all.py` as a user would start it, calling them by URL."""

    def __init__(self, folder: Path, stack: LocalStack, client: bigquery.Client, guids: Sequence[str]) -> None:
        self.folder = folder
        self.stack = stack
        self.client = client
        self.guids = list(guids)
        self.toast = SimulatorControl(stack.simulator_url)
        self.target = "http"
        self.variables: dict[str, str] = {}
        self.started: list[subprocess.Popen[str]] = []

    def command(self, *words: str) -> list[str]:
        urls = [
            word for name, server in self.stack.functions.items() for word in ("--function-url", f"{name}={server.url}")
        ]
        place = ["--target", self.target, *urls] if words[0] != "help" else []
        return [sys.executable, str(ROOT / "backfill_all.py"), *words, *place]

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", CTRL_C_ARRIVES, *self.command(*words)],
            env=child_environment(self.stack.environment) | {"COLUMNS": "200"} | self.variables,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def make_tables(self) -> None:
        connect(Settings.from_environment(self.stack.environment)).ensure(ALL_TABLES, VIEWS)

    def end_all(self) -> None:
        """End what a failed test left running."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def run(self, *words: str, timeout: float = 300.0) -> tuple[int, str]:
        """Run a command to its end: exit code and what it printed."""
        process = self.start(*words)
        try:
            printed, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
            raise AssertionError(f"did not end in {timeout} s:\n{printed}") from None
        return process.returncode, printed

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return [dict(row) for row in self.client.query(sql.replace("{dataset}", DATASET)).result()]

    def complete(self) -> set[Day]:
        """The days that are complete now."""
        sql = "SELECT DISTINCT source, restaurant_guid, business_date FROM {dataset}.business_days WHERE complete"
        return {(row["source"], row["restaurant_guid"], row["business_date"]) for row in self.rows(sql)}

    def done_by(self, backfill_id: str) -> set[Day]:
        """The days that a backfill called for."""
        units = self.rows(f"SELECT * FROM {{dataset}}.etl_backfill_units WHERE backfill_id = '{backfill_id}'")
        return {
            (unit["function"].partition("_")[0], unit["restaurant_guid"], unit["start_date"] + dt.timedelta(days=n))
            for unit in units
            if unit["start_date"] and unit["attempts"]
            for n in range((unit["end_date"] - unit["start_date"]).days + 1)
        }

    def newest_backfill(self) -> str:
        (row,) = self.rows("SELECT backfill_id FROM {dataset}.etl_backfills ORDER BY beat_at DESC LIMIT 1")
        return row["backfill_id"]

    def equals_truth(self, start: dt.date, end: dt.date) -> None:
        tables = [table.name for name in self.stack.functions for table in TABLES_OF[name]]
        comparison = differences(self.client, DATASET, self.stack.simulator_url, self.guids, start, end, tables=tables)
        assert comparison.cells, "something was compared"
        assert not comparison.differences, [str(one) for one in comparison.differences][:10]


@contextmanager
def backfill_stack(
    folder: Path, functions: Sequence[str], restaurants: int, **simulator_options: object
) -> Iterator[BackfillStack]:
    chosen = example_restaurants()[:restaurants]
    options = {"clock": "2026-02-24T15:00:00+00:00", "limits": "off"} | simulator_options
    with (
        LocalStack(
            folder,
            functions=functions,
            seed=5,
            simulator_options=options,
            environment={"RESTAURANTS_FILE": str(write_restaurants(folder, chosen)), "TIME_BUDGET_SECONDS": "4"},
        ) as stack,
        closing(warehouse_client(stack.emulator_url)) as client,
    ):
        here = BackfillStack(folder, stack, client, [restaurant.guid for restaurant in chosen])
        try:
            yield here
        finally:
            here.end_all()


def words_of(printed: str) -> str:
    """What was printed, without line breaks."""
    return re.sub(r"\s+", " ", printed)
