"""Small valid Toast objects as the dicts that their JSON stands for: say what matters, the rest is filled in.

    order(checks=[check(selections=[selection(price=12.5, modifiers=[selection(displayName="No ice")])])])

Keywords are Toast's own field names; an override replaces the default, ``...`` leaves the field out. GUIDs
are new on each call. ``page`` makes the body of a reply that lists objects.
"""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

Json = dict[str, Any]

RESTAURANT = "a47275cb-634e-427c-bbd3-3e5d17997d4e"
BUSINESS_DATE = 20260221

_numbers = itertools.count(1)
_encoder = msgspec.json.Encoder(decimal_format="number")


def guid() -> str:
    """A GUID that no other call has returned."""
    return f"00000000-0000-4000-8000-{next(_numbers):012x}"


def ref(entity_type: str = "MenuItem", **overrides: Any) -> Json:
    """A reference to a configuration entity, an employee, a table …"""
    return _with({"guid": guid(), "entityType": entity_type, "externalId": None}, overrides)


def order(**overrides: Any) -> Json:
    """A dine-in order with one check, opened, paid and closed on the evening of 21 February 2026 in New York."""
    default = {
        "guid": guid(),
        "entityType": "Order",
        "externalId": None,
        "businessDate": BUSINESS_DATE,
        "createdDate": "2026-02-21T23:05:00.120+0000",
        "openedDate": "2026-02-21T23:05:00.120+0000",
        "promisedDate": None,
        "paidDate": "2026-02-21T23:50:00.450+0000",
        "closedDate": "2026-02-21T23:50:01.000+0000",
        "modifiedDate": "2026-02-22T00:10:00.789+0000",
        "deletedDate": None,
        "voidDate": None,
        "displayNumber": "17",
        "source": "In Store",
        "approvalStatus": "APPROVED",
        "diningOption": ref("DiningOption"),
        "revenueCenter": ref("RevenueCenter"),
        "serviceArea": None,
        "table": None,
        "restaurantService": ref("RestaurantService"),
        "server": ref("RestaurantUser"),
        "numberOfGuests": 2,
        "duration": 2700,
        "voided": False,
        "deleted": False,
        "deliveryInfo": None,
        "curbsidePickupInfo": None,
        "pricingFeatures": ["TAXESV2"],
    }
    if "checks" not in overrides:
        default["checks"] = [check()]
    return _with(default, overrides)


def check(**overrides: Any) -> Json:
    """A closed check over one item of 10.00 and its tax of 0.80, paid by card."""
    default: Json = {
        "guid": guid(),
        "entityType": "Check",
        "externalId": None,
        "displayNumber": "17",
        "openedDate": "2026-02-21T23:05:00.120+0000",
        "paidDate": "2026-02-21T23:50:00.450+0000",
        "closedDate": "2026-02-21T23:50:01.000+0000",
        "modifiedDate": "2026-02-22T00:10:00.789+0000",
        "paymentStatus": "CLOSED",
        "taxExempt": False,
        "amount": 10.0,
        "taxAmount": 0.8,
        "totalAmount": 10.8,
        "appliedDiscounts": [],
        "appliedServiceCharges": [],
        "tabName": None,
        "customer": None,
        "appliedLoyaltyInfo": None,
        "voided": False,
        "deleted": False,
    }
    if "selections" not in overrides:
        default["selections"] = [selection()]
    if "payments" not in overrides:
        default["payments"] = [payment()]
    return _with(default, overrides)


def selection(**overrides: Any) -> Json:
    """One item of 10.00, taxed 0.80; also what a modifier looks like."""
    default: Json = {
        "guid": guid(),
        "entityType": "MenuItemSelection",
        "externalId": None,
        "item": ref("MenuItem"),
        "itemGroup": ref("MenuGroup"),
        "optionGroup": None,
        "preModifier": None,
        "salesCategory": ref("SalesCategory"),
        "diningOption": None,
        "voidReason": None,
        "displayName": "Café crème",
        "selectionType": "NONE",
        "quantity": 1.0,
        "unitOfMeasure": "NONE",
        "preDiscountPrice": 10.0,
        "price": 10.0,
        "tax": 0.8,
        "taxInclusion": "NOT_INCLUDED",
        "deferred": False,
        "voided": False,
        "refundDetails": None,
        "appliedDiscounts": [],
        "modifiers": [],
    }
    if "appliedTaxes" not in overrides:
        default["appliedTaxes"] = [tax()]
    return _with(default, overrides)


def payment(**overrides: Any) -> Json:
    """A captured card payment of 10.80 with a tip of 2.00."""
    default: Json = {
        "guid": guid(),
        "entityType": "OrderPayment",
        "externalId": None,
        "paidDate": "2026-02-21T23:50:00.450+0000",
        "paidBusinessDate": BUSINESS_DATE,
        "type": "CREDIT",
        "cardType": "VISA",
        "cardEntryMode": "SWIPED",
        "amount": 10.8,
        "tipAmount": 2.0,
        "amountTendered": None,
        "originalProcessingFee": 0.35,
        "server": ref("RestaurantUser"),
        "cashDrawer": None,
        "otherPayment": None,
        "refundStatus": "NONE",
        "refund": None,
        "paymentStatus": "CAPTURED",
        "voidInfo": None,
    }
    return _with(default, overrides)


