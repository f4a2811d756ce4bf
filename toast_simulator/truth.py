"""Ground truth: what the tables of a warehouse must hold, counted from the world's own objects.

Independent of any loader on purpose: it never looks at the JSON of the API.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from toast_simulator import cash_truth, labor_truth, orders_truth
from toast_simulator.truth_table import Columns, Table
from toast_simulator.world.places import Place
from toast_simulator.world.world import World

_SOURCES = (orders_truth, cash_truth, labor_truth)

TABLES: dict[str, Columns] = {name: columns for source in _SOURCES for name, columns in source.TABLES.items()}


def day(world: World, place: Place, ordinal: int, now: int, *, keys: bool) -> dict[str, Any]:
    """The truth of one business date at ``now`` (Unix ms)."""
    tables = {name: Table(columns) for name, columns in TABLES.items()}
    for source in _SOURCES:
        source.count(world, place, ordinal, now, tables)
    shown = {name: table.result(keys=keys) for name, table in tables.items()}
    return {"business_date": dt.date.fromordinal(ordinal).isoformat(), "tables": shown}
