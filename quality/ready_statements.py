"""The SQL of gate 3: how the runs went, and which GUIDs of the orders no dimension knows."""

from __future__ import annotations

from quality.references import REFERENCES, tables_with_references
from quality.truth_statements import MOST_ROWS, Range
from shared.dimension_tables import DIMENSIONS
from shared.order_tables import FACT_ORDERS
from shared.run_tables import ETL_RUNS
from shared.statements import Parameter, Statement


def newest_runs(dataset: str, guids: Parameter) -> Statement:
    """The newest run of each restaurant and function, of each of its modes.

    Columns: those of etl_runs; is_newest, over all modes; last_success_at of the function, whatever the mode.
    """
    sql = f"""SELECT
  restaurant_guid, `function`, mode, run_id, status, error, start_date, end_date, finished_at,
  MAX(IF(status = 'success', finished_at, NULL)) OVER (PARTITION BY restaurant_guid, `function`) AS last_success_at,
  ROW_NUMBER() OVER (PARTITION BY restaurant_guid, `function` ORDER BY finished_at DESC, run_id) = 1 AS is_newest
FROM `{dataset}.{ETL_RUNS.name}`
WHERE restaurant_guid IN UNNEST(@restaurants)
QUALIFY ROW_NUMBER() OVER (PARTITION BY restaurant_guid, `function`, mode ORDER BY finished_at DESC, run_id) = 1"""
    return Statement(sql, (guids,))


def unresolved_references(dataset: str, guids: Parameter, span: Range) -> Statement:
    """GUIDs on orders opened after the first configuration run of their restaurant that no dimension knows.

    Columns: restaurant_guid, record (the dimension), guid, table_name (one of those that have it), first_date,
    last_date, row_count, order_guid (one that names it), last_opened_at, total.
    """
    here = "{0}.business_date BETWEEN @start AND @end AND {0}.restaurant_guid IN UNNEST(@restaurants)"

    def used(table: str, references: dict[str, str]) -> str:
        pairs = ", ".join(f"STRUCT('{record}' AS record, fact.{name} AS guid)" for name, record in references.items())
        return f"""SELECT
    '{table}' AS table_name, fact.restaurant_guid, fact.business_date, fact.order_guid, opened.opened_at,
    reference.record, reference.guid
  FROM `{dataset}.{table}` AS fact
  JOIN opened ON opened.order_guid = fact.order_guid AND opened.business_date = fact.business_date
  CROSS JOIN UNNEST([{pairs}]) AS reference
  WHERE {here.format("fact")} AND reference.guid IS NOT NULL"""

    all_used = "\n  UNION ALL\n  ".join(used(table.name, names) for table, names in tables_with_references())
    known = "\n  UNION DISTINCT\n  ".join(
        f"SELECT restaurant_guid, '{record}' AS record, guid FROM `{dataset}.{DIMENSIONS[record].name}`\n"
        "  WHERE restaurant_guid IN UNNEST(@restaurants)"
        for record in sorted(set(REFERENCES.values()))
    )
    sql = f"""WITH configured AS (
  SELECT restaurant_guid, MIN(finished_at) AS configured_at
  FROM `{dataset}.{ETL_RUNS.name}`
  WHERE `function` = 'config_weekly' AND status = 'success' AND restaurant_guid IN UNNEST(@restaurants)
  GROUP BY restaurant_guid
),
opened AS (
  SELECT ordered.order_guid, ordered.business_date, ordered.opened_at
  FROM `{dataset}.{FACT_ORDERS.name}` AS ordered
  JOIN configured ON configured.restaurant_guid = ordered.restaurant_guid
  WHERE {here.format("ordered")} AND ordered.opened_at > configured.configured_at
),
used AS (
  {all_used}
),
known AS (
  {known}
)
SELECT
  used.restaurant_guid, used.record, used.guid, MIN(used.table_name) AS table_name,
  MIN(used.business_date) AS first_date, MAX(used.business_date) AS last_date, COUNT(*) AS row_count,
  MIN(used.order_guid) AS order_guid, MAX(used.opened_at) AS last_opened_at, COUNT(*) OVER () AS total
FROM used
LEFT JOIN known
  ON known.restaurant_guid = used.restaurant_guid AND known.record = used.record AND known.guid = used.guid
WHERE known.guid IS NULL
GROUP BY used.restaurant_guid, used.record, used.guid
ORDER BY first_date, used.restaurant_guid, used.record, used.guid
LIMIT {MOST_ROWS}"""
    return Statement(sql, (guids, *span))
