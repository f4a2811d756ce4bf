"""From the listings of Toast's configuration to the rows of dimensions: pure functions, no I/O.

``LISTINGS`` has every listing that dimensions are read from, and how a reply of it becomes rows:

    listing = LISTINGS["diningOptions"].decode(body, restaurant_guid=guid)
    listing.records["dining_options"]       # rows of DIMENSIONS["dining_options"]

Values are copied as Toast gives them. A GUID that stands twice in a listing is one entity: its first row
stays, so that the same reply always gives the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

import msgspec

from shared.dimension_tables import (
    BreakTypeEntity,
    CashDrawerEntity,
    DiningOptionEntity,
    DiscountEntity,
    EmployeeEntity,
    Entity,
    JobEntity,
    NamedEntity,
    PreModifierEntity,
    RestaurantEntity,
    RevenueCenterEntity,
    ServiceAreaEntity,
    ServiceChargeEntity,
    TableEntity,
    TaxRateEntity,
    TipWithholdingEntity,
)
from shared.entity_rows import entity_rows, text, whole
from shared.flattening import date_of
from shared.menu_rows import menu_records
from shared.toast_configuration import (
    BreakType,
    CashDrawer,
    Configured,
    DiningOption,
    DiningTable,
    Discount,
    Employee,
    EmployeeWithContacts,
    Job,
    Named,
    PreModifier,
    Restaurant,
    RevenueCenter,
    ServiceArea,
    ServiceCharge,
    SingleDecoder,
    TaxRate,
    TipWithholding,
)
from shared.toast_endpoints import EMPLOYEES, JOBS, MENUS, RESTAURANT, Endpoint, config_endpoint
from shared.toast_menus import decode_menus
from shared.toast_objects import ListDecoder, Page, ToastObject, Undecodable


class Listing(msgspec.Struct, frozen=True):
    """What one reply, or all pages of a listing, said: entities by record, and what could not be read.

    What is not in ``records`` is gone from Toast only if ``undecodable`` is empty: a menu that cannot be
    read, for instance, takes all its items along.
    """

    records: dict[str, list[Entity]]
    undecodable: list[Undecodable]

    def __len__(self) -> int:
        """How many objects it holds; 0 only when Toast sent none."""
        return sum(map(len, self.records.values())) + len(self.undecodable)


class ListingKind(msgspec.Struct, frozen=True):
    """One listing of Toast's: where it is read, which records it gives, and how its replies are decoded."""

    name: str
    endpoint: Endpoint
    records: tuple[str, ...]
    read: Callable[[bytes, str, bool], Listing]

    def decode(self, body: bytes, *, restaurant_guid: str, contacts: bool = False) -> Listing:
        """One reply as rows of the restaurant's dimensions; ``contacts`` adds employees' e-mail and phone.

        An object that is not what it should be, or has a value that no column holds, costs only itself.
        Raises UnreadableBody for a body that is not whole.
        """
        return self.read(body, restaurant_guid, contacts)

    def join(self, pages: Iterable[Listing]) -> Listing:
        """All pages of a listing as one; of a GUID that stands on several the first row stays."""
        records: dict[str, dict[str, Entity]] = {record: {} for record in self.records}
        undecodable: list[Undecodable] = []
        for page in pages:
            for record, rows in page.records.items():
                for row in rows:
                    records[record].setdefault(row.guid, row)
            undecodable.extend(page.undecodable)
        return Listing({record: [*rows.values()] for record, rows in records.items()}, undecodable)


# --- restaurants and people --------------------------------------------------------------------------


def restaurant_row(restaurant: Restaurant, restaurant_guid: str) -> RestaurantEntity:
    """A restaurant, under the GUID that it was asked for by: what all other rows hold as restaurant_guid."""
    general = restaurant.general
    first = general.first_business_date
    return RestaurantEntity(
        restaurant_guid,
        "",
        general.name,
        general.location_name,
        text(general.location_code),
        general.time_zone,
        general.closeout_hour,
        general.management_group_guid,
        general.currency_code,
        date_of("firstBusinessDate", first) if first else None,
        general.archived,
    )


def employee_row(employee: Employee) -> EmployeeEntity:
    """An employee; with e-mail address and phone number only if they were decoded."""
    row = EmployeeEntity(
        employee.guid,
        "",
        employee.first_name,
        employee.last_name,
        employee.chosen_name,
        text(employee.external_employee_id),
        employee.deleted,
    )
    if isinstance(employee, EmployeeWithContacts):
        row.email, row.phone_number = employee.email, text(employee.phone_number)
    return row


