"""From an order to its rows: every column, nothing lost at any depth, and what cannot stand in the warehouse."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import schema_checker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toast_json import (
    RESTAURANT,
    Json,
    check,
    discount,
    order,
    page,
    payment,
    ref,
    refund,
    selection,
    service_charge,
    tax,
)

from shared.date_utils import TradingHours
from shared.errors import ObjectRejected
from shared.order_rows import flatten_order, flatten_orders
from shared.order_tables import ORDER_CHILDREN, StagedOrder
from shared.spool import encode_rows
from shared.tables import Row, columns_of
from shared.toast_orders import Order, Selection, decode_orders_page

NEW_YORK = TradingHours("America/New_York", 4)


def flatten(toast_order: Json, hours: TradingHours = NEW_YORK) -> StagedOrder:
    decoded = decode_orders_page(page(toast_order))
    assert not decoded.undecodable
    return flatten_order(decoded.objects[0], restaurant_guid=RESTAURANT, hours=hours, unit="unit")


def of_check(**overrides: Any) -> StagedOrder:
    """The rows of an order with one check."""
    return flatten(order(checks=[check(**overrides)]))


def of_selections(*selections: Json) -> StagedOrder:
    return of_check(selections=list(selections), payments=[])


def of_payment(**overrides: Any) -> StagedOrder:
    return of_check(selections=[], payments=[payment(**overrides)])


def rejection(toast_order: Json) -> str:
    with pytest.raises(ObjectRejected) as caught:
        flatten(toast_order)
    return caught.value.reason


def values(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__ if name not in ORDER_CHILDREN}


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text + "Z")


# --- every column ------------------------------------------------------------------------------------

# No two fields of one object hold the same value, so that two columns that changed places are seen.
FULL_ORDER = order(
    guid="order",
    businessDate=20260221,
    modifiedDate="2026-02-22T01:00:00.001+0000",
    createdDate="2026-02-22T01:00:00.002+0000",
    openedDate="2026-02-22T01:00:00.003+0000",
    promisedDate="2026-02-22T01:00:00.004+0000",
    paidDate="2026-02-22T01:00:00.005+0000",
    closedDate="2026-02-22T01:00:00.006+0000",
    displayNumber="order number",
    source="order source",
    approvalStatus="approval status",
    diningOption=ref(guid="order dining option"),
    revenueCenter=ref(guid="revenue center"),
    serviceArea=ref(guid="service area"),
    table=ref(guid="table"),
    restaurantService=ref(guid="service"),
    server=ref(guid="order server"),
    numberOfGuests=7,
    duration=8,
    checks=[
        check(
            guid="check",
            openedDate="2026-02-22T02:00:00.001+0000",
            closedDate="2026-02-22T02:00:00.002+0000",
            paidDate="2026-02-22T02:00:00.003+0000",
            displayNumber="check number",
            paymentStatus="check status",
            amount=101.01,
            taxAmount=102.02,
            totalAmount=103.03,
            appliedDiscounts=[discount(guid="of check", discountAmount=0.5, discount=None, appliedDiscountReason=None)],
            appliedServiceCharges=[
                service_charge(
                    guid="charge",
                    serviceCharge=ref(guid="charge config"),
                    name="charge name",
                    chargeType="charge type",
                    chargeAmount=401.01,
                    serviceChargeCategory="charge category",
                    appliedTaxes=[
                        tax(
                            guid="tax",
                            taxRate=ref(guid="tax rate"),
                            name="tax name",
                            rate=0.0625,
                            type="tax type",
                            taxAmount=501.01,
                        )
                    ],
                ),
                service_charge(guid="gratuity", gratuity=True, chargeAmount=402.02),
            ],
            selections=[
                selection(
                    guid="parent",
                    appliedTaxes=[],
                    modifiers=[
                        selection(
                            guid="modifier",
                            diningOption=ref(guid="item dining option"),
                            item=ref(guid="item"),
                            displayName="item name",
                            itemGroup=ref(guid="item group"),
                            optionGroup=ref(guid="option group"),
                            preModifier=ref(guid="pre-modifier"),
                            salesCategory=ref(guid="sales category"),
                            selectionType="selection type",
                            quantity=1.25,
                            unitOfMeasure="unit of measure",
                            preDiscountPrice=201.01,
                            price=202.02,
                            tax=203.03,
                            refundDetails={"refundAmount": 204.04, "taxRefundAmount": 205.05},
                            voidReason=ref(guid="void reason"),
                            appliedTaxes=[],
                            appliedDiscounts=[
                                discount(
                                    guid="discount",
                                    discount=ref(guid="discount config"),
                                    name="discount name",
                                    discountType="discount type",
                                    discountAmount=206.06,
                                    nonTaxDiscountAmount=207.07,
                                    appliedDiscountReason={"name": "reason", "comment": "of a guest"},
                                    processingState="processing state",
                                )
                            ],
                        )
                    ],
                )
            ],
            payments=[
                payment(
                    guid="payment",
                    paidBusinessDate=20260301,
                    paidDate="2026-03-01T03:00:00.001+0000",
                    type="payment type",
                    cardType="card type",
                    cardEntryMode="entry mode",
                    otherPayment=ref(guid="other payment"),
                    cashDrawer=ref(guid="cash drawer"),
                    server=ref(guid="payment server"),
                    amount=301.01,
                    tipAmount=302.02,
                    amountTendered=303.03,
                    originalProcessingFee=304.04,
                    refundStatus="refund status",
                    refund=refund(refundAmount=305.05, tipRefundAmount=306.06, refundBusinessDate=20260302),
                    paymentStatus="payment status",
                )
            ],
        )
    ],
)

FULL_ROWS: dict[str, dict[str, Any]] = {
    "order": {
        "order_guid": "order",
        "restaurant_guid": RESTAURANT,
        "business_date": dt.date(2026, 2, 21),
        "order_modified_at": utc("2026-02-22T01:00:00.001"),
        "check_count": 1,
        "is_voided": False,
        "is_deleted": False,
        "created_at": utc("2026-02-22T01:00:00.002"),
        "opened_at": utc("2026-02-22T01:00:00.003"),
        "promised_at": utc("2026-02-22T01:00:00.004"),
        "paid_at": utc("2026-02-22T01:00:00.005"),
        "closed_at": utc("2026-02-22T01:00:00.006"),
        "display_number": "order number",
        "order_source": "order source",
        "approval_status": "approval status",
        "dining_option_guid": "order dining option",
        "revenue_center_guid": "revenue center",
        "service_area_guid": "service area",
        "table_guid": "table",
        "restaurant_service_guid": "service",
        "server_guid": "order server",
        "guest_count": 7,
        "duration_seconds": 8,
        "unit": "unit",
        "may_have_moved": True,
    },
    "checks": {
        "check_guid": "check",
        "is_tax_exempt": False,
        "tip_amount": Decimal("302.02"),
        "discount_amount": Decimal("206.56"),
        "service_charge_amount": Decimal("401.01"),
        "gratuity_amount": Decimal("402.02"),
        "refund_amount": Decimal("305.05"),
        "is_voided": False,
        "is_deleted": False,
        "opened_at": utc("2026-02-22T02:00:00.001"),
        "closed_at": utc("2026-02-22T02:00:00.002"),
        "paid_at": utc("2026-02-22T02:00:00.003"),
        "display_number": "check number",
        "payment_status": "check status",
        "amount": Decimal("101.01"),
        "tax_amount": Decimal("102.02"),
        "total_amount": Decimal("103.03"),
    },
    "items": {
        "selection_guid": "modifier",
        "check_guid": "check",
        "depth": 1,
        "discount_amount": Decimal("206.06"),
        "is_voided": False,
        "is_deleted": False,
        "is_deferred": False,
        "parent_selection_guid": "parent",
        "dining_option_guid": "item dining option",
        "menu_item_guid": "item",
        "menu_item_name": "item name",
        "menu_group_guid": "item group",
        "option_group_guid": "option group",
        "pre_modifier_guid": "pre-modifier",
        "sales_category_guid": "sales category",
        "selection_type": "selection type",
        "item_quantity": Decimal("1.25"),
        "unit_of_measure": "unit of measure",
        "pre_discount_price": Decimal("201.01"),
        "item_price": Decimal("202.02"),
        "tax_amount": Decimal("203.03"),
        "refund_amount": Decimal("204.04"),
        "void_reason_guid": "void reason",
    },
    "payments": {
        "payment_guid": "payment",
        "check_guid": "check",
        "is_voided": False,
        "paid_business_date": dt.date(2026, 3, 1),
        "paid_at": utc("2026-03-01T03:00:00.001"),
        "payment_type": "payment type",
        "card_type": "card type",
        "card_entry_mode": "entry mode",
        "other_payment_guid": "other payment",
        "cash_drawer_guid": "cash drawer",
        "server_guid": "payment server",
        "amount": Decimal("301.01"),
        "tip_amount": Decimal("302.02"),
        "amount_tendered": Decimal("303.03"),
        "processing_fee": Decimal("304.04"),
        "refund_status": "refund status",
        "refund_amount": Decimal("305.05"),
        "refund_tip_amount": Decimal("306.06"),
        "refund_business_date": dt.date(2026, 3, 2),
        "payment_status": "payment status",
    },
    "discounts": {
        "check_guid": "check",
        "parent_guid": "modifier",
        "discount_guid": "discount",
        "is_voided": False,
        "is_deleted": False,
        "selection_guid": "modifier",
        "discount_config_guid": "discount config",
        "discount_name": "discount name",
        "discount_type": "discount type",
        "discount_amount": Decimal("206.06"),
        "non_tax_discount_amount": Decimal("207.07"),
        "reason_name": "reason",
        "processing_state": "processing state",
    },
    "service_charges": {
        "check_guid": "check",
        "service_charge_guid": "charge",
        "is_gratuity": False,
        "is_taxable": False,
        "is_delivery": False,
        "is_voided": False,
        "is_deleted": False,
        "service_charge_config_guid": "charge config",
        "service_charge_name": "charge name",
        "charge_type": "charge type",
        "charge_amount": Decimal("401.01"),
        "category": "charge category",
    },
    "taxes": {
        "check_guid": "check",
        "parent_guid": "charge",
        "parent_kind": "SERVICE_CHARGE",
        "tax_key": "tax",
        "is_facilitator_remitted": False,
        "is_voided": False,
        "is_deleted": False,
        "tax_rate_guid": "tax rate",
        "tax_name": "tax name",
        "tax_rate": Decimal("0.0625"),
        "tax_type": "tax type",
        "tax_amount": Decimal("501.01"),
    },
}


def full_row(staged: StagedOrder, record: str) -> Row:
    """The row of FULL_ORDER that has every column filled in."""
    if record == "order":
        return staged
    at = {"items": 1, "discounts": 1}
    row: Row = getattr(staged, record)[at.get(record, 0)]
    return row


@pytest.mark.parametrize("record", FULL_ROWS)
def test_every_column_holds_its_own_field(record: str) -> None:
    assert values(full_row(flatten(FULL_ORDER), record)) == FULL_ROWS[record]


@pytest.mark.parametrize("record", FULL_ROWS)
def test_the_order_of_that_test_tells_any_two_columns_apart(record: str) -> None:
    told_apart = [value for name, value in FULL_ROWS[record].items() if not isinstance(value, bool)]
    if record == "discounts":
        told_apart.remove("modifier")  # the selection that was discounted is the parent too
    assert None not in told_apart
    assert len(set(map(repr, told_apart))) == len(told_apart)


# Which flags of which rows a field set to true turns on.
FLAGS: list[tuple[str, Json, dict[str, set[str]]]] = [
    (
        "a voided order",
        {"voided": True},
        {record: {"is_voided"} for record in FULL_ROWS if record != "payments"},
    ),
    (
        "a deleted order",
        {"deleted": True},
        {record: {"is_deleted"} for record in FULL_ROWS if record != "payments"},
    ),
    (
        "a voided check",
        {"check": {"voided": True}},
        {record: {"is_voided"} for record in FULL_ROWS if record not in ("order", "payments")},
    ),
    (
        "a deleted check",
        {"check": {"deleted": True}},
        {record: {"is_deleted"} for record in FULL_ROWS if record not in ("order", "payments")},
    ),
    ("a check exempt from tax", {"check": {"taxExempt": True}}, {"checks": {"is_tax_exempt"}}),
    (
        "a voided selection",
        {"selection": {"voided": True}},
        {"items": {"is_voided"}, "discounts": {"is_voided"}, "taxes": {"is_voided"}},
    ),
    ("a deferred selection", {"selection": {"deferred": True}}, {"items": {"is_deferred"}}),
    ("a payment with void info", {"payment": {"voidInfo": {"voidDate": None}}}, {"payments": {"is_voided"}}),
    ("a payment in state VOIDED", {"payment": {"paymentStatus": "VOIDED"}}, {"payments": {"is_voided"}}),
    ("a gratuity", {"charge": {"gratuity": True}}, {"service_charges": {"is_gratuity"}}),
    ("a taxable charge", {"charge": {"taxable": True}}, {"service_charges": {"is_taxable"}}),
    ("a delivery charge", {"charge": {"delivery": True}}, {"service_charges": {"is_delivery"}}),
    ("a marketplace's tax", {"tax": {"facilitatorCollectAndRemitTax": True}}, {"taxes": {"is_facilitator_remitted"}}),
]


@pytest.mark.parametrize(("overrides", "raised"), [case[1:] for case in FLAGS], ids=[case[0] for case in FLAGS])
def test_a_flag_is_set_where_it_belongs_and_nowhere_else(overrides: Json, raised: dict[str, set[str]]) -> None:
    parts = {"check": {}, "selection": {}, "payment": {}, "charge": {}, "tax": {}} | overrides
    of_order = {name: value for name, value in overrides.items() if isinstance(value, bool)}
    staged = flatten(
        order(
            checks=[
                check(
                    selections=[
                        selection(
                            appliedDiscounts=[discount()], appliedTaxes=[tax(**parts["tax"])], **parts["selection"]
                        )
                    ],
                    payments=[payment(**parts["payment"])],
                    appliedServiceCharges=[service_charge(**parts["charge"])],
                    **parts["check"],
                )
            ],
            **of_order,
        )
    )
    rows: dict[str, Row] = {record: getattr(staged, record)[0] for record in ORDER_CHILDREN} | {"order": staged}
    found = {record: {name for name, value in values(row).items() if value is True} for record, row in rows.items()}
    assert {record: flags for record, flags in found.items() if flags} == raised


@pytest.mark.parametrize("absent", [None, ...], ids=["null", "left out"])
def test_flags_that_toast_does_not_set_are_false(absent: Any) -> None:
    staged = flatten(
        order(
            voided=absent,
            deleted=absent,
            checks=[
                check(
                    voided=absent,
                    deleted=absent,
                    taxExempt=absent,
                    selections=[
                        selection(
                            voided=absent, deferred=absent, appliedTaxes=[tax(facilitatorCollectAndRemitTax=absent)]
                        )
                    ],
                    payments=[payment(voidInfo=absent, paymentStatus=absent)],
                    appliedServiceCharges=[service_charge(gratuity=absent, taxable=absent, delivery=absent)],
                )
            ],
        )
    )
    rows = [staged, *staged.checks, *staged.items, *staged.payments, *staged.service_charges, *staged.taxes]
    assert not any(value is True for row in rows for value in values(row).values())


def test_an_order_with_nothing_but_what_toast_always_sends_has_a_row() -> None:
    staged = flatten({"guid": "bare", "businessDate": 20260221, "modifiedDate": "2026-02-22T00:10:00Z"})
    filled = {name: value for name, value in values(staged).items() if value is not None}
    assert filled == {
        "order_guid": "bare",
        "restaurant_guid": RESTAURANT,
        "business_date": dt.date(2026, 2, 21),
        "order_modified_at": utc("2026-02-22T00:10:00"),
        "check_count": 0,
        "is_voided": False,
        "is_deleted": False,
        "unit": "unit",
        "may_have_moved": False,
    }


def test_children_with_nothing_but_a_guid_have_rows() -> None:
    bare = [{"guid": "bare"}]
    staged = flatten(order(checks=[{"guid": "check", "selections": bare, "payments": bare}]))
    amounts = {"tip_amount", "discount_amount", "service_charge_amount", "gratuity_amount", "refund_amount"}
    assert {getattr(staged.checks[0], name) for name in amounts} == {0}
    assert staged.items[0].discount_amount == 0
    assert staged.payments[0].amount is None


# --- modifiers ---------------------------------------------------------------------------------------


def nested(*levels: Json) -> Json:
    """A selection, its modifier, that one's modifier … with the overrides of each level."""
    outer, *inner = levels
    return selection(**outer, modifiers=[nested(*inner)] if inner else [])


