"""Which partitions and columns of a table a statement reads, as BigQuery prunes them, and how many bytes they hold.

BigQuery leaves partitions out by conditions that a scan's own WHERE puts on the partitioning column and that need no
other row: a comparison with a parameter or a date, a BETWEEN, an IN over an array parameter. Any other condition
prunes nothing here. Clustering is left out of account: within a partition it can only make the bytes fewer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlglot
from sqlglot import exp

from shared.statements import Parameter, Statement
from shared.tables import Table

Filter = Callable[[dt.date], bool]
"""Whether a condition lets a partition through."""


class Scan(msgspec.Struct, frozen=True):
    """One reading of a table by a statement."""

    table: Table
    columns: frozenset[str]
    filters: tuple[Filter, ...]
    """The conditions on the partitioning column, all of which must hold; none: every partition is read."""

    def partitions(self, there: Collection[dt.date]) -> list[dt.date]:
        """Those of the partitions that are there which the statement reads."""
        return [date for date in there if all(passes(date) for passes in self.filters)]


class Contents(msgspec.Struct, frozen=True):
    """What a table holds: bytes per column in one partition, and which partitions; None for a table without any."""

    column_bytes: Mapping[str, float]
    partitions: Sequence[dt.date] | None


def bytes_read(scans: Collection[Scan], contents: Mapping[str, Contents]) -> dict[str, float]:
    """Bytes that scans read, by table."""
    total: dict[str, float] = {}
    for scan in scans:
        held = contents[scan.table.name]
        count = 1 if held.partitions is None else len(scan.partitions(held.partitions))
        size = sum(held.column_bytes.get(name, 0.0) for name in scan.columns)
        total[scan.table.name] = total.get(scan.table.name, 0.0) + count * size
    return total


def scans_of(statement: Statement, tables: Mapping[str, Table]) -> list[Scan]:
    """What a statement reads of some tables, which are known by name; others, such as staging tables, are left out.

    A DELETE and a MERGE read every column of what they change, as BigQuery bills them.
    """
    tree = sqlglot.parse_one(statement.sql, read="bigquery")
    parameters = {parameter.name: parameter for parameter in statement.parameters}
    found: list[Scan] = []
    for node in tree.find_all(exp.Table):
        table = tables.get(node.name) if node.db else None
        if table is None or isinstance(node.parent, exp.Schema | exp.Insert):  # what an INSERT writes to is not read
            continue
        owner, is_changed = _owner(node)
        columns = frozenset(c.name for c in table.columns) if is_changed else _columns(owner, node, table)
        found.append(Scan(table, columns, tuple(_filters(owner, node, table, parameters))))
    return found


def _owner(node: exp.Table) -> tuple[exp.Expression, bool]:
    """The SELECT that reads a table, or the statement that changes it."""
    parent = node.parent
    if isinstance(parent, exp.Delete | exp.Merge | exp.Update):
        return parent, parent.this is node
    select = node.find_ancestor(exp.Select)
    if select is None:
        raise ValueError(f"nobody reads {node.sql()}")
    return select, False


def _columns(owner: exp.Expression, node: exp.Table, table: Table) -> frozenset[str]:
    """The columns that are named of a table, by its alias or without one, in the SELECT that reads it."""
    known = {column.name for column in table.columns}
    stars = [star for star in owner.find_all(exp.Star) if star.find_ancestor(exp.Select) is owner]
    if any(not isinstance(star.parent, exp.Count) for star in stars):
        return frozenset(known)
    named = {c.name for c in owner.find_all(exp.Column) if not c.table or c.table == node.alias_or_name}
    return frozenset(known & named)


# --- conditions on the partitioning column -----------------------------------------------------------


def _filters(owner: exp.Expression, node: exp.Table, table: Table, parameters: Mapping[str, Any]) -> Iterator[Filter]:
    where = owner.args.get("where") or owner.args.get("on")
    condition = where.this if isinstance(where, exp.Where) else where
    if condition is None or table.partition_by is None:
        return
    terms = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    for term in terms:
        passes = _filter(term, lambda side: _is_partition(side, node, table), parameters)
        if passes is not None:
            yield passes


def _is_partition(side: Any, node: exp.Table, table: Table) -> bool:
    return (
        isinstance(side, exp.Column)
        and side.name == table.partition_by
        and (not side.table or side.table == node.alias_or_name)
    )


def _filter(term: Any, is_partition: Callable[[Any], bool], parameters: Mapping[str, Any]) -> Filter | None:
    """A condition as a function of the partition; None for one that does not prune."""
    if not is_partition(term.this):
        return None
    if isinstance(term, exp.In) and isinstance(term.args.get("unnest"), exp.Unnest):
        dates = _value(term.args["unnest"].expressions[0], parameters)
        return None if dates is None else frozenset(dates).__contains__
    if isinstance(term, exp.Between):
        low, high = _value(term.args["low"], parameters), _value(term.args["high"], parameters)
        return None if low is None or high is None else lambda date: bool(low <= date <= high)
    compare = _COMPARISONS.get(type(term))
    bound = _value(term.expression, parameters) if compare else None
    return None if compare is None or bound is None else lambda date: compare(date, bound)


_COMPARISONS: dict[type[exp.Expression], Callable[[dt.date, dt.date], bool]] = {
    exp.EQ: lambda date, bound: date == bound,
    exp.GT: lambda date, bound: date > bound,
    exp.GTE: lambda date, bound: date >= bound,
    exp.LT: lambda date, bound: date < bound,
    exp.LTE: lambda date, bound: date <= bound,
}


def _value(side: Any, parameters: Mapping[str, Any]) -> Any:
    """A date, or dates, that a side of a condition stands for, whatever the rows; None if it is not that."""
    if isinstance(side, exp.Parameter):
        parameter = parameters.get(side.name)
        return _as_date(parameter.value) if isinstance(parameter, Parameter) else None
    if isinstance(side, exp.Date | exp.TsOrDsToDate) or (
        isinstance(side, exp.Cast) and side.to.is_type(exp.DataType.Type.DATE)
    ):
        return _value(side.this, parameters)
    if isinstance(side, exp.Literal) and side.is_string:
        return dt.date.fromisoformat(side.name)
    return None


def _as_date(value: Any) -> Any:
    return value.date() if isinstance(value, dt.datetime) else value
