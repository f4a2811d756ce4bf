"""Toast's order objects, as far as the warehouse uses them, and how a page of ordersBulk is decoded.

See toast_objects for what holds for the objects of all Toast APIs.
"""

from __future__ import annotations

from decimal import Decimal
from typing import final

from shared.toast_objects import Guid, Instant, ListDecoder, Page, Reference, ToastObject


class AppliedTax(ToastObject):
    """A tax applied to a selection or service charge. Its ``guid`` is often null or not there."""

    guid: str | None = None
    tax_rate: Reference | None = None
    name: str | None = None
    rate: Decimal | None = None
    tax_amount: Decimal | None = None
    type: str | None = None
    facilitator_collect_and_remit_tax: bool | None = None


@final
class DiscountReason(ToastObject):
    """Why a discount was given; the free-text comment is left out, it can name a guest."""

    name: str | None = None


class AppliedDiscount(ToastObject):
    """A discount applied to a check or a selection."""

    guid: str | None = None
    name: str | None = None
    discount_amount: Decimal | None = None
    non_tax_discount_amount: Decimal | None = None
    discount: Reference | None = None
    discount_type: str | None = None
    processing_state: str | None = None
    applied_discount_reason: DiscountReason | None = None


class AppliedServiceCharge(ToastObject):
    """A service charge on a check; ``gratuity`` tells an automatic tip from a charge of the house."""

    guid: str | None = None
    charge_amount: Decimal | None = None
    service_charge: Reference | None = None
    charge_type: str | None = None
    name: str | None = None
    delivery: bool | None = None
    gratuity: bool | None = None
    taxable: bool | None = None
    applied_taxes: list[AppliedTax] | None = None
    service_charge_category: str | None = None


@final
class SelectionRefund(ToastObject):
    """What was refunded of a selection, before and of tax."""

    refund_amount: Decimal | None = None
    tax_refund_amount: Decimal | None = None


class Selection(ToastObject):
    """An item on a check, or a modifier of one; modifiers nest without a limit."""

    guid: Guid
    item: Reference | None = None
    item_group: Reference | None = None
    option_group: Reference | None = None
    pre_modifier: Reference | None = None
    sales_category: Reference | None = None
    dining_option: Reference | None = None
    void_reason: Reference | None = None
    display_name: str | None = None
    selection_type: str | None = None
    quantity: Decimal | None = None
    unit_of_measure: str | None = None
    pre_discount_price: Decimal | None = None
    price: Decimal | None = None
    tax: Decimal | None = None
    deferred: bool | None = None
    voided: bool | None = None
    refund_details: SelectionRefund | None = None
    applied_taxes: list[AppliedTax] | None = None
    applied_discounts: list[AppliedDiscount] | None = None
    modifiers: list[Selection] | None = None


@final
class Refund(ToastObject):
    """What was given back of a payment; ``refund_business_date`` is yyyymmdd as a number."""

    refund_amount: Decimal | None = None
    tip_refund_amount: Decimal | None = None
    refund_date: Instant | None = None
    refund_business_date: int | None = None


class VoidInfo(ToastObject):
    """That a payment was voided; ``void_business_date`` is yyyymmdd as a number."""

    void_date: Instant | None = None
    void_business_date: int | None = None


class Payment(ToastObject):
    """A payment on a check; ``amount`` is without the tip. Card digits are never decoded."""

    guid: Guid
    paid_date: Instant | None = None
    paid_business_date: int | None = None
    type: str | None = None
    card_type: str | None = None
    card_entry_mode: str | None = None
    amount: Decimal | None = None
    tip_amount: Decimal | None = None
    amount_tendered: Decimal | None = None
    original_processing_fee: Decimal | None = None
    server: Reference | None = None
    cash_drawer: Reference | None = None
    other_payment: Reference | None = None
    refund_status: str | None = None
    refund: Refund | None = None
    payment_status: str | None = None
    void_info: VoidInfo | None = None


class Check(ToastObject):
    """A check of an order; its customer and tab name are guest data and never decoded."""

    guid: Guid
    opened_date: Instant | None = None
    closed_date: Instant | None = None
    paid_date: Instant | None = None
    display_number: str | int | None = None
    payment_status: str | None = None
    tax_exempt: bool | None = None
    amount: Decimal | None = None
    tax_amount: Decimal | None = None
    total_amount: Decimal | None = None
    voided: bool | None = None
    deleted: bool | None = None
    selections: list[Selection] | None = None
    payments: list[Payment] | None = None
    applied_discounts: list[AppliedDiscount] | None = None
    applied_service_charges: list[AppliedServiceCharge] | None = None


class Order(ToastObject):
    """An order; ``business_date`` is yyyymmdd as a number, ``duration`` is in seconds."""

    guid: Guid
    business_date: int
    modified_date: Instant
    opened_date: Instant | None = None
    created_date: Instant | None = None
    promised_date: Instant | None = None
    paid_date: Instant | None = None
    closed_date: Instant | None = None
    display_number: str | int | None = None
    source: str | None = None
    approval_status: str | None = None
    dining_option: Reference | None = None
    revenue_center: Reference | None = None
    service_area: Reference | None = None
    table: Reference | None = None
    restaurant_service: Reference | None = None
    server: Reference | None = None
    number_of_guests: int | None = None
    duration: int | None = None
    voided: bool | None = None
    deleted: bool | None = None
    checks: list[Check] | None = None


OrdersPage = Page[Order]

_orders = ListDecoder(Order, "orders")


def decode_orders_page(body: bytes) -> OrdersPage:
    """Decode a page of ordersBulk.

    One object that is not an order costs only itself. Raises UnreadableBody when the body is not a JSON
    list at all: a reply that was cut short, for instance.
    """
    return _orders.decode(body)
