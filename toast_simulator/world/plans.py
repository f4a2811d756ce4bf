"""What happens to each order, and when: the lifecycles, drawn without drawing the orders themselves.

Three streams per place and business date, so that each can be asked alone:

- walk-ins: everything until the night after the business date;
- late edits: few, up to 45 days later, so an old day is not drawn in full to learn that it rests;
- scheduled orders: placed days before, some promised anew for another date.

An event is (moment, change, argument); changes are functions of ``changes``, but for "open", the creation.
The argument of "open" is when the order is promised (None for walk-ins), that of "move" the new business
date (ordinal). Times are Unix milliseconds.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from functools import lru_cache
from random import Random

import msgspec

from toast_simulator.world import calendar
from toast_simulator.world.places import DAY, HOUR, MINUTE, Place
from toast_simulator.world.streams import fraction, stream

Event = tuple[int, str, int | None]

SCHEDULED = 1 << 19
"""Numbers of scheduled orders begin here; walk-ins are numbered from 0."""

REST = 8 * HOUR
"""A walk-in has no event between this long after its business date's end and its late edits."""

LATEST_EDIT = 45
"""Late edits come at most this many days after the business date."""

AHEAD = 12
"""Scheduled orders are placed at most this many days before the date they are first promised for."""

FARTHEST_MOVE = 7
"""A scheduled order moves at most this many days."""

_INCIDENTS: tuple[tuple[float, str], ...] = (
    (0.015, "void_selection"),
    (0.006, "void_modifier"),
    (0.005, "void_check"),
    (0.008, "void_order"),
    (0.004, "delete_check"),
    (0.006, "delete_order"),
    (0.008, "drop_selection"),
    (0.003, "drop_payment"),
    (0.003, "drop_check"),
    (0.002, "drop_all_checks"),
    (0.006, "void_payment"),
    (0.006, "deny_payment"),
    (0.012, "stay_open"),
)
_ENDS_THE_ORDER = frozenset({"void_order", "delete_order", "stay_open"})

_LATE: tuple[tuple[float, str], ...] = (
    (0.24, "refund_part"),
    (0.12, "refund_all"),
    (0.24, "tip"),
    (0.08, "void_selection"),
    (0.10, "reopen"),
    (0.08, "drop_selection"),
    (0.02, "drop_payment"),
    (0.04, "void_check"),
    (0.04, "drop_check"),
    (0.02, "drop_all_checks"),
    (0.02, "delete_order"),
)
_LATE_SHARE = 0.035


class Plan(msgspec.Struct, frozen=True):
    """The events of one order in time's order; the first is its creation."""

    number: int
    events: tuple[Event, ...]

    def version(self, now: int) -> int:
        """How many events have happened by ``now``; 0 while the order does not exist."""
        return bisect.bisect_right(self.events, now, key=_moment)

    def ordinal(self, home: int, now: int) -> int:
        """The business date at ``now`` of an order that was first planned for ``home``."""
        for moment, change, argument in reversed(self.events):
            if change == "move" and moment <= now and argument is not None:
                return argument
        return home


def _moment(event: Event) -> int:
    return event[0]


