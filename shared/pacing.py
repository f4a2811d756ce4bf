"""The pace of requests: never more than Toast's limits allow, and never much less.

Toast counts requests per client and location (global, per API, per endpoint) in fixed wall-clock
slices, and says on every reply how many are left of the limit nearest exhaustion and when its slice
ends (developer guide, "API rate limits"). The pace here has five parts, from coarse to fine:

- a steady interval per endpoint and location, from the published limits;
- what a reply allows: after "Remaining 3 until Reset", three more may be in flight. The least that a reply
  named counts, and each request without a reply is taken for one that Toast has not counted yet: so replies
  that overtake each other neither raise what is left nor, once all are in, lower it;
- a forecast for the seconds of a new slice before its first reply: as many as the last slices allowed;
- a share of a location's global limit in each of its slices, where other processes use up the rest;
- a 429 closes the limit that it names, for everybody, until Toast says to come back.

So the published numbers need not be right: a server that allows less is followed by its headers.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from shared.config import RateProfile
from shared.server_clock import ServerClock
from shared.toast_endpoints import GLOBAL_PER_SECOND, GLOBAL_QUOTA, GLOBAL_QUOTA_SECONDS, Endpoint

# Longest single sleep: a waiter looks again this often whether the clock was set or its time is up.
_LONGEST_NAP = 0.25
# How often a waiter looks whether a reply has come that it waits for.
_POLL = 0.01
# A forecast whose end nobody knows yet binds no longer than this, should no reply come.
_FORECAST_SECONDS = 5.0
# Up to so many intervals that passed unused (woken late, held until Reset) are made up for. Toast counts by
# slice, not by spacing, so this stays within its limits, and without it every hold would lower the rate.
_CATCH_UP = 2.0


class WaitTooLong(Exception):
    """The next request may start only after the deadline; ``seconds`` from now, as far as is known."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"since Toast's rate limit asks to wait {seconds:.1f} s")


class Limits(NamedTuple):
    """What a reply's rate-limit headers say; ``reset`` in UNIX seconds on Toast's clock."""

    by: str
    remaining: int
    reset: float

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Limits | None:
        """Read the headers; None when they are missing (a login reply) or make no sense."""
        try:
            remaining = int(headers["X-Toast-RateLimit-Remaining"])
            reset = float(headers["X-Toast-RateLimit-Reset"])
        except (KeyError, ValueError):
            return None
        if not math.isfinite(reset):
            return None
        return cls(headers.get("X-Toast-RateLimit-By", "ENDPOINT").upper(), max(remaining, 0), reset)


class _Allowance(NamedTuple):
    """Until ``reset`` so many requests may be in flight; never binds past ``expires`` (monotonic)."""

    remaining: int
    reset: float
    expires: float
    forecast: bool = False

    def ends(self, clock: ServerClock) -> float:
        return min(self.expires, clock.moment_of(self.reset))


