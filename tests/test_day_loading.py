"""Loading cash: any loads, in any order, at once or broken off, leave each business date as it was last read.

Against an emulated BigQuery, with cash entries and deposits as Toast sends them.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
import toast_json as tj
from google.cloud import bigquery
from held_rows import Rows, as_read, held_rows, in_order
from watched_loads import Crash, Crashing, SteppedLoad, Watched, ascending_run_ids, loads_at_once, some_guid

from shared.bigquery_utils import Warehouse
from shared.cash_extraction import read_cash
from shared.cash_rows import cash_entry_row, deposit_row
from shared.cash_tables import CASH_RECORDS, CASH_TABLES, StagedCashDay
from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.day_loading import DayLoad
from shared.tables import columns_of
from shared.toast_cash import decode_cash_entries, decode_deposits
from shared.toast_client import Usage
from shared.toast_endpoints import CASH_DEPOSITS, CASH_ENTRIES, Endpoint
from shared.units import DayUnit, Written

HOURS = TradingHours("America/New_York", 4)
DAY, NEXT_DAY = dt.date(2026, 2, 21), dt.date(2026, 2, 22)
ENTRIES, DEPOSITS = (table.name for table in CASH_TABLES)
INSERTS = [f"insert-{ENTRIES}", f"insert-{DEPOSITS}"]
REMOVALS = [f"replaced-{ENTRIES}", f"replaced-{DEPOSITS}"]


class Reading(NamedTuple):
    """What Toast listed of a business date; readings are ``minute``s apart."""

    minute: int
    entries: Sequence[tj.Json] = ()
    deposits: Sequence[tj.Json] = ()
    day: dt.date = DAY

    @property
    def moment(self) -> dt.datetime:
        return dt.datetime(2026, 2, 24, 12, self.minute, tzinfo=dt.UTC)


class Toast:
    """Stands for the Toast client: tells the time of a reading, and lists what was read."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def now(self) -> dt.datetime:
        return self._reading.moment

    def cash_of_day(self, endpoint: Endpoint, *_: object, decode: Callable[[bytes], Any], **__: object) -> Any:
        return decode(tj.page(*(self._reading.entries if endpoint is CASH_ENTRIES else self._reading.deposits)))


def read(load: DayLoad, restaurant: str, reading: Reading, *endpoints: Endpoint) -> list[DayUnit]:
    """Read a business date to its end, as the function does; the units of the two lists, or of one."""
    units = []
    for endpoint in endpoints or (CASH_ENTRIES, CASH_DEPOSITS):
        unit = DayUnit(
            restaurant=Restaurant(guid=restaurant, name=restaurant, tenant="tenant"),
            hours=HOURS,
            first_business_date=None,
            business_date=reading.day,
            endpoint=endpoint.name,
            usage=Usage(),
        )
        read_cash(Toast(reading), unit, load, deadline=0)  # type: ignore[arg-type]
        unit.finished = True
        units.append(unit)
    return units


def a_load(warehouse: Any, run_id: str) -> DayLoad:
    return DayLoad(warehouse, StagedCashDay, CASH_RECORDS, run_id)


Loaded = dict[tuple[str, str], Written]


def run_load(warehouse: Any, run_id: str, restaurant: str, *readings: Reading) -> Loaded:
    """A whole load of some business dates of a restaurant."""
    with a_load(warehouse, run_id) as load:
        return dict(load.apply([unit for one in readings for unit in read(load, restaurant, one)]))


# --- what the warehouse holds ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def warehouse(warehouse_client: bigquery.Client) -> Warehouse:
    """A dataset with the cash tables; each test has a restaurant of its own in it."""
    warehouse = Warehouse(warehouse_client, f"day_loading_{random.randrange(10**9)}", "US", host="emulator")
    warehouse.ensure(CASH_TABLES)
    return warehouse


@pytest.fixture
def restaurant() -> str:
    return some_guid()


@pytest.fixture
def run_ids() -> Iterator[str]:
    return ascending_run_ids()


def rows_of(warehouse: Warehouse, restaurant: str, *columns: str) -> Rows:
    return held_rows(warehouse, CASH_TABLES, restaurant, *columns)


def rows_for(restaurant: str, *readings: Reading) -> Rows:
    """The rows that the two tables ought to hold for these readings, and no others."""
    expected: Rows = {ENTRIES: [], DEPOSITS: []}
    for reading in readings:
        entries = decode_cash_entries(tj.page(*reading.entries)).objects
        deposits = decode_deposits(tj.page(*reading.deposits)).objects
        expected[ENTRIES] += [_values(cash_entry_row(one, restaurant, reading.day)) for one in entries]
        expected[DEPOSITS] += [_values(deposit_row(one, restaurant, reading.day)) for one in deposits]
    return {name: in_order(rows) for name, rows in expected.items()}


