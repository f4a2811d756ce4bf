"""Orders as Toast's orders API writes them (OpenAPI of orders v2): field by field, encoded as JSON.

Cents become decimal numbers here. The double nearest to n/100 prints as exactly that decimal, so amounts
are exact to the cent. All guest data is invented: the loader must leave it behind.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from toast_simulator.world.catalog import Entry, Item, Option
from toast_simulator.world.model import (
    AppliedCharge,
    AppliedDiscount,
    AppliedTax,
    Check,
    NoGuid,
    Order,
    Payment,
    Refund,
    Selection,
    Void,
)
from toast_simulator.world.places import DAY

_EPOCH = "1970-01-01T00:00:00.000+0000"
_encode = msgspec.json.Encoder().encode

_FIRST_NAMES = ("Ada", "Zoë", "José", "Łukasz", "美咲", "O’Neil", "Åsa", "Nguyễn")
_LAST_NAMES = ("Example", "Sample-Smith", "García", "Müller", "田中", "de la Cruz", "Øst")


def encode_order(order: Order) -> bytes:
    """One order as the JSON object that Toast would send."""
    return _encode(_order(order))


@lru_cache(65536)
def iso(moment: int) -> str:
    """A moment (Unix ms) in the form of the orders API: UTC with milliseconds and +0000."""
    days, rest = divmod(moment, DAY)
    seconds, millis = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    return f"{_date(days)}T{minutes // 60:02}:{minutes % 60:02}:{second:02}.{millis:03}+0000"


@lru_cache(4096)
def _date(days: int) -> str:
    return dt.date.fromordinal(719163 + days).isoformat()


@lru_cache(4096)
def yyyymmdd(ordinal: int) -> int:
    """A business date in the API's integer form."""
    return int(dt.date.fromordinal(ordinal).strftime("%Y%m%d"))


def _order(order: Order) -> dict[str, Any]:
    quirk = order.quirk
    device = {"id": None if quirk % 7 == 0 else f"pos-{quirk:04x}"}
    void = order.void
    wire = {
        "guid": order.guid,
        "entityType": "Order",
        "externalId": f"EXT-{order.number}" if quirk % 40 == 1 else None,
        "openedDate": iso(order.opened),
        "createdDate": iso(order.created),
        "modifiedDate": iso(order.modified),
        "promisedDate": _moment(order.promised),
        "estimatedFulfillmentDate": _moment(order.promised),
        "paidDate": _moment(order.paid),
        "closedDate": _moment(order.closed),
        "deletedDate": deleted_date(order.deleted, quirk),
        "deleted": order.deleted is not None,
        "businessDate": yyyymmdd(order.ordinal),
        **_voided(void),
        "server": _ref(order.server),
        "source": order.source,
        "duration": None if order.paid is None else (order.paid - order.opened) // 1000,
        "diningOption": order.dining_option.reference,
        "restaurantService": _ref(order.service),
        "revenueCenter": _ref(order.center),
        "table": _ref(order.table),
        "serviceArea": _ref(order.area),
        "numberOfGuests": order.guests,
        "requiredPrepTime": "PT30M" if order.promised else "PT0S",
        "approvalStatus": order.approval,
        "displayNumber": order.number,
        "createdDevice": device,
        "lastModifiedDevice": device,
        "pricingFeatures": ["TAXESV2"] if quirk % 2 else [],
        "deliveryInfo": _delivery(order) if order.delivery else None,
        "curbsidePickupInfo": _CURBSIDE if order.curbside else None,
        "marketplaceFacilitatorTaxInfo": {"facilitatorCollectAndRemitTaxOrder": quirk % 4 == 0}
        if order.delivery
        else None,
        "checks": [_check(order, check) for check in order.checks],
    }
    if quirk % 50 == 9:
        wire["serviceModel"] = {"kind": "HYBRID", "steps": [1, 2], "since": iso(order.opened)}  # not documented
    return wire


_CURBSIDE = {
    "guid": None,
    "entityType": "CurbsidePickup",
    "transportDescription": "Station wagon",
    "transportColor": "green",
    "notes": "by the door 🚗",
}


def _delivery(order: Order) -> dict[str, Any]:
    return {
        "address1": f"{order.quirk} Example Street",
        "address2": "",
        "city": "Springfield",
        "administrativeArea": "MA",
        "state": "MA",
        "zipCode": "00000",
        "country": "US",
        "latitude": 42.25,
        "longitude": -71.5,
        "notes": 'Ring "twice"\nthen wait',
        "deliveredDate": _moment(order.closed),
        "dispatchedDate": _moment(order.paid),
        "deliveryEmployee": None,
        "deliveryState": "DELIVERED" if order.closed else "PENDING",
    }


