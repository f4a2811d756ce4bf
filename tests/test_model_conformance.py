"""The models of statements do what the SQL does: on many small random tables, one statement at a time.

Each random case is a restaurant with tables and a staged unit of its own. All of them lie in one dataset of an
emulated BigQuery, so a statement that changes rows runs once for all.
"""

from __future__ import annotations

import datetime as dt
import io
import random
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import day_model
import dimension_model
import pytest
import version_model
from day_model import DayModel
from dimension_model import DimensionModel
from google.cloud import bigquery
from snapshot_model import Ask, Change
from version_model import CHECKS, DATES, FAMILY, NOON, REGISTER, VersionModel

from shared.bigquery_utils import Warehouse
from shared.cash_tables import CASH_RECORDS, StagedCashDay
from shared.day_statements import DayStatements
from shared.dimension_loading import StagedListing
from shared.dimension_statements import DimensionStatements
from shared.dimension_tables import DIMENSIONS
from shared.spool import encode_rows
from shared.statements import Statement
from shared.tables import Column, Table, columns_of
from shared.version_statements import VersionStatements

CASES = 40
RUNS = ("a", "b", "c")
OWN = "b"
STAGING = "staging_of_all"
TOUCHED = DATES[:2]

# --- rows in a dataset -------------------------------------------------------------------------------

FILLING: Mapping[str, Any] = {
    "STRING": "",
    "INT64": 0,
    "BOOL": False,
    "NUMERIC": Decimal(0),
    "TIMESTAMP": NOON,
    "DATETIME": NOON.replace(tzinfo=None),
    "DATE": DATES[0],
}


def filled(columns: Iterable[Column], **values: Any) -> dict[str, Any]:
    """A row in which what is required and not given has some value."""
    return {c.name: FILLING[c.type] for c in columns if c.mode == "REQUIRED"} | values


def at(minute: int) -> dt.datetime:
    """A moment of a model; 0 is the beginning of time."""
    return NOON + dt.timedelta(minutes=minute) if minute else dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def minute_of(moment: dt.datetime | None) -> int | None:
    return None if moment is None else 0 if moment == at(0) else int((moment - NOON).total_seconds()) // 60


