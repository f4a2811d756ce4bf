"""What a backfill has to do: the units that are missing of what is wanted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from history.spans import Span, clipped, cut, united, without
from history.units import FUNCTION_OF, SOURCE_OF, Complete, Location, Source, Unit
from shared.config import Tenant

DEFAULT_CHUNK_DAYS = 7
MOST_CHUNK_DAYS = 31  # what the functions take in one call


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
