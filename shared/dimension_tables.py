"""The dimension tables, each defined once as what it says about an entity.

A dimension keeps history: one row per version of an entity, where a version begins when any of its
attributes changes. ``Entity`` is what Toast's configuration says at one moment; ``Dimension`` adds the
columns that say from when until when it looked like this.

Toast publishes no history and no tombstones, so a version begins when the loader first sees it, and an
entity that Toast no longer lists is closed then. The first version of an entity is valid from 1970, so
that facts older than the first reading find it.

A column is named like the fact column that says the same (tax_rate, charge_type), else like Toast's field
in snake_case; a flag begins with is_, a reference ends with _guid. Lists and conditions (promo codes, tax
tables, criteria of service charges, availability of menus) are left out.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cached_property
from typing import Annotated

from msgspec import Meta

from shared.tables import Column, Row, Table, columns_of

Name = Annotated[str | None, Meta(description="Name, as the staff sees it in the POS.")]
PosName = Annotated[str | None, Meta(description="Label on the POS button; empty or NULL where it is the name.")]
MultiLocationId = Annotated[
    str | None,
    Meta(description="What Toast calls the same entity at all locations of a group that share their menus."),
]
RevenueCenterGuid = Annotated[str | None, Meta(description="Its revenue center; see dim_revenue_centers.")]


class Version(Row):
    """What makes the row of a dimension a version of its entity."""

    restaurant_guid: Annotated[str, Meta(description="Toast's GUID of the restaurant (location).")]
    valid_from: Annotated[
        dt.datetime,
        Meta(
            description="From when on the entity looked like this (UTC); 1970-01-01 for its first version, so that "
            "older facts join."
        ),
    ]
    valid_to: Annotated[
        dt.datetime | None,
        Meta(description="Until when it looked like this (UTC), that moment excluded; NULL while current."),
    ]
    is_current: Annotated[bool, Meta(description="This is the version of now; false for an entity that is gone.")]


class Entity(Row):
    """Something that Toast's configuration describes; subclasses add what it says."""

    guid: Annotated[str, Meta(description="Toast's GUID of the entity: what the _guid columns of other tables hold.")]
    row_hash: Annotated[str, Meta(description="Hash of the attributes: a new hash is a new version.")]


class Dimension(Table, frozen=True, dict=True):
    """A table of the versions of one kind of entity; ``row`` is an ``Entity``."""

    key: tuple[str, ...] = ("restaurant_guid", "guid", "valid_from")
    partition_by: str | None = None
    cluster_by: tuple[str, ...] = ("restaurant_guid", "guid")
    requires_filter: bool = False

    @cached_property
    def attributes(self) -> tuple[Column, ...]:
        """What the table says about an entity: the columns that make a new version when they change."""
        identity = {column.name for column in columns_of(Entity)}
        return tuple(column for column in columns_of(self.row) if column.name not in identity)

    @cached_property
    def data_columns(self) -> tuple[Column, ...]:
        """Restaurant and entity, its attributes, and then from when until when they held."""
        restaurant_guid, *validity = columns_of(Version)
        guid, row_hash = columns_of(Entity)
        return (restaurant_guid, guid, *self.attributes, *validity, row_hash)


class NamedEntity(Entity):
    """An entity of which Toast says only the name."""

    name: Name = None


class RestaurantEntity(Entity):
    """A restaurant (location); its guid is its restaurant_guid."""

    name: Annotated[str | None, Meta(description="Name of the restaurant.")] = None
    location_name: Annotated[str | None, Meta(description="Name that tells it from the group's other locations.")] = (
        None
    )
    location_code: Annotated[str | None, Meta(description="The group's own code for the location.")] = None
    timezone: Annotated[str | None, Meta(description="IANA time zone in which it keeps its hours.")] = None
    closeout_hour: Annotated[
        int | None, Meta(description="Local hour (0 to 12) at which one business date ends and the next begins.")
    ] = None
    management_group_guid: Annotated[str | None, Meta(description="Toast's GUID of the restaurant group.")] = None
    currency_code: Annotated[str | None, Meta(description="ISO 4217 code of the currency of all its money.")] = None
    first_business_date: Annotated[dt.date | None, Meta(description="Its first business date on Toast.")] = None
    is_archived: Annotated[bool | None, Meta(description="The location has been archived in Toast.")] = None


