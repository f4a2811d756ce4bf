"""How many orders a business date has: seasons, weekdays, holidays, slow days and closures."""

from __future__ import annotations

import datetime as dt
import math

from toast_simulator.world.places import Place
from toast_simulator.world.streams import fraction

_WEEKDAYS = (0.75, 0.8, 0.9, 1.0, 1.3, 1.4, 1.05)
_UNPLANNED_CLOSURE = 0.004
_SLOW_DAY = 0.015
_SCHEDULED_SHARE = 0.02


def is_open(seed: int, place: Place, ordinal: int) -> bool:
    """Whether the place serves at all on a business date."""
    date = dt.date.fromordinal(ordinal)
    if date < place.first_business_date or _is_holiday(seed, place, date):
        return False
    return fraction(seed, "closure", place.guid, ordinal) >= _UNPLANNED_CLOSURE


def walk_ins(seed: int, volume: int, place: Place, ordinal: int) -> int:
    """Orders of a business date that were not scheduled ahead; 0 when the place is closed."""
    if not is_open(seed, place, ordinal):
        return 0
    luck = fraction(seed, "luck", place.guid, ordinal)
    if luck < _SLOW_DAY:
        return 2 + int(6 * luck / _SLOW_DAY)
    date = dt.date.fromordinal(ordinal)
    season = 1 + 0.12 * math.sin((date.timetuple().tm_yday - 100) / 365 * 2 * math.pi)
    mean = volume * place.popularity * _WEEKDAYS[date.weekday()] * season
    return max(1, round(mean * (0.85 + 0.3 * luck)))


def scheduled(seed: int, volume: int, place: Place, ordinal: int) -> int:
    """Orders of a business date that guests placed days before."""
    if not is_open(seed, place, ordinal):
        return 0
    return int(volume * _SCHEDULED_SHARE + fraction(seed, "scheduled", place.guid, ordinal))


def _is_holiday(seed: int, place: Place, date: dt.date) -> bool:
    """Christmas and Thanksgiving always; New Year and the national day for some places and years."""
    if (date.month, date.day) == (12, 25) or date == _thanksgiving(date.year, place.canadian):
        return True
    national_day = (7, 1) if place.canadian else (7, 4)
    if (date.month, date.day) in ((1, 1), national_day):
        return fraction(seed, "holiday", place.guid, date.toordinal()) < 0.5
    return False


def _thanksgiving(year: int, canadian: bool) -> dt.date:
    """The fourth Thursday of November; in Canada the second Monday of October."""
    month, weekday, nth = (10, 0, 2) if canadian else (11, 3, 4)
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
