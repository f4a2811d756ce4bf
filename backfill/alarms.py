"""What a person should hear of while a backfill is running, not at its end."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from backfill.runner import GIVE_UP_AFTER, Ended
from history.units import Unit

LOWEST_SUCCESS_RATE = 0.9
# A rate over fewer units says nothing.
UNITS_FOR_A_RATE = 10
LONGEST_RUN_SECONDS = 20 * 3600.0


class Alarms:
    """Watches a run and calls ``say`` once for each thing that is worth an alarm. A listener of the runner.

    Failures in a row of one restaurant; a low share of successes; a run that takes too long.
    """

    def __init__(
        self, names: Mapping[str, str], say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._names = names
        self._say = say
        self._clock = clock
        self._began = clock()
        self._in_a_row: Counter[str] = Counter()
        self._count: Counter[str] = Counter()
        self._said: defaultdict[str, bool] = defaultdict(bool)
        self._lock = threading.Lock()

    def began(self, unit: Unit) -> None:
        """Look at the clock."""
        self.look()

    def will_retry(self, unit: Unit, error: str, wait: float) -> None:
        """No alarm yet: it may succeed."""

    def ended(self, ended: Ended) -> None:
        """Count it."""
        if ended.state == "skipped":
            return  # only follows from others
        guid = ended.unit.restaurant_guid
        with self._lock:
            self._count[ended.state] += 1
            self._in_a_row[guid] = self._in_a_row[guid] + 1 if ended.state == "failed" else 0
            failures, tried, failed = self._in_a_row[guid], self._count.total(), self._count["failed"]
        if failures == GIVE_UP_AFTER:
            name = self._names.get(guid, guid)
            self._once(f"row {guid}", f"{name}: {failures} failures in a row, the last: {ended.error}")
        if tried >= UNITS_FOR_A_RATE and tried - failed < LOWEST_SUCCESS_RATE * tried:
            self._once("rate", f"only {tried - failed} of {tried} units succeeded so far")
        self.look()

    def look(self) -> None:
        """See whether it takes too long."""
        if self._clock() - self._began > LONGEST_RUN_SECONDS:
            hours = LONGEST_RUN_SECONDS / 3600
            self._once("long", f"running for more than {hours:.0f} hours; 'backfill_all.py status' shows what is slow")

    def _once(self, what: str, message: str) -> None:
        with self._lock:
            if self._said[what]:
                return
            self._said[what] = True
        self._say(message)
