"""The world's own time entries, and what each event does to one.

Money is in cents, wages in WAGE_UNITS, times and lengths in Unix milliseconds, business dates are proleptic
ordinals; None is "not there". Hours are kept as milliseconds, so that they are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from toast_simulator.world.catalog import Catalog, Entry
from toast_simulator.world.model import NoGuid
from toast_simulator.world.places import HOUR, MINUTE, Place
from toast_simulator.world.plans import Plan
from toast_simulator.world.roster import Slot
from toast_simulator.world.streams import GuidSource, stream
from toast_simulator.world.time_plans import TIPPED

DAILY_HOURS = 8 * HOUR
"""Work beyond this on one entry is overtime in this world."""

_LONGEST_CORRECTION = 45 * MINUTE


class Break(msgspec.Struct):
    """A break. Toast leaves the GUID of some out, and sends null for others (None here)."""

    guid: str | NoGuid | None
    kind: Entry
    paid: bool
    start: int
    end: int | None = None
    missed: bool = False
    waived: bool = False
    audit: bool | None = None


class TimeEntry(msgspec.Struct):
    """A time entry in one version; ``quirk`` picks small differences of form that real replies show.

    ``reclassified`` is how much of the regular time was made overtime.
    """

    guid: str
    ordinal: int
    employee: Entry
    job: Entry
    wage: int | None
    shift: str | None
    quirk: int
    created: int
    modified: int
    came: int
    left: int | None = None
    auto_clocked_out: bool = False
    breaks: list[Break] = []
    declared: int | None = None
    card_tips: int = 0
    withheld: int = 0
    rounding_loss: int = 0
    cash_gratuity: int = 0
    card_gratuity: int = 0
    cash_sales: int = 0
    card_sales: int = 0
    reclassified: int = 0
    deleted: int | None = None

    @property
    def worked(self) -> int:
        """Time to be paid: from clock-in to clock-out without unpaid breaks; 0 until clock-out."""
        if self.left is None:
            return 0
        unpaid = sum(rest.end - rest.start for rest in self.breaks if rest.end is not None and not rest.paid)
        return max(0, self.left - self.came - unpaid)

    @property
    def overtime(self) -> int:
        """The part of the time worked that is overtime."""
        return min(self.worked, max(0, self.worked - DAILY_HOURS) + self.reclassified)

    @property
    def regular(self) -> int:
        """The part of the time worked that is not overtime."""
        return self.worked - self.overtime


class Turn:
    """A time entry on its way through time, with what its changes need."""

    __slots__ = ("catalog", "entry", "guids", "place", "random")

    def __init__(self, place: Place, catalog: Catalog, random: Random, guids: GuidSource, entry: TimeEntry) -> None:
        self.place = place
        self.catalog = catalog
        self.random = random
        self.guids = guids
        self.entry = entry


def time_entry_at(
    place: Place, catalog: Catalog, seed: int, guid: str, ordinal: int, slot: Slot, shift: str | None, plan: Plan,
    version: int,
) -> TimeEntry:  # fmt: skip
    """The time entry of a turn of work after the first ``version`` events of its plan (at least one)."""
    key = (seed, "time entry", guid)
    random = stream(*key)
    created, _, came = plan.events[0]
    entry = TimeEntry(
        guid, ordinal, slot.employee, slot.job, slot.wage, shift, int(random.random() * 1000), created, created,
        created if came is None else came,
    )  # fmt: skip
    turn = Turn(place, catalog, random, GuidSource(*key), entry)
    for moment, change, argument in plan.events[1:version]:
        CHANGES[change](turn, moment, argument)
        entry.modified = moment
    return entry


def start_break(turn: Turn, moment: int, argument: int | None) -> None:
    """A break begins, unless the employee has left or is in one."""
    entry = turn.entry
    if entry.left is None and not any(_running(rest) for rest in entry.breaks):
        entry.breaks.append(_break(turn, moment, argument or 0))


def end_break(turn: Turn, moment: int, argument: int | None) -> None:
    """The running break ends."""
    for rest in turn.entry.breaks:
        if _running(rest):
            rest.end = moment


def miss_break(turn: Turn, moment: int, argument: int | None) -> None:
    """A break was due and not taken; the employee says so when asked, or is not asked."""
    if turn.entry.left is None:
        rest = _break(turn, moment, argument or 0)
        rest.missed = True
        rest.audit = (True, False, None)[int(turn.random.random() * 3)]
        turn.entry.breaks.append(rest)


def waive_break(turn: Turn, moment: int, argument: int | None) -> None:
    """A break was due, and the employee waived it: it counts as missed."""
    miss_break(turn, moment, argument)
    for rest in turn.entry.breaks:
        rest.waived = rest.waived or rest.start == moment


def clock_out(turn: Turn, moment: int, argument: int | None) -> None:
    """The employee leaves, now or (entered afterwards) at ``argument``; sales are frozen."""
    entry = turn.entry
    if entry.left is not None:
        return
    left = max(entry.came, moment if argument is None else argument)
    for rest in entry.breaks:
        if _running(rest):
            rest.end = max(rest.start, left)
    entry.left = left
    if entry.job.name in TIPPED:
        _sell(turn)


def auto_clock_out(turn: Turn, moment: int, argument: int | None) -> None:
    """The nightly close clocks out who forgot to, as of the closeout hour (``argument``)."""
    if turn.entry.left is None:
        clock_out(turn, moment, argument)
        turn.entry.auto_clocked_out = True


def declare(turn: Turn, moment: int, argument: int | None) -> None:
    """The employee declares cash tips; once in a while none."""
    turn.entry.declared = int(turn.random.random() * 4500) if turn.random.random() < 0.9 else 0


def adjust(turn: Turn, moment: int, argument: int | None) -> None:
    """Tips on cards are adjusted after the night."""
    _tip(turn, turn.entry.card_tips + 50 + int(turn.random.random() * 1500))


def tips(turn: Turn, moment: int, argument: int | None) -> None:
    """A manager corrects tips: what was declared, and what came by card."""
    entry = turn.entry
    entry.declared = (entry.declared or 0) + 100 + int(turn.random.random() * 900)
    _tip(turn, max(0, entry.card_tips - int(turn.random.random() * 300)))


def correct_in(turn: Turn, moment: int, argument: int | None) -> None:
    """A manager corrects the clock-in, within the business date."""
    entry = turn.entry
    came = entry.came + _correction(turn)
    latest = min(entry.left or moment, turn.place.day_start(entry.ordinal + 1) - 1)
    entry.came = max(turn.place.day_start(entry.ordinal), min(came, latest))


def correct_out(turn: Turn, moment: int, argument: int | None) -> None:
    """A manager corrects the clock-out."""
    entry = turn.entry
    if entry.left is not None:
        entry.left = max(entry.came, min(entry.left + _correction(turn), moment))


def reclassify(turn: Turn, moment: int, argument: int | None) -> None:
    """Part of the regular hours turn out to be overtime of the week."""
    turn.entry.reclassified += int(turn.entry.regular * (0.1 + 0.6 * turn.random.random()))


def drop_break(turn: Turn, moment: int, argument: int | None) -> None:
    """A break vanishes without a trace."""
    if turn.entry.breaks:
        turn.entry.breaks.pop()


def move(turn: Turn, moment: int, argument: int | None) -> None:
    """The whole turn was on another business date (``argument``), to which the entry then belongs."""
    entry, place = turn.entry, turn.place
    if argument is None:
        return
    offset = entry.came - place.day_start(entry.ordinal)
    # The other date can be an hour shorter.
    came = min(place.day_start(argument) + offset, place.day_start(argument + 1) - MINUTE)
    by = came - entry.came
    entry.came = came
    entry.left = None if entry.left is None else entry.left + by
    for rest in entry.breaks:
        rest.start += by
        rest.end = None if rest.end is None else rest.end + by
    entry.ordinal = argument


def delete(turn: Turn, moment: int, argument: int | None) -> None:
    """The entry is archived: it stays, flagged."""
    if turn.entry.deleted is None:
        turn.entry.deleted = moment


CHANGES: dict[str, Callable[[Turn, int, int | None], None]] = {
    change.__name__: change
    for change in (
        start_break, end_break, miss_break, waive_break, clock_out, auto_clock_out, declare, adjust, tips, correct_in,
        correct_out, reclassify, drop_break, move, delete,
    )
}  # fmt: skip
"""The changes by the names that plans use; "open", the creation, is not one of them."""


def _running(rest: Break) -> bool:
    return rest.end is None and not rest.missed


def _break(turn: Turn, moment: int, number: int) -> Break:
    """A rest break (0), which is paid, or a meal break (1), which is mostly not."""
    luck = turn.random.random()
    guid = turn.guids.next() if luck < 0.6 else None if luck < 0.8 else NoGuid.LEFT_OUT
    paid = number == 0 or luck < 0.06
    return Break(guid, turn.catalog.break_types[number], paid, moment)


def _sell(turn: Turn) -> None:
    """What an employee sold and earned in tips, by the hour; some sell nothing."""
    entry, roll = turn.entry, turn.random.random
    if roll() < 0.06:
        return
    hours = entry.worked / HOUR
    entry.cash_sales = int(hours * roll() * 3_000)
    entry.card_sales = int(hours * (0.3 + roll()) * 14_000)
    if roll() < 0.2:
        entry.cash_gratuity, entry.card_gratuity = int(roll() * 2_000), int(roll() * 6_000)
    _tip(turn, int(entry.card_sales * (0.1 + 0.12 * roll())))


def _tip(turn: Turn, cents: int) -> None:
    """Set the tips that came by card, and what is withheld of them for the card fees."""
    entry = turn.entry
    entry.card_tips = cents
    entry.withheld = cents * 3 // 100 if entry.quirk % 3 == 0 else 0
    entry.rounding_loss = cents % 5 if entry.quirk % 10 == 0 else 0


def _correction(turn: Turn) -> int:
    """A few minutes up to three quarters of an hour, to whole minutes, either way."""
    minutes = 5 + int(turn.random.random() * (_LONGEST_CORRECTION // MINUTE - 5))
    return (minutes if turn.random.random() < 0.5 else -minutes) * MINUTE
