"""What a backfill has to do: units of one function, one restaurant and some business dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from backfill.spans import Span, clipped, cut, united, without
from shared.config import Restaurant, Tenant
from shared.date_utils import TradingHours

Source = Literal["orders", "cash", "labor"]

SOURCES: tuple[Source, ...] = ("orders", "cash", "labor")
FUNCTION_OF: Mapping[str, str] = {"orders": "orders_daily", "cash": "cash_daily", "labor": "labor_daily"}
SOURCE_OF: Mapping[str, Source] = {"orders_daily": "orders", "cash_daily": "cash", "labor_daily": "labor"}
CONFIGURATION = "config_weekly"

DEFAULT_CHUNK_DAYS = 7
MOST_CHUNK_DAYS = 31  # what the functions take in one call

# Where nobody has told the hours of a restaurant yet, a business date counts as over only when it is over
# everywhere in the United States. A day asked for too late comes with the daily run; one too early is provisional.
UNKNOWN_HOURS = TradingHours("Pacific/Honolulu", 12)


class Unit(NamedTuple):
    """One call that has to succeed. Without dates: a reading of the configuration, of all restaurants."""

    function: str
    restaurant_guid: str
    span: Span | None

    def body(self, tenant: str, start: dt.date | None = None) -> dict[str, str]:
        """The body of the HTTP call; ``start`` where an earlier one has done the days before."""
        body = {"restaurant_guid": self.restaurant_guid, "tenant": tenant}
        if self.span is not None:
            body |= {"start_date": str(start or self.span.start), "end_date": str(self.span.end)}
        return body

    def __str__(self) -> str:
        return f"{self.function} {self.span}" if self.span else self.function


class Location(msgspec.Struct, frozen=True):
    """What is known of a restaurant when work is planned."""

    restaurant: Restaurant
    hours: TradingHours
    first_business_date: dt.date | None = None
    hours_known: bool = True

    def last_final(self, now: dt.datetime) -> dt.date:
        """The newest business date that was over at ``now`` (UTC), its nightly close past."""
        date = self.hours.last_finished(now)
        return date if self.hours.is_final(date, now) else date - dt.timedelta(days=1)


class Wanted(msgspec.Struct, frozen=True):
    """What a backfill is asked for.

    ``spans`` None: everything since each restaurant's first business date. ``again``: also what is complete.
    """

    sources: tuple[Source, ...]
    spans: tuple[Span, ...] | None
    again: bool = False


class NoFirstDate(Exception):
    """Nobody has told when a restaurant's history begins; the message names it and says what to do."""


def spans_wanted(location: Location, wanted: Wanted, now: dt.datetime) -> list[Span]:
    """The business dates that are asked for of one restaurant: none before its first, none that is not final.

    Raises NoFirstDate when its whole history is asked for and nobody knows where that begins.
    """
    first, last = location.first_business_date, location.last_final(now)
    if wanted.spans is not None:
        return clipped(united(wanted.spans), first or dt.date.min, last)
    if first is None:
        raise NoFirstDate(
            f"{location.restaurant.name} ({location.restaurant.guid}): its first business date is not known. Give "
            "--start-date, or first_business_date in restaurants.toml, or load its configuration (config_weekly)."
        )
    return [Span(first, last)] if first <= last else []


Complete = Mapping[tuple[str, str], Sequence[Span]]
"""By source and restaurant the business dates that are complete."""


def is_complete(unit: Unit, complete: Complete) -> bool:
    """Whether every date of a unit is complete; never of one without dates."""
    spans = complete.get((SOURCE_OF.get(unit.function, ""), unit.restaurant_guid), ())
    return unit.span is not None and not without([unit.span], spans)


def missing_units(
    tenant: Tenant,
    locations: Sequence[Location],
    wanted: Wanted,
    complete: Complete,
    now: dt.datetime,
    chunk_days: Mapping[str, int],
) -> list[Unit]:
    """The units that are left to do, by restaurant, then source, then date. Raises NoFirstDate."""
    units: list[Unit] = []
    for location in locations:
        guid = location.restaurant.guid
        spans = spans_wanted(location, wanted, now)
        for source in wanted.sources:
            left = spans if wanted.again else without(spans, complete.get((source, guid), ()))
            size = days_per_call(tenant, source, chunk_days)
            units += [Unit(FUNCTION_OF[source], guid, piece) for piece in cut(left, size)]
    return units


def days_per_call(tenant: Tenant, source: str, told: Mapping[str, int]) -> int:
    """Business dates in one call: as told on the command line, else in restaurants.toml, else seven."""
    return told.get(source) or told.get("") or dict(tenant.chunk_days).get(source) or DEFAULT_CHUNK_DAYS


def by_lane(units: Sequence[Unit]) -> dict[tuple[str, str], list[Unit]]:
    """The units by restaurant and function: two of one lane are never under way at once."""
    lanes: dict[tuple[str, str], list[Unit]] = {}
    for unit in units:
        lanes.setdefault((unit.restaurant_guid, unit.function), []).append(unit)
    return lanes