def test_a_modifier_of_a_modifier_of_a_modifier_knows_its_depth_and_parent() -> None:
    staged = of_selections(nested({"guid": "a"}, {"guid": "b"}, {"guid": "c"}, {"guid": "d"}, {"guid": "e"}))
    assert [(row.selection_guid, row.depth, row.parent_selection_guid) for row in staged.items] == [
        ("a", 0, None),
        ("b", 1, "a"),
        ("c", 2, "b"),
        ("d", 3, "c"),
        ("e", 4, "d"),
    ]


def test_siblings_have_the_same_parent_and_stay_in_their_check() -> None:
    twins = [selection(guid="left"), selection(guid="right")]
    staged = flatten(
        order(
            checks=[
                check(guid="one", selections=[selection(guid="top", modifiers=twins)]),
                check(guid="two", selections=[selection(guid="other")]),
            ]
        )
    )
    assert [(row.selection_guid, row.check_guid, row.parent_selection_guid) for row in staged.items] == [
        ("top", "one", None),
        ("left", "one", "top"),
        ("right", "one", "top"),
        ("other", "two", None),
    ]


@pytest.mark.parametrize("level", range(4))
def test_a_void_reaches_the_modifiers_below_it_and_none_above(level: int) -> None:
    levels: list[Json] = [{"voided": number == level} for number in range(4)]
    assert [row.is_voided for row in of_selections(nested(*levels)).items] == [number >= level for number in range(4)]