class _Gate:
    """One limit of Toast's: what passed it, and when the next may. Guarded by the pacer's lock."""

    def __init__(self, clock: ServerClock, interval: float = 0.0, catch_up: float = 0.0) -> None:
        self.clock = clock
        self.interval = interval
        self.catch_up = catch_up
        self.in_flight = 0
        self.next_slot = -math.inf
        self.closed_until = -math.inf
        self.allowances: dict[float, _Allowance] = {}
        # What the reports so far say about this limit's slices, for the forecast.
        self.limit: int | None = None
        self.slice_seconds: float | None = None
        self.last_reset: float | None = None
        self.jumps = clock.jumps

    def wait(self, now: float) -> float:
        """Seconds until the next request may pass; 0 or less: now."""
        self._renew_allowances(now)
        wait = max(self.next_slot, self.closed_until) - now
        for allowance in self.allowances.values():
            if self.in_flight >= allowance.remaining:
                undecided = allowance.reset == math.inf or allowance.remaining > 0  # the next reply may tell more
                wait = max(wait, _POLL if undecided else allowance.ends(self.clock) - now)
        return wait

    def passed(self, now: float) -> None:
        """Let one request through."""
        self.in_flight += 1
        # Only where replies report this limit: then they, and the forecast, see to it that none is exceeded.
        catch_up = self.catch_up if self.limit is not None else 0.0
        self.next_slot = max(self.next_slot, now - catch_up) + self.interval

    def landed(self, reset: float | None) -> None:
        """One request less is in flight. Its reply told of the slice that ends at ``reset``, or of none of this limit.

        Where it told nothing, the request is taken for one that was counted.
        """
        self.in_flight -= 1
        for allowance in list(self.allowances.values()):
            if allowance.reset != reset and (reset is None or not allowance.forecast):
                self.allowances[allowance.reset] = allowance._replace(remaining=allowance.remaining - 1)

    def report(self, limits: Limits, expires: float, now: float) -> None:
        """Take in what a reply says."""
        self.limit = max(self.limit or 0, limits.remaining + 1)
        if self.last_reset is not None and limits.reset != self.last_reset:
            self.slice_seconds = min(self.slice_seconds or math.inf, abs(limits.reset - self.last_reset))
        if limits.reset > (self.last_reset or 0.0):
            self.last_reset = limits.reset
            self.allowances.pop(math.inf, None)
        if self.clock.moment_of(limits.reset) <= now:
            return  # a slow reply, from a slice that is over
        remaining, known = limits.remaining, self.allowances.get(limits.reset)
        if known is not None and not known.forecast:
            remaining = min(remaining, known.remaining)
        self.allowances[limits.reset] = _Allowance(remaining, limits.reset, expires)

    def close(self, until: float) -> None:
        """Let nothing pass before the monotonic moment ``until``."""
        self.closed_until = max(self.closed_until, until)
        if self.limit is not None:
            self.limit = max(1, self.limit // 2)  # it was too hopeful; the next reports raise it again

    def _renew_allowances(self, now: float) -> None:
        if self.jumps != self.clock.jumps:
            self.jumps, self.last_reset = self.clock.jumps, None
            self.allowances.clear()
        for reset in [reset for reset, one in self.allowances.items() if one.ends(self.clock) <= now]:
            del self.allowances[reset]
        if not self.allowances and self.limit is not None and self.last_reset is not None:
            forecast = self._forecast(now, self.limit, self.last_reset)
            self.allowances[forecast.reset] = forecast

    def _forecast(self, now: float, limit: int, last_reset: float) -> _Allowance:
        if self.slice_seconds is None:
            return _Allowance(limit, math.inf, now + _FORECAST_SECONDS, forecast=True)
        over = (self.clock.at_least(now) - last_reset) / self.slice_seconds
        reset = last_reset + max(1, math.floor(over) + 1) * self.slice_seconds
        return _Allowance(limit, reset, now + self.slice_seconds + 1.0, forecast=True)


class _Quota:
    """A count of one location's requests in Toast's quarter-hour slices. Guarded by the pacer's lock."""

    def __init__(self, clock: ServerClock) -> None:
        self._clock = clock
        self._slice = -1
        self._sent = 0

    def wait(self, now: float) -> float:
        """Seconds until the next request fits in; 0 or less: now."""
        if not self._clock.known:
            return 0.0
        current = int(self._clock.at_least(now) // GLOBAL_QUOTA_SECONDS)
        if current != self._slice:
            self._slice, self._sent = current, 0
        if self._sent < GLOBAL_QUOTA:
            return 0.0
        return self._clock.moment_of((current + 1) * GLOBAL_QUOTA_SECONDS) - now

    def passed(self) -> None:
        """Count one request."""
        self._sent += 1


class _Share:
    """The part of a location's global limit that is this client's; other processes use the rest.

    So many requests in a slice, of which replies tell the end. Guarded by the pacer's lock.
    """

    def __init__(self, clock: ServerClock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._in_flight = 0
        self._spent = 0
        self._ends: float | None = None
        self._slice_seconds = math.inf
        self._last = -math.inf
        self._joining = True
        """Whether it was silent for a slice or longer: then one request goes ahead."""
        self._jumps = clock.jumps

    def wait(self, now: float) -> float:
        """Seconds until the next request is within the share; 0 or less: now."""
        if self._jumps != self._clock.jumps:
            self._jumps, self._ends, self._joining = self._clock.jumps, None, True
        left = self._clock.moment_of(self._ends) - now if self._ends is not None else 0.0
        if left <= 0:
            self._spent = 0
        if not self._in_flight and now - self._last > self._slice_seconds:
            self._joining = True
        if self._in_flight + self._spent < (1 if self._joining else self._most):
            return 0.0
        return _POLL if self._in_flight else left

    def passed(self, now: float) -> None:
        """Let one request through."""
        self._in_flight += 1
        self._last = now

    def landed(self, limits: Limits | None) -> None:
        """One request less is in flight; ``limits`` where its reply told of this limit.

        Where it did not, the request is taken for one that was counted in the slice that is.
        """
        self._in_flight -= 1
        if limits is not None and (self._ends is None or limits.reset > self._ends):
            self._begin(limits)
        if limits is None or limits.reset == self._ends:
            self._spent += 1
        self._joining = False

    def _begin(self, limits: Limits) -> None:
        """A reply tells of a new slice."""
        if self._ends is not None:
            self._slice_seconds = min(self._slice_seconds, limits.reset - self._ends)
        self._ends, self._spent = limits.reset, 0
        if self._joining:
            # Somebody may have used it who is silent now. Of what was left, as large a part as the share is of
            # the whole: then there is enough for all who join.
            left = min(limits.remaining + 1, GLOBAL_PER_SECOND)
            self._spent = self._most - left * self._most // GLOBAL_PER_SECOND


class Line:
    """Where the requests for one location and endpoint queue: one at a time watches the clock, the rest wait.

    Who was admitted is given it, to say what came of the request.
    """

    def __init__(self, gates: dict[str, _Gate], quota: _Quota, share: _Share) -> None:
        self.turnstile = threading.Lock()
        self.gates = gates
        self.quota = quota
        self.share = share
        self.answered = False

    def wait(self, now: float) -> float:
        """Seconds until the next request may go; 0 or less: now."""
        if not self.answered and self.gates[_ENDPOINT].in_flight:
            return _POLL  # the first goes alone: its reply tells what this server allows
        return max(self.quota.wait(now), self.share.wait(now), max(gate.wait(now) for gate in self.gates.values()))

    def passed(self, now: float) -> None:
        """Let one request through."""
        self.quota.passed()
        self.share.passed(now)
        for gate in self.gates.values():
            gate.passed(now)

    def landed(self, limits: Limits | None) -> None:
        """One request less is in flight; ``limits`` are what its reply tells of one of the gates."""
        self.answered = True
        told = self.gate_of(limits)
        self.share.landed(limits if told is self.gates[_GLOBAL] else None)
        for gate in self.gates.values():
            gate.landed(limits.reset if limits and gate is told else None)

    def gate_of(self, limits: Limits | None) -> _Gate:
        """The gate that a reply names; the endpoint's own if it names none."""
        return self.gates[_level(limits.by if limits else _ENDPOINT)]


# The levels at which Toast counts, in the words of X-Toast-RateLimit-By. An account's limits count over
# all its locations; only very large accounts have any, so nothing is assumed about them but what replies say.
_ENDPOINT, _API, _GLOBAL = "ENDPOINT", "API", "GLOBAL"
_ACCOUNT = ", ACCOUNT"


def _level(by: str) -> str:
    """The level that a header names; an unknown word is taken for the endpoint's own limit."""
    words = {word.strip() for word in by.split(",")}
    level = next((known for known in (_GLOBAL, _API) if known in words), _ENDPOINT)
    return level + _ACCOUNT if "ACCOUNT" in words else level


class Pacer:
    """Paces the requests of one client, over all its locations and threads."""

    def __init__(
        self,
        clock: ServerClock,
        profile: RateProfile,
        *,
        share: int = GLOBAL_PER_SECOND,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``share``: of the requests that Toast allows a location in a second, how many are this client's."""
        self._clock = clock
        self._profile: RateProfile = profile
        self._share = share
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._gates: dict[tuple[str, str], _Gate] = {}
        self._quotas: dict[str, _Quota] = {}
        self._shares: dict[str, _Share] = {}
        self._lines: dict[tuple[str, str], Line] = {}

    def admit(
        self,
        location: str,
        endpoint: Endpoint,
        *,
        deadline: float | None = None,
    ) -> Line:
        """Wait until a request may go, and let it go.

        Raises WaitTooLong as soon as that is known to be after ``deadline`` (monotonic).
        """
        line = self._line(location, endpoint)
        while not line.turnstile.acquire(timeout=_LONGEST_NAP):
            self._check(0.0, deadline)
        try:
            while (wait := self._try(line)) > 0:
                self._check(wait, deadline)
                self._sleep(min(wait, _LONGEST_NAP))
        finally:
            line.turnstile.release()
        return line

    def answered(self, line: Line, limits: Limits | None, date: float | None) -> None:
        """Take in a reply's rate-limit headers, or None: a reply without them, or no reply at all.

        ``date`` is the reply's Date in UNIX seconds: what it says binds no longer than until Reset as
        seen from that Date, however the clock is set meanwhile.
        """
        now = self._monotonic()
        with self._lock:
            line.landed(limits)
            if limits is not None:
                lasts = limits.reset - date if date is not None else GLOBAL_QUOTA_SECONDS
                line.gate_of(limits).report(limits, now + max(lasts, 0.0) + 1.0, now)

    def close(self, line: Line, limits: Limits | None, seconds: float) -> None:
        """Close the limit that a 429 names (the endpoint's if it names none) for so many seconds."""
        until = self._monotonic() + seconds
        with self._lock:
            line.gate_of(limits).close(until)

    def _try(self, line: Line) -> float:
        """Let a request through if it may go: 0 or less; else the seconds to wait."""
        now = self._monotonic()
        with self._lock:
            wait = line.wait(now)
            if wait <= 0:
                line.passed(now)
            return wait

    def _check(self, wait: float, deadline: float | None) -> None:
        if deadline is not None and self._monotonic() + wait > deadline:
            raise WaitTooLong(wait)

    def _line(self, location: str, endpoint: Endpoint) -> Line:
        key = (location, endpoint.name)
        with self._lock:
            line = self._lines.get(key)
            if line is None:
                quota = self._quotas.setdefault(location, _Quota(self._clock))
                share = self._shares.setdefault(location, _Share(self._clock, self._share))
                line = self._lines[key] = Line(self._gates_of(location, endpoint), quota, share)
            return line

    def _gates_of(self, location: str, endpoint: Endpoint) -> dict[str, _Gate]:
        names = {_ENDPOINT: endpoint.name, _API: endpoint.api, _GLOBAL: ""}
        gates = {}
        for level, name in names.items():
            gates[level] = self._gate(location, level + name, self._interval(level, endpoint))
            gates[level + _ACCOUNT] = self._gate("", level + name, 0.0)
        return gates

    def _interval(self, level: str, endpoint: Endpoint) -> float:
        if level == _ENDPOINT:
            return endpoint.interval_for(self._profile)
        return 1 / self._share if level == _GLOBAL else 0.0

    def _gate(self, location: str, name: str, interval: float) -> _Gate:
        # Who asks for twelve seconds between two calls gets no less.
        catch_up = interval * _CATCH_UP if self._profile == "documented" else 0.0
        return self._gates.setdefault((location, name), _Gate(self._clock, interval, catch_up))
