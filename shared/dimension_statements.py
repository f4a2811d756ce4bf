"""The SQL that brings listings of Toast's configuration into the dimension tables, as versions (SCD2).

One rule says what a dimension should hold, given what it holds and what was listed (``_due``). A load asks
what is due, and merges it, until nothing is due:

1. ``survey``: per restaurant and dimension, how many versions are to be opened, ended or dropped?
2. ``merge``: all of that for one dimension, in one statement; only where something is due.

MERGE is atomic, so nobody sees an entity without a current version. Of two loads at the same moment both can
insert; each surveys after its own merge, so the one that surveys last sees both, and what is one too many
is due to be dropped. docs/loading.md has the argument.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from shared.dimension_rows import LISTINGS
from shared.dimension_tables import DIMENSIONS
from shared.run_tables import ETL_RUNS
from shared.statements import Parameter, Statement

LISTING_OF = {record: listing.name for listing in LISTINGS.values() for record in listing.records}
"""The listing that each record of a dimension comes from."""

FIRST_MOMENT = "TIMESTAMP '1970-01-01 00:00:00+00'"
"""From when on the first version of an entity is valid, so that older facts find it."""


class DimensionStatements:
    """The statements of one load.

    ``units`` are the listings that were read to their end, one of a restaurant each; lines of others are left
    out. Dimensions are named by their record, as in DIMENSIONS.
    """

    def __init__(
        self,
        *,
        dataset: str,
        staging: str,
        run_id: str,
        restaurants: Collection[str],
        units: Collection[str],
    ) -> None:
        self.dataset = dataset
        self.staging = f"`{dataset}.{staging}`"
        self.run_id = Parameter("run_id", "STRING", run_id)
        self.restaurants = Parameter("restaurants", "STRING", tuple(sorted(restaurants)))
        self.units = Parameter("units", "STRING", tuple(sorted(units)))

    def survey(self, records: Sequence[str]) -> Statement:
        """What is due in some dimensions, per restaurant; nothing due, no row.

        Columns: restaurant_guid, record; opened, the versions to open of entities that were never listed
        before; changed, those of entities that changed or returned; closed, the entities that are gone.
        A row can have none of these: then only what runs at the same time wrote is to be set right.
        """
        sql = f"""SELECT
  restaurant_guid,
  record,
  COUNTIF(action = 'open' AND is_first) AS opened,
  COUNTIF(action = 'open' AND NOT is_first) AS changed,
  COUNTIF(action = 'end' AND is_gone) AS closed
FROM ({self._due(records)}) AS due
GROUP BY restaurant_guid, record"""
        return Statement(sql, (self.units, self.restaurants))

    def merge(self, record: str) -> Statement:
        """Do what is due in one dimension."""
        dimension = DIMENSIONS[record]
        columns = [column.name for column in dimension.columns]
        given = {
            "valid_from": f"IF(due.is_first, {FIRST_MOMENT}, due.moment)",
            "valid_to": "NULL",
            "is_current": "TRUE",
            "_run_id": "@run_id",
            "_loaded_at": "due.moment",
        }
        attributes = "".join(f", listed.{column.name}" for column in dimension.attributes)
        sql = f"""MERGE INTO {self._name(record)} AS version
USING (
SELECT due.*{attributes}
FROM ({self._due([record])}) AS due
LEFT JOIN (
  SELECT line.restaurant_guid, entity.*
  FROM {self.staging} AS line, UNNEST(line.{record}) AS entity
  WHERE line.unit IN UNNEST(@units)
) AS listed
  ON due.action = 'open' AND listed.restaurant_guid = due.restaurant_guid AND listed.guid = due.guid
) AS due
ON version.restaurant_guid IN UNNEST(@restaurants)
  AND version.restaurant_guid = due.restaurant_guid
  AND version.guid = due.guid
  AND version.valid_from = due.moment
  AND version._run_id = due.held_run
