"""Who is meant to work when: the staff's scheduled shifts, which time entries then follow more or less.

Times are Unix milliseconds. A shift begins within its business date, and may end after midnight or after the
closeout hour.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random

import msgspec

from toast_simulator.world import calendar
from toast_simulator.world.catalog import Catalog, Entry
from toast_simulator.world.places import HOUR, MINUTE, Place
from toast_simulator.world.streams import fraction, stream

WAGE_UNITS = 300
"""Wages are whole three-hundredths of a dollar, so that some have more decimals than money has."""

PUBLISHED_DAYS = 8
"""Shifts are entered this many days before their business date."""

# Job -> (hour of the start, hours), one of them at random; those of the night end after any closeout hour.
_HOURS: dict[str, tuple[tuple[int, float], ...]] = {
    "Server": ((10, 6), (11, 5.5), (16, 7), (17, 7.5)),
    "Bartender": ((16, 8), (17, 8.75), (18, 8)),
    "Line cook": ((7, 8.5), (9, 8), (15, 8.5)),
    "Host": ((10, 6), (16, 6.5)),
    "Dishwasher": ((16, 8), (22, 7.75)),
    "Manager": ((8, 9), (9, 10), (15, 10.5)),
}
_DOUBLE: tuple[tuple[int, float], ...] = ((10, 4.5), (17, 6))
_TITLES = (
    "Server", "Server", "Server", "Server", "Bartender", "Bartender", "Line cook", "Line cook", "Host", "Dishwasher",
    "Manager", "Manager",
)  # fmt: skip
_SECOND_TITLES = {"Server": "Bartender", "Host": "Server", "Line cook": "Dishwasher", "Bartender": "Server"}
_WAGES = {"Server": 1125, "Bartender": 1250, "Line cook": 1975, "Host": 1600, "Dishwasher": 1650}

_WORKS = 0.72
_OTHER_JOB = 0.1
_TWICE = 0.08
_NO_SHOW = 0.05
_UNPLANNED = 0.1


class Slot(msgspec.Struct, frozen=True):
    """One turn of work; ``wage`` in WAGE_UNITS an hour, None for a salary.

    ``scheduled``: it was planned as a shift. ``worked``: somebody came, so there is a time entry.
    """

    number: int
    employee: Entry
    job: Entry
    wage: int | None
    start: int
    end: int
    scheduled: bool
    worked: bool


class Shift(msgspec.Struct, frozen=True):
    """A scheduled shift as it stands at some moment."""

    slot: Slot
    start: int
    end: int
    created: int
    modified: int
    deleted: int | None


class Roster:
    """Draws who works on a business date; keeps the most recently used dates."""

    def __init__(self, seed: int, catalog: Callable[[Place], Catalog]) -> None:
        self._seed = seed
        self._catalog = catalog
        self.slots = lru_cache(4096)(self._slots)

    def shift(self, place: Place, ordinal: int, slot: Slot, now: int) -> Shift | None:
        """The scheduled shift of a turn as it is at ``now``; None when none is entered (yet).

        Some are entered an hour off and corrected two days before; some of those that nobody came to are deleted.
        """
        created = place.local(ordinal - PUBLISHED_DAYS, 14) + slot.number * 1_700
        if not slot.scheduled or created > now:
            return None
        luck = fraction(self._seed, "shift", place.guid, ordinal, slot.number)
        corrected = place.local(ordinal - 2, 11) + int(luck * HOUR)
        deleted = slot.start + int(luck * 20 * HOUR)
        if not slot.worked and luck < 0.4 and deleted <= now:
            return Shift(slot, slot.start, slot.end, created, deleted, deleted)
        if luck < 0.88:
            return Shift(slot, slot.start, slot.end, created, created, None)
        if corrected <= now:
            return Shift(slot, slot.start, slot.end, created, corrected, None)
        return Shift(slot, slot.start + HOUR, slot.end + HOUR, created, created, None)

    def _slots(self, place: Place, ordinal: int) -> tuple[Slot, ...]:
        """The turns of a business date, numbered from 0; none when the place is closed."""
        if not calendar.is_open(self._seed, place, ordinal):
            return ()
        random = stream(self._seed, "roster", place.guid, ordinal)
        catalog = self._catalog(place)
        jobs = {job.name: job for job in catalog.jobs}
        made: list[Slot] = []
        for position, employee in enumerate(catalog.servers):
            if random.random() >= _WORKS:
                continue
            title = _title(random, position)
            hours = _DOUBLE if random.random() < _TWICE else (random.choice(_HOURS[title]),)
            for hour, length in hours:
                start = place.local(ordinal, hour) + random.randrange(4) * 15 * MINUTE
                wage = self._wage(place, position, title)
                scheduled, worked = random.random() >= _UNPLANNED, random.random() >= _NO_SHOW
                end = start + int(length * HOUR)
                # Nobody is planned to stay away without having been planned to come.
                worked = worked or not scheduled
                made.append(Slot(len(made), employee, jobs[title], wage, start, end, scheduled, worked))
        return tuple(made)

    def _wage(self, place: Place, position: int, title: str) -> int | None:
        cents = _WAGES.get(title)
        if cents is None:
            return None
        raised = fraction(self._seed, "wage", place.guid, position, title)
        # A third of the staff is paid by a formula that does not end at the cent.
        return cents * 3 + int(raised * 400) * 3 + (int(raised * 1000) % 3 if position % 3 == 0 else 0)


def _title(random: Random, position: int) -> str:
    usual = _TITLES[position % len(_TITLES)]
    return _SECOND_TITLES.get(usual, usual) if random.random() < _OTHER_JOB else usual
