"""Toast's own numbers, fetched again: of one check, to see whose fault it is that it does not add up; of whole days.

What the warehouse holds is compared with what Toast says now of the same version of the order. A version that is
newer at Toast is no fault: the next run brings it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import msgspec

from history.units import Location
from quality.references import REFERENCES
from shared.errors import ToastError, ToastRefused
from shared.order_rows import FAILED_PAYMENTS, flatten_orders
from shared.order_tables import FACT_ORDERS, ORDER_CHILDREN, ORDER_TABLES, StagedOrder
from shared.run_tables import BUSINESS_DAYS
from shared.statements import Parameter, Statement, date_list
from shared.tables import Table
from shared.toast_client import ToastClient, Usage
from shared.toast_endpoints import Endpoint
from shared.toast_orders import decode_orders_page

_ORDER = Endpoint(name="order", path="/orders/v2/orders/{order}", api="orders", scope="orders:read")
_ZERO = Decimal(0)
_MOST_STRANGERS = 20

# --- one check ---------------------------------------------------------------------------------------

Verdict = Literal["same", "changed", "differs", "gone", "unknown"]
"""The same at Toast; changed there since it was loaded; other numbers in the same version; not there; nobody knows."""


class CheckFigures(NamedTuple):
    """What the rules about a check's amounts rest on, in the names of the statement that finds those it breaks."""

    amount: Decimal
    tax_amount: Decimal
    total_amount: Decimal
    items: Decimal
    charges: Decimal
    discounts: Decimal
    gratuity: Decimal
    payments: Decimal

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> CheckFigures:
        """The figures of a row of that statement."""
        return cls(*(Decimal(row[name]) for name in cls._fields))

    @classmethod
    def of_order(cls, order: StagedOrder, check_guid: str) -> CheckFigures | None:
        """The same figures of a check as Toast tells of it; None if the order has no such check."""
        check = next((check for check in order.checks if check.check_guid == check_guid), None)
        if check is None:
            return None
        items = (row for row in order.items if row.check_guid == check_guid and row.depth == 0 and not row.is_voided)
        charges = [row for row in order.service_charges if row.check_guid == check_guid]
        discounts = (
            row
            for row in order.discounts
            if row.check_guid == check_guid and row.selection_guid is None and row.processing_state != "VOID"
        )
        payments = (
            row
            for row in order.payments
            if row.check_guid == check_guid and not row.is_voided and row.payment_status not in FAILED_PAYMENTS
        )
        return cls(
            amount=check.amount or _ZERO,
            tax_amount=check.tax_amount or _ZERO,
            total_amount=check.total_amount or _ZERO,
            items=_sum(row.item_price for row in items),
            charges=_sum(row.charge_amount for row in charges if not row.is_gratuity),
            discounts=_sum(row.discount_amount for row in discounts),
            gratuity=_sum(row.charge_amount for row in charges if row.is_gratuity),
            payments=_sum(row.amount for row in payments),
        )


class Answer(NamedTuple):
    """What Toast says of a check now."""

    verdict: Verdict
    figures: CheckFigures | None = None


def check_again(toast: ToastClient, location: Location, row: Mapping[str, Any]) -> Answer:
    """Fetch the order of a check that does not add up again; ``row`` is the warehouse's word on the check."""
    try:
        order = order_again(toast, location, row["order_guid"])
    except ToastRefused as refusal:
        return Answer("gone" if refusal.status == 404 else "unknown")
    except ToastError:
        return Answer("unknown")
    if order is None:
        return Answer("unknown")
    figures = CheckFigures.of_order(order, row["check_guid"])
    if order.order_modified_at > row["order_modified_at"]:
        return Answer("changed", figures)
    if figures is None:
        return Answer("gone")
    return Answer("same" if figures == CheckFigures.of_row(row) else "differs", figures)


def order_again(toast: ToastClient, location: Location, order_guid: str) -> StagedOrder | None:
    """An order as Toast has it now, as rows; None if it cannot be read. Raises ToastError."""
    endpoint = msgspec.structs.replace(_ORDER, path=_ORDER.path.replace("{order}", quote(order_guid, safe="")))
    page = toast.reply(
        endpoint,
        location.restaurant.guid,
        decode=lambda body: decode_orders_page(b"[" + body + b"]"),
        usage=Usage(),
    )
    rows = flatten_orders(
        page.objects,
        restaurant_guid=location.restaurant.guid,
        hours=location.hours,
        unit="verify",
        rejected=lambda order, reason: None,
    )
    return rows[0] if rows else None


def names(order: StagedOrder, guid: str) -> bool:
    """Whether an order refers to something configured."""
    rows = [order, *(row for record in ORDER_CHILDREN for row in getattr(order, record))]
    return any(getattr(row, column, None) == guid for row in rows for column in REFERENCES)


def _sum(values: Iterable[Decimal | None]) -> Decimal:
    return sum((value for value in values if value is not None), _ZERO)


# --- whole days --------------------------------------------------------------------------------------

# Which column of each order table is summed up, to compare it.
_AMOUNTS = {
    "fact_orders": "check_count",
    "fact_checks": "total_amount",
    "fact_order_items": "item_price",
    "fact_payments": "amount",
    "fact_discounts": "discount_amount",
    "fact_service_charges": "charge_amount",
    "fact_taxes": "tax_amount",
}


class Content(NamedTuple):
    """What a table holds of one order."""

    row_count: int
    amount: Decimal


class OrderContent(NamedTuple):
    """One order: its version, and what each table holds of it."""

    version: dt.datetime
    tables: dict[str, Content]