class EmployeeEntity(Entity):
    """An employee; also one who has left."""

    first_name: Annotated[str | None, Meta(description="First name.")] = None
    last_name: Annotated[str | None, Meta(description="Last name.")] = None
    chosen_name: Annotated[str | None, Meta(description="Name that the employee goes by, if another.")] = None
    external_employee_id: Annotated[str | None, Meta(description="The employee's number in payroll or HR.")] = None
    is_deleted: Annotated[bool | None, Meta(description="The employee has been archived at this location.")] = None
    email: Annotated[
        str | None, Meta(description="E-mail address; NULL unless the tenant asks for employees' contacts.")
    ] = None
    phone_number: Annotated[
        str | None, Meta(description="Phone number; NULL unless the tenant asks for employees' contacts.")
    ] = None


class JobEntity(Entity):
    """A job that employees clock in for."""

    title: Annotated[str | None, Meta(description="Title of the job, such as Server.")] = None
    code: Annotated[str | None, Meta(description="The restaurant's own code for the job, as in payroll.")] = None
    wage_frequency: Annotated[str | None, Meta(description="HOURLY or SALARY.")] = None
    default_wage: Annotated[
        Decimal | None, Meta(description="Hourly wage for who has none of their own; NULL for salaried jobs.")
    ] = None
    is_tipped: Annotated[bool | None, Meta(description="Who works in this job receives tips.")] = None
    is_excluded_from_reporting: Annotated[bool | None, Meta(description="Toast's labor reports leave it out.")] = None


class MenuGroupEntity(Entity):
    """A group of a menu, at any depth."""

    name: Name = None
    menu_guid: Annotated[str | None, Meta(description="The menu that it is part of; see dim_menus.")] = None
    menu_name: Annotated[str | None, Meta(description="Name of that menu.")] = None
    parent_group_guid: Annotated[
        str | None, Meta(description="The group that it stands in; NULL directly under the menu.")
    ] = None


class MenuItemEntity(Entity):
    """An item of a menu, or an option of a modifier group."""

    name: Annotated[str | None, Meta(description="Name of the item, as guests see it.")] = None
    pos_name: PosName = None
    price: Annotated[
        Decimal | None, Meta(description="Price, without tax; NULL for an open price or one that depends on rules.")
    ] = None
    pricing_strategy: Annotated[
        str | None,
        Meta(
            description="How the price is found: BASE_PRICE, MENU_SPECIFIC_PRICE, TIME_SPECIFIC_PRICE, SIZE_PRICE, "
            "OPEN_PRICE, for an option also GROUP_PRICE …; only with BASE_PRICE is price all there is to know."
        ),
    ] = None
    menu_guid: Annotated[
        str | None, Meta(description="The first menu that lists it; see dim_menus. NULL for a mere option.")
    ] = None
    menu_name: Annotated[str | None, Meta(description="Name of that menu.")] = None
    menu_group_guid: Annotated[
        str | None,
        Meta(description="The first group there that lists it, a group before its subgroups; see dim_menu_groups."),
    ] = None
    menu_group_name: Annotated[str | None, Meta(description="Name of that menu group.")] = None
    sales_category_guid: Annotated[str | None, Meta(description="Sales category; see dim_sales_categories.")] = None
    sales_category_name: Annotated[str | None, Meta(description="Name of that sales category.")] = None
    is_modifier_option: Annotated[
        bool | None, Meta(description="No menu lists it: it is only chosen as an option of a modifier group.")
    ] = None
    modifier_group_guid: Annotated[
        str | None,
        Meta(description="For a mere option: what offers it, of several the smallest GUID; see dim_modifier_groups."),
    ] = None
    plu: Annotated[str | None, Meta(description="Price look-up code.")] = None
    sku: Annotated[str | None, Meta(description="Stock keeping unit.")] = None
    multi_location_id: MultiLocationId = None
    is_deferred: Annotated[bool | None, Meta(description="Its revenue is deferred, as for a gift card.")] = None
    tax_inclusion: Annotated[
        str | None, Meta(description="Whether the price holds the tax: TAX_INCLUDED, TAX_NOT_INCLUDED or SMART_TAX.")
    ] = None


class ModifierGroupEntity(Entity):
    """A group of modifiers that an item offers."""

    name: Name = None
    pos_name: PosName = None
    pricing_strategy: Annotated[
        str | None,
        Meta(description="NONE if each option has its own price, else SIZE_PRICE, SEQUENCE_PRICE …"),
    ] = None
    min_selections: Annotated[int | None, Meta(description="How many options must be chosen at least.")] = None
    max_selections: Annotated[
        int | None, Meta(description="How many options can be chosen at most; NULL for any number.")
    ] = None
    required_mode: Annotated[
        str | None,
        Meta(description="REQUIRED, OPTIONAL_FORCE_SHOW (asked, and may be passed over) or OPTIONAL."),
    ] = None
    is_multi_select: Annotated[bool | None, Meta(description="More than one option can be chosen.")] = None
    multi_location_id: MultiLocationId = None


