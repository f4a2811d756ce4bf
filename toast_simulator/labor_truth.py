"""Ground truth of the labor tables: rows and sums of one business date, counted from the world's own time entries."""

from __future__ import annotations

from toast_simulator.clock import iso
from toast_simulator.truth_table import BILLIONTHS, HUNDREDTHS, ONES, Columns, Table
from toast_simulator.world.model import NoGuid
from toast_simulator.world.places import HOUR, Place
from toast_simulator.world.roster import WAGE_UNITS
from toast_simulator.world.time_entries import TimeEntry
from toast_simulator.world.world import World

TABLES: dict[str, Columns] = {
    "fact_labor_shifts": {
        "regular_hours": BILLIONTHS,
        "overtime_hours": BILLIONTHS,
        "hourly_wage": BILLIONTHS,
        "declared_cash_tips": HUNDREDTHS,
        "non_cash_tips": HUNDREDTHS,
        "tips_withheld": HUNDREDTHS,
        "cash_sales": HUNDREDTHS,
        "non_cash_sales": HUNDREDTHS,
        "auto_clocked_out": ONES,
        "is_deleted": ONES,
        "in_at": ONES,
        "out_at": ONES,
        "entry_modified_at": ONES,
    },
    "fact_labor_breaks": {"is_paid": ONES, "is_missed": ONES, "in_at": ONES, "out_at": ONES},
}


def count(world: World, place: Place, ordinal: int, now: int, tables: dict[str, Table]) -> None:
    """Count the time entries that a business date has at ``now`` (Unix ms): archived ones and missed breaks too."""
    for entry in world.labor.on_business_date(place, ordinal, now):
        _add(entry, tables["fact_labor_shifts"])
        for rest in entry.breaks:
            guid = None if isinstance(rest.guid, NoGuid) else rest.guid
            key = (entry.guid, guid, iso(entry.modified))
            tables["fact_labor_breaks"].add(key, rest.paid, rest.missed, rest.start, rest.end)


def _add(entry: TimeEntry, shifts: Table) -> None:
    shifts.add(
        (entry.guid, None, iso(entry.modified)),
        _billionths(entry.regular, HOUR),
        _billionths(entry.overtime, HOUR),
        None if entry.wage is None else _billionths(entry.wage, WAGE_UNITS),
        entry.declared,
        entry.card_tips,
        entry.withheld,
        entry.cash_sales,
        entry.card_sales,
        entry.auto_clocked_out,
        entry.deleted is not None,
        entry.came,
        entry.left,
        entry.modified,
    )


def _billionths(numerator: int, denominator: int) -> int:
    """A quotient that is not negative, rounded half up to nine decimals, the last that a NUMERIC has."""
    return (2 * numerator * 10**9 + denominator) // (2 * denominator)
