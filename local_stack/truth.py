"""Compares warehouse tables with what the simulator knows to be true.

The simulator's world computes, per restaurant, business date and table, how many rows there must be and what
each column must sum up to; it never saw this project's flattening. Here the same numbers are asked from the
warehouse, in one query per table, and every one is compared: to the cent, to the millisecond.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

ROWS = "rows"
MISSING = "missing"

# How a column of each type becomes the one number that is compared. BigQuery answers with the long names
# or the standard ones, depending on how the table was created.
TOTALS = {
    "NUMERIC": "SUM({column})",
    "BIGNUMERIC": "SUM({column})",
    "INTEGER": "SUM({column})",
    "INT64": "SUM({column})",
    "BOOLEAN": "COUNTIF({column})",
    "BOOL": "COUNTIF({column})",
    "TIMESTAMP": "SUM(UNIX_MILLIS({column}))",
}

TRUTH_SECONDS = 300.0
TRUTH_REQUESTS_AT_ONCE = 4

Day = tuple[str, str]  # restaurant_guid, business date as YYYY-MM-DD
Cells = dict[str, Decimal]  # "rows" or a column's name, to its number
NO_ROWS: Cells = {ROWS: Decimal(0)}


@dataclass(frozen=True)
class Difference:
    """One number that is not what it should be; `warehouse` is "missing" where table or column do not exist."""

    restaurant_guid: str
    business_date: str
    table: str
    what: str
    truth: str
    warehouse: str

    def __str__(self) -> str:
        where = f"{self.restaurant_guid} {self.business_date} {self.table}.{self.what}"
        return f"{where}: truth {self.truth}, warehouse {self.warehouse}"


@dataclass
class TableResult:
    """One table over all restaurants and dates: its totals in the warehouse, and what differs."""

    totals: Cells = field(default_factory=dict)
    cells: int = 0
    differences: list[Difference] = field(default_factory=list)


@dataclass
class Comparison:
    """What was compared, and what was found; `equal` says it in a word."""

    tables: dict[str, TableResult]

    @property
    def cells(self) -> int:
        """How many numbers were compared."""
        return sum(result.cells for result in self.tables.values())

    @property
    def differences(self) -> list[Difference]:
        """Every difference, in the order of tables, restaurants and dates."""
        return [difference for result in self.tables.values() for difference in result.differences]

    @property
    def equal(self) -> bool:
        """Whether something was compared and nothing differed."""
        return self.cells > 0 and not self.differences


def differences(
    client: bigquery.Client,
    dataset: str,
    simulator_url: str,
    restaurants: Sequence[str],
    start: dt.date,
    end: dt.date,
    *,
    tables: Collection[str] | None = None,
) -> Comparison:
    """Compare the tables of `dataset` with the simulator's truth, for business dates `start` to `end` inclusive.

    `tables` limits the comparison to some of the tables that the simulator knows. A restaurant, date, table
    or column that only one side has counts as a difference, rows on a date without any included.
    """
    truth = fetch_truth(simulator_url, restaurants, start, end)
    names = dict.fromkeys(name for day in truth.values() for name in day)
    wanted = [name for name in names if tables is None or name in tables]
    return Comparison({name: _compare_table(client, dataset, name, truth, start, end) for name in wanted})


def fetch_truth(
    simulator_url: str, restaurants: Sequence[str], start: dt.date, end: dt.date
) -> dict[Day, dict[str, Cells]]:
    """Ask the simulator for every restaurant: the tables' numbers by restaurant and business date."""

    def ask(restaurant: str) -> Any:
        query = {"restaurant_guid": restaurant, "start_date": start.isoformat(), "end_date": end.isoformat()}
        reply = requests.get(f"{simulator_url}/_simulator/truth", params=query, timeout=TRUTH_SECONDS)
        reply.raise_for_status()
        return reply.json()

    with ThreadPoolExecutor(TRUTH_REQUESTS_AT_ONCE) as pool:
        replies = list(pool.map(ask, restaurants))
    return {
        (restaurant, day["business_date"]): {name: _cells(table) for name, table in day["tables"].items()}
        for restaurant, reply in zip(restaurants, replies, strict=True)
        for day in reply["days"]
    }


