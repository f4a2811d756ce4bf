"""The seven order tables, each defined once as the row it holds.

An order's rows travel together: ``StagedOrder`` is one line of the staging table, the order with its
children as repeated records. What a child row shares with its order (business date, version, server …)
is said once there, and copied into the child's table by the INSERT that reads it.

Voided and deleted rows are kept and flagged, never dropped: leave them out when summing sales.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, field

from shared.families import Family
from shared.tables import Row, Table

# Annotated types that several rows use, so that a column means the same wherever it stands.
OrderGuid = Annotated[str, Meta(description="Toast's GUID of the order.")]
CheckGuid = Annotated[str, Meta(description="Toast's GUID of the check.")]
CheckOrOrderVoided = Annotated[bool, Meta(description="The check or its order was voided.")]
CheckOrOrderDeleted = Annotated[bool, Meta(description="The check or its order was deleted, e.g. merged away.")]


class OrderRow(Row):
    """An order; also one without checks."""

    order_guid: OrderGuid
    restaurant_guid: Annotated[str, Meta(description="Toast's GUID of the restaurant (location).")]
    business_date: Annotated[
        dt.date, Meta(description="The order's business date: opened, or promised for when scheduled; partition.")
    ]
    order_modified_at: Annotated[
        dt.datetime, Meta(description="Toast's modifiedDate of the order (UTC): the version that this row is of.")
    ]
    check_count: Annotated[int, Meta(description="Number of checks, deleted and voided ones included.")]
    is_voided: Annotated[bool, Meta(description="The order was voided.")]
    is_deleted: Annotated[bool, Meta(description="The order was deleted, e.g. merged into another.")]
    created_at: Annotated[dt.datetime | None, Meta(description="When the order was created (UTC).")] = None
    opened_at: Annotated[dt.datetime | None, Meta(description="When the order was opened (UTC).")] = None
    promised_at: Annotated[
        dt.datetime | None, Meta(description="For when a scheduled order is promised (UTC); NULL if not scheduled.")
    ] = None
    paid_at: Annotated[dt.datetime | None, Meta(description="When the order was paid in full (UTC).")] = None
    closed_at: Annotated[
        dt.datetime | None, Meta(description="When the order was closed (UTC), often by the nightly close.")
    ] = None
    display_number: Annotated[str | None, Meta(description="Number shown to staff; not unique.")] = None
    order_source: Annotated[str | None, Meta(description="Where the order came from: In Store, Online, API …")] = None
    approval_status: Annotated[
        str | None, Meta(description="Toast's approval status: APPROVED, NEEDS_APPROVAL, FUTURE, NOT_APPROVED …")
    ] = None
    dining_option_guid: Annotated[str | None, Meta(description="Dining option; see dim_dining_options.")] = None
    revenue_center_guid: Annotated[str | None, Meta(description="Revenue center; see dim_revenue_centers.")] = None
    service_area_guid: Annotated[str | None, Meta(description="Service area; see dim_service_areas.")] = None
    table_guid: Annotated[str | None, Meta(description="Table; see dim_tables.")] = None
    restaurant_service_guid: Annotated[
        str | None, Meta(description="Service such as lunch or dinner; see dim_restaurant_services.")
    ] = None
    server_guid: Annotated[str | None, Meta(description="Employee who serves the order; see dim_employees.")] = None
    guest_count: Annotated[int | None, Meta(description="Number of guests of the whole order.")] = None
    duration_seconds: Annotated[int | None, Meta(description="Seconds from opening to paying.")] = None


class ItemRow(Row):
    """A selection: an item on a check, or a modifier at any depth."""

    selection_guid: Annotated[str, Meta(description="Toast's GUID of the selection.")]
    check_guid: CheckGuid
    depth: Annotated[
        int, Meta(description="0 for an item, 1 for its modifiers, and so on. Sum money over depth 0 only.")
    ]
    discount_amount: Annotated[Decimal, Meta(description="Discounts applied to this very selection.")]
    is_voided: Annotated[bool, Meta(description="The selection, one it modifies, its check or order was voided.")]
    is_deleted: CheckOrOrderDeleted
    is_deferred: Annotated[bool, Meta(description="Revenue is deferred, as for a gift card sold.")]
    parent_selection_guid: Annotated[
        str | None, Meta(description="The selection that this one modifies; NULL at the top.")
    ] = None
    dining_option_guid: Annotated[
        str | None, Meta(description="The selection's dining option, else the order's; see dim_dining_options.")
    ] = None
    menu_item_guid: Annotated[str | None, Meta(description="Menu item; see dim_menu_items.")] = None
    menu_item_name: Annotated[str | None, Meta(description="Name of the item as it was sold.")] = None
    menu_group_guid: Annotated[str | None, Meta(description="Menu group; see dim_menu_groups.")] = None
    option_group_guid: Annotated[
        str | None, Meta(description="Modifier group that a modifier was chosen from; see dim_modifier_groups.")
    ] = None
    pre_modifier_guid: Annotated[str | None, Meta(description="Pre-modifier such as 'extra' or 'no'.")] = None
    sales_category_guid: Annotated[str | None, Meta(description="Sales category; see dim_sales_categories.")] = None
    selection_type: Annotated[
        str | None,
        Meta(description="NONE or NULL for a plain item; TOAST_CARD_SELL and TOAST_CARD_RELOAD are gift cards."),
    ] = None
    item_quantity: Annotated[Decimal | None, Meta(description="Quantity, in unit_of_measure; can be a fraction.")] = (
        None
    )
    unit_of_measure: Annotated[str | None, Meta(description="Unit of the quantity: NONE (pieces), LB, KG …")] = None
    pre_discount_price: Annotated[
        Decimal | None,
        Meta(description="Price of the whole quantity before discounts, its modifiers' prices included."),
    ] = None
    item_price: Annotated[
        Decimal | None, Meta(description="Price after discounts, its modifiers' prices included, without tax.")
    ] = None
    tax_amount: Annotated[Decimal | None, Meta(description="Tax on the selection, its modifiers' included.")] = None
    refund_amount: Annotated[
        Decimal | None, Meta(description="What was refunded of this selection, without tax; prices do not show it.")
    ] = None
    void_reason_guid: Annotated[str | None, Meta(description="Why it was voided; see dim_void_reasons.")] = None


class CheckRow(Row):
    """A check. Its amounts are Toast's own; the four sums at the end are taken over its children."""

    check_guid: CheckGuid
    is_tax_exempt: Annotated[bool, Meta(description="The check is exempt from tax.")]
    tip_amount: Annotated[Decimal, Meta(description="Tips of its payments, voided and failed ones left out.")]
    discount_amount: Annotated[
        Decimal, Meta(description="Its own discounts and those of its selections that are not voided.")
    ]
    service_charge_amount: Annotated[Decimal, Meta(description="Service charges other than gratuity.")]
    gratuity_amount: Annotated[Decimal, Meta(description="Service charges that are gratuity (automatic tips).")]
    refund_amount: Annotated[Decimal, Meta(description="Refunds of its payments, tips not included.")]
    is_voided: CheckOrOrderVoided
    is_deleted: CheckOrOrderDeleted
    opened_at: Annotated[dt.datetime | None, Meta(description="When the check was opened (UTC).")] = None
    closed_at: Annotated[dt.datetime | None, Meta(description="When the check was closed (UTC).")] = None
    paid_at: Annotated[dt.datetime | None, Meta(description="When the check was paid (UTC).")] = None
    display_number: Annotated[str | None, Meta(description="Check number shown to staff; not unique.")] = None
    payment_status: Annotated[
        str | None, Meta(description="OPEN, PAID (tip still open) or CLOSED; a closed check can be reopened.")
    ] = None
    amount: Annotated[
        Decimal | None,
        Meta(description="Items after discounts plus service charges other than gratuity; no tax, no tip."),
    ] = None
    tax_amount: Annotated[Decimal | None, Meta(description="Tax on items and service charges.")] = None
    total_amount: Annotated[
        Decimal | None, Meta(description="amount plus tax_amount; without tips, and refunds do not lower it.")
    ] = None