def _check(order: Order, check: Check) -> dict[str, Any]:
    quirk = order.quirk
    return {
        "guid": check.guid,
        "entityType": "Check",
        "externalId": None,
        "displayNumber": check.number,
        "openedDate": iso(check.opened),
        "modifiedDate": iso(check.modified),
        "paidDate": _moment(check.paid),
        "closedDate": _moment(check.closed),
        "deletedDate": deleted_date(check.deleted, quirk),
        "deleted": check.deleted is not None,
        **_voided(check.void),
        "paymentStatus": check.status,
        "amount": check.amount / 100,
        "taxAmount": check.tax / 100,
        "totalAmount": check.total / 100,
        "taxExempt": check.tax_exempt,
        "tabName": check.tab,
        "duration": None if check.paid is None else (check.paid - check.opened) // 1000,
        "openedBy": _ref(order.server),
        "customer": None if check.guest is None else _guest(check.guest),
        "appliedLoyaltyInfo": _LOYALTY if check.guest is not None and quirk % 11 == 0 else None,
        "selections": [_selection(order, selection) for selection in check.selections],
        "payments": [_payment(payment) for payment in check.payments],
        "appliedDiscounts": [_discount(discount, quirk) for discount in check.discounts],
        "appliedServiceCharges": [_charge(charge, order) for charge in check.charges],
    }


_LOYALTY = {
    "guid": None,
    "entityType": "AppliedLoyaltyInfo",
    "loyaltyIdentifier": "0000-example",
    "maskedLoyaltyIdentifier": "****-example",
    "vendor": "EXAMPLE",
}


def _guest(number: int) -> dict[str, Any]:
    return {
        "guid": None,
        "entityType": "Customer",
        "firstName": _FIRST_NAMES[number % len(_FIRST_NAMES)],
        "lastName": _LAST_NAMES[number % len(_LAST_NAMES)],
        "phone": f"555010{number % 100:04}",
        "phoneCountryCode": "1",
        "email": f"guest{number}@example.com",
    }


def _selection(order: Order, selection: Selection) -> dict[str, Any]:
    item = selection.item
    refund = selection.refund
    wire = {
        "guid": selection.guid,
        "entityType": "MenuItemSelection",
        "externalId": None,
        "displayName": item.name,
        "item": item.reference,
        **_place_on_the_menu(item),
        "preModifier": _ref(selection.pre_modifier),
        "quantity": _quantity(selection.quantity),
        "unitOfMeasure": "LB" if isinstance(item, Item) and item.weighed else "NONE",
        "selectionType": selection.kind,
        "receiptLinePrice": selection.unit_price / 100,
        "preDiscountPrice": selection.pre_discount / 100,
        "price": selection.price / 100,
        "tax": selection.tax / 100,
        "taxInclusion": "NOT_INCLUDED",
        "deferred": selection.deferred,
        **_voided(selection.void),
        "voidReason": selection.void.reason.reference if selection.void else None,
        "refundDetails": None if refund is None else _selection_refund(refund),
        "createdDate": iso(selection.created),
        "modifiedDate": iso(selection.modified),
        "seatNumber": selection.seat,
        "fulfillmentStatus": "SENT" if selection.sent else "NEW",
        "diningOption": selection.dining_option.reference,
        "appliedTaxes": [_tax(row) for row in selection.taxes],
        "appliedDiscounts": [_discount(discount, order.quirk) for discount in selection.discounts],
        "modifiers": [_selection(order, modifier) for modifier in selection.modifiers],
    }
    if order.quirk % 60 == 3:
        del wire["receiptLinePrice"]  # the guide's own examples do not always have it
    return wire


def _place_on_the_menu(item: Item | Option) -> dict[str, Any]:
    if isinstance(item, Item):
        return {
            "itemGroup": item.group.reference,
            "optionGroup": None,
            "salesCategory": item.category.reference,
            "optionGroupPricingMode": None,
        }
    return {
        "itemGroup": None,
        "optionGroup": item.group.reference,
        "salesCategory": None,
        "optionGroupPricingMode": "ADJUSTS_PRICE" if item.price else "INCLUDED",
    }


def _selection_refund(refund: Refund) -> dict[str, Any]:
    return {
        "refundAmount": refund.cents / 100,
        "taxRefundAmount": refund.extra / 100,
        "refundTransaction": {"guid": refund.transaction, "entityType": "RefundTransaction"},
    }


def _payment(payment: Payment) -> dict[str, Any]:
    refund = payment.refund
    return {
        "guid": payment.guid,
        "entityType": "OrderPayment",
        "externalId": None,
        "type": payment.kind,
        "paidDate": iso(payment.paid),
        "paidBusinessDate": yyyymmdd(payment.paid_ordinal),
        "amount": payment.cents / 100,
        "tipAmount": payment.tip / 100,
        "amountTendered": _money(payment.tendered),
        "cardType": payment.card,
        "cardEntryMode": payment.entry_mode,
        "last4Digits": payment.guid[-4:].translate(_TO_DIGITS) if payment.card else None,
        "paymentStatus": payment.status,
        "originalProcessingFee": _money(payment.fee),
        "server": _ref(payment.server),
        "cashDrawer": _ref(payment.drawer),
        "otherPayment": _ref(payment.other),
        "houseAccount": None,
        "refundStatus": "NONE" if refund is None else "FULL" if refund.cents >= payment.cents else "PARTIAL",
        "refund": None if refund is None else _payment_refund(refund),
        "voidInfo": None if payment.void is None else _void_info(payment.void),
    }


