"""The SQL that replaces business dates for which Toast gives no versions: cash entries and deposits.

What Toast lists for a date is compared with what the warehouse holds. A date that differs is written anew
as a whole, under the moment at which it was read (_loaded_at), and what was there before is removed. Of two
calls that replace the same date the one that read later wins, whichever writes later:

1. ``compare``: which days differ, and which hold rows of more than one reading?
2. ``insert_days``: the days that differ, unless a later reading is held; all rows of a day in one statement.
3. ``compare`` again, if anything was written: it sees what a call at the same time wrote.
4. ``delete_replaced``: only where the comparison found some.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

from shared.statements import Parameter, Statement, date_list
from shared.tables import Table, columns_of


class DayStatements:
    """The statements of one load.

    ``tables`` maps the repeated records of the staging table's lines to their tables. A line is one unit:
    what one of the records holds of one business date. The other arguments are as for VersionStatements.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        *,
        dataset: str,
        staging: str,
        run_id: str,
        restaurants: Collection[str],
        units: Collection[str],
        dates: Collection[dt.date],
    ) -> None:
        self.tables = tables
        self.dataset = dataset
        self.staging = f"`{dataset}.{staging}`"
        self.run_id = Parameter("run_id", "STRING", run_id)
        self.restaurants = Parameter("restaurants", "STRING", tuple(sorted(restaurants)))
        self.units = Parameter("units", "STRING", tuple(sorted(units)))
        self.dates = date_list(dates)

    def compare(self) -> Statement:
        """Per unit: what of its day was read, and what the warehouse holds.

        Columns: unit, record, restaurant_guid; staged, the rows that were read; held, those of the newest
        reading in the warehouse; same, how many of these are alike in all columns; replaced, the rows of
        other readings; has_later, whether the newest is later than the unit's; inserted and updated, the
        rows that this run wrote of objects new to the warehouse, and of others.
        """
        parts = "\nUNION ALL\n".join(self._compare(record, table) for record, table in self.tables.items())
        return Statement(parts, (self.units, self.run_id, self.restaurants, self.dates))

    def insert_days(self, record: str, units: Collection[str]) -> Statement:
        """Write the days of some units, unless a later reading of them is held."""
        table = self.tables[record]
        columns = [column.name for column in table.columns]
        values = ", ".join(f"child.{column.name}" for column in columns_of(table.row))
        sql = f"""INSERT INTO {self._name(table)} ({", ".join(columns)})
SELECT {values}, @run_id, staged.read_at
FROM {self.staging} AS staged, UNNEST(staged.{record}) AS child
WHERE staged.unit IN UNNEST(@units)
  AND NOT EXISTS (
    SELECT 1 FROM {self._name(table)} AS later
    WHERE {self._touched("later")}
      AND later.restaurant_guid = staged.restaurant_guid
      AND later.business_date = staged.business_date
      AND later._loaded_at >= staged.read_at)"""
        chosen = Parameter("units", "STRING", tuple(sorted(units)))
        return Statement(sql, (chosen, self.run_id, self.restaurants, self.dates))

    def delete_replaced(self, record: str) -> Statement:
        """Remove the rows of a day that a later reading replaced, by others or by none.

        Of two readings of the same moment the one of the smallest run id stays, as every run decides.
        """
        table = self.tables[record]
        same_day = "{0}.restaurant_guid = old.restaurant_guid AND {0}.business_date = old.business_date"
        sql = f"""DELETE FROM {self._name(table)} AS old
WHERE {self._touched("old")}
  AND (EXISTS (
    SELECT 1 FROM {self._name(table)} AS newer
    WHERE {self._touched("newer")}
      AND {same_day.format("newer")}
      AND (newer._loaded_at > old._loaded_at
        OR (newer._loaded_at = old._loaded_at AND newer._run_id < old._run_id)))
  OR EXISTS (
    SELECT 1 FROM {self.staging} AS emptied
    WHERE emptied.unit IN UNNEST(@units) AND emptied.record = '{record}' AND {_length_of("emptied", record)} = 0
      AND {same_day.format("emptied")}
      AND emptied.read_at > old._loaded_at))"""
        return Statement(sql, (self.units, self.restaurants, self.dates))

    # --- parts ---------------------------------------------------------------------------------------

    def _name(self, table: Table) -> str:
        return f"`{self.dataset}.{table.name}`"

    def _touched(self, alias: str) -> str:
        return f"{alias}.business_date IN UNNEST(@dates) AND {alias}.restaurant_guid IN UNNEST(@restaurants)"

    def _compare(self, record: str, table: Table) -> str:
        alike = " AND ".join(
            f"present.{c.name} = child.{c.name}"
            if c.mode == "REQUIRED"
            else f"present.{c.name} IS NOT DISTINCT FROM child.{c.name}"
            for c in columns_of(table.row)
        )
        key = ", ".join(f"present.{name}" for name in table.key)
        return f"""SELECT
  staged.unit,
  staged.record,
  staged.restaurant_guid,
  {_length_of("staged", record)} AS staged,
  IFNULL(held.held, 0) AS held,
  IFNULL(same.same, 0) AS same,
  IFNULL(held.replaced, 0) AS replaced,
  IFNULL(held.newest > staged.read_at, FALSE) AS has_later,
  IFNULL(held.inserted, 0) AS inserted,
  IFNULL(held.updated, 0) AS updated
FROM {self.staging} AS staged
LEFT JOIN (
  SELECT
    restaurant_guid,
    business_date,
    MAX(_loaded_at) AS newest,
    COUNTIF(reading = 1) AS held,
    COUNTIF(reading > 1) AS replaced,
    COUNTIF(is_own AND is_first) AS inserted,
    COUNTIF(is_own AND NOT is_first) AS updated
  FROM (
    SELECT
      present.restaurant_guid,
      present.business_date,
      present._loaded_at,
      {self._reading()} AS reading,
      present._run_id = @run_id AS is_own,
      present._loaded_at = MIN(present._loaded_at) OVER (PARTITION BY {key}) AS is_first
    FROM {self._name(table)} AS present
    WHERE {self._touched("present")}
  )
  GROUP BY restaurant_guid, business_date
) AS held ON held.restaurant_guid = staged.restaurant_guid AND held.business_date = staged.business_date
LEFT JOIN (
  SELECT line.unit, COUNT(*) AS same
  FROM {self.staging} AS line, UNNEST(line.{record}) AS child
  JOIN (
    SELECT * FROM {self._name(table)} AS present
    WHERE {self._touched("present")}
    QUALIFY {self._reading()} = 1
  ) AS present ON {alike}
  GROUP BY line.unit
) AS same ON same.unit = staged.unit
WHERE staged.record = '{record}' AND staged.unit IN UNNEST(@units)"""

    def _reading(self) -> str:
        """Numbers the readings that a day's rows are of, the one that counts first."""
        return (
            "DENSE_RANK() OVER (PARTITION BY present.restaurant_guid, present.business_date "
            "ORDER BY present._loaded_at DESC, present._run_id)"
        )


def _length_of(alias: str, record: str) -> str:
    """How many rows a staged line holds; the list is left out of a line that holds none."""
    return f"IFNULL(ARRAY_LENGTH({alias}.{record}), 0)"
