"""Five weeks of all functions, with the clocks going forward in the second: every table equals the truth.

Run by `make campaign`; it takes minutes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.cloud import bigquery

from local_stack.demo import example_restaurants, warehouse_client
from local_stack.dimension_truth import dimension_differences
from local_stack.processes import DATASET, LocalStack
from local_stack.truth import ROWS, differences
from shared.cash_tables import CASH_TABLES
from shared.dimension_tables import DIMENSION_TABLES
from shared.labor_tables import LABOR_TABLES
from shared.order_tables import ORDER_TABLES

GUIDS = [restaurant.guid for restaurant in example_restaurants()]
FIRST_READING = dt.datetime(2026, 2, 23, 15, tzinfo=dt.UTC)  # a Monday
WEEKS = 5
START = dt.date(2026, 2, 23)
END = START + dt.timedelta(days=7 * WEEKS - 1)
WEEK = dt.timedelta(days=7)
BEFORE = START - WEEK  # a week of orders from before the first reading of the configuration

RENAMED = "Steak frites, now with a name of its own"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    functions = ("orders_daily", "cash_daily", "labor_daily", "config_weekly")
    options = {"clock": FIRST_READING.isoformat(), "limits": "documented", "latency-ms": 5}
    with LocalStack(tmp_path_factory.mktemp("weeks"), functions=functions, seed=1, simulator_options=options) as stack:
        yield stack


@pytest.fixture(scope="module")
def client(stack: LocalStack) -> Iterator[bigquery.Client]:
    with contextlib.closing(warehouse_client(stack.emulator_url)) as client:
        yield client


def call(stack: LocalStack, function: str, **body: Any) -> dict[str, Any]:
    reply = requests.post(stack.function_url(function), json=body, timeout=600)
    assert (reply.status_code, reply.json()["status"]) == (200, "success"), reply.text[:2000]
    return reply.json()


def control(stack: LocalStack, what: str, body: dict[str, Any]) -> None:
    reply = requests.post(f"{stack.simulator_url}/_simulator/{what}", json=body, timeout=60)
    assert reply.ok, reply.text


def item_named(client: bigquery.Client, restaurant: str, name: str) -> str:
    where = f"is_current AND restaurant_guid = '{restaurant}' AND name = '{name}'"
    return next(iter(client.query(f"SELECT guid FROM {DATASET}.dim_menu_items WHERE {where}").result()))["guid"]


@pytest.fixture(scope="module")
def readings(stack: LocalStack, client: bigquery.Client) -> list[dt.datetime]:
    """The moments of six weekly readings, each compared with the truth; in week 3 an item was renamed."""
    moments = []
    for week in range(WEEKS + 1):
        moment = FIRST_READING + week * WEEK
        control(stack, "clock", {"now": moment.isoformat()})
        call(stack, "config_weekly")
        found = dimension_differences(client, DATASET, stack.simulator_url, GUIDS)
        assert found.equal, found.differences[:5]
        again = call(stack, "config_weekly")
        assert sum(c["inserted"] + c["updated"] for r in again["restaurants"] for c in r["tables"].values()) == 0
        (row,) = client.query(f"SELECT MAX(finished_at) AS moment FROM {DATASET}.etl_runs").result()
        moments.append(row["moment"])
        if week == 2:
            control(stack, "clock", {"now": (moment + dt.timedelta(days=1)).isoformat()})
            guid = item_named(client, GUIDS[0], "Steak frites")
            edit = {"entity": "menuItems", "guid": guid, "change": "rename", "name": RENAMED}
            control(stack, "edits", {"restaurant_guid": GUIDS[0], **edit})
    return moments


def test_every_dimension_remembers_each_reading(
    stack: LocalStack, client: bigquery.Client, readings: list[dt.datetime]
) -> None:
    assert len(DIMENSION_TABLES) == 26
    for moment in readings[1:]:  # the first versions hold from 1970 on
        found = dimension_differences(client, DATASET, stack.simulator_url, GUIDS, at=moment)
        assert found.equal, (moment, found.differences[:5])
        assert all(result.totals[ROWS] > 0 for result in found.tables.values())


def test_facts_of_five_weeks_equal_the_truth(
    stack: LocalStack, client: bigquery.Client, readings: list[dt.datetime]
) -> None:
    for function in ("cash_daily", "labor_daily", "orders_daily"):
        for start in (BEFORE, *(START + week * WEEK for week in range(WEEKS))):
            call(stack, function, start_date=str(start), end_date=str(start + dt.timedelta(days=6)))
    found = differences(client, DATASET, stack.simulator_url, GUIDS, BEFORE, END)
    assert found.equal, found.differences[:5]
    assert set(found.tables) == {table.name for table in (*ORDER_TABLES, *CASH_TABLES, *LABOR_TABLES)}
    assert all(result.totals[ROWS] > 0 for result in found.tables.values())


def names_sold(client: bigquery.Client, guid: str, start: dt.date) -> set[str]:
    sql = f"""SELECT DISTINCT item_name FROM {DATASET}.order_items
    WHERE business_date BETWEEN '{start}' AND '{start + dt.timedelta(days=6)}'
      AND restaurant_guid = '{GUIDS[0]}' AND menu_item_guid = '{guid}'"""
    return {row["item_name"] for row in client.query(sql).result()}


def test_an_item_renamed_in_the_third_week_keeps_its_old_name_before_and_has_the_new_one_after(
    client: bigquery.Client, readings: list[dt.datetime]
) -> None:
    guid = item_named(client, GUIDS[0], RENAMED)
    assert names_sold(client, guid, BEFORE) == {"Steak frites"}, "facts from before the first reading have no name"
    assert names_sold(client, guid, START + WEEK) == {"Steak frites"}
    assert names_sold(client, guid, START + 3 * WEEK + dt.timedelta(days=1)) == {RENAMED}


def test_no_row_of_the_views_is_without_a_name(client: bigquery.Client, readings: list[dt.datetime]) -> None:
    """Nor are there more or fewer rows than facts."""
    for view, fact, columns in (
        (
            "order_items",
            "fact_order_items",
            {"item_name": "menu_item_guid", "dining_option_name": "dining_option_guid"},
        ),
        ("payments", "fact_payments", {"restaurant_name": "restaurant_guid"}),
        ("labor_shifts", "fact_labor_shifts", {"employee_name": "employee_guid", "job_title": "job_guid"}),
        (
            "cash_entries",
            "fact_cash_entries",
            {"cash_drawer_name": "cash_drawer_guid", "employee_name": "employee_guid"},
        ),
    ):
        where = f"business_date BETWEEN '{BEFORE}' AND '{END}'"
        missing = " + ".join(f"COUNTIF({name} IS NULL AND {guid} IS NOT NULL)" for name, guid in columns.items())
        (row,) = client.query(
            f"SELECT COUNT(*) AS n, {missing} AS missing FROM {DATASET}.{view} WHERE {where}"
        ).result()
        (fact_row,) = client.query(f"SELECT COUNT(*) AS n FROM {DATASET}.{fact} WHERE {where}").result()
        assert (row["n"], row["missing"]) == (fact_row["n"], 0), view