class PaymentRow(Row):
    """A payment on a check."""

    payment_guid: Annotated[str, Meta(description="Toast's GUID of the payment.")]
    check_guid: CheckGuid
    is_voided: Annotated[bool, Meta(description="The payment itself was voided.")]
    paid_business_date: Annotated[dt.date | None, Meta(description="Business date on which it was paid.")] = None
    paid_at: Annotated[dt.datetime | None, Meta(description="When it was paid (UTC).")] = None
    payment_type: Annotated[str | None, Meta(description="CASH, CREDIT, GIFTCARD, OTHER …")] = None
    card_type: Annotated[str | None, Meta(description="VISA, MASTERCARD …; NULL when no card was used.")] = None
    card_entry_mode: Annotated[str | None, Meta(description="SWIPED, KEYED, EMV_CHIP_SIGN, ONLINE …")] = None
    other_payment_guid: Annotated[
        str | None, Meta(description="Kind of an OTHER payment; see dim_alternate_payment_types.")
    ] = None
    cash_drawer_guid: Annotated[str | None, Meta(description="Cash drawer; see dim_cash_drawers.")] = None
    server_guid: Annotated[str | None, Meta(description="Employee who took the payment; see dim_employees.")] = None
    amount: Annotated[Decimal | None, Meta(description="Amount paid, without the tip.")] = None
    tip_amount: Annotated[Decimal | None, Meta(description="Tip.")] = None
    amount_tendered: Annotated[Decimal | None, Meta(description="Cash that the guest handed over.")] = None
    processing_fee: Annotated[Decimal | None, Meta(description="Toast's card processing fee; NULL before capture.")] = (
        None
    )
    refund_status: Annotated[str | None, Meta(description="NONE, PARTIAL or FULL.")] = None
    refund_amount: Annotated[Decimal | None, Meta(description="Amount given back, without the tip.")] = None
    refund_tip_amount: Annotated[Decimal | None, Meta(description="Tip given back.")] = None
    refund_business_date: Annotated[dt.date | None, Meta(description="Business date of the refund.")] = None
    payment_status: Annotated[str | None, Meta(description="OPEN, AUTHORIZED, CAPTURED, DENIED, VOIDED …")] = None


