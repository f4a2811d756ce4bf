"""Bringing a family's objects (orders, time entries) into the warehouse: staging table, then its tables.

docs/loading.md tells why any number of loads, at once or broken off, leave each object with exactly the
rows of its newest version.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import structlog

from shared.bigquery_utils import Warehouse
from shared.date_utils import dates_between
from shared.families import Family
from shared.staging import Staging
from shared.units import DatedUnit, Written
from shared.version_statements import VersionStatements

log = structlog.get_logger()


class VersionLoad(Staging):
    """The objects of one call, from the first page to the last row; ``apply`` once, when all units have ended."""

    def __init__(self, warehouse: Warehouse, family: Family, run_id: str, loaded_at: dt.datetime) -> None:
        super().__init__(warehouse, family.staged, run_id)
        self.family = family
        self._loaded_at = loaded_at

    def apply(self, units: Collection[DatedUnit]) -> Mapping[tuple[str, str], Written]:
        """Write the objects of finished units; what was written, by restaurant and table.

        Raises WarehouseError; then a repeat of the call finds what is there and completes it.
        """
        if not any(unit.extracted[self.family.register.name] for unit in units):
            return {}
        self.finish()
        touched: set[dt.date] = set().union(*(unit.dates for unit in units))
        statements = VersionStatements(
            self.family,
            dataset=self._warehouse.dataset,
            staging=self.name,
            run_id=self._run_id,
            loaded_at=self._loaded_at,
            restaurants={unit.restaurant_guid for unit in units},
            units={unit.id for unit in units},
            dates=touched,
        )
        touched |= self._moved_from(statements, units, touched, "moved-from")
        statements.touch(touched)
        if self._insert_new(statements):
            # A call at the same time can have written another version of these objects since, under a date
            # that was empty before. The search that runs last finds both.
            statements.touch(touched | self._moved_from(statements, units, touched, "moved-meanwhile"))
        rows = self._check(statements)
        self._note_left(units, rows)
        return _written(rows)

    def _moved_from(
        self, statements: VersionStatements, units: Iterable[DatedUnit], touched: set[dt.date], step: str
    ) -> set[dt.date]:
        """The business dates, beyond those touched, under which older versions of the objects lie."""
        candidates = {
            date
            for unit in units
            for created in unit.moved_since
            for date in dates_between(created - self.family.moved_before, created + self.family.moved_after)
        } - touched
        if not candidates:
            return set()
        found = self._warehouse.run(statements.moved_from(candidates), f"{self._run_id}-{step}")
        return {row["business_date"] for row in found.rows}

    def _insert_new(self, statements: VersionStatements) -> bool:
        """Write what the warehouse does not hold; whether there was anything."""
        register = self.family.register
        (new,) = self._warehouse.run(statements.survey(), f"{self._run_id}-survey").rows
        if not new[register.name]:
            return False
        for record, table in self.family.children.items():
            if new[table.name]:
                self._warehouse.run(statements.insert_rows(record), f"{self._run_id}-insert-{table.name}")
        self._warehouse.run(statements.insert_register(), f"{self._run_id}-insert-{register.name}")
        return True

    def _check(self, statements: VersionStatements) -> Sequence[Mapping[str, Any]]:
        """Remove what is stale or twice; what the check said."""
        rows = self._warehouse.run(statements.check(), f"{self._run_id}-check").rows
        stale, copies = Counter[str](), Counter[str]()
        newer_runs = {row["newer_run"] for row in rows if row["stale"]}
        for row in rows:
            stale[row["table_name"]] += row["stale"]
            copies[row["table_name"]] += row["copies"]
        for table in self.family.delete_order:
            if copies[table.name]:
                self._warehouse.run(statements.delete_copies(table), f"{self._run_id}-copies-{table.name}")
            if stale[table.name]:
                self._warehouse.run(statements.delete_stale(table, newer_runs), f"{self._run_id}-stale-{table.name}")
        if copies.total():
            log.info("copies_removed", rows=copies.total())
        return rows

    def _note_left(self, units: Iterable[DatedUnit], rows: Iterable[Mapping[str, Any]]) -> None:
        """Tell the units which business dates lost an object, be it to another version or to another date."""
        left = {
            (row["restaurant_guid"], row["stale_date"])
            for row in rows
            if row["stale"] and row["table_name"] == self.family.register.name
        }
        for unit in units:
            unit.left |= {date for guid, date in left if guid == unit.restaurant_guid}


def _written(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Written]:
    inserted, updated = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in rows:
        key = (row["restaurant_guid"], row["table_name"])
        inserted[key] += row["inserted"]
        updated[key] += row["updated"]
    return {key: Written(inserted[key], updated[key]) for key in inserted}
