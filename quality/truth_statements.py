"""The SQL of gate 2: each statement looks at a range of business dates and returns what breaks a rule, no more.

All take @restaurants, @start and @end, by which BigQuery prunes partitions and clusters; what is returned is
grouped by restaurant and business date, and limited to ``MOST_ROWS``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import NamedTuple

from shared.business_calendar import entry_facts, order_facts
from shared.cash_tables import CASH_TABLES, FACT_CASH_DEPOSITS, FACT_CASH_ENTRIES
from shared.families import Family
from shared.labor_tables import FACT_LABOR_SHIFTS, LABOR
from shared.order_rows import FAILED_PAYMENTS
from shared.order_tables import FACT_ORDERS, ORDER_CHILDREN, ORDERS
from shared.run_tables import BUSINESS_DAYS, ETL_REJECTS
from shared.statements import Parameter, Statement
from shared.tables import Table

MOST_ROWS = 500
"""Violations that a statement returns at most; how many there are in all, it says in each row."""

Range = tuple[Parameter, Parameter]
"""The parameters @start and @end: business dates, both included."""

FACTS: dict[str, tuple[Table, ...]] = {"orders": ORDERS.tables, "cash": CASH_TABLES, "labor": LABOR.tables}
"""The fact tables by what is loaded."""


def _here(alias: str) -> str:
    return f"{alias}.business_date BETWEEN @start AND @end AND {alias}.restaurant_guid IN UNNEST(@restaurants)"


# --- keys --------------------------------------------------------------------------------------------


def repeated_keys(dataset: str, tables: Sequence[Table], guids: Parameter, span: Range) -> Statement:
    """Keys that stand in a table more than once, also under two business dates, by table, restaurant and dates.

    Columns: table_name, restaurant_guid, first_date, last_date, key_count, row_count, example, total.
    """

    def part(table: Table) -> str:
        key = ", ".join(f"fact.{name}" for name in table.key)
        return f"""SELECT
    '{table.name}' AS table_name, fact.restaurant_guid, MIN(fact.business_date) AS first_date,
    MAX(fact.business_date) AS last_date, COUNT(*) AS copies, MIN(fact.{table.key[0]}) AS example
  FROM `{dataset}.{table.name}` AS fact
  WHERE {_here("fact")}
  GROUP BY fact.restaurant_guid, {key}
  HAVING COUNT(*) > 1"""

    parts = "\n  UNION ALL\n  ".join(part(table) for table in tables)
    sql = f"""SELECT
  table_name, restaurant_guid, first_date, last_date, COUNT(*) AS key_count, SUM(copies) AS row_count,
  MIN(example) AS example, SUM(COUNT(*)) OVER () AS total
FROM (
  {parts}
)
GROUP BY table_name, restaurant_guid, first_date, last_date
ORDER BY first_date, restaurant_guid, table_name
LIMIT {MOST_ROWS}"""
    return Statement(sql, (guids, *span))


# --- parents -----------------------------------------------------------------------------------------


class Parenthood(NamedTuple):
    """Each row of ``child`` belongs to one of ``parent``: of the same object and version, and alike in ``same``."""

    child: Table
    parent: Table
    family: Family
    same: tuple[tuple[str, str], ...] = ()
    """Pairs of columns, the child's and the parent's, besides the object's GUID."""
    condition: str = "TRUE"
    """Which rows of the child have a parent at all."""


_CHECKS = ORDER_CHILDREN["checks"]
_CHECK = (("check_guid", "check_guid"),)

PARENTHOODS: dict[str, tuple[Parenthood, ...]] = {
    "orders": (
        Parenthood(_CHECKS, FACT_ORDERS, ORDERS),
        *(Parenthood(table, _CHECKS, ORDERS, _CHECK) for name, table in ORDER_CHILDREN.items() if name != "checks"),
        Parenthood(
            ORDER_CHILDREN["items"],
            ORDER_CHILDREN["items"],
            ORDERS,
            (("parent_selection_guid", "selection_guid"),),
            "child.parent_selection_guid IS NOT NULL",
        ),
    ),
    "labor": tuple(Parenthood(table, FACT_LABOR_SHIFTS, LABOR) for table in LABOR.children.values()),
}


