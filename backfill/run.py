"""A backfill from its start to its proof: configuration first, then the facts, then the gates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec
from rich.console import Console

from backfill.alarms import Alarms
from backfill.display import LiveTable, PlainLines, Progress, duration
from backfill.journal import Journal, new_backfill_id
from backfill.places import Place, toast_now
from backfill.plan import Conditions, planned, workers_for
from backfill.replies import cause_of
from backfill.runner import RETRY_WAIT, Ended, Listener, Runner
from backfill.survey import Survey, configuration_units, failed_left, survey, units_left
from backfill.tables import print_next
from backfill.targets import ServersGone
from backfill.verification import AFTER_A_RUN, verified
from backfill.work import Wanted
from history.ledger import FailedUnit, Ledger, Running
from history.units import FUNCTION_OF, Unit
from quality.report import print_report
from shared.config import Restaurant, Tenant
from shared.errors import ConfigurationError
from shared.schema import ALL_TABLES, VIEWS

MOST_BACKFILLS = 5
STOPPED = 130
"""The exit code after Ctrl-C."""


class TooManyBackfills(Exception):
    """As many backfills are running as may; the message names them."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a backfill may do at once, and when."""

    workers: int | None = None
    most_backfills: int = MOST_BACKFILLS
    may_start: Callable[[], bool] = lambda: True
    retry_wait: float = RETRY_WAIT


class Result:
    """How a backfill went. A listener of the runner."""

    def __init__(self, all_ended: list[Ended]) -> None:
        self.all = all_ended
        self.stopped = False

    @property
    def failed(self) -> list[Ended]:
        """The units that are not done."""
        return [one for one in self.all if one.state != "done"]

    @property
    def state(self) -> Literal["done", "failed"]:
        """What to write down of it, once all units have ended."""
        return "failed" if self.failed else "done"

    def began(self, unit: Unit) -> None:
        """Nothing to keep."""

    def will_retry(self, unit: Unit, error: str, wait: float) -> None:
        """Nothing to keep."""

    def ended(self, ended: Ended) -> None:
        """Keep it."""
        self.all.append(ended)


class Backfill:
    """One start of the orchestrator: what it works with, and how far it may go."""

    def __init__(
        self,
        place: Place,
        tenant: Tenant,
        restaurants: Sequence[Restaurant],
        wanted: Wanted,
        console: Console,
        *,
        chunk_days: Mapping[str, int],
        limits: Limits,
    ) -> None:
        if place.warehouse is None:
            raise ConfigurationError("GOOGLE_CLOUD_PROJECT is not set; set it to the project that holds the dataset.")
        if place.caller is None:
            raise TypeError("a backfill needs somebody to call the functions")
        self._place = place
        self._warehouse = place.warehouse
        self._caller = place.caller
        self._settings = place.settings
        self._tenant = tenant
        self._restaurants = restaurants
        self._wanted = wanted
        self._console = console
        self._chunk_days = chunk_days
        self._limits = limits
        self._ledger = Ledger(place.warehouse)
        self._id = new_backfill_id()

    def run(self, *, only_failed: bool, with_configuration: bool, with_gates: bool) -> int:
        """Do all of it; the exit code: 0 when all is done and proven, 1 when not, 130 when it was stopped.

        Raises EtlError, TargetFailed, TooManyBackfills or NoFirstDate when it cannot begin.
        """
        self._warehouse.ensure(ALL_TABLES, VIEWS)
        failed = self._ledger.failed() if only_failed else None
        if failed == []:
            self._console.print("No failure is on record: nothing to do again. What was never loaded: run --missing.")
            return 0
        now = toast_now(self._settings)
        others = others_under_way(self._ledger, self._limits.most_backfills)
        configured = True
        if with_configuration:
            guids = [restaurant.guid for restaurant in self._restaurants]
            units = configuration_units(self._tenant, self._restaurants, self._ledger.configured_at(guids), now)
            result = self._do(units, self._survey(now), "configuration")
            if result.stopped:
                return STOPPED
            configured = not result.failed
        found = self._survey(now)
        for note in found.notes:
            self._console.print(note, style="dim", soft_wrap=True)
        units = self._units(found, failed)
        result = self._do(_keeping_clear(units, others, self._console), found, "business dates")
        if result.stopped:
            return STOPPED
        if result.failed or not configured:
            if with_gates:
                self._console.print("Not verified, since not all is loaded.")
            return 1
        if only_failed and not units:
            return 0
        if only_failed:
            self._narrow_to(units)
        if not with_gates:
            return 0
        try:
            return 0 if self._verify(now) else 1
        except KeyboardInterrupt:
            self._console.print("\nAll is loaded, but not verified: 'backfill_all.py verify' does that.")
            return STOPPED

    def _narrow_to(self, units: Sequence[Unit]) -> None:
        """Want no more than some units: what else is missing is not theirs to prove."""
        guids, functions = {unit.restaurant_guid for unit in units}, {unit.function for unit in units}
        self._restaurants = [one for one in self._restaurants if one.guid in guids]
        sources = tuple(source for source in self._wanted.sources if FUNCTION_OF[source] in functions)
        self._wanted = Wanted(sources, tuple(unit.span for unit in units if unit.span))

    def _survey(self, now: dt.datetime) -> Survey:
        return survey(self._tenant, self._restaurants, self._wanted, self._warehouse, now)

    def _units(self, found: Survey, failed: Sequence[FailedUnit] | None) -> list[Unit]:
        """What is left of the wanted dates, or of what failed, where that is what is asked for."""
        if failed is None:
            return units_left(found, self._wanted, self._chunk_days)
        left = failed_left(failed, found, self._wanted.sources, self._chunk_days)
        return [one.unit for one in left]

    def _do(self, units: Sequence[Unit], found: Survey, what: str) -> Result:
        """Do some units, show how it goes, and write it down. Ctrl-C stops it, see `Result.stopped`."""
        if not units:
            self._console.print(f"{what.capitalize()}: nothing is missing.")
            return Result([])
        workers = self._limits.workers or workers_for(units)
        expected = planned(units, found.paces, Conditions(workers)).expected_seconds
        progress = Progress(units, found.names, expected_seconds=expected)
        display = (
            LiveTable(progress, self._console) if self._console.is_terminal else PlainLines(progress, self._console)
        )
        result = Result([])
        journal = Journal(self._warehouse, self._id, units, on_beat=lambda: self._leave_out(runner, units))
        listeners: list[Listener] = [result, progress, journal, Alarms(found.names, display.say)]
        if isinstance(display, PlainLines):
            listeners.append(display)
        runner = Runner(
            self._tenant.name,
            self._caller,
            units,
            listeners,
            workers=workers,
            may_start=self._limits.may_start,
            retry_wait=self._limits.retry_wait,
        )
        journal.start()
        try:
            with display:
                runner.run()
        except KeyboardInterrupt:
            runner.stop()
            result.stopped = True
        except ServersGone:
            journal.lose()
            raise
        finally:
            journal.finish(result.state if len(result.all) == len(units) else "stopped")
        print_result(result, len(units), found.names, progress.elapsed, self._place.words, self._console)
        return result

    def _leave_out(self, runner: Runner, units: Sequence[Unit]) -> None:
        """See what another backfill has done of the same meanwhile."""
        others = [other for other in self._ledger.running() if other.backfill_id != self._id]
        spans = [unit.span for unit in units if unit.span]
        if self._wanted.again or not spans or not any(other.overlaps(units) for other in others):
            return
        start, end = min(span.start for span in spans), max(span.end for span in spans)
        runner.leave_out(self._ledger.complete(self._wanted.sources, start, end))

    def _verify(self, now: dt.datetime) -> bool:
        """Go through the gates, as the warehouse is now, and print the sign-off."""
        report = verified(
            self._place, self._survey(now), self._wanted, AFTER_A_RUN, self._console, backfill_id=self._id
        )
        print_report(report, self._console)
        return report.passed