def _values(row: Any) -> tuple[Any, ...]:
    return tuple(as_read(getattr(row, column.name)) for column in columns_of(type(row)))


def assert_holds(warehouse: Warehouse, restaurant: str, *readings: Reading) -> None:
    """The warehouse holds exactly what these readings listed."""
    assert rows_of(warehouse, restaurant) == rows_for(restaurant, *readings)


def written(restaurant: str, entries: Written, deposits: Written) -> Loaded:
    return {(restaurant, ENTRIES): entries, (restaurant, DEPOSITS): deposits}


# --- one load after another --------------------------------------------------------------------------


def test_new_days_fill_both_tables(warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]) -> None:
    """Each row with all its values, which run wrote it, and the moment at which its day was read."""
    first = Reading(1, [tj.cash_entry(), tj.cash_entry(type="NO_SALE", amount=0)], [tj.deposit()])
    second = Reading(2, [tj.cash_entry()], [tj.deposit(), tj.deposit()], NEXT_DAY)
    watched = Watched(warehouse)
    told = run_load(watched, run_id := next(run_ids), restaurant, first, second)
    assert_holds(warehouse, restaurant, first, second)
    stamps = rows_of(warehouse, restaurant, "business_date", "_run_id", "_loaded_at")
    assert set().union(*stamps.values()) == {(DAY, run_id, first.moment), (NEXT_DAY, run_id, second.moment)}
    assert watched.changed == INSERTS
    assert told == written(restaurant, Written(inserted=3), Written(inserted=3))


def test_the_same_days_again_write_nothing(warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]) -> None:
    """No statement that changes anything is even sent, also for a day on which there is nothing."""
    entry, bare = tj.cash_entry(), {"guid": some_guid()}
    first = Reading(1, [entry, bare], [tj.deposit(), {"guid": some_guid()}])
    nothing = Reading(1, day=NEXT_DAY)
    run_load(warehouse, next(run_ids), restaurant, first, nothing)
    watched = Watched(warehouse)
    told = run_load(watched, next(run_ids), restaurant, first._replace(minute=2), nothing._replace(minute=2))
    assert watched.steps == ["compare"]
    assert told == written(restaurant, Written(), Written())
    assert_holds(warehouse, restaurant, first)
    assert {moment for rows in rows_of(warehouse, restaurant, "_loaded_at").values() for (moment,) in rows} == {
        first.moment
    }