WHEN MATCHED AND due.action = 'drop' THEN DELETE
WHEN MATCHED AND due.action = 'end' THEN UPDATE SET valid_to = due.ends_at, is_current = due.ends_at IS NULL
WHEN NOT MATCHED AND due.action = 'open' THEN INSERT ({", ".join(columns)})
VALUES ({", ".join(given.get(name, f"due.{name}") for name in columns)})"""
        return Statement(sql, (self.units, self.run_id, self.restaurants))

    # --- what the dimensions should hold -------------------------------------------------------------

    def _name(self, record: str) -> str:
        return f"`{self.dataset}.{DIMENSIONS[record].name}`"

    def _held(self, record: str) -> str:
        return f"""SELECT
      '{record}' AS record, restaurant_guid, guid, valid_from, valid_to, is_current, row_hash, _run_id, _loaded_at
    FROM {self._name(record)}
    WHERE restaurant_guid IN UNNEST(@restaurants)"""

    def _listed(self, record: str) -> str:
        return f"""SELECT '{record}' AS record, line.restaurant_guid, entity.guid, entity.row_hash, line.read_at
    FROM {self.staging} AS line, UNNEST(line.{record}) AS entity
    WHERE line.unit IN UNNEST(@units)"""

    def _due(self, records: Sequence[str]) -> str:
        """What is due: a row per version that is to be opened, ended (or reopened) or dropped.

        An entity's timeline is made of the versions that are held, of what was listed, and, where a complete
        listing leaves out an entity that was current, of its end. A listing says nothing of an entity of which
        a later one is known. A version ends where the next one begins, or where it was closed before. Versions
        that follow each other without a gap and are alike are one stretch, of which the first stays; so an
        unchanged entity has nothing due.
        """
        held = "\n    UNION ALL\n    ".join(map(self._held, records))
        listed = "\n    UNION ALL\n    ".join(map(self._listed, records))
        sources = ", ".join(f"STRUCT('{record}' AS record, '{LISTING_OF[record]}' AS listing)" for record in records)
        timeline = "OVER (PARTITION BY record, restaurant_guid, guid ORDER BY moment, kind)"
        stretch = "PARTITION BY record, restaurant_guid, guid, stretch ORDER BY moment, kind"
        return f"""
  WITH held AS (
    SELECT
      *,
      ROW_NUMBER() OVER (
        PARTITION BY record, restaurant_guid, guid, valid_from ORDER BY _loaded_at DESC, _run_id) AS copy
    FROM (
    {held}
    )
  ), known AS (
    SELECT record, restaurant_guid, guid, MAX(GREATEST(_loaded_at, IFNULL(valid_to, _loaded_at))) AS known_at
    FROM held
    GROUP BY record, restaurant_guid, guid
  ), listed AS (
    {listed}
  ), complete AS (
    SELECT source.record, line.restaurant_guid, line.read_at
    FROM {self.staging} AS line
    JOIN UNNEST([{sources}]) AS source ON source.listing = line.listing
    WHERE line.unit IN UNNEST(@units) AND line.is_complete
  ), timeline AS (
    SELECT
      'held' AS kind, record, restaurant_guid, guid, valid_from AS moment, valid_to, is_current, row_hash,
      _run_id AS held_run
    FROM held
    WHERE copy = 1
    UNION ALL
    SELECT
      'listed', listed.record, listed.restaurant_guid, listed.guid, listed.read_at, NULL, NULL, listed.row_hash, NULL
    FROM listed
    LEFT JOIN known
      ON known.record = listed.record AND known.restaurant_guid = listed.restaurant_guid AND known.guid = listed.guid
    WHERE known.known_at IS NULL OR known.known_at < listed.read_at
    UNION ALL
    SELECT 'gone', known.record, known.restaurant_guid, known.guid, complete.read_at, NULL, NULL, NULL, NULL
    FROM known
    JOIN complete ON complete.record = known.record AND complete.restaurant_guid = known.restaurant_guid
    LEFT JOIN listed
      ON listed.record = known.record AND listed.restaurant_guid = known.restaurant_guid AND listed.guid = known.guid
    WHERE listed.guid IS NULL AND known.known_at < complete.read_at
  ), versions AS (
    SELECT
      *,
      LAG(moment) {timeline} IS NULL AS is_first,
      CASE
        WHEN valid_to IS NULL THEN LEAD(moment) {timeline}
        ELSE LEAST(valid_to, IFNULL(LEAD(moment) {timeline}, valid_to))
      END AS end_of_version
    FROM timeline
  ), continued AS (
    SELECT
      *,
      IFNULL(row_hash = LAG(row_hash) {timeline} AND moment = LAG(end_of_version) {timeline}, FALSE) AS is_continued
    FROM versions
  ), stretches AS (
    SELECT *, SUM(IF(is_continued, 0, 1)) {timeline} AS stretch
    FROM continued
  ), wanted AS (
    SELECT
      *,
      ROW_NUMBER() OVER ({stretch}) = 1 AS is_kept,
      LAST_VALUE(end_of_version) OVER (
        {stretch} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS ends_at,
      IFNULL(LEAD(kind) {timeline} = 'gone', FALSE) AS is_gone
    FROM stretches
  )
  SELECT
    record, restaurant_guid, guid, moment, row_hash, held_run, is_first, is_gone, ends_at,
    CASE WHEN kind = 'listed' THEN 'open' WHEN is_kept THEN 'end' ELSE 'drop' END AS action
  FROM wanted
  WHERE (kind = 'listed' AND is_kept)
    OR (kind = 'held' AND (NOT is_kept OR ends_at IS DISTINCT FROM valid_to OR is_current != (ends_at IS NULL)))
  UNION ALL
  SELECT record, restaurant_guid, guid, valid_from, row_hash, _run_id, FALSE, FALSE, NULL, 'drop'
  FROM held
  WHERE copy > 1"""


def menus_held(dataset: str, restaurants: Collection[str], since: dt.date) -> Statement:
    """Per restaurant, lastUpdated of the menus that the warehouse holds: what the newest run that saw them wrote.

    None for a restaurant without any menu in the warehouse, whatever the ledger says; none either where no run since
    a date (UTC) saw them: then they are fetched once more.
    """
    sql = f"""SELECT restaurant_guid, menus_updated_at
FROM `{dataset}.{ETL_RUNS.name}`
WHERE run_date >= @since AND restaurant_guid IN UNNEST(@restaurants) AND menus_updated_at IS NOT NULL
  AND restaurant_guid IN (
    SELECT menu.restaurant_guid FROM `{dataset}.{DIMENSIONS["menus"].name}` AS menu
    WHERE menu.restaurant_guid IN UNNEST(@restaurants) AND menu.is_current)
QUALIFY ROW_NUMBER() OVER (PARTITION BY restaurant_guid ORDER BY started_at DESC, run_id) = 1"""
    return Statement(
        sql, (Parameter("since", "DATE", since), Parameter("restaurants", "STRING", tuple(sorted(restaurants))))
    )
