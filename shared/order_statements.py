"""The SQL that brings staged orders into the order tables.

A load goes through these in order (docs/loading.md has the argument that any number of loads at once,
broken off anywhere, leave each order with the rows of its newest version, each once):

1. ``moved_from``: under which other business dates do older versions of the staged orders lie?
2. ``survey``: how many rows are new? Nothing new means nothing is written.
3. ``insert_rows``: per table, fact_orders last: the warehouse holds a version when fact_orders does.
4. ``check``: what did this run write, is any row older than its order's newest version, or a copy?
5. ``delete_stale``, ``delete_copies``: only where the check found some; fact_checks and fact_orders last,
   because 1 finds what an interrupted load left behind by them.

Every statement names the partitions that it touches (@dates) and the restaurants (@restaurants), which
is what BigQuery prunes by, so its cost does not grow with history.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from shared.order_tables import FACT_CHECKS, FACT_ORDERS, ORDER_CHILDREN, ORDER_TABLES
from shared.statements import Parameter, Statement
from shared.tables import Table, columns_of

# Removing rows goes the other way round than writing them, except that fact_checks stays until the
# other children are gone.
DELETE_ORDER: tuple[Table, ...] = (
    *(table for table in ORDER_TABLES if table not in (FACT_CHECKS, FACT_ORDERS)),
    FACT_CHECKS,
    FACT_ORDERS,
)


class OrderStatements:
    """The statements of one load.

    ``dataset`` is "project.dataset"; ``staging`` the staging table's name in it; ``units`` are the units
    of work that were read to their end: rows of others are left out. ``dates`` are the business dates of
    the staged orders, to which ``moved_from`` may add.
    """

    def __init__(
        self,
        *,
        dataset: str,
        staging: str,
        run_id: str,
        loaded_at: dt.datetime,
        restaurants: Collection[str],
        units: Collection[str],
        dates: Collection[dt.date],
    ) -> None:
        self.dataset = dataset
        self.staging = f"`{dataset}.{staging}`"
        self.run_id = Parameter("run_id", "STRING", run_id)
        self.loaded_at = Parameter("loaded_at", "TIMESTAMP", loaded_at)
        self.restaurants = Parameter("restaurants", "STRING", tuple(sorted(restaurants)))
        self.units = Parameter("units", "STRING", tuple(sorted(units)))
        self.dates = _dates(dates)

    def touch(self, dates: Collection[dt.date]) -> None:
        """Let the statements reach these business dates and no others."""
        self.dates = _dates(dates)

    def moved_from(self, dates: Collection[dt.date]) -> Statement:
        """Among ``dates``, those under which rows of staged orders lie that can have moved."""
        select = "\nUNION DISTINCT\n".join(
            f"""SELECT DISTINCT old.business_date
FROM {self._name(table)} AS old
WHERE old.business_date IN UNNEST(@dates)
  AND old.restaurant_guid IN UNNEST(@restaurants)
  AND old.order_guid IN (
    SELECT staged.order_guid FROM {self.staging} AS staged
    WHERE staged.may_have_moved AND staged.unit IN UNNEST(@units))"""
            for table in (FACT_ORDERS, FACT_CHECKS)
        )
        return Statement(select, (self.units, self.restaurants, _dates(dates)))

    def survey(self) -> Statement:
        """Per table, how many of the staged rows belong to a version that the warehouse does not hold."""
        counts = ",\n  ".join(
            f"SUM(ARRAY_LENGTH(staged.{record})) AS {table.name}" for record, table in ORDER_CHILDREN.items()
        )
        sql = f"""SELECT
  {counts},
  COUNT(*) AS {FACT_ORDERS.name}
