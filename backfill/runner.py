"""Doing the work: units in lanes, lanes over workers, a failure kept to what it concerns.

A lane is one restaurant and one function. Its units go one after the other; lanes go side by side, and a free
worker takes the next unit of the lane that has most left to do. A unit that fails for now is tried again after
a while, and its lane waits for it, but no worker does.
"""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Literal, Protocol

import msgspec

from backfill.replies import Verdict, judge
from backfill.targets import Caller
from backfill.work import by_lane, is_complete
from history.units import Complete, Unit

TRIES = 3
# Seconds before the second try, and how much longer each further one waits. A function that gives up has tried
# Toast for two minutes itself.
RETRY_WAIT = 10.0
RETRY_FACTOR = 6.0
# So many units of a lane that fail one after the other speak for all that are left of it.
GIVE_UP_AFTER = 3
# A reply that says "go on" for ever comes to an end: so many continuations of one unit.
MOST_CALLS = 40

_NAP = 0.2


class Ended(msgspec.Struct, frozen=True):
    """How one unit ended."""

    unit: Unit
    state: Literal["done", "failed", "skipped", "queued"]
    attempts: int
    seconds: float
    """That its calls took, without the waits in between."""
    pages: int
    rows: int
    ended_at: dt.datetime
    error: str = ""


class Listener(Protocol):
    """Hears what happens, from any worker's thread; must be quick."""

    def began(self, unit: Unit) -> None:
        """A call for the unit is on its way."""

    def will_retry(self, unit: Unit, error: str, wait: float) -> None:
        """It failed for now; it is tried again after so many seconds."""

    def ended(self, ended: Ended) -> None:
        """It is done, has failed for good, or was left out since others of its lane had failed."""


class _Lane:
    """The units of one restaurant and function; used by one worker at a time."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = deque(units)
        self.ready_at = 0.0
        self.busy = False
        self.failures = 0
        """Units that failed for good, one after the other."""
        self.left = sum(unit.span.days if unit.span else 1 for unit in units)
        self.began_again()

    def began_again(self) -> None:
        """Forget what the first unit has been through, for the next."""
        self.tries = 0
        self.calls = 0
        self.seconds = 0.0
        self.pages = 0
        self.rows = 0
        self.start: dt.date | None = None


class Runner:
    """Does units of work with some workers until each has ended, or `stop` is called."""

    def __init__(
        self,
        tenant: str,
        caller: Caller,
        units: Sequence[Unit],
        listeners: Collection[Listener],
        *,
        workers: int,
        may_start: Callable[[], bool] = lambda: True,
        retry_wait: float = RETRY_WAIT,
    ) -> None:
        self._tenant = tenant
        self._caller = caller
        self._listeners = tuple(listeners)
        self._workers = workers
        self._may_start = may_start
        self._retry_wait = retry_wait
        self._lanes = [_Lane(own) for own in by_lane(units).values()]
        self._lock = threading.Condition()
        self._stopped = False
        self._broken: BaseException | None = None

    def run(self) -> None:
        """Work until every unit has ended or `stop` was called; calls under way are not waited for then.

        Raises what a worker could not deal with (TargetFailed, say), after stopping the others.
        """
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._workers)]
        for thread in threads:
            thread.start()
        with self._lock:
            while not self._stopped and any(lane.units for lane in self._lanes):
                self._lock.wait(_NAP)
        if self._broken is not None:
            raise self._broken

    def stop(self) -> None:
        """Begin nothing more."""
        with self._lock:
            self._stopped = True
            self._lock.notify_all()

    def leave_out(self, complete: Complete) -> None:
        """Leave out the units whose every date is complete meanwhile: somebody else has done them."""
        dropped: list[Unit] = []
        with self._lock:
            for lane in self._lanes:
                first = lane.units[0] if lane.busy and lane.units else None
                done = [unit for unit in lane.units if unit is not first and is_complete(unit, complete)]
                lane.units = deque(unit for unit in lane.units if unit not in done)
                dropped += done
            self._lock.notify_all()
        for unit in dropped:
            self._tell_end(Ended(unit, "done", 0, 0.0, 0, 0, dt.datetime.now(dt.UTC)))

    # --- workers -------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while (lane := self._next()) is not None:
                self._attempt(lane)
        except BaseException as error:
            self._broken = error
            self.stop()

    def _next(self) -> _Lane | None:
        """The lane to go on with; waits for one, None when there is nothing left."""
        with self._lock:
            while not self._stopped and any(lane.units for lane in self._lanes):
                now = time.monotonic()
                ready = [lane for lane in self._lanes if lane.units and not lane.busy and lane.ready_at <= now]
                if ready and self._may_start():
                    lane = max(ready, key=lambda lane: lane.left)
                    lane.busy = True
                    return lane
                self._lock.wait(_NAP)
        return None

    def _attempt(self, lane: _Lane) -> None:
        """Call for the first unit of a lane once, and do as the reply says."""
        unit = lane.units[0]
        for listener in self._listeners:
            listener.began(unit)
        began = time.monotonic()
        verdict = judge(unit, self._caller.call(unit.function, unit.body(self._tenant, lane.start)))
        lane.seconds += time.monotonic() - began
        lane.pages += verdict.pages
        lane.rows += verdict.rows
        lane.calls += 1
        self._follow(lane, unit, verdict)
        with self._lock:
            lane.busy = False
            self._lock.notify_all()

    def _follow(self, lane: _Lane, unit: Unit, verdict: Verdict) -> None:
        if verdict.outcome == "done":
            lane.failures = 0
            self._end(lane, unit, "done")
            return
        progress = verdict.resume_from is not None and verdict.resume_from > (lane.start or dt.date.min)
        if progress and lane.calls < MOST_CALLS:
            lane.start, lane.tries = verdict.resume_from, 0
            wait = min(verdict.wait, self._retry_wait)
        else:
            lane.tries += 1
            if verdict.outcome == "failed" or lane.tries >= TRIES:
                self._fail(lane, unit, verdict.error)
                return
            backoff = self._retry_wait * RETRY_FACTOR ** (lane.tries - 1)
            wait = max(verdict.wait, backoff * random.uniform(0.8, 1.2))  # noqa: S311
        lane.ready_at = time.monotonic() + wait
        for listener in self._listeners:
            listener.will_retry(unit, verdict.error, wait)

    def _fail(self, lane: _Lane, unit: Unit, error: str) -> None:
        self._end(lane, unit, "failed", error)
        lane.failures += 1
        if lane.failures >= GIVE_UP_AFTER:
            why = f"left out after {lane.failures} failures in a row, the last: {error}"
            while lane.units:
                self._end(lane, lane.units[0], "skipped", why)

    def _end(self, lane: _Lane, unit: Unit, state: Literal["done", "failed", "skipped"], error: str = "") -> None:
        now = dt.datetime.now(dt.UTC)
        ended = Ended(unit, state, lane.calls, round(lane.seconds, 3), lane.pages, lane.rows, now, error)
        with self._lock:
            lane.units.popleft()
            lane.left -= unit.span.days if unit.span else 1
            lane.began_again()
        self._tell_end(ended)

    def _tell_end(self, ended: Ended) -> None:
        for listener in self._listeners:
            listener.ended(ended)