class BreakTypeEntity(Entity):
    """A kind of break in a shift."""

    name: Name = None
    is_active: Annotated[bool | None, Meta(description="Employees can take it now.")] = None
    is_paid: Annotated[bool | None, Meta(description="The break counts as working time.")] = None
    duration_minutes: Annotated[int | None, Meta(description="How long it is meant to last, in minutes.")] = None
    is_minimum_time_enforced: Annotated[
        bool | None, Meta(description="Who takes it cannot end it before its duration is over.")
    ] = None
    is_missed_break_tracked: Annotated[
        bool | None, Meta(description="Toast notes a break that should have been taken, and was not.")
    ] = None
    break_interval_hours: Annotated[
        int | None, Meta(description="Hours of work after which it is due; the minutes come on top.")
    ] = None
    break_interval_minutes: Annotated[
        int | None, Meta(description="Minutes of work, beyond those hours, after which it is due.")
    ] = None
    is_acknowledgement_tracked: Annotated[
        bool | None, Meta(description="Employees are asked at clock-out whether they had their breaks.")
    ] = None


class CashDrawerEntity(Entity):
    """A cash drawer; Toast gives it no name of its own."""

    printer_guid: Annotated[
        str | None, Meta(description="The printer that opens it; see dim_printers, whose name tells which drawer.")
    ] = None


class DiningOptionEntity(Entity):
    """A way of being served."""

    name: Name = None
    behavior: Annotated[str | None, Meta(description="DINE_IN, TAKE_OUT or DELIVERY, whatever its name.")] = None
    is_curbside: Annotated[bool | None, Meta(description="Guests pick up at the curb.")] = None
    external_id: Annotated[str | None, Meta(description="Identifier that an integration gave it.")] = None


class DiscountEntity(Entity):
    """A discount that can be applied."""

    name: Name = None
    is_active: Annotated[bool | None, Meta(description="It can be applied now.")] = None
    discount_type: Annotated[
        str | None, Meta(description="PERCENT, FIXED, OPEN_PERCENT, OPEN_FIXED, BOGO or FIXED_TOTAL.")
    ] = None
    percentage: Annotated[Decimal | None, Meta(description="Percent taken off (0 to 100), for PERCENT.")] = None
    amount: Annotated[Decimal | None, Meta(description="Amount taken off, for FIXED.")] = None
    selection_type: Annotated[str | None, Meta(description="What it is applied to: CHECK, ITEM or BOGO.")] = None
    is_non_exclusive: Annotated[bool | None, Meta(description="It can be combined with other discounts.")] = None
    item_picking_priority: Annotated[
        str | None,
        Meta(description="Which of several items it takes: FIRST, LEAST_EXPENSIVE or MOST_EXPENSIVE."),
    ] = None
    fixed_total: Annotated[Decimal | None, Meta(description="What the items cost together, for FIXED_TOTAL.")] = None


class PreModifierEntity(Entity):
    """A pre-modifier such as "extra" or "no"."""

    name: Name = None
    pre_modifier_group_guid: Annotated[str | None, Meta(description="Toast's GUID of its pre-modifier group.")] = None
    is_price_scaled: Annotated[
        bool | None, Meta(description="It multiplies the modifier's price by scale_factor; else it adds base_price.")
    ] = None
    base_price: Annotated[Decimal | None, Meta(description="What it adds to the modifier's price.")] = None
    scale_factor: Annotated[Decimal | None, Meta(description="What it multiplies the modifier's price by.")] = None
    display_mode: Annotated[
        str | None, Meta(description="Where it stands beside the modifier's name: PREFIX or SUFFIX.")
    ] = None
    is_charged_as_extra: Annotated[bool | None, Meta(description="It charges one more portion of the modifier.")] = None


class RevenueCenterEntity(Entity):
    """A part of the business whose sales are told apart."""

    name: Name = None
    description: Annotated[str | None, Meta(description="Description.")] = None


class ServiceAreaEntity(Entity):
    """A part of the restaurant with tables."""

    name: Name = None
    revenue_center_guid: RevenueCenterGuid = None


