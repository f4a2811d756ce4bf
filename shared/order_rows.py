"""From a Toast order to its rows in the seven order tables: pure functions, no I/O.

Nothing is dropped: every check, selection (modifiers at any depth), payment, discount, service charge
and tax of an order becomes a row, and money is copied, never computed, except for the sums of a check
(see CheckRow). Children for which Toast gives no GUID get a key made from their parts, the same each
time the same version is flattened.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from functools import partial

from shared.date_utils import TradingHours
from shared.errors import ObjectRejected
from shared.flattening import business_date_of, child_key, date_of, flatten_each, refuse_repeats
from shared.order_tables import (
    CheckRow,
    DiscountRow,
    ItemRow,
    PaymentRow,
    ServiceChargeRow,
    StagedOrder,
    TaxRow,
)
from shared.order_values import EXACT, ZERO, Glance, make_values_fit
from shared.row_values import ANY_NUMBER
from shared.toast_orders import (
    AppliedDiscount,
    AppliedServiceCharge,
    AppliedTax,
    Check,
    Order,
    Payment,
    Selection,
)

# A payment in one of these states took no money, so its tip is no tip (Toast: Payment.paymentStatus).
FAILED_PAYMENTS = frozenset({"VOIDED", "DENIED", "CANCELLED", "ERROR", "ERROR_NETWORK"})


def flatten_orders(
    orders: Sequence[Order],
    *,
    restaurant_guid: str,
    hours: TradingHours,
    unit: str,
    rejected: Callable[[Order, str], None],
) -> list[StagedOrder]:
    """Turn the orders of a page into lines of the staging table.

    ``rejected`` is told each order that cannot stand in the warehouse, with the reason; the others go on.
    A page that is in order, as nearly all are, is checked at a glance, which is faster than one by one.
    """
    try:
        return _flatten_at_a_glance(orders, restaurant_guid, hours, unit)
    except (ObjectRejected, ArithmeticError):
        flatten = partial(flatten_order, restaurant_guid=restaurant_guid, hours=hours, unit=unit)
        return flatten_each(orders, flatten, rejected)


def flatten_order(order: Order, *, restaurant_guid: str, hours: TradingHours, unit: str) -> StagedOrder:
    """Turn one order into one line of the staging table.

    ``hours`` are the restaurant's, to see whether the order can have moved between business dates;
    ``unit`` names the unit of work that read it.

    Raises ObjectRejected when the order cannot stand in the warehouse: a business date that is none, a
    GUID that stands twice in it, a number or time that no column holds.
    """
    with localcontext(ANY_NUMBER):
        staged = _lay_out(order, restaurant_guid, hours, unit)
    make_values_fit(staged)
    return staged


def _flatten_at_a_glance(
    orders: Sequence[Order], restaurant_guid: str, hours: TradingHours, unit: str
) -> list[StagedOrder]:
    glance, staged = Glance(), []
    with localcontext(EXACT):
        for order in orders:
            staged.append(row := _lay_out(order, restaurant_guid, hours, unit))
            glance.take_in(row)
    glance.finish()
    return staged


def _lay_out(order: Order, restaurant_guid: str, hours: TradingHours, unit: str) -> StagedOrder:
    business_date = business_date_of(order.business_date)
    checks = order.checks or ()
    staged = StagedOrder(
        order.guid,
        restaurant_guid,
        business_date,
        order.modified_date,
        len(checks),
        order.voided is True,
        order.deleted is True,
        order.created_date,
        order.opened_date,
        order.promised_date,
        order.paid_date,
        order.closed_date,
        _text(order.display_number),
        order.source,
        order.approval_status,
        order.dining_option and order.dining_option.guid,
        order.revenue_center and order.revenue_center.guid,
        order.service_area and order.service_area.guid,
        order.table and order.table.guid,
        order.restaurant_service and order.restaurant_service.guid,
        order.server and order.server.guid,
        order.number_of_guests,
        order.duration,
        unit=unit,
        may_have_moved=_may_have_moved(order, business_date, hours),
    )
    flattener = _Flattener(staged)
    try:
        for check in checks:
            flattener.add_check(check)
    except RecursionError:
        raise ObjectRejected("modifiers are nested too deeply") from None
    flattener.refuse_repeated_guids()
    return staged


class _Flattener:
    """Adds the rows of an order's checks to its line, keeping keys unique within the order."""

    __slots__ = ("charge_keys", "staged")

    def __init__(self, staged: StagedOrder) -> None:
        self.staged = staged
        self.charge_keys: set[str] = set()

    def add_check(self, check: Check) -> None:
        staged = self.staged
        voided = staged.is_voided or check.voided is True
        deleted = staged.is_deleted or check.deleted is True
        discounted = self.add_discounts(check.applied_discounts or (), check.guid, None, check.guid, voided, deleted)
        for selection in check.selections or ():
            discounted += self.add_selection(selection, check.guid, None, 0, voided, deleted)
        charged, gratuity = ZERO, ZERO
        for charge in check.applied_service_charges or ():
            amount = self.add_service_charge(charge, check.guid, voided, deleted)
            if charge.gratuity is True:
                gratuity += amount
            else:
                charged += amount
        tips, refunds = ZERO, ZERO
        for payment in check.payments or ():
            tip, refund = self.add_payment(payment, check.guid)
            tips += tip
            refunds += refund
        staged.checks.append(
            CheckRow(
                check.guid,
                check.tax_exempt is True,
                tips,
                discounted,
                charged,
                gratuity,
                refunds,
                voided,
                deleted,
                check.opened_date,
                check.closed_date,
                check.paid_date,
                _text(check.display_number),
                check.payment_status,
                check.amount,
                check.tax_amount,
                check.total_amount,
            )
        )

    def add_selection(
        self, selection: Selection, check_guid: str, parent_guid: str | None, depth: int, voided: bool, deleted: bool
    ) -> Decimal:
        """Add a selection and its modifiers; return their discounts that count for the check."""
        guid = selection.guid
        voided = voided or selection.voided is True
        own_discounts = ZERO
        if selection.applied_discounts:
            own_discounts = self.add_discounts(selection.applied_discounts, check_guid, guid, guid, voided, deleted)
        if selection.applied_taxes:
            self.add_taxes(selection.applied_taxes, check_guid, guid, "SELECTION", voided, deleted)
        refund = selection.refund_details
        dining_option = selection.dining_option
        self.staged.items.append(
            ItemRow(
                guid,
                check_guid,
                depth,
                own_discounts,
                voided,
                deleted,
                selection.deferred is True,
                parent_guid,
                dining_option.guid if dining_option else self.staged.dining_option_guid,
                selection.item and selection.item.guid,
                selection.display_name,
                selection.item_group and selection.item_group.guid,
                selection.option_group and selection.option_group.guid,
                selection.pre_modifier and selection.pre_modifier.guid,
                selection.sales_category and selection.sales_category.guid,
                selection.selection_type,
                selection.quantity,
                selection.unit_of_measure,
                selection.pre_discount_price,
                selection.price,
                selection.tax,
                refund and refund.refund_amount,
                selection.void_reason and selection.void_reason.guid,
            )
        )
        counted = ZERO if voided else own_discounts
        for modifier in selection.modifiers or ():
            counted += self.add_selection(modifier, check_guid, guid, depth + 1, voided, deleted)
        return counted

    def add_discounts(
        self,
        discounts: Sequence[AppliedDiscount],
        check_guid: str,
        selection_guid: str | None,
        parent_guid: str,
        voided: bool,
        deleted: bool,
    ) -> Decimal:
        """Add the discounts of one parent; return their sum, without those that were taken back."""
        total, keys = ZERO, set[str]()
        for discount in discounts:
            config_guid = discount.discount and discount.discount.guid
            reason = discount.applied_discount_reason
            self.staged.discounts.append(
                DiscountRow(
                    check_guid,
                    parent_guid,
                    child_key(keys, discount.guid, config_guid, discount.name),
                    voided,
                    deleted,
                    selection_guid,
                    config_guid,
                    discount.name,
                    discount.discount_type,
                    discount.discount_amount,
                    discount.non_tax_discount_amount,
                    reason and reason.name,
                    discount.processing_state,
                )
            )
            if discount.processing_state != "VOID":
                total += discount.discount_amount or ZERO
        return total

    def add_service_charge(self, charge: AppliedServiceCharge, check_guid: str, voided: bool, deleted: bool) -> Decimal:
        """Add a service charge and its taxes; return its amount."""
        config_guid = charge.service_charge and charge.service_charge.guid
        key = child_key(self.charge_keys, charge.guid, config_guid, charge.name)
        self.staged.service_charges.append(
            ServiceChargeRow(
                check_guid,
                key,
                charge.gratuity is True,
                charge.taxable is True,
                charge.delivery is True,
                voided,
                deleted,
                config_guid,
                charge.name,
                charge.charge_type,
                charge.charge_amount,
                charge.service_charge_category,
            )
        )
        if charge.applied_taxes:
            self.add_taxes(charge.applied_taxes, check_guid, key, "SERVICE_CHARGE", voided, deleted)
        return charge.charge_amount or ZERO

    def add_taxes(
        self, taxes: list[AppliedTax], check_guid: str, parent_guid: str, kind: str, voided: bool, deleted: bool
    ) -> None:
        keys: set[str] = set()
        add = self.staged.taxes.append
        for tax in taxes:
            rate_guid = tax.tax_rate and tax.tax_rate.guid
            add(
                TaxRow(
                    check_guid,
                    parent_guid,
                    kind,
                    child_key(keys, tax.guid, rate_guid, tax.name),
                    tax.facilitator_collect_and_remit_tax is True,
                    voided,
                    deleted,
                    rate_guid,
                    tax.name,
                    tax.rate,
                    tax.type,
                    tax.tax_amount,
                )
            )

    def add_payment(self, payment: Payment, check_guid: str) -> tuple[Decimal, Decimal]:
        """Add a payment; return its tip and its refund as they count for the check."""
        voided = payment.void_info is not None or payment.payment_status == "VOIDED"
        refund = payment.refund
        self.staged.payments.append(
            PaymentRow(
                payment.guid,
                check_guid,
                voided,
                _optional_date("paidBusinessDate", payment.paid_business_date),
                payment.paid_date,
                payment.type,
                payment.card_type,
                payment.card_entry_mode,
                payment.other_payment and payment.other_payment.guid,
                payment.cash_drawer and payment.cash_drawer.guid,
                payment.server and payment.server.guid,
                payment.amount,
                payment.tip_amount,
                payment.amount_tendered,
                payment.original_processing_fee,
                payment.refund_status,
                refund and refund.refund_amount,
                refund and refund.tip_refund_amount,
                _optional_date("refundBusinessDate", refund.refund_business_date) if refund else None,
                payment.payment_status,
            )
        )
        took_money = not voided and payment.payment_status not in FAILED_PAYMENTS
        tip = payment.tip_amount if took_money else None
        return tip or ZERO, (refund and refund.refund_amount) or ZERO

    def refuse_repeated_guids(self) -> None:
        """Two children with one GUID would overwrite each other; such an order is not to be trusted."""
        staged = self.staged
        if len(staged.items) > 1:
            refuse_repeats("selection", [row.selection_guid for row in staged.items], "order")
        if len(staged.checks) > 1:
            refuse_repeats("check", [row.check_guid for row in staged.checks], "order")
        if len(staged.payments) > 1:
            refuse_repeats("payment", [row.payment_guid for row in staged.payments], "order")


# --- texts, dates ------------------------------------------------------------------------------------


def _text(value: str | int | None) -> str | None:
    return str(value) if isinstance(value, int) else value


def _optional_date(field: str, yyyymmdd: int | None) -> dt.date | None:
    return None if yyyymmdd is None else date_of(field, yyyymmdd)


def _may_have_moved(order: Order, business_date: dt.date, hours: TradingHours) -> bool:
    """Whether an older version of the order can lie under another business date.

    Toast files an order under the day on which it was opened or, when scheduled, promised; so only one
    that is scheduled, or was opened or created on another day, can have had another business date.
    """
    if order.promised_date is not None:
        return True
    opened, created = order.opened_date, order.created_date
    return not (
        (opened is None or hours.contains(business_date, opened))
        and (created is None or hours.contains(business_date, created))
    )
