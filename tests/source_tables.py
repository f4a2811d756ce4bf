"""The tables that the product defines, found in its modules, so that no test has to be told of a new one."""

from __future__ import annotations

import importlib
import pkgutil

import shared
from shared.tables import Table


def tables_of_the_code() -> list[Table]:
    """Every table that a module of shared/ defines, alone or in a tuple or dict."""
    found: dict[str, Table] = {}
    for module in pkgutil.iter_modules(shared.__path__, "shared."):
        for value in vars(importlib.import_module(module.name)).values():
            several = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
            found |= {table.name: table for table in several if isinstance(table, Table)}
    return list(found.values())
