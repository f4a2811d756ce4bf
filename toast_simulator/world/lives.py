"""What becomes of configured entities: when a restaurant publishes changes, and which.

Staff edit the configuration now and then, and what they did takes effect at the next publish. All of it is
a pure function of seed, place and entity. Times are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Literal

import msgspec

from toast_simulator.world.places import DAY, MINUTE, Place
from toast_simulator.world.streams import seed_of, stream

Change = Literal["rename", "alter", "archive", "restore"]

WEEK = 7 * DAY
CHANGES_A_WEEK = 0.03
"""Share of entities that change in a week."""

_RENAMED = 0.4
_FOR_GOOD = 0.1
_LATER = 0.12
_LATER_YEARS = 9


class Event(msgspec.Struct, frozen=True):
    """A change at a publish. ``luck`` in [0, 1) chooses what exactly; ``name`` is a rename's, where a test chose it."""

    moment: int
    change: Change
    luck: float = 0.0
    name: str | None = None


class Publishes:
    """When a place publishes: two to four times a week, at night or in mid-morning, local time."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._seed = seed
        self._weeks: dict[int, tuple[int, ...]] = {}

    def after(self, moment: int) -> int:
        """The first publish after a moment."""
        number = moment // WEEK
        while True:
            for publish in self._week(number):
                if publish > moment:
                    return publish
            number += 1

    def last(self, moment: int) -> int:
        """The last publish until a moment, that moment included."""
        number = moment // WEEK + 1
        while True:
            for publish in reversed(self._week(number)):
                if publish <= moment:
                    return publish
            number -= 1

    def _week(self, number: int) -> tuple[int, ...]:
        """The publishes of one week, which begins on a Thursday, as Unix time does."""
        found = self._weeks.get(number)
        if found is None:
            random = stream(self._seed, "publish", self._place.guid, number)
            first = 719163 + 7 * number
            days = random.sample(range(7), random.choice((2, 3, 3, 4)))
            found = self._weeks[number] = tuple(sorted(self._moment(random, first + day) for day in days))
        return found

    def _moment(self, random: Random, ordinal: int) -> int:
        hour = random.choice((1, 3, 4, 9, 10))
        return self._place.local(ordinal, hour) + int(random.random() * 50 * MINUTE)


class Life(msgspec.Struct, frozen=True):
    """When an entity came to be (``born`` is None for one that was always there), and what happened to it."""

    born: int | None
    created: int
    events: tuple[Event, ...]


class Temper(msgspec.Struct, frozen=True):
    """How an entity lives: ``changes`` a week, of which the share ``archived``; ``returns`` if it always comes back.

    One that is ``young`` may have come to be later than its restaurant.
    """

    changes: float = CHANGES_A_WEEK
    archived: float = 0.35
    returns: bool = False
    young: bool = True


ORDINARY = Temper()
CORE = Temper(archived=0.12, returns=True, young=False)
LASTING = Temper(archived=0.0, young=False)
STEADY = Temper(changes=0.004, archived=0.0, young=False)


def life_of(publishes: Publishes, key: tuple[object, ...], temper: Temper, opened: int, until: int) -> Life:
    """The life of the entity with ``key`` at a place that opened at ``opened``, drawn as far as ``until``."""
    random = Random(seed_of("life", *key))  # noqa: S311 - invented data, nothing secret
    born = None
    created = opened - int(random.random() * 60 * DAY)
    if random.random() < _LATER and temper.young:
        born = created = publishes.after(opened + int(random.random() * _LATER_YEARS * 365 * DAY))
    return Life(born, created, tuple(_events(random, publishes, temper, created, until)))


def _events(random: Random, publishes: Publishes, temper: Temper, start: int, until: int) -> Iterator[Event]:
    moment = start
    while True:
        moment = publishes.after(moment + int(random.expovariate(temper.changes) * WEEK))
        luck = random.random()
        if moment >= until:
            return
        if luck < temper.archived:
            yield Event(moment, "archive")
            if random.random() < _FOR_GOOD and not temper.returns:
                return
            moment = publishes.after(moment + int((0.5 + 5 * random.random()) * WEEK))
            if moment >= until:
                return
            yield Event(moment, "restore")
        else:
            change: Change = "rename" if luck < temper.archived + _RENAMED else "alter"
            yield Event(moment, change, random.random())
