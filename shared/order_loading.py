"""Bringing orders into the warehouse: spool, staging table, the seven order tables.

docs/loading.md tells why any number of loads, at once or broken off, leave each order with exactly the
rows of its newest version.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import IO, Self

import structlog

from shared.bigquery_utils import Warehouse
from shared.date_utils import dates_between
from shared.order_statements import DELETE_ORDER, OrderStatements
from shared.order_tables import FACT_ORDERS, ORDER_CHILDREN, ORDER_TABLES, StagedOrder
from shared.spool import Spool
from shared.tables import columns_of
from shared.units import Unit, Written

log = structlog.get_logger()

# A scheduled order can be promised for another day as long as it is open. Its older rows are looked for
# from the day it was created to so many days later: nobody orders food more than a year ahead.
MOVED_WITHIN = dt.timedelta(days=366)


class OrderLoad:
    """The orders of one call, from the first page to the last row. Use it as a context manager.

    ``add`` may be called from several threads; ``apply`` once, when all units have ended.
    """

    def __init__(self, warehouse: Warehouse, run_id: str, loaded_at: dt.datetime) -> None:
        self._warehouse = warehouse
        self._run_id = run_id
        self._loaded_at = loaded_at
        self._staging = f"staging_{run_id}".replace("-", "_")
        self._parts = 0
        self._spool = Spool(self._load_part)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()
        if self._parts:
            self._warehouse.drop_staging(self._staging)

    def add(self, orders: Sequence[StagedOrder]) -> None:
        """Take in orders of a unit; they count only if ``apply`` is told that the unit was finished."""
        self._spool.write(orders)

    def _load_part(self, lines: IO[bytes]) -> None:
        columns = columns_of(StagedOrder)
        if not self._parts:
            self._warehouse.create_staging(self._staging, columns)
        self._parts += 1
        self._warehouse.load(lines, self._staging, columns, f"{self._run_id}-load-{self._parts}")

    def apply(self, units: Collection[Unit]) -> dict[tuple[str, str], Written]:
        """Write the orders of finished units; what was written, by restaurant and table.

        Raises WarehouseError; then a repeat of the call finds what is there and completes it.
        """
        if not any(unit.extracted[FACT_ORDERS.name] for unit in units):
            return {}
        self._spool.finish()
        touched: set[dt.date] = set().union(*(unit.dates for unit in units))
        statements = OrderStatements(
            dataset=self._warehouse.dataset,
            staging=self._staging,
            run_id=self._run_id,
            loaded_at=self._loaded_at,
            restaurants={unit.restaurant_guid for unit in units},
            units={unit.id for unit in units},
            dates=touched,
        )
        touched |= self._moved_from(statements, units, touched, "moved-from")
        statements.touch(touched)
        if self._insert_new(statements):
            # A call at the same time can have written another version of these orders since, under a date
            # that was empty before. The search that runs last finds both.
            statements.touch(touched | self._moved_from(statements, units, touched, "moved-meanwhile"))
        return self._check(statements)

    def _moved_from(
        self, statements: OrderStatements, units: Iterable[Unit], touched: set[dt.date], step: str
    ) -> set[dt.date]:
        """The business dates, beyond those touched, under which older versions of the orders lie."""
        candidates = {
            date
            for unit in units
            for created in unit.moved_since
            for date in dates_between(created, created + MOVED_WITHIN)
        } - touched
        if not candidates:
            return set()
        found = self._warehouse.run(statements.moved_from(candidates), f"{self._run_id}-{step}")
        return {row["business_date"] for row in found.rows}

    def _insert_new(self, statements: OrderStatements) -> bool:
        """Write what the warehouse does not hold; whether there was anything."""
        (new,) = self._warehouse.run(statements.survey(), f"{self._run_id}-survey").rows
        if not new[FACT_ORDERS.name]:
            return False
        for record, table in ORDER_CHILDREN.items():
            if new[table.name]:
                self._warehouse.run(statements.insert_rows(record), f"{self._run_id}-insert-{table.name}")
        self._warehouse.run(statements.insert_orders(), f"{self._run_id}-insert-{FACT_ORDERS.name}")
        return True

    def _check(self, statements: OrderStatements) -> dict[tuple[str, str], Written]:
        rows = self._warehouse.run(statements.check(), f"{self._run_id}-check").rows
        stale, copies = Counter[str](), Counter[str]()
        for row in rows:
            stale[row["table_name"]] += row["stale"]
            copies[row["table_name"]] += row["copies"]
        for table in DELETE_ORDER:
            if copies[table.name]:
                self._warehouse.run(statements.delete_copies(table), f"{self._run_id}-copies-{table.name}")
            if stale[table.name]:
                self._warehouse.run(statements.delete_stale(table), f"{self._run_id}-stale-{table.name}")
        if copies.total():
            log.info("copies_removed", rows=copies.total())
        return {
            (row["restaurant_guid"], row["table_name"]): Written(inserted=row["inserted"], updated=row["updated"])
            for row in rows
        }


def extracted_rows(orders: Iterable[StagedOrder]) -> Counter[str]:
    """How many rows of each order table some staged orders hold."""
    counts: Counter[str] = Counter({table.name: 0 for table in ORDER_TABLES})
    for order in orders:
        counts[FACT_ORDERS.name] += 1
        for record, table in ORDER_CHILDREN.items():
            counts[table.name] += len(getattr(order, record))
    return counts
