"""A warehouse in memory whose statements see a snapshot, as BigQuery's do: for what loads do at the same moment.

It runs a load's own statements on DuckDB, translated from BigQuery's SQL. Each statement is a transaction, which
sees the tables as they were when it began. Of two that change the same row at once the second is run again, on
what the first left; two that only insert know nothing of each other. BigQuery promises the same, and its emulator,
which runs one statement after the other, cannot show it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, Any

import duckdb
import sqlglot
from watched_loads import Load, SteppedLoad, is_mutating

from shared.bigquery_utils import Answer
from shared.statements import Parameter, Statement
from shared.tables import Column, Table

CATALOG = "memory"
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DUCKDB_TYPES = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "BOOL": "BOOLEAN",
    "NUMERIC": "DECIMAL(38, 9)",
    "TIMESTAMP": "TIMESTAMPTZ",
    "DATE": "DATE",
}


class SnapshotWarehouse:
    """The tables, and one connection to them: what a load works with. ``connect`` gives another connection."""

    dataset = f"{CATALOG}.main"

    def __init__(self, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        self._connection = connection or _new_database()
        self._lock = threading.Lock()  # merges run side by side, and a connection runs one statement at a time
        self._begun = False

    def connect(self) -> SnapshotWarehouse:
        return SnapshotWarehouse(self._connection.cursor())

    def ensure(self, tables: Sequence[Table]) -> None:
        for table in tables:
            self._connection.execute(f"CREATE TABLE {table.name} ({_typed(table.columns)})")

    def create_staging(self, name: str, columns: Sequence[Column]) -> None:
        self._connection.execute(f"CREATE TABLE {name} ({_typed(columns)})")

    def drop_staging(self, name: str) -> None:
        self._connection.execute(f"DROP TABLE {name}")

    def load(self, lines: IO[bytes], table: str, columns: Sequence[Column], job: str) -> int:
        lines.seek(0)
        rows = [_complete(json.loads(line), columns) for line in lines]
        for row in rows:
            self._insert(table, row)
        return len(rows)

    def insert(self, table: Table, *rows: dict[str, Any]) -> None:
        """Put rows into a table, as no load would."""
        for row in rows:
            self._insert(table.name, row)

    def _insert(self, table: str, row: dict[str, Any]) -> None:
        marks = ", ".join("?" for _ in row)
        self._connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """All rows, in the order of the key; moments as datetimes in UTC."""
        values = (f"epoch_us({c.name})" if c.type == "TIMESTAMP" else c.name for c in table.columns)
        sql = f"SELECT {', '.join(values)} FROM {table.name} ORDER BY {', '.join(table.key)}, _run_id"
        return [
            {
                c.name: _as_moment(value) if c.type == "TIMESTAMP" else value
                for c, value in zip(table.columns, row, strict=True)
            }
            for row in self._connection.execute(sql).fetchall()
        ]

    # --- statements as transactions ------------------------------------------------------------------

    def begin(self) -> None:
        """Let the next statement see the tables as they are now."""
        self._connection.execute("BEGIN")
        self._connection.execute("SELECT COUNT(*) FROM duckdb_tables()").fetchall()  # it begins with its first look
        self._begun = True

    def run(self, statement: Statement, job: str) -> Answer:
        with self._lock:
            try:
                answer = self._run(statement)
                if self._begun:
                    self._connection.execute("COMMIT")
                return answer
            except duckdb.TransactionException:  # another changed the same row meanwhile
                self._connection.execute("ROLLBACK")
                return self._run(statement)
            finally:
                self._begun = False

    def _run(self, statement: Statement) -> Answer:
        given = {p.name: _given(p.value) for p in statement.parameters if isinstance(p, Parameter)}
        if is_mutating(statement):
            self._refuse_ambiguity(statement.sql, given)
        cursor = self._connection.execute(in_duckdb(statement.sql), given)
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return Answer(rows, 0)

    def _refuse_ambiguity(self, sql: str, given: dict[str, Any]) -> None:
        """A MERGE with two source rows for one row of the table is an error in BigQuery, and none in DuckDB."""
        merge = re.match(r"MERGE INTO (`[^`]+` AS \w+)\nUSING (.+)\nON (.+?)\nWHEN ", sql, re.DOTALL)
        assert merge is not None, sql
        target, source, condition = merge.groups()
        matched = f"SELECT version.* FROM {target} JOIN {source} ON {condition}"
        found = {name: value for name, value in given.items() if f"@{name}" in matched}
        rows = self._connection.execute(in_duckdb(matched), found).fetchall()
        if len(rows) > len(set(rows)):
            raise AssertionError("UPDATE/MERGE must match at most one source row for each target row")


def _new_database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("PRAGMA disable_optimizer")  # it takes longer than it saves with a handful of rows
    return connection


def _named(columns: Sequence[Column], row: Sequence[Any]) -> dict[str, Any]:
    return {
        column.name: _as_moment(value) if column.type == "TIMESTAMP" else value
        for column, value in zip(columns, row, strict=True)
    }


def _as_moment(microseconds: int | None) -> dt.datetime | None:
    return None if microseconds is None else EPOCH + dt.timedelta(microseconds=microseconds)


def _given(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def in_duckdb(sql: str) -> str:
    """BigQuery's SQL as DuckDB's; translated once for all staging tables."""
    names = re.findall(r"staging_\w+", sql)
    if not names:
        return _translated(sql)
    return _translated(sql.replace(names[0], "staging_table")).replace("staging_table", names[0])


@lru_cache
def _translated(sql: str) -> str:
    (translated,) = sqlglot.transpile(sql, read="bigquery", write="duckdb")
    return translated


def _typed(columns: Sequence[Column]) -> str:
    return ", ".join(f"{column.name} {_type(column)}" for column in columns)


def _type(column: Column) -> str:
    if column.type == "RECORD":  # NULL is the same as empty in BigQuery
        return f"STRUCT({_typed(column.fields)})[] DEFAULT []"
    return DUCKDB_TYPES[column.type]


def _complete(row: dict[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """A line's columns, its records with all their fields in order."""
    fields = {column.name: column.fields for column in columns}
    return {
        name: [{field.name: element.get(field.name) for field in fields[name]} for element in value]
        if isinstance(value, list)
        else value
        for name, value in row.items()
    }


class SnapshotLoad(SteppedLoad):
    """A load that stands before its next statement; with ``begin`` that statement's transaction begins."""

    def begin(self) -> None:
        super().begin()
        self._warehouse.begin()


@contextmanager
def snapshot_loads(warehouse: SnapshotWarehouse, run_ids: Iterator[str]) -> Iterator[Any]:
    """Starts loads with connections of their own; those that are not at their end are killed."""
    group: list[SteppedLoad] = []

    def start(load: Load) -> SnapshotLoad:
        return SnapshotLoad(group, warehouse.connect(), next(run_ids), load)  # type: ignore[arg-type]

    yield start
    for load in group:
        if load.next is not None:
            load.kill()
