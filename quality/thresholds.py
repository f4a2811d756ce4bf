"""What a low-activity day is for a restaurant, learned from its own history.

restaurants.toml sets ``min_orders`` and ``min_net_sales``: a day with less is reported as one of low activity. No
number fits both a food court and a wine bar. Here each restaurant is measured by itself: nine in ten of its open days
reach some number of orders, and half of that is what hardly an ordinary day falls short of.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from shared.bigquery_utils import Warehouse
from shared.config import Restaurant
from shared.run_tables import BUSINESS_DAYS
from shared.statements import Parameter, Statement

FEWEST_DAYS = 28
"""Open days that have to be known before anything is suggested: four of each weekday."""

# Less of a difference to what is set is not worth a change.
_WORTHWHILE = Decimal("0.25")


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """Other thresholds for a restaurant than those that are set."""

    restaurant_guid: str
    restaurant_name: str
    days: int
    """Open days that it was learned from."""
    min_orders: int
    """As set now."""
    min_net_sales: Decimal
    """As set now."""
    suggested_min_orders: int
    suggested_min_net_sales: Decimal
    low_days: int
    """Of these days, those that fall short of what is set now ..."""
    suggested_low_days: int
    """... and those that would fall short of what is suggested."""

    @property
    def toml(self) -> str:
        """What to write under the restaurant in restaurants.toml."""
        return f"min_orders = {self.suggested_min_orders}\nmin_net_sales = {self.suggested_min_net_sales}"

    def __str__(self) -> str:
        return (
            f"{self.restaurant_name}: min_orders = {self.suggested_min_orders} (now {self.min_orders}), "
            f"min_net_sales = {self.suggested_min_net_sales} (now {self.min_net_sales}). Of {self.days:,} open days, "
            f"that makes {self.suggested_low_days:,} slow ones; now {self.low_days:,} are."
        )


def suggestions(warehouse: Warehouse, restaurants: Sequence[Restaurant], job: str) -> list[Suggestion]:
    """Thresholds that fit the restaurants better than those that are set; ``job`` makes the job id.

    None for one that is set well, or of which fewer than 28 open days are known. Raises WarehouseError.
    """
    known = {row["restaurant_guid"]: row for row in warehouse.run(learn(warehouse.dataset, restaurants), job).rows}
    made = []
    for restaurant in restaurants:
        row = known.get(restaurant.guid)
        if row is None or row["days"] < FEWEST_DAYS:
            continue
        one = Suggestion(
            restaurant_guid=restaurant.guid,
            restaurant_name=restaurant.name,
            days=row["days"],
            min_orders=restaurant.min_orders,
            min_net_sales=restaurant.min_net_sales,
            suggested_min_orders=int(row["few_orders"]),
            suggested_min_net_sales=Decimal(int(row["low_sales"])),
            low_days=row["low_days"],
            suggested_low_days=row["suggested_low_days"],
        )
        if _is_worthwhile(one):
            made.append(one)
    return made


def _is_worthwhile(one: Suggestion) -> bool:
    pairs = ((one.suggested_min_orders, one.min_orders), (one.suggested_min_net_sales, one.min_net_sales))
    return any(abs(Decimal(new) - old) > _WORTHWHILE * max(Decimal(old), Decimal(1)) for new, old in pairs)


def learn(dataset: str, restaurants: Sequence[Restaurant]) -> Statement:
    """Per restaurant: open days; half of what nine in ten of them reach; how many days that and what is set calls low.

    Columns: restaurant_guid, days, few_orders, low_sales, low_days, suggested_low_days.
    """
    sql = f"""WITH open_days AS (
  SELECT restaurant_guid, business_date, row_count, IFNULL(net_sales, 0) AS net_sales
  FROM (
    SELECT restaurant_guid, business_date, row_count, net_sales, complete
    FROM `{dataset}.{BUSINESS_DAYS.name}`
    WHERE source = 'orders' AND restaurant_guid IN UNNEST(@restaurants)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY restaurant_guid, business_date ORDER BY read_at DESC, run_id) = 1
  )
  WHERE complete AND row_count > 0
),
usual AS (
  SELECT DISTINCT
    restaurant_guid,
    PERCENTILE_CONT(row_count, 0.1) OVER (PARTITION BY restaurant_guid) AS orders,
    PERCENTILE_CONT(net_sales, 0.1) OVER (PARTITION BY restaurant_guid) AS sales
  FROM open_days
),
learned AS (
  SELECT
    restaurant_guid,
    GREATEST(CAST(FLOOR(orders / 2) AS INT64), 1) AS few_orders,
    CAST(FLOOR(GREATEST(sales, 0) / 2) AS INT64) AS low_sales
  FROM usual
),
configured AS (
  SELECT restaurant_guid, min_orders, CAST(min_net_sales AS NUMERIC) AS min_net_sales
  FROM UNNEST(@restaurants) AS restaurant_guid WITH OFFSET AS place
  JOIN UNNEST(@min_orders) AS min_orders WITH OFFSET AS orders_place ON orders_place = place
  JOIN UNNEST(@min_net_sales) AS min_net_sales WITH OFFSET AS sales_place ON sales_place = place
)
SELECT
  day.restaurant_guid,
  COUNT(*) AS days,
  MAX(learned.few_orders) AS few_orders,
  MAX(learned.low_sales) AS low_sales,
  COUNTIF(day.row_count < configured.min_orders OR day.net_sales < configured.min_net_sales) AS low_days,
  COUNTIF(day.row_count < learned.few_orders OR day.net_sales < learned.low_sales) AS suggested_low_days
FROM open_days AS day
JOIN learned ON learned.restaurant_guid = day.restaurant_guid
JOIN configured ON configured.restaurant_guid = day.restaurant_guid
GROUP BY day.restaurant_guid"""
    return Statement(
        sql,
        (
            Parameter("restaurants", "STRING", tuple(one.guid for one in restaurants)),
            Parameter("min_orders", "INT64", tuple(one.min_orders for one in restaurants)),
            Parameter("min_net_sales", "NUMERIC", tuple(one.min_net_sales for one in restaurants)),
        ),
    )
