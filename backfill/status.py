"""How far everything is: coverage by restaurant and source, what failed, what is under way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backfill.display import duration
from backfill.queue_status import Followed, print_queue
from backfill.survey import Survey, failed_left
from backfill.tables import print_failed, print_next
from backfill.work import NoFirstDate, Wanted, spans_wanted
from history.ledger import FailedUnit, Ledger, Running
from history.spans import Span, clipped, days_in, without
from history.units import SOURCES, Location, Source

SPANS_SHOWN = 2


class Covered(msgspec.Struct):
    """What the warehouse holds of one source of one restaurant."""

    restaurant_guid: str
    restaurant_name: str
    source: Source
    days: int
    """Business dates that there are, since its first or in the dates asked for."""
    complete: int
    missing: list[Span]
    last_complete: dt.date | None


class Status(msgspec.Struct):
    """All that `status` tells."""

    as_of: dt.datetime
    """On Toast's clock (UTC)."""
    coverage: list[Covered]
    failed: list[FailedUnit]
    running: list[Running]
    queue: Followed | None = None
    """Where the target is one."""

    @property
    def missing_days(self) -> int:
        """Dates that are missing, over all."""
        return sum(days_in(one.missing) for one in self.coverage)


def status_of(found: Survey, wanted: Wanted, ledger: Ledger, queue: Followed | None = None) -> Status:
    """Put together what the warehouse tells. Raises WarehouseError."""
    coverage = [_covered(found, location, source, wanted) for location in found.locations for source in wanted.sources]
    failed = failed_left(ledger.failed(), found, wanted.sources, {})
    return Status(found.now, coverage, failed, ledger.running(), queue)


def _covered(found: Survey, location: Location, source: Source, wanted: Wanted) -> Covered:
    restaurant = location.restaurant
    complete = list(found.complete.get((source, restaurant.guid), ()))
    try:
        spans = spans_wanted(location, wanted, found.now)
    except NoFirstDate:  # then what is there has to tell where it begins
        first = complete[0].start if complete else None
        spans = [Span(first, location.last_final(found.now))] if first else []
    missing = without(spans, complete)
    days = days_in(spans)
    return Covered(
        restaurant.guid,
        restaurant.name,
        source,
        days,
        days - days_in(missing),
        missing,
        max((span.end for span in clipped(complete, dt.date.min, dt.date.max)), default=None),
    )


def print_status(status: Status, place: str, console: Console) -> None:
    """Coverage as a table, a column for each source; then what is under way, and what failed.

    ``place`` are the options that say where, for the command to type next.
    """
    sources = [source for source in SOURCES if any(one.source == source for one in status.coverage)]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("restaurant", no_wrap=True)
    for source in sources:
        table.add_column(source, justify="right", no_wrap=True)
    table.add_column("missing", ratio=1)
    by_restaurant: dict[str, dict[Source, Covered]] = {}
    for one in status.coverage:
        by_restaurant.setdefault(one.restaurant_guid, {})[one.source] = one
    for own in by_restaurant.values():
        name = next(iter(own.values())).restaurant_name
        table.add_row(name, *(_share(own[source]) for source in sources), _missing(list(own.values())))
    console.print(table)
    console.print(f"As of {status.as_of:%Y-%m-%d %H:%M} UTC: {_headline(status)}", soft_wrap=True)
    for backfill in status.running:
        _print_running(backfill, console)
    names = {one.restaurant_guid: one.restaurant_name for one in status.coverage}
    if status.queue is not None:
        print_queue(status.queue, names | {"ALL": "all"}, console)
    if status.failed:
        console.print(f"\n{len(status.failed)} units failed and are still missing:")
        print_failed(status.failed, names, console)
        print_next(place, console)


def _share(covered: Covered) -> Text:
    if not covered.days:
        return Text("none yet", style="yellow")
    style = "green" if covered.complete == covered.days else "yellow"
    return Text(f"{covered.complete:,}/{covered.days:,}", style=style)


def _missing(own: Sequence[Covered]) -> str:
    """The gaps; said once where several sources have the same."""
    sources_of: dict[tuple[Span, ...], list[str]] = {}
    for one in own:
        if one.missing:
            sources_of.setdefault(tuple(one.missing), []).append(one.source)
    told: list[str] = []
    for spans, sources in sources_of.items():
        more = f" and {len(spans) - SPANS_SHOWN} more" if len(spans) > SPANS_SHOWN else ""
        whose = "" if len(sources) == len(own) else f"{', '.join(sources)}: "
        told.append(f"{whose}{', '.join(map(str, spans[:SPANS_SHOWN]))}{more}")
    return "; ".join(told)


def _headline(status: Status) -> str:
    if any(not one.days for one in status.coverage):
        return "of some restaurants nothing is loaded yet."
    missing = status.missing_days
    return f"{missing:,} business dates are missing." if missing else "every business date is complete."


def _print_running(backfill: Running, console: Console) -> None:
    ago = duration((dt.datetime.now(dt.UTC) - backfill.beat_at).total_seconds())
    if backfill.expected_end_at is not None:
        console.print(
            f"Queued: {backfill.backfill_id}, {backfill.units:,} units, {backfill.span}, {ago} ago; expected to end "
            f"before {backfill.expected_end_at:%Y-%m-%d %H:%M} UTC. See --target tasks.",
            soft_wrap=True,
        )
        return
    ended = backfill.units_done + backfill.units_failed
    console.print(
        f"Running: {backfill.backfill_id}, {ended:,} of {backfill.units:,} units ({backfill.units_failed:,} failed), "
        f"{backfill.span}; last heard of {ago} ago.",
        soft_wrap=True,
    )
