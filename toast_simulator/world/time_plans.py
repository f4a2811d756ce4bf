"""What happens to each time entry, and when: clocking in, breaks, clocking out, and what managers do afterwards.

An event is (moment, change, argument), as with orders; changes are functions of ``time_entries``, but for "open",
the creation, whose argument is when the employee came (Unix ms). A moment that an event sets is its argument;
without one it is the event's own.
"""

from __future__ import annotations

from functools import partial
from random import Random

from toast_simulator.world import calendar
from toast_simulator.world.places import DAY, HOUR, MINUTE, Place
from toast_simulator.world.plans import Event, Plan, in_order, pick
from toast_simulator.world.roster import Slot
from toast_simulator.world.streams import fraction, stream

LATEST_CHANGE = 32
"""A time entry rests this many days after its business date's end."""

_FORGOTTEN = 0.05
_FORGOTTEN_FOR_DAYS = 0.3
_ENTERED_LATE = 0.015
_DUPLICATE = 0.006

_MANAGED: tuple[tuple[float, str], ...] = (
    (0.025, "correct_in"),
    (0.03, "correct_out"),
    (0.02, "reclassify"),
    (0.02, "tips"),
    (0.015, "drop_break"),
    (0.012, "move"),
    (0.02, "delete"),
)
TIPPED = frozenset({"Server", "Bartender", "Host"})
"""Jobs whose holders declare tips and have sales of their own."""


def plan_of(seed: int, place: Place, ordinal: int, slot: Slot) -> Plan:
    """The events of the time entry that belongs to a turn of work."""
    random = stream(seed, "time entry", place.guid, ordinal, slot.number)
    late = random.random() < _ENTERED_LATE
    events, done = _entered_late(random, slot) if late else _worked(random, seed, place, ordinal, slot)
    if random.random() < _DUPLICATE:
        first = events[0]
        return Plan(slot.number, in_order([first, (first[0] + int(random.random() * 5 * MINUTE), "delete", None)]))
    if done is not None:
        events += _afterwards(random, place, ordinal, slot, done)
        events += _managed(random, seed, place, ordinal, max(moment for moment, _, _ in events))
    return Plan(slot.number, in_order(events))


def _entered_late(random: Random, slot: Slot) -> tuple[list[Event], int | None]:
    """Nobody clocked in: a manager enters the turn one to three days later."""
    entered = slot.end + int((1 + 2 * random.random()) * DAY)
    return [(entered, "open", slot.start), (entered + 20_000, "clock_out", slot.end)], entered


def _worked(random: Random, seed: int, place: Place, ordinal: int, slot: Slot) -> tuple[list[Event], int | None]:
    """The turn itself; and when the employee had left, None for one who was never clocked out."""
    close = place.day_start(ordinal + 1)
    came = slot.start + int(random.uniform(-9, 13) * MINUTE)
    came = min(max(came, place.day_start(ordinal)), close - MINUTE)
    left = max(slot.end + int(random.uniform(-20, 35) * MINUTE), came + 10 * MINUTE)
    # The clock at the till is a moment behind the server that writes the entry.
    events: list[Event] = [(came + 300 + int(random.random() * 600), "open", came)]
    events += _breaks(random, came, left)
    if random.random() >= _FORGOTTEN:
        return [*events, (left, "clock_out", None)], left
    return _forgotten(random, seed, place, ordinal, events, left)


def _forgotten(
    random: Random, seed: int, place: Place, ordinal: int, events: list[Event], left: int
) -> tuple[list[Event], int | None]:
    """Nobody clocked out: the nightly close does, or a manager days later, or nobody ever."""
    close = place.day_start(ordinal + 1)
    night = close + int((5 + 55 * fraction(seed, "night", place.guid, ordinal)) * MINUTE) + int(random.random() * 9_000)
    if random.random() >= _FORGOTTEN_FOR_DAYS:
        before = [event for event in events if event[0] < close]
        return [*before, (night, "auto_clock_out", close)], night
    if random.random() < 0.25:
        return events, None
    noticed = left + int((1.5 + 8 * random.random()) * DAY)
    return [*events, (noticed, "clock_out", left)], noticed


def _breaks(random: Random, came: int, left: int) -> list[Event]:
    """A rest break in a turn of four hours, a meal break in one of six; the argument is 0 and 1."""
    events: list[Event] = []
    for kind, least, share, minutes in ((0, 4, 0.35, 10), (1, 6, 0.6, 30)):
        if left - came < least * HOUR:
            continue
        begin = came + int((left - came) * share * random.uniform(0.9, 1.1))
        luck = random.random()
        if luck < 0.06:
            events.append((begin, "miss_break", kind))
        elif luck < 0.09:
            events.append((begin, "waive_break", kind))
        else:
            events.append((begin, "start_break", kind))
            events.append((begin + int(minutes * random.uniform(0.7, 1.4) * MINUTE), "end_break", None))
    return events


def _afterwards(random: Random, place: Place, ordinal: int, slot: Slot, done: int) -> list[Event]:
    """Tips are declared on leaving or hours later, some never; card tips are adjusted the morning after."""
    events: list[Event] = []
    if slot.job.name not in TIPPED:
        return events
    luck = random.random()
    if luck < 0.55:
        events.append((done + int(random.random() * 15 * MINUTE), "declare", None))
    elif luck < 0.9:
        events.append((done + int((1 + 13 * random.random()) * HOUR), "declare", None))
    if random.random() < 0.3:
        morning = max(done, place.day_start(ordinal + 1)) + int((10 + 110 * random.random()) * MINUTE)
        events.append((morning, "adjust", None))
    return events


def _managed(random: Random, seed: int, place: Place, ordinal: int, last: int) -> list[Event]:
    """What a manager does days later."""
    change = pick(_MANAGED, random.random())
    if change is None:
        return []
    days = min(random.expovariate(1 / 4), 16)
    moment = last + int((0.2 + days) * DAY)
    if change != "move":
        return [(moment, change, None)]
    is_open = partial(calendar.is_open, seed, place)
    target = next((near for near in _neighbours(random, ordinal) if is_open(near)), None)
    # Moved forward, it must not lie ahead of the moment that it is moved at.
    return [] if target is None else [(moment + 2 * DAY, "move", target)]


def _neighbours(random: Random, ordinal: int) -> tuple[int, int]:
    return (ordinal - 1, ordinal + 1) if random.random() < 0.5 else (ordinal + 1, ordinal - 1)
