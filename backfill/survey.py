"""What is left to do: asked of the warehouse, and planned."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import msgspec

from backfill.work import Wanted, days_per_call, missing_units
from history.ledger import FailedUnit, Ledger, Pace, location_of
from history.spans import cut, without
from history.units import CONFIGURATION, FUNCTION_OF, SOURCE_OF, Complete, Location, Source, Unit
from shared.bigquery_utils import Warehouse
from shared.config import Restaurant, Tenant
from shared.run_tables import ETL_BACKFILL_UNITS

# Configuration that was read so lately need not be read again before the facts.
CONFIGURATION_AGE = dt.timedelta(days=1)


class Survey(msgspec.Struct, kw_only=True):
    """What is known before the work begins."""

    tenant: Tenant
    locations: list[Location]
    now: dt.datetime
    """On Toast's clock (UTC)."""
    complete: Complete = {}
    paces: Mapping[tuple[str, str], Pace] = {}
    notes: list[str] = []

    @property
    def names(self) -> dict[str, str]:
        """The restaurants' names by GUID."""
        return {location.restaurant.guid: location.restaurant.name for location in self.locations} | {"ALL": "all"}


def survey(
    tenant: Tenant,
    restaurants: Sequence[Restaurant],
    wanted: Wanted,
    warehouse: Warehouse | None,
    now: dt.datetime,
) -> Survey:
    """Ask the warehouse what is there; without one, plan as if nothing were. Raises WarehouseError."""
    if warehouse is None or not warehouse.holds(ETL_BACKFILL_UNITS):
        locations = [location_of(restaurant, {}) for restaurant in restaurants]
        note = "No tables are known here: planned as if nothing were loaded."
        return Survey(tenant=tenant, locations=locations, now=now, notes=[note, *_notes(locations, wanted, now)])
    ledger = Ledger(warehouse)
    locations = ledger.locations(restaurants)
    spans = wanted.spans or ()
    start, end = min((s.start for s in spans), default=None), max((s.end for s in spans), default=None)
    return Survey(
        tenant=tenant,
        locations=locations,
        now=now,
        complete=ledger.complete(wanted.sources, start, end),
        paces=ledger.paces({restaurant.guid for restaurant in restaurants}, now),
        notes=_notes(locations, wanted, now),
    )


def _notes(locations: Sequence[Location], wanted: Wanted, now: dt.datetime) -> list[str]:
    notes: list[str] = []
    last = min(location.last_final(now) for location in locations)
    if wanted.spans and max(span.end for span in wanted.spans) > last:
        notes.append(
            f"Business dates after {last} may not be over yet, or not closed: they are left to the daily runs."
        )
    if not all(location.hours_known for location in locations):
        notes.append("The hours of some restaurants are not known before their configuration is loaded.")
    return notes


def units_left(found: Survey, wanted: Wanted, chunk_days: Mapping[str, int]) -> list[Unit]:
    """The units that are missing. Raises NoFirstDate."""
    return missing_units(found.tenant, found.locations, wanted, found.complete, found.now, chunk_days)


def failed_left(
    failed: Sequence[FailedUnit], found: Survey, sources: Collection[Source], chunk_days: Mapping[str, int]
) -> list[FailedUnit]:
    """What failed and is still missing, in calls of the usual size."""
    guids = {location.restaurant.guid for location in found.locations}
    left: list[FailedUnit] = []
    for one in failed:
        unit = one.unit
        source = SOURCE_OF.get(unit.function)
        if source is None or source not in sources or unit.restaurant_guid not in guids or unit.span is None:
            continue
        spans = without([unit.span], found.complete.get((source, unit.restaurant_guid), ()))
        size = days_per_call(found.tenant, source, chunk_days)
        left += [
            msgspec.structs.replace(one, unit=Unit(FUNCTION_OF[source], unit.restaurant_guid, piece))
            for piece in cut(spans, size)
        ]
    return left


def configuration_units(
    tenant: Tenant, restaurants: Sequence[Restaurant], configured_at: Mapping[str, dt.datetime], now: dt.datetime
) -> list[Unit]:
    """The calls that bring the configuration up to date: one for all, or one each where only some are meant."""
    stale = [
        restaurant.guid
        for restaurant in restaurants
        if (at := configured_at.get(restaurant.guid)) is None or at < now - CONFIGURATION_AGE
    ]
    if len(stale) == len(tenant.restaurants):
        return [Unit(CONFIGURATION, "ALL", None)]
    return [Unit(CONFIGURATION, guid, None) for guid in stale]
