"""Toast's cash entries and deposits, as far as the warehouse uses them, and how their lists are decoded.

See toast_objects for what holds for the objects of all Toast APIs.
"""

from __future__ import annotations

from decimal import Decimal

from shared.toast_objects import AnyReference, Guid, Instant, ListDecoder, Page, Reference, ToastObject


class CashEntry(ToastObject):
    """A cash entry of a drawer; ``amount`` is positive for cash put in, ``reason`` is typed by staff.

    ``employee1`` made the entry, ``employee2`` approved it. ``undoes`` is documented as a GUID.
    """

    guid: Guid
    type: str | None = None
    amount: Decimal | None = None
    reason: str | None = None
    date: Instant | None = None
    cash_drawer: Reference | None = None
    payout_reason: Reference | None = None
    no_sale_reason: Reference | None = None
    undoes: AnyReference = None
    employee1: Reference | None = None
    employee2: Reference | None = None
    creator_or_shift_review_subject: Reference | None = None
    approver_or_shift_review_subject: Reference | None = None


class Deposit(ToastObject):
    """A deposit of cash; ``amount`` is positive. ``undoes`` is documented as a GUID."""

    guid: Guid
    amount: Decimal | None = None
    date: Instant | None = None
    undoes: AnyReference = None
    employee: Reference | None = None
    creator: Reference | None = None


_entries = ListDecoder(CashEntry, "cash entries")
_deposits = ListDecoder(Deposit, "deposits")


def decode_cash_entries(body: bytes) -> Page[CashEntry]:
    """Decode the cash entries of a business date; errors as in ListDecoder.decode."""
    return _entries.decode(body)


def decode_deposits(body: bytes) -> Page[Deposit]:
    """Decode the deposits of a business date; errors as in ListDecoder.decode."""
    return _deposits.decode(body)
