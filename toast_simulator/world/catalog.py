"""What a restaurant sells and charges: menu, modifiers, taxes, discounts, service charges, staff, tables.

Each entry carries its reference as Toast writes it, encoded once. Money is in cents, rates in millionths.
"""

from __future__ import annotations

from typing import Any

import msgspec

from toast_simulator.world.places import Place
from toast_simulator.world.streams import guid, seed_of


class Entry(msgspec.Struct, frozen=True):
    """Something configured: its GUID, its name, and its reference in JSON."""

    guid: str
    name: str
    reference: msgspec.Raw


class TaxRate(Entry, frozen=True):
    """A tax rate; ``millionths`` of the price, or with type FIXED ``cents`` per selection."""

    kind: str
    millionths: int
    cents: int = 0


class Option(Entry, frozen=True):
    """A modifier; ``group`` is its option group, ``inner`` what can be chosen below it."""

    price: int
    group: Entry
    inner: tuple[Option, ...] = ()


class Item(Entry, frozen=True):
    """A menu item. ``weighed`` ones are priced per pound, in whole dollars so that products are exact."""

    price: int
    group: Entry
    category: Entry
    kind: str = "NONE"
    options: tuple[Option, ...] = ()
    weighed: bool = False
    taxed: bool = True
    deferred: bool = False


class Discount(Entry, frozen=True):
    """A discount: ``millionths`` of the price, or ``cents``."""

    kind: str
    millionths: int = 0
    cents: int = 0


class ServiceCharge(Entry, frozen=True):
    """A service charge: ``millionths`` of the subtotal, or ``cents``."""

    kind: str
    category: str
    millionths: int = 0
    cents: int = 0
    gratuity: bool = False
    taxable: bool = False
    delivery: bool = False


class Catalog(msgspec.Struct, frozen=True):
    """All that one restaurant has configured."""

    items: tuple[Item, ...]
    gift_card: Item
    membership: Item
    note: Item
    taxes: tuple[TaxRate, ...]
    bag_fee: TaxRate
    check_discounts: tuple[Discount, ...]
    item_discounts: tuple[Discount, ...]
    bogo: Discount
    gratuity: ServiceCharge
    charges: tuple[ServiceCharge, ...]
    dining_options: dict[str, Entry]
    services: tuple[Entry, ...]
    revenue_centers: tuple[Entry, ...]
    service_areas: tuple[Entry, ...]
    tables: tuple[Entry, ...]
    servers: tuple[Entry, ...]
    drawers: tuple[Entry, ...]
    other_payments: tuple[Entry, ...]
    void_reasons: tuple[Entry, ...]
    pre_modifiers: tuple[Entry, ...]
    discount_reasons: tuple[Entry, ...]
    jobs: tuple[Entry, ...]
    break_types: tuple[Entry, ...]
    payout_reasons: tuple[Entry, ...]
    no_sale_reasons: tuple[Entry, ...]


# Menu group, sales category, name, cents, option group. Names hold what names hold in real life.
_MENU: tuple[tuple[str, str, str, int, str], ...] = (
    ("Small plates", "Food", "Jalapeño poppers", 950, ""),
    ("Small plates", "Food", "Focaccia & olives", 700, "sides"),
    ("Small plates", "Food", "Soupe à l’oignon", 1100, ""),
    ("Small plates", "Food", "Shishito 🌶️", 900, ""),
    ("Mains", "Food", "House burger", 1650, "burger"),
    ("Mains", "Food", "Mushroom risotto", 1900, ""),
    ("Mains", "Food", "Steak frites", 3200, "steak"),
    ("Mains", "Food", "Poke bowl 🥗", 1725, "bowl"),
    ("Mains", "Food", "Fish tacos", 1575, "sides"),
    ("Mains", "Food", '12" pizza "Margherita"', 1495, "pizza"),
    ("By weight", "Food", "Smoked brisket, lb", 2400, ""),
    ("By weight", "Food", "Market fish, lb", 3100, ""),
    ("Desserts", "Food", "Crème brûlée", 895, ""),
    ("Desserts", "Food", "Churros", 750, ""),
    ("Desserts", "Food", "麻糬 mochi", 625, ""),
    ("Coffee", "Beverage", "Espresso", 350, "coffee"),
    ("Coffee", "Beverage", "Flat white", 475, "coffee"),
    ("Coffee", "Beverage", "Cold brew", 525, "coffee"),
    ("Bar", "Alcohol", "House red", 1200, ""),
    ("Bar", "Alcohol", "IPA 16 oz", 850, ""),
    ("Bar", "Alcohol", "Old Fashioned", 1500, ""),
    ("Bar", "Alcohol", "Żubrówka sour", 1400, ""),
    ("Soft drinks", "Beverage", "Lemonade", 450, ""),
    ("Soft drinks", "Beverage", "Sparkling water", 395, ""),
)

