"""What the statements of shared/dimension_statements.py do, on rows as tuples; see snapshot_model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from snapshot_model import Ask, Change, Replay, Rows

from shared.config import Restaurant
from shared.dimension_loading import DimensionLoad
from shared.dimension_rows import LISTINGS
from shared.dimension_tables import DIMENSIONS
from shared.listing_units import ListingUnit
from shared.toast_client import Usage

RECORD = "printers"
"""One of the dimensions; each has statements of its own, but for the survey."""


class Row(NamedTuple):
    """A version of an entity: from which moment (0 is 1970) until which; what it looks like; who read it when."""

    guid: str
    start: int
    end: int | None
    look: str
    run: str
    loaded: int


class Load(NamedTuple):
    """A load of what was listed at a moment: looks by GUID."""

    run: str
    moment: int
    listed: tuple[tuple[str, str], ...]
    is_complete: bool = True


class Due(NamedTuple):
    """Something to be done: ``row`` is to be replaced by ``wanted``; None for what is not or shall not be there."""

    row: Row | None
    wanted: Row | None
    is_first: bool = False
    is_gone: bool = False


class _Mark(NamedTuple):
    """A point of an entity's timeline, in the order of the points; ``row`` is what would stand in the table."""

    moment: int
    kind: str
    row: Row | None


def unit_of(restaurant: str = "r") -> ListingUnit:
    return ListingUnit(
        restaurant=Restaurant(guid=restaurant, name=restaurant, tenant="tenant"),
        usage=Usage(),
        endpoint=RECORD,
        listing=LISTINGS[RECORD],
        contacts=False,
        extracted=Counter({DIMENSIONS[RECORD].name: 1}),
    )


class DimensionModel:
    """Loads of listings."""

    def run(self, load: Load, warehouse: Replay) -> None:
        with DimensionLoad(warehouse, load.run) as loading:  # type: ignore[arg-type]
            loading.apply([unit_of()])

    def look(self, load: Load, ask: Ask, rows: Rows) -> Change | list[dict[str, Any]]:
        return self.survey(load, rows) if ask.step.startswith("survey") else self.merge(load, rows)

    def survey(self, load: Load, rows: Rows) -> list[dict[str, Any]]:
        found = list(self.due(load, rows))
        if not found:
            return []
        counts = Counter[str]()
        for due in found:
            counts["opened"] += due.row is None and due.is_first
            counts["changed"] += due.row is None and not due.is_first
            counts["closed"] += due.row is not None and due.wanted is not None and due.is_gone
        return [{"restaurant_guid": "r", "record": RECORD, **{name: counts[name] for name in sorted(counts)}}]

    def merge(self, load: Load, rows: Rows) -> Change:
        found = list(self.due(load, rows))
        return Change(frozenset(due.wanted for due in found if due.wanted), frozenset(d.row for d in found if d.row))

    def due(self, load: Load, rows: Rows) -> Iterator[Due]:
        for guid in sorted({row.guid for row in rows} | {guid for guid, _ in load.listed}):
            held = sorted((row for row in rows if row.guid == guid), key=self.rank)
            kept = [row for row in held if row == next(other for other in held if other.start == row.start)]
            yield from (Due(row, None) for row in held if row not in kept)
            timeline = [_Mark(row.start, "held", row) for row in kept]
            yield from _due_in(sorted([*timeline, *self.news(load, guid, held)], key=lambda mark: mark[:2]))

    def rank(self, row: Row) -> tuple[Any, ...]:
        """Of copies of a version the first stays."""
        return -row.loaded, row.run

    def news(self, load: Load, guid: str, held: list[Row]) -> Iterator[_Mark]:
        """What a listing tells of an entity, if anything."""
        known = self.known_at(held)
        if known is not None and known >= load.moment:
            return
        if look := dict(load.listed).get(guid):
            yield _Mark(load.moment, "listed", Row(guid, load.moment, None, look, load.run, load.moment))
        elif held and self.tells_of_ends(load):
            yield _Mark(load.moment, "gone", None)

    def known_at(self, held: list[Row]) -> int | None:
        """The last moment at which something is known of an entity."""
        return max((max(row.loaded, row.end or 0) for row in held), default=None)

    def tells_of_ends(self, load: Load) -> bool:
        return load.is_complete


def _due_in(timeline: list[_Mark]) -> Iterator[Due]:
    """What is due of one entity."""
    ends: list[int | None] = []
    for number, mark in enumerate(timeline):
        closed = mark.row.end if mark.row else None
        following = timeline[number + 1].moment if number + 1 < len(timeline) else None
        ends.append(min((moment for moment in (closed, following) if moment is not None), default=None))
    stretches: list[list[int]] = []
    for number, mark in enumerate(timeline):
        before = timeline[number - 1].row if number else None
        if mark.row and before and mark.row.look == before.look and mark.moment == ends[number - 1]:
            stretches[-1].append(number)
        else:
            stretches.append([number])
    for first, *others in stretches:
        mark, end = timeline[first], ends[[first, *others][-1]]
        is_gone = first + 1 < len(timeline) and timeline[first + 1].kind == "gone"
        if mark.kind == "listed" and mark.row:
            yield Due(None, mark.row if first else mark.row._replace(start=0), is_first=not first)
        elif mark.row and mark.row.end != end:
            yield Due(mark.row, mark.row._replace(end=end), is_gone=is_gone)
        yield from (Due(timeline[n].row, None) for n in others if timeline[n].kind == "held")