class HeldDay(NamedTuple):
    """A business date of a restaurant in the warehouse."""

    known_at: dt.datetime | None
    """The day is known as it was at this moment; None: it is not complete."""
    orders: dict[str, OrderContent]


def held_days(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, dt.date], HeldDay]:
    """The days that the rows of `orders_of_days` tell of."""
    days: dict[tuple[str, dt.date], HeldDay] = {}
    for row in rows:
        key = row["restaurant_guid"], row["business_date"]
        day = days.get(key, HeldDay(None, {}))
        if row["table_name"] == BUSINESS_DAYS.name:
            day = day._replace(known_at=row["version"])
        else:
            own = day.orders.setdefault(row["order_guid"], OrderContent(row["version"], {}))
            own.tables[row["table_name"]] = Content(row["row_count"], Decimal(row["amount"] or 0))
            if row["table_name"] == FACT_ORDERS.name:
                day.orders[row["order_guid"]] = own._replace(version=row["version"])
        days[key] = day
    return days


def orders_of_days(dataset: str, restaurants: Iterable[str], dates: Iterable[dt.date]) -> Statement:
    """Per order of some days and per table: version, rows, sum; and per day as of when it is known, without order."""

    def part(table: Table) -> str:
        return f"""SELECT
  '{table.name}' AS table_name, restaurant_guid, business_date, order_guid, MAX(order_modified_at) AS version,
  COUNT(*) AS row_count, CAST(SUM({_AMOUNTS[table.name]}) AS NUMERIC) AS amount
FROM `{dataset}.{table.name}`
WHERE business_date IN UNNEST(@dates) AND restaurant_guid IN UNNEST(@restaurants)
GROUP BY restaurant_guid, business_date, order_guid"""

    parts = "\nUNION ALL\n".join(part(table) for table in ORDER_TABLES)
    sql = f"""{parts}
UNION ALL
SELECT '{BUSINESS_DAYS.name}', restaurant_guid, business_date, '', MAX(read_at), 0, NULL
FROM `{dataset}.{BUSINESS_DAYS.name}`
WHERE business_date IN UNNEST(@dates) AND restaurant_guid IN UNNEST(@restaurants) AND source = 'orders' AND complete
GROUP BY restaurant_guid, business_date"""
    return Statement(sql, (date_list(set(dates)), Parameter("restaurants", "STRING", tuple(sorted(set(restaurants))))))


def day_again(toast: ToastClient, location: Location, date: dt.date) -> dict[str, OrderContent]:
    """The orders of a business date as Toast lists them now; those that cannot be read left out. Raises ToastError."""
    found: dict[str, OrderContent] = {}
    pages = toast.orders_by_business_date(location.restaurant.guid, date, decode=decode_orders_page, usage=Usage())
    for page in pages:
        for order in flatten_orders(
            page.objects,
            restaurant_guid=location.restaurant.guid,
            hours=location.hours,
            unit="verify",
            rejected=lambda order, reason: None,
        ):
            found[order.order_guid] = content_of(order)
    return found


def content_of(order: StagedOrder) -> OrderContent:
    """What the tables should hold of an order."""
    tables = {FACT_ORDERS.name: Content(1, Decimal(order.check_count))}
    for record, table in ORDER_CHILDREN.items():
        if rows := getattr(order, record):
            tables[table.name] = Content(len(rows), _sum(getattr(row, _AMOUNTS[table.name]) for row in rows))
    return OrderContent(order.order_modified_at, tables)


class Difference(NamedTuple):
    """An order that is not in the warehouse as it is at Toast: how, and whether reading it again brings it in."""

    order_guid: str
    what: str
    needs_replacing: bool = False


def differences(held: HeldDay, toast: Mapping[str, OrderContent], settling: dt.timedelta) -> Iterator[Difference]:
    """What of a day should be in the warehouse as Toast has it, and is not.

    What Toast changed after the moment as of which the day is known, or less than ``settling`` before, is left out.
    """
    for guid, theirs in toast.items():
        due = held.known_at is not None and theirs.version < held.known_at - settling
        own = held.orders.get(guid)
        if own is None or FACT_ORDERS.name not in own.tables:
            if due:
                yield Difference(guid, "is not in the warehouse", needs_replacing=own is not None)
        elif own.version < theirs.version:
            if due:
                yield Difference(guid, f"was changed at {theirs.version:%Y-%m-%d %H:%M:%S} UTC, which is not loaded")
        elif own.version == theirs.version:
            for table in ORDER_TABLES:
                nothing = Content(0, _ZERO)
                here, there = own.tables.get(table.name, nothing), theirs.tables.get(table.name, nothing)
                if here != there:
                    yield Difference(
                        guid,
                        f"has {here.row_count} rows of {here.amount:f} in {table.name}; at Toast {there.row_count} of "
                        f"{there.amount:f}",
                        needs_replacing=True,
                    )
                    break


def strangers(
    toast: ToastClient, location: Location, held: HeldDay, listed: Mapping[str, OrderContent], settling: dt.timedelta
) -> Iterator[Difference]:
    """Orders that the warehouse has under a day and Toast does not list there. Raises ToastError.

    One that was moved after the moment as of which the day is known is left out. Only the first are asked for.
    """
    for guid in sorted(guid for guid in held.orders if guid not in listed)[:_MOST_STRANGERS]:
        try:
            order = order_again(toast, location, guid)
        except ToastRefused as refusal:
            if refusal.status != 404:
                raise
            yield Difference(guid, "is not at Toast", needs_replacing=True)
            continue
        if order and held.known_at is not None and order.order_modified_at < held.known_at - settling:
            yield Difference(guid, f"lies under {order.business_date} at Toast", needs_replacing=True)
