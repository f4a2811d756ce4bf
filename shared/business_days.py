"""The business days that a call learnt something of: what is known of each now, and whether that is all of it.

A day is complete when it was read as a whole after its nightly close, or when it was read (or began) while
its restaurant's changes were being followed and these reach past its nightly close. A late refund on a day
that was never loaded does not make it complete.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from shared.business_calendar import DayFacts, KnownDay, Verdict
from shared.calls import Call
from shared.coverage import Coverage
from shared.date_utils import (
    FIRST_BUSINESS_DATE,
    LAST_BUSINESS_DATE,
    NIGHTLY_CLOSE,
    TradingHours,
    dates_between,
)
from shared.day_history import Day, DayHistory, history_of
from shared.plans import Plan
from shared.run_tables import BUSINESS_DAYS, BusinessDayRow
from shared.statements import Statement, insert_values
from shared.toast_objects import UNREADABLE, Undecodable
from shared.units import DatedUnit, DayUnit, WindowUnit


class Judge(msgspec.Struct, frozen=True):
    """How the days of a source are judged: the statement that asks the warehouse, and the verdict on its answer."""

    facts: Callable[[str, Collection[str], Collection[dt.date]], Statement]
    verdict: Callable[[KnownDay, DayFacts], Verdict]
    nothing: DayFacts = DayFacts()
    """What the warehouse's silence about a day means."""


def record_days(call: Call, plan: Plan, units: Sequence[DatedUnit], judge: Judge) -> list[BusinessDayRow]:
    """Judge each day that the call's units speak of by what the warehouse now holds, and write it down."""
    whole = _whole_days(units)
    touched = {key: day for key, day in (_left_days(units) | _touched_days(plan, units)).items() if key not in whole}
    if not whole and not touched:
        return []
    history = history_of(call, touched, "day-history")
    facts = _facts(call, judge, whole | touched)
    rows = [_row(call, day, "business_date", facts, judge, complete=day.is_final) for day in whole.values()]
    for key, day in touched.items():
        known = history.get(key, DayHistory())
        complete = _is_covered(day, plan.followed_to.get(key[0]), known)
        row = _row(call, day, "modified", facts, judge, complete=complete)
        if not complete and known.read_whole_at is None and day.is_final:
            row.status, row.reason = "provisional", "only_changes_read"
        rows.append(row)
    call.warehouse.run(insert_values(call.warehouse.dataset, BUSINESS_DAYS, rows), f"{call.run_id}-business-days")
    return rows


def _row(
    call: Call, day: KnownDay, mode: str, facts: Mapping[Day, DayFacts], judge: Judge, *, complete: bool
) -> BusinessDayRow:
    found = facts.get((day.restaurant.guid, day.business_date), judge.nothing)
    # A day of which all is known is judged as final, also when this call looked at an earlier moment of it.
    verdict = judge.verdict(day.as_final() if complete else day, found)
    return BusinessDayRow(
        source=call.source,
        restaurant_guid=day.restaurant.guid,
        business_date=day.business_date,
        run_id=call.run_id,
        mode=mode,
        status=verdict.status,
        reason=verdict.reason,
        complete=complete,
        row_count=found.rows,
        net_sales=found.net_sales,
        rejects=day.rejects,
        read_at=day.read_at,
    )


# --- which days --------------------------------------------------------------------------------------


def _whole_days(units: Iterable[DatedUnit]) -> dict[Day, KnownDay]:
    """The days of which every unit was read to its end."""
    by_day: dict[Day, list[DayUnit]] = defaultdict(list)
    for unit in units:
        if isinstance(unit, DayUnit):
            by_day[unit.restaurant_guid, unit.business_date].append(unit)
    return {
        key: _known(parts[0], key[1], _read_at(parts), sum(len(unit.rejects) for unit in parts))
        for key, parts in by_day.items()
        if all(unit.finished for unit in parts)
    }