def test_a_void_does_not_reach_the_selection_beside() -> None:
    staged = of_selections(selection(voided=True, modifiers=[selection()]), selection())
    assert [row.is_voided for row in staged.items] == [True, True, False]


def test_what_stands_on_a_modifier_of_a_voided_selection_is_voided_too() -> None:
    staged = of_selections(nested({"voided": True}, {"appliedDiscounts": [discount()], "appliedTaxes": [tax()]}))
    assert [row.is_voided for row in staged.discounts] == [True]
    assert [row.is_voided for row in staged.taxes] == [True, True]


def test_voided_and_deleted_checks_keep_their_rows_and_do_not_touch_the_check_beside() -> None:
    staged = flatten(order(checks=[check(voided=True), check(deleted=True), check()]))
    flags = [(True, False), (False, True), (False, False)]
    assert [(row.is_voided, row.is_deleted) for row in staged.checks] == flags
    assert [(row.is_voided, row.is_deleted) for row in staged.items] == flags


def test_a_selection_without_dining_option_has_that_of_the_order() -> None:
    staged = flatten(
        order(
            diningOption=ref(guid="dine in"),
            checks=[check(selections=[selection(diningOption=ref(guid="take out")), selection(diningOption=None)])],
        )
    )
    assert [row.dining_option_guid for row in staged.items] == ["take out", "dine in"]


def test_modifiers_nested_deeper_than_python_recurses_are_a_rejection() -> None:
    innermost = Selection(guid="0")
    for number in range(1, 5000):
        innermost = Selection(guid=str(number), modifiers=[innermost])
    decoded = decode_orders_page(page(order())).objects[0]
    assert decoded.checks
    decoded.checks[0].selections = [innermost]
    with pytest.raises(ObjectRejected, match="deep"):
        flatten_order(decoded, restaurant_guid=RESTAURANT, hours=NEW_YORK, unit="unit")


# --- what a check adds up ----------------------------------------------------------------------------


def test_a_discount_belongs_to_what_it_was_applied_to() -> None:
    staged = of_check(
        guid="check",
        appliedDiscounts=[discount(guid="1")],
        selections=[
            selection(
                guid="item",
                appliedDiscounts=[discount(guid="2")],
                modifiers=[selection(guid="modifier", appliedDiscounts=[discount(guid="3")])],
            )
        ],
    )
    assert {(row.discount_guid, row.parent_guid, row.selection_guid) for row in staged.discounts} == {
        ("1", "check", None),
        ("2", "item", "item"),
        ("3", "modifier", "modifier"),
    }


def test_a_check_adds_up_its_own_discounts_and_those_of_its_selections_and_modifiers() -> None:
    staged = of_check(
        appliedDiscounts=[discount(discountAmount=1)],
        selections=[
            selection(
                appliedDiscounts=[discount(discountAmount=0.2)],
                modifiers=[selection(appliedDiscounts=[discount(discountAmount=0.03)])],
            ),
            selection(appliedDiscounts=[discount(discountAmount=0.004), discount(discountAmount=0.0005)]),
        ],
    )
    assert staged.checks[0].discount_amount == Decimal("1.2345")
    assert [row.discount_amount for row in staged.items] == [Decimal("0.2"), Decimal("0.03"), Decimal("0.0045")]


