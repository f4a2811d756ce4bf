"""The SQL that brings staged objects of a family (orders, time entries) into its tables.

A load goes through these in order (docs/loading.md has the argument that any number of loads at once,
broken off anywhere, leave each object with the rows of its newest version, each once):

1. ``moved_from``: under which other business dates do older versions of the staged objects lie?
2. ``survey``: how many rows are new? Nothing new means nothing is written.
3. ``insert_rows``: per table, the register last: the warehouse holds a version when the register does.
4. ``check``: what did this run write, is any row older than its object's newest version, or a copy?
5. ``delete_stale``, ``delete_copies``: only where the check found some; the trace and the register last,
   because 1 finds what an interrupted load left behind by them.

Every statement names the partitions that it touches (@dates) and the restaurants (@restaurants), which
is what BigQuery prunes by, so its cost does not grow with history.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from shared.families import Family
from shared.statements import Parameter, Statement, date_list
from shared.tables import Table, columns_of


class VersionStatements:
    """The statements of one load.

    ``dataset`` is "project.dataset"; ``staging`` the staging table's name in it; ``units`` are the units
    of work that were read to their end: rows of others are left out. ``dates`` are the business dates of
    the staged objects, to which ``moved_from`` may add.
    """

    def __init__(
        self,
        family: Family,
        *,
        dataset: str,
        staging: str,
        run_id: str,
        loaded_at: dt.datetime,
        restaurants: Collection[str],
        units: Collection[str],
        dates: Collection[dt.date],
    ) -> None:
        self.family = family
        self.dataset = dataset
        self.staging = f"`{dataset}.{staging}`"
        self.run_id = Parameter("run_id", "STRING", run_id)
        self.loaded_at = Parameter("loaded_at", "TIMESTAMP", loaded_at)
        self.restaurants = Parameter("restaurants", "STRING", tuple(sorted(restaurants)))
        self.units = Parameter("units", "STRING", tuple(sorted(units)))
        self.dates = date_list(dates)

    def touch(self, dates: Collection[dt.date]) -> None:
        """Let the statements reach these business dates and no others."""
        self.dates = date_list(dates)

    def moved_from(self, dates: Collection[dt.date]) -> Statement:
        """Among ``dates``, those under which rows of staged objects lie that can have moved."""
        guid = self.family.guid
        select = "\nUNION DISTINCT\n".join(
            f"""SELECT DISTINCT old.business_date
FROM {self._name(table)} AS old
WHERE old.business_date IN UNNEST(@dates)
  AND old.restaurant_guid IN UNNEST(@restaurants)
  AND old.{guid} IN (
    SELECT staged.{guid} FROM {self.staging} AS staged
    WHERE staged.may_have_moved AND staged.unit IN UNNEST(@units))"""
            for table in (self.family.register, self.family.trace)
        )
        return Statement(select, (self.units, self.restaurants, date_list(dates)))

    def survey(self) -> Statement:
        """Per table, how many of the staged rows belong to a version that the warehouse does not hold."""
        counts = ",\n  ".join(
            f"SUM(ARRAY_LENGTH(staged.{record})) AS {table.name}" for record, table in self.family.children.items()
        )
        sql = f"""SELECT
  {counts},
  COUNT(*) AS {self.family.register.name}
