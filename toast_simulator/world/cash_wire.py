"""Cash entries and deposits as Toast's cash management API writes them (OpenAPI of cashmgmt v1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from toast_simulator.world.cash import CashEntry, Deposit
from toast_simulator.world.catalog import Entry
from toast_simulator.world.labor_wire import external_reference, plain_reference
from toast_simulator.world.wire import iso

_encode = msgspec.json.Encoder().encode


def encode_entries(entries: Iterable[CashEntry]) -> bytes:
    """Cash entries as a JSON array."""
    return _encode([_entry(entry) for entry in entries])


def encode_deposits(deposits: Iterable[Deposit]) -> bytes:
    """Deposits as a JSON array."""
    return _encode([_deposit(deposit) for deposit in deposits])


def _entry(entry: CashEntry) -> dict[str, Any]:
    employee, approver = _user(entry.employee), _user(entry.approver)
    return {
        "guid": entry.guid,
        "entityType": "CashEntry",
        "amount": entry.cents / 100,
        "reason": entry.reason,
        "date": iso(entry.moment),
        "type": entry.kind,
        "cashDrawer": _plain(entry.drawer, "CashDrawer"),
        "payoutReason": _plain(entry.payout_reason, "PayoutReason"),
        "noSaleReason": _plain(entry.no_sale_reason, "NoSaleReason"),
        "undoes": entry.undoes,
        "employee1": employee,
        "employee2": approver,
        "creatorOrShiftReviewSubject": employee,
        "approverOrShiftReviewSubject": approver,
    }


def _deposit(deposit: Deposit) -> dict[str, Any]:
    return {
        "guid": deposit.guid,
        "entityType": "DepositEntry",
        "amount": deposit.cents / 100,
        "date": iso(deposit.moment),
        "undoes": deposit.undoes,
        "employee": _user(deposit.employee),
        "creator": _user(deposit.creator),
    }


def _user(entry: Entry | None) -> dict[str, str | None] | None:
    return None if entry is None else external_reference(entry, "RestaurantUser")


def _plain(entry: Entry | None, entity_type: str) -> dict[str, str | None] | None:
    return None if entry is None else plain_reference(entry, entity_type)
