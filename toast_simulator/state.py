"""What the parts of the simulator share: the world, the clock, and the bookkeeping of requests."""

from __future__ import annotations

from collections import Counter

import msgspec

from toast_simulator.clock import Clock
from toast_simulator.faults import Faults
from toast_simulator.guesses import Guesses
from toast_simulator.limits import RateLimits
from toast_simulator.tokens import Tokens
from toast_simulator.world.world import World


class RequestCounts:
    """How many API requests there were, by path and by status."""

    def __init__(self) -> None:
        self.total = 0
        self.logins = 0
        self.by_path: Counter[str] = Counter()
        self.by_status: Counter[int] = Counter()

    def count(self, path: str, status: int, *, login: bool) -> None:
        """Count one; ``status`` is 0 when the connection was cut without a reply."""
        self.total += 1
        self.logins += login
        self.by_path[path] += 1
        self.by_status[status] += 1


class Simulator(msgspec.Struct, kw_only=True):
    """One running simulator. ``latency`` in seconds."""

    world: World
    clock: Clock
    guesses: Guesses
    limits: RateLimits
    tokens: Tokens
    faults: Faults
    latency: float = 0.0
    counts: RequestCounts = msgspec.field(default_factory=RequestCounts)
