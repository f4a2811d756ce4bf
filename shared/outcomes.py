"""What came of a call for each restaurant: the entries of the reply, and of the run ledger."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from shared.calls import Call
from shared.errors import EtlError, ToastRefused, Unavailable
from shared.plans import Plan
from shared.request_body import Mode
from shared.run_tables import BusinessDayRow
from shared.tables import Table
from shared.units import DayUnit, Unit, WindowUnit, Written


class Outcome(msgspec.Struct, kw_only=True):
    """What a call did for one restaurant."""

    restaurant_guid: str
    status: Literal["success", "partial", "failed"]
    mode: Mode | None
    start_date: dt.date | None
    end_date: dt.date | None
    tables: dict[str, dict[str, int]]
    pages: int
    requests: int
    throttled: int
    """429s among the replies to the requests."""
    rejects: int
    drift: list[str]
    """Fields and values in Toast's replies that the code does not know, each once."""
    business_days: list[dict[str, Any]]
    resume_from: dict[str, Any] | None
    notes: list[str]
    error: EtlError | None

    def rows(self) -> dict[str, int]:
        """Rows over all tables: extracted, inserted, updated."""
        counters = ("extracted", "inserted", "updated")
        return {name: sum(counts[name] for counts in self.tables.values()) for name in counters}


def outcomes(
    call: Call,
    plan: Plan,
    units: Sequence[Unit],
    *,
    tables: Sequence[Table],
    written: Mapping[tuple[str, str], Written],
    days: Sequence[BusinessDayRow] = (),
) -> list[Outcome]:
    """What the call did, per restaurant, in the order of restaurants.toml."""
    units_of, days_of = defaultdict[str, list[Unit]](list), defaultdict[str, list[BusinessDayRow]](list)
    for unit in units:
        units_of[unit.restaurant_guid].append(unit)
    for day in days:
        days_of[day.restaurant_guid].append(day)
    return [
        _outcome(call, plan, restaurant.guid, units_of[restaurant.guid], tables, written, days_of[restaurant.guid])
        for restaurant in call.restaurants
    ]


def _outcome(
    call: Call,
    plan: Plan,
    restaurant: str,
    units: Sequence[Unit],
    tables: Sequence[Table],
    written: Mapping[tuple[str, str], Written],
    days: Sequence[BusinessDayRow],
) -> Outcome:
    finished = [unit for unit in units if unit.finished]
    failed = [unit for unit in units if not unit.finished and not unit.skipped]
    error = _told_together([plan.failures.get(restaurant), *(unit.error for unit in failed)])
    start, end = _dates_of(call, units)
    extracted = sum((unit.extracted for unit in finished), Counter[str]())
    usage = plan.usage[restaurant]
    return Outcome(
        restaurant_guid=restaurant,
        status="success" if error is None else "partial" if finished else "failed",
        mode=_mode_of(call, units),
        start_date=start,
        end_date=end,
        tables={
            table.name: _counts(extracted[table.name], written.get((restaurant, table.name), Written()))
            for table in tables
        },
        pages=usage.pages,
        requests=usage.requests,
        throttled=usage.throttled,
        rejects=sum(len(unit.rejects) for unit in finished),
        drift=plan.drift.of(restaurant),
        business_days=[
            {"business_date": day.business_date, "status": day.status, "reason": day.reason, "complete": day.complete}
            for day in sorted(days, key=lambda day: day.business_date)
        ],
        resume_from=_resume_from(call, failed) if error is not None else None,
        notes=plan.notes.get(restaurant, []) + _notes(units),
        error=error,
    )


def _notes(units: Sequence[Unit]) -> list[str]:
    skipped = sum(unit.skipped for unit in units)
    return [f"time ran short: {skipped} readings of less than an hour ago were left as they are"] if skipped else []


def _mode_of(call: Call, units: Sequence[Unit]) -> Mode | None:
    for unit in units:
        if isinstance(unit, WindowUnit):
            return "modified"
        if isinstance(unit, DayUnit):
            return "business_date"
    return call.body.mode


def _dates_of(call: Call, units: Sequence[Unit]) -> tuple[dt.date | None, dt.date | None]:
    """The business dates that were to be read; those of windows are the dates that they reach into."""
    dates: list[dt.date] = []
    for unit in units:
        if isinstance(unit, DayUnit):
            dates.append(unit.business_date)
        elif isinstance(unit, WindowUnit):
            last_moment = unit.end - dt.timedelta(milliseconds=1)
            dates += (unit.hours.business_date(unit.start), unit.hours.business_date(last_moment))
    return (min(dates), max(dates)) if dates else (call.body.start_date, call.body.end_date)


def _resume_from(call: Call, failed: Sequence[Unit]) -> dict[str, Any] | None:
    """Where a repeat has something left to do: it begins with the first unit that failed."""
    dates = [unit.business_date for unit in failed if isinstance(unit, DayUnit)]
    if dates:
        return {"start_date": min(dates)}
    moments = [unit.start for unit in failed if isinstance(unit, WindowUnit)]
    if moments:
        return {"modified_from": min(moments)}
    return {"start_date": call.body.start_date} if call.body.start_date else None


def _told_together(errors: Iterable[EtlError | None]) -> EtlError | None:
    """The error to report of several: one that may pass, if there is one, since then calling again helps.

    Refusals for different reasons are told together, so that all of them can be mended at once.
    """
    real = [error for error in errors if error is not None]
    for error in real:
        if isinstance(error, Unavailable):
            return error
    refusals = {_without_request(error): error for error in reversed(real) if isinstance(error, ToastRefused)}
    if len(refusals) > 1 and all(isinstance(error, ToastRefused) for error in real):
        first, *others = reversed(refusals.values())
        return ToastRefused(
            " Also: ".join(map(str, (first, *others))), status=first.status, request_id=first.request_id
        )
    return real[0] if real else None


def _without_request(error: ToastRefused) -> str:
    """What tells one refusal from another: each request has an id of its own."""
    return str(error).replace(error.request_id or "\0", "")


def _counts(extracted: int, written: Written) -> dict[str, int]:
    counts = {
        "extracted": extracted,
        "inserted": written.inserted,
        "updated": written.updated,
        "unchanged": max(0, extracted - written.inserted - written.updated),
    }
    return counts if written.closed is None else counts | {"closed": written.closed}
