"""Toast's clock, read from the Date headers of its replies.

Everything that asks "what time is it" asks Toast, so that a rate limit's Reset is waited for exactly
and a simulated clock moves the whole program. A Date header is whole seconds, but each reply bounds
how far Toast's clock is from ours, and the bounds of several replies narrow each other down.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime

# Two quartz clocks drift apart by at most about this much; old bounds widen by it, so they never turn false.
_DRIFT = 1e-4
# Some servers write the Date header from a value that they refresh once a second: it can be that stale.
# A contradiction below this is such a server; above it, the clock was set.
_NOISE_SECONDS = 2.0
# ... unless nothing but contradictions comes any more.
_MOST_CONTRADICTIONS = 20


class ServerClock:
    """An estimate of a server's clock, in UNIX seconds, as an offset to the monotonic clock. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        # Toast's clock = monotonic + offset, with _lower <= offset <= _upper; nothing known yet.
        self._lower = -math.inf
        self._upper = math.inf
        self._observed = -math.inf
        self._set_at = -math.inf
        self._contradictions = 0
        self.jumps = 0
        """How often the clock was seen to be set; what was computed from an earlier setting is void."""

    @property
    def known(self) -> bool:
        """Whether any reply with a Date header has come yet."""
        return self._lower > -math.inf

    def observe(self, date: str | None, sent: float, received: float) -> None:
        """Learn from a reply's Date header; ``sent`` and ``received`` are moments of the monotonic clock.

        At some moment between the two, Toast's clock stood between Date and Date + 1 s. A header that
        is missing or no date teaches nothing.
        """
        seconds = unix_seconds(date)
        if seconds is None:
            return
        lower, upper = seconds - received, seconds + 1.0 - sent
        with self._lock:
            if sent < self._set_at:
                return  # asked before the clock was set: tells of the old setting
            self._widen(received)
            if lower <= self._upper and upper >= self._lower:
                self._lower, self._upper = max(lower, self._lower), min(upper, self._upper)
                self._contradictions = 0
            else:
                self._contradict(lower, upper, sent)

    def at_least(self, moment: float | None = None) -> float:
        """Toast's clock at a monotonic moment (default: now), in UNIX seconds, rather behind than ahead."""
        return (self._monotonic() if moment is None else moment) + self._lower

    def moment_of(self, unix_seconds: float) -> float:
        """The monotonic moment at which Toast's clock has surely reached ``unix_seconds``."""
        return unix_seconds - self._lower

    def now(self) -> dt.datetime:
        """Toast's clock as an aware UTC datetime; never ahead of it, behind it by a second at the most."""
        return dt.datetime.fromtimestamp(self.at_least(), tz=dt.UTC)

    def _widen(self, received: float) -> None:
        if received > self._observed:
            drift = (received - self._observed) * _DRIFT if self.known else 0.0
            self._lower -= drift
            self._upper += drift
            self._observed = received

    def _contradict(self, lower: float, upper: float, sent: float) -> None:
        self._contradictions += 1
        gap = max(lower - self._upper, self._lower - upper)
        if gap >= _NOISE_SECONDS or self._contradictions >= _MOST_CONTRADICTIONS:
            self._lower, self._upper, self._set_at = lower, upper, sent
            self._contradictions = 0
            self.jumps += 1
        elif lower > self._upper:
            # A stale Date is never ahead: of two that disagree a little, the later time is the true one.
            self._lower, self._upper = lower, upper


@functools.lru_cache(maxsize=8)
def unix_seconds(date: str | None) -> float | None:
    """A Date header as UNIX seconds; None when it is missing or no date."""
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return None