def test_a_discount_that_was_taken_back_keeps_its_row_and_counts_for_nothing() -> None:
    gone = {"processingState": "VOID", "discountAmount": 5}
    staged = of_check(
        appliedDiscounts=[discount(**gone)],
        selections=[selection(appliedDiscounts=[discount(**gone), discount(discountAmount=1)])],
    )
    assert staged.checks[0].discount_amount == 1
    assert staged.items[0].discount_amount == 1
    assert [row.discount_amount for row in staged.discounts] == [5, 5, 1]


@pytest.mark.parametrize("state", [None, "PENDING_APPLIED", "APPLIED", "PENDING_VOID", "INVENTED_TOMORROW"])
def test_a_discount_in_any_other_state_counts(state: str | None) -> None:
    staged = of_check(appliedDiscounts=[discount(processingState=state, discountAmount=2)])
    assert staged.checks[0].discount_amount == 2


def test_discounts_of_a_voided_selection_do_not_count_for_the_check() -> None:
    staged = of_check(
        selections=[
            selection(
                voided=True,
                appliedDiscounts=[discount(discountAmount=1)],
                modifiers=[selection(appliedDiscounts=[discount(discountAmount=2)])],
            ),
            selection(appliedDiscounts=[discount(discountAmount=4)]),
        ]
    )
    assert staged.checks[0].discount_amount == 4
    assert [row.discount_amount for row in staged.items] == [1, 2, 4]


def test_gratuity_is_kept_apart_from_other_charges() -> None:
    staged = of_check(
        appliedServiceCharges=[
            service_charge(chargeAmount=3, gratuity=False),
            service_charge(chargeAmount=4, gratuity=None),
            service_charge(chargeAmount=18, gratuity=True),
            service_charge(chargeAmount=None, gratuity=True),
        ]
    )
    assert staged.checks[0].service_charge_amount == 7
    assert staged.checks[0].gratuity_amount == 18


def test_a_check_adds_up_the_tips_of_its_payments() -> None:
    staged = of_check(payments=[payment(tipAmount=1.5), payment(tipAmount=None), payment(tipAmount=2)])
    assert staged.checks[0].tip_amount == Decimal("3.5")


@pytest.mark.parametrize(
    "failed",
    [{"voidInfo": {"voidBusinessDate": 20260221}}]
    + [{"paymentStatus": status} for status in ("VOIDED", "DENIED", "CANCELLED", "ERROR", "ERROR_NETWORK")],
    ids=str,
)
def test_the_tip_of_a_payment_that_took_no_money_is_left_out(failed: Json) -> None:
    staged = of_check(payments=[payment(tipAmount=5, **failed), payment(tipAmount=2)])
    assert staged.checks[0].tip_amount == 2
    assert [row.tip_amount for row in staged.payments] == [5, 2]


@pytest.mark.parametrize("status", [None, "OPEN", "AUTHORIZED", "CAPTURE_IN_PROGRESS", "CAPTURED", "INVENTED_TOMORROW"])
def test_the_tip_of_a_payment_in_any_other_state_counts(status: str | None) -> None:
    assert of_payment(tipAmount=5, paymentStatus=status).checks[0].tip_amount == 5


def test_a_refund_stands_on_its_payment_and_is_added_up_without_its_tip() -> None:
    staged = of_check(
        payments=[
            payment(refundStatus="PARTIAL", refund=refund(refundAmount=4, tipRefundAmount=1)),
            payment(refund=refund(refundAmount=0.5, tipRefundAmount=None, refundBusinessDate=None)),
            payment(refund=refund(refundAmount=None)),
            payment(refund=None),
        ]
    )
    assert [row.refund_amount for row in staged.payments] == [4, Decimal("0.5"), None, None]
    assert [row.refund_tip_amount for row in staged.payments] == [1, None, 1, None]
    assert [row.refund_business_date for row in staged.payments][:2] == [dt.date(2026, 2, 22), None]
    assert staged.checks[0].refund_amount == Decimal("4.5")
    assert staged.checks[0].total_amount == Decimal("10.8")


def test_sums_do_not_reach_from_check_to_check() -> None:
    paid = {"payments": [payment(tipAmount=2)], "appliedServiceCharges": [service_charge(chargeAmount=3)]}
    other = {"payments": [payment(tipAmount=5)], "appliedServiceCharges": [service_charge(chargeAmount=7)]}
    staged = flatten(order(checks=[check(**paid), check(**other), check(payments=[])]))
    assert [row.tip_amount for row in staged.checks] == [2, 5, 0]
    assert [row.service_charge_amount for row in staged.checks] == [3, 7, 0]


# --- keys for what has no GUID -----------------------------------------------------------------------


def tax_keys(*taxes: Json) -> list[str]:
    return [row.tax_key for row in of_selections(selection(appliedTaxes=list(taxes))).taxes]


@pytest.mark.parametrize("absent", [None, ..., ""], ids=["null", "left out", "empty"])
def test_a_tax_without_guid_is_known_by_its_rate(absent: Any) -> None:
    assert tax_keys(tax(guid=absent, taxRate=ref(guid="rate"))) == ["rate"]


def test_a_tax_without_guid_and_rate_is_known_by_its_name() -> None:
    assert tax_keys(tax(taxRate=None, name="City"), tax(taxRate={"guid": None}, name="State")) == ["City", "State"]


def test_taxes_without_anything_are_numbered() -> None:
    assert tax_keys(*[tax(taxRate=None, name=None)] * 3) == ["unnamed", "unnamed#2", "unnamed#3"]


def test_taxes_that_share_a_guid_are_numbered_past_keys_that_are_taken() -> None:
    assert tax_keys(tax(guid="a"), tax(guid="a#2"), tax(guid="a"), tax(guid="a")) == ["a", "a#2", "a#3", "a#4"]


def test_the_same_tax_on_two_selections_needs_no_number() -> None:
    taxes = [tax(taxRate=ref(guid="rate"))]
    staged = of_selections(selection(guid="one", appliedTaxes=taxes), selection(guid="two", appliedTaxes=taxes))
    assert [(row.parent_guid, row.tax_key) for row in staged.taxes] == [("one", "rate"), ("two", "rate")]


def test_a_tax_says_whether_it_is_on_a_selection_or_on_a_charge() -> None:
    staged = of_check(
        selections=[selection(guid="item")],
        appliedServiceCharges=[service_charge(guid="charge", appliedTaxes=[tax()])],
    )
    assert [(row.parent_guid, row.parent_kind) for row in staged.taxes] == [
        ("item", "SELECTION"),
        ("charge", "SERVICE_CHARGE"),
    ]


def test_service_charges_without_guid_are_told_apart_through_the_whole_order() -> None:
    def large_party() -> Json:
        return service_charge(guid=None, serviceCharge=ref(guid="config"), appliedTaxes=[tax()])

    staged = flatten(
        order(
            checks=[
                check(selections=[], appliedServiceCharges=[large_party(), large_party()]),
                check(
                    selections=[], appliedServiceCharges=[large_party(), service_charge(guid=..., serviceCharge=...)]
                ),
            ]
        )
    )
    keys = ["config", "config#2", "config#3", "Large party"]
    assert [row.service_charge_guid for row in staged.service_charges] == keys
    assert [row.parent_guid for row in staged.taxes] == keys[:3]


