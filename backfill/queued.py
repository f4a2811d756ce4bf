"""A backfill whose calls come from Cloud Tasks: put into the queue, and afterwards followed from anywhere.

The queue is asked before the warehouse: what is in neither then was never queued, or was tried in vain. So the same
command again adds what is missing, and nothing twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Literal, NamedTuple

import msgspec
from rich.console import Console
from rich.progress import Progress

from backfill.journal import Journal, new_backfill_id
from backfill.places import Place, toast_now
from backfill.queue_status import Followed, follow
from backfill.run import MOST_BACKFILLS, STOPPED, others_under_way
from backfill.runner import Ended
from backfill.schedule import OffPeak, Scheduled, schedule
from backfill.survey import Survey, configuration_units, failed_left, survey, units_left
from backfill.targets import QueuedTask
from backfill.targets.tasks import DISPATCH_DEADLINE, FARTHEST, NotQueued
from backfill.work import NoFirstDate, Wanted, is_complete
from history.ledger import Ledger
from history.spans import united
from history.units import CONFIGURATION, FUNCTION_OF, SOURCE_OF, Unit
from shared.config import Restaurant, Tenant
from shared.errors import ConfigurationError
from shared.schema import ALL_TABLES, VIEWS

ADDED_AT_ONCE = 16
# A unit that was tried in vain so often within the time for which Cloud Tasks remembers names has to wait.
MOST_GENERATIONS = 30
# How long after its last call is due a queued backfill still counts as under way: tasks that failed are called again.
TIME_FOR_RETRIES = dt.timedelta(hours=1)
# Without a terminal, a line for every so many tasks.
LINE_EVERY = 100


class _Added(NamedTuple):
    one: Scheduled
    state: Literal["added", "there", "gone", "refused"]
    error: str = ""


class QueuedBackfill:
    """One start of the orchestrator that leaves the work to a queue."""

    def __init__(
        self,
        place: Place,
        tenant: Tenant,
        restaurants: Sequence[Restaurant],
        wanted: Wanted,
        console: Console,
        *,
        chunk_days: Mapping[str, int],
        most_backfills: int = MOST_BACKFILLS,
        off_peak: OffPeak | None = None,
    ) -> None:
        if place.warehouse is None:
            raise ConfigurationError("GOOGLE_CLOUD_PROJECT is not set; set it to the project that holds the dataset.")
        if place.queue is None:
            raise TypeError("a queued backfill needs a queue")
        self._warehouse = place.warehouse
        self._queue = place.queue
        self._settings = place.settings
        self._tenant = tenant
        self._restaurants = restaurants
        self._wanted = wanted
        self._console = console
        self._chunk_days = chunk_days
        self._most_backfills = most_backfills
        self._off_peak = off_peak
        self._ledger = Ledger(place.warehouse)

    def run(self, *, only_failed: bool, with_configuration: bool) -> int:
        """Put what is missing into the queue; the exit code: 0 when all of it is there, 1 when not, 130 when stopped.

        Raises EtlError, TargetFailed, TooManyBackfills or NoFirstDate when it cannot begin.
        """
        self._warehouse.ensure(ALL_TABLES, VIEWS)
        now = toast_now(self._settings)
        others_under_way(self._ledger, self._most_backfills)
        followed = follow(self._queue, self._warehouse, self._tenant, now)  # before the warehouse is asked
        found = survey(self._tenant, self._restaurants, self._wanted, self._warehouse, now)
        for note in found.notes:
            self._console.print(note, style="dim", soft_wrap=True)
        configuration: list[Unit] = []
        if with_configuration:
            guids = [restaurant.guid for restaurant in self._restaurants]
            configured_at = self._ledger.configured_at(guids)
            configuration = configuration_units(self._tenant, self._restaurants, configured_at, now)
        try:
            units = configuration + self._facts(_less(found, followed.tasks), only_failed=only_failed)
        except NoFirstDate as error:
            if not configuration:
                raise
            self._enqueue(configuration, found, followed)
            raise NoFirstDate(
                f"{error} Its configuration is being loaded now: give the same command again in a few minutes."
            ) from error
        return self._enqueue(units, found, followed)

    def _facts(self, found: Survey, *, only_failed: bool) -> list[Unit]:
        if not only_failed:
            return units_left(found, self._wanted, self._chunk_days)
        left = failed_left(self._ledger.failed(), found, self._wanted.sources, self._chunk_days)
        return [one.unit for one in left]

    # --- into the queue ------------------------------------------------------------------------------

    def _enqueue(self, units: Sequence[Unit], found: Survey, followed: Followed) -> int:
        there = self._in_queue(followed)
        waiting = {task.unit for task in there}
        left = [unit for unit in units if unit not in waiting]
        if there:
            are = "unit is" if len(there) == 1 else "units are"
            self._console.print(f"{len(there):,} {are} in the queue already.")
        if not left:
            self._console.print("Nothing else is to be queued." if there else "Nothing is missing that is not queued.")
        pace = self._queue.pace()
        for function in {unit.function for unit in left}:
            self._queue.url(function)
        start = dt.datetime.now(dt.UTC)
        times = schedule(
            left,
            found.paces,
            start,
            at_once=pace.at_once,
            per_second=pace.per_second,
            after=_last_due(there),
            off_peak=self._off_peak,
        )
        soon = [one for one in times if one.due_at < start + FARTHEST]
        added, stopped = self._write_down(soon, self._unknown(there))
        refused = [one for one in added if one.state == "refused"]
        self._say(soon, refused, len(times) - len(soon), found.names, stopped=stopped)
        if pace.is_paused:
            queue = self._queue.name.rpartition("/")[2]
            self._console.print(f"The queue is paused: gcloud tasks queues resume {queue}", style="yellow")
        if stopped:
            return STOPPED
        return 1 if refused or len(soon) < len(times) else 0

    def _in_queue(self, followed: Followed) -> list[QueuedTask]:
        """The tasks that are about what is wanted."""
        functions = {CONFIGURATION, *(FUNCTION_OF[source] for source in self._wanted.sources)}
        guids = {"ALL", *(restaurant.guid for restaurant in self._restaurants)}
        return [
            task for task in followed.tasks if task.unit.function in functions and task.unit.restaurant_guid in guids
        ]

    def _unknown(self, tasks: Sequence[QueuedTask]) -> list[QueuedTask]:
        """Those that a killed command has added and not written down."""
        if not tasks:
            return []
        known = {one.unit for one in self._ledger.queued()}
        return [task for task in tasks if task.unit not in known]

    def _write_down(self, times: Sequence[Scheduled], unknown: Sequence[QueuedTask]) -> tuple[list[_Added], bool]:
        """Add the tasks, and keep a journal of them; what came of each, and whether Ctrl-C broke it off."""
        added: list[_Added] = []
        if not times and not unknown:
            return added, False
        last = max([*(one.due_at for one in times), *(task.due_at for task in unknown)])
        journal = Journal(
            self._warehouse, new_backfill_id(), [one.unit for one in times] + [task.unit for task in unknown]
        )
        journal.start()
        stopped = False
        try:
            for task in unknown:
                journal.ended(_written_down(_Added(Scheduled(task.unit, task.due_at), "there")))
            self._add_all(times, journal, added)
        except KeyboardInterrupt:
            stopped = True
        finally:
            if unknown or any(one.state != "refused" for one in added):
                journal.finish("queued", expected_end_at=last + DISPATCH_DEADLINE + TIME_FOR_RETRIES)
            else:
                journal.finish("stopped" if stopped or not added else "failed")
        return added, stopped

    def _add_all(self, times: Sequence[Scheduled], journal: Journal, results: list[_Added]) -> None:
        """Add a task for each, and its result to ``results``, which are there also when it is broken off.

        A name that is taken by a task that has ended: its unit may have been loaded since the warehouse was asked, by
        the task of another command. If not, the next generation is added.
        """
        left = list(times)
        with Progress(console=self._console, disable=not self._console.is_terminal) as bar:
            task = bar.add_task("queueing", total=len(times))

            def seen(added: _Added) -> None:
                if added.state == "gone":
                    return
                results.append(added)
                count = len(results)
                bar.update(task, completed=count)
                if count % LINE_EVERY == 0 and not self._console.is_terminal:
                    self._console.print(f"{count:,} of {len(times):,} are in the queue", highlight=False)
                journal.ended(_written_down(added))

            for generation in range(MOST_GENERATIONS):
                gone = [one.one for one in self._add(left, generation, seen) if one.state == "gone"]
                left = self._still_missing(gone)
                if not left:
                    return
        for one in left:
            seen(_Added(one, "refused", f"it was tried in vain {MOST_GENERATIONS} times within a day: wait until then"))

    def _add(self, times: Sequence[Scheduled], generation: int, seen: Callable[[_Added], None]) -> list[_Added]:
        def add(one: Scheduled) -> _Added:
            try:
                return _Added(one, self._queue.add(self._tenant.name, one.unit, generation, one.due_at))
            except NotQueued as error:
                return _Added(one, "refused", str(error))

        done: list[_Added] = []
        pool = ThreadPoolExecutor(ADDED_AT_ONCE, thread_name_prefix="queueing")
        try:
            pending: set[Future[_Added]] = {pool.submit(add, one) for one in times}
            while pending:
                ended, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in ended:
                    done.append(future.result())
                    seen(done[-1])
        finally:  # Ctrl-C, or the queue is out of reach: what is not begun is left
            pool.shutdown(wait=True, cancel_futures=True)
        return done

    def _still_missing(self, times: Sequence[Scheduled]) -> list[Scheduled]:
        spans = [one.unit.span for one in times if one.unit.span]
        if self._wanted.again or not spans:
            return list(times)
        start, end = min(span.start for span in spans), max(span.end for span in spans)
        complete = self._ledger.complete(self._wanted.sources, start, end)
        return [one for one in times if not is_complete(one.unit, complete)]

    # --- what is said at the end -----------------------------------------------------------------------

    def _say(
        self,
        soon: Sequence[Scheduled],
        refused: Sequence[_Added],
        later: int,
        names: Mapping[str, str],
        *,
        stopped: bool,
    ) -> None:
        say = self._console
        if stopped:
            say.print("Stopped. What is in the queue is called for; the same command adds the rest.")
            return
        queued = len(soon) - len(refused)
        if queued:
            last = max(one.due_at for one in soon)
            say.print(
                f"Queued {queued:,} {'unit' if queued == 1 else 'units'} in {self._queue.name}; the last one is called "
                f"for at {last:%Y-%m-%d %H:%M} UTC. Queued is not loaded: 'backfill_all.py status --target tasks' "
                "follows it, and 'verify' proves it. Nothing runs on this machine any more.",
                soft_wrap=True,
                highlight=False,
            )
        for error in dict.fromkeys(one.error for one in refused):
            same = [one.one.unit for one in refused if one.error == error]
            more = f" and {len(same) - 3} more" if len(same) > 3 else ""
            units = ", ".join(f"{names.get(unit.restaurant_guid, unit.restaurant_guid)}: {unit}" for unit in same[:3])
            say.print(f"✗ not queued: {units}{more}\n  {error}", style="red", markup=False, soft_wrap=True)
        if later:
            say.print(
                f"{later:,} units would be called for in more than {FARTHEST.days} days, and Cloud Tasks keeps no task "
                "for so long: give the same command again then."
            )


def _less(found: Survey, tasks: Sequence[QueuedTask]) -> Survey:
    """A survey to which the business dates that are in the queue count as done, in whatever pieces they are there."""
    done = {key: list(spans) for key, spans in found.complete.items()}
    for task in tasks:
        if task.unit.span is not None:
            done.setdefault((SOURCE_OF[task.unit.function], task.unit.restaurant_guid), []).append(task.unit.span)
    return msgspec.structs.replace(found, complete={key: united(spans) for key, spans in done.items()})


def _last_due(tasks: Sequence[QueuedTask]) -> dict[tuple[str, str], dt.datetime]:
    """By lane, when the last call in the queue is due."""
    last: dict[tuple[str, str], dt.datetime] = {}
    for task in tasks:
        lane = task.unit.restaurant_guid, task.unit.function
        last[lane] = max(task.due_at, last.get(lane, task.due_at))
    return last


def _written_down(added: _Added) -> Ended:
    """A unit that could not be queued has failed: `--failed` picks it up."""
    state: Literal["queued", "failed"] = "failed" if added.state == "refused" else "queued"
    return Ended(added.one.unit, state, 0, 0.0, 0, 0, dt.datetime.now(dt.UTC), added.error)