class Planner:
    """Draws the plans of one world; keeps the most recently used days."""

    def __init__(self, seed: int, volume: int) -> None:
        self._seed = seed
        self._volume = volume
        self._dates: OrderedDict[tuple[Place, int], tuple[Plan, ...]] = OrderedDict()
        self._kept_dates = max(16, 60_000 // volume)
        self.late = lru_cache(16384)(self._late)
        self.scheduled = lru_cache(16384)(self._scheduled)
        self._frame = lru_cache(4096)(self._frame_of)

    def walk_ins(self, place: Place, ordinal: int) -> tuple[Plan, ...]:
        """The plans of a date's walk-ins, late edits included."""
        key = (place, ordinal)
        plans = self._dates.pop(key, None)
        if plans is None:
            plans = self._walk_ins(place, ordinal)
        self._dates[key] = plans
        if len(self._dates) > self._kept_dates:
            self._dates.popitem(last=False)
        return plans

    def one(self, place: Place, ordinal: int, number: int) -> Plan | None:
        """The plan of one order, without drawing its whole date when that has not been asked for."""
        if number >= SCHEDULED:
            ahead = self.scheduled(place, ordinal)
            return ahead[number - SCHEDULED] if number - SCHEDULED < len(ahead) else None
        plans = self._dates.get((place, ordinal))
        if plans is not None:
            return plans[number] if number < len(plans) else None
        if number >= calendar.walk_ins(self._seed, self._volume, place, ordinal):
            return None
        late = [event for edited, event in self.late(place, ordinal) if edited == number]
        return Plan(number, in_order([*self._walk_in(place, ordinal, number), *late]))

    def _walk_ins(self, place: Place, ordinal: int) -> tuple[Plan, ...]:
        count = calendar.walk_ins(self._seed, self._volume, place, ordinal)
        plans = [self._walk_in(place, ordinal, number) for number in range(count)]
        for number, event in self.late(place, ordinal):
            plans[number].append(event)
        return tuple(Plan(number, in_order(events)) for number, events in enumerate(plans))

    def _walk_in(self, place: Place, ordinal: int, number: int) -> list[Event]:
        random = stream(self._seed, "walk-in", place.guid, ordinal, number)
        return _walk_in(random, *self._frame(place, ordinal))

    def _frame_of(self, place: Place, ordinal: int) -> tuple[int, int, int, int]:
        """Start, end and noon of a business date, and when its nightly close begins."""
        start, end = place.day_start(ordinal), place.day_start(ordinal + 1)
        night = end + int((5 + 55 * fraction(self._seed, "night", place.guid, ordinal)) * MINUTE)
        return start, end, place.local(ordinal, 12), night

    def _late(self, place: Place, ordinal: int) -> tuple[tuple[int, Event], ...]:
        """The late edits of a date: (number of the walk-in, event)."""
        count = calendar.walk_ins(self._seed, self._volume, place, ordinal)
        random = stream(self._seed, "late", place.guid, ordinal)
        rest = place.day_start(ordinal + 1) + REST
        edits: list[tuple[int, Event]] = []
        for _ in range(int(count * _LATE_SHARE + random.random())):
            number = random.randrange(count)
            change = pick(_LATE, random.random()) or "tip"
            days = min(random.expovariate(1 / 8), LATEST_EDIT - 3) if change != "tip" else random.random()
            edits.extend((number, event) for event in _late_events(change, rest + int(days * DAY)))
        return tuple(edits)

    def _scheduled(self, place: Place, ordinal: int) -> tuple[Plan, ...]:
        """The plans of the orders that were first promised for a date."""
        count = calendar.scheduled(self._seed, self._volume, place, ordinal)
        random = stream(self._seed, "scheduled", place.guid, ordinal)
        return tuple(self._scheduled_one(random, place, ordinal, SCHEDULED + n) for n in range(count))

    def _scheduled_one(self, random: Random, place: Place, ordinal: int, number: int) -> Plan:
        roll = random.random
        placed = place.local(ordinal, 12) - int((0.6 + (AHEAD - 2) * roll() ** 2) * DAY)
        prepaid = roll() < 0.6
        after_noon = int((7 * roll() - 0.5) * HOUR)
        events: list[Event] = [(placed, "open", place.local(ordinal, 12) + after_noon)]
        if prepaid:
            events.append((placed + 4_000 + int(roll() * 20_000), "pay", None))
        final = ordinal
        if roll() < 0.15:
            wanted = ordinal + random.choice((-1, 1, 1, 2, 3, FARTHEST_MOVE))
            # Some guests call weeks ahead, some on the very day that they had ordered for.
            latest = place.local(min(ordinal, wanted), 9)
            moved = latest - int(roll() * max(0, latest - placed - HOUR))
            if calendar.is_open(self._seed, place, wanted) and moved > placed + HOUR:
                events.append((moved, "move", wanted))
                final = wanted
        due = place.local(final, 12) + after_noon
        events.append((due - int((25 + 20 * roll()) * MINUTE), "fire", None))
        if not prepaid:
            events.append((due + int(roll() * 10 * MINUTE), "pay", None))
        night = place.day_start(final + 1) + int((5 + 110 * roll()) * MINUTE)
        events.append((night, "close", None))
        if roll() < 0.04:
            events.extend(_late_events("refund_part", night + REST + int(20 * roll() * DAY)))
        return Plan(number, in_order(events))


def _walk_in(random: Random, start: int, end: int, noon: int, night: int) -> list[Event]:
    """The events of one walk-in; ``night`` is when the place's nightly close begins."""
    roll = random.random
    opened = min(max(noon + _after_noon(random), start), end - 2 * MINUTE)
    if roll() < 0.004:
        opened = start + int(roll() * 3) * 500  # at, or a moment after, the very start of the business date
    events: list[Event] = [(opened, "open", None)]
    incident = pick(_INCIDENTS, roll())
    if roll() < 0.3:
        paid = opened + 3_000 + int(roll() * 40_000)
    else:
        paid = opened + int((9 + 70 * roll()) * MINUTE)
        added = opened + int((2 + 6 * roll()) * MINUTE)
        if roll() < 0.3 and added < end - 2 * MINUTE:
            events.append((added, "add", None))
    paid = min(paid, end - MINUTE + int(roll() * 50_000))
    if incident and incident != "stay_open":
        events.append((paid - 500 if incident in _BEFORE_PAYMENT else paid + 45_000, incident, None))
    if incident in _ENDS_THE_ORDER:
        return events
    events.append((paid, "pay", None))
    if incident == "void_payment":
        events.append((paid + 90_000, "pay", None))
    if roll() < 0.15:
        events.append((paid + int((1 + 5 * roll()) * HOUR), "tip", None))
    events.append((night + int(roll() * 60 * MINUTE), "close", None))
    return events


_BEFORE_PAYMENT = frozenset(
    {"void_selection", "void_modifier", "void_order", "delete_order", "drop_selection", "deny_payment"}
)


def _after_noon(random: Random) -> int:
    """Milliseconds after local noon: a lunch peak, a higher dinner peak, and the hours between and after."""
    which = random.random()
    if which < 0.4:
        minutes = random.gauss(50, 45)
    elif which < 0.85:
        minutes = random.gauss(430, 70)
    else:
        minutes = random.uniform(-120, 860)
    return int(minutes * MINUTE)


def _late_events(change: str, moment: int) -> list[Event]:
    """A late edit and what follows from it: a reopened check is paid and closed again."""
    events: list[Event] = [(moment, change, None)]
    if change == "reopen":
        events += [(moment + 11 * MINUTE, "pay", None), (moment + DAY, "close", None)]
    return events


def pick(table: tuple[tuple[float, str], ...], number: float) -> str | None:
    """The entry that ``number`` in [0, 1) falls on; None beyond the sum of the shares."""
    for share, name in table:
        if number < share:
            return name
        number -= share
    return None


def in_order(events: list[Event]) -> tuple[Event, ...]:
    """Sorted by time, no two at the same millisecond: each version has a modifiedDate of its own.

    The creation stays first whatever its neighbours' times.
    """
    first, *rest = events
    last = first[0]
    ordered = [first]
    for moment, change, argument in sorted(rest, key=_moment):
        last = max(moment, last + 1)
        ordered.append((last, change, argument))
    return tuple(ordered)