FROM {self._staged()} AS staged
WHERE {self._not_held()}"""
        return Statement(sql, (self.units, self.restaurants, self.dates))

    def insert_rows(self, record: str) -> Statement:
        """Write the rows of one child table, for versions not held yet."""
        table = ORDER_CHILDREN[record]
        own = {column.name for column in columns_of(table.row)}
        values = [f"child.{c.name}" if c.name in own else f"staged.{c.name}" for c in table.data_columns]
        same_key = " AND ".join(f"present.{name} = {'child' if name in own else 'staged'}.{name}" for name in table.key)
        source = f"{self._staged()} AS staged, UNNEST(staged.{record}) AS child"
        return self._insert(
            table, values, source, f"{same_key} AND present.order_modified_at = staged.order_modified_at"
        )

    def insert_orders(self) -> Statement:
        """Write the orders themselves; from then on the warehouse holds their versions."""
        values = [f"staged.{column.name}" for column in FACT_ORDERS.data_columns]
        same_row = "present.order_guid = staged.order_guid AND present.order_modified_at = staged.order_modified_at"
        return self._insert(FACT_ORDERS, values, f"{self._staged()} AS staged", same_row)

    def check(self) -> Statement:
        """What this run wrote and what is to be removed, per restaurant and table.

        Columns: restaurant_guid, table_name, inserted (of orders new to the warehouse), updated (of
        orders held in an older version), stale (rows older than their order's newest version), copies.
        """
        parts = "\nUNION ALL\n".join(self._check_of(table) for table in ORDER_TABLES)
        sql = f"""WITH versions AS (
  SELECT held.order_guid, MIN(held.order_modified_at) AS oldest, MAX(held.order_modified_at) AS newest
  FROM {self._name(FACT_ORDERS)} AS held
  WHERE {self._touched("held")}
    AND held.order_guid IN (SELECT staged.order_guid FROM {self.staging} AS staged WHERE staged.unit IN UNNEST(@units))
  GROUP BY held.order_guid
)
{parts}"""
        return Statement(sql, (self.units, self.run_id, self.restaurants, self.dates))

    def delete_stale(self, table: Table) -> Statement:
        """Remove the rows that are older than the newest version of their order."""
        sql = f"""DELETE FROM {self._name(table)} AS old
WHERE {self._touched("old")}
  AND EXISTS (
    SELECT 1 FROM {self._name(FACT_ORDERS)} AS newer
    WHERE {self._touched("newer")}
      AND newer.order_guid = old.order_guid
      AND newer.order_modified_at > old.order_modified_at)"""
        return Statement(sql, (self.restaurants, self.dates))

    def delete_copies(self, table: Table) -> Statement:
        """Of rows that two runs wrote alike, keep the one of the smallest run id, as every run does."""
        same_row = " AND ".join(f"kept.{name} = copy.{name}" for name in (*table.key, "order_modified_at"))
        sql = f"""DELETE FROM {self._name(table)} AS copy
WHERE {self._touched("copy")}
  AND EXISTS (
    SELECT 1 FROM {self._name(table)} AS kept
    WHERE {self._touched("kept")}
      AND {same_row}
      AND kept._run_id < copy._run_id)"""
        return Statement(sql, (self.restaurants, self.dates))

    # --- parts ---------------------------------------------------------------------------------------

    def _name(self, table: Table) -> str:
        return f"`{self.dataset}.{table.name}`"

    def _touched(self, alias: str) -> str:
        return f"{alias}.business_date IN UNNEST(@dates) AND {alias}.restaurant_guid IN UNNEST(@restaurants)"

    def _staged(self) -> str:
        """The staged orders of finished units, each in its newest version: two pages can hold one order."""
        return f"""(
  SELECT * FROM {self.staging} WHERE unit IN UNNEST(@units)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY order_guid ORDER BY order_modified_at DESC, unit) = 1)"""

    def _not_held(self) -> str:
        return f"""NOT EXISTS (
    SELECT 1 FROM {self._name(FACT_ORDERS)} AS held
    WHERE {self._touched("held")}
      AND held.order_guid = staged.order_guid AND held.order_modified_at >= staged.order_modified_at)"""

    def _insert(self, table: Table, values: Sequence[str], source: str, same_row: str) -> Statement:
        sql = f"""INSERT INTO {self._name(table)} ({", ".join(column.name for column in table.columns)})
SELECT {", ".join(values)}, @run_id, @loaded_at
FROM {source}
WHERE {self._not_held()}
  AND NOT EXISTS (
    SELECT 1 FROM {self._name(table)} AS present
    WHERE {self._touched("present")}
      AND {same_row})"""
        return Statement(sql, (self.units, self.run_id, self.loaded_at, self.restaurants, self.dates))

    def _check_of(self, table: Table) -> str:
        same_row = ", ".join(f"present.{name}" for name in (*table.key, "order_modified_at"))
        return f"""SELECT
  restaurant_guid,
  '{table.name}' AS table_name,
  COUNTIF(is_own AND NOT is_newer) AS inserted,
  COUNTIF(is_own AND is_newer) AS updated,
  COUNTIF(is_stale) AS stale,
  COUNTIF(is_copy) AS copies
FROM (
  SELECT
    present.restaurant_guid,
    present._run_id = @run_id AS is_own,
    present.order_modified_at > versions.oldest AS is_newer,
    present.order_modified_at < versions.newest AS is_stale,
    present._run_id > MIN(present._run_id) OVER (PARTITION BY {same_row}) AS is_copy
  FROM {self._name(table)} AS present
  JOIN versions ON versions.order_guid = present.order_guid
  WHERE {self._touched("present")}
)
GROUP BY restaurant_guid"""


def _dates(dates: Collection[dt.date]) -> Parameter:
    return Parameter("dates", "DATE", tuple(sorted(dates)))
