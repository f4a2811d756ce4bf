"""What the statements of shared/day_statements.py do, on rows as tuples; see snapshot_model."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from snapshot_model import Ask, Change, Replay, Rows
from version_model import DATES, HOURS

from shared.cash_tables import CASH_RECORDS, StagedCashDay
from shared.config import Restaurant
from shared.day_loading import DayLoad
from shared.toast_client import Usage
from shared.units import DayUnit

RECORD = "entries"
"""One of the two lists: the other goes the same way, in statements of its own."""

Entries = frozenset[tuple[str, int]]
"""What Toast lists of a date: values by GUID."""


class Row(NamedTuple):
    date: dt.date
    guid: str
    value: int
    moment: int
    run: str


class Load(NamedTuple):
    """A load of what was read of some dates at a moment."""

    run: str
    moment: int
    days: tuple[tuple[dt.date, Entries], ...]

    def rows(self) -> set[Row]:
        """The rows of all its days."""
        return {Row(date, guid, value, self.moment, self.run) for date, day in self.days for guid, value in day}


def a_load(run: str, moment: int, entries: Iterable[tuple[str, int]], date: dt.date = DATES[0]) -> Load:
    return Load(run, moment, ((date, frozenset(entries)),))


def unit_of(date: dt.date, restaurant: str = "r") -> DayUnit:
    return DayUnit(
        restaurant=Restaurant(guid=restaurant, name=restaurant, tenant="tenant"),
        usage=Usage(),
        endpoint=RECORD,
        hours=HOURS,
        first_business_date=None,
        business_date=date,
    )


class DayModel:
    """Loads of cash days."""

    kind: type[DayLoad] = DayLoad

    def run(self, load: Load, warehouse: Replay) -> None:
        tables = {RECORD: CASH_RECORDS[RECORD]}
        with self.kind(warehouse, StagedCashDay, tables, load.run) as loading:  # type: ignore[arg-type]
            loading.apply([unit_of(date) for date, _ in load.days])

    def look(self, load: Load, ask: Ask, rows: Rows) -> Change | list[dict[str, Any]]:
        touched = {row for row in rows if row.date in ask["dates"]}
        if ask.step.startswith("compare"):
            return self.compare(load, touched)
        if ask.step.startswith("insert"):
            return Change(added=frozenset(self.insert_days(load, ask["units"], touched)))
        return Change(removed=frozenset(self.delete_replaced(load, touched)))

    def compare(self, load: Load, rows: set[Row]) -> list[dict[str, Any]]:
        return [self._compare(load, date, entries, rows) for date, entries in load.days]

    def _compare(self, load: Load, date: dt.date, entries: Entries, rows: set[Row]) -> dict[str, Any]:
        day = {row for row in rows if row.date == date}
        newest = min(((-row.moment, row.run) for row in day), default=(0, ""))
        held = {(row.guid, row.value) for row in day if (-row.moment, row.run) == newest}
        first = {row.guid: min(other.moment for other in rows if other.guid == row.guid) for row in day}
        own = Counter(row.moment == first[row.guid] for row in day if row.run == load.run)
        return {
            "unit": unit_of(date).id,
            "record": RECORD,
            "restaurant_guid": "r",
            "staged": len(entries),
            "held": len(held),
            "same": len(held & entries),
            "replaced": len(day) - len(held),
            "has_later": bool(day) and -newest[0] > load.moment,
            "inserted": own[True],
            "updated": own[False],
        }

    def insert_days(self, load: Load, units: Iterable[str], rows: set[Row]) -> set[Row]:
        dates = {date for date, _ in load.days if unit_of(date).id in units}
        later = {row.date for row in rows if row.moment >= load.moment}
        return {row for row in load.rows() if row.date in dates - later}

    def delete_replaced(self, load: Load, rows: set[Row]) -> set[Row]:
        emptied = {date for date, entries in load.days if not entries}
        return {
            row
            for row in rows
            if any(other.date == row.date and self.replaces(other, row) for other in rows)
            or (row.date in emptied and self.is_emptied(load, row))
        }

    def replaces(self, row: Row, other: Row) -> bool:
        """Whether the one row is of a reading that takes the place of the other's."""
        return (row.moment, other.run) > (other.moment, row.run)

    def is_emptied(self, load: Load, row: Row) -> bool:
        """Whether a reading of nothing removes the row."""
        return load.moment > row.moment
