"""Loading dimensions: any listings, in any order, at once or broken off, leave each entity's history, once.

One series of loads runs against an emulated BigQuery. What needs many loads, or several at the same moment, runs
the same statements in a `SnapshotWarehouse`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from google.cloud import bigquery
from held_rows import held_rows
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from snapshot_warehouse import SnapshotLoad, SnapshotWarehouse, snapshot_loads
from watched_loads import Crash, Crashing, Watched, ascending_run_ids, is_mutating

from shared import dimension_loading
from shared.bigquery_utils import Answer, Warehouse
from shared.config import Restaurant
from shared.dimension_loading import MAX_ROUNDS, DimensionLoad, StagedListing
from shared.dimension_rows import LISTINGS
from shared.dimension_tables import DIMENSIONS, Entity, JobEntity, NamedEntity
from shared.entity_rows import row_hash
from shared.errors import WarehouseUnavailable
from shared.listing_units import ListingUnit
from shared.statements import Statement
from shared.toast_client import Usage
from shared.units import Written

PRINTERS, JOBS = DIMENSIONS["printers"], DIMENSIONS["jobs"]
MENU_RECORDS = LISTINGS["menus"].records
NOON = dt.datetime(2026, 2, 24, 12, tzinfo=dt.UTC)
START = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# --- listings ----------------------------------------------------------------------------------------


class Reading(NamedTuple):
    """What Toast listed at a restaurant, so many minutes after noon: names by GUID."""

    minute: int
    names: Mapping[str, str]
    is_complete: bool = True
    listing: str = "printers"

    @property
    def moment(self) -> dt.datetime:
        return NOON + dt.timedelta(minutes=self.minute)


def hashed(entity: Entity) -> Entity:
    entity.row_hash = row_hash(entity)
    return entity


def entities(record: str, names: Mapping[str, str]) -> list[Entity]:
    if record == "jobs":
        return [hashed(JobEntity(guid, "", name, default_wage=Decimal("7.25"))) for guid, name in names.items()]
    return [hashed(DIMENSIONS[record].row(guid, "", name)) for guid, name in names.items()]


def a_unit(restaurant: str, listing: str = "printers") -> ListingUnit:
    kind = LISTINGS[listing]
    return ListingUnit(
        restaurant=Restaurant(guid=restaurant, name=restaurant, tenant="tenant"),
        usage=Usage(),
        endpoint=kind.endpoint.name,
        listing=kind,
        contacts=False,
    )


def read(load: DimensionLoad, restaurant: str, reading: Reading) -> ListingUnit:
    """Hand a listing to a load, with the same names in all of its records."""
    unit = a_unit(restaurant, reading.listing)
    records = {record: entities(record, reading.names) for record in unit.listing.records}
    unit.extracted.update({DIMENSIONS[record].name: len(rows) for record, rows in records.items()})
    load.add([StagedListing(unit.id, reading.listing, restaurant, reading.moment, reading.is_complete, **records)])
    return unit


Loaded = Mapping[tuple[str, str], Written]


def run_load(warehouse: Any, run_id: str, *readings: tuple[str, Reading]) -> Loaded:
    """A whole load of some listings, each with its restaurant."""
    with DimensionLoad(warehouse, run_id) as load:
        return load.apply([read(load, restaurant, reading) for restaurant, reading in readings])


# --- histories ---------------------------------------------------------------------------------------


class Version(NamedTuple):
    """A version of an entity: from which minute until which; 0 is the beginning of time, None is now."""

    name: str
    start: int
    end: int | None


History = dict[str, list[Version]]
"""The versions of each entity of a restaurant, in order."""


def minute_of(moment: dt.datetime | None) -> int | None:
    return None if moment is None else 0 if moment == START else int((moment - NOON).total_seconds()) // 60


def as_history(rows: Iterable[Mapping[str, Any]]) -> History:
    """Rows of a dimension as history, after making sure that is_current says no other than valid_to."""
    history: History = {}
    for row in sorted(rows, key=lambda row: (row["guid"], row["valid_from"], row["_run_id"])):
        assert row["is_current"] == (row["valid_to"] is None), row
        start, end = minute_of(row["valid_from"]), minute_of(row["valid_to"])
        assert start is not None
        history.setdefault(row["guid"], []).append(Version(row["name"], start, end))
    return history


def held(warehouse: SnapshotWarehouse, restaurant: str, record: str = "printers") -> History:
    return as_history(row for row in warehouse.rows(DIMENSIONS[record]) if row["restaurant_guid"] == restaurant)


def expected_history(readings: Iterable[Reading]) -> History:
    """What some readings ought to leave, one after the other.

    A reading says nothing of an entity of which something is known that was seen at the same moment or later.
    """
    history: History = {}
    known: dict[str, int] = {}
    for reading in readings:
        for guid in history.keys() | reading.names.keys():
            versions, name = history.setdefault(guid, []), reading.names.get(guid)
            newest = versions[-1] if versions else None
            current = newest.name if newest and newest.end is None else None
            is_told = name is not None or reading.is_complete
            if not is_told or name == current or reading.minute <= known.get(guid, 0):
                continue
            known[guid] = reading.minute
            if newest is not None and newest.end is None:
                versions[-1] = newest._replace(end=reading.minute)
            if name is not None:
                versions.append(Version(name, reading.minute if newest else 0, None))
    return history


# --- one load after another, in the emulator ---------------------------------------------------------


@pytest.fixture
def run_ids() -> Iterator[str]:
    return ascending_run_ids()


# By restaurant, what is read in each of some loads; None: not read. All that is read in a load is read at its minute.
SERIES: dict[str, list[tuple[dict[str, str], bool] | None]] = {
    "unchanged": [({"a": "A"}, True)] * 4,
    "changed": [({"a": "A", "b": "B"}, True), ({"a": "A2", "b": "B"}, True), *[({"a": "A3", "b": "B"}, True)] * 2],
    "returned": [({"a": "A", "b": "B"}, True), ({"b": "B"}, True), *[({"a": "A", "b": "B"}, True)] * 2],
    "removed": [({"a": "A", "b": "B"}, True), ({"a": "A"}, True), ({}, True), ({}, True)],
    "added": [({}, True), ({"a": "A"}, True), *[({"a": "A", "b": "B"}, True)] * 2],
    "partial": [({"a": "A", "b": "B"}, True), *[({"a": "A2", "c": "C"}, False)] * 3],
    "not listed": [({"a": "A"}, True), None, None, None],
    # Put together without a mark between them, the keys of these two would be the same.
    "r": [({"r1": "X"}, True), ({"r1": "Y"}, True), *[({"r1": "Y"}, True)] * 2],
    "rr": [({"1": "X"}, True), ({}, True), ({}, True), ({}, True)],
}
LATE = {"changed": {"a": "late", "b": "B"}, "returned": {"b": "B"}, "removed": {"a": "late", "b": "late"}}


class Series(NamedTuple):
    """What the series of loads did, load by load: what each wrote, and which statements changed something."""

    warehouse: Warehouse
    written: list[Loaded]
    changed: list[list[str]]


@pytest.fixture(scope="module")
def series(warehouse_client: bigquery.Client) -> Series:
    """Four loads, the last of which finds nothing new, and one that read before the second and comes after all."""
    warehouse = Warehouse(warehouse_client, f"dimension_loading_{random.randrange(10**9)}", "US", host="emulator")
    warehouse.ensure([PRINTERS, JOBS])
    loads = [
        [(guid, Reading(number + 1, *steps[number])) for guid, steps in SERIES.items() if steps[number]]
        for number in range(4)
    ]
    loads[0].append(("changed", Reading(1, {"a": "Cook"}, listing="jobs")))
    loads.append([(restaurant, Reading(2, names)) for restaurant, names in LATE.items()])
    run_ids = ascending_run_ids()
    done = Series(warehouse, [], [])
    for readings in loads:
        watched = Watched(warehouse)
        done.written.append(run_load(watched, next(run_ids), *readings))
        done.changed.append(watched.changed)
    return done


def held_in_emulator(series: Series, restaurant: str) -> History:
    columns = [column.name for column in PRINTERS.columns]
    rows = held_rows(series.warehouse, [PRINTERS], restaurant, *columns)[PRINTERS.name]
    return as_history(dict(zip(columns, row, strict=True)) for row in rows)


@pytest.mark.parametrize("restaurant", SERIES)
def test_each_restaurants_history_is_that_of_its_listings(series: Series, restaurant: str) -> None:
    """Changes, removals and returns take effect when they are read; what is not listed at all stays as it was."""
    steps = enumerate(SERIES[restaurant], 1)
    assert held_in_emulator(series, restaurant) == expected_history(Reading(n, *step) for n, step in steps if step)


def test_a_first_version_is_valid_from_the_beginning_and_a_gap_stays_a_gap(series: Series) -> None:
    """Told in full once, apart from the model of it."""
    assert held_in_emulator(series, "returned") == {
        "a": [Version("A", 0, 2), Version("A", 3, None)],
        "b": [Version("B", 0, None)],
    }
    assert held_in_emulator(series, "changed")["a"] == [
        Version("A", 0, 2),
        Version("A2", 2, 3),
        Version("A3", 3, None),
    ]
    assert held_in_emulator(series, "partial")["b"] == [Version("B", 0, None)]


def test_a_version_has_all_attributes_and_tells_which_run_saw_it_when(series: Series) -> None:
    columns = [column.name for column in JOBS.columns]
    ((*values,),) = held_rows(series.warehouse, [JOBS], "changed", *columns)[JOBS.name]
    row = dict(zip(columns, values, strict=True))
    assert (row["guid"], row["title"], row["default_wage"], row["code"]) == ("a", "Cook", Decimal("7.25"), None)
    assert row["row_hash"] == entities("jobs", {"a": "Cook"})[0].row_hash
    assert row["_run_id"].startswith("run-")
    assert row["_loaded_at"] == NOON + dt.timedelta(minutes=1)


def test_a_load_tells_what_is_new_changed_and_gone(series: Series) -> None:
    first, second, third, *_ = series.written
    assert first["changed", PRINTERS.name] == Written(inserted=2, updated=0, closed=0)
    assert first["changed", JOBS.name] == Written(inserted=1, updated=0, closed=0)
    assert second["changed", PRINTERS.name] == Written(inserted=0, updated=1, closed=0)
    assert second["returned", PRINTERS.name] == Written(inserted=0, updated=0, closed=1)
    assert third["returned", PRINTERS.name] == Written(inserted=0, updated=1, closed=0)
    assert second["partial", PRINTERS.name] == Written(inserted=1, updated=1, closed=0)
    assert ("unchanged", PRINTERS.name) not in second
    assert ("not listed", PRINTERS.name) not in second


def test_what_is_unchanged_is_not_written(series: Series) -> None:
    """Not even a statement that could change something is sent."""
    assert sorted(series.changed[0]) == ["merge-0-dim_jobs", "merge-0-dim_printers"]
    assert series.changed[1] == series.changed[2] == ["merge-0-dim_printers"]
    assert (series.changed[3], series.written[3]) == ([], {})


def test_an_older_reading_that_arrives_later_changes_nothing(series: Series) -> None:
    assert (series.changed[4], series.written[4]) == ([], {})


# --- any history -------------------------------------------------------------------------------------


@pytest.fixture
def warehouse() -> SnapshotWarehouse:
    return a_warehouse()


def a_warehouse(*records: str) -> SnapshotWarehouse:
    warehouse = SnapshotWarehouse()
    warehouse.ensure([DIMENSIONS[record] for record in records or ("printers",)])
    return warehouse


# Listings of up to three entities with few names, at one of few minutes, sometimes of a part only.
NAMES = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["X", "Y"]))
READINGS = st.builds(Reading, st.integers(1, 9), NAMES, st.sampled_from([True, True, True, False]), st.just("printers"))

# Loads of two restaurants: mostly in the order of time, with late and repeated ones, and some of one restaurant.
LOADS = st.lists(st.dictionaries(st.sampled_from(["r", "rr"]), READINGS), min_size=1, max_size=7)


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink])
@given(LOADS, st.booleans())
def test_any_listings_leave_the_history_that_they_tell(loads: list[dict[str, Reading]], in_order: bool) -> None:
    warehouse = a_warehouse()
    run_ids = ascending_run_ids()
    if in_order:
        loads = [
            {guid: reading._replace(minute=number) for guid, reading in load.items()}
            for number, load in enumerate(loads, 1)
        ]
    for number, load in enumerate(loads, 1):
        run_load(warehouse, next(run_ids), *load.items())
        for restaurant in ("r", "rr"):
            told = [load[restaurant] for load in loads[:number] if restaurant in load]
            assert held(warehouse, restaurant) == expected_history(told)


def test_a_listing_tells_of_all_its_records_and_of_no_other(warehouse: SnapshotWarehouse) -> None:
    """The menus' listing fills four dimensions; when it is empty, all that they hold is gone."""
    warehouse.ensure([DIMENSIONS[record] for record in MENU_RECORDS])
    run_ids = ascending_run_ids()
    run_load(warehouse, next(run_ids), ("r", Reading(1, {"a": "A"}, listing="menus")), ("r", Reading(1, {"a": "A"})))
    run_load(warehouse, next(run_ids), ("r", Reading(2, {}, listing="menus")))
    for record in MENU_RECORDS:
        assert held(warehouse, "r", record) == {"a": [Version("A", 0, 2)]}
    assert held(warehouse, "r") == {"a": [Version("A", 0, None)]}


