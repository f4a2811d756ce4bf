"""Loading orders: any loads, in any order, at once or broken off, leave each order's newest version, once.

Against an emulated BigQuery, with orders as Toast sends them.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
import toast_json as tj
from google.cloud import bigquery
from held_rows import Rows, as_read, held_rows, in_order
from watched_loads import Crash, Crashing, SteppedLoad, Watched, ascending_run_ids, loads_at_once, some_guid

from shared import staging
from shared.bigquery_utils import Answer, Warehouse
from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.errors import WarehouseRefused, WarehouseUnavailable
from shared.order_extraction import read_orders
from shared.order_rows import flatten_order
from shared.order_tables import FACT_ORDERS, ORDER_CHILDREN, ORDER_TABLES, ORDERS, StagedOrder
from shared.spool import Spool
from shared.statements import Statement
from shared.tables import Table
from shared.toast_client import Usage
from shared.toast_orders import OrdersPage, decode_orders_page
from shared.units import DayUnit, Written
from shared.version_loading import VersionLoad

HOURS = TradingHours("America/New_York", 4)
DAY, NEXT_DAY, DAY_AFTER = (dt.date(2026, 2, day) for day in (21, 22, 23))
LOADED_AT = dt.datetime(2026, 2, 24, 12, tzinfo=dt.UTC)
TABLE_NAMES = [table.name for table in ORDER_TABLES]

# --- orders ------------------------------------------------------------------------------------------


@functools.cache
def an_order(
    guid: str, version: int, *, day: dt.date = DAY, checks: int = 1, items: int = 2, scheduled: bool = False
) -> tj.Json:
    """A version of an order with rows in all seven tables, if it has a check and an item.

    It was created on the evening of DAY; versions follow each other by a minute. Its children's GUIDs stay
    the same from version to version.
    """
    return tj.order(
        guid=guid,
        businessDate=int(day.strftime("%Y%m%d")),
        modifiedDate=f"2026-02-24T00:{version:02d}:00.000+0000",
        promisedDate=f"{day}T23:30:00.000+0000" if scheduled else None,
        displayNumber=f"version {version}",
        checks=[
            tj.check(
                guid=f"{guid}/{check}",
                displayNumber=f"version {version}",
                selections=[
                    tj.selection(guid=f"{guid}/{check}/item{item}", displayName=f"version {version}")
                    for item in range(items)
                ],
                payments=[tj.payment(guid=f"{guid}/{check}/payment", amount=version)],
                appliedDiscounts=[tj.discount(guid=f"{guid}/{check}/discount", name=f"version {version}")],
                appliedServiceCharges=[tj.service_charge(guid=f"{guid}/{check}/charge", name=f"version {version}")],
            )
            for check in range(checks)
        ],
    )


class Toast:
    """Stands for the Toast client: serves the pages it is given."""

    def __init__(self, pages: Sequence[bytes]) -> None:
        self._pages = pages

    def now(self) -> dt.datetime:
        return LOADED_AT

    def orders_by_business_date(self, *_: object, decode: Callable[[bytes], OrdersPage], **__: object) -> Iterator[Any]:
        return map(decode, self._pages)


def a_unit(restaurant: str, day: dt.date = DAY) -> DayUnit:
    return DayUnit(
        restaurant=Restaurant(guid=restaurant, name=restaurant, tenant="tenant"),
        hours=HOURS,
        first_business_date=None,
        business_date=day,
        endpoint="ordersBulk",
        usage=Usage(),
    )


def read(unit: DayUnit, load: VersionLoad, orders: Iterable[tj.Json]) -> DayUnit:
    """Read a unit of one page to its end, as the function does."""
    read_orders(Toast([tj.page(*orders)]), unit, load, deadline=0)  # type: ignore[arg-type]
    unit.finished = True
    return unit


Loaded = dict[tuple[str, str], Written]


def run_load(warehouse: Any, run_id: str, restaurant: str, *orders: tj.Json, day: dt.date = DAY) -> Loaded:
    """A whole load of one unit."""
    with VersionLoad(warehouse, ORDERS, run_id, LOADED_AT) as load:
        return load.apply([read(a_unit(restaurant, day), load, orders)])


# --- what the warehouse holds ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def warehouse(warehouse_client: bigquery.Client) -> Warehouse:
    """A dataset with the order tables; each test has a restaurant of its own in it."""
    warehouse = Warehouse(warehouse_client, f"order_loading_{random.randrange(10**9)}", "US", host="emulator")
    warehouse.ensure(ORDER_TABLES)
    return warehouse


@pytest.fixture
def restaurant() -> str:
    return some_guid()


@pytest.fixture
def run_ids() -> Iterator[str]:
    return ascending_run_ids()


def rows_of(warehouse: Warehouse, restaurant: str, *columns: str) -> Rows:
    """The rows of a restaurant in each order table: all data columns, or those named."""
    return held_rows(warehouse, ORDER_TABLES, restaurant, *columns)


def rows_for(restaurant: str, *orders: tj.Json) -> Rows:
    """The rows that the order tables ought to hold for these orders, and no others."""
    expected: Rows = {name: [] for name in TABLE_NAMES}
    for order in orders:
        (decoded,) = decode_orders_page(tj.page(order)).objects
        staged = flatten_order(decoded, restaurant_guid=restaurant, hours=HOURS, unit="")
        expected[FACT_ORDERS.name].append(_values(FACT_ORDERS, staged, staged))
        for record, table in ORDER_CHILDREN.items():
            expected[table.name] += [_values(table, staged, child) for child in getattr(staged, record)]
    return {name: in_order(rows) for name, rows in expected.items()}


def _values(table: Table, staged: StagedOrder, row: Any) -> tuple[Any, ...]:
    values = (getattr(staged if c.name in table.inherits else row, c.name) for c in table.data_columns)
    return tuple(as_read(value) for value in values)


def assert_holds(warehouse: Warehouse, restaurant: str, *orders: tj.Json) -> None:
    """The warehouse holds exactly these orders of the restaurant."""
    assert rows_of(warehouse, restaurant) == rows_for(restaurant, *orders)


# --- one load after another --------------------------------------------------------------------------

INSERTS = [f"insert-{name}" for name in TABLE_NAMES]


def test_new_orders_fill_the_seven_tables(warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]) -> None:
    """Each row with all its values, and which run wrote it when; fact_orders is written last."""
    orders = [
        an_order(some_guid(), 1, checks=2),
        an_order(some_guid(), 1, day=NEXT_DAY),
        an_order(some_guid(), 1, checks=0),
    ]
    watched = Watched(warehouse)
    written = run_load(watched, run_id := next(run_ids), restaurant, *orders)
    assert_holds(warehouse, restaurant, *orders)
    stamps = rows_of(warehouse, restaurant, "_run_id", "_loaded_at")
    assert all(set(rows) == {(run_id, LOADED_AT)} for rows in stamps.values())
    assert all(rows_for(restaurant, *orders).values()), "the orders have rows for all tables"
    assert watched.changed == INSERTS
    assert watched.changed[-1] == "insert-fact_orders"
    assert written == {
        (restaurant, name): Written(inserted=len(rows)) for name, rows in rows_for(restaurant, *orders).items()
    }


def test_the_same_orders_again_write_nothing(warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]) -> None:
    """No statement that changes anything is even sent."""
    order = an_order(some_guid(), 1)
    run_load(warehouse, next(run_ids), restaurant, order)
    watched = Watched(warehouse)
    written = run_load(watched, next(run_ids), restaurant, order)
    assert watched.steps == ["survey", "check"]
    assert set(written.values()) == {Written()}
    assert_holds(warehouse, restaurant, order)


def test_a_newer_version_replaces_all_rows_of_its_order(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """Also rows that have no successor: a selection, a check or every check can vanish."""
    selection, check, every_check, none, untouched = (some_guid() for _ in range(5))
    run_load(
        warehouse,
        next(run_ids),
        restaurant,
        an_order(selection, 1, items=3),
        an_order(check, 1, checks=2),
        an_order(every_check, 1, checks=2),
        an_order(none, 1),
        an_order(untouched, 1),
    )
    newer = [
        an_order(selection, 2, items=1),
        an_order(check, 2, checks=1),
        an_order(every_check, 2, checks=0),
        an_order(none, 2, checks=3),
    ]
    watched = Watched(warehouse)
    written = run_load(watched, next(run_ids), restaurant, *newer)
    assert_holds(warehouse, restaurant, *newer, an_order(untouched, 1))
    deletes = watched.changed[len(INSERTS) :]
    assert deletes[-2:] == ["stale-fact_checks", "stale-fact_orders"]
    assert len(deletes) == len(TABLE_NAMES)
    assert written == {
        (restaurant, name): Written(updated=len(rows)) for name, rows in rows_for(restaurant, *newer).items()
    }


def test_an_older_version_that_arrives_later_changes_nothing(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """A slow call must not bring back what has vanished since it read."""
    order = some_guid()
    run_load(warehouse, next(run_ids), restaurant, an_order(order, 2))
    watched = Watched(warehouse)
    run_load(watched, next(run_ids), restaurant, an_order(order, 1, checks=3))
    assert watched.changed == []
    assert_holds(warehouse, restaurant, an_order(order, 2))


def test_an_order_read_twice_in_a_call_counts_in_its_newest_version(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """Two units of a call can hold the same order, when it moves from one day to the other meanwhile."""
    order = some_guid()
    newest = an_order(order, 2, day=NEXT_DAY, scheduled=True)
    with VersionLoad(warehouse, ORDERS, next(run_ids), LOADED_AT) as load:
        units = [
            read(a_unit(restaurant, DAY), load, [an_order(order, 1, checks=2, scheduled=True)]),
            read(a_unit(restaurant, NEXT_DAY), load, [newest]),
        ]
        load.apply(units)
    assert_holds(warehouse, restaurant, newest)


def test_counts_are_told_apart_by_restaurant(warehouse: Warehouse, run_ids: Iterator[str]) -> None:
    """One load serves several restaurants, and tells of each what was new to the warehouse and what newer."""
    first, second = some_guid(), some_guid()
    changing = some_guid()
    run_load(warehouse, next(run_ids), first, an_order(changing, 1))
    of_first = [an_order(changing, 2, items=3), an_order(some_guid(), 1)]
    of_second = [an_order(some_guid(), 1, checks=2)]
    with VersionLoad(warehouse, ORDERS, next(run_ids), LOADED_AT) as load:
        written = load.apply([read(a_unit(first), load, of_first), read(a_unit(second), load, of_second)])
    assert written[first, "fact_order_items"] == Written(inserted=2, updated=3)
    assert written[first, "fact_orders"] == Written(inserted=1, updated=1)
    assert written[second, "fact_order_items"] == Written(inserted=4)
    assert written[second, "fact_orders"] == Written(inserted=1)
    assert_holds(warehouse, first, *of_first)
    assert_holds(warehouse, second, *of_second)


# --- what counts, and what it costs ------------------------------------------------------------------


def test_rows_of_a_unit_that_did_not_finish_are_not_written(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """They may be staged; only the units that apply is told of count, also when both hold an order."""
    both, finished, unfinished = (some_guid() for _ in range(3))
    with VersionLoad(warehouse, ORDERS, next(run_ids), LOADED_AT) as load:
        read(a_unit(restaurant, NEXT_DAY), load, [an_order(both, 2), an_order(unfinished, 1)])
        done = read(a_unit(restaurant, DAY), load, [an_order(both, 1), an_order(finished, 1)])
        load.apply([done])
    assert_holds(warehouse, restaurant, an_order(both, 1), an_order(finished, 1))


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([], id="no page"),
        pytest.param([tj.page({"guid": "x", "businessDate": "no order"})], id="a page of objects that are no orders"),
        pytest.param([tj.page(tj.order(businessDate=20269999))], id="a page of orders that cannot be filed"),
    ],
)
def test_a_day_without_orders_costs_no_job(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str], pages: list[bytes]
) -> None:
    watched = Watched(warehouse)
    unit = a_unit(restaurant)
    with VersionLoad(watched, ORDERS, next(run_ids), LOADED_AT) as load:  # type: ignore[arg-type]
        read_orders(Toast(pages), unit, load, deadline=0)  # type: ignore[arg-type]
        assert load.apply([unit]) == {}
    assert (watched.steps, watched.parts, watched.created, watched.dropped) == ([], 0, [], [])


def test_more_orders_than_a_part_holds_are_loaded_in_parts(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str], small_parts: None
) -> None:
    """All parts go into one staging table, and the rows into the tables at once."""
    orders = [an_order(some_guid(), 1) for _ in range(3)]
    watched = Watched(warehouse)
    with VersionLoad(watched, ORDERS, next(run_ids), LOADED_AT) as load:  # type: ignore[arg-type]
        unit = a_unit(restaurant)
        for order in orders:
            read(unit, load, [order])
        load.apply([unit])
    assert watched.parts == 3
    assert len(watched.created) == 1
    assert watched.changed == INSERTS
    assert_holds(warehouse, restaurant, *orders)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is full with the first page."""
    monkeypatch.setattr(staging, "Spool", functools.partial(Spool, part_bytes=1))


