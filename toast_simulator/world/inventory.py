"""What a restaurant has configured before anything changes: what its orders refer to, and much besides.

The GUIDs are those of the catalog, so what an order names is found here. ``lives`` says what becomes of it.
"""

from __future__ import annotations

from decimal import Decimal

from toast_simulator.world import entities as e
from toast_simulator.world.catalog import Catalog, Entry
from toast_simulator.world.maker import Maker, Planned
from toast_simulator.world.menu_inventory import MenuMaker
from toast_simulator.world.money_inventory import MoneyMaker
from toast_simulator.world.places import Place
from toast_simulator.world.room_inventory import RoomMaker
from toast_simulator.world.staff_inventory import StaffMaker


def inventory_of(place: Place, seed: int, catalog: Catalog) -> tuple[Planned, ...]:
    """All that a place has configured; each kind in the order in which the API lists it."""
    makers = (_Maker, StaffMaker, RoomMaker, MoneyMaker, MenuMaker)
    return tuple(planned for maker in makers for planned in maker(place, seed, catalog).all())


# Kinds that are a name and nothing else: the field of the catalog that orders draw from, and what there is besides.
_NAMED: dict[str, tuple[str, tuple[str, ...]]] = {
    "alternatePaymentTypes": (
        "other_payments",
        ("Uber Eats", "Grubhub", "House voucher", "Event deposit", "ezCater", "Café Bons 🎟️", "Barter", "Check"),
    ),
    "noSaleReasons": (
        "no_sale_reasons",
        ("Test drawer", "Wrong key", "Manager check", "Guest’s change", "Shift hand-over", "Till roll", "Safe drop"),
    ),
    "payoutReasons": (
        "payout_reasons",
        ("Groceries", "Flowers 💐", "Ice", "Refund in cash", "Laundry", "Taxi for staff", "Live music", "Stamps"),
    ),
    "voidReasons": (
        "void_reasons",
        ("Kitchen error", "Spilled", "Wrong table", "Test order", "Walked out", "Trop long", "Duplicate", "Allergy"),
    ),
    "restaurantServices": (
        "services",
        ("Brunch", "Happy hour", "Late night", "Afternoon tea", "Catering", "Staff meal", "Buy-out", "Aperitivo"),
    ),
    "priceGroups": (
        "",
        ("Happy hour", "Brunch", "Late night", "Events", "Delivery", "Staff", "Stadium day", "Off-premise"),
    ),
    "printers": (
        "",
        (
            "Kitchen", "Bar", "Expo", "Front desk", "Patio", "Pizza oven", "Pastry", "Cold line", "Office", "Receipt 2",
            "Label printer", "Cellar",
        ),
    ),
}  # fmt: skip
_PRE_MODIFIERS = ("Light", "Sub", "Double", "Add", "On side", "Well done", "Allergy")


class _Maker(Maker):
    """Makes what is little more than a name, and the restaurant itself."""

    def all(self) -> list[Planned]:
        """The entities, kind after kind."""
        restaurant = Planned("restaurants", self._restaurant(), True)
        return [restaurant, *self._named(), *self._drawers(), *self._pre_modifiers()]

    def _named(self) -> list[Planned]:
        """The kinds that are a name and nothing else, sales categories aside: those belong to the menus."""
        made = []
        for kind, (field, others) in _NAMED.items():
            entries: tuple[Entry, ...] = getattr(self.catalog, field) if field else ()
            made += [Planned(kind, e.Entity(guid=entry.guid, name=entry.name), True) for entry in entries]
            made += [Planned(kind, e.Entity(guid=self.guid(kind, name), name=name), False) for name in others]
        return made

    def _restaurant(self) -> e.Restaurant:
        """The restaurant itself."""
        place = self.place
        return e.Restaurant(
            guid=place.guid,
            name=place.name,
            location_name=place.name.rpartition(" ")[2],
            location_code=f"L{place.index + 1:02}",
        )

    def _drawers(self) -> list[Planned]:
        printers = self.guids("printers", _NAMED["printers"][1])
        made = []
        for number, entry in enumerate(self.catalog.drawers):
            drawer = e.CashDrawer(guid=entry.guid, name=entry.name, printer=printers[number])
            made.append(Planned("cashDrawers", drawer, True))
        for number in range(6):
            name = f"Drawer {number}"
            drawer = e.CashDrawer(guid=self.guid("cashDrawers", name), name=name, printer=printers[number + 2])
            made.append(Planned("cashDrawers", drawer, False))
        return made

    def _pre_modifiers(self) -> list[Planned]:
        """Pre-modifiers and their groups, some of which are empty."""
        made = []
        names = tuple(entry.name for entry in self.catalog.pre_modifiers)
        groups = (("Modifiers", names, True), ("More of it", _PRE_MODIFIERS, False))
        for group_name, members, core in groups:
            parent = self.guid("preModifierGroups", group_name)
            children = self.guids("preModifiers", members)
            group = e.PreModifierGroup(guid=parent, name=group_name, default=core, pre_modifiers=children)
            made.append(Planned("preModifierGroups", group, core))
            made += [
                Planned("preModifiers", _pre_modifier(child, name, parent, number), core)
                for number, (child, name) in enumerate(zip(children, members, strict=True))
            ]
        for number in range(4):
            name = f"Line {number}"
            own = self.guid("preModifierGroups", name)
            group = e.PreModifierGroup(guid=own, name=name, default=False, pre_modifiers=())
            made.append(Planned("preModifierGroups", group, False))
        return made


def _pre_modifier(own: str, name: str, parent: str, number: int) -> e.PreModifier:
    scaled = number % 2 == 1
    return e.PreModifier(
        guid=own, name=name, parent=parent, scaled=scaled,
        price=None if scaled else Decimal(25 * number) / 100, factor=Decimal(number) / 2 if scaled else None,
        display="SUFFIX" if number % 3 == 2 else "PREFIX", extra=name == "Extra",
    )  # fmt: skip
