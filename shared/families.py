"""Families: an object that Toast edits, and its children, as tables that are loaded in one version at a time.

An order with its checks, selections and payments is one; a time entry with its breaks is another. Toast
moves an object's modifiedDate whenever it or a child changes, so that is the version of all its rows.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from functools import cached_property

import msgspec

from shared.tables import Row, Table


class Family(msgspec.Struct, frozen=True, dict=True, kw_only=True):
    """One kind of object, and the tables that it fills.

    ``staged`` is a line of the staging table: the object with its children as repeated records, which
    ``children`` maps to their tables. ``register`` holds a row per object: the warehouse holds a version
    when the register does. ``version`` is the column, in each table, of the object's modifiedDate.

    The table of the first child is the *trace*: it is written first and deleted last of the children, so
    that a load that broke off is found by its rows. An object that has any child has one there.
    """

    staged: type[Row]
    register: Table
    children: dict[str, Table]
    version: str
    moved_before: dt.timedelta
    """So long before the day it was created can older rows of an object lie that moved between dates ..."""
    moved_after: dt.timedelta
    """... and so long after it."""

    @property
    def guid(self) -> str:
        """The column, in each table, of the object's GUID."""
        return self.register.key[0]

    @cached_property
    def trace(self) -> Table:
        """The children's table that an interrupted load is found by."""
        return next(iter(self.children.values()))

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """All tables in the order in which they are written."""
        return (*self.children.values(), self.register)

    @cached_property
    def delete_order(self) -> tuple[Table, ...]:
        """All tables in the order in which rows are removed: the trace and the register last."""
        last = (self.trace, self.register)
        return (*(table for table in self.tables if table not in last), *last)

    def count_rows(self, staged: Iterable[Row]) -> Counter[str]:
        """How many rows of each table some staged objects hold."""
        counts: Counter[str] = Counter({table.name: 0 for table in self.tables})
        for row in staged:
            counts[self.register.name] += 1
            for record, table in self.children.items():
                counts[table.name] += len(getattr(row, record))
        return counts