def test_a_listing_of_a_unit_that_did_not_finish_does_not_count(warehouse: SnapshotWarehouse) -> None:
    with DimensionLoad(warehouse, "run") as load:  # type: ignore[arg-type]
        done = read(load, "r", Reading(1, {"a": "A"}))
        read(load, "rr", Reading(1, {"a": "A"}))
        load.apply([done])
    assert (held(warehouse, "r"), held(warehouse, "rr")) == ({"a": [Version("A", 0, None)]}, {})


@pytest.mark.parametrize(("restaurants", "size"), [(1, 1), (12, 40)])
def test_the_number_of_statements_does_not_grow_with_restaurants_or_entities(
    warehouse: SnapshotWarehouse, restaurants: int, size: int
) -> None:
    run_ids = ascending_run_ids()
    for minute in (1, 2):
        names = {str(number): f"{minute}" for number in range(size)}
        watched = Watched(warehouse)  # type: ignore[arg-type]
        run_load(watched, next(run_ids), *((f"r{number}", Reading(minute, names)) for number in range(restaurants)))
        assert watched.steps == ["survey-0", "merge-0-dim_printers", "survey-1"]
    assert sum(len(held(warehouse, f"r{number}")) for number in range(restaurants)) == restaurants * size


def test_without_anything_listed_nothing_is_asked(warehouse: SnapshotWarehouse) -> None:
    watched = Watched(warehouse)  # type: ignore[arg-type]
    with DimensionLoad(watched, "run") as load:  # type: ignore[arg-type]
        assert load.apply([]) == {}
        assert load.apply([a_unit("r")]) == {}
    assert (watched.steps, watched.created) == ([], [])


