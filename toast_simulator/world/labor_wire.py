"""Time entries and shifts as Toast's labor API writes them (OpenAPI of labor v1).

Hours are written as the double nearest to their exact length, with all its digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from toast_simulator.world.catalog import Entry
from toast_simulator.world.model import NoGuid
from toast_simulator.world.places import HOUR
from toast_simulator.world.roster import WAGE_UNITS, Shift
from toast_simulator.world.time_entries import Break, TimeEntry
from toast_simulator.world.wire import deleted_date, iso, yyyymmdd

_encode = msgspec.json.Encoder().encode


def encode_time_entries(entries: Iterable[TimeEntry], *, missed_breaks: bool) -> bytes:
    """Time entries as a JSON array; missed breaks are left out unless asked for."""
    return _encode([_time_entry(entry, missed_breaks=missed_breaks) for entry in entries])


def encode_shifts(shifts: Iterable[tuple[str, Shift]]) -> bytes:
    """Shifts, with their GUIDs, as a JSON array."""
    return _encode([_shift(guid, shift) for guid, shift in shifts])


def plain_reference(entry: Entry, entity_type: str) -> dict[str, str | None]:
    """A reference as the labor and cash APIs write those to break types and reasons."""
    return {"guid": entry.guid, "entityType": entity_type}


def external_reference(entry: Entry, entity_type: str) -> dict[str, str | None]:
    """A reference as the labor and cash APIs write those to people and jobs: with an externalId."""
    return {"guid": entry.guid, "entityType": entity_type, "externalId": None}


def _time_entry(entry: TimeEntry, *, missed_breaks: bool) -> dict[str, Any]:
    quirk = entry.quirk
    return {
        "guid": entry.guid,
        "entityType": None if quirk % 4 == 0 else "TimeEntry",
        "externalId": None,
        "createdDate": iso(entry.created),
        "modifiedDate": iso(entry.modified),
        "deletedDate": deleted_date(entry.deleted, quirk),
        "deleted": entry.deleted is not None,
        "jobReference": external_reference(entry.job, "RestaurantJob"),
        "employeeReference": external_reference(entry.employee, "RestaurantUser"),
        "shiftReference": _shift_reference(entry),
        "inDate": iso(entry.came),
        "outDate": None if entry.left is None else iso(entry.left),
        "autoClockedOut": entry.auto_clocked_out,
        "businessDate": str(yyyymmdd(entry.ordinal)),
        "regularHours": _ratio(entry.regular, HOUR),
        "overtimeHours": _ratio(entry.overtime, HOUR),
        "hourlyWage": None if entry.wage is None else _ratio(entry.wage, WAGE_UNITS),
        "breaks": [_break(rest) for rest in entry.breaks if missed_breaks or not rest.missed],
        "declaredCashTips": None if entry.declared is None else _ratio(entry.declared, 100),
        "nonCashTips": _ratio(entry.card_tips, 100),
        "nonCashTipsRoundingLoss": _ratio(entry.rounding_loss, 100),
        "cashGratuityServiceCharges": _ratio(entry.cash_gratuity, 100),
        "nonCashGratuityServiceCharges": _ratio(entry.card_gratuity, 100),
        "tipsWithheld": _ratio(entry.withheld, 100),
        "cashSales": _ratio(entry.cash_sales, 100),
        "nonCashSales": _ratio(entry.card_sales, 100),
    }


def _shift_reference(entry: TimeEntry) -> dict[str, str | None] | str | None:
    """An object, a bare GUID or null: all three are documented."""
    if entry.shift is None or entry.quirk % 7 == 0:
        return None
    if entry.quirk % 2:
        return entry.shift
    return {"guid": entry.shift, "entityType": "ScheduledShift", "externalId": None}


def _break(rest: Break) -> dict[str, Any]:
    wire = {
        "guid": rest.guid,
        "breakType": plain_reference(rest.kind, "BreakType"),
        "paid": rest.paid,
        "inDate": iso(rest.start),
        "outDate": None if rest.end is None else iso(rest.end),
        "missed": rest.missed,
        "waived": rest.waived,
        "auditResponse": rest.audit,
    }
    if rest.guid is NoGuid.LEFT_OUT:
        del wire["guid"]
    return wire


def _shift(guid: str, shift: Shift) -> dict[str, Any]:
    slot = shift.slot
    return {
        "guid": guid,
        "entityType": "ScheduledShift",
        "externalId": None,
        "createdDate": iso(shift.created),
        "modifiedDate": iso(shift.modified),
        "deletedDate": deleted_date(shift.deleted, slot.number),
        "deleted": shift.deleted is not None,
        "jobReference": external_reference(slot.job, "RestaurantJob"),
        "employeeReference": external_reference(slot.employee, "RestaurantUser"),
        "inDate": iso(shift.start),
        "outDate": iso(shift.end),
        "scheduleConfig": {
            "minBeforeClockIn": 15,
            "minAfterClockIn": 30,
            "minBeforeClockOut": 15,
            "minAfterClockOut": 45,
        },
    }


def _ratio(numerator: int, denominator: int) -> float | int:
    """A quotient as JSON shows it: without decimals where there are none."""
    whole, rest = divmod(numerator, denominator)
    return numerator / denominator if rest else whole
