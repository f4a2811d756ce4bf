"""How a warehouse table is described: once, as a typed row.

A row class is a msgspec Struct whose fields are the columns. The annotation gives the BigQuery type and
mode, ``Meta(description=…)`` the column's description; ``Table`` adds key, partition and clustering. The
schema sent to BigQuery, the column lists of the SQL, the NDJSON rows and the data dictionary all come
from there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import types
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta


class LocalTime(dt.datetime):
    """A date and time on a restaurant's own clock, without a time zone."""


BIGQUERY_TYPES: dict[type, str] = {
    str: "STRING",
    int: "INT64",
    bool: "BOOL",
    Decimal: "NUMERIC",
    dt.datetime: "TIMESTAMP",
    LocalTime: "DATETIME",
    dt.date: "DATE",
}


class Column(msgspec.Struct, frozen=True):
    """One column: its BigQuery type, mode (REQUIRED, NULLABLE or REPEATED) and, for RECORD, its fields."""

    name: str
    type: str
    mode: str
    description: str
    fields: tuple[Column, ...] = ()


class Row(msgspec.Struct, omit_defaults=True, gc=False):
    """Base of row classes. NULL columns are left out of the NDJSON: shorter, and the same to BigQuery."""


class Loaded(Row):
    """The columns that say which run wrote a row, and when; every table of Toast's data ends with them."""

    _run_id: Annotated[str, Meta(description="The run that wrote this row; see etl_runs.")]
    _loaded_at: Annotated[dt.datetime, Meta(description="When that run wrote it, on Toast's clock (UTC).")]


class Table(msgspec.Struct, frozen=True, dict=True):
    """One warehouse table.

    ``row`` holds the table's own columns. ``inherits`` names the columns that come, with their types and
    descriptions, from the row class ``parent``; they stand first. ``key`` is what makes a row one of its
    kind; BigQuery enforces no key, so the loading does. A table with ``requires_filter`` refuses queries
    without a filter on ``partition_by``, a DATE, which keeps a careless query from reading all of history;
    a small table has no partitions (None).
    ``stamped`` tables end with the columns of ``Loaded``. ``expires``: its old partitions go away by themselves,
    see LEDGER_DAYS.
    """

    name: str
    description: str
    row: type[Row]
    key: tuple[str, ...]
    partition_by: str | None
    cluster_by: tuple[str, ...]
    requires_filter: bool = True
    stamped: bool = True
    expires: bool = False
    inherits: tuple[str, ...] = ()
    parent: type[Row] | None = None

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """All columns in the table's order."""
        return (*self.data_columns, *(columns_of(Loaded) if self.stamped else ()))

    @cached_property
    def data_columns(self) -> tuple[Column, ...]:
        """The columns that hold data: inherited ones first, then the row's own."""
        inherited = {column.name: column for column in columns_of(self.parent)} if self.parent else {}
        return (*(inherited[name] for name in self.inherits), *columns_of(self.row))

    @cached_property
    def definition(self) -> str:
        """A hash of the columns' names and types, fit for a label: another one means that columns were added."""
        content = msgspec.json.encode([(column.name, column.type) for column in self.columns])
        return hashlib.sha256(content).hexdigest()[:32]


def columns_of(row: type[Row]) -> tuple[Column, ...]:
    """The columns that a row class describes.

    Raises TypeError for an annotation that has no BigQuery type or no description: found by the first
    import in any test, so a table can never be half described.
    """
    hints = get_type_hints(row, include_extras=True)
    return tuple(_column(name, hints[name]) for name in row.__struct_fields__)


def _column(name: str, hint: Any) -> Column:
    description, kind = _described(hint)
    mode = "REQUIRED"
    if get_origin(kind) in (Union, types.UnionType):
        mode, kind = "NULLABLE", next(arg for arg in get_args(kind) if arg is not type(None))
        description, kind = _described(kind, description)
    if get_origin(kind) is list:
        (element,) = get_args(kind)
        return Column(name, "RECORD", "REPEATED", description, columns_of(element))
    if kind not in BIGQUERY_TYPES or not description:
        raise TypeError(f"column {name}: {kind!r} needs a BigQuery type and a description")
    return Column(name, BIGQUERY_TYPES[kind], mode, description)


def _described(hint: Any, description: str = "") -> tuple[str, Any]:
    if get_origin(hint) is not Annotated:
        return description, hint
    kind, *metas = get_args(hint)
    found = next((meta.description for meta in metas if isinstance(meta, Meta) and meta.description), "")
    return found or description, kind