# --- loads that break off, and rows that no load wrote -----------------------------------------------


def test_a_load_broken_off_between_two_dimensions_is_completed_by_a_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each of its merges: what is there is whole, and the repeat does the rest, as of its own reading."""
    monkeypatch.setattr(dimension_loading, "MERGES_AT_ONCE", 1)
    menus = [Reading(n, names, listing="menus") for n, names in enumerate(({"a": "A", "b": "B"}, {"a": "A2"}), 1)]
    for number in range(1, len(MENU_RECORDS) + 1):
        warehouse, run_ids = a_warehouse(*MENU_RECORDS), ascending_run_ids()
        run_load(warehouse, next(run_ids), ("r", menus[0]))
        with pytest.raises(Crash):
            run_load(Crashing(warehouse, number), next(run_ids), ("r", menus[1]))  # type: ignore[arg-type]
        moments = {2: 0, 3: 0}
        again = menus[1]._replace(minute=3)
        run_load(warehouse, next(run_ids), ("r", again))
        for record in MENU_RECORDS:
            history = held(warehouse, "r", record)
            assert history in (expected_history(menus), expected_history([menus[0], again]))
            moments[history["a"][-1].start] += 1
        assert moments == {2: number - 1, 3: len(MENU_RECORDS) - number + 1}


def a_row(guid: str, name: str, start: int, end: int | None, run: str = "run", **columns: Any) -> dict[str, Any]:
    """A row of dim_printers as a load would have written it; ``start`` 0 is the beginning of time."""

    def moment(minute: int) -> dt.datetime:
        return NOON + dt.timedelta(minutes=minute)

    return {
        "restaurant_guid": "r",
        "guid": guid,
        "name": name,
        "valid_from": moment(start) if start else START,
        "valid_to": None if end is None else moment(end),
        "is_current": end is None,
        "row_hash": hashed(NamedEntity(guid, "", name)).row_hash,
        "_run_id": run,
        "_loaded_at": moment(start),
    } | columns


DAMAGE: dict[str, tuple[list[dict[str, Any]], list[Version]]] = {
    "copies": (
        [a_row("a", "A", 0, None, run) for run in ("run-2", "run-1", "run-3")],
        [Version("A", 0, None)],
    ),
    "copies of a version that was followed by others": (
        [a_row("a", "B", 0, 2, "run-2"), a_row("a", "B", 0, 2, "run-1"), a_row("a", "A", 2, None)],
        [Version("B", 0, 2), Version("A", 2, None)],
    ),
    "a copy that was never ended": (
        [a_row("a", "B", 0, 2, "run-1"), a_row("a", "B", 0, None, "run-2"), a_row("a", "A", 2, None)],
        [Version("B", 0, 2), Version("A", 2, None)],
    ),
    "two first versions that differ": (
        [a_row("a", "B", 0, None, _loaded_at=NOON), a_row("a", "A", 0, None, "later")],
        [Version("A", 0, None)],
    ),
    "two current versions": (
        [a_row("a", "B", 0, None), a_row("a", "A", 3, None)],
        [Version("B", 0, 3), Version("A", 3, None)],
    ),
    "two current versions that are alike": (
        [a_row("a", "A", 0, None), a_row("a", "A", 3, None)],
        [Version("A", 0, None)],
    ),
    "versions that overlap": (
        [a_row("a", "B", 0, 4), a_row("a", "C", 2, 6), a_row("a", "A", 5, None)],
        [Version("B", 0, 2), Version("C", 2, 5), Version("A", 5, None)],
    ),
    "versions that are alike and follow each other": (
        [a_row("a", "B", 0, 2), a_row("a", "B", 2, 3), a_row("a", "B", 3, 4), a_row("a", "A", 4, None)],
        [Version("B", 0, 4), Version("A", 4, None)],
    ),
    "an ended version that is called current": (
        [a_row("a", "B", 0, 2, is_current=True), a_row("a", "A", 2, None)],
        [Version("B", 0, 2), Version("A", 2, None)],
    ),
    "a current version that is not called so": (
        [a_row("a", "A", 0, None, is_current=False)],
        [Version("A", 0, None)],
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("listed", ["as it is", "anew", "left out", "in part"])
def test_what_is_damaged_is_healed_by_the_next_load(warehouse: SnapshotWarehouse, damage: str, listed: str) -> None:
    """Whatever it reads of the entity; and then there is nothing left to do."""
    rows, healed = DAMAGE[damage]
    warehouse.insert(PRINTERS, *rows, a_row("other", "O", 0, None))
    names = {"other": "O", **({"as it is": {"a": "A"}, "anew": {"a": "Z"}}.get(listed, {}))}
    is_complete = listed != "in part"
    run_ids = ascending_run_ids()
    run_load(warehouse, next(run_ids), ("r", Reading(9, names, is_complete)))
    last = healed[-1]
    expected = {
        "as it is": healed,
        "anew": [*healed[:-1], last._replace(end=9), Version("Z", 9, None)],
        "left out": [*healed[:-1], last._replace(end=9)],
        "in part": healed,
    }[listed]
    assert held(warehouse, "r") == {"a": expected, "other": [Version("O", 0, None)]}
    watched = Watched(warehouse)  # type: ignore[arg-type]
    run_load(watched, next(run_ids), ("r", Reading(10, names, is_complete)))
    assert watched.changed == []


# --- loads at once -----------------------------------------------------------------------------------


@pytest.fixture
def at_once(warehouse: SnapshotWarehouse) -> Iterator[Callable[[Mapping[str, Reading]], SnapshotLoad]]:
    """Starts loads that the test moves on statement by statement: ``at_once({restaurant: reading})``."""
    with snapshot_loads(warehouse, ascending_run_ids()) as start:
        yield lambda told: start(lambda warehouse, run_id: run_load(warehouse, run_id, *told.items()))


class Meeting(NamedTuple):
    """What a restaurant's dimension holds of an entity, and what two loads then read of it."""

    held: list[dict[str, Any]]
    first: Reading
    second: Reading


