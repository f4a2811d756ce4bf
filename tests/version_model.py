"""What the statements of shared/version_statements.py do, on rows as tuples; see snapshot_model."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any, NamedTuple

import msgspec
from snapshot_model import Ask, Change, Replay, Rows

from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.families import Family
from shared.order_tables import ORDER_CHILDREN, ORDERS
from shared.toast_client import Usage
from shared.units import DayUnit
from shared.version_loading import VersionLoad

DATES = tuple(dt.date(2026, 2, day) for day in (21, 22, 23))
HOURS = TradingHours("America/New_York", 4)
NOON = dt.datetime(2026, 2, 24, 12, tzinfo=dt.UTC)

# Orders with two tables of children: what holds for the second one holds for those that are left out.
FAMILY = msgspec.structs.replace(
    ORDERS,
    children={record: ORDER_CHILDREN[record] for record in ("checks", "items")},
    moved_after=dt.timedelta(days=len(DATES)),
)
CHECKS, ITEMS, REGISTER = (table.name for table in FAMILY.tables)


class Row(NamedTuple):
    """A row of any of the tables; the register's have the key 0."""

    table: str
    order: str
    key: int
    date: dt.date
    version: int
    run: str


class Version(NamedTuple):
    """A version of an order: under which date it lies, and how many children it has.

    ``moves`` is may_have_moved: what Toast says of it tells that it can have lain under another date.
    """

    order: str
    number: int
    date: dt.date = DATES[0]
    checks: int = 1
    items: int = 1
    moves: bool = True

    def rows(self, run: str) -> set[Row]:
        """The rows of the version, all written by one run."""
        return {
            Row(table, self.order, key, self.date, self.number, run)
            for table, count in ((CHECKS, self.checks), (ITEMS, self.items), (REGISTER, 1))
            for key in range(count)
        }


class Load(NamedTuple):
    """A load of some versions; without any it is one whose order was not there any more."""

    run: str
    versions: tuple[Version, ...]


class VersionModel:
    """Loads of orders."""

    family: Family = FAMILY
    kind: type[VersionLoad] = VersionLoad

    def run(self, load: Load, warehouse: Replay) -> None:
        with self.kind(warehouse, self.family, load.run, NOON) as loading:  # type: ignore[arg-type]
            loading.apply([self._unit(load)])

    def _unit(self, load: Load) -> DayUnit:
        return DayUnit(
            restaurant=Restaurant(guid="r", name="r", tenant="tenant"),
            usage=Usage(),
            endpoint="ordersBulk",
            extracted=Counter({self.family.register.name: len(load.versions)}),
            hours=HOURS,
            first_business_date=None,
            business_date=DATES[0],
            dates={version.date for version in load.versions},
            moved_since={DATES[0] for version in load.versions if version.moves},
        )

    def look(self, load: Load, ask: Ask, rows: Rows) -> Change | list[dict[str, Any]]:
        if ask.step.startswith("moved"):
            return self.moved_from(load, ask, rows)
        touched = {row for row in rows if row.date in ask["dates"]}
        kind, _, table = ask.step.partition("-")
        if kind == "survey":
            return self.survey(load, touched)
        if kind == "check":
            return self.check(load, touched)
        if kind == "insert":
            return Change(added=frozenset(self.insert(load, table, touched)))
        remove = {"stale": self.delete_stale, "copies": self.delete_copies}[kind]
        return Change(removed=frozenset(remove(load, ask, table, touched)))

    def moved_from(self, load: Load, ask: Ask, rows: Rows) -> list[dict[str, Any]]:
        moving = {version.order for version in load.versions if version.moves}
        found = {row.date for row in rows if row.order in moving and row.table in (REGISTER, self.family.trace.name)}
        return [{"business_date": date} for date in sorted(found & set(ask["dates"]))]

    def survey(self, load: Load, rows: set[Row]) -> list[dict[str, Any]]:
        new = [version for version in _staged(load) if not _is_held(version, rows)]
        if not new:  # a sum of nothing
            return [{table.name: None for table in self.family.children.values()} | {REGISTER: 0}]
        counts = Counter(row.table for version in new for row in version.rows(load.run))
        return [{table.name: counts[table.name] for table in self.family.tables}]

    def insert(self, load: Load, table: str, rows: set[Row]) -> set[Row]:
        present = {_identity(row) for row in rows}
        return {
            row
            for version in _staged(load)
            if not _is_held(version, rows)
            for row in version.rows(load.run)
            if row.table == table and _identity(row) not in present
        }

    def check(self, load: Load, rows: set[Row]) -> list[dict[str, Any]]:
        staged = {version.order for version in load.versions}
        held: dict[str, list[Row]] = {}
        for row in sorted(rows, key=lambda row: (-row.version, row.run)):
            if row.table == REGISTER and row.order in staged:
                held.setdefault(row.order, []).append(row)
        counts: dict[tuple[str, str | None, dt.date | None], Counter[str]] = {}
        for row in rows:
            if row.order in held:
                newest, oldest = held[row.order][0], held[row.order][-1]
                is_own, is_newer = row.run == load.run, row.version > oldest.version
                stale = (newest.run, row.date) if row.version < newest.version else (None, None)
                counts.setdefault((row.table, *stale), Counter()).update(
                    inserted=is_own and not is_newer,
                    updated=is_own and is_newer,
                    stale=row.version < newest.version,
                    copies=any(_identity(other) == _identity(row) and other.run < row.run for other in rows),
                )
        return [
            {"restaurant_guid": "r", "table_name": table, "newer_run": run, "stale_date": date}
            | {name: int(count) for name, count in sorted(counts[table, run, date].items())}
            for table, run, date in sorted(counts, key=str)
        ]

    def delete_stale(self, load: Load, ask: Ask, table: str, rows: set[Row]) -> set[Row]:
        newest: dict[str, int] = {}
        for row in rows:
            if row.table == REGISTER and row.run in ask["newer_runs"]:
                newest[row.order] = max(row.version, newest.get(row.order, 0))
        return {row for row in rows if row.table == table and row.version < newest.get(row.order, 0)}

    def delete_copies(self, load: Load, ask: Ask, table: str, rows: set[Row]) -> set[Row]:
        return {
            row
            for row in rows
            if row.table == table
            and any(_identity(kept) == _identity(row) and self.is_kept(load, kept.run, row.run) for kept in rows)
        }

    def is_kept(self, load: Load, run: str, other: str) -> bool:
        """Whether of two copies the one that ``run`` wrote stays, not the ``other``."""
        return run < other


def _staged(load: Load) -> list[Version]:
    """Each order in its newest version."""
    return list({version.order: version for version in sorted(load.versions, key=lambda one: one.number)}.values())


def _is_held(version: Version, rows: set[Row]) -> bool:
    return any(row.table == REGISTER and row.order == version.order and row.version >= version.number for row in rows)


def _identity(row: Row) -> tuple[Any, ...]:
    """What two rows share that are copies; the date is that of the version."""
    return row.table, row.order, row.key, row.version
