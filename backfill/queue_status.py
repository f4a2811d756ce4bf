"""What is still in the queue, and what became of what was in it.

Nobody waits for the tasks, so what became of them is seen when somebody looks: a unit that has left the queue is
loaded, or it failed for good. The warehouse tells which, and why. It is written down as a running backfill does it
at once, so that `--failed` and `status` know of it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from backfill.journal import ROWS_AT_ONCE, unit_row
from backfill.runner import Ended
from backfill.targets import QueuedTask
from backfill.work import is_complete
from history.ledger import Ledger, QueuedUnit, Tried
from history.units import SOURCE_OF, SOURCES, Complete, Unit
from shared.bigquery_utils import Warehouse
from shared.config import Tenant
from shared.run_tables import ETL_BACKFILL_UNITS, BackfillUnitRow
from shared.statements import insert_values

if TYPE_CHECKING:
    from backfill.targets.tasks import TaskQueue

LANES_SHOWN = 30


class Followed(msgspec.Struct):
    """What a look at the queue found."""

    queue: str
    is_paused: bool
    tasks: list[QueuedTask]
    """In the queue."""
    done: list[Unit]
    """Left it since the last look, and are loaded."""
    failed: list[Unit]
    """Left it since the last look, and are not."""


def follow(queue: TaskQueue, warehouse: Warehouse, tenant: Tenant, now: dt.datetime) -> Followed:
    """Look what is in the queue, and write down what became of the rest. ``now`` is Toast's (UTC).

    Raises TargetFailed or WarehouseError.
    """
    looked_at = dt.datetime.now(dt.UTC)
    is_paused = queue.pace().is_paused
    tasks = queue.tasks()  # before the warehouse is asked, see QueuedBackfill
    ledger = Ledger(warehouse)
    in_queue = {task.unit for task in tasks}
    guids = {restaurant.guid for restaurant in tenant.restaurants}
    gone = [
        one
        for one in ledger.queued()
        if one.unit not in in_queue
        and one.queued_at < looked_at
        and (one.unit.restaurant_guid in guids or one.unit.restaurant_guid == "ALL")
    ]
    if not gone:
        return Followed(queue.name, is_paused, tasks, [], [])
    ended = _what_became(gone, ledger, guids, behind=now - looked_at)
    rows = [unit_row(one.backfill_id, how) for one, how in zip(gone, ended, strict=True)]
    _write(warehouse, rows)
    ledger.count_queued()
    return Followed(
        queue.name,
        is_paused,
        tasks,
        [one.unit for one in ended if one.state == "done"],
        [one.unit for one in ended if one.state == "failed"],
    )


def _what_became(
    gone: Sequence[QueuedUnit], ledger: Ledger, guids: Collection[str], *, behind: dt.timedelta
) -> list[Ended]:
    """``behind``: what has to be added to this machine's clock to get Toast's."""
    spans = [one.unit.span for one in gone if one.unit.span]
    complete: Complete = {}
    if spans:
        complete = ledger.complete(SOURCES, min(s.start for s in spans), max(s.end for s in spans))
    # A second early: Toast's clock is told in whole seconds.
    since = min(one.queued_at for one in gone) + behind - dt.timedelta(seconds=1)
    tried = ledger.tried(since)
    now = dt.datetime.now(dt.UTC)
    return [_ended(one.unit, _calls(one.unit, tried, guids), complete, now) for one in gone]


def _calls(unit: Unit, tried: Mapping[Unit, Tried], guids: Collection[str]) -> list[Tried]:
    """What the run ledger has of a unit: a row for each restaurant, where it was for all of them."""
    whose = guids if unit.restaurant_guid == "ALL" else [unit.restaurant_guid]
    found = [tried.get(unit._replace(restaurant_guid=guid)) for guid in whose]
    return [one for one in found if one is not None]


def _ended(unit: Unit, calls: Sequence[Tried], complete: Complete, now: dt.datetime) -> Ended:
    bad = [one for one in calls if one.status != "success"]
    loaded = is_complete(unit, complete) if unit.function in SOURCE_OF else bool(calls)
    error = ""
    if not calls and not loaded:
        error = (
            "its task left the queue, and the run ledger has no call: look at the function's log, and see that the "
            "queue's account may call it (roles/run.invoker)"
        )
    elif bad:
        error = next((one.error for one in bad if one.error), "its calls did not succeed")
    elif not loaded:
        error = "its calls succeeded, and some of its dates are still not complete"
    return Ended(
        unit,
        "failed" if error else "done",
        max((one.attempts for one in calls), default=0),
        sum(one.seconds for one in calls),
        sum(one.pages for one in calls),
        sum(one.rows for one in calls),
        now,
        error,
    )


def _write(warehouse: Warehouse, rows: Sequence[BackfillUnitRow]) -> None:
    run = uuid.uuid4().hex
    for start in range(0, len(rows), ROWS_AT_ONCE):
        statement = insert_values(warehouse.dataset, ETL_BACKFILL_UNITS, rows[start : start + ROWS_AT_ONCE])
        warehouse.run(statement, f"queue-{run}-{start}")


def print_queue(followed: Followed, names: Mapping[str, str], console: Console) -> None:
    """What is in the queue, a line for each restaurant and function; what is tried again, and why."""
    console.print()
    if followed.done or followed.failed:
        were = "unit was" if len(followed.done) == 1 else "units were"
        console.print(f"Since the last look {len(followed.done):,} {were} loaded, {len(followed.failed):,} failed.")
    if not followed.tasks:
        console.print(f"Nothing is in the queue {followed.queue}.", highlight=False, soft_wrap=True)
        return
    lanes: dict[tuple[str, str], list[QueuedTask]] = {}
    for task in sorted(followed.tasks, key=lambda task: task.due_at):
        lanes.setdefault((task.unit.restaurant_guid, task.unit.function), []).append(task)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("restaurant", "function", "in the queue", "next call (UTC)", "tried again"):
        table.add_column(heading, justify="right" if heading == "in the queue" else "left", no_wrap=True)
    for (guid, function), tasks in list(lanes.items())[:LANES_SHOWN]:
        again = [task for task in tasks if task.last_reply]
        told = f"{len(again)}: {again[-1].last_reply}" if again else ""
        due = f"{tasks[0].due_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(names.get(guid, guid), function, f"{len(tasks):,}", due, told)
    if (more := len(lanes) - LANES_SHOWN) > 0:
        table.add_row(f"… and {more:,} more", "", "", "", "", style="dim")
    console.print(table)
    console.print(f"{len(followed.tasks):,} tasks in {followed.queue}.", highlight=False, soft_wrap=True)
    if followed.is_paused:
        console.print(f"It is paused: gcloud tasks queues resume {followed.queue.rpartition('/')[2]}", style="yellow")