def test_the_staging_table_is_dropped(warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]) -> None:
    watched = Watched(warehouse)
    run_load(watched, next(run_ids), restaurant, an_order(some_guid(), 1))
    assert watched.created == watched.dropped
    assert staging_tables(warehouse, watched) == set()


def test_the_staging_table_is_dropped_after_a_failure(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """The failure itself reaches the caller."""

    class Refusing(Watched):
        def execute(self, statement: Statement, job: str) -> Answer:
            raise WarehouseRefused("no")

    refusing = Refusing(warehouse)
    with pytest.raises(WarehouseRefused, match="no"):
        run_load(refusing, next(run_ids), restaurant, an_order(some_guid(), 1))
    assert refusing.created == refusing.dropped != []
    assert staging_tables(warehouse, refusing) == set()


def staging_tables(warehouse: Warehouse, watched: Watched) -> set[str]:
    existing = {table.table_id for table in warehouse._client.list_tables(warehouse.dataset)}
    return existing & set(watched.created)


def test_staging_tables_have_unguessable_names_of_their_own() -> None:
    """They are named for the run, whose id holds a random UUID."""
    load = VersionLoad(None, ORDERS, "orders_daily-0f1e2d3c", LOADED_AT)  # type: ignore[arg-type]
    with load:
        assert load.name == "staging_orders_daily_0f1e2d3c"


def test_a_part_that_could_not_be_loaded_goes_with_the_next_one(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str], small_parts: None
) -> None:
    """A transient failure costs the unit that met it, and spoils no line of the others."""
    lost, kept = an_order(some_guid(), 1, checks=3), an_order(some_guid(), 1)

    class FailingOnce(Watched):
        def load(self, lines: io.BufferedRandom, *arguments: Any) -> int:
            if not self.parts:
                self.parts += 1
                lines.seek(0)
                lines.read(100)  # cut off in the middle of the upload
                raise WarehouseUnavailable("for now")
            return super().load(lines, *arguments)

    with VersionLoad(FailingOnce(warehouse), ORDERS, next(run_ids), LOADED_AT) as load:  # type: ignore[arg-type]
        with pytest.raises(WarehouseUnavailable):
            read(a_unit(restaurant, NEXT_DAY), load, [lost])
        load.apply([read(a_unit(restaurant), load, [kept])])
    assert_holds(warehouse, restaurant, kept)


