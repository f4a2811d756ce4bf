"""What checks say: findings with their place and what mends them, outcomes of checks, and the report of all."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from history.spans import Span

Figure: TypeAlias = str | int | Decimal | dt.date | dt.datetime | bool | None

Status = Literal["passed", "failed", "waiting", "skipped"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is not as it should be: what, where, and the command that mends it.

    Dates are business dates, both ends included.
    """

    what: str
    mend: str
    restaurant_guid: str | None = None
    restaurant_name: str | None = None
    start_date: dt.date | None = None
    end_date: dt.date | None = None
    functions: tuple[str, ...] = ()
    """Which of orders, cash, labor and config it concerns."""
    table: str | None = None
    figures: dict[str, Figure] = {}
    count: int = 1
    """How many failures it stands for."""

    @property
    def where(self) -> str:
        """The place in a few words: restaurant, dates, table."""
        span = Span(self.start_date, self.end_date) if self.start_date and self.end_date else None
        parts = (self.restaurant_name or self.restaurant_guid, span, self.table or ", ".join(self.functions))
        return " · ".join(str(part) for part in parts if part)


class Found(msgspec.Struct):
    """What one check found. Without findings and anything waiting it has passed.

    ``findings`` are failures. ``waiting`` are those that a running backfill is filling. ``notes`` are worth
    knowing and fail nothing. ``total`` counts the failures where not all of them are listed.
    """

    findings: list[Finding] = msgspec.field(default_factory=list)
    waiting: list[Finding] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)
    total: int | None = None
    mend: str | None = None
    """One command that mends all findings, where there is one."""


class Skipped(Exception):
    """A check cannot be done here; the message says what it lacks."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one check ended."""

    gate: int
    name: str
    proves: str
    status: Status
    seconds: float
    total: int = 0
    """How many failures there are; the listed findings can be fewer."""
    mend: str | None = None
    findings: tuple[Finding, ...] = ()
    waiting: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the gates say of a tenant's restaurants over some business dates."""

    tenant: str
    dataset: str
    verified_at: dt.datetime
    """On Toast's clock (UTC)."""
    start_date: dt.date | None
    """First business date that was asked for; None: each restaurant's own first."""
    end_date: dt.date | None
    """Last business date that was asked for; None: the last one that is final."""
    restaurants: dict[str, str]
    """The names of the restaurants by GUID."""
    functions: tuple[str, ...]
    gates: tuple[int, ...]
    seconds: float
    passed: bool
    """No check has failed. What waits for a running backfill fails nothing, and see ``signed_off``."""
    signed_off: bool
    """Every check has passed: none failed, none waits, none was skipped."""
    checks: tuple[Outcome, ...]

    def failed(self) -> list[Outcome]:
        """The checks that failed."""
        return [outcome for outcome in self.checks if outcome.status == "failed"]

    def to_json(self) -> bytes:
        """All of it, with every finding, as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2)


def count(number: int, one: str, several: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else several}"