def orphans(dataset: str, parenthoods: Sequence[Parenthood], guids: Parameter, span: Range) -> Statement:
    """Rows without the row that they belong to, in the same version, by table, restaurant and business date.

    Columns: table_name, parent_name, restaurant_guid, business_date, row_count, object_count, example, total.
    """

    def part(one: Parenthood) -> str:
        guid, version = one.family.guid, one.family.version
        same = ((guid, guid), (version, version), ("business_date", "business_date"), *one.same)
        alike = " AND ".join(f"parent.{theirs} = child.{own}" for own, theirs in same)
        return f"""SELECT
    '{one.child.name}' AS table_name, '{one.parent.name}' AS parent_name, child.restaurant_guid, child.business_date,
    COUNT(*) AS row_count, COUNT(DISTINCT child.{guid}) AS object_count, MIN(child.{guid}) AS example
  FROM `{dataset}.{one.child.name}` AS child
  LEFT JOIN `{dataset}.{one.parent.name}` AS parent ON {_here("parent")} AND {alike}
  WHERE {_here("child")} AND {one.condition} AND parent.{guid} IS NULL
  GROUP BY child.restaurant_guid, child.business_date"""

    parts = "\n  UNION ALL\n  ".join(part(one) for one in parenthoods)
    sql = f"""SELECT *, SUM(row_count) OVER () AS total
FROM (
  {parts}
)
ORDER BY business_date, restaurant_guid, table_name
LIMIT {MOST_ROWS}"""
    return Statement(sql, (guids, *span))


# --- money -------------------------------------------------------------------------------------------