def _touched_days(plan: Plan, units: Iterable[DatedUnit]) -> dict[Day, KnownDay]:
    """The days that finished windows touched, or whose closeout the followed changes passed with this call."""
    windows: dict[str, list[WindowUnit]] = defaultdict(list)
    for unit in units:
        if isinstance(unit, WindowUnit) and unit.finished:
            windows[unit.restaurant_guid].append(unit)
    days: dict[Day, KnownDay] = {}
    for guid, finished in windows.items():
        after = plan.followed_to.get(guid)
        until = after.until if after else max(unit.end for unit in finished)
        rejects = Counter(date for unit in finished for date in map(business_date_of, unit.rejects) if date)
        dates = set(rejects).union(*(unit.dates | unit.left for unit in finished))
        before = plan.followed.get(guid)
        if before is not None and after is not None:
            dates |= _closed_between(finished[0].hours, before.until, after.until)
        for date in dates:
            days[guid, date] = _known(finished[0], date, until, rejects[date])
    return days


def _left_days(units: Iterable[DatedUnit]) -> dict[Day, KnownDay]:
    """The days that an object has left which was read on another: what is known of them has changed too."""
    return {
        (unit.restaurant_guid, date): _known(unit, date, unit.read_at)
        for unit in units
        if unit.finished and unit.read_at is not None
        for date in unit.left
    }


def _closed_between(hours: TradingHours, start: dt.datetime, end: dt.datetime) -> set[dt.date]:
    """The dates that ended before ``end``, and whose nightly close was not past at ``start``."""
    first, last = hours.business_date(start - NIGHTLY_CLOSE), hours.last_finished(end)
    return {date for date in dates_between(first, last) if hours.end(date) + NIGHTLY_CLOSE > start}


def _known(unit: DatedUnit, date: dt.date, read_at: dt.datetime, rejects: int = 0) -> KnownDay:
    return KnownDay(
        restaurant=unit.restaurant,
        hours=unit.hours,
        first_business_date=unit.first_business_date,
        business_date=date,
        read_at=read_at,
        rejects=rejects,
    )


def _read_at(units: Iterable[DayUnit]) -> dt.datetime:
    return min(unit.read_at for unit in units if unit.read_at is not None)


class _Addressed(msgspec.Struct, rename="camel"):
    business_date: int | str | None = None


_addressed = msgspec.json.Decoder(_Addressed)


def business_date_of(reject: Undecodable) -> dt.date | None:
    """The business date that a rejected object says it belongs to, if it can be made out and can be one."""
    try:
        told = _addressed.decode(reject.payload).business_date
        date = dt.date.fromisoformat(str(told))
    except UNREADABLE:
        return None
    return date if FIRST_BUSINESS_DATE <= date <= LAST_BUSINESS_DATE else None


# --- what the warehouse knows of them ----------------------------------------------------------------


def _is_covered(day: KnownDay, coverage: Coverage | None, history: DayHistory) -> bool:
    """Whether all of a day is known that was not read as a whole just now."""
    if history.was_complete:
        return True
    if coverage is None or not day.is_final:
        return False
    since = coverage.since
    return since <= day.hours.start(day.business_date) or (
        history.read_whole_at is not None and since <= history.read_whole_at
    )


def _facts(call: Call, judge: Judge, days: Collection[Day]) -> dict[Day, DayFacts]:
    statement = judge.facts(call.warehouse.dataset, *_restaurants_and_dates(days))
    rows = call.warehouse.run(statement, f"{call.run_id}-day-facts").rows
    return {_day(row): DayFacts(int(row["rows"]), _amount(row.get("net_sales"))) for row in rows}


def _day(row: Mapping[str, Any]) -> Day:
    return row["restaurant_guid"], row["business_date"]


def _amount(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def _restaurants_and_dates(days: Collection[Day]) -> tuple[set[str], set[dt.date]]:
    return {guid for guid, _ in days}, {date for _, date in days}
