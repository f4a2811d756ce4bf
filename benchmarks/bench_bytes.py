"""What a call reads in BigQuery with 1, 3 and 10 years of history: the daily calls, statement by statement.

The statements and their parameters are those of real calls; which partitions they select, and which columns, is worked
out as BigQuery does it, with the bytes that a business date of such a restaurant takes in the tables. Nothing is left
out: ledger, business days and staging tables count too. BigQuery's minimum of 10 MB per table and statement does not:
it would hide growth.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.harness import Figure, Sizes
from benchmarks.partitions import Contents, bytes_read, scans_of
from benchmarks.recorded import Call, Recorded, recorded
from benchmarks.simulated_toast import LAST_DAY
from shared.bigquery_utils import DEFAULT_LEDGER_DAYS
from shared.run_tables import BUSINESS_DAYS
from shared.schema import ALL_TABLES
from shared.statements import Statement
from shared.tables import Table

CALLS = ("next orders_daily", "next labor_daily", "next cash_daily", "next config_weekly", "first week")
YEARS = (1, 3, 10)
MOST_GROWTH = 1.05
MB = 1_000_000
TABLES = {table.name: table for table in ALL_TABLES}

RESTAURANTS = 13
RUNS_A_DAY = 27
"""Rows of etl_runs a day and restaurant: orders each hour, labor, cash and configuration once."""
TIMES_WRITTEN = 50
"""Rows of business_days for each date, source and restaurant: late changes touch it for 45 days."""
VERSIONS_A_YEAR = 1.5
"""New versions a year of a configured entity: some 3 % change in a week."""


def measure(sizes: Sizes) -> Iterator[Figure]:
    """Growth of what each daily call reads, against one year; and of a week's call with dates."""
    taken = recorded(sizes.pick(60, 12))
    for name in CALLS:
        call = taken.calls[name]
        read = {years: _read(call, taken, years) for years in YEARS}
        totals = {years: sum(tables.values()) for years, tables in read.items()}
        for years in YEARS[1:]:
            yield Figure(
                name=f"bytes of {call.function} ({name.removesuffix(f' {call.function}')}), {years} years / 1 year",
                value=totals[years] / totals[YEARS[0]],
                unit="×",
                target=MOST_GROWTH,
                details={"mb": totals[years] / MB, "mb_of_tables": _largest(read[years])},
            )


def _read(call: Call, taken: Recorded, years: int) -> dict[str, float]:
    """Bytes that a call reads, by table, at the end of so many years of history."""
    statements = [job.statement for job in call.jobs if job.statement is not None]
    scans = [scan for statement in statements for scan in scans_of(statement, TABLES)]
    read = bytes_read(scans, contents(taken.table_bytes, years))
    staged = sum(job.size for job in call.jobs)
    return read | {"staging": staged * sum(_reads_staging(statement) for statement in statements)}


def contents(table_bytes: Mapping[str, Mapping[str, float]], years: int) -> dict[str, Contents]:
    """What each table holds after so many years of 13 restaurants like the one that was measured."""
    days = [LAST_DAY + dt.timedelta(days=2 - back) for back in range(365 * years)]
    return {table.name: _contents(table, table_bytes[table.name], days, years) for table in ALL_TABLES}


def _contents(table: Table, sizes: Mapping[str, float], days: Sequence[dt.date], years: int) -> Contents:
    if table.partition_by is None:
        return _scaled(sizes, RESTAURANTS * (1 + VERSIONS_A_YEAR * years), None)
    if table.partition_by == "business_date":
        return _scaled(sizes, RESTAURANTS * (TIMES_WRITTEN if table is BUSINESS_DAYS else 1), days)
    kept = days[:DEFAULT_LEDGER_DAYS] if table.expires else days
    return _scaled(sizes, RESTAURANTS * RUNS_A_DAY, kept)


def _scaled(sizes: Mapping[str, float], factor: float, partitions: Sequence[dt.date] | None) -> Contents:
    return Contents({name: size * factor for name, size in sizes.items()}, partitions)


def _reads_staging(statement: Statement) -> int:
    """How often a statement reads the staging table, as a whole."""
    return statement.sql.count(".staging_")


def _largest(read: Mapping[str, float]) -> dict[str, float]:
    return {name: round(size / MB, 3) for name, size in sorted(read.items(), key=lambda one: -one[1])[:6]}
