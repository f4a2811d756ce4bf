"""Replacing business dates in the warehouse: what Toast lists without versions, cash entries and deposits.

docs/loading.md tells why any number of loads, at once or broken off, leave each date as it was last read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog

from shared.bigquery_utils import Warehouse
from shared.day_statements import DayStatements
from shared.staging import Staging
from shared.tables import Row, Table
from shared.units import DayUnit, Written

log = structlog.get_logger()


class DayLoad(Staging):
    """The business dates of one call, from Toast's replies to the last row; ``apply`` once, when all units have ended.

    ``staged`` is the class of a staging line: a unit, with what was read of it.
    """

    def __init__(self, warehouse: Warehouse, staged: type[Row], tables: Mapping[str, Table], run_id: str) -> None:
        super().__init__(warehouse, staged, run_id)
        self._tables = tables

    def apply(self, units: Collection[DayUnit]) -> Mapping[tuple[str, str], Written]:
        """Write the days of finished units where they differ; what was written, by restaurant and table.

        Raises WarehouseError; then a repeat of the call finds what is there and completes it.
        """
        if not units:
            return {}
        self.finish()
        statements = DayStatements(
            self._tables,
            dataset=self._warehouse.dataset,
            staging=self.name,
            run_id=self._run_id,
            restaurants={unit.restaurant_guid for unit in units},
            units={unit.id for unit in units},
            dates={unit.business_date for unit in units},
        )
        found = self._warehouse.run(statements.compare(), f"{self._run_id}-compare").rows
        if self._insert_differing(statements, found):
            found = self._warehouse.run(statements.compare(), f"{self._run_id}-compare-again").rows
        self._delete_replaced(statements, found)
        return self._written(found)

    def _insert_differing(self, statements: DayStatements, found: Sequence[dict[str, Any]]) -> bool:
        """Write the days that differ from what is held; whether there were any."""
        differing: dict[str, set[str]] = defaultdict(set)
        for day in found:
            if _differs(day) and day["staged"] and not day["has_later"]:
                differing[day["record"]].add(day["unit"])
        for record, units in differing.items():
            step = f"insert-{self._tables[record].name}"
            self._warehouse.run(statements.insert_days(record, units), f"{self._run_id}-{step}")
        return bool(differing)

    def _delete_replaced(self, statements: DayStatements, found: Sequence[dict[str, Any]]) -> None:
        for record, table in self._tables.items():
            days = [day for day in found if day["record"] == record]
            if any(day["replaced"] or (day["held"] and not day["staged"] and not day["has_later"]) for day in days):
                self._warehouse.run(statements.delete_replaced(record), f"{self._run_id}-replaced-{table.name}")

    def _written(self, found: Sequence[dict[str, Any]]) -> dict[tuple[str, str], Written]:
        inserted, updated = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for day in found:
            key = (day["restaurant_guid"], self._tables[day["record"]].name)
            inserted[key] += day["inserted"]
            updated[key] += day["updated"]
        return {key: Written(inserted[key], updated[key]) for key in inserted}


def _differs(day: Mapping[str, Any]) -> bool:
    return not day["staged"] == day["held"] == day["same"]
