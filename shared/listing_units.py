"""The units of a configuration call: each listing of each restaurant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from shared.calls import Call
from shared.dimension_rows import LISTINGS, ListingKind
from shared.dimension_statements import menus_held
from shared.plans import Plan
from shared.toast_endpoints import MENUS
from shared.units import Unit

# Which menus are held is looked up in the ledger of these last days, not in all of it: who calls more rarely than that
# fetches the menus each time.
RECENT = dt.timedelta(days=62)


class ListingUnit(Unit, kw_only=True):
    """One listing of a restaurant."""

    listing: ListingKind
    contacts: bool
    """Whether employees' e-mail addresses and phone numbers are wanted."""
    menus_held_at: dt.datetime | None = None
    """lastUpdated of the menus that the warehouse holds; None for none, and for other listings."""
    menus_updated_at: dt.datetime | None = None
    """lastUpdated of the menus that it holds once this unit is applied."""
    note: str | None = None
    """What the reply should say of it, though nothing went wrong."""


def listing_units(call: Call, plan: Plan) -> list[ListingUnit]:
    """Every listing of every restaurant that Toast tells something of."""
    if not plan.terms:
        return []
    statement = menus_held(call.warehouse.dataset, plan.terms, (plan.started_at - RECENT).date())
    found = call.warehouse.run(statement, f"{call.run_id}-menus-held").rows
    held = {row["restaurant_guid"]: row["menus_updated_at"] for row in found}
    return [
        ListingUnit(
            restaurant=restaurant,
            usage=plan.usage[restaurant.guid],
            drift=plan.drift,
            endpoint=kind.endpoint.name,
            listing=kind,
            contacts=call.tenant.employee_contacts,
            menus_held_at=held.get(restaurant.guid) if kind.endpoint == MENUS else None,
        )
        for restaurant in call.restaurants
        if restaurant.guid in plan.terms
        for kind in LISTINGS.values()
    ]


def note_menus(plan: Plan, units: Iterable[ListingUnit]) -> None:
    """See, when all units have ended and were applied, which menus the warehouse holds, and what is to be told."""
    for unit in units:
        if unit.finished and unit.menus_updated_at is not None:
            plan.menus_updated_at[unit.restaurant_guid] = unit.menus_updated_at
        if unit.note:
            plan.notes.setdefault(unit.restaurant_guid, []).append(unit.note)
