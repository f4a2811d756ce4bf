"""The staging table of one call: rows from several threads, through a bounded spool, into a table that expires."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Self

from shared.bigquery_utils import Warehouse
from shared.spool import Spool
from shared.tables import Row, columns_of


class Staging:
    """A staging table of rows of one class. Use it as a context manager: the table is dropped at the end.

    ``add`` may be called from several threads. The table is created when there is something to load. The
    kinds of load build on it.
    """

    def __init__(self, warehouse: Warehouse, row: type[Row], run_id: str) -> None:
        self._warehouse = warehouse
        self._columns = columns_of(row)
        self._run_id = run_id
        self._parts = 0
        self._spool = Spool(self._load_part)
        self.name = f"staging_{run_id}".replace("-", "_")
        """The table's name in the dataset; no other call's, since the run id is random."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()
        if self._parts:
            self._warehouse.drop_staging(self.name)

    def add(self, rows: Sequence[Row]) -> None:
        """Take in rows of units; they count only if the load is told that their unit was finished."""
        self._spool.write(rows)

    def finish(self) -> None:
        """Load what is left in the spool. Raises WarehouseError."""
        self._spool.finish()

    def _load_part(self, lines: IO[bytes]) -> None:
        if not self._parts:
            self._warehouse.create_staging(self.name, self._columns)
        self._parts += 1
        self._warehouse.load(lines, self.name, self._columns, f"{self._run_id}-load-{self._parts}")