def checks_that_do_not_add_up(dataset: str, guids: Parameter, span: Range) -> Statement:
    """Checks whose amounts do not add up, and one row more, the first, without check_guid, with counts over all.

    Looked at are the days of which all orders are there: a load that was broken off leaves checks without payments.
    Three rules (see the columns ``amount_off``, ``total_off``, ``payments_off``), each with the figures it rests on.
    A discount on the check as a whole may be in the prices of its items already or not; both are accepted, and
    counted. A check that is voided or deleted may keep its amount or lose it. The payments of a closed check are due
    with its gratuity, or without where Toast takes that as a tip; ``changed_later``: the order was changed after the
    check was closed.
    """
    items, discounts = ORDER_CHILDREN["items"].name, ORDER_CHILDREN["discounts"].name
    charges, payments = ORDER_CHILDREN["service_charges"].name, ORDER_CHILDREN["payments"].name
    failed = ", ".join(f"'{status}'" for status in sorted(FAILED_PAYMENTS))

    def sums(name: str, table: str, columns: str, condition: str = "") -> str:
        return f"""{name} AS (
  SELECT restaurant_guid, business_date, order_guid, check_guid, {columns}
  FROM `{dataset}.{table}` AS fact
  WHERE {_here("fact")}{condition}
  GROUP BY restaurant_guid, business_date, order_guid, check_guid
)"""

    parts = ",\n".join(
        (
            sums(
                "sold",
                items,
                "SUM(item_price) AS every_item, SUM(IF(is_voided, 0, item_price)) AS items",
                " AND depth = 0",
            ),
            sums(
                "discounted",
                discounts,
                "SUM(discount_amount) AS discounts",
                " AND selection_guid IS NULL AND IFNULL(processing_state, '') != 'VOID'",
            ),
            sums(
                "charged",
                charges,
                "SUM(IF(is_gratuity, 0, charge_amount)) AS charges, SUM(IF(is_gratuity, charge_amount, 0)) AS gratuity",
            ),
            sums(
                "paid",
                payments,
                "SUM(amount) AS payments",
                f" AND NOT is_voided AND IFNULL(payment_status, '') NOT IN ({failed})",
            ),
        )
    )
    joins = "\n  ".join(
        f"LEFT JOIN {name} USING (restaurant_guid, business_date, order_guid, check_guid)"
        for name in ("sold", "discounted", "charged", "paid")
    )
    counts = ", ".join(
        f"COUNTIF({name}) AS {name}_count"
        for name in (
            "amount_off",
            "total_off",
            "payments_off",
            "discounts_in_prices",
            "discounts_apart",
            "gratuity_paid",
            "gratuity_apart",
        )
    )
    figures = ", ".join(
        f"MAX(IF(is_off, {name}, NULL)) AS {name}"
        for name in (
            "order_modified_at",
            "amount",
            "tax_amount",
            "total_amount",
            "items",
            "charges",
            "discounts",
            "gratuity",
            "payments",
        )
    )
    flags = ", ".join(
        f"LOGICAL_OR({name}) AS {name}" for name in ("amount_off", "total_off", "payments_off", "changed_later")
    )
    sql = f"""WITH complete_days AS (
  SELECT DISTINCT restaurant_guid, business_date
  FROM `{dataset}.{BUSINESS_DAYS.name}` AS day
  WHERE {_here("day")} AND source = 'orders' AND complete
),
{parts},
figures AS (
  SELECT
    restaurant_guid, business_date, order_guid, check_guid, order_modified_at, is_voided OR is_deleted AS is_out,
    order_modified_at > closed_at AS changed_later,
    payment_status = 'CLOSED' AND NOT is_voided AND NOT is_deleted AS is_closed,
    IFNULL(amount, 0) AS amount, IFNULL(tax_amount, 0) AS tax_amount, IFNULL(total_amount, 0) AS total_amount,
    IFNULL(items, 0) AS items, IFNULL(every_item, 0) AS every_item, IFNULL(charges, 0) AS charges,
    IFNULL(discounts, 0) AS discounts, IFNULL(gratuity, 0) AS gratuity, IFNULL(payments, 0) AS payments
  FROM `{dataset}.{_CHECKS.name}` AS checked
  JOIN complete_days USING (restaurant_guid, business_date)
  {joins}
  WHERE {_here("checked")}
),
judged AS (
  SELECT
    *,
    amount NOT IN (items + charges, items + charges - discounts)
      AND NOT (is_out AND amount IN (0, every_item + charges, every_item + charges - discounts)) AS amount_off,
    amount + tax_amount != total_amount AS total_off,
    is_closed AND payments NOT IN (total_amount + gratuity, total_amount) AS payments_off,
    discounts != 0 AND amount = items + charges AS discounts_in_prices,
    discounts != 0 AND amount = items + charges - discounts AS discounts_apart,
    is_closed AND gratuity != 0 AND payments = total_amount + gratuity AS gratuity_paid,
    is_closed AND gratuity != 0 AND payments = total_amount AS gratuity_apart
  FROM figures
),
marked AS (
  SELECT
    *,
    amount_off OR total_off OR payments_off AS is_off,
    IF(amount_off OR total_off OR payments_off, order_guid, NULL) AS off_order,
    IF(amount_off OR total_off OR payments_off, check_guid, NULL) AS off_check
  FROM judged
)
SELECT *
FROM (
  SELECT
    restaurant_guid, business_date, off_order AS order_guid, off_check AS check_guid, COUNT(*) AS check_count,
    COUNTIF(payments_off AND IFNULL(changed_later, FALSE)) AS payments_off_later_count,
    {counts},
    {flags},
    {figures}
  FROM marked
  GROUP BY GROUPING SETS ((), (restaurant_guid, business_date, off_order, off_check))
  HAVING restaurant_guid IS NULL OR off_check IS NOT NULL
)
ORDER BY
  IF(check_guid IS NULL, 0, 1),
  IF(amount_off OR total_off, 0, IF(changed_later, 2, 1)),
  business_date, restaurant_guid, check_guid
LIMIT {MOST_ROWS}"""
    return Statement(sql, (guids, *span))


# --- the ledger against the tables -------------------------------------------------------------------


