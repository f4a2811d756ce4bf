"""From Toast's cash entries and deposits to their rows: pure functions, no I/O.

Money is copied, never computed, and keeps Toast's sign.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from shared.cash_tables import CashDepositRow, CashEntryRow
from shared.errors import ObjectRejected
from shared.flattening import flatten_each
from shared.row_values import make_row_fit
from shared.toast_cash import CashEntry, Deposit
from shared.toast_objects import guid_of

ObjectT = TypeVar("ObjectT", CashEntry, Deposit)
RowT = TypeVar("RowT", CashEntryRow, CashDepositRow)


def cash_entry_rows(
    entries: Sequence[CashEntry],
    *,
    restaurant_guid: str,
    business_date: dt.date,
    rejected: Callable[[CashEntry, str], None],
) -> list[CashEntryRow]:
    """The rows of the cash entries that Toast lists for a business date, each once.

    ``rejected`` is told each entry that cannot stand in the warehouse, with the reason; the others go on.
    """
    to_row = partial(cash_entry_row, restaurant_guid=restaurant_guid, business_date=business_date)
    return _each_once(entries, to_row, rejected)


def deposit_rows(
    deposits: Sequence[Deposit],
    *,
    restaurant_guid: str,
    business_date: dt.date,
    rejected: Callable[[Deposit, str], None],
) -> list[CashDepositRow]:
    """The rows of the deposits that Toast lists for a business date, each once; ``rejected`` as for cash entries."""
    to_row = partial(deposit_row, restaurant_guid=restaurant_guid, business_date=business_date)
    return _each_once(deposits, to_row, rejected)


def cash_entry_row(entry: CashEntry, restaurant_guid: str, business_date: dt.date) -> CashEntryRow:
    """The row of a cash entry; ``business_date`` is the one that Toast was asked for, entries do not say theirs.

    Raises ObjectRejected for a number or time that no column holds.
    """
    row = CashEntryRow(
        entry.guid,
        restaurant_guid,
        business_date,
        entry.type,
        entry.amount,
        entry.reason,
        entry.date,
        guid_of(entry.cash_drawer),
        guid_of(entry.payout_reason),
        guid_of(entry.no_sale_reason),
        guid_of(entry.undoes),
        guid_of(entry.employee1),
        guid_of(entry.employee2),
        guid_of(entry.creator_or_shift_review_subject),
        guid_of(entry.approver_or_shift_review_subject),
    )
    make_row_fit(row)
    return row


def deposit_row(deposit: Deposit, restaurant_guid: str, business_date: dt.date) -> CashDepositRow:
    """The row of a deposit; ``business_date`` and errors as for a cash entry."""
    row = CashDepositRow(
        deposit.guid,
        restaurant_guid,
        business_date,
        deposit.amount,
        deposit.date,
        guid_of(deposit.employee),
        guid_of(deposit.creator),
        guid_of(deposit.undoes),
    )
    make_row_fit(row)
    return row


def _each_once(
    objects: Sequence[ObjectT], to_row: Callable[[ObjectT], RowT], rejected: Callable[[ObjectT, str], None]
) -> list[RowT]:
    """Rows of objects; one listed twice is one row, and of two that share a GUID and differ the second is rejected."""
    rows: dict[str, RowT] = {}

    def keep(one: ObjectT) -> RowT:
        row = to_row(one)
        if rows.setdefault(one.guid, row) != row:
            raise ObjectRejected(f"{one.guid} stands more than once in the day, with different contents")
        return row

    flatten_each(objects, keep, rejected)
    return list(rows.values())