# Option group -> (name, cents, the groups below it); chains of four are the deepest, as burgers show.
_OPTIONS: dict[str, tuple[tuple[str, int, str], ...]] = {
    "burger": (("Make it a meal", 450, "meal"), ("Add bacon", 250, ""), ("No onion", 0, ""), ("Cheese", 150, "cheese")),
    "meal": (("Fries", 0, "sauce"), ("Sweet potato fries", 150, "sauce"), ("Side salad", 100, "dressing")),
    "sauce": (("Aïoli", 75, "amount"), ("Ketchup", 0, "amount"), ("Sriracha mayo", 75, "")),
    "amount": (("Extra", 50, ""), ("On the side", 0, "")),
    "dressing": (("Ranch", 0, "amount"), ("Vinaigrette", 0, "amount")),
    "cheese": (("Cheddar", 0, ""), ("Gruyère", 100, "amount")),
    "steak": (("Rare", 0, ""), ("Medium", 0, ""), ("Béarnaise", 300, "amount")),
    "bowl": (("Extra salmon", 600, ""), ("Avocado 🥑", 275, ""), ("Brown rice", 0, "amount")),
    "pizza": (("Half & half", 100, "toppings"), ("Gluten free", 300, "")),
    "toppings": (("Pepperoni", 200, "amount"), ("Basil", 0, "")),
    "sides": (("Beans", 350, ""), ("Slaw", 325, "dressing")),
    "coffee": (("Oat milk", 80, "amount"), ("Decaf", 0, ""), ("Vanilla", 60, "")),
}

# Toast's ToastReference; the others are ExternalReference and ConfigReference, which have an externalId.
PLAIN_REFERENCES = frozenset({"TaxRate", "VoidReason", "DiscountReason", "CashDrawer", "RestaurantUser"})

_DINING_OPTIONS = ("Dine In", "Take Out", "Delivery", "Curbside")


def catalog_of(place: Place, seed: int) -> Catalog:
    """The catalog of one place: the group's common menu, with GUIDs, prices and taxes of the place."""
    maker = _Maker(place, seed)
    food, alcohol = maker.entry("SalesCategory", "Food"), maker.entry("SalesCategory", "Alcohol")
    categories = {"Food": food, "Alcohol": alcohol, "Beverage": maker.entry("SalesCategory", "Beverage")}
    return Catalog(
        items=maker.items(categories),
        gift_card=maker.special("Gift card", 2500, food, "TOAST_CARD_SELL"),
        membership=maker.special("Supper club, prepaid", 4000, food, "NONE"),
        note=maker.special("Allergy: see server ⚠️", 0, food, "SPECIAL_REQUEST"),
        taxes=maker.taxes(),
        bag_fee=maker.make(TaxRate, "TaxRate", "Bag fee", kind="FIXED", millionths=0, cents=10),
        check_discounts=maker.check_discounts(),
        item_discounts=maker.item_discounts(),
        bogo=maker.make(Discount, "Discount", "Buy one, get one", kind="BOGO", millionths=1_000_000),
        gratuity=maker.make(
            ServiceCharge, "ServiceCharge", "Gratuity, large party", kind="PERCENT", category="SERVICE_CHARGE",
            millionths=180_000, gratuity=True,
        ),
        charges=maker.charges(),
        dining_options={name: maker.entry("DiningOption", name) for name in _DINING_OPTIONS},
        services=maker.entries("RestaurantService", ("Breakfast", "Lunch", "Dinner")),
        revenue_centers=maker.entries("RevenueCenter", ("Dining room", "Bar", "Patio")),
        service_areas=maker.entries("ServiceArea", ("Main floor", "Terrasse")),
        tables=maker.entries("Table", tuple(f"T{n}" for n in range(1, 25))),
        servers=maker.entries("RestaurantUser", tuple(f"server {n}" for n in range(12))),
        drawers=maker.entries("CashDrawer", ("Bar drawer", "Front drawer")),
        other_payments=maker.entries("AlternatePaymentType", ("DoorDash", "Staff meal")),
        void_reasons=maker.entries("VoidReason", ("Server error", "86ed", "Customer changed mind")),
        pre_modifiers=maker.entries("PreModifier", ("No", "Extra", "Side")),
        discount_reasons=maker.entries("DiscountReason", ("Long wait", "Birthday 🎂")),
        jobs=maker.entries("RestaurantJob", ("Server", "Bartender", "Line cook", "Host", "Manager", "Dishwasher")),
        break_types=maker.entries("BreakType", ("Rest break", "Meal break")),
        payout_reasons=maker.entries("PayoutReason", ("Supplies", "Delivery driver", "Repairs")),
        no_sale_reasons=maker.entries("NoSaleReason", ("Make change", "Count drawer")),
    )  # fmt: skip