def days_that_differ_from_their_tables(
    dataset: str, sources: Collection[str], guids: Parameter, dates: Sequence[dt.date]
) -> Statement:
    """Complete business days of which business_days tells other counts or sales than the tables hold.

    Columns: source, restaurant_guid, business_date, run_id, told_rows, held_rows (that count), told_sales,
    held_sales, total.
    """
    restaurants = guids.value if isinstance(guids.value, tuple) else ()
    names = [str(guid) for guid in restaurants]
    facts = {
        "orders": order_facts(dataset, names, dates),
        "cash": entry_facts(dataset, names, dates, tables=CASH_TABLES),
        "labor": entry_facts(dataset, names, dates, tables=(FACT_LABOR_SHIFTS,), condition="NOT is_deleted"),
    }
    counted = "\n  UNION ALL\n  ".join(
        f"""SELECT
    '{source}' AS source, restaurant_guid, business_date, `rows` AS held_rows,
    {"net_sales" if source == "orders" else "CAST(NULL AS NUMERIC)"} AS held_sales
  FROM ({facts[source].sql})"""
        for source in sources
    )
    sql = f"""WITH told AS (
  SELECT source, restaurant_guid, business_date, run_id, row_count, net_sales, complete
  FROM `{dataset}.{BUSINESS_DAYS.name}`
  WHERE business_date IN UNNEST(@dates) AND restaurant_guid IN UNNEST(@restaurants) AND source IN UNNEST(@sources)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source, restaurant_guid, business_date ORDER BY read_at DESC, run_id) = 1
),
counted AS (
  {counted}
)
SELECT
  told.source, told.restaurant_guid, told.business_date, told.run_id,
  told.row_count AS told_rows, IFNULL(counted.held_rows, 0) AS held_rows,
  told.net_sales AS told_sales, counted.held_sales,
  COUNT(*) OVER () AS total
FROM told
LEFT JOIN counted
  ON counted.source = told.source AND counted.restaurant_guid = told.restaurant_guid
  AND counted.business_date = told.business_date
WHERE told.complete
  AND (told.row_count != IFNULL(counted.held_rows, 0)
    OR (told.source = 'orders' AND IFNULL(told.net_sales, 0) != IFNULL(counted.held_sales, 0)))
ORDER BY told.business_date, told.restaurant_guid, told.source
LIMIT {MOST_ROWS}"""
    first = facts["orders"].parameters
    return Statement(sql, (*first, Parameter("sources", "STRING", tuple(sources))))


# --- rejects -----------------------------------------------------------------------------------------


def unresolved_rejects(dataset: str, sources: Collection[str], guids: Parameter, span: Range) -> Statement:
    """Business days with objects that could not be read, and have not been read since.

    A later reading of the whole day that read everything resolves them, and so does the object itself, once it was
    loaded. Columns: source, restaurant_guid, business_date, run_id, rejects, object_guid, reason, total.
    """
    objects = (
        ("orders", FACT_ORDERS, "order_guid"),
        ("cash", FACT_CASH_ENTRIES, "cash_entry_guid"),
        ("cash", FACT_CASH_DEPOSITS, "deposit_guid"),
        ("labor", FACT_LABOR_SHIFTS, "time_entry_guid"),
    )
    held = "\n  UNION ALL\n  ".join(
        f"SELECT fact.restaurant_guid, fact.{key} AS guid, fact._loaded_at\n"
        f"  FROM `{dataset}.{table.name}` AS fact\n  WHERE {_here('fact')}"
        for source, table, key in objects
        if source in sources
    )
    sql = f"""WITH readings AS (
  SELECT
    source, restaurant_guid, business_date, run_id, rejects, read_at,
    MAX(IF(mode = 'business_date', read_at, NULL)) OVER (PARTITION BY source, restaurant_guid, business_date)
      AS read_whole_at
  FROM `{dataset}.{BUSINESS_DAYS.name}` AS day
  WHERE {_here("day")} AND source IN UNNEST(@sources)
),
held AS (
  {held}
)
SELECT
  day.source, day.restaurant_guid, day.business_date, MAX(day.run_id) AS run_id, MAX(day.rejects) AS rejects,
  MIN(rejected.object_guid) AS object_guid, MIN(rejected.reason) AS reason, COUNT(*) OVER () AS total
FROM readings AS day
LEFT JOIN `{dataset}.{ETL_REJECTS.name}` AS rejected
  ON rejected.run_id = day.run_id AND rejected.restaurant_guid = day.restaurant_guid
  AND IFNULL(rejected.business_date, day.business_date) = day.business_date
LEFT JOIN held
  ON held.restaurant_guid = rejected.restaurant_guid AND held.guid = rejected.object_guid
  AND held._loaded_at > day.read_at
WHERE day.rejects > 0
  AND (day.read_whole_at IS NULL OR day.read_at >= day.read_whole_at)
  AND held.guid IS NULL
GROUP BY day.source, day.restaurant_guid, day.business_date
ORDER BY day.business_date, day.restaurant_guid, day.source
LIMIT {MOST_ROWS}"""
    return Statement(sql, (guids, *span, Parameter("sources", "STRING", tuple(sources))))