def job_row(job: Job) -> JobEntity:
    """A job."""
    return JobEntity(
        job.guid,
        "",
        job.title,
        text(job.code),
        job.wage_frequency,
        job.default_wage,
        job.tipped,
        job.exclude_from_reporting,
    )


# --- configuration -----------------------------------------------------------------------------------


def named_row(entity: Named) -> NamedEntity:
    """An entity of a kind that has only a name."""
    return NamedEntity(entity.guid, "", entity.name)


def break_type_row(kind: BreakType) -> BreakTypeEntity:
    """A kind of break."""
    return BreakTypeEntity(
        kind.guid,
        "",
        kind.name,
        kind.active,
        kind.paid,
        whole("duration", kind.duration),
        kind.enforce_minimum_time,
        kind.track_missed_breaks,
        whole("breakIntervalHrs", kind.break_interval_hrs),
        whole("breakIntervalMins", kind.break_interval_mins),
        kind.track_break_acknowledgement,
    )


def cash_drawer_row(drawer: CashDrawer) -> CashDrawerEntity:
    """A cash drawer."""
    return CashDrawerEntity(drawer.guid, "", drawer.printer and drawer.printer.guid)


def dining_option_row(option: DiningOption) -> DiningOptionEntity:
    """A dining option."""
    return DiningOptionEntity(option.guid, "", option.name, option.behavior, option.curbside, option.external_id)


def discount_row(discount: Discount) -> DiscountEntity:
    """A discount."""
    return DiscountEntity(
        discount.guid,
        "",
        discount.name,
        discount.active,
        discount.type,
        discount.percentage,
        discount.amount,
        discount.selection_type,
        discount.non_exclusive,
        discount.item_picking_priority,
        discount.fixed_total,
    )


def pre_modifier_row(pre_modifier: PreModifier) -> PreModifierEntity:
    """A pre-modifier."""
    return PreModifierEntity(
        pre_modifier.guid,
        "",
        pre_modifier.name,
        pre_modifier.parent and pre_modifier.parent.guid,
        pre_modifier.scale_price,
        pre_modifier.base_price,
        pre_modifier.scale_factor,
        pre_modifier.display_mode,
        pre_modifier.charge_as_extra,
    )


def revenue_center_row(center: RevenueCenter) -> RevenueCenterEntity:
    """A revenue center."""
    return RevenueCenterEntity(center.guid, "", center.name, center.description)


def service_area_row(area: ServiceArea) -> ServiceAreaEntity:
    """A service area."""
    return ServiceAreaEntity(area.guid, "", area.name, area.revenue_center and area.revenue_center.guid)


def service_charge_row(charge: ServiceCharge) -> ServiceChargeEntity:
    """A service charge."""
    return ServiceChargeEntity(
        charge.guid,
        "",
        charge.name,
        charge.amount_type,
        charge.amount,
        charge.percent,
        charge.gratuity,
        charge.taxable,
        charge.service_charge_calculation,
        charge.destination,
        charge.tax_inclusive,
        charge.tax_prorated,
    )


def table_row(table: DiningTable) -> TableEntity:
    """A table that guests sit at."""
    return TableEntity(
        table.guid,
        "",
        table.name,
        table.service_area and table.service_area.guid,
        table.revenue_center and table.revenue_center.guid,
    )


def tax_rate_row(rate: TaxRate) -> TaxRateEntity:
    """A tax rate."""
    return TaxRateEntity(rate.guid, "", rate.name, rate.is_default, rate.rate, rate.type, rate.rounding_type)


def tip_withholding_row(rule: TipWithholding, restaurant_guid: str) -> TipWithholdingEntity:
    """The rule for withholding tips; one without a GUID goes by the restaurant's, which has only one rule."""
    return TipWithholdingEntity(rule.guid or restaurant_guid, "", rule.enabled, rule.percentage)


# --- listings ----------------------------------------------------------------------------------------

ObjectT = TypeVar("ObjectT", bound=ToastObject)
ConfiguredT = TypeVar("ConfiguredT", bound=Configured)


