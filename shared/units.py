"""Units of work: one restaurant and one business date, read to the end or not at all.

What a unit has read counts only after its last page. A unit that fails leaves nothing behind, and says
why; the other units of the call go on.
"""

from __future__ import annotations

import contextvars
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import msgspec

from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.errors import EtlError, ToastRefused
from shared.toast_client import Usage
from shared.toast_orders import Undecodable

# How many units are read at once. One location gives 5 pages a second; a reply takes some tenths of a
# second, so a few walks keep one location busy, and more of them keep several.
CONCURRENT_UNITS = 8


class Written(msgspec.Struct, frozen=True):
    """Rows written to one table: of objects new to the warehouse, and of ones it held in an older version."""

    inserted: int = 0
    updated: int = 0


class Unit(msgspec.Struct, kw_only=True):
    """One business date of one restaurant: what to read, and what came of it."""

    restaurant: Restaurant
    hours: TradingHours
    first_business_date: dt.date | None
    business_date: dt.date
    usage: Usage
    read_at: dt.datetime | None = None
    extracted: Counter[str] = msgspec.field(default_factory=Counter)
    """Rows read, by table."""
    dates: set[dt.date] = msgspec.field(default_factory=set)
    """Business dates that Toast gave its objects: the partitions to touch."""
    moved_since: set[dt.date] = msgspec.field(default_factory=set)
    """The days on which orders that can have moved between business dates were created."""
    rejects: list[Undecodable] = msgspec.field(default_factory=list)
    error: EtlError | None = None
    finished: bool = False

    @property
    def restaurant_guid(self) -> str:
        """Toast's GUID of the restaurant."""
        return self.restaurant.guid

    @property
    def id(self) -> str:
        """The unit's name within its call."""
        return f"{self.restaurant.guid}/{self.business_date}"


def read_all(units: Sequence[Unit], read: Callable[[Unit], None]) -> None:
    """Read units side by side; afterwards each is finished or has an error.

    When Toast refuses one unit of a restaurant for good, the restaurant's other units are not asked for.
    What is not an EtlError is a fault of ours: it stops everything and is raised.
    """
    refused: dict[str, ToastRefused] = {}

    def attempt(unit: Unit) -> None:
        try:
            if unit.restaurant_guid in refused:
                raise refused[unit.restaurant_guid]
            read(unit)
            unit.finished = True
        except EtlError as error:
            unit.error = error
            if isinstance(error, ToastRefused):
                refused[unit.restaurant_guid] = error

    with ThreadPoolExecutor(CONCURRENT_UNITS, thread_name_prefix="unit") as pool:
        # Each thread gets a copy of the context, which holds the run id that log lines carry.
        futures = [pool.submit(contextvars.copy_context().run, attempt, unit) for unit in _side_by_side(units)]
        done, pending = wait(futures, return_when=FIRST_EXCEPTION)
        for future in pending:
            future.cancel()
        for future in done:
            future.result()


def _side_by_side(units: Iterable[Unit]) -> list[Unit]:
    """By date, so that the restaurants, each with a pace of its own, take turns."""
    return sorted(units, key=lambda unit: (unit.business_date, unit.restaurant_guid))
