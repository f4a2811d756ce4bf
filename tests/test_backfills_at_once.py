"""How many backfills may run at once, and which of those that never said they ended count among them."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import uuid

import pytest
from google.cloud import bigquery

from backfill.run import TooManyBackfills, others_under_way
from history.ledger import Ledger
from shared.bigquery_utils import Warehouse
from shared.run_tables import ETL_BACKFILLS, BackfillRow
from shared.statements import insert_values

HERE = socket.gethostname()


@pytest.fixture
def ledger(warehouse_client: bigquery.Client) -> Ledger:
    warehouse = Warehouse(warehouse_client, f"at_once_{uuid.uuid4().hex[:8]}", "US", host="emulator")
    warehouse.ensure([ETL_BACKFILLS])
    return Ledger(warehouse)


def beat(ledger: Ledger, name: str, *, host: str | None, process_id: int | None, state: str = "running") -> None:
    now = dt.datetime.now(dt.UTC)
    row = BackfillRow(
        backfill_id=name,
        beat_at=now,
        beat_date=now.date(),
        state=state,
        functions="orders_daily",
        restaurants="r",
        start_date=now.date(),
        end_date=now.date(),
        units=1,
        units_done=0,
        units_failed=0,
        expected_end_at=now + dt.timedelta(hours=1) if state == "queued" else None,
        host=host,
        process_id=process_id,
    )
    ledger.warehouse.run(insert_values(ledger.warehouse.dataset, ETL_BACKFILLS, [row]), f"beat-{uuid.uuid4().hex}")


def gone() -> int:
    """The id of a process that was killed."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process.kill()
    process.wait()
    return process.pid


def test_one_that_was_killed_on_this_machine_no_longer_counts(ledger: Ledger) -> None:
    beat(ledger, "alive", host=HERE, process_id=os.getpid())
    beat(ledger, "killed", host=HERE, process_id=gone())
    beat(ledger, "elsewhere", host="another-machine", process_id=gone())
    beat(ledger, "unknown", host=None, process_id=None)
    beat(ledger, "queued", host=HERE, process_id=gone(), state="queued")
    assert [one.backfill_id for one in ledger.running()] == ["alive", "elsewhere", "queued", "unknown"]


def test_more_than_may_run_at_once_are_refused_by_name(ledger: Ledger) -> None:
    for name in ("first", "second"):
        beat(ledger, name, host="another-machine", process_id=1)
    assert len(others_under_way(ledger, 3)) == 2
    with pytest.raises(TooManyBackfills, match=r"first, second.*--most-backfills"):
        others_under_way(ledger, 2)