# --- orders that move between business dates ---------------------------------------------------------


def test_an_order_that_moved_leaves_nothing_under_its_old_date(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    order = some_guid()
    run_load(warehouse, next(run_ids), restaurant, an_order(order, 1, checks=2))
    moved = an_order(order, 2, day=NEXT_DAY, scheduled=True)
    run_load(warehouse, next(run_ids), restaurant, moved, day=NEXT_DAY)
    assert_holds(warehouse, restaurant, moved)


def test_an_older_version_under_another_date_changes_nothing_when_it_arrives_later(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    order = some_guid()
    moved = an_order(order, 2, day=NEXT_DAY, scheduled=True)
    run_load(warehouse, next(run_ids), restaurant, moved, day=NEXT_DAY)
    watched = Watched(warehouse)
    run_load(watched, next(run_ids), restaurant, an_order(order, 1, day=DAY_AFTER, scheduled=True), day=DAY_AFTER)
    assert watched.changed == []
    assert_holds(warehouse, restaurant, moved)


def test_rows_that_a_broken_off_load_left_under_an_old_date_are_found(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """fact_orders does not know of them yet; fact_checks, which is written first, does."""
    order = some_guid()
    with pytest.raises(Crash):
        run_load(Crashing(warehouse, 4), next(run_ids), restaurant, an_order(order, 1))
    moved = an_order(order, 2, day=NEXT_DAY, scheduled=True)
    run_load(warehouse, next(run_ids), restaurant, moved, day=NEXT_DAY)
    assert_holds(warehouse, restaurant, moved)


def test_old_partitions_are_searched_only_for_orders_that_can_have_moved(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    watched = Watched(warehouse)
    run_load(watched, next(run_ids), restaurant, an_order(some_guid(), 1))
    assert not any(step.startswith("moved") for step in watched.steps)


# --- loads that break off ----------------------------------------------------------------------------

STATEMENTS_OF_A_REPLACEMENT = 2 * len(TABLE_NAMES)  # an INSERT and a DELETE each


def test_a_load_broken_off_anywhere_is_completed_by_a_repeat(warehouse: Warehouse, run_ids: Iterator[str]) -> None:
    """Before each statement that changes something, and after the last; new orders and newer versions."""
    breaks = range(1, STATEMENTS_OF_A_REPLACEMENT + 2)
    cases = {number: (f"broken-{some_guid()}", some_guid(), some_guid(), some_guid()) for number in breaks}

    def versions(number: int, version: int) -> list[tj.Json]:
        _, shrinking, empty, moving = cases[number]
        moved = {"day": NEXT_DAY if version == 2 else DAY, "scheduled": True}
        return [
            an_order(shrinking, version, items=4 - version),
            an_order(empty, version, checks=2 - version),
            an_order(moving, version, checks=3 - version, **moved),
        ]

    def load_cases(numbers: Iterable[int], version: int) -> None:
        with VersionLoad(warehouse, ORDERS, next(run_ids), LOADED_AT) as load:
            load.apply([read(a_unit(cases[number][0]), load, versions(number, version)) for number in numbers])

    load_cases(breaks, version=1)
    reached = 0
    for number, (restaurant, *_) in cases.items():
        crashing = Crashing(warehouse, number)
        try:
            run_load(crashing, next(run_ids), restaurant, *versions(number, 2))
        except Crash:
            reached += 1
    assert reached == STATEMENTS_OF_A_REPLACEMENT, "the last load came to its end"
    load_cases((number for number in breaks if number <= len(INSERTS)), version=2)
    load_cases((number for number in breaks if number > len(INSERTS)), version=2)  # nothing to insert any more
    for number, (restaurant, *_) in cases.items():
        assert_holds(warehouse, restaurant, *versions(number, 2))


@pytest.mark.parametrize("removed", [2, len(TABLE_NAMES) - 1], ids=["two tables are clear", "one table is not"])
def test_a_removal_broken_off_under_an_old_date_is_taken_up_again(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str], removed: int
) -> None:
    """What shows where an order lay before, fact_checks and fact_orders, is cleared last."""
    order = some_guid()
    run_load(warehouse, next(run_ids), restaurant, an_order(order, 1))
    moved = an_order(order, 2, day=NEXT_DAY, scheduled=True)
    with pytest.raises(Crash):
        run_load(Crashing(warehouse, len(INSERTS) + removed + 1), next(run_ids), restaurant, moved)
    run_load(warehouse, next(run_ids), restaurant, moved)
    assert_holds(warehouse, restaurant, moved)


def test_a_load_broken_off_is_overtaken_by_a_newer_version(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """What the first one wrote of a version that no load ever completes is removed."""
    order = some_guid()
    for number in (1, 4, len(INSERTS)):
        with pytest.raises(Crash):
            run_load(Crashing(warehouse, number), next(run_ids), restaurant, an_order(order, number, checks=3))
    newest = an_order(order, 9)
    run_load(warehouse, next(run_ids), restaurant, newest)
    assert_holds(warehouse, restaurant, newest)


# --- loads at once -----------------------------------------------------------------------------------


@pytest.fixture
def at_once(warehouse: Warehouse, run_ids: Iterator[str]) -> Iterator[Callable[..., SteppedLoad]]:
    """Starts loads that the test moves on statement by statement: ``at_once(restaurant, order, …)``."""
    with loads_at_once(warehouse, run_ids) as start:
        yield lambda restaurant, *orders: start(
            lambda warehouse, run_id: run_load(warehouse, run_id, restaurant, *orders)
        )


def write_at_once(first: SteppedLoad, second: SteppedLoad) -> None:
    """Let each INSERT of two loads begin before the other's has ended, so that neither sees the other's rows."""
    while first.next in INSERTS:
        first.begin()
        second.begin()
        first.step()
        second.step()


@pytest.mark.parametrize("checks_first", [0, 1], ids=["the smaller run id checks first", "the greater one does"])
def test_two_loads_of_one_version_at_once_leave_one_copy(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad], checks_first: int
) -> None:
    """Both insert, since neither sees the other; the rows of the smaller run id stay, whoever checks."""
    order = an_order(some_guid(), 1, checks=2)
    loads = smaller, greater = at_once(restaurant, order), at_once(restaurant, order)
    smaller.until(INSERTS[0])
    greater.until(INSERTS[0])
    write_at_once(smaller, greater)
    assert {name: len(rows) for name, rows in rows_of(warehouse, restaurant).items()} == {
        name: 2 * len(rows) for name, rows in rows_for(restaurant, order).items()
    }
    loads[checks_first].finish()
    assert_holds(warehouse, restaurant, order)
    stayed = {run_id for rows in rows_of(warehouse, restaurant, "_run_id").values() for (run_id,) in rows}
    assert stayed == {smaller.run_id}
    loads[1 - checks_first].finish()
    assert_holds(warehouse, restaurant, order)


def test_two_loads_that_remove_copies_at_once_leave_one(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad]
) -> None:
    """Both have found the copies before either removes any."""
    order = an_order(some_guid(), 1)
    first, second = at_once(restaurant, order), at_once(restaurant, order)
    first.until(INSERTS[0])
    second.until(INSERTS[0])
    write_at_once(first, second)
    assert (first.step(), second.step()) == ("check", "check")
    while first.next and second.next:
        first.begin()
        second.begin()
        second.step()
        first.step()
    assert_holds(warehouse, restaurant, order)


@pytest.mark.parametrize("table", ["fact_payments", "fact_orders"])
def test_a_slow_older_load_overtaken_in_the_middle_leaves_nothing(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad], table: str
) -> None:
    """The newer load runs from start to end while the older one's INSERT into a table is under way."""
    order = some_guid()
    newer = an_order(order, 2, items=1)
    slow = at_once(restaurant, an_order(order, 1, checks=2)).until(f"insert-{table}")
    slow.begin()
    at_once(restaurant, newer).finish()
    slow.finish()
    assert_holds(warehouse, restaurant, newer)


def test_a_slow_older_load_writes_no_more_once_it_is_overtaken(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad]
) -> None:
    """So it leaves nothing, even when it breaks off before its own check."""
    order = some_guid()
    newer = an_order(order, 2, items=1)
    slow = at_once(restaurant, an_order(order, 1, checks=2)).until("insert-fact_payments")
    at_once(restaurant, newer).finish()
    slow.until("check").kill()
    assert_holds(warehouse, restaurant, newer)


