"""The restaurants of the world: where they are, when their business day ends, when they opened.

What restaurants.toml leaves out is invented here: the time zone from a city's name where there is one,
else by position; the rest from the seed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from shared.config import Restaurant
from toast_simulator.world.streams import fraction, guid, seed_of

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_CITIES = {
    "brooklyn": "America/New_York",
    "back bay": "America/New_York",
    "wicker park": "America/Chicago",
    "cherry creek": "America/Denver",
    "phoenix": "America/Phoenix",
    "venice beach": "America/Los_Angeles",
    "waikiki": "Pacific/Honolulu",
    "austin": "America/Chicago",
    "capitol hill": "America/Los_Angeles",
    "little havana": "America/New_York",
    "montréal": "America/Toronto",
    "nashville": "America/Chicago",
    "santa fe": "America/Denver",
}
_ZONES = tuple(dict.fromkeys(_CITIES.values()))
_CLOSEOUT_HOURS = (4, 3, 5, 2, 4, 1, 0, 4, 3, 5, 4, 2, 0)
_FIRST_OPENING = dt.date(2019, 1, 7)
_OPENING_DAYS = (dt.date(2024, 10, 1) - _FIRST_OPENING).days


class Place:
    """One restaurant, with the arithmetic of its business days. Times are Unix milliseconds."""

    def __init__(self, index: int, restaurant: Restaurant, seed: int) -> None:
        self.index = index
        self.guid = restaurant.guid
        self.name = restaurant.name
        self.timezone = restaurant.timezone or _timezone(index, restaurant.name)
        self.zone = ZoneInfo(self.timezone)
        hour = restaurant.closeout_hour
        self.closeout_hour = _CLOSEOUT_HOURS[index % len(_CLOSEOUT_HOURS)] if hour is None else hour
        self.first_business_date = restaurant.first_business_date or _FIRST_OPENING + dt.timedelta(
            days=seed_of(seed, "opening", self.guid) % _OPENING_DAYS
        )
        self.group_guid = guid("management-group", restaurant.tenant)
        self.popularity = 0.85 + 0.3 * fraction(seed, "popularity", self.guid)
        self._starts: dict[int, int] = {}

    @property
    def canadian(self) -> bool:
        """Whether the place keeps Canada's holidays and currency."""
        return self.timezone == "America/Toronto"

    @property
    def currency(self) -> str:
        """ISO 4217 code of the place's money."""
        return "CAD" if self.canadian else "USD"

    def day_start(self, ordinal: int) -> int:
        """When the business date with this proleptic ordinal begins: closeout hour, local time."""
        start = self._starts.get(ordinal)
        if start is None:
            start = self._starts[ordinal] = self.local(ordinal, self.closeout_hour)
        return start

    def local(self, ordinal: int, hour: int) -> int:
        """The moment of a full local hour on a calendar date; the first of two on the day clocks go back."""
        moment = dt.datetime.combine(dt.date.fromordinal(ordinal), dt.time(hour), self.zone)
        return int(moment.timestamp()) * 1000

    def business_ordinal(self, moment: int) -> int:
        """The business date (as an ordinal) that a moment belongs to, 23- and 25-hour days included."""
        ordinal = 719163 + (moment - 12 * HOUR) // DAY
        while self.day_start(ordinal) > moment:
            ordinal -= 1
        while self.day_start(ordinal + 1) <= moment:
            ordinal += 1
        return ordinal


def places_of(restaurants: Iterable[Restaurant], seed: int) -> list[Place]:
    """The places of the world, one per restaurant, in the order given."""
    return [Place(index, restaurant, seed) for index, restaurant in enumerate(restaurants)]


def _timezone(index: int, name: str) -> str:
    known = (zone for city, zone in _CITIES.items() if city in name.lower())
    return next(known, _ZONES[index % len(_ZONES)])
