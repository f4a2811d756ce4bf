"""What a business day was: open, slow, closed, not yet open, or not final yet.

The facts are taken from the warehouse after the load, so they speak of what is there. The calendar goes
by orders; of cash and labor it is only told whether there were any entries.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from shared.config import Restaurant
from shared.date_utils import NIGHTLY_CLOSE, TradingHours
from shared.order_tables import FACT_ORDERS, ORDER_CHILDREN
from shared.statements import Parameter, Statement, date_list
from shared.tables import Table

DayStatus = Literal["open", "low_activity", "closed", "not_open_yet", "provisional"]


class DayFacts(msgspec.Struct, frozen=True):
    """What the warehouse holds of one business date of one restaurant."""

    rows: int = 0
    """Orders or entries, voided and deleted ones left out."""
    net_sales: Decimal | None = None
    """None unless orders."""


class Verdict(msgspec.Struct, frozen=True):
    """How a day is to be called, and why it is not an ordinary open one."""

    status: DayStatus
    reason: str | None = None


class KnownDay(msgspec.Struct, frozen=True, kw_only=True):
    """A business date of a restaurant, known as it was at ``read_at`` (UTC).

    ``first_business_date`` is the restaurant's, None if Toast does not tell it; ``rejects`` is how many of
    the day's objects could not be read.
    """

    restaurant: Restaurant
    hours: TradingHours
    first_business_date: dt.date | None
    business_date: dt.date
    read_at: dt.datetime
    rejects: int = 0

    @property
    def is_final(self) -> bool:
        """Whether it was over, and its nightly close past, at the moment as of which it is known."""
        return self.hours.is_final(self.business_date, self.read_at)

    def as_final(self) -> KnownDay:
        """The same day, as it was known after its nightly close."""
        closed_at = self.hours.end(self.business_date) + NIGHTLY_CLOSE
        return msgspec.structs.replace(self, read_at=max(self.read_at, closed_at))


def judge_orders(day: KnownDay, facts: DayFacts) -> Verdict:
    """Classify a day by its orders."""
    if (pending := _pending(day)) is not None:
        return pending
    if not facts.rows and day.rejects:
        return Verdict("low_activity", "only_rejects")
    if not facts.rows:
        if day.first_business_date is not None and day.business_date < day.first_business_date:
            return Verdict("not_open_yet", "before_first_business_date")
        return Verdict("closed", "no_orders")
    if facts.rows < day.restaurant.min_orders:
        return Verdict("low_activity", "few_orders")
    if (facts.net_sales or 0) < day.restaurant.min_net_sales:
        return Verdict("low_activity", "low_sales")
    return Verdict("open")


def judge_entries(day: KnownDay, facts: DayFacts) -> Verdict:
    """Classify a day by its cash or time entries: there were some, or none."""
    if (pending := _pending(day)) is not None:
        return pending
    return Verdict("open") if facts.rows or day.rejects else Verdict("closed", "no_entries")


def _pending(day: KnownDay) -> Verdict | None:
    if day.is_final:
        return None
    return Verdict(
        "provisional", "day_not_over" if day.read_at < day.hours.end(day.business_date) else "nightly_close_pending"
    )


def entry_facts(
    dataset: str,
    restaurants: Collection[str],
    dates: Collection[dt.date],
    *,
    tables: Sequence[Table],
    condition: str = "TRUE",
) -> Statement:
    """Rows per restaurant and business date, over several tables; days without any have no row.

    ``condition`` is SQL that says which rows count.
    """
    parts = "\n  UNION ALL\n  ".join(
        f"""SELECT restaurant_guid, business_date
  FROM `{dataset}.{table.name}`
  WHERE business_date IN UNNEST(@dates) AND restaurant_guid IN UNNEST(@restaurants) AND {condition}"""
        for table in tables
    )
    sql = f"""SELECT restaurant_guid, business_date, COUNT(*) AS `rows`
FROM (
  {parts}
)
GROUP BY restaurant_guid, business_date"""
    return Statement(sql, (date_list(dates), Parameter("restaurants", "STRING", tuple(sorted(restaurants)))))


def order_facts(dataset: str, restaurants: Collection[str], dates: Collection[dt.date]) -> Statement:
    """Orders and net sales per restaurant and business date; days without orders have no row.

    Net sales follow Toast's definition (developer guide, "net sales"): prices before discounts less all
    discounts, plus service charges that are not gratuity; gift cards, deferred items, donations and
    whatever is voided or deleted do not count.
    """

    def part(name: str, orders: str, net_sales: str, condition: str) -> str:
        return f"""SELECT restaurant_guid, business_date, {orders} AS `rows`, {net_sales} AS net_sales
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
    sql = f"""SELECT restaurant_guid, business_date, SUM(`rows`) AS `rows`, IFNULL(SUM(net_sales), 0) AS net_sales
FROM (
  {parts}
)
GROUP BY restaurant_guid, business_date"""
    return Statement(
        sql,
        (
            date_list(dates),
            Parameter("restaurants", "STRING", tuple(sorted(restaurants))),
        ),
    )
