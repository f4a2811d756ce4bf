"""Toast's time entries, as far as the warehouse uses them, and how a list of them is decoded.

See toast_objects for what holds for the objects of all Toast APIs.
"""

from __future__ import annotations

from decimal import Decimal

from shared.toast_objects import AnyReference, Guid, Instant, ListDecoder, Page, Reference, ToastObject


class TimeEntryBreak(ToastObject):
    """A break in a time entry; its ``guid`` is often not there, ``out_date`` is null for a missed one."""

    guid: str | None = None
    break_type: Reference | None = None
    in_date: Instant | None = None
    out_date: Instant | None = None
    paid: bool | None = None
    missed: bool | None = None
    waived: bool | None = None
    audit_response: bool | None = None


class TimeEntry(ToastObject):
    """A time entry; ``out_date`` is null while the employee is clocked in.

    ``business_date`` is yyyymmdd, a text where an order has a number. ``deleted_date`` can be 1970 for an
    entry that is not deleted. ``shift_reference`` is an object in Toast's definition, a bare GUID in its
    guide. Wages, tips and sales are in currency units, hours in decimal hours.
    """

    guid: Guid
    modified_date: Instant
    business_date: str | int | None = None
    created_date: Instant | None = None
    deleted_date: Instant | None = None
    deleted: bool | None = None
    employee_reference: Reference | None = None
    job_reference: Reference | None = None
    shift_reference: AnyReference = None
    in_date: Instant | None = None
    out_date: Instant | None = None
    auto_clocked_out: bool | None = None
    regular_hours: Decimal | None = None
    overtime_hours: Decimal | None = None
    hourly_wage: Decimal | None = None
    declared_cash_tips: Decimal | None = None
    non_cash_tips: Decimal | None = None
    non_cash_tips_rounding_loss: Decimal | None = None
    tips_withheld: Decimal | None = None
    cash_gratuity_service_charges: Decimal | None = None
    non_cash_gratuity_service_charges: Decimal | None = None
    cash_sales: Decimal | None = None
    non_cash_sales: Decimal | None = None
    breaks: list[TimeEntryBreak] | None = None


_entries = ListDecoder(TimeEntry, "time entries")


def decode_time_entries(body: bytes) -> Page[TimeEntry]:
    """Decode a reply of time entries; errors as in ListDecoder.decode."""
    return _entries.decode(body)