def test_a_day_that_differs_is_replaced_as_a_whole(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """One entry is changed, one gone, one new; the deposits, and the other day, are left alone."""
    changed, gone, same = tj.cash_entry(), tj.cash_entry(), tj.cash_entry()
    before = Reading(1, [changed, gone, same], [tj.deposit()])
    other = Reading(1, [tj.cash_entry()], day=NEXT_DAY)
    run_load(warehouse, first_run := next(run_ids), restaurant, before, other)
    after = before._replace(minute=2, entries=[changed | {"reason": "Limes"}, same, tj.cash_entry()])
    watched = Watched(warehouse)
    told = run_load(watched, second_run := next(run_ids), restaurant, after, other._replace(minute=2))
    assert_holds(warehouse, restaurant, after, other)
    assert watched.changed == [INSERTS[0], REMOVALS[0]]
    assert told == written(restaurant, Written(inserted=1, updated=2), Written())
    assert set(rows_of(warehouse, restaurant, "business_date", "_run_id")[ENTRIES]) == {
        (DAY, second_run),
        (NEXT_DAY, first_run),
    }


def other_value(name: str, value: Any) -> Any:
    """Something else than a field's value: another reference, moment, number or text."""
    match name, value:
        case "date", _:
            return "2026-02-21T23:30:00.251+0000"
        case "undoes", _:
            return some_guid()
        case _, float():
            return value + 0.01
        case _, str():
            return f"{value} "
        case _:
            return tj.ref("Another")


FIELDS = {
    **{("entries", name): value for name, value in tj.cash_entry().items() if name not in ("guid", "entityType")},
    **{("deposits", name): value for name, value in tj.deposit().items() if name not in ("guid", "entityType")},
}


def test_a_day_differs_when_any_field_of_any_row_does(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """Each day holds two entries and two deposits, and one field of one of these changes, from a value or from none."""
    days = {field: DAY + dt.timedelta(days=number) for number, field in enumerate(FIELDS)}
    before = {
        field: Reading(1, [tj.cash_entry(), tj.cash_entry()], [tj.deposit(), tj.deposit()], day)
        for field, day in days.items()
    }
    after = {}
    for (record, name), reading in before.items():
        first, second = getattr(reading, record)
        changed = first | {name: other_value(name, FIELDS[record, name])}
        after[record, name] = reading._replace(minute=2, **{record: [changed, second]})
    run_load(warehouse, next(run_ids), restaurant, *before.values())
    told = run_load(warehouse, next(run_ids), restaurant, *after.values())
    assert_holds(warehouse, restaurant, *after.values())
    # Both rows of each day that differs are written anew.
    records = [record for record, _ in FIELDS]
    assert told == written(
        restaurant, Written(updated=2 * records.count("entries")), Written(updated=2 * records.count("deposits"))
    )


def test_a_day_that_was_emptied_holds_nothing(warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]) -> None:
    """Of one list or of both; the day before stays."""
    both = Reading(1, [tj.cash_entry()], [tj.deposit()])
    other = both._replace(entries=[tj.cash_entry()], deposits=[tj.deposit()], day=NEXT_DAY)
    run_load(warehouse, next(run_ids), restaurant, both, other)
    without_deposits = other._replace(minute=2, deposits=[])
    watched = Watched(warehouse)
    told = run_load(watched, next(run_ids), restaurant, Reading(2), without_deposits)
    assert watched.changed == REMOVALS
    assert told == written(restaurant, Written(), Written())
    assert_holds(warehouse, restaurant, without_deposits)


def test_a_day_that_was_emptied_can_be_filled_again(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    entry = tj.cash_entry()
    last = Reading(3, [entry], [tj.deposit()])
    for reading in (Reading(1, [entry, tj.cash_entry()]), Reading(2), last):
        run_load(warehouse, next(run_ids), restaurant, reading)
        assert_holds(warehouse, restaurant, reading)


@pytest.mark.parametrize("late", [[tj.cash_entry(), tj.cash_entry()], []], ids=["with other entries", "empty"])
def test_an_older_reading_that_arrives_later_changes_nothing(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str], late: list[tj.Json]
) -> None:
    newer = Reading(2, [tj.cash_entry()], [tj.deposit()])
    run_load(warehouse, next(run_ids), restaurant, newer)
    watched = Watched(warehouse)
    told = run_load(watched, next(run_ids), restaurant, Reading(1, late))
    assert watched.changed == []
    assert told == written(restaurant, Written(), Written())
    assert_holds(warehouse, restaurant, newer)


def test_an_older_reading_of_a_day_that_was_found_empty_goes_with_the_next_one(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """An empty reading leaves no row that tells of it, so a slow call can bring its day back until it is read again."""
    run_load(warehouse, next(run_ids), restaurant, Reading(2))
    run_load(warehouse, next(run_ids), restaurant, Reading(1, [tj.cash_entry()]))
    run_load(warehouse, next(run_ids), restaurant, Reading(3))
    assert_holds(warehouse, restaurant)


def test_counts_are_told_apart_by_restaurant(warehouse: Warehouse, run_ids: Iterator[str]) -> None:
    """One load serves several restaurants, and tells of each what was new to the warehouse and what was not."""
    first, second = some_guid(), some_guid()
    entry = tj.cash_entry()
    run_load(warehouse, next(run_ids), first, Reading(1, [entry]))
    of_first, of_second = Reading(2, [entry, tj.cash_entry()]), Reading(2, [tj.cash_entry()], [tj.deposit()])
    with a_load(warehouse, next(run_ids)) as load:
        told = load.apply([*read(load, first, of_first), *read(load, second, of_second)])
    assert told == written(first, Written(inserted=1, updated=1), Written()) | written(
        second, Written(inserted=1), Written(inserted=1)
    )
    assert_holds(warehouse, first, of_first)
    assert_holds(warehouse, second, of_second)


# --- what counts, and what it costs ------------------------------------------------------------------


def test_a_list_that_was_not_read_to_its_end_leaves_its_rows_alone(
    warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]
) -> None:
    """It may be staged, also as an empty one; only the units that apply is told of count."""
    before = Reading(1, [tj.cash_entry()], [tj.deposit()])
    run_load(warehouse, next(run_ids), restaurant, before)
    after = Reading(2, [tj.cash_entry()])
    with a_load(warehouse, next(run_ids)) as load:
        entries, _ = read(load, restaurant, after)
        load.apply([entries])
    assert_holds(warehouse, restaurant, after._replace(deposits=before.deposits))


def test_a_call_that_read_nothing_costs_no_job(warehouse: Warehouse, run_ids: Iterator[str]) -> None:
    watched = Watched(warehouse)
    with a_load(watched, next(run_ids)) as load:
        assert load.apply([]) == {}
    assert (watched.steps, watched.parts, watched.created, watched.dropped) == ([], 0, [], [])


def test_the_staging_table_is_dropped(warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]) -> None:
    watched = Watched(warehouse)
    run_load(watched, next(run_ids), restaurant, Reading(1, [tj.cash_entry()]))
    assert watched.created == watched.dropped
    assert len(watched.created) == watched.parts == 1
    existing = {table.table_id for table in warehouse._client.list_tables(warehouse.dataset)}
    assert not existing & set(watched.created)