def refund(**overrides: Any) -> Json:
    """What was given back of a payment, the day after."""
    default: Json = {
        "refundAmount": 4.0,
        "tipRefundAmount": 1.0,
        "refundDate": "2026-02-22T18:00:00.000+0000",
        "refundBusinessDate": 20260222,
    }
    return _with(default, overrides)


def discount(**overrides: Any) -> Json:
    """A fixed discount of 1.00, of a check or a selection."""
    default: Json = {
        "guid": guid(),
        "entityType": "AppliedCustomDiscount",
        "name": "Happy hour",
        "discountAmount": 1.0,
        "nonTaxDiscountAmount": 1.0,
        "discount": ref("Discount"),
        "discountType": "FIXED",
        "processingState": "APPLIED",
        "appliedDiscountReason": None,
    }
    return _with(default, overrides)


def tax(**overrides: Any) -> Json:
    """A sales tax of 8 % on 10.00; Toast gives most of them no GUID."""
    default: Json = {
        "guid": None,
        "entityType": "AppliedTaxRate",
        "taxRate": ref("TaxRate"),
        "name": "Sales tax",
        "rate": 0.08,
        "taxAmount": 0.8,
        "type": "PERCENT",
        "facilitatorCollectAndRemitTax": False,
    }
    return _with(default, overrides)


def service_charge(**overrides: Any) -> Json:
    """A charge of the house of 3.00, untaxed; with ``gratuity=True`` an automatic tip."""
    default: Json = {
        "guid": guid(),
        "entityType": "AppliedServiceCharge",
        "chargeAmount": 3.0,
        "serviceCharge": ref("ServiceCharge"),
        "chargeType": "FIXED",
        "name": "Large party",
        "delivery": False,
        "gratuity": False,
        "taxable": False,
        "appliedTaxes": [],
        "serviceChargeCategory": "SERVICE_CHARGE",
    }
    return _with(default, overrides)


def cash_entry(**overrides: Any) -> Json:
    """A pay-out of 25.00 from a drawer on the evening of 21 February 2026."""
    default: Json = {
        "guid": guid(),
        "entityType": "CashEntry",
        "type": "PAY_OUT",
        "amount": -25.0,
        "reason": "Lemons",
        "date": "2026-02-21T23:30:00.250+0000",
        "cashDrawer": ref("CashDrawer"),
        "payoutReason": ref("PayoutReason"),
        "noSaleReason": None,
        "undoes": None,
        "employee1": ref("RestaurantUser"),
        "employee2": None,
        "creatorOrShiftReviewSubject": ref("RestaurantUser"),
        "approverOrShiftReviewSubject": None,
    }
    return _with(default, overrides)


def deposit(**overrides: Any) -> Json:
    """A deposit of 812.40 at the end of the day."""
    default: Json = {
        "guid": guid(),
        "entityType": "DepositEntry",
        "amount": 812.4,
        "date": "2026-02-22T04:10:00.500+0000",
        "employee": ref("RestaurantUser"),
        "creator": ref("RestaurantUser"),
        "undoes": None,
    }
    return _with(default, overrides)


def time_entry(**overrides: Any) -> Json:
    """A server's evening of 21 February 2026 in New York, clocked out, with one paid break."""
    default: Json = {
        "guid": guid(),
        "entityType": None,
        "externalId": None,
        "businessDate": str(BUSINESS_DATE),
        "createdDate": "2026-02-21T21:00:01.100+0000",
        "modifiedDate": "2026-02-22T03:30:05.900+0000",
        "deletedDate": "1970-01-01T00:00:00.000+0000",
        "deleted": False,
        "employeeReference": ref("RestaurantUser"),
        "jobReference": ref("RestaurantJob"),
        "shiftReference": None,
        "inDate": "2026-02-21T21:00:00.000+0000",
        "outDate": "2026-02-22T03:30:00.000+0000",
        "autoClockedOut": False,
        "regularHours": 6.5,
        "overtimeHours": 0,
        "hourlyWage": 11.25,
        "declaredCashTips": 18,
        "nonCashTips": 64.3,
        "nonCashTipsRoundingLoss": None,
        "tipsWithheld": 1.61,
        "cashGratuityServiceCharges": 0,
        "nonCashGratuityServiceCharges": 12.5,
        "cashSales": 85.2,
        "nonCashSales": 410.75,
    }
    if "breaks" not in overrides:
        default["breaks"] = [time_entry_break()]
    return _with(default, overrides)


def time_entry_break(**overrides: Any) -> Json:
    """A paid break of ten minutes; Toast gives most of them no GUID."""
    default: Json = {
        "breakType": ref("BreakType"),
        "paid": True,
        "inDate": "2026-02-21T23:00:00.000+0000",
        "outDate": "2026-02-21T23:10:00.000+0000",
        "missed": False,
        "waived": False,
        "auditResponse": None,
    }
    return _with(default, overrides)


def to_json(value: Any) -> bytes:
    """``value`` as JSON; a Decimal becomes a number with all its digits."""
    return _encoder.encode(value)


def page(*objects: Any) -> bytes:
    """The body of a reply that lists these objects."""
    return to_json(objects)


def _with(default: Json, overrides: Json) -> Json:
    return {name: value for name, value in {**default, **overrides}.items() if value is not ...}
