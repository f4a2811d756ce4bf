"""What a backfill writes to the warehouse about itself: signs of life, and how its units ended.

Others go by it: a second backfill keeps out of the way, alerts about late data are held back, `--failed` finds
what to do again, and `status` tells how far it is, from any machine.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal

import structlog

from backfill.runner import Ended
from history.spans import Span
from history.units import Unit
from shared.bigquery_utils import Warehouse
from shared.errors import EtlError
from shared.run_tables import ETL_BACKFILL_UNITS, ETL_BACKFILLS, BackfillRow, BackfillUnitRow
from shared.statements import insert_values

log = structlog.get_logger()

BEAT_SECONDS = 60.0
# Rows in one statement: each is a struct parameter, and a request has its limits.
ROWS_AT_ONCE = 200


class Journal:
    """Writes from a thread of its own, once a minute and at the end. A listener of the runner.

    What cannot be written is tried again the next minute: the work itself does not depend on it.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        backfill_id: str,
        units: Sequence[Unit],
        *,
        on_beat: Callable[[], None] = lambda: None,
        seconds: float = BEAT_SECONDS,
    ) -> None:
        self._warehouse = warehouse
        self._id = backfill_id
        self._functions = ",".join(sorted({unit.function for unit in units}))
        self._restaurants = ",".join(sorted({unit.restaurant_guid for unit in units}))
        spans = [unit.span for unit in units if unit.span]
        today = dt.datetime.now(dt.UTC).date()
        self._span = Span(min((s.start for s in spans), default=today), max((s.end for s in spans), default=today))
        self._units = len(units)
        self._done = self._failed = 0
        self._pending: list[Ended] = []
        self._on_beat = on_beat
        self._seconds = seconds
        self._lost = False
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, daemon=True)

    def start(self) -> None:
        """Give the first sign of life, then one a minute. Raises WarehouseError if the first cannot be given."""
        self._beat("running")
        self._thread.start()

    def finish(self, state: str, *, expected_end_at: dt.datetime | None = None) -> None:
        """Write what is left and the last sign: done, failed or stopped; or queued, and until when that goes on."""
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._seconds)
        self._persist(state, expected_end_at)

    def lose(self) -> None:
        """Write nothing any more: the warehouse is gone."""
        self._lost = True

    # --- the runner's events ---------------------------------------------------------------------------

    def began(self, unit: Unit) -> None:
        """Nothing is written of a beginning."""

    def will_retry(self, unit: Unit, error: str, wait: float) -> None:
        """Nor of what may still succeed."""

    def ended(self, ended: Ended) -> None:
        """Keep it until the next beat."""
        with self._lock:
            self._pending.append(ended)
            self._done += ended.state == "done"
            self._failed += ended.state in ("failed", "skipped")

    # --- writing ---------------------------------------------------------------------------------------

    def _beat_on(self) -> None:
        while not self._wake.wait(self._seconds):
            self._persist("running")
            try:
                self._on_beat()
            except EtlError as error:
                log.warning("backfill_beat_failed", error=str(error))

    def _persist(self, state: str, expected_end_at: dt.datetime | None = None) -> None:
        if self._lost:
            return
        try:
            self._write_units()
            self._beat(state, expected_end_at)
        except EtlError as error:
            log.warning("backfill_journal_not_written", error=str(error))

    def _beat(self, state: str, expected_end_at: dt.datetime | None = None) -> None:
        now = dt.datetime.now(dt.UTC)
        row = BackfillRow(
            backfill_id=self._id,
            beat_at=now,
            beat_date=now.date(),
            state=state,
            functions=self._functions,
            restaurants=self._restaurants,
            start_date=self._span.start,
            end_date=self._span.end,
            units=self._units,
            units_done=self._done,
            units_failed=self._failed,
            expected_end_at=expected_end_at,
            host=socket.gethostname(),
            process_id=os.getpid(),
        )
        self._warehouse.run(insert_values(self._warehouse.dataset, ETL_BACKFILLS, [row]), self._job("beat"))

    def _write_units(self) -> None:
        while True:
            with self._lock:
                batch = self._pending[:ROWS_AT_ONCE]
            if not batch:
                return
            rows = [unit_row(self._id, ended) for ended in batch]
            self._warehouse.run(insert_values(self._warehouse.dataset, ETL_BACKFILL_UNITS, rows), self._job("units"))
            with self._lock:
                del self._pending[: len(batch)]

    def _job(self, step: str) -> str:
        return f"{self._id}-{step}-{time.time_ns()}"


def unit_row(backfill_id: str, ended: Ended) -> BackfillUnitRow:
    """What is written down of a unit that ended, or that was queued."""
    span = ended.unit.span
    return BackfillUnitRow(
        backfill_id=backfill_id,
        function=ended.unit.function,
        restaurant_guid=ended.unit.restaurant_guid,
        start_date=span.start if span else None,
        end_date=span.end if span else None,
        ended_at=ended.ended_at,
        ended_date=ended.ended_at.date(),
        state="failed" if ended.state == "skipped" else ended.state,
        attempts=ended.attempts,
        seconds=Decimal(str(round(ended.seconds, 3))),
        pages=ended.pages,
        rows=ended.rows,
        error=ended.error or None,
    )


def new_backfill_id() -> str:
    """A name for one backfill that tells when it began: letters, digits, '-'."""
    return f"backfill-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