def test_discounts_without_guid_are_told_apart_within_their_parent() -> None:
    unnamed = discount(guid=None, discount=ref(guid="config"))
    staged = of_check(
        guid="check",
        appliedDiscounts=[unnamed, unnamed],
        selections=[selection(guid="item", appliedDiscounts=[unnamed])],
    )
    assert [(row.parent_guid, row.discount_guid) for row in staged.discounts] == [
        ("check", "config"),
        ("check", "config#2"),
        ("item", "config"),
    ]


# --- shapes ------------------------------------------------------------------------------------------

EMPTY = [None, [], ...]


@pytest.mark.parametrize("nothing", EMPTY, ids=["null", "empty", "left out"])
def test_an_order_without_checks_is_one_row(nothing: Any) -> None:
    staged = flatten(order(checks=nothing))
    assert staged.check_count == 0
    assert not any(getattr(staged, record) for record in ORDER_CHILDREN)


@pytest.mark.parametrize("nothing", EMPTY, ids=["null", "empty", "left out"])
def test_a_check_without_children_is_one_row(nothing: Any) -> None:
    staged = of_check(
        selections=nothing, payments=nothing, appliedDiscounts=nothing, appliedServiceCharges=nothing, totalAmount=7
    )
    assert [row.total_amount for row in staged.checks] == [7]
    assert not any(getattr(staged, record) for record in ORDER_CHILDREN if record != "checks")


@pytest.mark.parametrize("nothing", EMPTY, ids=["null", "empty", "left out"])
def test_a_selection_without_children_is_one_row(nothing: Any) -> None:
    staged = of_selections(selection(modifiers=nothing, appliedTaxes=nothing, appliedDiscounts=nothing))
    assert len(staged.items) == 1
    assert not staged.taxes
    assert not staged.discounts


def test_values_that_toast_adds_tomorrow_are_kept_as_they_are() -> None:
    staged = flatten(
        order(
            source="Drone",
            checks=[
                check(
                    paymentStatus="HALF_PAID",
                    selections=[selection(selectionType="HOLOGRAM", unitOfMeasure="PARSEC")],
                    payments=[payment(type="BARTER", cardType="WOOD", refundStatus="SOON")],
                )
            ],
        )
    )
    assert staged.order_source == "Drone"
    assert staged.checks[0].payment_status == "HALF_PAID"
    assert (staged.items[0].selection_type, staged.items[0].unit_of_measure) == ("HOLOGRAM", "PARSEC")
    assert (staged.payments[0].payment_type, staged.payments[0].card_type) == ("BARTER", "WOOD")


def test_fields_that_toast_adds_tomorrow_change_nothing() -> None:
    new = {"newField": {"guid": "x", "amounts": [1, 2.5, None]}, "another": "text"}
    known = order(guid="o", checks=[check(guid="c", selections=[selection(guid="s")], payments=[payment(guid="p")])])
    (of_check,) = known["checks"]
    more = known | new
    more["checks"] = [
        of_check
        | new
        | {
            "selections": [line | new for line in of_check["selections"]],
            "payments": [line | new for line in of_check["payments"]],
        }
    ]
    assert flatten(more) == flatten(known)


@pytest.mark.parametrize(
    "name", ["Crème brûlée", "寿司 🍣", 'naïve “quotes” \\ / "', "line\nbreak\ttab", "e\u0301", ""]
)
def test_names_come_through_as_they_are(name: str) -> None:
    assert of_selections(selection(displayName=name)).items[0].menu_item_name == name


@pytest.mark.parametrize(("number", "text"), [(17, "17"), ("17", "17"), ("A-17", "A-17"), (None, None)])
def test_a_display_number_is_text_whichever_way_toast_writes_it(number: str | int | None, text: str | None) -> None:
    staged = flatten(order(displayNumber=number, checks=[check(displayNumber=number)]))
    assert staged.display_number == text
    assert staged.checks[0].display_number == text


# --- numbers -----------------------------------------------------------------------------------------


def price_of(written: Any) -> Decimal | None:
    return of_selections(selection(price=written)).items[0].item_price


def test_a_sum_of_a_check_has_nine_decimals_too() -> None:
    staged = of_check(payments=[payment(tipAmount=Decimal("0.12345678951"))])
    assert staged.checks[0].tip_amount == Decimal("0.12345679")


@pytest.mark.parametrize("quantity", ["0.125", "2.5", "-1", "0", "1000000"])
def test_quantities_can_be_fractions(quantity: str) -> None:
    assert of_selections(selection(quantity=Decimal(quantity))).items[0].item_quantity == Decimal(quantity)


def test_money_is_read_digit_by_digit_and_not_as_a_float() -> None:
    assert price_of(Decimal("1234567890123456.05")) == Decimal("1234567890123456.05")


# Where each NUMERIC column's number comes from.
NUMBERS: list[tuple[str, str, str]] = [
    ("selection", "quantity", "item_quantity"),
    ("selection", "preDiscountPrice", "pre_discount_price"),
    ("selection", "price", "item_price"),
    ("selection", "tax", "tax_amount"),
    ("check", "amount", "amount"),
    ("check", "taxAmount", "tax_amount"),
    ("check", "totalAmount", "total_amount"),
    ("payment", "amount", "amount"),
    ("payment", "tipAmount", "tip_amount"),
    ("payment", "amountTendered", "amount_tendered"),
    ("payment", "originalProcessingFee", "processing_fee"),
    ("refund", "refundAmount", "refund_amount"),
    ("refund", "tipRefundAmount", "refund_tip_amount"),
    ("discount", "discountAmount", "discount_amount"),
    ("discount", "nonTaxDiscountAmount", "non_tax_discount_amount"),
    ("charge", "chargeAmount", "charge_amount"),
    ("tax", "rate", "tax_rate"),
    ("tax", "taxAmount", "tax_amount"),
]


def with_number(place: str, field: str, number: Any) -> Json:
    """An order that has everything, one of whose numbers is ``number``."""
    parts: dict[str, Json] = {
        name: {} for name in ("selection", "check", "payment", "refund", "discount", "charge", "tax")
    }
    parts[place] = {field: number}
    return order(
        checks=[
            check(
                selections=[
                    selection(
                        appliedTaxes=[tax(**parts["tax"])],
                        appliedDiscounts=[discount(**parts["discount"])],
                        **parts["selection"],
                    )
                ],
                payments=[payment(refund=refund(**parts["refund"]), **parts["payment"])],
                appliedServiceCharges=[service_charge(**parts["charge"])],
                **parts["check"],
            )
        ]
    )


def test_every_number_of_an_order_is_tried_below() -> None:
    columns = Counter(
        column.name for table in ORDER_CHILDREN.values() for column in columns_of(table.row) if column.type == "NUMERIC"
    )
    sums_of_a_check = Counter(
        ["tip_amount", "discount_amount", "service_charge_amount", "gratuity_amount", "refund_amount"]
    )
    of_an_item = Counter(["discount_amount", "refund_amount"])
    assert columns == Counter(column for _, _, column in NUMBERS) + sums_of_a_check + of_an_item


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize(("place", "field", "column"), NUMBERS)
def test_what_is_no_number_rejects_the_order(place: str, field: str, column: str, number: str) -> None:
    # JSON has no such numbers; as a text, the decoder takes them.
    reason = rejection(with_number(place, field, number))
    assert column in reason or reason == "an amount is not a number"