class DiscountRow(Row):
    """A discount applied to a check or to a selection."""

    check_guid: CheckGuid
    parent_guid: Annotated[str, Meta(description="What the discount was applied to: the selection, else the check.")]
    discount_guid: Annotated[
        str, Meta(description="Toast's GUID of this application; where Toast gives none, a key made from its parts.")
    ]
    is_voided: Annotated[bool, Meta(description="What it was applied to, its check or order was voided.")]
    is_deleted: CheckOrOrderDeleted
    selection_guid: Annotated[str | None, Meta(description="The selection; NULL for a discount on the check.")] = None
    discount_config_guid: Annotated[str | None, Meta(description="The configured discount; see dim_discounts.")] = None
    discount_name: Annotated[str | None, Meta(description="Name of the discount as it was applied.")] = None
    discount_type: Annotated[str | None, Meta(description="PERCENT, FIXED, BOGO, OPEN_PERCENT …")] = None
    discount_amount: Annotated[Decimal | None, Meta(description="Amount taken off.")] = None
    non_tax_discount_amount: Annotated[
        Decimal | None, Meta(description="Part of the amount that does not lower the taxable price.")
    ] = None
    reason_name: Annotated[str | None, Meta(description="Name of the reason given.")] = None
    processing_state: Annotated[
        str | None, Meta(description="PENDING_APPLIED, APPLIED, PENDING_VOID, VOID or NULL.")
    ] = None


class ServiceChargeRow(Row):
    """A service charge on a check."""

    check_guid: CheckGuid
    service_charge_guid: Annotated[
        str, Meta(description="Toast's GUID of this application; where Toast gives none, a key made from its parts.")
    ]
    is_gratuity: Annotated[bool, Meta(description="An automatic tip: not part of the check's amount.")]
    is_taxable: Annotated[bool, Meta(description="Tax is charged on it.")]
    is_delivery: Annotated[bool, Meta(description="Applies to delivery.")]
    is_voided: CheckOrOrderVoided
    is_deleted: CheckOrOrderDeleted
    service_charge_config_guid: Annotated[
        str | None, Meta(description="The configured service charge; see dim_service_charges.")
    ] = None
    service_charge_name: Annotated[str | None, Meta(description="Name of the charge as it was applied.")] = None
    charge_type: Annotated[str | None, Meta(description="FIXED, PERCENT or OPEN.")] = None
    charge_amount: Annotated[Decimal | None, Meta(description="Amount charged, without tax.")] = None
    category: Annotated[
        str | None, Meta(description="SERVICE_CHARGE, CREDIT_CARD_SURCHARGE, FUNDRAISING_CAMPAIGN, CASH_ROUNDING …")
    ] = None


