"""Bringing listings of Toast's configuration into the warehouse: staging table, then versions in the dimensions.

docs/loading.md tells why any number of loads, at once or broken off, leave each entity with one current version.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, cast

import msgspec
import structlog
from msgspec import Meta

from shared.bigquery_utils import Warehouse
from shared.concurrency import side_by_side
from shared.dimension_statements import DimensionStatements
from shared.dimension_tables import DIMENSIONS
from shared.errors import WarehouseUnavailable
from shared.staging import Staging
from shared.tables import Row
from shared.units import Unit, Written

log = structlog.get_logger()

MERGES_AT_ONCE = 8

# A merge that meets another run's rows leaves something due; that settles in a round or two.
MAX_ROUNDS = 5


class ListingLine(Row):
    """One listing of one restaurant, read to its end."""

    unit: Annotated[str, Meta(description="The unit of work that read it; only finished units are applied.")]
    listing: Annotated[str, Meta(description="Toast's name of the listing.")]
    restaurant_guid: Annotated[str, Meta(description="Toast's GUID of the restaurant (location).")]
    read_at: Annotated[dt.datetime, Meta(description="When its reading began, on Toast's clock (UTC).")]
    is_complete: Annotated[bool, Meta(description="All of it could be read: what it leaves out is gone from Toast.")]


def _staged_listing() -> type[ListingLine]:
    """A listing's line with a repeated record for each dimension; those of other listings stay empty."""
    records: list[tuple[str, Any, Any]] = [
        (
            record,
            Annotated[list[dimension.row], Meta(description=f"Entities for {dimension.name}.")],  # type: ignore[name-defined]
            msgspec.field(default_factory=list),
        )
        for record, dimension in DIMENSIONS.items()
    ]
    made: Any = msgspec.defstruct("StagedListing", records, bases=(ListingLine,), module=__name__, omit_defaults=True)
    return cast(type[ListingLine], made)


StagedListing = _staged_listing()


class DimensionLoad(Staging):
    """The listings of one call, from Toast's replies to the last version; ``apply`` once, when all units have ended."""

    def __init__(self, warehouse: Warehouse, run_id: str) -> None:
        super().__init__(warehouse, StagedListing, run_id)

    def apply(self, units: Collection[Unit]) -> Mapping[tuple[str, str], Written]:
        """Open, end and drop versions until nothing is due; what was done, by restaurant and table.

        Raises WarehouseError; then a repeat of the call finds what is there and completes it.
        """
        tables = {name for unit in units for name in unit.extracted}
        records = [record for record, dimension in DIMENSIONS.items() if dimension.name in tables]
        if not records:
            return {}
        self.finish()
        statements = DimensionStatements(
            dataset=self._warehouse.dataset,
            staging=self.name,
            run_id=self._run_id,
            restaurants={unit.restaurant_guid for unit in units},
            units={unit.id for unit in units},
        )
        done: list[dict[str, Any]] = []
        for number in range(MAX_ROUNDS):
            due = self._warehouse.run(statements.survey(records), f"{self._run_id}-survey-{number}").rows
            if not due:
                return _written(done)
            done += due
            records_due = {row["record"] for row in due}
            side_by_side(partial(self._merge, statements, number), records_due, at_once=MERGES_AT_ONCE)
        raise WarehouseUnavailable(
            f"other runs changed the dimensions {', '.join(sorted(records_due))} each of the {MAX_ROUNDS} times that "
            "they were merged"
        )

    def _merge(self, statements: DimensionStatements, number: int, record: str) -> None:
        job = f"{self._run_id}-merge-{number}-{DIMENSIONS[record].name}"
        self._warehouse.run(statements.merge(record), job)


def _written(done: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Written]:
    """Versions opened count as rows written: of entities new to the warehouse, or changed; ends are told apart."""
    counts: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in ("opened", "changed", "closed")}
    for row in done:
        key = (row["restaurant_guid"], DIMENSIONS[row["record"]].name)
        for name, counter in counts.items():
            counter[key] += row[name]
    keys = set().union(*counts.values())
    return {key: Written(counts["opened"][key], counts["changed"][key], counts["closed"][key]) for key in keys}