FROM {self._staged()} AS staged
WHERE {self._not_held()}"""
        return Statement(sql, (self.units, self.restaurants, self.dates))

    def insert_rows(self, record: str) -> Statement:
        """Write the rows of one child table, for versions not held yet."""
        table, version = self.family.children[record], self.family.version
        own = {column.name for column in columns_of(table.row)}
        values = [f"child.{c.name}" if c.name in own else f"staged.{c.name}" for c in table.data_columns]
        same_key = " AND ".join(f"present.{name} = {'child' if name in own else 'staged'}.{name}" for name in table.key)
        source = f"{self._staged()} AS staged, UNNEST(staged.{record}) AS child"
        return self._insert(table, values, source, f"{same_key} AND present.{version} = staged.{version}")

    def insert_register(self) -> Statement:
        """Write the objects themselves; from then on the warehouse holds their versions."""
        register, guid, version = self.family.register, self.family.guid, self.family.version
        values = [f"staged.{column.name}" for column in register.data_columns]
        same_row = f"present.{guid} = staged.{guid} AND present.{version} = staged.{version}"
        return self._insert(register, values, f"{self._staged()} AS staged", same_row)

    def check(self) -> Statement:
        """What this run wrote and what is to be removed, per restaurant, table, newer_run and stale_date.

        Columns: restaurant_guid, table_name; newer_run, the run that wrote the version by which rows are stale, and
        stale_date, the business date that they lie under, both NULL for rows that are not; inserted (of objects new
        to the warehouse), updated (of objects held in an older version), stale (rows older than their object's
        newest version), copies.
        """
        guid, version = self.family.guid, self.family.version
        parts = "\nUNION ALL\n".join(self._check_of(table) for table in self.family.tables)
        sql = f"""WITH versions AS (
  SELECT
    held.{guid},
    MIN(held.{version}) OVER (PARTITION BY held.{guid}) AS oldest,
    held.{version} AS newest,
    held._run_id AS newest_run
  FROM {self._name(self.family.register)} AS held
  WHERE {self._touched("held")}
    AND held.{guid} IN (SELECT staged.{guid} FROM {self.staging} AS staged WHERE staged.unit IN UNNEST(@units))
  QUALIFY ROW_NUMBER() OVER (PARTITION BY held.{guid} ORDER BY held.{version} DESC, held._run_id) = 1
)
{parts}"""
        return Statement(sql, (self.units, self.run_id, self.restaurants, self.dates))

    def delete_stale(self, table: Table, newer_runs: Collection[str]) -> Statement:
        """Remove the rows that are older than a version of their object which one of these runs wrote.

        A version that comes between check and removal is left to the run that brings it: otherwise the trace
        could lose rows that the tables before it have kept, and nobody would find those.
        """
        guid, version = self.family.guid, self.family.version
        sql = f"""DELETE FROM {self._name(table)} AS old
WHERE {self._touched("old")}
  AND EXISTS (
    SELECT 1 FROM {self._name(self.family.register)} AS newer
    WHERE {self._touched("newer")}
      AND newer.{guid} = old.{guid}
      AND newer.{version} > old.{version}
      AND newer._run_id IN UNNEST(@newer_runs))"""
        runs = Parameter("newer_runs", "STRING", tuple(sorted(newer_runs)))
        return Statement(sql, (runs, self.restaurants, self.dates))

    def delete_copies(self, table: Table) -> Statement:
        """Of rows that two runs wrote alike, keep the one of the smallest run id, as every run does."""
        same_row = " AND ".join(f"kept.{name} = copy.{name}" for name in (*table.key, self.family.version))
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
        """The staged objects of finished units, each in its newest version: two pages can hold one object."""
        guid, version = self.family.guid, self.family.version
        return f"""(
  SELECT * FROM {self.staging} WHERE unit IN UNNEST(@units)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY {guid} ORDER BY {version} DESC, unit) = 1)"""

    def _not_held(self) -> str:
        guid, version = self.family.guid, self.family.version
        return f"""NOT EXISTS (
    SELECT 1 FROM {self._name(self.family.register)} AS held
    WHERE {self._touched("held")}
      AND held.{guid} = staged.{guid} AND held.{version} >= staged.{version})"""

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
        guid, version = self.family.guid, self.family.version
        same_row = ", ".join(f"present.{name}" for name in (*table.key, version))
        return f"""SELECT
  restaurant_guid,
  '{table.name}' AS table_name,
  newer_run,
  stale_date,
  COUNTIF(is_own AND NOT is_newer) AS inserted,
  COUNTIF(is_own AND is_newer) AS updated,
  COUNTIF(newer_run IS NOT NULL) AS stale,
  COUNTIF(is_copy) AS copies
FROM (
  SELECT
    present.restaurant_guid,
    present._run_id = @run_id AS is_own,
    present.{version} > versions.oldest AS is_newer,
    IF(present.{version} < versions.newest, versions.newest_run, NULL) AS newer_run,
    IF(present.{version} < versions.newest, present.business_date, NULL) AS stale_date,
    present._run_id > MIN(present._run_id) OVER (PARTITION BY {same_row}) AS is_copy
  FROM {self._name(table)} AS present
  JOIN versions ON versions.{guid} = present.{guid}
  WHERE {self._touched("present")}
)
GROUP BY restaurant_guid, newer_run, stale_date"""
