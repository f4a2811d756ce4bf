"""Events that tests add to plans. They lie on top of the pure world, for as long as the process lives."""

from __future__ import annotations

from toast_simulator.world.places import Place
from toast_simulator.world.plans import Event, Plan


class PlanEdits:
    """The added events of one kind of thing, by place, home date (ordinal) and number."""

    def __init__(self) -> None:
        self._added: dict[tuple[str, int, int], list[Event]] = {}
        self.count = 0
        """How many edits were made: changes whenever lists may have changed outside of time."""

    def merged(self, place: Place, home: int, number: int, plan: Plan | None) -> Plan | None:
        """A plan with the events that were added to it."""
        edits = self._added.get((place.guid, home, number))
        if plan is None or not edits:
            return plan
        first, *rest = plan.events
        return Plan(plan.number, (first, *sorted([*rest, *edits], key=_moment)))

    def add(self, place: Place, home: int, plan: Plan, event: Event) -> int:
        """Add an event, at a millisecond of its own so that it is a version; return the moment."""
        moment, change, argument = event
        moment = max(moment, plan.events[0][0])
        taken = {other for other, _, _ in plan.events}
        while moment in taken:
            moment += 1
        self._added.setdefault((place.guid, home, plan.number), []).append((moment, change, argument))
        self.count += 1
        return moment

    def number_of(self, place: Place, home: int, number: int) -> int:
        """How many edits one thing has had."""
        return len(self._added.get((place.guid, home, number), ()))

    def edited(self, place: Place) -> list[tuple[int, int]]:
        """Home date and number of everything at a place that has edits."""
        return [(home, number) for guid, home, number in self._added if guid == place.guid]


def _moment(event: Event) -> int:
    return event[0]