GONE = a_row("a", "A", 0, 2)
CURRENT = a_row("a", "A", 0, None)
# Neither load changes a row that is there, so that neither is held up by the other.
INSERTING = {
    "first": Meeting([], Reading(3, {"a": "A"}), Reading(4, {"a": "A"})),
    "first, different": Meeting([], Reading(3, {"a": "A"}), Reading(4, {"a": "B"})),
    "first, at the same moment": Meeting([], Reading(3, {"a": "A"}), Reading(3, {"a": "A"})),
    "first, different at the same moment": Meeting([], Reading(3, {"a": "A"}), Reading(3, {"a": "B"})),
    "returned": Meeting([GONE], Reading(3, {"a": "A"}), Reading(4, {"a": "A"})),
    "returned, different": Meeting([GONE], Reading(3, {"a": "A"}), Reading(4, {"a": "B"})),
    "returned, different at the same moment": Meeting([GONE], Reading(3, {"a": "A"}), Reading(3, {"a": "B"})),
}
CHANGING = {
    "changed": Meeting([CURRENT], Reading(3, {"a": "B"}), Reading(4, {"a": "B"})),
    "changed, different": Meeting([CURRENT], Reading(3, {"a": "B"}), Reading(4, {"a": "C"})),
    "changed, different at the same moment": Meeting([CURRENT], Reading(3, {"a": "B"}), Reading(3, {"a": "C"})),
    "changed and gone": Meeting([CURRENT], Reading(3, {"a": "B"}), Reading(4, {})),
    "gone and changed": Meeting([CURRENT], Reading(3, {}), Reading(4, {"a": "B"})),
    "gone": Meeting([CURRENT], Reading(3, {}), Reading(4, {})),
    "one of them new": Meeting([], Reading(3, {"a": "A"}), Reading(4, {"a": "A"})),
}

