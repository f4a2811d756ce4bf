"""What a warehouse holds of one restaurant, table by table, in a form that compares with what it ought to hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from google.cloud import bigquery

from shared.bigquery_utils import Warehouse, schema_of
from shared.tables import Table

Rows = dict[str, list[tuple[Any, ...]]]
"""Rows by table, in some fixed order."""


def held_rows(warehouse: Warehouse, tables: Iterable[Table], restaurant: str, *columns: str) -> Rows:
    """The rows of a restaurant in each table: all data columns, or those named."""
    return {table.name: in_order(_listed(warehouse, table, restaurant, columns)) for table in tables}


def in_order(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


def as_read(value: Any) -> Any:
    """A value as the warehouse gives it back: BigQuery's NUMERIC has no trailing zeros of its own."""
    return value.normalize() + Decimal(0) if isinstance(value, Decimal) else value


def _listed(warehouse: Warehouse, table: Table, restaurant: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    names = columns or [column.name for column in table.data_columns]
    name = bigquery.TableReference.from_string(f"{warehouse.dataset}.{table.name}")
    for row in warehouse._client.list_rows(name, selected_fields=schema_of(table.columns)):
        if row["restaurant_guid"] == restaurant:
            yield tuple(as_read(row[name]) for name in names)
