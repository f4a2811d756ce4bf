"""From Toast's time entries to their rows in the two labor tables: pure functions, no I/O.

Hours, wages, tips and sales are copied, never computed. A break for which Toast gives no GUID gets a key
made from its parts, the same each time the same version is flattened.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from functools import partial

from shared.errors import ObjectRejected
from shared.flattening import business_date_of, child_key, flatten_each, refuse_repeats
from shared.labor_tables import BreakRow, StagedTimeEntry
from shared.row_values import make_row_fit
from shared.toast_labor import TimeEntry, TimeEntryBreak
from shared.toast_objects import guid_of

_YYYYMMDD = re.compile(r"[0-9]{8}")


def flatten_time_entries(
    entries: Sequence[TimeEntry],
    *,
    restaurant_guid: str,
    unit: str,
    rejected: Callable[[TimeEntry, str], None],
) -> list[StagedTimeEntry]:
    """Turn the time entries of a reply into lines of the staging table, each entry once, in its newest version.

    ``rejected`` is told each entry that cannot stand in the warehouse, with the reason; the others go on.
    """
    flatten = partial(flatten_time_entry, restaurant_guid=restaurant_guid, unit=unit)
    return flatten_each(_newest_versions(entries), flatten, rejected)


def flatten_time_entry(entry: TimeEntry, *, restaurant_guid: str, unit: str) -> StagedTimeEntry:
    """Turn one time entry into one line of the staging table; ``unit`` names the unit of work that read it.

    Raises ObjectRejected when it cannot stand in the warehouse: a business date that is missing or none, a
    break's GUID that stands twice in it, a number or time that no column holds.
    """
    deleted = entry.deleted is True
    staged = StagedTimeEntry(
        entry.guid,
        restaurant_guid,
        _business_date(entry.business_date),
        entry.modified_date,
        deleted,
        guid_of(entry.employee_reference),
        guid_of(entry.job_reference),
        guid_of(entry.shift_reference),
        entry.in_date,
        entry.out_date,
        entry.auto_clocked_out,
        entry.regular_hours,
        entry.overtime_hours,
        entry.hourly_wage,
        entry.declared_cash_tips,
        entry.non_cash_tips,
        entry.non_cash_tips_rounding_loss,
        entry.tips_withheld,
        entry.cash_gratuity_service_charges,
        entry.non_cash_gratuity_service_charges,
        entry.cash_sales,
        entry.non_cash_sales,
        entry.created_date,
        entry.deleted_date if deleted else None,
        unit=unit,
        may_have_moved=True,
        breaks=_break_rows(entry.breaks or ()),
    )
    make_row_fit(staged)
    return staged


def _newest_versions(entries: Sequence[TimeEntry]) -> list[TimeEntry]:
    newest: dict[str, TimeEntry] = {}
    for entry in entries:
        held = newest.setdefault(entry.guid, entry)
        if entry.modified_date > held.modified_date:
            newest[entry.guid] = entry
    return list(newest.values())


def _business_date(written: str | int | None) -> dt.date:
    """The business date, which Toast documents as a text of eight digits."""
    if written is None:
        raise ObjectRejected("businessDate is missing")
    if isinstance(written, str):
        if not _YYYYMMDD.fullmatch(written):
            raise ObjectRejected(f"businessDate {written[:40]!r} is not a date")
        written = int(written)
    return business_date_of(written)


def _break_rows(breaks: Sequence[TimeEntryBreak]) -> list[BreakRow]:
    guids = [one.guid for one in breaks if one.guid]
    refuse_repeats("break", guids, "time entry")
    taken = set(guids)
    return [_break_row(one, taken) for one in breaks]


def _break_row(one: TimeEntryBreak, taken: set[str]) -> BreakRow:
    row = BreakRow(
        one.guid or "",
        guid_of(one.break_type),
        one.in_date,
        one.out_date,
        one.paid,
        one.missed,
        one.waived,
        one.audit_response,
    )
    make_row_fit(row)
    if not one.guid:
        row.break_key = child_key(taken, None, _parts_of(row), None)
    return row


def _parts_of(row: BreakRow) -> str:
    """What a break is known by without a GUID: its kind and its times, so that Toast may list breaks in any order."""
    times = (time.astimezone(dt.UTC).isoformat() if time else "" for time in (row.in_at, row.out_at))
    return "/".join((row.break_type_guid or "break", *times))