def _listing(record: str, page: Page[ObjectT], row_of: Callable[[ObjectT], Entity]) -> Listing:
    rejected = [*page.undecodable]
    rows = entity_rows(((found, partial(row_of, found)) for found in page.objects), rejected)
    return Listing({record: rows}, rejected)


def _list_kind(
    name: str, endpoint: Endpoint, record: str, kind: type[ConfiguredT], row_of: Callable[[ConfiguredT], Entity]
) -> ListingKind:
    """A listing whose replies are lists of one kind of object."""
    decoder = ListDecoder(kind, name)

    def read(body: bytes, restaurant_guid: str, contacts: bool) -> Listing:
        return _listing(record, decoder.decode(body), row_of)

    return ListingKind(name, endpoint, (record,), read)


def _single_kind(
    name: str, endpoint: Endpoint, record: str, kind: type[ObjectT], row_of: Callable[[ObjectT, str], Entity]
) -> ListingKind:
    """A listing whose reply is the restaurant's only object of a kind."""
    decoder = SingleDecoder(kind, name)

    def read(body: bytes, restaurant_guid: str, contacts: bool) -> Listing:
        return _listing(record, decoder.decode(body), lambda found: row_of(found, restaurant_guid))

    return ListingKind(name, endpoint, (record,), read)


def _config_kind(
    name: str, record: str, kind: type[ConfiguredT], row_of: Callable[[ConfiguredT], Entity]
) -> ListingKind:
    return _list_kind(name, config_endpoint(name), record, kind, row_of)


def _employees_kind() -> ListingKind:
    names, contacts_too = ListDecoder(Employee, "employees"), ListDecoder(EmployeeWithContacts, "employees")

    def read(body: bytes, restaurant_guid: str, contacts: bool) -> Listing:
        if contacts:
            return _listing("employees", contacts_too.decode(body), employee_row)
        return _listing("employees", names.decode(body), employee_row)

    return ListingKind("employees", EMPLOYEES, ("employees",), read)


def _menus_kind() -> ListingKind:
    def read(body: bytes, restaurant_guid: str, contacts: bool) -> Listing:
        menus = decode_menus(body)
        rejected = [*menus.undecodable]
        records = menu_records(menus, rejected)
        # What stands in several groups is rejected in each of them for the same reason.
        return Listing(records, [*dict.fromkeys(rejected)])

    return ListingKind("menus", MENUS, ("menus", "menu_groups", "menu_items", "modifier_groups"), read)


# By Toast's name of what is listed.
LISTINGS: dict[str, ListingKind] = {
    kind.name: kind
    for kind in (
        _single_kind("restaurants", RESTAURANT, "restaurants", Restaurant, restaurant_row),
        _employees_kind(),
        _list_kind("jobs", JOBS, "jobs", Job, job_row),
        _menus_kind(),
        _config_kind("alternatePaymentTypes", "alternate_payment_types", Named, named_row),
        _config_kind("breakTypes", "break_types", BreakType, break_type_row),
        _config_kind("cashDrawers", "cash_drawers", CashDrawer, cash_drawer_row),
        _config_kind("diningOptions", "dining_options", DiningOption, dining_option_row),
        _config_kind("discounts", "discounts", Discount, discount_row),
        _config_kind("noSaleReasons", "no_sale_reasons", Named, named_row),
        _config_kind("payoutReasons", "payout_reasons", Named, named_row),
        _config_kind("preModifiers", "pre_modifiers", PreModifier, pre_modifier_row),
        _config_kind("priceGroups", "price_groups", Named, named_row),
        _config_kind("printers", "printers", Named, named_row),
        _config_kind("restaurantServices", "restaurant_services", Named, named_row),
        _config_kind("revenueCenters", "revenue_centers", RevenueCenter, revenue_center_row),
        _config_kind("salesCategories", "sales_categories", Named, named_row),
        _config_kind("serviceAreas", "service_areas", ServiceArea, service_area_row),
        _config_kind("serviceCharges", "service_charges", ServiceCharge, service_charge_row),
        _config_kind("tables", "tables", DiningTable, table_row),
        _config_kind("taxRates", "tax_rates", TaxRate, tax_rate_row),
        _single_kind(
            "tipWithholding",
            config_endpoint("tipWithholding"),
            "tip_withholding",
            TipWithholding,
            tip_withholding_row,
        ),
        _config_kind("voidReasons", "void_reasons", Named, named_row),
    )
}