_TO_DIGITS = str.maketrans("abcdef", "012345")


def _payment_refund(refund: Refund) -> dict[str, Any]:
    return {
        "refundAmount": refund.cents / 100,
        "tipRefundAmount": refund.extra / 100,
        "refundDate": iso(refund.moment),
        "refundBusinessDate": yyyymmdd(refund.ordinal),
        "refundTransaction": {"guid": refund.transaction, "entityType": "RefundTransaction"},
    }


def _void_info(void: Void) -> dict[str, Any]:
    return {
        "voidUser": void.user.reference,
        "voidApprover": void.user.reference,
        "voidDate": iso(void.moment),
        "voidBusinessDate": yyyymmdd(void.ordinal),
        "voidReason": void.reason.reference,
    }


def _discount(discount: AppliedDiscount, quirk: int) -> dict[str, Any]:
    config = discount.config
    reason = discount.reason
    return {
        "guid": discount.guid,
        "entityType": "AppliedCustomDiscount",
        "externalId": None,
        "name": config.name,
        "discountAmount": discount.cents / 100,
        "nonTaxDiscountAmount": discount.cents / 100,
        "discount": config.reference,
        "discountType": config.kind,
        "discountPercent": config.millionths / 10_000 if config.millionths else None,
        "triggers": [
            {"selection": {"guid": guid, "entityType": "MenuItemSelection"}, "quantity": 1}
            for guid in discount.triggers
        ],
        "approver": None,
        "processingState": discount.state,
        "appliedDiscountReason": None if reason is None else _reason(reason),
        "loyaltyDetails": {"vendor": "EXAMPLE", "referenceId": f"L{quirk}"} if discount.state else None,
        "comboItems": [],
        "appliedPromoCode": discount.promo_code,
    }


def _reason(reason: Entry) -> dict[str, Any]:
    return {"name": reason.name, "description": reason.name, "comment": "", "discountReason": reason.reference}


def _charge(charge: AppliedCharge, order: Order) -> dict[str, Any]:
    config = charge.config
    return {
        "guid": charge.guid,
        "entityType": "AppliedServiceCharge",
        "externalId": None,
        "name": config.name,
        "serviceCharge": config.reference,
        "chargeAmount": charge.cents / 100,
        "chargeType": config.kind,
        "percent": config.millionths / 10_000 if config.millionths else None,
        "delivery": config.delivery,
        "takeout": False,
        "dineIn": order.table is not None,
        "gratuity": config.gratuity,
        "taxable": config.taxable,
        "serviceChargeCalculation": "POST_DISCOUNT",
        "serviceChargeCategory": config.category,
        "refundDetails": None,
        "paymentGuid": None,
        "appliedTaxes": [_tax(row) for row in charge.taxes],
    }


def _tax(row: AppliedTax) -> dict[str, Any]:
    rate = row.rate
    wire = {
        "guid": row.guid,
        "entityType": "AppliedTaxRate",
        "taxRate": rate.reference,
        "name": rate.name,
        "rate": rate.cents / 100 if rate.kind == "FIXED" else rate.millionths / 1_000_000,
        "taxAmount": row.cents / 100,
        "type": rate.kind,
        "facilitatorCollectAndRemitTax": row.facilitator,
    }
    if row.guid is NoGuid.LEFT_OUT:
        del wire["guid"]
    return wire


_NOT_VOIDED: dict[str, Any] = {"voided": False, "voidDate": None, "voidBusinessDate": None}


def _voided(void: Void | None) -> dict[str, Any]:
    if void is None:
        return _NOT_VOIDED
    return {"voided": True, "voidDate": iso(void.moment), "voidBusinessDate": yyyymmdd(void.ordinal)}


def deleted_date(moment: int | None, quirk: int) -> str | None:
    """Toast sends 1970 or null for what is not deleted; both occur."""
    if moment is not None:
        return iso(moment)
    return None if quirk % 3 == 0 else _EPOCH


def _ref(entry: Entry | None) -> msgspec.Raw | None:
    return None if entry is None else entry.reference


def _moment(moment: int | None) -> str | None:
    return None if moment is None else iso(moment)


def _money(cents: int | None) -> float | None:
    return None if cents is None else cents / 100


def _quantity(hundredths: int) -> float | int:
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100


def encode_page(orders: Iterable[bytes]) -> bytes:
    """Encoded orders as one JSON array."""
    return b"[" + b",".join(orders) + b"]"
