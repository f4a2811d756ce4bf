"""Everything that makes Toast's orders hard to load occurs within a few weeks of the example restaurants."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from simulated import all_orders

from toast_simulator.world.wire import encode_order
from toast_simulator.world.world import World

Json = dict[str, Any]


@pytest.fixture(scope="module")
def orders(world: World) -> list[Json]:
    """Three weeks of thirteen restaurants, as they are half a month later, and the last day while it runs."""
    found = [order for _, order in all_orders(world, "2026-01-26", 21, "2026-03-02T12:00:00Z")]
    found += [order for _, order in all_orders(world, "2026-03-03", 1, "2026-03-04T01:00:00Z")]
    return [json.loads(encode_order(order)) for order in found]


def checks(order: Json) -> list[Json]:
    return list(order["checks"])


def selections(order: Json) -> Iterator[tuple[int, Json, Json | None]]:
    def below(rows: list[Json], depth: int, parent: Json | None) -> Iterator[tuple[int, Json, Json | None]]:
        for row in rows:
            yield depth, row, parent
            yield from below(row["modifiers"], depth + 1, row)

    for check in checks(order):
        yield from below(check["selections"], 0, None)


def payments(order: Json) -> Iterator[Json]:
    for check in checks(order):
        yield from check["payments"]


def discounts(order: Json) -> Iterator[Json]:
    for check in checks(order):
        yield from check["appliedDiscounts"]
    for _, selection, _ in selections(order):
        yield from selection["appliedDiscounts"]


def charges(order: Json) -> Iterator[Json]:
    for check in checks(order):
        yield from check["appliedServiceCharges"]


def taxes(order: Json) -> Iterator[Json]:
    for _, selection, _ in selections(order):
        yield from selection["appliedTaxes"]
    for charge in charges(order):
        yield from charge["appliedTaxes"]


def text(order: Json) -> str:
    return json.dumps(order, ensure_ascii=False)


SOURCES = {
    "In Store", "Online", "Order-and-Pay-at-Table", "API", "Kiosk", "Caller Id", "Google", "Invoice",
    "Toast Pickup App", "Toast Local", "Branded Online Ordering", "Catering", "Catering Online Ordering",
    "Toast Tables", "eCommerce Online ordering", "Branded Mobile App",
}  # fmt: skip

TRAPS: dict[str, Callable[[Json], bool]] = {
    "modifiers four levels deep": lambda o: any(depth == 4 for depth, _, _ in selections(o)),
    "voided order": lambda o: o["voided"] and o["voidDate"] and o["voidBusinessDate"],
    "voided check in a standing order": lambda o: not o["voided"] and any(c["voided"] for c in checks(o)),
    "voided selection": lambda o: not o["voided"] and any(d == 0 and s["voided"] for d, s, _ in selections(o)),
    "voided modifier of a standing item": lambda o: any(
        s["voided"] and p and not p["voided"] for _, s, p in selections(o)
    ),
    "standing modifier of a voided item": lambda o: any(
        not s["voided"] and p and p["voided"] for _, s, p in selections(o)
    ),
    "voided payment": lambda o: any(p["voidInfo"] and p["paymentStatus"] == "VOIDED" for p in payments(o)),
    "voided cash payment, by voidInfo alone": lambda o: any(
        p["voidInfo"] and p["paymentStatus"] != "VOIDED" for p in payments(o)
    ),
    "denied payment beside a good one": lambda o: (
        any(p["paymentStatus"] == "DENIED" for p in payments(o))
        and any(p["paymentStatus"] == "CAPTURED" for p in payments(o))
    ),
    "deleted order": lambda o: o["deleted"] and o["deletedDate"] > "2026",
    "deleted order without checks": lambda o: o["deleted"] and not checks(o),
    "deleted check": lambda o: not o["deleted"] and any(c["deleted"] for c in checks(o)),
    "not deleted, deletedDate 1970": lambda o: not o["deleted"] and str(o["deletedDate"]).startswith("1970-01-01T"),
    "not deleted, deletedDate null": lambda o: not o["deleted"] and o["deletedDate"] is None,
    "check discount": lambda o: any(c["appliedDiscounts"] for c in checks(o)),
    "two check discounts": lambda o: any(len(c["appliedDiscounts"]) == 2 for c in checks(o)),
    "item discount": lambda o: any(d == 0 and s["appliedDiscounts"] for d, s, _ in selections(o)),
    "modifier discount": lambda o: any(d > 0 and s["appliedDiscounts"] for d, s, _ in selections(o)),
    "discount with several triggers": lambda o: any(len(d["triggers"]) > 1 for d in discounts(o)),
    "voided discount with an amount": lambda o: any(
        d["processingState"] == "VOID" and d["discountAmount"] for d in discounts(o)
    ),
    "discount with a reason": lambda o: any(d["appliedDiscountReason"] for d in discounts(o)),
    "promo code": lambda o: any(d["appliedPromoCode"] for d in discounts(o)),
    "partial refund": lambda o: any(p["refundStatus"] == "PARTIAL" for p in payments(o)),
    "full refund": lambda o: any(p["refundStatus"] == "FULL" for p in payments(o)),
    "refund of a selection": lambda o: any(s["refundDetails"] for _, s, _ in selections(o)),
    "refund of a tip": lambda o: any(p["refund"] and p["refund"]["tipRefundAmount"] for p in payments(o)),
    "split payment": lambda o: any(len({p["guid"] for p in c["payments"]}) > 1 for c in checks(o)),
    "several checks": lambda o: len(checks(o)) > 1,
    "gratuity": lambda o: any(c["gratuity"] for c in charges(o)),
    "charge that is no gratuity": lambda o: any(not c["gratuity"] for c in charges(o)),
    "tax on a charge": lambda o: any(c["appliedTaxes"] for c in charges(o)),
    "fundraising": lambda o: any(c["serviceChargeCategory"] == "FUNDRAISING_CAMPAIGN" for c in charges(o)),
    "gift card sale": lambda o: any(s["selectionType"] == "TOAST_CARD_SELL" for _, s, _ in selections(o)),
    "deferred, no gift card": lambda o: any(
        s["deferred"] and s["selectionType"] != "TOAST_CARD_SELL" for _, s, _ in selections(o)
    ),
    "promised for a later business date": lambda o: (
        o["promisedDate"] is not None and int(o["openedDate"][:10].replace("-", "")) < o["businessDate"] - 1
    ),
    "promised for the same day": lambda o: (
        o["promisedDate"] is not None and int(o["openedDate"][:10].replace("-", "")) == o["businessDate"]
    ),
    "tax with a null guid": lambda o: any("guid" in t and t["guid"] is None for t in taxes(o)),
    "tax without a guid key": lambda o: any("guid" not in t for t in taxes(o)),
    "tax with a guid": lambda o: any(t.get("guid") for t in taxes(o)),
    "fixed tax": lambda o: any(t["type"] == "FIXED" and t["taxAmount"] for t in taxes(o)),
    "tax that the marketplace remits": lambda o: any(t["facilitatorCollectAndRemitTax"] for t in taxes(o)),
    "tax exempt check": lambda o: any(c["taxExempt"] and c["amount"] and not c["taxAmount"] for c in checks(o)),
    "unknown source": lambda o: o["source"] not in SOURCES,
    "unknown payment type": lambda o: any(p["type"] == "CRYPTO" for p in payments(o)),
    "unknown payment status": lambda o: any(p["paymentStatus"] == "SETTLEMENT_PENDING" for p in payments(o)),
    "unknown discount type": lambda o: any(d["discountType"] == "LOYALTY_TIER" for d in discounts(o)),
    "unknown charge category": lambda o: any(c["serviceChargeCategory"] == "ENVIRONMENTAL_FEE" for c in charges(o)),
    "unknown selection type": lambda o: any(s["selectionType"] == "BUNDLE_NOTE" for _, s, _ in selections(o)),
    "null selection type": lambda o: any(s["selectionType"] is None for _, s, _ in selections(o)),
    "unknown field": lambda o: "serviceModel" in o,
    "missing receiptLinePrice": lambda o: any("receiptLinePrice" not in s for _, s, _ in selections(o)),
    "fractional quantity": lambda o: any(isinstance(s["quantity"], float) for _, s, _ in selections(o)),
    "quantity over one": lambda o: any(s["quantity"] in (2, 3) for _, s, _ in selections(o)),
    "order without checks": lambda o: not o["deleted"] and not o["voided"] and not checks(o),
    "check without selections": lambda o: any(not c["selections"] for c in checks(o)),
    "emoji": lambda o: re.search("[\U0001f300-\U0001faff]", text(o)) is not None,
    "CJK": lambda o: re.search("[\u4e00-\u9fff]", text(o)) is not None,
    "quotes and newlines": lambda o: '\\"' in text(o) and "\\n" in text(o),
    "customer": lambda o: any(c["customer"] and c["customer"]["email"].endswith("@example.com") for c in checks(o)),
    "delivery": lambda o: o["deliveryInfo"] is not None,
    "curbside": lambda o: o["curbsidePickupInfo"] is not None,
    "tab name": lambda o: any(c["tabName"] for c in checks(o)),
    "card digits": lambda o: any(re.fullmatch(r"\d{4}", p["last4Digits"] or "") for p in payments(o)),
    "unpaid order": lambda o: o["paidDate"] is None and any(c["paymentStatus"] == "OPEN" for c in checks(o)),
    "paid, not closed": lambda o: any(c["paymentStatus"] == "PAID" for c in checks(o)),
    "processing fee after the capture": lambda o: any(
        p["paymentStatus"] == "CAPTURED" and p["originalProcessingFee"] for p in payments(o)
    ),
    "no fee before the capture": lambda o: any(
        p["paymentStatus"] == "AUTHORIZED" and p["originalProcessingFee"] is None for p in payments(o)
    ),
    "cash, tendered over the amount": lambda o: any(
        p["type"] == "CASH" and p["amountTendered"] > p["amount"] for p in payments(o)
    ),
    "no number of guests": lambda o: o["numberOfGuests"] is None,
    "no server": lambda o: o["server"] is None,
    "external id": lambda o: isinstance(o["externalId"], str),
    "paid on another business date than the order's": lambda o: any(
        p["paidBusinessDate"] != o["businessDate"] for p in payments(o)
    ),
    "refunded on a later business date": lambda o: any(
        p["refund"] and p["refund"]["refundBusinessDate"] > o["businessDate"] for p in payments(o)
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_trap_occurs(orders: list[Json], trap: str) -> None:
    assert any(TRAPS[trap](order) for order in orders)


def test_an_order_is_small(orders: list[Json]) -> None:
    mean = sum(len(json.dumps(o, ensure_ascii=False, separators=(",", ":")).encode()) for o in orders) / len(orders)
    assert 4_500 < mean < 7_000


def test_amounts_are_written_with_at_most_two_decimals(world: World) -> None:
    pattern = re.compile(rb'"(?:amount|price|tax|taxAmount|totalAmount|tipAmount|discountAmount)":([^,}]+)')
    for _, order in all_orders(world, "2026-01-26", 2, "2026-03-02T12:00:00Z"):
        for value in pattern.findall(encode_order(order)):
            assert re.fullmatch(rb"\d+(\.\d{1,2})?", value), value


def test_dates_are_utc_with_milliseconds(orders: list[Json]) -> None:
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")
    for order in orders[:2000]:
        for name in ("openedDate", "createdDate", "modifiedDate"):
            assert form.fullmatch(order[name])
        assert isinstance(order["businessDate"], int)
