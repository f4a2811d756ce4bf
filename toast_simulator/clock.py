"""The simulated time: the machine's clock, moved by an offset. It ticks at real speed."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from email.utils import formatdate


class Clock:
    """Time in Unix milliseconds; ``set`` and ``advance`` move it, backwards too. ``tick`` counts nanoseconds."""

    def __init__(self, start: dt.datetime | None = None, tick: Callable[[], int] = time.time_ns) -> None:
        self._tick = tick
        self._offset = 0
        if start is not None:
            self.set(start)

    def now(self) -> int:
        """The simulated moment in Unix milliseconds."""
        return self._tick() // 1_000_000 + self._offset

    def set(self, moment: dt.datetime) -> None:
        """Let it be ``moment`` now; without a zone it is taken as UTC."""
        aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        self._offset += round(aware.timestamp() * 1000) - self.now()

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds``."""
        self._offset += round(seconds * 1000)

    def http_date(self) -> str:
        """The moment as a Date header says it."""
        return formatdate(self.now() / 1000, usegmt=True)

    def isoformat(self) -> str:
        """The moment as ISO 8601 in UTC."""
        return iso(self.now())


def iso(moment: int) -> str:
    """A moment (Unix ms) as ISO 8601 in UTC with milliseconds and Z."""
    text = dt.datetime.fromtimestamp(moment // 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment % 1000:03}Z"