class TaxRow(Row):
    """A tax applied to a selection or to a service charge."""

    check_guid: CheckGuid
    parent_guid: Annotated[str, Meta(description="The selection or service charge that was taxed.")]
    parent_kind: Annotated[str, Meta(description="SELECTION or SERVICE_CHARGE.")]
    tax_key: Annotated[
        str, Meta(description="Toast's GUID of this application; mostly it gives none: then a key made from its parts.")
    ]
    is_facilitator_remitted: Annotated[
        bool, Meta(description="A marketplace collects and remits this tax, not the restaurant.")
    ]
    is_voided: Annotated[bool, Meta(description="What was taxed, its check or order was voided.")]
    is_deleted: CheckOrOrderDeleted
    tax_rate_guid: Annotated[str | None, Meta(description="The configured tax rate; see dim_tax_rates.")] = None
    tax_name: Annotated[str | None, Meta(description="Name of the tax.")] = None
    tax_rate: Annotated[Decimal | None, Meta(description="Rate as a fraction: 0.0625 is 6.25 %.")] = None
    tax_type: Annotated[str | None, Meta(description="PERCENT, FIXED, NONE, TABLE or EXTERNAL.")] = None
    tax_amount: Annotated[Decimal | None, Meta(description="Amount of tax.")] = None


class StagedOrder(OrderRow, kw_only=True):
    """One line of the staging table: an order, its children, and what the loading needs to know."""

    unit: Annotated[str, Meta(description="The unit of work that read it; only finished units are applied.")]
    may_have_moved: Annotated[
        bool, Meta(description="An older version can lie in another partition: the order was scheduled or reopened.")
    ]
    items: Annotated[list[ItemRow], Meta(description="Rows for fact_order_items.")] = field(default_factory=list)
    checks: Annotated[list[CheckRow], Meta(description="Rows for fact_checks.")] = field(default_factory=list)
    payments: Annotated[list[PaymentRow], Meta(description="Rows for fact_payments.")] = field(default_factory=list)
    discounts: Annotated[list[DiscountRow], Meta(description="Rows for fact_discounts.")] = field(default_factory=list)
    service_charges: Annotated[list[ServiceChargeRow], Meta(description="Rows for fact_service_charges.")] = field(
        default_factory=list
    )
    taxes: Annotated[list[TaxRow], Meta(description="Rows for fact_taxes.")] = field(default_factory=list)


_EVERY_CHILD = ("order_guid", "restaurant_guid", "business_date", "order_modified_at")


def _child(name: str, description: str, row: type[Row], key: tuple[str, ...], inherits: tuple[str, ...] = ()) -> Table:
    return Table(
        name=name,
        description=description,
        row=row,
        key=("order_guid", *key),
        partition_by="business_date",
        cluster_by=("restaurant_guid", "order_guid"),
        inherits=(*_EVERY_CHILD, *inherits),
        parent=OrderRow,
    )


FACT_ORDERS = Table(
    name="fact_orders",
    description="One row per order, also one without checks: the register of which version the warehouse holds.",
    row=OrderRow,
    key=("order_guid",),
    partition_by="business_date",
    cluster_by=("restaurant_guid", "order_guid"),
)

FACT_CHECKS = _child(
    "fact_checks",
    "One row per check, with its totals.",
    CheckRow,
    ("check_guid",),
    (
        "order_source",
        "dining_option_guid",
        "revenue_center_guid",
        "server_guid",
        "table_guid",
        "guest_count",
    ),
)

# Which repeated record of StagedOrder fills which table. fact_checks is the trace: an order that has any
# child has a check (see Family).
ORDER_CHILDREN: dict[str, Table] = {
    "checks": FACT_CHECKS,
    "items": _child(
        "fact_order_items",
        "One row per selection, modifiers at any depth included. Sum money over depth = 0.",
        ItemRow,
        ("selection_guid",),
        ("opened_at", "order_source", "revenue_center_guid", "server_guid"),
    ),
    "payments": _child("fact_payments", "One row per payment.", PaymentRow, ("payment_guid",)),
    "discounts": _child(
        "fact_discounts",
        "One row per discount applied to a check or a selection.",
        DiscountRow,
        ("parent_guid", "discount_guid"),
    ),
    "service_charges": _child(
        "fact_service_charges", "One row per service charge on a check.", ServiceChargeRow, ("service_charge_guid",)
    ),
    "taxes": _child(
        "fact_taxes",
        "One row per tax applied to a selection or a service charge.",
        TaxRow,
        ("parent_guid", "tax_key"),
    ),
}

ORDERS = Family(
    staged=StagedOrder,
    register=FACT_ORDERS,
    children=ORDER_CHILDREN,
    version="order_modified_at",
    # A scheduled order can be promised for another day as long as it is open, and nobody orders food more
    # than a year ahead.
    moved_before=dt.timedelta(0),
    moved_after=dt.timedelta(days=366),
)

ORDER_TABLES: tuple[Table, ...] = ORDERS.tables
