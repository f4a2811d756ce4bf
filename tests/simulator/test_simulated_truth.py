"""Truth of the order tables equals a count of what the API says: each row and each sum, from the JSON alone."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from simulated import BROOKLYN, WAIKIKI, Client, Json, Server

from toast_simulator.orders_truth import TABLES

FAILED = {"VOIDED", "DENIED", "CANCELLED", "ERROR", "ERROR_NETWORK"}


class Count:
    """Counts API orders into tables, as the documentation of truth defines the columns."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = defaultdict(int)
        self.totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def row(self, table: str, **columns: object) -> None:
        self.rows[table] += 1
        for name, value in columns.items():
            if value is not None:
                self.totals[table, name] += Decimal(str(int(value) if isinstance(value, bool) else value))

    def order(self, order: Json) -> None:
        moment = dt.datetime.strptime(order["modifiedDate"], "%Y-%m-%dT%H:%M:%S.%f%z")
        millis = round((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(milliseconds=1))
        self.row(
            "fact_orders", guest_count=order["numberOfGuests"], check_count=len(order["checks"]),
            is_voided=order["voided"], is_deleted=order["deleted"], order_modified_at=millis,
        )  # fmt: skip
        for check in order["checks"]:
            self.check(check, voided=order["voided"] or check["voided"], deleted=order["deleted"] or check["deleted"])

    def check(self, check: Json, *, voided: bool, deleted: bool) -> None:
        good = [p for p in check["payments"] if p["paymentStatus"] not in FAILED and not p["voidInfo"]]
        charges = check["appliedServiceCharges"]
        counted = [d for d in [*check["appliedDiscounts"], *live_discounts(check)] if d["processingState"] != "VOID"]
        self.row(
            "fact_checks", amount=check["amount"], tax_amount=check["taxAmount"], total_amount=check["totalAmount"],
            tip_amount=sum(p["tipAmount"] for p in good), discount_amount=sum(d["discountAmount"] for d in counted),
            service_charge_amount=sum(c["chargeAmount"] for c in charges if not c["gratuity"]),
            gratuity_amount=sum(c["chargeAmount"] for c in charges if c["gratuity"]),
            refund_amount=sum(p["refund"]["refundAmount"] for p in check["payments"] if p["refund"]),
            is_voided=voided, is_deleted=deleted,
        )  # fmt: skip
        for payment in check["payments"]:
            refund = payment["refund"] or {}
            self.row(
                "fact_payments", amount=payment["amount"], tip_amount=payment["tipAmount"],
                amount_tendered=payment["amountTendered"], processing_fee=payment["originalProcessingFee"],
                refund_amount=refund.get("refundAmount"), refund_tip_amount=refund.get("tipRefundAmount"),
                is_voided=bool(payment["voidInfo"]) or payment["paymentStatus"] == "VOIDED",
            )  # fmt: skip
        self.discounts(check)
        for charge in charges:
            self.row(
                "fact_service_charges", charge_amount=charge["chargeAmount"], is_gratuity=charge["gratuity"],
                is_taxable=charge["taxable"],
            )  # fmt: skip
            self.taxes(charge)
        for selection in check["selections"]:
            self.selection(selection, 0, voided=voided, deleted=deleted)

    def selection(self, selection: Json, depth: int, *, voided: bool, deleted: bool) -> None:
        voided = voided or selection["voided"]
        self.row(
            "fact_order_items", depth=depth, item_quantity=selection["quantity"],
            pre_discount_price=selection["preDiscountPrice"],
            discount_amount=sum(d["discountAmount"] for d in selection["appliedDiscounts"]),
            item_price=selection["price"], tax_amount=selection["tax"], is_voided=voided, is_deleted=deleted,
            is_deferred=selection["deferred"],
        )  # fmt: skip
        self.discounts(selection)
        self.taxes(selection)
        for modifier in selection["modifiers"]:
            self.selection(modifier, depth + 1, voided=voided, deleted=deleted)

    def discounts(self, parent: Json) -> None:
        for discount in parent["appliedDiscounts"]:
            self.row(
                "fact_discounts", discount_amount=discount["discountAmount"],
                non_tax_discount_amount=discount["nonTaxDiscountAmount"],
            )  # fmt: skip

    def taxes(self, parent: Json) -> None:
        for tax in parent["appliedTaxes"]:
            self.row("fact_taxes", tax_amount=tax["taxAmount"])


def live_discounts(parent: Json) -> Iterator[Json]:
    for selection in parent.get("selections", parent.get("modifiers", [])):
        if not selection["voided"]:
            yield from selection["appliedDiscounts"]
            yield from live_discounts({"modifiers": selection["modifiers"]})


def assert_truth_is_what_the_api_says(client: Client, dates: list[str], location: str) -> int:
    client.session.headers["Toast-Restaurant-External-ID"] = location
    days = client.truth(dates[0], dates[-1], location)
    assert [day["business_date"] for day in days] == dates
    rows = 0
    for day in days:
        count = Count()
        for page in client.pages(businessDate=day["business_date"].replace("-", "")):
            for order in page:
                count.order(order)
        for table in TABLES:
            shown = day["tables"][table]
            assert shown["rows"] == count.rows[table], (day["business_date"], table)
            rows += shown["rows"]
            for column, total in shown["totals"].items():
                assert Decimal(total) == count.totals[table, column], (day["business_date"], table, column)
    return rows


def dates(first: str, days: int) -> list[str]:
    begin = dt.date.fromisoformat(first)
    return [(begin + dt.timedelta(days=n)).isoformat() for n in range(days)]


@pytest.mark.parametrize("location", [BROOKLYN, WAIKIKI, "af8ee0da-c28a-480c-9407-ce3f52312f63"])
def test_two_weeks_and_a_running_day_agree(client: Client, location: str) -> None:
    assert assert_truth_is_what_the_api_says(client, dates("2026-03-08", 14), location) > 6000


def test_closed_days_are_shown_with_zero_rows(client: Client) -> None:
    (day,) = client.truth("2025-12-25", "2025-12-25")
    assert {table["rows"] for table in day["tables"].values()} == {0}
    assert Decimal(day["tables"]["fact_checks"]["totals"]["amount"]) == 0


def test_truth_moves_with_the_clock(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    client.control("clock", now="2026-02-15T01:00:00Z")
    client.login()
    assert_truth_is_what_the_api_says(client, dates("2026-02-12", 5), BROOKLYN)
    (evening,) = client.truth("2026-02-14", "2026-02-14")
    client.control("clock", advance_seconds=86_400)
    (next_day,) = client.truth("2026-02-14", "2026-02-14")
    assert evening["tables"]["fact_orders"]["rows"] < next_day["tables"]["fact_orders"]["rows"]


def test_keys_name_every_row(client: Client) -> None:
    (day,) = client.truth("2026-02-14", "2026-02-14", keys=True)
    orders = {o["guid"]: o for page in client.pages(businessDate="20260214") for o in page}
    for name in TABLES:
        table = day["tables"][name]
        assert len(table["keys"]) == table["rows"]
        assert {key[0] for key in table["keys"]} <= set(orders)
    for guid, own, stamp in day["tables"]["fact_orders"]["keys"]:
        assert own is None
        assert stamp == orders[guid]["modifiedDate"].replace("+0000", "Z")
    checks = {check["guid"] for order in orders.values() for check in order["checks"]}
    assert {key[1] for key in day["tables"]["fact_checks"]["keys"]} == checks
    assert None in {key[1] for key in day["tables"]["fact_taxes"]["keys"]}


@pytest.mark.parametrize(
    "change", ["tip", "refund", "void", "drop_selection", "drop_check", "drop_all_checks", "move_business_date"]
)
def test_an_edit_changes_api_and_truth_alike(start: Callable[..., Client], change: str) -> None:
    client = start("--limits", "off")
    page = client.bulk(businessDate="20260214").json()
    order = next(o for o in page if not o["voided"] and not o["deleted"] and any(c["payments"] for c in o["checks"]))
    extra = {"business_date": "2026-02-16"} if change == "move_business_date" else {}
    answer = client.control("edits", restaurant_guid=BROOKLYN, order_guid=order["guid"], change=change, **extra)
    after = client.get(f"/orders/v2/orders/{order['guid']}").json()
    assert after["modifiedDate"].replace("+0000", "Z") == answer["modified_date"]
    assert after != order
    assert after["businessDate"] == (20260216 if extra else 20260214)
    assert_truth_is_what_the_api_says(client, dates("2026-02-13", 4), BROOKLYN)
    stamp = after["modifiedDate"]
    window = {"startDate": stamp, "endDate": f"{stamp[:17]}59.999+0000"}
    assert order["guid"] in {o["guid"] for o in client.bulk(**window).json()}


@pytest.mark.parametrize(
    "query",
    [
        "restaurant_guid=nobody&start_date=2026-01-01&end_date=2026-01-01",
        f"restaurant_guid={BROOKLYN}&start_date=2026-01-01",
        f"restaurant_guid={BROOKLYN}&start_date=2026-01-02&end_date=2026-01-01",
    ],
)
def test_a_wrong_question_is_refused(shared_server: Server, client: Client, query: str) -> None:
    reply = client.get(f"/_simulator/truth?{query}")
    assert reply.status_code in (400, 404)
    assert reply.json()["error"]
