"""Ground truth: what the tables of a warehouse must hold, counted from the world's own orders.

Independent of any loader on purpose: it never looks at the JSON of the API. Sums are kept in whole units
(cents for money, hundredths for quantities, ones for the rest) and written as decimal strings.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from toast_simulator.clock import iso
from toast_simulator.world.model import AppliedDiscount, AppliedTax, Check, NoGuid, Order, Payment, Selection
from toast_simulator.world.places import Place
from toast_simulator.world.world import World

_ONES, _HUNDREDTHS = 0, 2

# Table -> column -> decimals of the sum.
TABLES: dict[str, dict[str, int]] = {
    "fact_orders": {
        "guest_count": _ONES,
        "check_count": _ONES,
        "is_voided": _ONES,
        "is_deleted": _ONES,
        "order_modified_at": _ONES,
    },
    "fact_order_items": {
        "depth": _ONES,
        "item_quantity": _HUNDREDTHS,
        "pre_discount_price": _HUNDREDTHS,
        "discount_amount": _HUNDREDTHS,
        "item_price": _HUNDREDTHS,
        "tax_amount": _HUNDREDTHS,
        "is_voided": _ONES,
        "is_deleted": _ONES,
        "is_deferred": _ONES,
    },
    "fact_checks": {
        "amount": _HUNDREDTHS,
        "tax_amount": _HUNDREDTHS,
        "total_amount": _HUNDREDTHS,
        "tip_amount": _HUNDREDTHS,
        "discount_amount": _HUNDREDTHS,
        "service_charge_amount": _HUNDREDTHS,
        "gratuity_amount": _HUNDREDTHS,
        "refund_amount": _HUNDREDTHS,
        "is_voided": _ONES,
        "is_deleted": _ONES,
    },
    "fact_payments": {
        "amount": _HUNDREDTHS,
        "tip_amount": _HUNDREDTHS,
        "amount_tendered": _HUNDREDTHS,
        "processing_fee": _HUNDREDTHS,
        "refund_amount": _HUNDREDTHS,
        "refund_tip_amount": _HUNDREDTHS,
        "is_voided": _ONES,
    },
    "fact_discounts": {"discount_amount": _HUNDREDTHS, "non_tax_discount_amount": _HUNDREDTHS},
    "fact_service_charges": {"charge_amount": _HUNDREDTHS, "is_gratuity": _ONES, "is_taxable": _ONES},
    "fact_taxes": {"tax_amount": _HUNDREDTHS},
}

Key = tuple[str, str | None, str]


class _Table:
    """Rows, sums and keys of one table on one business date."""

    def __init__(self, columns: dict[str, int]) -> None:
        self._decimals = tuple(columns.values())
        self._names = tuple(columns)
        self._sums = [0] * len(columns)
        self._rows = 0
        self._keys: list[Key] = []

    def add(self, key: Key, *values: int | None) -> None:
        """Count a row; ``values`` in the order of the columns, None for an absent one."""
        self._rows += 1
        self._keys.append(key)
        for position, value in enumerate(values):
            if value:
                self._sums[position] += value

    def result(self, *, keys: bool) -> dict[str, Any]:
        """The table as the reply shows it."""
        totals = {
            name: _decimal(value, decimals)
            for name, value, decimals in zip(self._names, self._sums, self._decimals, strict=True)
        }
        shown: dict[str, Any] = {"rows": self._rows, "totals": totals}
        if keys:
            shown["keys"] = sorted(self._keys, key=lambda key: (key[0], key[1] or "", key[2]))
        return shown


def day(world: World, place: Place, ordinal: int, now: int, *, keys: bool) -> dict[str, Any]:
    """The truth of one business date at ``now`` (Unix ms)."""
    counted = _Day()
    for _, home, number in world.on_business_date(place, ordinal, now).orders:
        order = world.order(place, home, number, now)
        if order is not None:
            counted.add(order)
    tables = {name: table.result(keys=keys) for name, table in counted.tables.items()}
    return {"business_date": dt.date.fromordinal(ordinal).isoformat(), "tables": tables}


class _Day:
    """Counts the orders of one business date into the tables."""

    def __init__(self) -> None:
        self.tables = {name: _Table(columns) for name, columns in TABLES.items()}

    def add(self, order: Order) -> None:
        """Count one order with all its parts."""
        self.tables["fact_orders"].add(
            (order.guid, None, iso(order.modified)),
            order.guests,
            len(order.checks),
            order.void is not None,
            order.deleted is not None,
            order.modified,
        )
        for check in order.checks:
            self._add_check(order, check)

    def _add_check(self, order: Order, check: Check) -> None:
        voided = order.void is not None or check.void is not None
        deleted = order.deleted is not None or check.deleted is not None
        self.tables["fact_checks"].add(
            _key(order, check.guid),
            check.amount,
            check.tax,
            check.total,
            sum(payment.tip for payment in check.payments if payment.good),
            sum(discount.cents for discount in _standing_discounts(check)),
            sum(charge.cents for charge in check.charges if not charge.config.gratuity),
            sum(charge.cents for charge in check.charges if charge.config.gratuity),
            sum(payment.refund.cents for payment in check.payments if payment.refund),
            voided,
            deleted,
        )
        for payment in check.payments:
            self._add_payment(order, payment)
        self._add_discounts(order, check.discounts)
        for charge in check.charges:
            config = charge.config
            self.tables["fact_service_charges"].add(
                _key(order, charge.guid), charge.cents, config.gratuity, config.taxable
            )
            self._add_taxes(order, charge.taxes)
        for selection in check.selections:
            self._add_selection(order, selection, 0, voided=voided, deleted=deleted)

    def _add_selection(self, order: Order, selection: Selection, depth: int, *, voided: bool, deleted: bool) -> None:
        """Count a selection and its modifiers; ``voided`` is true below anything that is."""
        voided = voided or selection.void is not None
        self.tables["fact_order_items"].add(
            _key(order, selection.guid),
            depth,
            selection.quantity,
            selection.pre_discount,
            sum(discount.cents for discount in selection.discounts),
            selection.price,
            selection.tax,
            voided,
            deleted,
            selection.deferred,
        )
        self._add_discounts(order, selection.discounts)
        self._add_taxes(order, selection.taxes)
        for modifier in selection.modifiers:
            self._add_selection(order, modifier, depth + 1, voided=voided, deleted=deleted)

    def _add_payment(self, order: Order, payment: Payment) -> None:
        refund = payment.refund
        self.tables["fact_payments"].add(
            _key(order, payment.guid),
            payment.cents,
            payment.tip,
            payment.tendered,
            payment.fee,
            refund.cents if refund else None,
            refund.extra if refund else None,
            payment.void is not None or payment.status == "VOIDED",
        )

    def _add_discounts(self, order: Order, discounts: list[AppliedDiscount]) -> None:
        for discount in discounts:
            self.tables["fact_discounts"].add(_key(order, discount.guid), discount.cents, discount.cents)

    def _add_taxes(self, order: Order, taxes: list[AppliedTax]) -> None:
        for row in taxes:
            guid = None if isinstance(row.guid, NoGuid) else row.guid
            self.tables["fact_taxes"].add(_key(order, guid), row.cents)


def _standing_discounts(check: Check) -> Iterator[AppliedDiscount]:
    """The discounts that count on a check: its own and its unvoided selections', but not voided discounts."""
    yield from (discount for discount in check.discounts if discount.state != "VOID")
    for selection in check.selections:
        yield from _standing_item_discounts(selection)


def _standing_item_discounts(selection: Selection) -> Iterator[AppliedDiscount]:
    if selection.void is not None:
        return
    yield from (discount for discount in selection.discounts if discount.state != "VOID")
    for modifier in selection.modifiers:
        yield from _standing_item_discounts(modifier)


def _key(order: Order, guid: str | None) -> Key:
    return order.guid, guid, iso(order.modified)


def _decimal(value: int, decimals: int) -> str:
    if not decimals:
        return str(value)
    whole, part = divmod(abs(value), 10**decimals)
    return f"{'-' if value < 0 else ''}{whole}.{part:0{decimals}}"