class Dataset:
    """The tables of one test."""

    def __init__(self, warehouse: Warehouse, tables: Sequence[Table], staged: type) -> None:
        self.warehouse = warehouse
        self._tables = {table.name: table for table in tables}
        self._staged = columns_of(staged)
        self._jobs = 0
        warehouse.ensure(tables)
        warehouse.create_staging(STAGING, self._staged)

    @property
    def name(self) -> str:
        return self.warehouse.dataset

    def fill(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        columns = self._tables[table].columns if table in self._tables else self._staged
        lines = encode_rows([filled(columns, **row) for row in rows])  # type: ignore[misc]
        self.warehouse.load(io.BytesIO(lines), table, columns, self._job())

    def run(self, statement: Statement) -> list[dict[str, Any]]:
        return self.warehouse.run(statement, self._job()).rows

    def rows(self, table: str) -> list[Any]:
        return list(self.warehouse._client.list_rows(f"{self.name}.{table}"))

    def _job(self) -> str:
        self._jobs += 1
        return f"conformance-{random.randrange(10**12)}-{self._jobs}"


@pytest.fixture
def warehouse(warehouse_client: bigquery.Client) -> Warehouse:
    return Warehouse(warehouse_client, f"conformance_{random.randrange(10**9)}", "US", host="emulator")


def restaurant_of(number: int) -> str:
    return f"restaurant-{number:02d}"


ALL = [restaurant_of(number) for number in range(CASES)]


def by_content(rows: Iterable[Mapping[str, Any]]) -> list[Any]:
    return sorted((tuple(sorted(row.items())) for row in rows), key=repr)


# --- orders ------------------------------------------------------------------------------------------


def random_orders(choose: random.Random) -> tuple[version_model.Load, set[version_model.Row]]:
    """Some staged versions, and rows of the same orders and of others, also of versions that are not whole."""
    versions = [
        version_model.Version(name, number, choose.choice(DATES), checks := choose.randrange(3), checks and number % 3)
        for name in ("x", "y")
        for number in (1, 2, 3)
    ]
    rows = {row for version in versions for run in RUNS for row in version.rows(run)}
    kept = {row for row in sorted(rows) if choose.random() < 0.3}
    staged = [
        version._replace(moves=choose.random() < 0.5)
        for version in versions
        if version.date in TOUCHED and choose.random() < 0.4
    ]
    return version_model.Load(OWN, tuple(staged)), kept


ORDER_CASES = [random_orders(random.Random(number)) for number in range(CASES)]


@pytest.fixture
def orders(warehouse: Warehouse) -> Dataset:
    dataset = Dataset(warehouse, FAMILY.tables, FAMILY.staged)
    for table in FAMILY.tables:
        dataset.fill(
            table.name,
            (
                _order_row(number, row)
                for number, (_, rows) in enumerate(ORDER_CASES)
                for row in rows
                if row[0] == table.name
            ),
        )
    dataset.fill(STAGING, (_staged_order(n, v) for n, (load, _) in enumerate(ORDER_CASES) for v in load.versions))
    return dataset


def _order_row(number: int, row: version_model.Row) -> dict[str, Any]:
    guid = f"{number}/{row.order}"
    key = (
        {}
        if row.table == REGISTER
        else {f"{'check' if row.table == CHECKS else 'selection'}_guid": f"{guid}/{row.key}"}
    )
    return {
        "restaurant_guid": restaurant_of(number),
        "order_guid": guid,
        "business_date": row.date,
        "order_modified_at": at(row.version),
        "_run_id": row.run,
        **key,
    }


def _staged_order(number: int, version: version_model.Version) -> dict[str, Any]:
    guid = f"{number}/{version.order}"
    records = {column.name: column.fields for column in columns_of(FAMILY.staged)}
    children = {"checks": ("check_guid", version.checks), "items": ("selection_guid", version.items)}
    return {
        "unit": restaurant_of(number),
        "restaurant_guid": restaurant_of(number),
        "order_guid": guid,
        "business_date": version.date,
        "order_modified_at": at(version.number),
        "may_have_moved": version.moves,
        **{
            record: [filled(records[record], **{key: f"{guid}/{child}"}) for child in range(count)]
            for record, (key, count) in children.items()
        },
    }


def order_rows(dataset: Dataset) -> list[set[version_model.Row]]:
    """The rows of all tables, by case."""
    found: list[set[version_model.Row]] = [set() for _ in ORDER_CASES]
    for table in FAMILY.tables:
        for row in dataset.rows(table.name):
            number, order = row["order_guid"].split("/")
            key = 0 if table.name == REGISTER else int(row[table.key[-1]].rpartition("/")[2])
            version = minute_of(row["order_modified_at"]) or 0
            one = version_model.Row(table.name, order, key, row["business_date"], version, row["_run_id"])
            assert one not in found[int(number)], "a row is there twice"
            found[int(number)].add(one)
    return found


def order_statements(dataset: Dataset, restaurants: Sequence[str]) -> VersionStatements:
    return VersionStatements(
        FAMILY,
        dataset=dataset.name,
        staging=STAGING,
        run_id=OWN,
        loaded_at=NOON,
        restaurants=restaurants,
        units=restaurants,
        dates=TOUCHED,
    )


def test_what_is_new_of_orders_and_where_they_have_been_is_what_the_model_answers(orders: Dataset) -> None:
    """These two answer for all restaurants together, so they are asked of one at a time, and of fewer."""
    model, ask = VersionModel(), Ask("", (("dates", DATES[1:]),))
    for number, (load, rows) in enumerate(ORDER_CASES[: CASES // 4]):
        statements = order_statements(orders, [restaurant_of(number)])
        found = orders.run(statements.moved_from(DATES[1:]))
        assert by_content(found) == by_content(model.moved_from(load, ask, frozenset(rows)))
        assert orders.run(statements.survey()) == model.survey(load, {row for row in rows if row.date in TOUCHED})


def test_what_is_found_by_the_check_of_orders_is_what_the_model_answers(orders: Dataset) -> None:
    model = VersionModel()
    expected = [
        row | {"restaurant_guid": restaurant_of(number)}
        for number, (load, rows) in enumerate(ORDER_CASES)
        for row in model.check(load, {row for row in rows if row.date in TOUCHED})
    ]
    assert by_content(orders.run(order_statements(orders, ALL).check())) == by_content(expected)


def test_what_is_inserted_and_deleted_of_orders_is_what_the_model_says(orders: Dataset) -> None:
    model, statements = VersionModel(), order_statements(orders, ALL)
    seen = ("a", "c")
    steps = {f"insert-{table.name}": statements.insert_rows(record) for record, table in FAMILY.children.items()}
    steps[f"insert-{REGISTER}"] = statements.insert_register()
    for table in FAMILY.delete_order:
        steps[f"copies-{table.name}"] = statements.delete_copies(table)
        steps[f"stale-{table.name}"] = statements.delete_stale(table, seen)
    before = order_rows(orders)
    assert before == [rows for _, rows in ORDER_CASES]
    for step, statement in steps.items():
        orders.run(statement)
        ask = Ask(step, (("dates", TOUCHED), ("newer_runs", seen)))
        expected = [_after(model, load, ask, rows) for (load, _), rows in zip(ORDER_CASES, before, strict=True)]
        after = order_rows(orders)
        assert after == expected, step
        assert after != before, f"{step} ought to change something"
        before = after


def _after(model: Any, load: Any, ask: Ask, rows: Iterable[Any]) -> set[Any]:
    change = model.look(load, ask, frozenset(rows))
    assert isinstance(change, Change)
    return set(change.on(frozenset(rows)))


# --- cash days ---------------------------------------------------------------------------------------

DAY_RECORD = day_model.RECORD
DAY_TABLE = CASH_RECORDS[DAY_RECORD]


def random_days(choose: random.Random) -> tuple[day_model.Load, set[day_model.Row]]:
    """A reading of two dates, and rows of some readings of three."""
    days = [day_model.Load(choose.choice(RUNS), choose.randrange(1, 4), _random_days(choose, DATES)) for _ in range(3)]
    rows = {(row.date, row.guid, row.moment, row.run): row for load in days for row in load.rows()}
    read = days[0].days[:2] if choose.random() < 0.3 else _random_days(choose, TOUCHED)
    return day_model.Load(OWN, choose.randrange(1, 4), read), set(rows.values())


def _random_days(choose: random.Random, dates: Iterable[dt.date]) -> tuple[tuple[dt.date, day_model.Entries], ...]:
    return tuple(
        (date, frozenset((guid, choose.randrange(2)) for guid in ("x", "y") if choose.random() < 0.5)) for date in dates
    )


DAY_CASES = [random_days(random.Random(number)) for number in range(CASES)]


@pytest.fixture
def days(warehouse: Warehouse) -> Dataset:
    dataset = Dataset(warehouse, [DAY_TABLE], StagedCashDay)
    dataset.fill(DAY_TABLE.name, (_day_row(n, row) for n, (_, rows) in enumerate(DAY_CASES) for row in rows))
    dataset.fill(STAGING, (line for number, (load, _) in enumerate(DAY_CASES) for line in _staged_days(number, load)))
    return dataset


def _entry(number: int, date: dt.date, guid: str, value: int) -> dict[str, Any]:
    """An entry; a value of 0 is NULL in the table."""
    return {
        "restaurant_guid": restaurant_of(number),
        "business_date": date,
        "cash_entry_guid": f"{number}/{guid}",
        "amount": Decimal(value) if value else None,
    }


def _day_row(number: int, row: day_model.Row) -> dict[str, Any]:
    return _entry(number, row.date, row.guid, row.value) | {"_run_id": row.run, "_loaded_at": at(row.moment)}


def _staged_days(number: int, load: day_model.Load) -> list[dict[str, Any]]:
    (record,) = (column for column in columns_of(StagedCashDay) if column.name == DAY_RECORD)
    return [
        {
            "unit": day_model.unit_of(date, restaurant_of(number)).id,
            "restaurant_guid": restaurant_of(number),
            "business_date": date,
            "read_at": at(load.moment),
            "record": DAY_RECORD,
        }
        | (
            {DAY_RECORD: [filled(record.fields, **_entry(number, date, *entry)) for entry in entries]}
            if entries
            else {}
        )
        for date, entries in load.days
    ]


def day_rows(dataset: Dataset) -> list[set[day_model.Row]]:
    found: list[set[day_model.Row]] = [set() for _ in DAY_CASES]
    for row in dataset.rows(DAY_TABLE.name):
        number, guid = row["cash_entry_guid"].split("/")
        moment = minute_of(row["_loaded_at"]) or 0
        one = day_model.Row(row["business_date"], guid, int(row["amount"] or 0), moment, row["_run_id"])
        assert one not in found[int(number)], "a row is there twice"
        found[int(number)].add(one)
    return found


def day_statements(dataset: Dataset, numbers: Iterable[int]) -> DayStatements:
    names = [restaurant_of(number) for number in numbers]
    return DayStatements(
        {DAY_RECORD: DAY_TABLE},
        dataset=dataset.name,
        staging=STAGING,
        run_id=OWN,
        restaurants=names,
        units=[day_model.unit_of(date, name).id for name in names for date in TOUCHED],
        dates=TOUCHED,
    )


def test_how_days_compare_is_what_the_model_answers(days: Dataset) -> None:
    model = DayModel()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ALL}
    for row in days.run(day_statements(days, range(CASES)).compare()):
        found[row["restaurant_guid"]].append(row)
    for number, (load, rows) in enumerate(DAY_CASES):
        name = restaurant_of(number)
        touched = {row for row in rows if row.date in TOUCHED}
        expected = [
            row | {"restaurant_guid": name, "unit": row["unit"].replace("r/", f"{name}/", 1)}
            for row in model.compare(load, touched)
        ]
        assert by_content(found[name]) == by_content(expected), number


def test_what_is_inserted_and_deleted_of_days_is_what_the_model_says(days: Dataset) -> None:
    model, statements = DayModel(), day_statements(days, range(CASES))
    units = [day_model.unit_of(DATES[0], name).id for name in ALL]
    steps = {
        "insert": (statements.insert_days(DAY_RECORD, units), [day_model.unit_of(DATES[0]).id]),
        "replaced": (statements.delete_replaced(DAY_RECORD), []),
    }
    before = day_rows(days)
    assert before == [rows for _, rows in DAY_CASES]
    for step, (statement, chosen) in steps.items():
        days.run(statement)
        ask = Ask(step, (("dates", TOUCHED), ("units", chosen)))
        expected = [_after(model, load, ask, rows) for (load, _), rows in zip(DAY_CASES, before, strict=True)]
        after = day_rows(days)
        assert after == expected, step
        assert after != before, f"{step} ought to change something"
        before = after


# --- dimensions --------------------------------------------------------------------------------------

PRINTERS = dimension_model.RECORD
DIMENSION = DIMENSIONS[PRINTERS]


def random_listings(choose: random.Random) -> tuple[dimension_model.Load, set[dimension_model.Row]]:
    """A listing of some entities, and versions of these and others, several from one moment on or overlapping."""
    rows = {}
    for guid in ("x", "y", "z"):
        for _ in range(choose.randrange(4)):
            start = choose.choice((0, 1, 2, 4))
            end = choose.choice((None, None, start + 1, start + 2))
            run, loaded = choose.choice(RUNS), start or choose.randrange(1, 4)
            rows[guid, start, run] = dimension_model.Row(guid, start, end, choose.choice("AB"), run, loaded)
    listed = tuple((guid, choose.choice("AB")) for guid in ("x", "y") if choose.random() < 0.6)
    return dimension_model.Load("new", choose.randrange(2, 8), listed, choose.random() < 0.7), set(rows.values())


LISTING_CASES = [random_listings(random.Random(number)) for number in range(CASES)]


@pytest.fixture
def listings(warehouse: Warehouse) -> Dataset:
    dataset = Dataset(warehouse, [DIMENSION], StagedListing)
    dataset.fill(DIMENSION.name, (_version(n, row) for n, (_, rows) in enumerate(LISTING_CASES) for row in rows))
    dataset.fill(STAGING, (_staged_listing(number, load) for number, (load, _) in enumerate(LISTING_CASES)))
    return dataset


def _version(number: int, row: dimension_model.Row) -> dict[str, Any]:
    return {
        "restaurant_guid": restaurant_of(number),
        "guid": row.guid,
        "valid_from": at(row.start),
        "valid_to": None if row.end is None else at(row.end),
        "is_current": row.end is None,
        "row_hash": row.look,
        "_run_id": row.run,
        "_loaded_at": at(row.loaded),
    }


def _staged_listing(number: int, load: dimension_model.Load) -> dict[str, Any]:
    (record,) = (column for column in columns_of(StagedListing) if column.name == PRINTERS)
    return {
        "unit": restaurant_of(number),
        "listing": PRINTERS,
        "restaurant_guid": restaurant_of(number),
        "read_at": at(load.moment),
        "is_complete": load.is_complete,
        PRINTERS: [filled(record.fields, guid=guid, row_hash=look) for guid, look in load.listed],
    }


def test_what_is_due_and_merged_of_listings_is_what_the_model_says(listings: Dataset) -> None:
    model = DimensionModel()
    statements = DimensionStatements(dataset=listings.name, staging=STAGING, run_id="new", restaurants=ALL, units=ALL)
    expected = [
        row | {"restaurant_guid": restaurant_of(number)}
        for number, (load, rows) in enumerate(LISTING_CASES)
        for row in model.survey(load, frozenset(rows))
    ]
    assert len(expected) > CASES // 2
    assert by_content(listings.run(statements.survey([PRINTERS]))) == by_content(expected)
    listings.run(statements.merge(PRINTERS))
    found: list[set[dimension_model.Row]] = [set() for _ in LISTING_CASES]
    for row in listings.rows(DIMENSION.name):
        assert row["is_current"] == (row["valid_to"] is None)
        start, loaded = minute_of(row["valid_from"]) or 0, minute_of(row["_loaded_at"]) or 0
        one = dimension_model.Row(
            row["guid"], start, minute_of(row["valid_to"]), row["row_hash"], row["_run_id"], loaded
        )
        found[ALL.index(row["restaurant_guid"])].add(one)
    ask = Ask("merge", ())
    assert found == [_after(model, load, ask, rows) for load, rows in LISTING_CASES]