def identity_of(place: Place, seed: int, entity_type: str, name: str) -> str:
    """The GUID of something configured: of two with one name at one place, only the entity type differs."""
    return guid(seed, place.guid, entity_type, name)


class _Maker:
    """Makes entries whose GUIDs are a function of seed, place, entity type and name."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._seed = seed

    def make(self, kind: type[Any], entity_type: str, name: str, /, **fields: Any) -> Any:
        identity = identity_of(self._place, self._seed, entity_type, name)
        reference: dict[str, str | None] = {"guid": identity, "entityType": entity_type}
        if entity_type not in PLAIN_REFERENCES:
            reference["externalId"] = None
        return kind(guid=identity, name=name, reference=msgspec.Raw(msgspec.json.encode(reference)), **fields)

    def entry(self, entity_type: str, name: str) -> Entry:
        made: Entry = self.make(Entry, entity_type, name)
        return made

    def entries(self, entity_type: str, names: tuple[str, ...]) -> tuple[Entry, ...]:
        return tuple(self.entry(entity_type, name) for name in names)

    def items(self, categories: dict[str, Entry]) -> tuple[Item, ...]:
        premium = seed_of(self._seed, "premium", self._place.guid) % 5 * 25
        return tuple(
            self.make(
                Item,
                "MenuItem",
                name,
                price=cents if group_name == "By weight" else cents + premium,
                group=self.entry("MenuGroup", group_name),
                category=categories[category],
                options=self.options(options),
                weighed=group_name == "By weight",
            )
            for group_name, category, name, cents, options in _MENU
        )

    def special(self, name: str, cents: int, category: Entry, kind: str) -> Item:
        made: Item = self.make(
            Item,
            "MenuItem",
            name,
            price=cents,
            group=self.entry("MenuGroup", "Other"),
            category=category,
            kind=kind,
            taxed=False,
            deferred=cents > 0,
        )
        return made

    def options(self, group_name: str) -> tuple[Option, ...]:
        if not group_name:
            return ()
        group = self.entry("MenuOptionGroup", group_name.capitalize())
        return tuple(
            self.make(Option, "MenuItem", name, price=cents, group=group, inner=self.options(below))
            for name, cents, below in _OPTIONS[group_name]
        )

    def taxes(self) -> tuple[TaxRate, ...]:
        if self._place.canadian:
            rows = [("TPS / GST", 50_000), ("TVQ / QST", 99_750)]
        else:
            state = 40_000 + seed_of(self._seed, "state tax", self._place.guid) % 9 * 2_500
            rows = [("State Tax", state), ("City Tax", 43_750)][: 2 if self._place.index % 3 == 0 else 1]
        return tuple(
            self.make(TaxRate, "TaxRate", name, kind="PERCENT", millionths=millionths) for name, millionths in rows
        )

    def check_discounts(self) -> tuple[Discount, ...]:
        return (
            self.make(Discount, "Discount", "10% neighbors", kind="PERCENT", millionths=100_000),
            self.make(Discount, "Discount", "$5 off", kind="FIXED", cents=500),
            self.make(Discount, "Discount", "Manager’s choice %", kind="OPEN_PERCENT", millionths=150_000),
            self.make(Discount, "Discount", "Fidélité 🎁", kind="LOYALTY_TIER", cents=300),  # kind unknown to the docs
        )

    def item_discounts(self) -> tuple[Discount, ...]:
        return (
            self.make(Discount, "Discount", "Happy hour", kind="PERCENT", millionths=250_000),
            self.make(Discount, "Discount", "$2 off", kind="FIXED", cents=200),
            self.make(Discount, "Discount", "Comped", kind="OPEN_PERCENT", millionths=1_000_000),
        )

    def charges(self) -> tuple[ServiceCharge, ...]:
        rows: tuple[tuple[str, dict[str, Any]], ...] = (
            ("Delivery fee", {"kind": "FIXED", "category": "SERVICE_CHARGE", "cents": 399, "delivery": True}),
            ("Service fee", {"kind": "PERCENT", "category": "SERVICE_CHARGE", "millionths": 30_000, "taxable": True}),
            ("Card surcharge", {"kind": "PERCENT", "category": "CREDIT_CARD_SURCHARGE", "millionths": 29_000}),
            ("Round up for charity", {"kind": "OPEN", "category": "FUNDRAISING_CAMPAIGN", "cents": 100}),
            ("Climate fee", {"kind": "FIXED", "category": "ENVIRONMENTAL_FEE", "cents": 50}),  # category unknown
        )
        return tuple(self.make(ServiceCharge, "ServiceCharge", name, **fields) for name, fields in rows)