# --- loads that break off ----------------------------------------------------------------------------


def test_a_load_broken_off_anywhere_is_completed_by_a_repeat(warehouse: Warehouse, run_ids: Iterator[str]) -> None:
    """Before each statement that changes something, and after the last: one day is replaced, one new, one emptied."""
    statements = [*INSERTS, *REMOVALS]
    cases = {some_guid(): number for number in range(1, len(statements) + 2)}
    entry, deposit = tj.cash_entry(), tj.deposit()
    before = [
        Reading(1, [entry, tj.cash_entry()], [deposit]),
        Reading(1, [tj.cash_entry()], [tj.deposit()], NEXT_DAY),
    ]
    after = [
        Reading(2, [entry | {"amount": -1.5}, tj.cash_entry()], [deposit | {"amount": 1.5}]),
        Reading(2, day=NEXT_DAY),
        Reading(2, [tj.cash_entry()], [tj.deposit()], NEXT_DAY + dt.timedelta(days=1)),
    ]
    repeated = [reading._replace(minute=3) for reading in after]

    def load_all(readings: Sequence[Reading]) -> None:
        with a_load(warehouse, next(run_ids)) as load:
            load.apply([unit for guid in cases for reading in readings for unit in read(load, guid, reading)])

    load_all(before)
    reached = []
    for restaurant, number in cases.items():
        crashing = Crashing(warehouse, number)
        try:
            run_load(crashing, next(run_ids), restaurant, *after)
        except Crash:
            reached.append(crashing.changed[-1])
    assert reached == statements, "the last load came to its end"
    load_all(repeated)
    for restaurant in cases:
        assert_holds(warehouse, restaurant, *repeated)


# --- loads at once -----------------------------------------------------------------------------------


@pytest.fixture
def at_once(warehouse: Warehouse, run_ids: Iterator[str]) -> Iterator[Callable[..., SteppedLoad]]:
    """Starts loads that the test moves on statement by statement: ``at_once(restaurant, reading, …)``."""
    with loads_at_once(warehouse, run_ids) as start:
        yield lambda restaurant, *readings: start(
            lambda warehouse, run_id: run_load(warehouse, run_id, restaurant, *readings)
        )


@pytest.fixture
def held(warehouse: Warehouse, restaurant: str, run_ids: Iterator[str]) -> Reading:
    """What the warehouse holds of the day when the loads of a test begin."""
    reading = Reading(1, [tj.cash_entry(), tj.cash_entry()], [tj.deposit()])
    run_load(warehouse, next(run_ids), restaurant, reading)
    return reading


def insert_at_once(first: SteppedLoad, second: SteppedLoad) -> None:
    """Let each INSERT of two loads begin before the other's has ended, so that neither sees the other's rows."""
    first.until(INSERTS[0])
    second.until(INSERTS[0])
    while first.next in INSERTS:
        first.begin()
        second.begin()
        first.step()
        second.step()


@pytest.mark.parametrize(
    ("minutes", "ends_first"),
    [
        pytest.param((2, 2), 0, id="one moment, the smaller run id ends first"),
        pytest.param((2, 2), 1, id="one moment, the greater run id ends first"),
        pytest.param((2, 3), 0, id="the second later, the first ends first"),
        pytest.param((3, 2), 0, id="the first later and ends first"),
    ],
)
def test_two_loads_that_insert_at_once_leave_one_reading(
    warehouse: Warehouse,
    restaurant: str,
    held: Reading,
    at_once: Callable[..., SteppedLoad],
    minutes: tuple[int, int],
    ends_first: int,
) -> None:
    """Both insert, since neither sees the other; the later reading stays, of one moment that of the smaller run id."""
    readings = [Reading(minute, [tj.cash_entry(), tj.cash_entry()], [tj.deposit()]) for minute in minutes]
    loads = [at_once(restaurant, reading) for reading in readings]
    insert_at_once(*loads)
    assert [len(rows) for rows in rows_of(warehouse, restaurant).values()] == [6, 3]
    stays = 1 if minutes[1] > minutes[0] else 0
    loads[ends_first].finish()
    assert_holds(warehouse, restaurant, readings[stays])
    loads[1 - ends_first].finish()
    assert_holds(warehouse, restaurant, readings[stays])


