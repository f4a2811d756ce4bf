"""Reading time entries, of a business date or a window of changes: one reply from Toast, rows for the staging table.

Toast finds a day's time entries by their clock-in only, and archived ones only when it is asked for a range
of time; so a business date is asked for as the instants between its closeout hours (docs/loading.md).
"""

from __future__ import annotations

from shared.labor_rows import flatten_time_entries
from shared.toast_client import ToastClient
from shared.toast_labor import TimeEntry, decode_time_entries
from shared.toast_objects import Page
from shared.units import DatedUnit, DayUnit, WindowUnit
from shared.version_loading import VersionLoad


def read_time_entries(toast: ToastClient, unit: DatedUnit, load: VersionLoad, deadline: float) -> None:
    """Read every time entry of the unit and hand its rows to the load, under the business date that Toast gives it.

    Raises ToastError when the reply cannot be had; then the unit has failed.
    """
    unit.read_at = toast.now()
    page = _page(toast, unit, deadline)
    unit.rejects.extend(page.undecodable)
    entries = flatten_time_entries(
        page.objects, restaurant_guid=unit.restaurant_guid, unit=unit.id, rejected=unit.reject
    )
    load.add(entries)
    unit.extracted.update(load.family.count_rows(entries))
    for entry in entries:
        unit.dates.add(entry.business_date)
        created = entry.created_at or entry.in_at
        unit.moved_since.add(unit.hours.business_date(created) if created else entry.business_date)


def _page(toast: ToastClient, unit: DatedUnit, deadline: float) -> Page[TimeEntry]:
    if isinstance(unit, DayUnit):
        date = unit.business_date
        ask, start, end = toast.time_entries_clocked_in, unit.hours.start(date), unit.hours.end(date)
    elif isinstance(unit, WindowUnit):
        ask, start, end = toast.time_entries_modified, unit.start, unit.end
    else:
        raise TypeError(f"{unit.name} is neither a day nor a window")
    decode = unit.watched(decode_time_entries)
    return ask(unit.restaurant_guid, start, end, decode=decode, usage=unit.usage, deadline=deadline)
