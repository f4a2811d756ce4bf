"""When each task of a queued backfill is called for.

A queue knows no lanes. So that the calls of one restaurant and function still go one after the other, each is due
only when the one before should long have ended: the expected time of a call, and as much again. The first of all
lanes are due at once. Where a call takes even longer, the next one overlaps it: that does no harm to the data, and
Toast's limits are kept by its own replies, but it is slower.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from backfill.plan import CONFIGURATION_SECONDS, Conditions, planned
from backfill.work import by_lane
from history.ledger import Pace
from history.units import CONFIGURATION, Unit

# How much longer than expected a call may take before the next of its lane is called for.
LEEWAY = 2.0
# ... but at least so many seconds: a function that is called for the first time has to start.
LEAST_SECONDS = 15.0


class OffPeak(NamedTuple):
    """The hours at which calls may begin, from one time of day to another, over midnight too; zone None: local."""

    start: dt.time
    end: dt.time
    zone: dt.tzinfo | None = None

    def next(self, moment: dt.datetime) -> dt.datetime:
        """The first moment, from this one on, that lies in these hours."""
        local = moment.astimezone(self.zone)
        now = local.time()
        inside = self.start <= now < self.end if self.start < self.end else now >= self.start or now < self.end
        if inside:
            return moment
        opening = dt.datetime.combine(local.date(), self.start, local.tzinfo)
        if opening < local:
            opening = dt.datetime.combine(local.date() + dt.timedelta(days=1), self.start, local.tzinfo)
        return opening.astimezone(dt.UTC)


class Scheduled(NamedTuple):
    """A unit and when it is called for (UTC)."""

    unit: Unit
    due_at: dt.datetime


def schedule(
    units: Sequence[Unit],
    paces: Mapping[tuple[str, str], Pace],
    start: dt.datetime,
    *,
    at_once: int | None = None,
    per_second: float | None = None,
    after: Mapping[tuple[str, str], dt.datetime] | None = None,
    off_peak: OffPeak | None = None,
) -> list[Scheduled]:
    """Give each unit its time, the earliest first; configuration at once, and the rest after it.

    ``after``: by lane, when the last call that is in the queue already is due.
    ``at_once`` and ``per_second`` are the queue's own limits: where they let not all lanes run side by side, the
    calls of a lane lie farther apart, or they would wait in the queue and then go at once.
    """
    configuration = [unit for unit in units if unit.function == CONFIGURATION]
    facts = by_lane([unit for unit in units if unit.function != CONFIGURATION])
    begin = start + dt.timedelta(seconds=LEEWAY * CONFIGURATION_SECONDS) if configuration else start
    seconds = _seconds_per_call(facts, paces)
    least = max(
        LEAST_SECONDS,
        LEEWAY * sum(seconds.values()) / at_once if at_once else 0.0,
        len(facts) / per_second if per_second else 0.0,
    )
    times = [Scheduled(unit, _from(start, off_peak)) for unit in configuration]
    for lane, own in facts.items():
        step = dt.timedelta(seconds=max(least, LEEWAY * seconds[lane]))
        due_at = begin
        if after and lane in after:
            due_at = max(begin, after[lane] + step)
        for unit in own:
            due_at = _from(due_at, off_peak)
            times.append(Scheduled(unit, due_at))
            due_at += step
    return sorted(times, key=lambda one: one.due_at)


def _from(moment: dt.datetime, off_peak: OffPeak | None) -> dt.datetime:
    return off_peak.next(moment) if off_peak else moment


def _seconds_per_call(
    lanes: Mapping[tuple[str, str], Sequence[Unit]], paces: Mapping[tuple[str, str], Pace]
) -> dict[tuple[str, str], float]:
    units = [unit for own in lanes.values() for unit in own]
    plan = planned(units, paces, Conditions(workers=max(1, len(lanes))))
    return {(share.restaurant_guid, share.function): share.expected_seconds / share.calls for share in plan.shares}
