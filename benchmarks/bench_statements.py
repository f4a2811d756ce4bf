"""How many statements and jobs a call takes, counted over real calls.

Of a call for orders: one load job, at most one INSERT for each table that has new rows, one check, and a DELETE only
where the check found something to remove.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from benchmarks.harness import Figure, Sizes
from benchmarks.recorded import Call, recorded
from shared.order_tables import ORDERS

CALLS = ("first week", "the same week again", "a day with an edited order", "next orders_daily")
_FACTS = {table.name for table in ORDERS.tables}


def measure(sizes: Sizes) -> Iterator[Figure]:
    """A figure each for loads, INSERTs, checks and DELETEs, the worst of the calls; and all jobs of each call."""
    taken = recorded(sizes.pick(60, 12)).calls
    calls = {name: taken[name] for name in CALLS}
    needed = {name: sum(bool(rows) for rows in call.written().values()) for name, call in calls.items()}
    yield _worst("load jobs of a call", {name: _count(call, "load-") for name, call in calls.items()}, 1)
    yield _worst(
        "INSERTs into fact tables beyond the tables with new rows",
        {name: _inserts(call) - needed[name] for name, call in calls.items()},
        0,
    )
    yield _worst("checks of a call", {name: _count(call, "check") for name, call in calls.items()}, 1)
    yield _worst(
        "DELETEs although the check found nothing",
        {name: 0 if _found(call) else _deletes(call) for name, call in calls.items()},
        0,
    )
    edited = calls["a day with an edited order"]
    yield Figure(
        name="DELETEs where the check found vanished rows",
        value=_deletes(edited),
        unit="",
        target=1,
        at_least=True,
        details={"found_in": _found(edited)},
    )
    for name, call in taken.items():
        yield Figure(
            name=f"jobs of {call.function}, {name}", value=len(call.jobs), unit="", details={"steps": call.steps()}
        )


def _worst(name: str, by_call: dict[str, int], target: int) -> Figure:
    return Figure(name=name, value=max(by_call.values()), unit="", target=target, details=dict(by_call))


def _count(call: Call, step: str) -> int:
    return sum(one.startswith(step) for one in call.steps())


def _inserts(call: Call) -> int:
    """Most INSERTs count: a second one into the same table counts too."""
    return sum(one.removeprefix("insert-") in _FACTS for one in call.steps() if one.startswith("insert-"))


def _deletes(call: Call) -> int:
    return sum(one.startswith(("stale-", "copies-")) for one in call.steps())


def _found(call: Call) -> dict[str, int]:
    """Rows to be removed, by table, as the check told."""
    found: Counter[str] = Counter()
    for job in call.jobs:
        if job.step == "check":
            for row in job.rows:
                found[str(row["table_name"])] += row["stale"] + row["copies"]
    return {table: rows for table, rows in found.items() if rows}
