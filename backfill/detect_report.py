"""How what was detected looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from backfill.detect import Detected, Gap
from backfill.tables import RESTAURANTS_SHOWN
from history.spans import Span

SPANS_SHOWN = 3


def print_detected(found: Detected, console: Console, *, applied: bool = False) -> None:
    """What was found, and what to type unless it is ``applied``; a thing that is as it should be takes no line."""
    _print_listing(found, console)
    if found.new:
        _print_new(found, console, applied=applied)
    if found.gone:
        _print_gone(found, console)
    if found.without_history:
        _print_without_history(found, console)
    if found.gaps:
        _print_gaps(found.gaps, console)
    if found.runs and not applied:
        _headline(console, "To fill all of it (or 'detect --apply' does it):")
        for command in found.runs:
            _command(console, command)
    if found.under_way:
        console.print(f"\n{', '.join(found.under_way)} may be filling some of it right now.", highlight=False)
    if found.suggestions:
        _headline(console, "Thresholds of a low-activity day that would fit these restaurants better:")
        for suggestion in found.suggestions:
            console.print(f"  {suggestion}", soft_wrap=True, markup=False, highlight=False)
    if not found.is_something:
        console.print("Nothing to do: every restaurant is configured, and every business date is complete.")


def _print_listing(found: Detected, console: Console) -> None:
    configured = f"restaurants.toml has {found.configured:,} for tenant {found.tenant}"
    if found.listed is not None:
        told = f"Toast lists {found.listed:,} restaurants (told by {found.told_by}); {configured}."
        console.print(told, soft_wrap=True, highlight=False, markup=False)
        return
    console.print(f"{configured}. What Toast has is not known:", soft_wrap=True, highlight=False, markup=False)
    console.print(f"  {found.problem}", style="red", soft_wrap=True, highlight=False, markup=False)


def _print_new(found: Detected, console: Console, *, applied: bool) -> None:
    _headline(console, "In the Toast account, and not in restaurants.toml:")
    table = _table("restaurant", "GUID", "time zone", "first business date")
    for one in found.new[:RESTAURANTS_SHOWN]:
        table.add_row(one.name, one.guid, one.timezone or "?", str(one.first_business_date or "?"))
    _more(table, len(found.new))
    console.print(table)
    if applied:
        return
    console.print("\nAdd to restaurants.toml (where functions are deployed, deploy them again afterwards):\n")
    for one in found.new:
        console.print(one.toml.rstrip(), markup=False, highlight=False, soft_wrap=True)


def _print_gone(found: Detected, console: Console) -> None:
    _headline(console, "In restaurants.toml, and not in the Toast account any more:")
    table = _table("restaurant", "GUID")
    for one in found.gone[:RESTAURANTS_SHOWN]:
        table.add_row(one.name, one.guid)
    _more(table, len(found.gone))
    console.print(table)
    console.print(
        "Archived, or no longer connected: take them out of restaurants.toml (what is loaded stays), or ask Toast to "
        "connect them again.",
        soft_wrap=True,
    )


def _print_without_history(found: Detected, console: Console) -> None:
    _headline(console, "Configured, and nothing is loaded:")
    table = _table("restaurant", "since", ">business dates")
    for one in found.without_history[:RESTAURANTS_SHOWN]:
        table.add_row(one.name, str(one.first_business_date or "?"), f"{one.days:,}" if one.days else "?")
    _more(table, len(found.without_history))
    console.print(table)
    if unknown := [one.name for one in found.without_history if not one.first_business_date]:
        console.print(
            f"Nobody tells when the history of {', '.join(unknown)} begins: set first_business_date in "
            "restaurants.toml.",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )


def _print_gaps(gaps: Sequence[Gap], console: Console) -> None:
    _headline(console, "Business dates that are missing:")
    table = _table("restaurant", "data", ">dates", "which")
    for gap in gaps[:RESTAURANTS_SHOWN]:
        table.add_row(gap.name, gap.source, f"{gap.days:,}", _spans(gap.missing))
    _more(table, len(gaps))
    console.print(table)


def _spans(spans: Sequence[Span]) -> str:
    more = f" and {len(spans) - SPANS_SHOWN} more" if len(spans) > SPANS_SHOWN else ""
    return ", ".join(map(str, spans[:SPANS_SHOWN])) + more


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        justify, text = ("right", heading[1:]) if heading.startswith(">") else ("left", heading)
        table.add_column(text, justify="right" if justify == "right" else "left", no_wrap=text != "which")
    return table


def _more(table: Table, count: int) -> None:
    if count > RESTAURANTS_SHOWN:
        table.add_row(f"… and {count - RESTAURANTS_SHOWN:,} more", style="dim")


def _headline(console: Console, text: str) -> None:
    console.print(f"\n{text}", style="bold", soft_wrap=True, highlight=False)


def _command(console: Console, command: str) -> None:
    """On a line of its own and never broken, so that it can be copied."""
    console.print(f"  {command}", soft_wrap=True, markup=False, highlight=False)
