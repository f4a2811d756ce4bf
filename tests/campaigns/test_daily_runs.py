"""Eight weeks of backfill, then two weeks of daily runs while Toast's data is edited: equal to the truth on each day.

Run by `make campaign`; it takes minutes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from google.cloud import bigquery

from local_stack.demo import example_restaurants, warehouse_client, write_restaurants
from local_stack.processes import DATASET, LocalStack
from local_stack.truth import Comparison, differences

RESTAURANTS = example_restaurants()[:4]
GUIDS = [restaurant.guid for restaurant in RESTAURANTS]
FUNCTIONS = ("orders_daily", "cash_daily", "labor_daily")
BACKFILLED_AT = dt.datetime(2026, 2, 9, 15, tzinfo=dt.UTC)  # every nightly close is past
START, END = dt.date(2025, 12, 15), dt.date(2026, 2, 8)
DAYS = 14
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder: Path = tmp_path_factory.mktemp("daily")
    with LocalStack(
        folder,
        functions=FUNCTIONS,
        seed=3,
        simulator_options={"clock": BACKFILLED_AT.isoformat(), "limits": "off"},
        environment={"RESTAURANTS_FILE": str(write_restaurants(folder, RESTAURANTS))},
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def client(stack: LocalStack) -> Iterator[bigquery.Client]:
    with contextlib.closing(warehouse_client(stack.emulator_url)) as client:
        yield client


def call(stack: LocalStack, function: str, **body: Any) -> None:
    reply = requests.post(stack.function_url(function), json=body, timeout=600)
    assert (reply.status_code, reply.json()["status"]) == (200, "success"), reply.text[:2000]


def control(stack: LocalStack, what: str, body: dict[str, Any]) -> None:
    reply = requests.post(f"{stack.simulator_url}/_simulator/{what}", json=body, timeout=60)
    assert reply.ok, reply.text


def compared(stack: LocalStack, client: bigquery.Client, last: dt.date) -> Comparison:
    """The tables and the truth from the first backfilled date to the last finished one."""
    return differences(client, DATASET, stack.simulator_url, GUIDS, START, last)


def an_order_of(stack: LocalStack, restaurant: str, date: dt.date) -> str:
    query = {"restaurant_guid": restaurant, "start_date": str(date), "end_date": str(date), "keys": "true"}
    (day,) = requests.get(f"{stack.simulator_url}/_simulator/truth", params=query, timeout=60).json()["days"]
    return day["tables"]["fact_orders"]["keys"][0][0]


def test_each_morning_the_tables_equal_the_truth(stack: LocalStack, client: bigquery.Client) -> None:
    """Besides what the simulated restaurants do by themselves, orders of 40 days ago are edited every day."""
    for function in FUNCTIONS:
        for start in (START + week * 7 * DAY for week in range(8)):
            call(stack, function, start_date=str(start), end_date=str(min(start + 6 * DAY, END)))
    assert compared(stack, client, END).equal
    changes = ("tip", "void", "drop_selection", "drop_all_checks", "refund", "drop_check")
    for number in range(1, DAYS + 1):
        now = BACKFILLED_AT + number * DAY
        control(stack, "clock", {"now": (now - dt.timedelta(hours=2)).isoformat()})
        date = now.date() - 40 * DAY
        edit = {"order_guid": an_order_of(stack, GUIDS[0], date), "change": changes[number % len(changes)]}
        control(stack, "edits", {"restaurant_guid": GUIDS[0], **edit})
        control(stack, "clock", {"now": now.isoformat()})
        for function in FUNCTIONS:
            call(stack, function)
        if number == 1:  # the day of the backfill itself, which had begun before its changes were followed
            for function in FUNCTIONS:
                call(stack, function, start_date=str(END + DAY), end_date=str(END + DAY))
        found = compared(stack, client, now.date() - DAY)
        if not found.equal:  # an edit of this very minute comes with the next call
            for function in FUNCTIONS:
                call(stack, function)
            found = compared(stack, client, now.date() - DAY)
        assert found.equal, (now, found.differences[:5])


def test_every_day_ends_complete(stack: LocalStack, client: bigquery.Client) -> None:
    """Also the days that were never read as a whole, since their changes were followed from their beginning."""
    last = (BACKFILLED_AT + DAYS * DAY).date() - DAY
    sql = f"""SELECT source, restaurant_guid, COUNT(DISTINCT business_date) AS days
    FROM {DATASET}.business_days
    WHERE complete AND business_date BETWEEN '{START}' AND '{last}'
    GROUP BY source, restaurant_guid"""
    days = {(row["source"], row["restaurant_guid"]): row["days"] for row in client.query(sql).result()}
    expected = {(source, guid): (last - START).days + 1 for source in ("orders", "labor", "cash") for guid in GUIDS}
    assert days == expected
