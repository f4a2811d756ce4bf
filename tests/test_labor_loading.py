"""Loading time entries: the same loading as that of orders, with what is particular to entries and their breaks."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import toast_json as tj
from google.cloud import bigquery
from held_rows import Rows, as_read, held_rows, in_order
from watched_loads import Crash, Crashing, SteppedLoad, Watched, ascending_run_ids, loads_at_once, some_guid

from shared.bigquery_utils import Warehouse
from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.labor_extraction import read_time_entries
from shared.labor_rows import flatten_time_entry
from shared.labor_tables import LABOR, LABOR_TABLES
from shared.toast_client import Usage
from shared.toast_endpoints import TIME_ENTRIES
from shared.toast_labor import decode_time_entries
from shared.units import DayUnit, WindowUnit, Written
from shared.version_loading import VersionLoad

HOURS = TradingHours("America/New_York", 4)
DAY, NEXT_DAY = dt.date(2026, 2, 21), dt.date(2026, 2, 22)
LOADED_AT = dt.datetime(2026, 2, 24, 12, tzinfo=dt.UTC)
BREAKS, SHIFTS = (table.name for table in LABOR_TABLES)
INSERTS = [f"insert-{BREAKS}", f"insert-{SHIFTS}"]


@functools.cache
def an_entry(guid: str, version: int, *, day: dt.date = DAY, breaks: int = 1, deleted: bool = False) -> tj.Json:
    """A version of a time entry whose clock-in is on the evening of ``day``; versions follow each other by a minute."""
    return tj.time_entry(
        guid=guid,
        businessDate=f"{day:%Y%m%d}",
        modifiedDate=f"2026-02-24T00:{version:02d}:00.000+0000",
        inDate=f"{day}T21:00:00.000+0000",
        deleted=deleted,
        nonCashTips=float(version),
        breaks=[
            tj.time_entry_break(inDate=f"{day}T22:{number:02d}:00.000+0000", paid=version % 2 == 0)
            for number in range(breaks)
        ],
    )


class Toast:
    """Stands for the Toast client: serves one reply, whichever way it is asked for."""

    def __init__(self, *entries: tj.Json) -> None:
        self._body = tj.page(*entries)

    def now(self) -> dt.datetime:
        return LOADED_AT

    def time_entries_clocked_in(self, *_: object, decode: Callable[[bytes], Any], **__: object) -> Any:
        return decode(self._body)

    time_entries_modified = time_entries_clocked_in


def run_load(warehouse: Any, run_id: str, restaurant: str, *entries: tj.Json) -> dict[tuple[str, str], Written]:
    """A whole load of a window of changes, which can hold entries of any business date."""
    unit = WindowUnit(
        restaurant=Restaurant(guid=restaurant, name=restaurant, tenant="tenant"),
        hours=HOURS,
        first_business_date=None,
        endpoint=TIME_ENTRIES.name,
        usage=Usage(),
        start=LOADED_AT - dt.timedelta(days=1),
        end=LOADED_AT,
    )
    with VersionLoad(warehouse, LABOR, run_id, LOADED_AT) as load:
        read_time_entries(Toast(*entries), unit, load, deadline=0)  # type: ignore[arg-type]
        unit.finished = True
        return dict(load.apply([unit]))


@pytest.fixture(scope="module")
def warehouse(warehouse_client: bigquery.Client) -> Warehouse:
    """A dataset with the labor tables; each test has a restaurant of its own in it."""
    warehouse = Warehouse(warehouse_client, f"labor_loading_{random.randrange(10**9)}", "US", host="emulator")
    warehouse.ensure(LABOR_TABLES)
    return warehouse


@pytest.fixture
def restaurant() -> str:
    return some_guid()


@pytest.fixture
def run_ids() -> Iterator[str]:
    return ascending_run_ids()


def rows_for(restaurant: str, *entries: tj.Json) -> Rows:
    """The rows that the two tables ought to hold for these entries, and no others."""
    expected: Rows = {BREAKS: [], SHIFTS: []}
    for entry in decode_time_entries(tj.page(*entries)).objects:
        staged = flatten_time_entry(entry, restaurant_guid=restaurant, unit="")
        for table in LABOR_TABLES:
            for row in [staged] if table is LABOR.register else staged.breaks:
                columns = table.data_columns
                values = (getattr(staged if c.name in table.inherits else row, c.name) for c in columns)
                expected[table.name].append(tuple(as_read(value) for value in values))
    return {name: in_order(rows) for name, rows in expected.items()}


def assert_holds(warehouse: Warehouse, restaurant: str, *entries: tj.Json) -> None:
    assert held_rows(warehouse, LABOR_TABLES, restaurant) == rows_for(restaurant, *entries)


def test_entries_fill_both_tables_the_register_last(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    entries = [an_entry(some_guid(), 1, breaks=2), an_entry(some_guid(), 1, day=NEXT_DAY, breaks=0)]
    watched = Watched(warehouse)
    told = run_load(watched, next(run_ids), restaurant, *entries)
    assert_holds(warehouse, restaurant, *entries)
    assert watched.changed == INSERTS
    assert told == {(restaurant, SHIFTS): Written(inserted=2), (restaurant, BREAKS): Written(inserted=2)}


def test_the_same_entries_again_write_nothing(warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]) -> None:
    """Any entry can have moved, so old dates are looked through; nothing that changes anything is sent."""
    entry = an_entry(some_guid(), 1)
    run_load(warehouse, next(run_ids), restaurant, entry)
    watched = Watched(warehouse)
    told = run_load(watched, next(run_ids), restaurant, entry)
    assert watched.steps == ["moved-from", "survey", "check"]
    assert set(told.values()) == {Written()}
    assert_holds(warehouse, restaurant, entry)


def test_breaks_that_vanish_and_entries_that_are_archived_are_replaced(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    fewer, none, archived, same = (some_guid() for _ in range(4))
    run_load(
        warehouse, next(run_ids), restaurant, *(an_entry(one, 1, breaks=3) for one in (fewer, none, archived, same))
    )
    newer = [
        an_entry(fewer, 2, breaks=1),
        an_entry(none, 2, breaks=0),
        an_entry(archived, 2, breaks=3, deleted=True),
    ]
    told = run_load(warehouse, next(run_ids), restaurant, *newer)
    assert_holds(warehouse, restaurant, *newer, an_entry(same, 1, breaks=3))
    assert told[restaurant, SHIFTS] == Written(updated=3)
    assert told[restaurant, BREAKS] == Written(updated=4)


def test_an_older_version_that_arrives_later_changes_nothing(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    entry = some_guid()
    newer = an_entry(entry, 2, day=NEXT_DAY, breaks=0)
    run_load(warehouse, next(run_ids), restaurant, newer)
    watched = Watched(warehouse)
    run_load(watched, next(run_ids), restaurant, an_entry(entry, 1, breaks=2))
    assert watched.changed == []
    assert_holds(warehouse, restaurant, newer)


@pytest.mark.parametrize("days", [1, 31, -31], ids=["a day on", "a month on", "a month back"])
def test_an_entry_that_moves_to_another_business_date_and_back_lies_only_where_it_is_now(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str], days: int
) -> None:
    entry, other = some_guid(), DAY + dt.timedelta(days=days)
    for version, day in enumerate((DAY, other, DAY), 1):
        moved = an_entry(entry, version, day=day, breaks=3 - version)
        run_load(warehouse, next(run_ids), restaurant, moved)
        assert_holds(warehouse, restaurant, moved)


def test_a_load_broken_off_anywhere_is_completed_by_a_repeat(warehouse: Warehouse, run_ids: Iterator[str]) -> None:
    """Before each statement that changes something: one entry moves, one loses its breaks, one is archived."""
    statements = [*INSERTS, f"stale-{BREAKS}", f"stale-{SHIFTS}"]
    reached = []
    for number in range(1, len(statements) + 2):
        restaurant, moving, bare, archived = (some_guid() for _ in range(4))
        run_load(
            warehouse, next(run_ids), restaurant, *(an_entry(one, 1, breaks=2) for one in (moving, bare, archived))
        )
        newer = [
            an_entry(moving, 2, day=NEXT_DAY),
            an_entry(bare, 2, breaks=0),
            an_entry(archived, 2, deleted=True),
        ]
        crashing = Crashing(warehouse, number)
        try:
            run_load(crashing, next(run_ids), restaurant, *newer)
        except Crash:
            reached.append(crashing.changed[-1])
        run_load(warehouse, next(run_ids), restaurant, *newer)
        assert_holds(warehouse, restaurant, *newer)
    assert reached == statements, "the last load came to its end"


@pytest.fixture
def at_once(warehouse: Warehouse, run_ids: Iterator[str]) -> Iterator[Callable[..., SteppedLoad]]:
    """Starts loads that the test moves on statement by statement: ``at_once(restaurant, entry, …)``."""
    with loads_at_once(warehouse, run_ids) as start:
        yield lambda restaurant, *entries: start(
            lambda warehouse, run_id: run_load(warehouse, run_id, restaurant, *entries)
        )


@pytest.mark.parametrize("step", INSERTS)
@pytest.mark.parametrize("newer_ends_first", [True, False], ids=["the newer ends first", "the older ends first"])
def test_an_entry_that_moves_while_a_slow_load_holds_it_lies_only_under_its_new_date(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad], step: str, newer_ends_first: bool
) -> None:
    entry = some_guid()
    newer = an_entry(entry, 2, day=NEXT_DAY, breaks=1)
    slow = at_once(restaurant, an_entry(entry, 1, breaks=2)).until(step)
    fast = at_once(restaurant, newer).until(INSERTS[0])
    for load in (fast, slow) if newer_ends_first else (slow, fast):
        load.finish()
    assert_holds(warehouse, restaurant, newer)


def test_two_loads_of_one_version_at_once_leave_one_copy(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad]
) -> None:
    entry = an_entry(some_guid(), 1, breaks=2)
    first, second = at_once(restaurant, entry), at_once(restaurant, entry)
    first.until(INSERTS[0])
    second.until(INSERTS[0])
    while first.next in INSERTS:
        first.begin()
        second.begin()
        first.step()
        second.step()
    assert [len(rows) for rows in held_rows(warehouse, LABOR_TABLES, restaurant).values()] == [4, 2]
    second.finish()
    assert_holds(warehouse, restaurant, entry)
    first.finish()
    assert_holds(warehouse, restaurant, entry)


def test_the_entries_of_a_day_are_asked_for_by_the_moments_of_that_day(warehouse: Warehouse) -> None:
    """From closeout to closeout in local time, also on the day on which the clocks go forward."""
    asked: list[tuple[dt.datetime, dt.datetime]] = []

    class Asked(Toast):
        def time_entries_clocked_in(self, _guid: str, start: dt.datetime, end: dt.datetime, **options: Any) -> Any:  # type: ignore[override]
            asked.append((start, end))
            return super().time_entries_clocked_in(**options)

    for day in (dt.date(2026, 3, 6), dt.date(2026, 3, 7), dt.date(2026, 3, 8)):
        unit = DayUnit(
            restaurant=Restaurant(guid="r", name="r", tenant="tenant"),
            hours=HOURS,
            first_business_date=None,
            business_date=day,
            endpoint=TIME_ENTRIES.name,
            usage=Usage(),
        )
        with VersionLoad(warehouse, LABOR, "run", LOADED_AT) as load:
            read_time_entries(Asked(), unit, load, deadline=0)  # type: ignore[arg-type]
    at = [dt.datetime(2026, 3, day, hour, tzinfo=dt.UTC) for day, hour in ((6, 9), (7, 9), (8, 8), (9, 8))]
    assert asked == list(itertools.pairwise(at))
