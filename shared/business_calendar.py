"""What a business day was: open, slow, closed, not yet open, or not final yet.

The facts are taken from the warehouse after the load, so they speak of what is there. The calendar goes
by orders.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from typing import Literal

import msgspec

from shared.config import Restaurant
from shared.date_utils import TradingHours
from shared.order_tables import FACT_ORDERS, ORDER_CHILDREN
from shared.statements import Parameter, Statement

DayStatus = Literal["open", "low_activity", "closed", "not_open_yet", "provisional"]


class DayFacts(msgspec.Struct, frozen=True):
    """What the warehouse holds of one business date of one restaurant."""

    orders: int = 0
    net_sales: Decimal = Decimal(0)


class Verdict(msgspec.Struct, frozen=True):
    """How a day is to be called, and why it is not an ordinary open one."""

    status: DayStatus
    reason: str | None = None


def judge(
    business_date: dt.date,
    facts: DayFacts,
    *,
    restaurant: Restaurant,
    hours: TradingHours,
    first_business_date: dt.date | None,
    read_at: dt.datetime,
    rejects: int = 0,
) -> Verdict:
    """Classify a day that was read at ``read_at`` (UTC), when so many of its objects could not be read.

    ``first_business_date`` is the restaurant's, None if Toast does not tell it.
    """
    if read_at < hours.end(business_date):
        return Verdict("provisional", "day_not_over")
    if not hours.is_final(business_date, read_at):
        return Verdict("provisional", "nightly_close_pending")
    if not facts.orders and rejects:
        return Verdict("low_activity", "only_rejects")
    if not facts.orders:
        if first_business_date is not None and business_date < first_business_date:
            return Verdict("not_open_yet", "before_first_business_date")
        return Verdict("closed", "no_orders")
    if facts.orders < restaurant.min_orders:
        return Verdict("low_activity", "few_orders")
    if facts.net_sales < restaurant.min_net_sales:
        return Verdict("low_activity", "low_sales")
    return Verdict("open")


def day_facts(dataset: str, restaurants: Collection[str], dates: Collection[dt.date]) -> Statement:
    """Orders and net sales per restaurant and business date; days without orders have no row.

    Net sales follow Toast's definition (developer guide, "net sales"): prices before discounts less all
    discounts, plus service charges that are not gratuity; gift cards, deferred items, donations and
    whatever is voided or deleted do not count.
    """

    def part(name: str, orders: str, net_sales: str, condition: str) -> str:
        return f"""SELECT restaurant_guid, business_date, {orders} AS orders, {net_sales} AS net_sales
  FROM `{dataset}.{name}`
  WHERE business_date IN UNNEST(@dates) AND restaurant_guid IN UNNEST(@restaurants)
    AND NOT is_voided AND NOT is_deleted{condition}"""

    parts = "\n  UNION ALL\n  ".join(
        (
            part(FACT_ORDERS.name, "1", "NUMERIC '0'", ""),
            part(
                ORDER_CHILDREN["items"].name,
                "0",
                "pre_discount_price - discount_amount",
                "\n    AND depth = 0 AND NOT is_deferred"
                "\n    AND IFNULL(selection_type, 'NONE') NOT IN ('TOAST_CARD_SELL', 'TOAST_CARD_RELOAD')",
            ),
            part(
                ORDER_CHILDREN["service_charges"].name,
                "0",
                "charge_amount",
                "\n    AND NOT is_gratuity AND IFNULL(category, '') != 'FUNDRAISING_CAMPAIGN'",
            ),
            part(
                ORDER_CHILDREN["discounts"].name,
                "0",
                "-discount_amount",
                "\n    AND selection_guid IS NULL AND IFNULL(processing_state, '') != 'VOID'",
            ),
        )
    )
    sql = f"""SELECT restaurant_guid, business_date, SUM(orders) AS orders, IFNULL(SUM(net_sales), 0) AS net_sales
FROM (
  {parts}
)
GROUP BY restaurant_guid, business_date"""
    return Statement(
        sql,
        (
            Parameter("dates", "DATE", tuple(sorted(dates))),
            Parameter("restaurants", "STRING", tuple(sorted(restaurants))),
        ),
    )
