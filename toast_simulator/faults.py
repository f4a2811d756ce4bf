"""Faults that a test asks for: how often they strike, where, and what they do."""

from __future__ import annotations

from random import Random
from typing import Literal

import msgspec

Kind = Literal[
    "status_429",
    "status_5xx",
    "delay",
    "cut_connection",
    "truncated_body",
    "expired_token",
    "edit_while_paging",
    "publish_while_paging",
    "forbidden",
    "drift",
]


class FaultRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault as it is asked for. ``times`` or ``rate``, not both; neither means once."""

    kind: Kind
    status: Literal[500, 501, 502, 503, 504] = 503
    seconds: float = 1.0
    variant: Literal["json", "connection"] = "json"
    field: str = "futureField"
    value: str | int | None = "FUTURE_VALUE"
    times: int | None = None
    rate: float | None = None
    path: str = ""
    restaurant_guid: str | None = None
    after: int = 0

    def __post_init__(self) -> None:
        if self.times is not None and self.rate is not None:
            raise ValueError("give times or rate, not both")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise ValueError("rate must be from 0 to 1")
        if self.seconds < 0 or self.after < 0:
            raise ValueError("seconds and after must not be negative")
        if not all(self.field.split(".")):
            raise ValueError("field must be a name, or names divided by dots")


class Fault(msgspec.Struct, kw_only=True):
    """A fault at work: what was asked for, how many requests matched, how often it struck."""

    asked: FaultRequest
    matched: int = 0
    struck: int = 0


class Faults:
    """The faults at work. Which requests a rate hits is a function of the seed and the requests so far."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - chooses which test requests fail
        self.active: list[Fault] = []

    def add(self, asked: FaultRequest) -> None:
        """Let a fault strike from now on."""
        self.active.append(Fault(asked=asked))

    def clear(self) -> None:
        """End all faults."""
        self.active.clear()

    def strike(self, path: str, location: str | None, kinds: tuple[Kind, ...]) -> FaultRequest | None:
        """The fault, of the given kinds, that strikes a request; None mostly."""
        for fault in self.active:
            if fault.asked.kind in kinds and self._strikes(fault, path, location):
                return fault.asked
        return None

    def _strikes(self, fault: Fault, path: str, location: str | None) -> bool:
        asked = fault.asked
        if asked.path not in path or asked.restaurant_guid not in (None, location):
            return False
        if asked.rate is None and fault.struck >= (asked.times or 1):
            return False
        fault.matched += 1
        if fault.matched <= asked.after or (asked.rate is not None and self._random.random() >= asked.rate):
            return False
        fault.struck += 1
        return True