def test_an_older_row_that_comes_between_check_and_removal_goes_too(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad]
) -> None:
    """The newer load has already counted what it will remove; the older one checks for itself."""
    order = some_guid()
    newer = an_order(order, 2)
    slow = at_once(restaurant, an_order(order, 1, checks=3)).until("insert-fact_payments")
    slow.begin()
    fast = at_once(restaurant, newer).until("check")
    fast.step()
    slow.step()
    fast.finish()
    slow.finish()
    assert_holds(warehouse, restaurant, newer)


def test_a_newer_load_broken_off_in_the_middle_of_an_older_one_loses_nothing(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad]
) -> None:
    """Until the newer version is repeated, the older one is whole; afterwards nothing is left of it."""
    order = some_guid()
    newer = an_order(order, 2, items=1)
    slow = at_once(restaurant, an_order(order, 1, checks=2)).until("insert-fact_payments")
    at_once(restaurant, newer).until("insert-fact_payments").kill()
    slow.finish()
    versions = {
        name: {row[0] for row in rows} for name, rows in rows_of(warehouse, restaurant, "order_modified_at").items()
    }
    assert len(versions["fact_orders"]) == len(versions["fact_payments"]) == 1
    at_once(restaurant, newer).finish()
    assert_holds(warehouse, restaurant, newer)