def others_under_way(ledger: Ledger, most: int) -> list[Running]:
    """The other backfills that are running or queued. Raises TooManyBackfills when there may be no more."""
    others = ledger.running()
    if len(others) < most:
        return others
    names = ", ".join(other.backfill_id for other in others)
    raise TooManyBackfills(
        f"{len(others)} backfills are under way ({names}), and no more than {most} may be: wait for one to end, or "
        "raise --most-backfills. One that was killed on another machine counts for 15 minutes more."
    )


def _keeping_clear(units: Sequence[Unit], others: Sequence[Running], console: Console) -> list[Unit]:
    """In the order of dates; from the other end where another backfill is at the same: they meet in the middle."""
    same = [other for other in others if other.overlaps(units)]
    if not same:
        return list(units)
    console.print(
        f"{same[0].backfill_id} is filling some of the same days: this one begins at the other end, and leaves out "
        "what the other has done.",
        soft_wrap=True,
    )
    return list(reversed(units))


def print_result(
    result: Result, units: int, names: Mapping[str, str], seconds: float, place: str, console: Console
) -> None:
    """What was done, what failed and why, and what to type next, with the options that say where."""
    done = len(result.all) - len(result.failed)
    rows, pages = sum(one.rows for one in result.all), sum(one.pages for one in result.all)
    verb = "Stopped" if result.stopped else "Ended"
    console.print(
        f"{verb} after {duration(seconds)}: {done:,} of {units:,} units done, {rows:,} rows from {pages:,} pages."
    )
    by_cause: dict[tuple[str, str], list[Ended]] = {}
    for one in result.failed:
        if one.state == "failed":
            by_cause.setdefault((one.unit.restaurant_guid, cause_of(one.error)), []).append(one)
    for (guid, _), ended in by_cause.items():
        error = ended[-1].error
        spans = ", ".join(str(one.unit) for one in ended[:3])
        more = f" and {len(ended) - 3} more" if len(ended) > 3 else ""
        console.print(f"✗ {names.get(guid, guid)}: {spans}{more}\n  {error}", style="red", markup=False, soft_wrap=True)
    if skipped := sum(one.state == "skipped" for one in result.failed):
        console.print(f"{skipped} more were left out after failures in a row of the same restaurant and function.")
    if result.stopped:
        console.print("The same command goes on from here. Deployed functions end the calls that were under way.")
    elif result.failed:
        print_next(place, console)


def within(hours: tuple[dt.time, dt.time] | None, zone: dt.tzinfo | None = None) -> Callable[[], bool]:
    """Whether it is off-peak now: between two times of day, over midnight too; always, without hours."""
    if hours is None:
        return lambda: True
    start, end = hours

    def now_is_between() -> bool:
        now = dt.datetime.now(zone).time()
        return start <= now < end if start < end else now >= start or now < end

    return now_is_between