@pytest.mark.parametrize("number", ["1E+29", "-1E+29", "123456789012345678901234567890.5", "1E+400", "9E+1000000"])
@pytest.mark.parametrize(("place", "field", "column"), NUMBERS)
def test_a_number_that_no_column_holds_rejects_the_order(place: str, field: str, column: str, number: str) -> None:
    assert column in rejection(with_number(place, field, Decimal(number)))


def test_a_rejected_number_is_named_with_its_column() -> None:
    assert rejection(with_number("selection", "price", Decimal("1E+30"))).startswith("item_price 1E+30 ")
    assert rejection(with_number("payment", "amountTendered", "NaN")).startswith("amount_tendered NaN ")


def test_large_numbers_are_kept_to_the_last_decimal() -> None:
    largest = Decimal("9999999999999999999999999999.999999999")
    assert price_of(largest) == largest
    assert price_of(-largest) == -largest


@pytest.mark.parametrize(
    "prices",
    [
        ["1E+30", "-1E+30", "12.50"],
        ["1E+40", "12.50"],
        ["9E+27", "9E+27", "-9E+27", "5E+29", "-5E+29", "0.01"],
    ],
    ids=str,
)
def test_numbers_that_cancel_out_hide_nothing(prices: list[str]) -> None:
    selections = [selection(price=Decimal(price)) for price in prices]
    assert "item_price" in rejection(order(checks=[check(selections=selections)]))


def test_a_large_number_does_not_hide_decimals_too_many_of_another() -> None:
    staged = of_selections(selection(price=Decimal("123456789012345678901")), selection(price=Decimal("0.12345678951")))
    assert [row.item_price for row in staged.items] == [Decimal("123456789012345678901"), Decimal("0.12345679")]


@pytest.mark.parametrize("count", [2**63, -(2**63) - 1, 10**25])
@pytest.mark.parametrize("field", ["numberOfGuests", "duration"])
def test_a_count_past_64_bits_rejects_the_order(field: str, count: int) -> None:
    assert field in rejection(order(**{field: count}))


@pytest.mark.parametrize("count", [2**63 - 1, -(2**63) + 1, 0])
def test_a_count_of_64_bits_is_kept(count: int) -> None:
    assert flatten(order(numberOfGuests=count, duration=count)).guest_count == count


# --- dates and GUIDs that cannot be ------------------------------------------------------------------


@pytest.mark.parametrize("date", [0, -20260221, 20260229, 20261301, 20260200, 2026, 10**12, 10**30])
def test_a_business_date_that_is_no_date_rejects_the_order(date: int) -> None:
    assert rejection(order(businessDate=date)) == f"businessDate {date} is not a date"


@pytest.mark.parametrize("date", [20111231, 10101, 21600101, 99991231])
def test_a_business_date_out_of_all_reason_rejects_the_order(date: int) -> None:
    assert rejection(order(businessDate=date)).startswith(f"businessDate {date} is outside 2012-01-01 to 2159-12-31")


@pytest.mark.parametrize("date", [20120101, 20240229, 21591231])
def test_a_business_date_within_reason_is_taken(date: int) -> None:
    assert f"{flatten(order(businessDate=date)).business_date:%Y%m%d}" == str(date)


@pytest.mark.parametrize("bad", [20261301, 0, -5, 10**30])
@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        (lambda date: {"paidBusinessDate": date}, "paidBusinessDate"),
        (lambda date: {"refund": refund(refundBusinessDate=date)}, "refundBusinessDate"),
    ],
    ids=["paid", "refund"],
)
def test_another_date_that_is_none_rejects_the_order_and_is_named(overrides: Any, field: str, bad: int) -> None:
    reason = rejection(order(checks=[check(payments=[payment(**overrides(bad))])]))
    assert reason == f"{field} {bad} is not a date"


@pytest.mark.parametrize(
    ("kind", "toast_order"),
    [
        ("check", order(checks=[check(guid="twin"), check(guid="twin")])),
        ("selection", order(checks=[check(selections=[selection(guid="twin"), selection(guid="twin")])])),
        ("selection", order(checks=[check(selections=[selection(guid="twin", modifiers=[selection(guid="twin")])])])),
        (
            "selection",
            order(checks=[check(selections=[selection(guid="twin")]), check(selections=[selection(guid="twin")])]),
        ),
        ("payment", order(checks=[check(payments=[payment(guid="twin")]), check(payments=[payment(guid="twin")])])),
    ],
    ids=["checks", "selections", "modifier of itself", "selections of two checks", "payments of two checks"],
)
def test_a_guid_that_stands_twice_rejects_the_order(kind: str, toast_order: Json) -> None:
    assert rejection(toast_order) == f"{kind} twin stands more than once in the order"


# --- orders that can have moved ----------------------------------------------------------------------


def moved(hours: TradingHours = NEW_YORK, **dates: Any) -> bool:
    nowhere: Json = {"openedDate": None, "createdDate": None, "promisedDate": None}
    return flatten(order(**nowhere | dates), hours).may_have_moved


def test_an_order_opened_and_created_on_its_business_date_has_not_moved() -> None:
    assert not moved(createdDate="2026-02-21T23:05:00.000+0000", openedDate="2026-02-21T23:05:00.000+0000")


def test_a_scheduled_order_can_have_moved_even_within_its_day() -> None:
    today = "2026-02-21T23:05:00.000+0000"
    assert moved(createdDate=today, openedDate=today, promisedDate=today)


@pytest.mark.parametrize("field", ["openedDate", "createdDate"])
def test_an_order_opened_or_created_on_another_day_can_have_moved(field: str) -> None:
    here, elsewhere = "2026-02-21T23:05:00.000+0000", "2026-02-20T23:05:00.000+0000"
    assert moved(**{"openedDate": here, "createdDate": here, field: elsewhere})
    assert moved(**{field: elsewhere})


def test_an_order_that_does_not_say_when_it_began_has_not_moved() -> None:
    assert not moved()


@pytest.mark.parametrize(
    ("hours", "business_date", "first", "end"),
    [
        (NEW_YORK, 20260221, "2026-02-21T09:00:00", "2026-02-22T09:00:00"),
        (TradingHours("America/New_York", 0), 20260221, "2026-02-21T05:00:00", "2026-02-22T05:00:00"),
        (TradingHours("America/New_York", 12), 20260221, "2026-02-21T17:00:00", "2026-02-22T17:00:00"),
        (TradingHours("Pacific/Honolulu", 4), 20260221, "2026-02-21T14:00:00", "2026-02-22T14:00:00"),
        (NEW_YORK, 20260307, "2026-03-07T09:00:00", "2026-03-08T08:00:00"),
        (NEW_YORK, 20260308, "2026-03-08T08:00:00", "2026-03-09T08:00:00"),
        (NEW_YORK, 20261031, "2026-10-31T08:00:00", "2026-11-01T09:00:00"),
        (TradingHours("America/New_York", 1), 20261031, "2026-10-31T05:00:00", "2026-11-01T05:00:00"),
    ],
    ids=[
        "plain",
        "closes at midnight",
        "closes at noon",
        "Honolulu",
        "23 hours",
        "after them",
        "25 hours",
        "in the fold",
    ],
)
@pytest.mark.parametrize("field", ["openedDate", "createdDate"])
def test_the_day_of_an_order_ends_at_the_closeout_hour(
    hours: TradingHours, business_date: int, first: str, end: str, field: str
) -> None:
    begins, ends = utc(first), utc(end)
    second = dt.timedelta(seconds=1)
    found = [
        moved(hours, businessDate=business_date, **{field: instant.isoformat()})
        for instant in (begins - second, begins, ends - second, ends)
    ]
    assert found == [True, False, False, True]