def _cells(table: Mapping[str, Any]) -> Cells:
    """A table's part of the simulator's reply; a total of nothing is null there and 0 here."""
    totals = {column: Decimal(total or 0) for column, total in table["totals"].items()}
    return {ROWS: Decimal(table["rows"]), **totals}


@dataclass(frozen=True)
class _Totals:
    """What the warehouse has of one table: per restaurant and date, for the columns that could be totalled."""

    columns: tuple[str, ...]
    days: Mapping[Day, Cells]

    def of(self, day: Day) -> Cells:
        """That day's numbers; of a day without rows, zeros."""
        return self.days.get(day) or dict.fromkeys((ROWS, *self.columns), Decimal(0))


def _compare_table(
    client: bigquery.Client,
    dataset: str,
    name: str,
    truth: Mapping[Day, Mapping[str, Cells]],
    start: dt.date,
    end: dt.date,
) -> TableResult:
    expected = {day: tables.get(name, NO_ROWS) for day, tables in truth.items()}
    columns = list(dict.fromkeys(what for cells in expected.values() for what in cells if what != ROWS))
    restaurants = sorted({restaurant for restaurant, _ in expected})
    totals = _warehouse_totals(client, f"{client.project}.{dataset}.{name}", columns, restaurants, start, end)
    result = TableResult()
    for day in sorted(expected.keys() | totals.days.keys() if totals else expected):
        _compare_day(result, name, day, expected.get(day, NO_ROWS), totals.of(day) if totals else {})
    return result


def _compare_day(result: TableResult, name: str, day: Day, expected: Cells, found: Cells) -> None:
    for what, truth in expected.items():
        result.cells += 1
        value = found.get(what)
        if value is not None:
            result.totals[what] = result.totals.get(what, Decimal(0)) + value
        if value != truth:
            shown = MISSING if value is None else f"{value:f}"
            result.differences.append(Difference(*day, name, what, f"{truth:f}", shown))


def _warehouse_totals(
    client: bigquery.Client,
    table_id: str,
    columns: Sequence[str],
    restaurants: Sequence[str],
    start: dt.date,
    end: dt.date,
) -> _Totals | None:
    """One table's totals by restaurant and date; None when there is no such table."""
    try:
        types = {column.name: column.field_type for column in client.get_table(table_id).schema}
    except NotFound:
        return None
    present = tuple(column for column in columns if types.get(column) in TOTALS)
    config = bigquery.QueryJobConfig(
        query_parameters=[
            bigquery.ArrayQueryParameter("restaurants", "STRING", restaurants),
            bigquery.ScalarQueryParameter("start_date", "DATE", start),
            bigquery.ScalarQueryParameter("end_date", "DATE", end),
        ]
    )
    rows = client.query(_totals_sql(table_id, {column: types[column] for column in present}), config).result()
    return _Totals(present, dict(_day_cells(row, present) for row in rows))


def _totals_sql(table_id: str, types: Mapping[str, str]) -> str:
    """One row per restaurant and date, with the totals in the order of `types`."""
    sums = "".join(f",\n  {TOTALS[kind].format(column=f'`{column}`')}" for column, kind in types.items())
    return f"""SELECT
  restaurant_guid, business_date, COUNT(*){sums}
FROM `{table_id}`
WHERE business_date BETWEEN @start_date AND @end_date
  AND restaurant_guid IN UNNEST(@restaurants)
GROUP BY restaurant_guid, business_date"""


def _day_cells(row: bigquery.Row, columns: Iterable[str]) -> tuple[Day, Cells]:
    restaurant, date, *numbers = (row[position] for position in range(len(row)))
    names = (ROWS, *columns)
    return (restaurant, date.isoformat()), {
        name: Decimal(number or 0) for name, number in zip(names, numbers, strict=True)
    }
