"""Payloads as Toast would send them, from the simulator's world without a server: objects by endpoint, guests planted.

The simulator's own guests are invented, but look like any text. So wherever Toast puts something of a guest, ``GUEST``
is written over it, and more such fields are added to every object: what holds ``GUEST`` later has leaked.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from shared.config import DEFAULT_RESTAURANTS_FILE, load_tenants
from toast_simulator.restaurants_api import restaurant_info
from toast_simulator.world.cash_wire import encode_deposits, encode_entries
from toast_simulator.world.config_wire import encode_config, encode_employees, encode_jobs, encode_tip_withholding
from toast_simulator.world.labor_wire import encode_time_entries
from toast_simulator.world.menus_wire import encode_menus
from toast_simulator.world.places import Place, places_of
from toast_simulator.world.wire import encode_order
from toast_simulator.world.world import World

GUEST = "guest-555-0100"
DAY = dt.date(2026, 2, 20)  # a Friday
NOW = round(dt.datetime(2026, 3, 12, 12, tzinfo=dt.UTC).timestamp() * 1000)

# By where they are planted: in the objects that a reply lists, and in all that these hold.
ROOT_FIELDS = {
    "deliveryInfo": {"address1": GUEST, "notes": GUEST},
    "curbsidePickupInfo": {"transportDescription": GUEST, "notes": GUEST},
    "email": GUEST,
    "phoneNumber": GUEST,
    "notes": [{"by": GUEST, "said": [GUEST]}],
}
PART_FIELDS = {
    "customer": {"firstName": GUEST, "lastName": GUEST, "email": GUEST, "phone": GUEST},
    "appliedLoyaltyInfo": {"loyaltyIdentifier": GUEST},
    "tabName": GUEST,
    "last4Digits": GUEST,
}
SMALL_FIELDS = {"comment": GUEST}
_FEW = 6  # an object of so many fields is a reference, or little more

Payloads = dict[str, list[bytes]]


def real_payloads(seed: int, places: int = 2) -> Payloads:
    """The objects that each endpoint lists for one day of some restaurants; of single objects, the whole replies."""
    (tenant,) = load_tenants(DEFAULT_RESTAURANTS_FILE).values()
    world = World(places_of(tenant.restaurants[:places], seed), seed, 60)
    payloads: Payloads = {}
    for place in world.places.values():
        for endpoint, objects in _of_place(world, place).items():
            payloads.setdefault(endpoint, []).extend(msgspec.json.encode(with_guests(one)) for one in objects)
    return payloads


def with_guests(value: Any, root: bool = True) -> Any:
    """The same JSON with a guest in every object."""
    if isinstance(value, dict):
        planted: dict[str, Any] = ROOT_FIELDS if root else PART_FIELDS if len(value) > _FEW else SMALL_FIELDS
        if all(map(str.isdigit, value)):  # not an object, but objects by number
            planted = {}
        return {name: with_guests(item, False) for name, item in value.items()} | planted
    if isinstance(value, list):
        return [with_guests(item, False) for item in value]
    return value


def _of_place(world: World, place: Place) -> dict[str, list[Any]]:
    day = DAY.toordinal()
    published = world.configuration(place).at(NOW)
    updated = published.menus_updated
    assert updated is not None
    found = world.on_business_date(place, day, NOW).orders
    orders = [world.order(place, home, number, NOW) for _, home, number in found]
    (state,) = published.all("restaurants")
    (rule,) = published.listed("tipWithholding")
    listed = {
        kind: [msgspec.json.decode(encode_config(kind, one.entity)) for one in published.listed(kind)]
        for kind in CONFIG_LISTINGS
    }
    return {
        "orders": [msgspec.json.decode(encode_order(order)) for order in orders if order is not None],
        "timeEntries": _decoded(encode_time_entries(world.labor.on_business_date(place, day, NOW), missed_breaks=True)),
        "entries": _decoded(encode_entries(world.cash.entries(place, day, NOW))),
        "deposits": _decoded(encode_deposits(world.cash.deposits(place, day, NOW))),
        "employees": _decoded(encode_employees(published.all("employees"))),
        "jobs": _decoded(encode_jobs(published.listed("jobs"))),
        "restaurants": [msgspec.json.decode(msgspec.json.encode(restaurant_info(place, state)))],
        "tipWithholding": _decoded(b"[" + encode_tip_withholding(rule.entity, place) + b"]"),
        "menus": [_small(msgspec.json.decode(encode_menus(place, published, updated)))],
        **listed,
    }


CONFIG_LISTINGS = (
    "breakTypes",
    "cashDrawers",
    "diningOptions",
    "discounts",
    "payoutReasons",
    "preModifiers",
    "revenueCenters",
    "serviceAreas",
    "serviceCharges",
    "tables",
    "taxRates",
)
"""Listings of config/v2 with columns of their own, and one that has only names."""


def _decoded(body: bytes) -> list[Any]:
    return list(msgspec.json.decode(body))


def _small(menus: Any) -> Any:
    """The first menu with a few groups and items, and what they offer to choose: all shapes, in a small reply."""
    menu = menus["menus"][0]
    menu["menuGroups"] = menu["menuGroups"][:3]
    for group in menu["menuGroups"]:
        group["menuItems"] = group["menuItems"][:3]
    groups = _first(menus["modifierGroupReferences"], 4)
    options = [str(number) for group in groups.values() for number in group["modifierOptionReferences"][:3]]
    return menus | {
        "menus": [menu],
        "modifierGroupReferences": groups,
        "modifierOptionReferences": {number: menus["modifierOptionReferences"][number] for number in options},
        "preModifierGroupReferences": _first(menus["preModifierGroupReferences"], 1),
    }


def _first(values: dict[str, Any], count: int) -> dict[str, Any]:
    return dict(list(values.items())[:count])