# --- a page of orders --------------------------------------------------------------------------------


def flatten_page(*orders: Json) -> tuple[list[str], list[tuple[str, str]]]:
    """The GUIDs of the orders that became rows, and of those that did not, with the reason."""
    refused: list[tuple[str, str]] = []
    staged = flatten_orders(
        decode_orders_page(page(*orders)).objects,
        restaurant_guid=RESTAURANT,
        hours=NEW_YORK,
        unit="unit",
        rejected=lambda order, reason: refused.append((order.guid, reason)),
    )
    return [one.order_guid for one in staged], refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"businessDate": 20261301},
        {"numberOfGuests": 2**70},
        {"checks": [check(amount=Decimal("1E+40"))]},
        {"checks": [check(amount="NaN")]},
        {"checks": [check(amount="sNaN")]},
        {"checks": [check(appliedDiscounts=[discount(discountAmount="sNaN")])]},
        {"checks": [check(guid="twin"), check(guid="twin")]},
    ],
    ids=["date", "count", "amount", "NaN", "sNaN", "sum", "guid"],
)
def test_an_order_that_cannot_stand_costs_only_itself(wrong: Json) -> None:
    accepted, refused = flatten_page(order(guid="before"), order(guid="wrong", **wrong), order(guid="after"))
    assert accepted == ["before", "after"]
    ((refused_guid, reason),) = refused
    assert refused_guid == "wrong"
    assert reason


def test_a_page_of_orders_that_all_cannot_stand_is_empty() -> None:
    wrong = [order(guid=name, businessDate=0) for name in "ab"]
    reason = "businessDate 0 is not a date"
    assert flatten_page(*wrong) == ([], [("a", reason), ("b", reason)])


def test_an_empty_page_is_empty() -> None:
    assert flatten_page() == ([], [])


def test_numbers_that_cancel_out_between_orders_hide_nothing() -> None:
    accepted, refused = flatten_page(
        order(guid="up", checks=[check(amount=Decimal("1E+35"))]),
        order(guid="down", checks=[check(amount=Decimal("-1E+35"))]),
        order(guid="plain"),
    )
    assert accepted == ["plain"]
    assert [refused_guid for refused_guid, _ in refused] == ["up", "down"]


# --- any order ---------------------------------------------------------------------------------------

