"""Ground truth of the cash tables: rows and sums of one business date, counted from the world's own cash books."""

from __future__ import annotations

from toast_simulator.truth_table import HUNDREDTHS, Columns, Table
from toast_simulator.world.places import Place
from toast_simulator.world.world import World

TABLES: dict[str, Columns] = {
    "fact_cash_entries": {"amount": HUNDREDTHS},
    "fact_cash_deposits": {"amount": HUNDREDTHS},
}


def count(world: World, place: Place, ordinal: int, now: int, tables: dict[str, Table]) -> None:
    """Count the cash entries and deposits of a business date that exist at ``now`` (Unix ms).

    They have no versions, so their keys have an empty one. What undoes another is a row of its own.
    """
    for entry in world.cash.entries(place, ordinal, now):
        tables["fact_cash_entries"].add((entry.guid, None, ""), entry.cents)
    for deposit in world.cash.deposits(place, ordinal, now):
        tables["fact_cash_deposits"].add((deposit.guid, None, ""), deposit.cents)
