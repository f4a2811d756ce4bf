"""One SQL statement with its typed parameters; those that write rows given as values, and add a column.

Every statement that this project sends is made by a pure function that returns one of these, so that a
test can hold each against Google's SQL analyser and the tables' real schemas.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import TypeAlias

import msgspec

from shared.tables import Column, Row, Table

Value: TypeAlias = str | int | bool | Decimal | dt.datetime | dt.date | None


class Parameter(msgspec.Struct, frozen=True):
    """A query parameter: @name, its BigQuery type, and a value; a tuple of values is an array."""

    name: str
    type: str
    value: Value | tuple[Value, ...]


class Rows(msgspec.Struct, frozen=True):
    """A query parameter that holds whole rows: an array of structs with a field per column."""

    name: str
    columns: tuple[Column, ...]
    values: tuple[tuple[Value, ...], ...]


class Statement(msgspec.Struct, frozen=True):
    """SQL and the parameters that it names."""

    sql: str
    parameters: tuple[Parameter | Rows, ...] = ()


def date_list(dates: Collection[dt.date], name: str = "dates") -> Parameter:
    """Dates as an array parameter, which BigQuery prunes partitions by."""
    return Parameter(name, "DATE", tuple(sorted(dates)))


def add_column(dataset: str, table: Table, column: Column) -> Statement:
    """Give a table that was made without it a column. BigQuery takes only one that can be NULL."""
    return Statement(
        f"ALTER TABLE `{dataset}.{table.name}` ADD COLUMN IF NOT EXISTS {column.name} {column.type} "
        f"OPTIONS (description = {_quoted(column.description)})"
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def insert_values(dataset: str, table: Table, rows: Sequence[Row]) -> Statement:
    """Write a few rows whose key the table does not hold yet.

    For the ledger: a load job would count against the 1,500 table modifications a day, an INSERT does not.
    """
    if table.partition_by is None:
        raise TypeError(f"{table.name} has no partitions to look for the rows' keys in")
    names = [column.name for column in table.columns]
    partition = names.index(table.partition_by)
    values = tuple(msgspec.structs.astuple(row) for row in rows)
    dates = tuple(sorted({value[partition] for value in values}))
    same_key = " AND ".join(f"present.{name} = given.{name}" for name in table.key)
    quoted = [f"`{name}`" for name in names]  # a column may be called like a keyword
    sql = f"""INSERT INTO `{dataset}.{table.name}` ({", ".join(quoted)})
SELECT {", ".join(f"given.{name}" for name in quoted)}
FROM UNNEST(@rows) AS given
WHERE NOT EXISTS (
    SELECT 1 FROM `{dataset}.{table.name}` AS present
    WHERE present.{table.partition_by} IN UNNEST(@dates) AND {same_key})"""
    return Statement(sql, (Rows("rows", table.columns, values), Parameter("dates", "DATE", dates)))