# What two loads do after both have found something to merge: the merge begins and sees the tables, it ends, and the
# load surveys again.
ORDERS = sorted(set(itertools.permutations([0, 1] * 3)))


def interleave(loads: Sequence[SnapshotLoad], order: Iterable[int]) -> None:
    """Move loads on in an order; who has nothing left to do is passed over, and in the end all are finished."""
    begun: set[int] = set()
    for load in loads:
        load.step()
    for number in order:
        load = loads[number]
        if load.next is None:
            continue
        if load.next.startswith("merge") and number not in begun:
            load.begin()
            begun.add(number)
        else:
            load.step()
            begun.discard(number)
    for load in loads:
        load.finish()


def assert_sound(versions: Sequence[Version]) -> None:
    """From the beginning on, one after the other, none without need."""
    assert versions[0].start == 0
    for one, other in itertools.pairwise(versions):
        assert one.end is not None
        assert one.start < one.end <= other.start
        assert one.end < other.start or one.name != other.name


@pytest.mark.parametrize("meetings", [INSERTING, CHANGING], ids=["that only insert", "that change the same rows"])
def test_two_loads_at_once_leave_one_history(meetings: Mapping[str, Meeting]) -> None:
    """In every order of the beginnings and ends of their merges and of what follows; the newer reading wins."""
    for order in ORDERS:
        warehouse = a_warehouse()
        for restaurant, meeting in meetings.items():
            warehouse.insert(PRINTERS, *(row | {"restaurant_guid": restaurant} for row in meeting.held))
        with snapshot_loads(warehouse, ascending_run_ids()) as start:
            told = [{name: meeting[1 + n] for name, meeting in meetings.items()} for n in (0, 1)]
            loads = [start(lambda w, run_id, told=told[n]: run_load(w, run_id, *told.items())) for n in (0, 1)]
            interleave(loads, order)
        for restaurant, meeting in meetings.items():
            (versions,) = held(warehouse, restaurant).values()
            assert_sound(versions)
            current = versions[-1].name if versions[-1].end is None else None
            newest = [meeting.second, *([meeting.first] if meeting.first.minute == meeting.second.minute else [])]
            assert current in [reading.names.get("a") for reading in newest], (order, restaurant, versions)