MOVED_APART = [
    pytest.param("insert-fact_checks", id="the old version has written nothing yet"),
    pytest.param("insert-fact_orders", id="the old version has written all but its last row"),
]


@pytest.mark.parametrize("step", MOVED_APART)
def test_an_order_that_moves_while_a_slow_load_holds_it_stays_under_its_new_date(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad], step: str
) -> None:
    """Each load looks for other dates before the other has written; the last one must still find both."""
    order = some_guid()
    newer = an_order(order, 2, day=NEXT_DAY, scheduled=True)
    slow = at_once(restaurant, an_order(order, 1, scheduled=True)).until(step)
    fast = at_once(restaurant, newer).until(INSERTS[0])
    slow.finish()
    fast.finish()
    assert_holds(warehouse, restaurant, newer)


@pytest.mark.parametrize("step", MOVED_APART)
def test_a_slow_load_of_an_order_that_has_moved_meanwhile_leaves_nothing(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad], step: str
) -> None:
    """The newer load ends first, without a trace of the old date to be found; the slow one must see it."""
    order = some_guid()
    newer = an_order(order, 2, day=NEXT_DAY, scheduled=True)
    slow = at_once(restaurant, an_order(order, 1, scheduled=True)).until(step)
    at_once(restaurant, newer).finish()
    slow.finish()
    assert_holds(warehouse, restaurant, newer)


@pytest.mark.parametrize("seed", range(2))
def test_loads_in_any_order_end_in_the_newest_version(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad], seed: int
) -> None:
    """Three loads of three orders, statements begun and ended in a random order, one of them killed and repeated."""
    choose = random.Random(seed)
    vanishing, emptied, grown = some_guid(), some_guid(), some_guid()

    def versions(version: int) -> list[tj.Json]:
        return [
            an_order(vanishing, version, items=4 - version),
            an_order(emptied, version, checks=3 - version),
            an_order(grown, version, checks=version),
        ]

    loads = [at_once(restaurant, *versions(version)) for version in (1, 2, 3)]
    victim = choose.choice(loads)
    dies_after = choose.randrange(1, len(INSERTS))
    while running := [load for load in loads if load.next is not None]:
        load = choose.choice(running)
        if load is victim and len(load.changed) > dies_after:
            load.kill()
            loads.append(at_once(restaurant, *versions(3)))
        elif choose.random() < 0.5:
            load.begin()
        else:
            load.step()
    assert_holds(warehouse, restaurant, *versions(3))
