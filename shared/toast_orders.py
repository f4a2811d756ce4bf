"""Toast's order objects, as far as the warehouse uses them, and how a page of ordersBulk is decoded.

Field names are Toast's own (camelCase on the wire). What is not named here is skipped while decoding,
which is what keeps guest data out and new fields harmless. Enumerations are open (Toast may add values
at any time), so they are plain strings. Money is decimal, in currency units; times must say their zone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, final, get_args, get_type_hints

import msgspec
from msgspec import Meta

from shared.toast_client import UnreadableBody

Instant = Annotated[dt.datetime, Meta(tz=True)]
Guid = Annotated[str, Meta(min_length=1, max_length=128)]


class ToastObject(msgspec.Struct, rename="camel", gc=False):
    """Base of what Toast sends; without cycles, so the garbage collector need not follow it.

    Those marked final are never false, so that ``reference and reference.guid`` is its GUID or None.
    """


@final
class Reference(ToastObject):
    """A pointer to another Toast entity."""

    guid: str | None = None


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


class Undecodable(msgspec.Struct, frozen=True):
    """An object that is not what it should be: why, and its JSON without guest data."""

    guid: str
    reason: str
    payload: str


class OrdersPage(msgspec.Struct, frozen=True):
    """One page of ordersBulk: the orders that could be decoded, and the objects that could not."""

    orders: list[Order]
    undecodable: list[Undecodable]

    def __len__(self) -> int:
        """How many objects Toast sent on the page; the walk ends by it."""
        return len(self.orders) + len(self.undecodable)


_orders_decoder = msgspec.json.Decoder(list[Order])
_parts_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_order_decoder = msgspec.json.Decoder(Order)

# What decoding raises for bytes that are not the JSON, or not the shape, that they should be: besides
# msgspec's own error, ValueError for broken UTF-8 and endless digits, RecursionError for endless nesting.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def decode_orders_page(body: bytes) -> OrdersPage:
    """Decode a page of ordersBulk.

    One object that is not an order costs only itself. Raises UnreadableBody when the body is not a JSON
    list at all: a reply that was cut short, for instance.
    """
    try:
        return OrdersPage(_orders_decoder.decode(body), [])
    except UNREADABLE:
        return _decode_one_by_one(body)


def _decode_one_by_one(body: bytes) -> OrdersPage:
    try:
        parts = _parts_decoder.decode(body)
    except UNREADABLE as error:
        raise UnreadableBody(f"not a JSON list of orders: {error}") from error
    page = OrdersPage([], [])
    for part in parts:
        try:
            page.orders.append(_order_decoder.decode(part))
        except UNREADABLE as error:
            page.undecodable.append(undecodable(bytes(part), str(error)))
    return page


# --- what may be kept of an object that was rejected ------------------------------------------------


def rejected_order(order: Order, reason: str) -> Undecodable:
    """Describe an order that was decoded, and then could not be turned into rows."""
    try:
        return Undecodable(order.guid, reason, msgspec.json.encode(order).decode())
    except RecursionError:
        return Undecodable(order.guid, reason, "nested too deeply to be written")


def undecodable(raw: bytes, reason: str) -> Undecodable:
    """Describe an object that could not be decoded, keeping only what would have been loaded of it.

    Naming what may stay, rather than what must go, also keeps out guest data in fields that Toast adds
    tomorrow. Of what is not even JSON only length and hash are kept.
    """
    try:
        content = msgspec.json.decode(raw)
        payload = msgspec.json.encode(_loaded_parts(content, Order)).decode()
    except RecursionError:
        return Undecodable("", reason, f"nested too deeply to be read; {len(raw)} bytes")
    except UNREADABLE:
        return Undecodable("", reason, f"not readable; {len(raw)} bytes, SHA-256 {hashlib.sha256(raw).hexdigest()}")
    guid = content.get("guid") if isinstance(content, dict) else None
    return Undecodable(guid if isinstance(guid, str) else "", reason, payload)


def _loaded_parts(value: Any, kind: type[ToastObject] | None) -> Any:
    """What a Toast object of this kind (None: a plain value) may keep; what stands where it should not is named."""
    if isinstance(value, list):
        return [_loaded_parts(item, kind) for item in value]
    if isinstance(value, dict):
        if kind is None:
            return "(an object)"
        fields = _fields_of(kind)
        return {name: _loaded_parts(item, fields[name]) for name, item in value.items() if name in fields}
    return value if kind is None or value is None else f"(a {type(value).__name__})"


@cache
def _fields_of(kind: type[ToastObject]) -> dict[str, type[ToastObject] | None]:
    """The fields of a Toast object as Toast names them, each with the kind of object that it holds."""
    hints = get_type_hints(kind)
    return {field.encode_name: _object_in(hints[field.name]) for field in msgspec.structs.fields(kind)}


def _object_in(hint: Any) -> type[ToastObject] | None:
    if isinstance(hint, type) and issubclass(hint, ToastObject):
        return hint
    return next((found for argument in get_args(hint) if (found := _object_in(argument))), None)
