"""Labor: answers which time entries and scheduled shifts there are, and what they look like, at any moment.

On top of the pure world lie the edits that tests ask for; they are kept for as long as the process lives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from toast_simulator.world.catalog import Catalog
from toast_simulator.world.edited import PlanEdits
from toast_simulator.world.places import Place
from toast_simulator.world.plans import Event, Plan
from toast_simulator.world.roster import Roster, Shift, Slot
from toast_simulator.world.streams import DatedGuids
from toast_simulator.world.time_entries import TimeEntry, time_entry_at
from toast_simulator.world.time_plans import LATEST_CHANGE, plan_of

_FARTHEST_MOVE = 1  # days that a manager moves an entry by

Home = tuple[int, int]
"""Where an entry or a shift was first planned: business date (ordinal) and number."""


class Labor:
    """All time entries and shifts of all places. Deterministic in (seed, places); times are Unix milliseconds.

    What it returns is shared with later callers: it is to be read only.
    """

    def __init__(self, seed: int, catalog: Callable[[Place], Catalog]) -> None:
        self._seed = seed
        self._catalog = catalog
        self._roster = Roster(seed, catalog)
        self._edits = PlanEdits()
        self._planned = lru_cache(4096)(self._plan_date)
        self._versions = lru_cache(32_768)(self._version)
        self._guids = lru_cache(None)(self._guids_of)

    # --- time entries -----------------------------------------------------------------------------

    def find(self, place: Place, guid: str) -> Home | None:
        """Where the time entry with a GUID was planned; None when this place has none with it."""
        home = self._guids(place, "time entries").decode(guid)
        return home if home and self.plan(place, *home) else None

    def plan(self, place: Place, ordinal: int, number: int) -> Plan | None:
        """The lifecycle of a time entry, edits included; None when there is no such entry."""
        planned = self._planned(place, ordinal).get(number)
        return self._edits.merged(place, ordinal, number, planned[1] if planned else None)

    def time_entry(self, place: Place, home: Home, now: int) -> TimeEntry | None:
        """A time entry as it is at ``now``; None when it does not exist (yet)."""
        plan = self.plan(place, *home)
        version = plan.version(now) if plan else 0
        return self._versions(place, home, version, self._edits.number_of(place, *home)) if version else None

    def on_business_date(self, place: Place, ordinal: int, now: int) -> Iterator[TimeEntry]:
        """The time entries that belong to a business date at ``now``, archived ones too."""
        homes = self._homes(place, ordinal - _FARTHEST_MOVE, ordinal + _FARTHEST_MOVE)
        return (entry for entry in self._existing(place, homes, now) if entry.ordinal == ordinal)

    def clocked_in_between(self, place: Place, start: int, end: int, now: int) -> Iterator[TimeEntry]:
        """The time entries whose clock-in, as it stands at ``now``, lies in [start, end); archived ones too."""
        first = _ordinal(place, start) - _FARTHEST_MOVE
        last = _ordinal(place, end) + _FARTHEST_MOVE
        homes = self._homes(place, first, last)
        return (entry for entry in self._existing(place, homes, now) if start <= entry.came < end)

    def modified_between(self, place: Place, start: int, end: int, now: int) -> Iterator[TimeEntry]:
        """The time entries whose modifiedDate at ``now`` lies in [start, end), archived ones too."""
        first, last = _ordinal(place, start) - LATEST_CHANGE - 1, _ordinal(place, end)
        for home in self._homes(place, first, last):
            plan = self.plan(place, *home)
            version = plan.version(now) if plan else 0
            if plan and version and start <= plan.events[version - 1][0] < end:
                entry = self.time_entry(place, home, now)
                if entry is not None:
                    yield entry

    def edit(self, place: Place, home: Home, event: Event) -> int:
        """Make a change happen to a time entry; return the moment of its new version. Raises KeyError."""
        plan = self.plan(place, *home)
        if plan is None:
            raise KeyError(home)
        return self._edits.add(place, home[0], plan, event)

    # --- shifts -----------------------------------------------------------------------------------

    def shift_guid(self, place: Place, home: Home) -> str:
        """The GUID of the shift of a turn of work."""
        return self._guids(place, "shifts").encode(*home)

    def find_shift(self, place: Place, guid: str, now: int) -> tuple[str, Shift] | None:
        """The shift with a GUID as it is at ``now``; None when this place has none with it (yet)."""
        home = self._guids(place, "shifts").decode(guid)
        return next(self._shifts(place, home[0], now, home[1]), None) if home else None

    def shifts_within(self, place: Place, start: int, end: int, now: int) -> Iterator[tuple[str, Shift]]:
        """GUID and state of the shifts that begin at or after ``start`` and end before ``end``."""
        for ordinal in range(_ordinal(place, start) - 1, _ordinal(place, end) + 1):
            for guid, shift in self._shifts(place, ordinal, now):
                if shift.start >= start and shift.end < end:
                    yield guid, shift

    # --- how --------------------------------------------------------------------------------------

    def _shifts(self, place: Place, ordinal: int, now: int, number: int | None = None) -> Iterator[tuple[str, Shift]]:
        for slot in self._roster.slots(place, ordinal):
            if number in (None, slot.number):
                shift = self._roster.shift(place, ordinal, slot, now)
                if shift is not None:
                    yield self.shift_guid(place, (ordinal, slot.number)), shift

    def _homes(self, place: Place, first: int, last: int) -> Iterator[Home]:
        """Every time entry planned for the dates from first to last, then the edited ones of other dates."""
        for ordinal in range(max(first, _opening(place)), last + 1):
            for number in self._planned(place, ordinal):
                yield ordinal, number
        yield from (home for home in self._edits.edited(place) if not first <= home[0] <= last)

    def _existing(self, place: Place, homes: Iterable[Home], now: int) -> Iterator[TimeEntry]:
        for home in homes:
            entry = self.time_entry(place, home, now)
            if entry is not None:
                yield entry

    def _plan_date(self, place: Place, ordinal: int) -> dict[int, tuple[Slot, Plan]]:
        slots = self._roster.slots(place, ordinal)
        return {slot.number: (slot, plan_of(self._seed, place, ordinal, slot)) for slot in slots if slot.worked}

    def _version(self, place: Place, home: Home, version: int, edits: int) -> TimeEntry:
        """A version of a time entry; ``edits`` is only there to keep apart what edits made different."""
        slot, _ = self._planned(place, home[0])[home[1]]
        plan = self.plan(place, *home)
        if plan is None:
            raise KeyError(home)
        guid = self._guids(place, "time entries").encode(*home)
        shift = self.shift_guid(place, home) if slot.scheduled else None
        return time_entry_at(place, self._catalog(place), self._seed, guid, home[0], slot, shift, plan, version)

    def _guids_of(self, place: Place, kind: str) -> DatedGuids:
        return DatedGuids(self._seed, kind, place.guid)


def _opening(place: Place) -> int:
    return place.first_business_date.toordinal()


def _ordinal(place: Place, moment: int) -> int:
    """The business date of a moment, or that of the opening: before it nothing happened, however far back."""
    opening = _opening(place)
    return place.business_ordinal(moment) if moment > place.day_start(opening) else opening
