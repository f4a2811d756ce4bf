"""Toast's rate limits (developer guide, "Rate limiting"): counted in fixed slices of wall-clock time.

Each client has each limit for each location. A slice of one second is 09:00:00 to 09:00:01, not the last
second. ``scale`` below 1 slows all limits by stretching their slices: at 0.2, five requests per five seconds.
"""

from __future__ import annotations

import math

import msgspec

from toast_simulator.clock import Clock


class Limit(msgspec.Struct, frozen=True):
    """At most ``requests`` in a slice of ``seconds``; ``by`` is the name in the header."""

    by: str
    requests: int
    seconds: int


SECOND_LIMIT, QUARTER_LIMIT = 20, 10_000
_DEFAULTS = (
    Limit("GLOBAL", SECOND_LIMIT, 1),
    Limit("GLOBAL", QUARTER_LIMIT, 900),
    Limit("API", SECOND_LIMIT, 1),
    Limit("API", QUARTER_LIMIT, 900),
)


class Verdict(msgspec.Struct, frozen=True):
    """Whether a request may go on, and the limit nearest exhaustion; ``reset`` in Unix seconds."""

    allowed: bool
    by: str
    remaining: int
    reset: int
    retry_after: int

    def headers(self) -> dict[str, str]:
        """The headers that tell the client."""
        told = {
            "X-Toast-RateLimit-By": self.by,
            "X-Toast-RateLimit-Remaining": str(self.remaining),
            "X-Toast-RateLimit-Reset": str(self.reset),
        }
        return told if self.allowed else {**told, "Retry-After": str(self.retry_after)}


class RateLimits:
    """Counts requests. A refused request is not counted (a guess; Toast does not say)."""

    def __init__(self, clock: Clock, scale: float = 1.0, *, enforced: bool = True) -> None:
        self._clock = clock
        self._scale = scale
        self._enforced = enforced
        self._used: dict[tuple[str, str, str, int], tuple[int, int]] = {}

    def take(self, caller: str, api: str, endpoint: str, endpoint_per_second: int | None) -> Verdict:
        """Count one request of ``caller`` (client and location) to an endpoint that may have its own limit."""
        now = self._clock.now() / 1000
        if not self._enforced:
            return Verdict(True, "GLOBAL", QUARTER_LIMIT, math.ceil(now) + 1, 0)
        limits = list(_DEFAULTS)
        if endpoint_per_second is not None:
            limits.append(Limit("ENDPOINT", endpoint_per_second, 1))
        scopes = {"GLOBAL": "", "API": api, "ENDPOINT": endpoint}
        slices = [(limit, (caller, limit.by, scopes[limit.by], limit.seconds)) for limit in limits]
        states = [(limit, key, *self._state(limit, key, now)) for limit, key in slices]
        spent = next((state for state in states if state[3] >= state[0].requests), None)
        if spent is None:
            for _, key, number, used in states:
                self._used[key] = (number, used + 1)
        # Of equals the first: global comes before API before endpoint.
        limit, _, number, used = spent or min(states, key=lambda state: state[0].requests - state[3])
        reset = math.ceil((number + 1) * limit.seconds / self._scale)
        remaining = limit.requests - used - (spent is None)
        return Verdict(spent is None, limit.by, remaining, reset, max(1, math.ceil(reset - now)))

    def _state(self, limit: Limit, key: tuple[str, str, str, int], now: float) -> tuple[int, int]:
        """The number of the current slice, and how many requests it has had."""
        number = int(now * self._scale // limit.seconds)
        seen, used = self._used.get(key, (number, 0))
        return number, used if seen == number else 0
