"""The menus of a restaurant as they begin: menus, groups in groups, items, modifier groups and their options.

On the menus stand the catalog's items and options, which orders sell, and others that nobody orders. Some
items stand in two groups, some are options elsewhere, and one modifier group leads back to itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from toast_simulator.world import entities as e
from toast_simulator.world.catalog import Catalog, Entry, Item, Option
from toast_simulator.world.maker import Maker, Planned
from toast_simulator.world.places import Place
from toast_simulator.world.streams import fraction, seed_of

# Menu -> groups directly under it; core menus are never archived.
_MENUS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("All day", ("Small plates", "Mains", "Desserts"), True),
    ("Drinks 🍷", ("Coffee", "Bar", "Soft drinks"), True),
    ("Other", ("Other", "Empty shelf"), True),
    ("Brunch", ("Brunch plates", "Brunch drinks"), False),
    ("Happy hour", ("Happy bites", "Happy pours"), False),
    ("Catering", ("Platters", "Boxes"), False),
    ("Seasonal", ("Summer", "Winter"), False),
    ("Kids", ("Kids’ plates",), False),
)
_NESTED = {"Mains": ("By weight", "Sides"), "Platters": ("Cold platters",), "Cold platters": ("Cheese boards",)}

# Group -> items that are not in the catalog (name, cents; None where the price is open or goes by size).
_MORE_ITEMS: dict[str, tuple[tuple[str, int | None], ...]] = {
    "Small plates": (("Olives", 450), ("Bread & butter", 400), ("Soup of the day", None)),
    "Mains": (("Catch of the day", None), ("Lasagne", 1850), ("Ramen 🍜", 1675)),
    "Sides": (("Roast potatoes", 600), ("Greens", 550)),
    "Desserts": (("Sorbet", 600), ("Cheesecake", 850), ("Tarte Tatin", 925)),
    "Coffee": (("Cortado", 425), ("Matcha", 550)),
    "Bar": (("Natural wine", 1350), ("Cidre brut", 900), ("Draft", None)),
    "Soft drinks": (("Kombucha", 650), ("Ginger beer", 525)),
    "Brunch plates": (("Shakshuka", 1450), ("Pancakes 🥞", 1250), ("Avocado toast", 1350), ("Granola", 950)),
    "Brunch drinks": (("Mimosa", 1100), ("Bloody Mary", 1300)),
    "Happy bites": (("Wings", 800), ("Sliders", 900)),
    "Happy pours": (("House spritz", 800),),
    "Platters": (("Sandwich platter", 8900), ("Fruit platter", 6500)),
    "Cheese boards": (("Small board", 4500), ("Large board", 7800)),
    "Boxes": (("Lunch box", 1495), ("Breakfast box", 1295)),
    "Summer": (("Gazpacho", 950), ("Melon & ham", 1150)),
    "Winter": (("Tartiflette", 1750), ("Mulled wine", 900)),
    "Kids’ plates": (("Mini burger", 895), ("Pasta, butter", 695), ("Fish fingers", 845)),
}

# Groups in which everything costs less: an item that stands elsewhere, too, has another price there.
_CHEAPER = {"Happy bites": Decimal("0.75"), "Happy pours": Decimal("0.8")}

# Items that stand in a second group as well; and options that are on the menu as items too.
_ALSO_IN: dict[str, tuple[str, ...]] = {
    "Brunch drinks": ("Espresso", "Flat white"),
    "Happy pours": ("House red", "IPA 16 oz"),
    "Happy bites": ("Jalapeño poppers", "Shishito 🌶️"),
    "Sides": ("Fries", "Side salad"),
    "Kids’ plates": ("Churros",),
}
_MORE_OPTIONS: dict[str, tuple[tuple[str, int | None], ...]] = {
    "Doneness, eggs": (("Sunny side up", None), ("Poached", None), ("Scrambled", None)),
    "Bread": (("Sourdough", 0), ("Bagel", 150), ("Rye", 0)),
    "Size": (("Small", None), ("Large", None)),
    "Dips": (("Hummus", 200), ("Salsa", 150), ("Guacamole 🥑", 275)),
}
_OPTIONS_OF = {
    "Shakshuka": ("Doneness, eggs", "Bread"),
    "Avocado toast": ("Doneness, eggs", "Bread"),
    "Draft": ("Size",),
    "Wings": ("Dips",),
    "Soup of the day": ("Bread",),
}
_BY_TIME = frozenset({"Mimosa", "Pancakes 🥞", "Ramen 🍜"})
_LOOP = "Amount"
"""The modifier group whose option "Extra" offers the group itself again."""


class MenuMaker(Maker):
    """Makes the entities of one place's menus, sales categories included."""

    def __init__(self, place: Place, seed: int, catalog: Catalog) -> None:
        super().__init__(place, seed, catalog)
        self._items = (*catalog.items, catalog.gift_card, catalog.membership, catalog.note)
        self._options = dict(_with_groups(catalog.items))
        self._categories = {item.category.guid: item.category for item in self._items}

    def all(self) -> list[Planned]:
        """The entities, kind after kind."""
        return [*self._menus(), *self._groups(), *self._all_items(), *self._option_groups(), *self._sales_categories()]

    def _menus(self) -> Iterator[Planned]:
        for number, (name, groups, core) in enumerate(_MENUS):
            text = None if number % 3 == 0 else f"{name} at {self.place.name}"
            guids = self.guids("menuGroups", groups)
            menu = e.Menu(guid=self.guid("menus", name), name=name, groups=guids, description=text)
            yield Planned("menus", menu, core)

    def _groups(self) -> Iterator[Planned]:
        for _, names, core in _MENUS:
            for name in names:
                yield from self._group(name, core=core)

    def _group(self, name: str, *, core: bool) -> Iterator[Planned]:
        inner = _NESTED.get(name, ())
        sold = [item.guid for item in self._items if item.group.name == name]
        more = self.guids("menuItems", tuple(item for item, _ in _MORE_ITEMS.get(name, ())))
        also = self.guids("menuItems", _ALSO_IN.get(name, ()))
        group = e.MenuGroup(
            guid=self.guid("menuGroups", name),
            name=name,
            items=(*sold, *more, *also),
            groups=self.guids("menuGroups", inner),
            factor=_CHEAPER.get(name),
        )
        yield Planned("menuGroups", group, core)
        for below in inner:
            yield from self._group(below, core=core)

    def _all_items(self) -> Iterator[Planned]:
        for item in self._items:
            yield Planned("menuItems", self._sold(item), True)
        for option in self._options.values():
            yield Planned("menuItems", self._option(option), True)
        categories = tuple(self._categories)
        for group_name, items in _MORE_ITEMS.items():
            for name, cents in items:
                category = categories[seed_of("category", group_name) % len(categories)]
                yield Planned("menuItems", self._unsold(name, cents, category), False)
        for options in _MORE_OPTIONS.values():
            for name, cents in options:
                yield Planned("menuItems", self._unsold(name, cents, None), False)

    def _sold(self, item: Item) -> e.MenuItem:
        groups = dict.fromkeys(option.group.guid for option in item.options)
        return self._item(
            item.guid,
            item.name,
            Decimal(item.price) / 100,
            category=item.category.guid,
            taxes=self.tax_guids() if item.taxed else (),
            option_groups=tuple(groups),
            deferred=item.deferred,
            kind=item.kind if item.kind != "TOAST_CARD_SELL" else "NONE",
            unit="LB" if item.weighed else "NONE",
        )

    def _option(self, option: Option) -> e.MenuItem:
        below = list(dict.fromkeys(inner.group.guid for inner in option.inner))
        if option.group.name == _LOOP and option.name == "Extra":
            below.append(option.group.guid)
        price = Decimal(option.price) / 100 if option.price or self._luck("free", option.guid) < 0.5 else None
        return self._item(option.guid, option.name, price, option_groups=tuple(below))

    def _unsold(self, name: str, cents: int | None, category: str | None) -> e.MenuItem:
        strategy = "BASE_PRICE"
        if cents is None and category is not None:
            strategy = "SIZE_PRICE" if name in _OPTIONS_OF else "OPEN_PRICE"
        elif name in _BY_TIME:
            strategy = "TIME_SPECIFIC_PRICE"
        return self._item(
            self.guid("menuItems", name),
            name,
            None if cents is None else Decimal(cents) / 100,
            category=category,
            strategy=strategy,
            taxes=self.tax_guids() if category else (),
            option_groups=self.guids("menuOptionGroups", _OPTIONS_OF.get(name, ())),
        )

    def _item(self, own: str, name: str, price: Decimal | None, **fields: Any) -> e.MenuItem:
        number = seed_of("item", self.seed, own)
        return e.MenuItem(
            guid=own,
            name=name,
            price=price,
            location_id=self._location_id(name),
            pos_name=(None, "", name[:14], name.upper()[:20])[number % 4],
            description=None if number % 3 else f"{name}, as we like it",
            tax_inclusion=("TAX_NOT_INCLUDED", "TAX_NOT_INCLUDED", "TAX_INCLUDED", "SMART_TAX")[number // 4 % 4],
            plu=f"{number % 9000 + 1000}" if number % 5 else ("" if number % 2 else None),
            sku=f"SKU-{number % 100_000:05}" if number % 4 == 0 else None,
            tags=("Vegetarian",) if number % 6 == 0 else ("Vegan", "Gluten free") if number % 11 == 0 else (),
            calories=number % 900 + 50 if number % 3 == 1 else None,
            **fields,
        )

    def _location_id(self, name: str) -> str:
        """The same at every place of the group: that is what it is for."""
        return str(100_000_000_000_000 + seed_of(self.seed, "multi-location", self.place.group_guid, name) % 10**14)

    def _luck(self, *key: str) -> float:
        return fraction(self.seed, *key)

    def _option_groups(self) -> Iterator[Planned]:
        members: dict[str, tuple[Entry, list[str]]] = {}
        for option in self._options.values():
            members.setdefault(option.group.guid, (option.group, []))[1].append(option.guid)
        for known, options in members.values():
            yield Planned("menuOptionGroups", self._option_group(known.guid, known.name, tuple(options)), True)
        for name, more in _MORE_OPTIONS.items():
            guids = self.guids("menuItems", (one for one, _ in more))
            group = self._option_group(self.guid("menuOptionGroups", name), name, guids)
            yield Planned("menuOptionGroups", group, False)

    def _option_group(self, own: str, name: str, options: tuple[str, ...]) -> e.OptionGroup:
        number = seed_of("options", self.seed, own)
        required = ("OPTIONAL", "REQUIRED", "OPTIONAL_FORCE_SHOW")[number % 3]
        most = (1, None, len(options))[number // 3 % 3]
        return e.OptionGroup(
            guid=own,
            name=name,
            options=options,
            location_id=self._location_id(f"group {name}"),
            least=1 if required == "REQUIRED" else 0,
            most=most,
            pos_name=(None, "", name.lower())[number // 9 % 3],
            strategy="SIZE_PRICE" if name == "Size" else ("NONE", None)[number // 27 % 2],
            required=required,
            pre_modifiers=self.guid("preModifierGroups", "Modifiers") if number % 2 else None,
        )

    def _sales_categories(self) -> Iterator[Planned]:
        for category in self._categories.values():
            yield Planned("salesCategories", e.Entity(guid=category.guid, name=category.name), True)
        for name in ("Retail", "NA beverage", "Wine", "Bière", "Catering", "Gift cards", "Merch 👕"):
            yield Planned("salesCategories", e.Entity(guid=self.guid("salesCategories", name), name=name), False)


def _with_groups(items: tuple[Item, ...]) -> Iterator[tuple[str, Option]]:
    """Every option below the items by its GUID, as often as it is offered."""
    pending: list[Option] = [option for item in items for option in item.options]
    while pending:
        option = pending.pop(0)
        yield option.guid, option
        pending.extend(option.inner)
