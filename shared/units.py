"""Units of work: what is read to the end or not at all, and who reads them side by side.

A unit is one restaurant and one business date, one window of changes, or one listing. What it has read
counts only after its last page. A unit that fails leaves nothing behind, and says why; the other units of
the call go on.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from shared.concurrency import side_by_side
from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.drift import Drift
from shared.errors import EtlError, OutOfTime, ToastRefused
from shared.toast_client import Usage
from shared.toast_objects import ToastObject, Undecodable, rejected_object

# How many units are read at once. One location gives 5 pages a second; a reply takes some tenths of a
# second, so a few walks keep one location busy, and more of them keep several.
CONCURRENT_UNITS = 8


T = TypeVar("T")


class Written(msgspec.Struct, frozen=True):
    """Rows written to one table: of objects new to the warehouse, and of ones it held in another version."""

    inserted: int = 0
    updated: int = 0
    closed: int | None = None
    """Entities that are gone and whose version was ended; None for tables that keep no versions."""


class Unit(msgspec.Struct, kw_only=True):
    """A piece of a call for one restaurant: what to read, and what came of it."""

    restaurant: Restaurant
    usage: Usage
    endpoint: str
    """What it reads from. Where Toast refuses one unit, the restaurant's others of that endpoint are not asked."""
    drift: Drift = msgspec.field(default_factory=Drift)
    """What the replies of its call hold and the code does not know."""
    read_at: dt.datetime | None = None
    """When its reading began, on Toast's clock (UTC)."""
    extracted: Counter[str] = msgspec.field(default_factory=Counter)
    """Rows read, by table."""
    rejects: list[Undecodable] = msgspec.field(default_factory=list)
    error: EtlError | None = None
    finished: bool = False
    skipped: bool = False
    """Left as it is, since time ran short and it was read a short while ago."""

    @property
    def restaurant_guid(self) -> str:
        """Toast's GUID of the restaurant."""
        return self.restaurant.guid

    def watched(self, decode: Callable[[bytes], T]) -> Callable[[bytes], T]:
        """``decode`` for the unit's replies, with an eye on what it passes over."""
        return self.drift.watching(self.endpoint, self.restaurant_guid, decode)

    def reject(self, rejected: ToastObject, reason: str) -> None:
        """Take note of an object that was decoded and cannot stand in the warehouse."""
        self.rejects.append(rejected_object(rejected, reason))

    @property
    def name(self) -> str:
        """The unit's name among its restaurant's; units are begun in the order of their names."""
        return self.endpoint

    @property
    def id(self) -> str:
        """The unit's name within its call."""
        return f"{self.restaurant.guid}/{self.name}"


class DatedUnit(Unit, kw_only=True):
    """A unit whose objects belong to business dates."""

    hours: TradingHours
    first_business_date: dt.date | None
    dates: set[dt.date] = msgspec.field(default_factory=set)
    """Business dates that Toast gave its objects: the partitions to touch."""
    moved_since: set[dt.date] = msgspec.field(default_factory=set)
    """The days on which objects that can have moved between business dates were created."""
    left: set[dt.date] = msgspec.field(default_factory=set)
    """Business dates from which the load took away older versions of objects of the unit's restaurant."""


class DayUnit(DatedUnit, kw_only=True):
    """One business date."""

    business_date: dt.date
    fresh: bool = False
    """Whether it was read as a whole, for good, a short while ago: it comes last, and may be skipped."""

    @property
    def name(self) -> str:
        """The business date and the endpoint."""
        return f"{self.business_date}/{self.endpoint}"


class WindowUnit(DatedUnit, kw_only=True):
    """What was modified from ``start`` to before ``end`` (UTC), whatever business date it belongs to."""

    start: dt.datetime
    end: dt.datetime

    @property
    def name(self) -> str:
        """The window's beginning (UTC) and the endpoint."""
        return f"{self.start:%Y-%m-%dT%H:%M:%S.%f}/{self.endpoint}"


UnitT = TypeVar("UnitT", bound=Unit)


def read_all(units: Sequence[UnitT], read: Callable[[UnitT], None], deadline: float) -> None:
    """Read units side by side; afterwards each is finished, skipped or has an error.

    Past ``deadline``, a moment of the monotonic clock, none is begun: what was read a short while ago is
    skipped, the others are OutOfTime. So plain repeats of a call that is too large for its time finish it.

    When Toast refuses one unit of a restaurant for good, the restaurant's other units of that endpoint are
    not asked for. What is not an EtlError is a fault of ours: it stops everything and is raised.
    """
    refused: dict[tuple[str, str], ToastRefused] = {}

    def attempt(unit: UnitT) -> None:
        asked = (unit.restaurant_guid, unit.endpoint)
        try:
            if asked in refused:
                raise refused[asked]
            if time.monotonic() > deadline:
                raise OutOfTime(f"time ran short before {unit.name} was begun; call again to go on", retry_after=1.0)
            read(unit)
            unit.finished = True
        except OutOfTime as error:
            unit.skipped = _is_fresh(unit)
            unit.error = None if unit.skipped else error
        except EtlError as error:
            unit.error = error
            if isinstance(error, ToastRefused):
                refused[asked] = error

    # By name, dates mostly, so that the restaurants, each with a pace of its own, take turns.
    in_turn = sorted(units, key=lambda unit: (_is_fresh(unit), unit.name, unit.restaurant_guid))
    side_by_side(attempt, in_turn, at_once=CONCURRENT_UNITS)


def _is_fresh(unit: Unit) -> bool:
    return isinstance(unit, DayUnit) and unit.fresh
