"""/_simulator/edits: changes that a test makes to the world, now. They are truth, and last as long as the process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec
from starlette.exceptions import HTTPException

from toast_simulator.clock import iso
from toast_simulator.state import Simulator
from toast_simulator.world.lives import Event
from toast_simulator.world.places import Place


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """What every edit names: where it happens."""

    restaurant_guid: str


class OrderEdit(Edit, forbid_unknown_fields=True):
    """A change to one order; ``business_date`` only with move_business_date."""

    order_guid: str
    change: Literal["tip", "refund", "void", "drop_selection", "drop_check", "drop_all_checks", "move_business_date"]
    business_date: dt.date | None = None


_CHANGES = {"refund": "refund_part", "void": "void_order", "move_business_date": "move"}


class TimeEntryEdit(Edit, forbid_unknown_fields=True):
    """A change to one time entry; ``business_date`` only with move_business_date."""

    time_entry_guid: str
    change: Literal["clock_out", "tips", "delete", "drop_break", "move_business_date"]
    business_date: dt.date | None = None


class CashEdit(Edit, forbid_unknown_fields=True):
    """A cash entry or a deposit that is made now, for a business date that has begun."""

    business_date: dt.date
    change: Literal["add_cash_entry", "add_deposit"]


class EntityEdit(Edit, forbid_unknown_fields=True):
    """A change to something configured, published now; ``name`` only with rename."""

    entity: str
    guid: str
    change: Literal["rename", "archive", "restore"]
    name: str | None = None


class MenusEdit(Edit, forbid_unknown_fields=True):
    """The menus are published anew, or no longer."""

    change: Literal["publish_menus", "unpublish_menus"]


class Form(NamedTuple):
    """One form of edit: the key that tells it from the others, its fields, and what makes it."""

    mark: str
    kind: type[Edit]
    make: Callable[[Any, Place, int], dict[str, Any]]


class Edits:
    """Makes the edits that tests ask for."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._world = simulator.world
        # The first form whose mark is in the body is the one that is meant.
        self._forms = (
            Form("order_guid", OrderEdit, self._order),
            Form("time_entry_guid", TimeEntryEdit, self._time_entry),
            Form("business_date", CashEdit, self._cash),
            Form("entity", EntityEdit, self._entity),
            Form("change", MenusEdit, self._menus),
        )

    def make(self, body: bytes) -> dict[str, Any]:
        """Make the edit of a JSON body; return what the reply says of it. Raises HTTPException 400 or 404."""
        try:
            named = msgspec.json.decode(body, type=dict[str, object])
            form = next((form for form in self._forms if form.mark in named), None)
            if form is None:
                raise ValueError(f"name what to edit: {', '.join(form.mark for form in self._forms)}")
            asked = msgspec.convert(named, form.kind)
        except (msgspec.DecodeError, ValueError) as problem:
            raise HTTPException(400, str(problem)) from problem
        place = self._world.places.get(asked.restaurant_guid.lower())
        if place is None:
            raise HTTPException(404, f"restaurant_guid: {asked.restaurant_guid!r} is not simulated")
        return form.make(asked, place, self._simulator.clock.now())

    def _order(self, asked: OrderEdit, place: Place, now: int) -> dict[str, Any]:
        found = self._world.find(place, asked.order_guid)
        if found is None or self._world.order(place, *found, now) is None:
            raise HTTPException(404, f"no order {asked.order_guid} at this restaurant now")
        target = _target(asked.change, asked.business_date)
        moment = self._world.edit(place, *found, (now, _CHANGES.get(asked.change, asked.change), target))
        return {"order_guid": asked.order_guid, "modified_date": iso(moment)}

    def _time_entry(self, asked: TimeEntryEdit, place: Place, now: int) -> dict[str, Any]:
        labor = self._world.labor
        home = labor.find(place, asked.time_entry_guid)
        if home is None or labor.time_entry(place, home, now) is None:
            raise HTTPException(404, f"no time entry {asked.time_entry_guid} at this restaurant now")
        target = _target(asked.change, asked.business_date)
        moment = labor.edit(place, home, (now, _CHANGES.get(asked.change, asked.change), target))
        return {"time_entry_guid": asked.time_entry_guid, "modified_date": iso(moment)}

    def _cash(self, asked: CashEdit, place: Place, now: int) -> dict[str, Any]:
        book, ordinal = self._world.cash, asked.business_date.toordinal()
        if ordinal > place.business_ordinal(now):
            raise HTTPException(400, f"business_date: {asked.business_date} has not begun")
        if asked.change == "add_deposit":
            return {"deposit_guid": book.add_deposit(place, ordinal, now).guid}
        return {"cash_entry_guid": book.add_entry(place, ordinal, now).guid}

    def _entity(self, asked: EntityEdit, place: Place, now: int) -> dict[str, Any]:
        if (asked.change == "rename") != bool(asked.name):
            raise HTTPException(400, "name goes with rename, and only with it")
        if asked.entity in _FIXED.get(asked.change, ()):
            raise HTTPException(400, f"{asked.entity}: there is nothing to {asked.change}")
        try:
            event = Event(now, asked.change, name=asked.name)
            self._world.configuration(place).edit(asked.entity, asked.guid, event)
        except KeyError:
            raise HTTPException(404, f"no {asked.entity} with GUID {asked.guid} at this restaurant") from None
        return {"entity": asked.entity, "guid": asked.guid, "modified_date": iso(now)}

    def _menus(self, asked: MenusEdit, place: Place, now: int) -> dict[str, Any]:
        self._world.configuration(place).publish_menus(now, published=asked.change == "publish_menus")
        return {"modified_date": iso(now)}


# What cannot be changed in that way: cash drawers have no name, and a restaurant has one rule for tips.
_FIXED = {
    "rename": ("cashDrawers", "tipWithholding"),
    "archive": ("tipWithholding",),
    "restore": ("tipWithholding",),
}


def _target(change: str, date: dt.date | None) -> int | None:
    """The business date that something moves to, as an ordinal; None for other changes."""
    if (change == "move_business_date") != (date is not None):
        raise HTTPException(400, "business_date goes with move_business_date, and only with it")
    return date.toordinal() if date else None