def test_what_an_unchanged_reading_could_not_prevent_is_set_right_by_the_next_load(
    warehouse: SnapshotWarehouse, at_once: Callable[[Mapping[str, Reading]], SnapshotLoad]
) -> None:
    """A newer reading that changes nothing leaves no mark, so an older one that is merged after it still counts."""
    warehouse.insert(PRINTERS, CURRENT)
    older = at_once({"r": Reading(3, {})}).until("merge-0-dim_printers")
    at_once({"r": Reading(4, {"a": "A"})}).finish()
    older.finish()
    assert held(warehouse, "r")["a"] == [Version("A", 0, 3)]
    at_once({"r": Reading(5, {"a": "A"})}).finish()
    assert held(warehouse, "r")["a"] == [Version("A", 0, 3), Version("A", 5, None)]


def test_a_load_that_others_never_leave_alone_asks_to_be_repeated(warehouse: SnapshotWarehouse) -> None:
    """It does not go round for ever; the message names the dimension."""

    class Disturbed(Watched):
        def execute(self, statement: Statement, job: str) -> Answer:
            answer = super().execute(statement, job)
            if is_mutating(statement):
                self.insert(PRINTERS, a_row("a", "A", 0, None, f"other-{len(self.changed)}"))
            return answer

    disturbed = Disturbed(warehouse)  # type: ignore[arg-type]
    with pytest.raises(WarehouseUnavailable, match="printers"):
        run_load(disturbed, "run", ("r", Reading(1, {"a": "A"})))
    assert len(disturbed.changed) == MAX_ROUNDS
    run_load(warehouse, "run-again", ("r", Reading(2, {"a": "A"})))
    assert held(warehouse, "r") == {"a": [Version("A", 0, None)]}
