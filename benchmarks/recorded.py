"""Real calls of the functions, with every job that they ask of BigQuery written down.

The functions run in this process, behind functions-framework's own application; Toast and BigQuery are processes that
they reach over HTTP.
"""

from __future__ import annotations

import datetime as dt
import io
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import IO, Any
from unittest import mock

import functions_framework
import msgspec
import requests

from benchmarks.simulated_toast import CLOCK, WEEK, restaurants
from benchmarks.stacks import Servers, servers, warehouse_of
from local_stack.processes import PRODUCT_VARIABLES, ROOT
from shared import connections
from shared.bigquery_utils import Answer, Warehouse
from shared.schema import ALL_TABLES
from shared.statements import Statement
from shared.tables import Column, Table

DAY = dt.timedelta(days=1)


class Job(msgspec.Struct, frozen=True):
    """One job of a call: a statement, or a load of so many bytes."""

    step: str
    statement: Statement | None
    size: int
    """Bytes that were loaded; 0 for a statement."""
    rows: Sequence[Mapping[str, Any]]
    """What a query found."""


class Call(msgspec.Struct, frozen=True):
    """A call that succeeded, and its jobs in order."""

    function: str
    what: str
    reply: Mapping[str, Any]
    jobs: list[Job]

    def steps(self) -> list[str]:
        """The steps of its jobs, in order."""
        return [job.step for job in self.jobs]

    def written(self) -> Counter[str]:
        """Rows that were inserted or updated, by table."""
        rows: Counter[str] = Counter()
        for one in self.reply["restaurants"]:
            for table, counts in one["tables"].items():
                rows[table] += counts["inserted"] + counts["updated"]
        return rows


class Recorded(msgspec.Struct, frozen=True):
    """Some calls, and what the tables held after them."""

    calls: dict[str, Call]
    """By name."""
    table_bytes: dict[str, dict[str, float]]
    """Bytes per table and column that one restaurant took: see `_bytes_held`."""


@cache
def recorded(volume: int) -> Recorded:
    """The calls of a restaurant's life in order: a first week, again, an edited order, then day by day.

    ``volume``: orders a day of an ordinary restaurant.
    """
    guid, day = restaurants()[0], str(WEEK[2])
    week = {"restaurant_guid": guid, "start_date": str(WEEK[0]), "end_date": str(WEEK[-1])}
    calls: dict[str, Call] = {}
    with servers(volume=volume) as here:

        def take(name: str, function: str, **body: str) -> None:
            calls[name] = _call(here, function, name, body)

        take("first week", "orders_daily", **week)
        take("the same week again", "orders_daily", **week)
        _edit_an_order(here, guid, day)
        take("a day with an edited order", "orders_daily", restaurant_guid=guid, start_date=day, end_date=day)
        for function in ("orders_daily", "labor_daily", "cash_daily", "config_weekly"):
            take(f"first {function}", function, restaurant_guid=guid)
        _advance(here, dt.datetime.fromisoformat(CLOCK) + DAY)
        for function in ("orders_daily", "labor_daily", "cash_daily", "config_weekly"):
            take(f"next {function}", function, restaurant_guid=guid)
        return Recorded(calls, _bytes_held(here))


def _call(here: Servers, function: str, what: str, body: Mapping[str, str]) -> Call:
    with _recording(here.environment) as jobs:
        application: Any = functions_framework.create_app(function, str(ROOT / "main.py"))  # type: ignore[no-untyped-call]
        reply = application.test_client().post("/", json=dict(body))
    answer = reply.get_json()
    if reply.status_code != 200 or answer["status"] != "success":
        raise AssertionError(f"{function}, {what}: HTTP {reply.status_code}: {reply.get_data(as_text=True)[:1000]}")
    return Call(function, what, answer, jobs)


@contextmanager
def _recording(environment: Mapping[str, str]) -> Iterator[list[Job]]:
    """Let what this process does as a function use these settings, and write down its jobs."""
    jobs: list[Job] = []
    run, load = Warehouse.run, Warehouse.load

    def recorded_run(self: Warehouse, statement: Statement, job: str) -> Answer:
        answer = run(self, statement, job)
        jobs.append(Job(_step(job), statement, 0, answer.rows))
        return answer

    def recorded_load(self: Warehouse, lines: IO[bytes], table: str, columns: Sequence[Column], job: str) -> int:
        rows = load(self, lines, table, columns, job)
        jobs.append(Job(_step(job), None, lines.seek(0, io.SEEK_END), ()))
        return rows

    own = {name: value for name, value in os.environ.items() if name not in PRODUCT_VARIABLES}
    with (
        mock.patch.dict(os.environ, {**own, **environment, "LOG_LEVEL": "ERROR"}, clear=True),
        mock.patch.object(Warehouse, "run", recorded_run),
        mock.patch.object(Warehouse, "load", recorded_load),
    ):
        _forget_connections()
        yield jobs
    _forget_connections()


def _forget_connections() -> None:
    connections.toast_client.cache_clear()
    connections.warehouse.cache_clear()


def _step(job: str) -> str:
    """The step that a job's id ends with: function, run, step."""
    return job.split("-", 2)[2]


# --- the simulated Toast -----------------------------------------------------------------------------


def _edit_an_order(here: Servers, guid: str, day: str) -> None:
    """Let a selection vanish from an order, so that its rows must go too."""
    query = {"restaurant_guid": guid, "start_date": day, "end_date": day, "keys": "true"}
    truth = requests.get(f"{here.simulator.url}/_simulator/truth", params=query, timeout=60).json()
    items = truth["days"][0]["tables"]["fact_order_items"]["keys"]
    edit = {"restaurant_guid": guid, "order_guid": items[0][0], "change": "drop_selection"}
    requests.post(f"{here.simulator.url}/_simulator/edits", json=edit, timeout=60).raise_for_status()


def _advance(here: Servers, now: dt.datetime) -> None:
    body = {"now": now.isoformat()}
    requests.post(f"{here.simulator.url}/_simulator/clock", json=body, timeout=60).raise_for_status()


# --- how large rows are ------------------------------------------------------------------------------

_FIXED_BYTES = {"INT64": 8, "BOOL": 1, "NUMERIC": 16, "TIMESTAMP": 8, "DATETIME": 8, "DATE": 8}


def _bytes_held(here: Servers) -> dict[str, dict[str, float]]:
    """Bytes per table and column, as BigQuery counts them: of one business date, of one row of the other partitioned
    tables, of all rows of those without partitions.
    """
    warehouse = warehouse_of(here.emulator.url)
    return {table.name: _table_bytes(warehouse, table) for table in ALL_TABLES}


def _table_bytes(warehouse: Warehouse, table: Table) -> dict[str, float]:
    sizes = ", ".join(f"SUM({_size_of(column)}) AS {column.name}" for column in table.columns)
    pieces = {"business_date": "COUNT(DISTINCT business_date)", None: "1"}.get(table.partition_by, "COUNT(*)")
    statement = Statement(f"SELECT {pieces} AS pieces, {sizes} FROM `{warehouse.dataset}.{table.name}`")
    (row,) = warehouse.run(statement, f"bench-size-{table.name}").rows
    pieces_held = max(1, int(row["pieces"]))
    return {column.name: float(row[column.name] or 0) / pieces_held for column in table.columns}


def _size_of(column: Column) -> str:
    if column.type == "STRING":
        return f"IF({column.name} IS NULL, 0, 2 + BYTE_LENGTH({column.name}))"
    return f"IF({column.name} IS NULL, 0, {_FIXED_BYTES[column.type]})"
