"""What a restaurant configures in Toast, as the world's own objects: one class per shape of entity.

Money, rates and percentages are exact decimals; other entities are referred to by their GUIDs. None is
"not set".
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

ENTITY_TYPES: dict[str, str] = {
    "alternatePaymentTypes": "AlternatePaymentType",
    "breakTypes": "BreakType",
    "cashDrawers": "CashDrawer",
    "diningOptions": "DiningOption",
    "discounts": "Discount",
    "employees": "RestaurantUser",
    "jobs": "RestaurantJob",
    "menuGroups": "MenuGroup",
    "menuItems": "MenuItem",
    "menuOptionGroups": "MenuOptionGroup",
    "menus": "Menu",
    "noSaleReasons": "NoSaleReason",
    "payoutReasons": "PayoutReason",
    "preModifierGroups": "PreModifierGroup",
    "preModifiers": "PreModifier",
    "priceGroups": "PriceGroup",
    "printers": "Printer",
    "restaurantServices": "RestaurantService",
    "restaurants": "Restaurant",
    "revenueCenters": "RevenueCenter",
    "salesCategories": "SalesCategory",
    "serviceAreas": "ServiceArea",
    "serviceCharges": "ServiceCharge",
    "tables": "Table",
    "taxRates": "TaxRate",
    "tipWithholding": "TipWithholding",
    "voidReasons": "VoidReason",
}
"""Kinds of entity by the names that the API's paths give them, and Toast's entityType of each."""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """Something configured; of many kinds its name is all there is. Cash drawers have none: theirs is unseen."""

    guid: str
    name: str


class Restaurant(Entity, frozen=True, kw_only=True):
    """What a restaurant can change about itself."""

    location_name: str
    location_code: str


class Employee(Entity, frozen=True, kw_only=True):
    """Somebody who works or worked here; ``name`` is the last name. Wages are dollars an hour, by job."""

    first_name: str
    chosen_name: str | None
    email: str | None
    phone: str | None
    external_id: str | None
    v2_guid: str
    jobs: tuple[str, ...]
    wages: dict[str, Decimal]


class Job(Entity, frozen=True, kw_only=True):
    """A job; ``name`` is the title. ``wage`` in dollars an hour, None for a salaried one."""

    code: str | None
    wage: Decimal | None
    tipped: bool
    excluded: bool = False


class BreakType(Entity, frozen=True, kw_only=True):
    """A kind of break, ``minutes`` long, due after so many hours and minutes of work."""

    active: bool
    paid: bool
    minutes: int
    enforced: bool
    tracked: bool
    interval_hours: int | None
    interval_minutes: int | None
    acknowledged: bool


class CashDrawer(Entity, frozen=True, kw_only=True):
    """A cash drawer and the printer that opens it."""

    printer: str | None


class DiningOption(Entity, frozen=True, kw_only=True):
    """A way of being served."""

    behavior: str | None
    curbside: bool
    external_id: str | None = None


class PromoCode(msgspec.Struct, frozen=True):
    """A code that earns a discount."""

    code: str
    name: str
    usage: str


class Discount(Entity, frozen=True, kw_only=True):
    """A discount; ``percentage`` of 100."""

    kind: str
    selection: str
    active: bool = True
    percentage: Decimal | None = None
    amount: Decimal | None = None
    fixed_total: Decimal | None = None
    non_exclusive: bool = False
    picking: str | None = None
    codes: tuple[PromoCode, ...] = ()


class RevenueCenter(Entity, frozen=True, kw_only=True):
    """A part of the business whose sales are told apart."""

    description: str | None


class ServiceArea(Entity, frozen=True, kw_only=True):
    """A part of the restaurant with tables."""

    revenue_center: str | None


class Table(Entity, frozen=True, kw_only=True):
    """A table that guests sit at."""

    service_area: str | None
    revenue_center: str | None


class ServiceCharge(Entity, frozen=True, kw_only=True):
    """A service charge; ``percent`` of 100, ``taxes`` the tax rates on it."""

    kind: str
    destination: str | None
    amount: Decimal | None = None
    percent: Decimal | None = None
    gratuity: bool = False
    taxable: bool = False
    taxes: tuple[str, ...] = ()
    calculation: str | None = "POST_DISCOUNT"
    delivery: bool = False
    tax_inclusive: bool | None = False
    tax_prorated: bool | None = False


class TaxRate(Entity, frozen=True, kw_only=True):
    """A tax rate, as a fraction; for FIXED in dollars, None for a TABLE."""

    kind: str
    rate: Decimal | None
    default: bool
    rounding: str = "HALF_UP"


class TipWithholding(Entity, frozen=True, kw_only=True):
    """What is withheld of card tips, as a fraction."""

    enabled: bool
    percentage: Decimal | None


class PreModifierGroup(Entity, frozen=True, kw_only=True):
    """A group of pre-modifiers."""

    default: bool
    pre_modifiers: tuple[str, ...]


class PreModifier(Entity, frozen=True, kw_only=True):
    """A pre-modifier, which multiplies a modifier's price or adds to it."""

    parent: str | None
    scaled: bool
    price: Decimal | None
    factor: Decimal | None
    display: str
    extra: bool = False


class Menu(Entity, frozen=True, kw_only=True):
    """A menu and the groups directly under it."""

    groups: tuple[str, ...]
    description: str | None = None


class MenuGroup(Entity, frozen=True, kw_only=True):
    """A group of a menu: its items, and the groups in it. ``factor`` is what it multiplies its items' prices by."""

    items: tuple[str, ...]
    groups: tuple[str, ...] = ()
    factor: Decimal | None = None


class MenuItem(Entity, frozen=True, kw_only=True):
    """An item of a menu or an option of a modifier group: Toast has one kind for both.

    ``price`` is None for an open price, a price that goes by size, or an option that costs nothing.
    """

    price: Decimal | None
    location_id: str
    pos_name: str | None = None
    description: str | None = None
    strategy: str = "BASE_PRICE"
    category: str | None = None
    taxes: tuple[str, ...] = ()
    tax_inclusion: str | None = "TAX_NOT_INCLUDED"
    plu: str | None = None
    sku: str | None = None
    option_groups: tuple[str, ...] = ()
    deferred: bool = False
    tags: tuple[str, ...] = ()
    calories: int | None = None
    kind: str = "NONE"
    visibility: tuple[str, ...] = ("POS", "TOAST_ONLINE_ORDERING", "KIOSK")
    unit: str = "NONE"


class OptionGroup(Entity, frozen=True, kw_only=True):
    """A group of modifiers: its options, of which ``least`` to ``most`` (None: any number) are chosen."""

    options: tuple[str, ...]
    location_id: str
    least: int
    most: int | None
    pos_name: str | None = None
    strategy: str | None = "NONE"
    required: str = "OPTIONAL"
    pre_modifiers: str | None = None

    @property
    def many(self) -> bool:
        """Whether more than one option can be chosen."""
        return self.most != 1