money = (
    st.none()
    | st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=2)
    | st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=9)
)
flag = st.none() | st.booleans()
text = st.none() | st.text(max_size=8)
# Few values, so that the same comes again; None, empty and absent ones too.
key = st.sampled_from([None, "", "k", "k#2", "l"])
reference = st.none() | st.builds(lambda guid: {"guid": guid}, key)
instant = st.none() | st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 12, 31), timezones=st.just(dt.UTC)).map(
    dt.datetime.isoformat
)
date = st.sampled_from([None, 20260221, 20240229])


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """An object with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def many(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any] | None]:
    return st.none() | st.lists(items, max_size=3)


taxes = some(guid=key, taxRate=reference, name=text, rate=money, taxAmount=money, type=text)
discounts = some(
    guid=key,
    discount=reference,
    name=text,
    discountAmount=money,
    nonTaxDiscountAmount=money,
    processingState=st.sampled_from([None, "VOID", "APPLIED"]),
    appliedDiscountReason=st.none() | some(name=text),
)
charges = some(
    guid=key, serviceCharge=reference, name=text, chargeAmount=money, gratuity=flag, appliedTaxes=many(taxes)
)
payments = some(
    paidDate=instant,
    paidBusinessDate=date,
    type=text,
    amount=money,
    tipAmount=money,
    originalProcessingFee=money,
    refund=st.none() | some(refundAmount=money, tipRefundAmount=money, refundBusinessDate=date),
    paymentStatus=st.sampled_from([None, "CAPTURED", "VOIDED", "DENIED"]),
    voidInfo=st.none() | st.just({}),
)


def selections_with(modifiers: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return some(
        item=reference,
        displayName=text,
        quantity=money,
        preDiscountPrice=money,
        price=money,
        tax=money,
        voided=flag,
        refundDetails=st.none() | some(refundAmount=money),
        appliedTaxes=many(taxes),
        appliedDiscounts=many(discounts),
        modifiers=modifiers,
    )


selections = st.recursive(selections_with(st.none()), lambda inner: selections_with(many(inner)), max_leaves=6)
checks = some(
    openedDate=instant,
    displayNumber=text | st.integers(),
    amount=money,
    taxAmount=money,
    totalAmount=money,
    voided=flag,
    deleted=flag,
    selections=many(selections),
    payments=many(payments),
    appliedDiscounts=many(discounts),
    appliedServiceCharges=many(charges),
)
orders = some(
    openedDate=instant,
    promisedDate=instant,
    displayNumber=text | st.integers(),
    source=text,
    server=reference,
    numberOfGuests=st.none() | st.integers(0, 99),
    voided=flag,
    deleted=flag,
    checks=many(checks),
)


def children(parent: Json, field: str) -> list[Json]:
    return parent.get(field) or []


def all_selections(selections: Sequence[Json]) -> Iterator[Json]:
    for one in selections:
        yield one
        yield from all_selections(children(one, "modifiers"))


def objects_of(toast_order: Json) -> dict[str, list[Json]]:
    """What the JSON holds, found without the code that is tested; under the name of the rows it becomes."""
    found_checks = children(toast_order, "checks")
    items = [one for each in found_checks for one in all_selections(children(each, "selections"))]
    charged = [one for each in found_checks for one in children(each, "appliedServiceCharges")]
    return {
        "checks": found_checks,
        "items": items,
        "payments": [one for each in found_checks for one in children(each, "payments")],
        "discounts": [one for each in [*found_checks, *items] for one in children(each, "appliedDiscounts")],
        "service_charges": charged,
        "taxes": [one for each in [*items, *charged] for one in children(each, "appliedTaxes")],
    }


@st.composite
def whole_orders(draw: st.DrawFn) -> Json:
    """Any order that Toast could send: each check, selection and payment has a GUID of its own."""
    whole = draw(orders) | {"guid": "order", "businessDate": 20260221, "modifiedDate": "2026-02-22T00:10:00Z"}
    found = objects_of(whole)
    for number, one in enumerate(found["checks"] + found["items"] + found["payments"]):
        one["guid"] = f"g{number}"
    return whole


# How long an example takes says nothing here, and a busy machine is slow.
in_its_own_time = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def any_order(test: Callable[[Json], None]) -> Callable[[], None]:
    return in_its_own_time(given(whole_orders())(test))


def total(amounts: Iterator[Any]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def part(parent: Json, field: str) -> Json:
    found: Json = parent.get(field) or {}
    return found


AMOUNTS = {
    "checks": {"amount": "amount", "tax_amount": "taxAmount", "total_amount": "totalAmount"},
    "items": {
        "item_quantity": "quantity",
        "pre_discount_price": "preDiscountPrice",
        "item_price": "price",
        "tax_amount": "tax",
    },
    "payments": {"amount": "amount", "tip_amount": "tipAmount", "processing_fee": "originalProcessingFee"},
    "discounts": {"discount_amount": "discountAmount", "non_tax_discount_amount": "nonTaxDiscountAmount"},
    "service_charges": {"charge_amount": "chargeAmount"},
    "taxes": {"tax_amount": "taxAmount", "tax_rate": "rate"},
}


@in_its_own_time
@given(st.lists(whole_orders(), max_size=4))
def test_of_any_page_the_rows_are_those_of_its_orders(toast_orders: list[Json]) -> None:
    decoded = decode_orders_page(page(*toast_orders)).objects
    refused: list[tuple[Order, str]] = []
    staged = flatten_orders(
        decoded,
        restaurant_guid=RESTAURANT,
        hours=NEW_YORK,
        unit="unit",
        rejected=lambda order, reason: refused.append((order, reason)),
    )
    assert refused == []
    assert staged == [flatten(one) for one in toast_orders]


@any_order
def test_of_any_order_every_object_is_a_row(toast_order: Json) -> None:
    staged = flatten(toast_order)
    assert {record: len(getattr(staged, record)) for record in ORDER_CHILDREN} == {
        record: len(found) for record, found in objects_of(toast_order).items()
    }
    assert staged.check_count == len(staged.checks)


@any_order
def test_of_any_order_every_amount_is_conserved(toast_order: Json) -> None:
    staged = flatten(toast_order)
    found = objects_of(toast_order)
    for record, columns in AMOUNTS.items():
        for column, field in columns.items():
            of_rows = total(getattr(row, column) for row in getattr(staged, record))
            assert of_rows == total(one.get(field) for one in found[record]), (record, column)
    refunds = [part(one, "refund") for one in found["payments"]]
    assert total(row.refund_amount for row in staged.payments) == total(one.get("refundAmount") for one in refunds)
    assert total(row.refund_tip_amount for row in staged.payments) == total(
        one.get("tipRefundAmount") for one in refunds
    )
    assert total(row.refund_amount for row in staged.items) == total(
        part(one, "refundDetails").get("refundAmount") for one in found["items"]
    )


@any_order
def test_of_any_order_the_sums_of_checks_are_those_of_their_rows(toast_order: Json) -> None:
    staged = flatten(toast_order)
    for row in staged.checks:
        charged = [one for one in staged.service_charges if one.check_guid == row.check_guid]
        paid = [one for one in staged.payments if one.check_guid == row.check_guid]
        took_money = [one for one in paid if not one.is_voided and one.payment_status != "DENIED"]
        assert row.gratuity_amount == total(one.charge_amount for one in charged if one.is_gratuity)
        assert row.service_charge_amount == total(one.charge_amount for one in charged if not one.is_gratuity)
        assert row.refund_amount == total(one.refund_amount for one in paid)
        assert row.tip_amount == total(one.tip_amount for one in took_money)
    for item in staged.items:
        applied = [one for one in staged.discounts if one.selection_guid == item.selection_guid]
        assert item.discount_amount == total(one.discount_amount for one in applied if one.processing_state != "VOID")


@any_order
def test_of_any_order_keys_are_unique_and_the_same_on_every_run(toast_order: Json) -> None:
    staged = flatten(toast_order)
    for record, table in ORDER_CHILDREN.items():
        own_key = table.key[1:]
        keys = [tuple(getattr(row, name) for name in own_key) for row in getattr(staged, record)]
        assert len(set(keys)) == len(keys), (record, keys)
    assert flatten(toast_order) == staged


@any_order
def test_of_any_order_every_row_finds_its_parent(toast_order: Json) -> None:
    staged = flatten(toast_order)
    found_checks = {row.check_guid for row in staged.checks}
    items = {row.selection_guid: row for row in staged.items}
    charge_keys = {row.service_charge_guid for row in staged.service_charges}
    for item in staged.items:
        if item.parent_selection_guid is None:
            assert item.depth == 0
        else:
            parent = items[item.parent_selection_guid]
            assert (parent.depth, parent.check_guid) == (item.depth - 1, item.check_guid)
            assert item.is_voided >= parent.is_voided
    for record in ("items", "payments", "discounts", "service_charges", "taxes"):
        assert {row.check_guid for row in getattr(staged, record)} <= found_checks
    for given_off in staged.discounts:
        assert given_off.parent_guid == given_off.selection_guid or given_off.parent_guid == given_off.check_guid
        assert given_off.selection_guid is None or given_off.selection_guid in items
    for taxed in staged.taxes:
        assert taxed.parent_guid in (items if taxed.parent_kind == "SELECTION" else charge_keys)


def line_of(staged: StagedOrder) -> Any:
    """The line that goes to BigQuery."""
    return msgspec.json.decode(encode_rows([staged]))


@any_order
def test_of_any_order_the_line_is_one_that_bigquery_takes(toast_order: Json) -> None:
    line = line_of(flatten(toast_order))
    assert schema_checker.problems(line, columns_of(StagedOrder)) == []


def test_the_line_holds_every_column_of_every_row() -> None:
    line = line_of(flatten(FULL_ORDER))
    assert schema_checker.problems(line, columns_of(StagedOrder)) == []
    for record in ORDER_CHILDREN:
        at = {"items": 1, "discounts": 1}.get(record, 0)
        assert set(line[record][at]) == set(FULL_ROWS[record])
    assert set(line) == {*FULL_ROWS["order"], *ORDER_CHILDREN}
    assert line["items"][1]["item_price"] == "202.02"
    assert line["business_date"] == "2026-02-21"
    assert line["order_modified_at"] == "2026-02-22T01:00:00.001000Z"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"surprise": 1}, "surprise: unknown field"),
        ({"order_guid": None}, "order_guid: REQUIRED, but missing"),
        ({"order_guid": 5}, "order_guid: 5 is no STRING"),
        ({"guest_count": 2**63}, f"guest_count: {2**63} is no INT64"),
        ({"guest_count": True}, "guest_count: True is no INT64"),
        ({"is_voided": "false"}, "is_voided: 'false' is no BOOL"),
        ({"business_date": "2026-02-29"}, "business_date: '2026-02-29' is no DATE"),
        ({"opened_at": "2026-02-21T23:05:00"}, "opened_at: '2026-02-21T23:05:00' is no TIMESTAMP"),
        ({"opened_at": "0001-01-01T00:00:00+14:00"}, "opened_at: '0001-01-01T00:00:00+14:00' is no TIMESTAMP"),
        ({"items": None}, "items: not a list"),
        ({"items": [{}]}, "items[0].selection_guid: REQUIRED, but missing"),
        ({"checks": [{"amount": "1E+29"}]}, "checks[0].amount: '1E+29' is no NUMERIC"),
        ({"checks": [{"amount": "NaN"}]}, "checks[0].amount: 'NaN' is no NUMERIC"),
        ({"checks": [{"amount": "0.0000000001"}]}, "checks[0].amount: '0.0000000001' is no NUMERIC"),
        ({"checks": [{"amount": 0.1}]}, "checks[0].amount: 0.1 is no NUMERIC"),
    ],
    ids=str,
)
def test_a_line_that_bigquery_refuses_is_seen(change: Json, problem: str) -> None:
    line = line_of(flatten(order()))
    assert problem in schema_checker.problems(line | change, columns_of(StagedOrder))
