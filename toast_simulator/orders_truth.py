"""Ground truth of the order tables: rows and sums of one business date, counted from the world's own orders."""

from __future__ import annotations

from collections.abc import Iterator

from toast_simulator.clock import iso
from toast_simulator.truth_table import HUNDREDTHS, ONES, Columns, Key, Table
from toast_simulator.world.model import AppliedDiscount, AppliedTax, Check, NoGuid, Order, Payment, Selection
from toast_simulator.world.places import Place
from toast_simulator.world.world import World

# Table -> column -> decimals of the sum.
TABLES: dict[str, Columns] = {
    "fact_orders": {
        "guest_count": ONES,
        "check_count": ONES,
        "is_voided": ONES,
        "is_deleted": ONES,
        "order_modified_at": ONES,
    },
    "fact_order_items": {
        "depth": ONES,
        "item_quantity": HUNDREDTHS,
        "pre_discount_price": HUNDREDTHS,
        "discount_amount": HUNDREDTHS,
        "item_price": HUNDREDTHS,
        "tax_amount": HUNDREDTHS,
        "is_voided": ONES,
        "is_deleted": ONES,
        "is_deferred": ONES,
    },
    "fact_checks": {
        "amount": HUNDREDTHS,
        "tax_amount": HUNDREDTHS,
        "total_amount": HUNDREDTHS,
        "tip_amount": HUNDREDTHS,
        "discount_amount": HUNDREDTHS,
        "service_charge_amount": HUNDREDTHS,
        "gratuity_amount": HUNDREDTHS,
        "refund_amount": HUNDREDTHS,
        "is_voided": ONES,
        "is_deleted": ONES,
    },
    "fact_payments": {
        "amount": HUNDREDTHS,
        "tip_amount": HUNDREDTHS,
        "amount_tendered": HUNDREDTHS,
        "processing_fee": HUNDREDTHS,
        "refund_amount": HUNDREDTHS,
        "refund_tip_amount": HUNDREDTHS,
        "is_voided": ONES,
    },
    "fact_discounts": {"discount_amount": HUNDREDTHS, "non_tax_discount_amount": HUNDREDTHS},
    "fact_service_charges": {"charge_amount": HUNDREDTHS, "is_gratuity": ONES, "is_taxable": ONES},
    "fact_taxes": {"tax_amount": HUNDREDTHS},
}


def count(world: World, place: Place, ordinal: int, now: int, tables: dict[str, Table]) -> None:
    """Count the orders that belong to a business date at ``now`` (Unix ms)."""
    counted = _Day(tables)
    for _, home, number in world.on_business_date(place, ordinal, now).orders:
        order = world.order(place, home, number, now)
        if order is not None:
            counted.add(order)


class _Day:
    """Counts the orders of one business date into the tables."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self.tables = tables

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
