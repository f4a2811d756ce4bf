"""What must hold after a schedule's clean runs: nothing lost, nothing twice, nothing stale, nothing left behind."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator

from campaigns.schedules import CONFIG, RESTAURANTS, Schedule
from functions import Tables
from google.cloud import bigquery

from local_stack.dimension_truth import dimension_differences
from local_stack.processes import DATASET
from local_stack.truth import differences
from shared.cash_tables import CASH_TABLES
from shared.dimension_tables import DIMENSION_TABLES
from shared.families import Family
from shared.labor_tables import LABOR, LABOR_TABLES
from shared.order_tables import ORDER_TABLES, ORDERS
from shared.tables import Table

FACT_TABLES = (*ORDER_TABLES, *CASH_TABLES, *LABOR_TABLES)
SOURCES = ("orders", "cash", "labor")
SHOWN = 6


def problems(client: bigquery.Client, toast_url: str, schedule: Schedule, finished_runs: Collection[str]) -> list[str]:
    """Everything that is not as it must be, in words."""
    tables = Tables(client, DATASET)
    return [
        *_differences(client, toast_url, schedule),
        *(f"{row['name']}: {row['n']} {row['what']}" for row in tables.rows(_rules(schedule)) if row["n"]),
        *_incomplete_days(tables, schedule),
        *_left_over(tables, finished_runs),
    ]


def _differences(client: bigquery.Client, toast_url: str, schedule: Schedule) -> Iterator[str]:
    facts = differences(client, DATASET, toast_url, schedule.guids, schedule.start, schedule.end)
    assert set(facts.tables) == {table.name for table in FACT_TABLES}
    compared = [facts]
    if CONFIG in schedule.functions:
        dimensions = dimension_differences(client, DATASET, toast_url, schedule.guids)
        assert set(dimensions.tables) == {table.name for table in DIMENSION_TABLES}
        compared.append(dimensions)
    for found in compared:
        yield from (str(difference) for difference in itertools.islice(found.differences, SHOWN))
        if len(found.differences) > SHOWN:
            yield f"… and {len(found.differences) - SHOWN} more differences"


def _rules(schedule: Schedule) -> str:
    """One query that counts, rule by rule and table by table, what breaks it."""
    own = " OR ".join(f"restaurant_guid = '{guid}'" for guid in schedule.guids)
    own, dated = f"({own})", f"business_date BETWEEN '{schedule.start}' AND '{schedule.end}'"
    dimensions = DIMENSION_TABLES if CONFIG in schedule.functions else ()
    counts = [*_no_key_twice(FACT_TABLES, own, f"COUNTIF({dated}) > 0"), *_no_key_twice(dimensions, own, "TRUE")]
    counts += [*_no_row_but_the_held_version(own, dated), *_no_versions_overlap(dimensions, own)]
    return " UNION ALL ".join(counts)


def _no_key_twice(tables: Iterable[Table], own: str, touched: str) -> Iterator[str]:
    """A key of the schedule's dates stands nowhere else, on other dates neither."""
    for table in tables:
        yield (
            f"SELECT '{table.name}' AS name, 'keys twice' AS what, COUNT(*) AS n FROM (SELECT COUNT(*) "
            f"FROM {{dataset}}.{table.name} WHERE {own} GROUP BY {', '.join(table.key)} "
            f"HAVING COUNT(*) > 1 AND {touched})"
        )


def _no_row_but_the_held_version(own: str, dated: str) -> Iterator[str]:
    for family in (ORDERS, LABOR):
        for table in family.children.values():
            yield (
                f"SELECT '{table.name}', 'rows of a version that is not held', COUNT(*) FROM {{dataset}}.{table.name} "
                f"AS child WHERE {own} AND {dated} AND NOT EXISTS (SELECT 1 FROM {{dataset}}.{family.register.name} "
                f"AS held WHERE {_same(family)})"
            )


def _same(family: Family) -> str:
    columns = ("restaurant_guid", "business_date", family.guid, family.version)
    return " AND ".join(f"held.{column} = child.{column}" for column in columns)


def _no_versions_overlap(tables: Iterable[Table], own: str) -> Iterator[str]:
    for table in tables:
        yield (
            f"SELECT '{table.name}', 'versions overlap', COUNT(*) FROM (SELECT valid_to, is_current, LEAD(valid_from) "
            "OVER (PARTITION BY restaurant_guid, guid ORDER BY valid_from) AS next "
            f"FROM {{dataset}}.{table.name} WHERE {own}) "
            "WHERE (next IS NOT NULL AND (valid_to IS NULL OR valid_to > next)) OR is_current != (valid_to IS NULL)"
        )


def _incomplete_days(tables: Tables, schedule: Schedule) -> Iterator[str]:
    """Each date was read as a whole after its end, so it must be told as complete."""
    guids = ", ".join(f"'{guid}'" for guid in schedule.guids)
    sql = (
        "SELECT source, COUNT(DISTINCT CONCAT(restaurant_guid, CAST(business_date AS STRING))) AS n "
        f"FROM {{dataset}}.business_days WHERE complete AND restaurant_guid IN ({guids}) "
        f"AND business_date BETWEEN '{schedule.start}' AND '{schedule.end}' GROUP BY source"
    )
    found = {row["source"]: row["n"] for row in tables.rows(sql)}
    expected = RESTAURANTS * len(schedule.dates)
    for source in SOURCES:
        if found.get(source) != expected:
            yield f"business_days: {found.get(source, 0)} of {expected} days of {source} are complete"


def _left_over(tables: Tables, finished_runs: Iterable[str]) -> Iterator[str]:
    finished = {run_id.replace("-", "_") for run_id in finished_runs}
    for name in tables.staging_tables():
        if name.removeprefix("staging_") in finished:
            yield f"{name} is still there, though its run has ended"