def test_two_equal_loads_at_once_leave_each_row_once_and_count_it_once(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad]
) -> None:
    """Both have found the copies before either removes any."""
    entries, deposits = [tj.cash_entry()], [tj.deposit()]
    first, second = (at_once(restaurant, Reading(minute, entries, deposits)) for minute in (2, 3))
    insert_at_once(first, second)
    assert (first.step(), second.step()) == ("compare-again", "compare-again")
    while first.next and second.next:
        first.begin()
        second.begin()
        second.step()
        first.step()
    first.finish()
    second.finish()
    assert_holds(warehouse, restaurant, Reading(3, entries, deposits))


@pytest.mark.parametrize(
    ("step", "begun"),
    [
        pytest.param("compare", False, id="before it compares"),
        pytest.param(INSERTS[1], False, id="between its inserts"),
        pytest.param(INSERTS[1], True, id="during an insert"),
        pytest.param("compare-again", True, id="during its check"),
        pytest.param(REMOVALS[0], True, id="during a removal"),
    ],
)
def test_a_slow_older_load_is_overtaken_anywhere_and_leaves_nothing(
    warehouse: Warehouse, restaurant: str, held: Reading, at_once: Callable[..., SteppedLoad], step: str, begun: bool
) -> None:
    """The load of a later reading runs from start to end before a statement of the older one, or during it."""
    newer = Reading(3, [tj.cash_entry()], [tj.deposit(), tj.deposit()])
    slow = at_once(restaurant, Reading(2, [tj.cash_entry()], [tj.deposit()])).until(step)
    if begun:
        slow.begin()
    at_once(restaurant, newer).finish()
    slow.finish()
    assert_holds(warehouse, restaurant, newer)


@pytest.mark.parametrize("step", [INSERTS[1], "compare-again", REMOVALS[0]])
def test_a_later_reading_is_held_although_an_older_one_is_loaded_meanwhile(
    warehouse: Warehouse, restaurant: str, held: Reading, at_once: Callable[..., SteppedLoad], step: str
) -> None:
    newer = Reading(3, [tj.cash_entry()], [tj.deposit(), tj.deposit()])
    fast = at_once(restaurant, newer).until(step)
    fast.begin()
    at_once(restaurant, Reading(2, [tj.cash_entry()], [tj.deposit()])).finish()
    fast.finish()
    assert_holds(warehouse, restaurant, newer)


def test_a_later_load_broken_off_in_the_middle_of_an_older_one_is_completed_by_its_repeat(
    warehouse: Warehouse, restaurant: str, held: Reading, at_once: Callable[..., SteppedLoad]
) -> None:
    """Until then each list is one whole reading."""
    older = Reading(2, [tj.cash_entry()], [tj.deposit()])
    newer = Reading(3, [tj.cash_entry(), tj.cash_entry()], [tj.deposit()])
    slow = at_once(restaurant, older).until(INSERTS[1])
    at_once(restaurant, newer).until(INSERTS[1]).kill()
    slow.finish()
    assert_holds(warehouse, restaurant, newer._replace(deposits=older.deposits))
    at_once(restaurant, newer._replace(minute=4)).finish()
    assert_holds(warehouse, restaurant, newer)


def test_loads_in_any_order_end_in_the_last_reading(
    warehouse: Warehouse, restaurant: str, at_once: Callable[..., SteppedLoad]
) -> None:
    """Three loads of three readings, statements begun and ended in a random order."""
    choose = random.Random(7)
    entries, deposits = [tj.cash_entry() for _ in range(4)], [tj.deposit() for _ in range(3)]
    readings = [Reading(minute, entries[: 5 - minute], deposits[minute - 1 :]) for minute in (1, 2, 3)]
    loads = [at_once(restaurant, reading) for reading in readings]
    while running := [load for load in loads if load.next is not None]:
        load = choose.choice(running)
        if choose.random() < 0.5:
            load.begin()
        else:
            load.step()
    assert_holds(warehouse, restaurant, readings[-1])
