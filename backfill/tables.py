"""How plans, coverage and failures look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from backfill.display import duration
from backfill.plan import INSERTS_AT_ONCE_PER_DAY, LOAD_JOBS_PER_DAY, Plan
from backfill.replies import cause_of
from history.ledger import FailedUnit
from history.units import SOURCE_OF
from quality import mending

RESTAURANTS_SHOWN = 30


def print_plan(plan: Plan, names: Mapping[str, str], notes: Sequence[str], console: Console) -> None:
    """What would be called, and how long it takes."""
    if not plan.calls:
        console.print("Nothing is missing: there is nothing to call.")
        _print_notes(notes, console)
        return
    table = _table("restaurant", "data", ">days", ">calls", ">pages", ">at best", ">expected")
    for share in plan.shares[:RESTAURANTS_SHOWN]:
        table.add_row(
            names.get(share.restaurant_guid, share.restaurant_guid),
            SOURCE_OF[share.function],
            f"{share.days:,}",
            f"{share.calls:,}",
            f"{share.pages:,.0f}" if share.from_history else f"~{share.pages:,.0f}",
            duration(share.floor_seconds),
            duration(share.expected_seconds),
        )
    if (more := len(plan.shares) - RESTAURANTS_SHOWN) > 0:
        table.add_row(f"… and {more:,} more", "", "", "", "", "", "", style="dim")
    console.print(table)
    console.print(
        f"{plan.calls:,} calls for {plan.days:,} business dates, about {plan.pages:,} pages "
        f"({plan.requests:,} requests).\n"
        f"At best {duration(plan.floor_seconds)} (Toast's limits), expected {duration(plan.expected_seconds)}: "
        "restaurants go side by side.",
        soft_wrap=True,
    )
    console.print(_statements(plan), soft_wrap=True)
    _print_notes(notes, console)


def _print_notes(notes: Sequence[str], console: Console) -> None:
    for note in notes:
        console.print(f"[dim]{note}[/dim]", soft_wrap=True)


def _statements(plan: Plan) -> str:
    inserts = (
        "within the first 1,500 a day of a table, which start at once"
        if plan.insert_statements <= INSERTS_AT_ONCE_PER_DAY
        else f"after the first {INSERTS_AT_ONCE_PER_DAY:,} a day BigQuery runs ten at a time: slower, not refused"
    )
    share = plan.load_jobs / LOAD_JOBS_PER_DAY
    return (
        f"BigQuery: {plan.load_jobs:,} load jobs ({share:.1%} of a day's {LOAD_JOBS_PER_DAY:,}), "
        f"{plan.insert_statements:,} INSERTs into the busiest table ({inserts}); no UPDATE, DELETE or MERGE of facts."
    )


def print_failed(failed: Sequence[FailedUnit], names: Mapping[str, str], console: Console) -> None:
    """The units that failed, by reason: the same cause is told once."""
    by_reason: dict[tuple[str, str, str], list[FailedUnit]] = {}
    for one in failed:
        reason = one.unit.restaurant_guid, one.unit.function, cause_of(one.error)
        by_reason.setdefault(reason, []).append(one)
    for (guid, function, _), units in by_reason.items():
        spans = ", ".join(str(one.unit.span) for one in units[:3] if one.unit.span)
        more = f" and {len(units) - 3} more" if len(units) > 3 else ""
        console.print(
            f"[red]✗[/red] {names.get(guid, guid)}, {function} {spans}{more}\n  {units[-1].error}",
            soft_wrap=True,
            highlight=False,
        )


def print_next(place: str, console: Console) -> None:
    """What to type when something has failed; ``place`` are the options that say where."""
    command = mending.at(mending.load_failed(), place)
    console.print(f"When the cause is mended: {command}", markup=False, soft_wrap=True)


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left", no_wrap=True)
    return table