class ServiceChargeEntity(Entity):
    """A charge that can be put on a check."""

    name: Name = None
    charge_type: Annotated[str | None, Meta(description="FIXED, PERCENT or OPEN.")] = None
    amount: Annotated[Decimal | None, Meta(description="Amount charged, for FIXED.")] = None
    percent: Annotated[Decimal | None, Meta(description="Percent of the check (0 to 100), for PERCENT.")] = None
    is_gratuity: Annotated[bool | None, Meta(description="An automatic tip.")] = None
    is_taxable: Annotated[bool | None, Meta(description="Tax is charged on it.")] = None
    service_charge_calculation: Annotated[
        str | None, Meta(description="Of which sum the percent is taken: PRE_DISCOUNT or POST_DISCOUNT.")
    ] = None
    destination: Annotated[
        str | None, Meta(description="Who receives it: RESTAURANT, SERVER, TOAST or THIRD_PARTY.")
    ] = None
    is_tax_inclusive: Annotated[
        bool | None, Meta(description="The charge holds its tax; Toast fills it, and does not use it yet.")
    ] = None
    is_tax_prorated: Annotated[
        bool | None, Meta(description="Its tax is prorated; Toast fills it, and does not use it yet.")
    ] = None


class TableEntity(Entity):
    """A table that guests sit at."""

    name: Name = None
    service_area_guid: Annotated[str | None, Meta(description="Its service area; see dim_service_areas.")] = None
    revenue_center_guid: RevenueCenterGuid = None


class TaxRateEntity(Entity):
    """A tax rate."""

    name: Name = None
    is_default: Annotated[bool | None, Meta(description="New items are taxed with it.")] = None
    tax_rate: Annotated[
        Decimal | None, Meta(description="Rate as a fraction (0.0625 is 6.25 %); for FIXED an amount of money.")
    ] = None
    tax_type: Annotated[str | None, Meta(description="PERCENT, FIXED, TABLE, NONE or EXTERNAL.")] = None
    rounding_type: Annotated[
        str | None, Meta(description="How the tax is rounded: HALF_UP, HALF_EVEN, ALWAYS_UP or ALWAYS_DOWN.")
    ] = None


class TipWithholdingEntity(Entity):
    """What the restaurant keeps of card tips; where Toast gives it no GUID, its guid is the restaurant's."""

    is_enabled: Annotated[bool | None, Meta(description="A part of card tips is withheld.")] = None
    percentage: Annotated[
        Decimal | None, Meta(description="The part withheld as a fraction, 0.03 is 3 %; nothing unless is_enabled.")
    ] = None


def _dimension(record: str, one_row: str, row: type[Entity]) -> Dimension:
    description = f"One row per version of {one_row}. The current ones: WHERE is_current."
    return Dimension(name=f"dim_{record}", description=description, row=row)


# By record: the name that a listing of the entities goes by, and the table's after dim_.
DIMENSIONS: dict[str, Dimension] = {
    record: _dimension(record, one_row, row)
    for record, one_row, row in (
        ("restaurants", "a restaurant's general settings", RestaurantEntity),
        ("employees", "an employee, past ones included", EmployeeEntity),
        ("jobs", "a job that employees clock in for", JobEntity),
        ("menus", "a menu", NamedEntity),
        ("menu_groups", "a menu group, at any depth", MenuGroupEntity),
        ("menu_items", "a menu item or a modifier option", MenuItemEntity),
        ("modifier_groups", "a modifier group", ModifierGroupEntity),
        ("alternate_payment_types", "a kind of payment other than cash, card or gift card", NamedEntity),
        ("break_types", "a kind of break in a shift", BreakTypeEntity),
        ("cash_drawers", "a cash drawer", CashDrawerEntity),
        ("dining_options", "a dining option, such as dine in or delivery", DiningOptionEntity),
        ("discounts", "a discount that can be applied", DiscountEntity),
        ("no_sale_reasons", "a reason to open a cash drawer without a sale", NamedEntity),
        ("payout_reasons", "a reason to pay out cash", NamedEntity),
        ("pre_modifiers", "a pre-modifier, such as 'extra' or 'no'", PreModifierEntity),
        ("price_groups", "a price group", NamedEntity),
        ("printers", "a printer", NamedEntity),
        ("restaurant_services", "a service, such as lunch or dinner", NamedEntity),
        ("revenue_centers", "a revenue center", RevenueCenterEntity),
        ("sales_categories", "a sales category", NamedEntity),
        ("service_areas", "a service area", ServiceAreaEntity),
        ("service_charges", "a service charge that can be put on a check", ServiceChargeEntity),
        ("tables", "a table that guests sit at", TableEntity),
        ("tax_rates", "a tax rate", TaxRateEntity),
        ("tip_withholding", "the restaurant's rule for withholding a part of card tips", TipWithholdingEntity),
        ("void_reasons", "a reason to void a sale", NamedEntity),
    )
}

DIMENSION_TABLES: tuple[Dimension, ...] = tuple(DIMENSIONS.values())
