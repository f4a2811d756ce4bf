"""Ground truth of the configuration: what the dimensions of a warehouse must say, entity by entity.

Written from the world's own objects, never from the JSON of the API, and without the loader's code.
Decimals are exact strings, dates are ISO 8601, whole numbers and flags are JSON's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from toast_simulator.clock import iso
from toast_simulator.world import entities as e
from toast_simulator.world.configuration import Published, State
from toast_simulator.world.menu_tree import MenuTree, menu_tree
from toast_simulator.world.places import Place

Columns = dict[str, Any]

# Kind of entity -> its dimension, for the kinds that have one row per entity in use.
_TABLES: dict[str, str] = {
    "jobs": "dim_jobs",
    "alternatePaymentTypes": "dim_alternate_payment_types",
    "breakTypes": "dim_break_types",
    "cashDrawers": "dim_cash_drawers",
    "diningOptions": "dim_dining_options",
    "discounts": "dim_discounts",
    "noSaleReasons": "dim_no_sale_reasons",
    "payoutReasons": "dim_payout_reasons",
    "preModifiers": "dim_pre_modifiers",
    "priceGroups": "dim_price_groups",
    "printers": "dim_printers",
    "restaurantServices": "dim_restaurant_services",
    "revenueCenters": "dim_revenue_centers",
    "salesCategories": "dim_sales_categories",
    "serviceAreas": "dim_service_areas",
    "serviceCharges": "dim_service_charges",
    "tables": "dim_tables",
    "taxRates": "dim_tax_rates",
    "tipWithholding": "dim_tip_withholding",
    "voidReasons": "dim_void_reasons",
}


def dimensions(place: Place, published: Published, now: int, *, contacts: bool) -> dict[str, Any]:
    """What a complete reading of a place's configuration finds at ``now`` (Unix ms), by table.

    Employees' e-mail addresses and phone numbers are there only with ``contacts``.
    """
    tables: dict[str, list[Columns]] = {
        "dim_restaurants": [_restaurant(place, state) for state in published.all("restaurants")],
        "dim_employees": [_employee(state, contacts=contacts) for state in published.all("employees")],
    }
    for kind, table in _TABLES.items():
        tables[table] = [_row(state.entity) for state in published.listed(kind)]
    tables |= _menu_tables(published)
    return {"restaurant_guid": place.guid, "at": iso(now), "tables": tables}


def _row(entity: e.Entity) -> Columns:
    columns: Columns = {"guid": entity.guid, **_COLUMNS[type(entity)](entity)}
    return columns


def _restaurant(place: Place, state: State) -> Columns:
    own = state.entity
    if not isinstance(own, e.Restaurant):
        raise TypeError(own)
    return {
        "guid": place.guid,
        "name": own.name,
        "location_name": own.location_name,
        "location_code": own.location_code,
        "timezone": place.timezone,
        "closeout_hour": place.closeout_hour,
        "management_group_guid": place.group_guid,
        "currency_code": place.currency,
        "first_business_date": place.first_business_date.isoformat(),
        "is_archived": state.archived is not None,
    }


def _employee(state: State, *, contacts: bool) -> Columns:
    own = state.entity
    if not isinstance(own, e.Employee):
        raise TypeError(own)
    return {
        "guid": own.guid,
        "first_name": own.first_name,
        "last_name": own.name,
        "chosen_name": own.chosen_name,
        "external_employee_id": own.external_id,
        "is_deleted": state.archived is not None,
        "email": own.email if contacts else None,
        "phone_number": own.phone if contacts else None,
    }


def _exact(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _job(own: e.Job) -> Columns:
    return {
        "title": own.name,
        "code": own.code,
        "wage_frequency": "HOURLY" if own.wage is not None else "SALARY",
        "default_wage": _exact(own.wage),
        "is_tipped": own.tipped,
        "is_excluded_from_reporting": own.excluded,
    }


def _break_type(own: e.BreakType) -> Columns:
    return {
        "name": own.name,
        "is_active": own.active,
        "is_paid": own.paid,
        "duration_minutes": own.minutes,
        "is_minimum_time_enforced": own.enforced,
        "is_missed_break_tracked": own.tracked,
        "break_interval_hours": own.interval_hours,
        "break_interval_minutes": own.interval_minutes,
        "is_acknowledgement_tracked": own.acknowledged,
    }


def _dining_option(own: e.DiningOption) -> Columns:
    return {
        "name": own.name,
        "behavior": own.behavior,
        "is_curbside": own.curbside,
        "external_id": own.external_id,
    }


def _discount(own: e.Discount) -> Columns:
    return {
        "name": own.name,
        "is_active": own.active,
        "discount_type": own.kind,
        "percentage": _exact(own.percentage),
        "amount": _exact(own.amount),
        "selection_type": own.selection,
        "is_non_exclusive": own.non_exclusive,
        "item_picking_priority": own.picking,
        "fixed_total": _exact(own.fixed_total),
    }


def _pre_modifier(own: e.PreModifier) -> Columns:
    return {
        "name": own.name,
        "pre_modifier_group_guid": own.parent,
        "is_price_scaled": own.scaled,
        "base_price": _exact(own.price),
        "scale_factor": _exact(own.factor),
        "display_mode": own.display,
        "is_charged_as_extra": own.extra,
    }


def _table(own: e.Table) -> Columns:
    return {"name": own.name, "service_area_guid": own.service_area, "revenue_center_guid": own.revenue_center}


def _service_charge(own: e.ServiceCharge) -> Columns:
    return {
        "name": own.name,
        "charge_type": own.kind,
        "amount": _exact(own.amount),
        "percent": _exact(own.percent),
        "is_gratuity": own.gratuity,
        "is_taxable": own.taxable,
        "service_charge_calculation": own.calculation,
        "destination": own.destination,
        "is_tax_inclusive": own.tax_inclusive,
        "is_tax_prorated": own.tax_prorated,
    }


def _tax_rate(own: e.TaxRate) -> Columns:
    return {
        "name": own.name,
        "is_default": own.default,
        "tax_rate": _exact(own.rate),
        "tax_type": own.kind,
        "rounding_type": own.rounding,
    }


_COLUMNS: dict[type[e.Entity], Callable[[Any], Columns]] = {
    e.Entity: lambda own: {"name": own.name},
    e.Job: _job,
    e.BreakType: _break_type,
    e.CashDrawer: lambda own: {"printer_guid": own.printer},
    e.DiningOption: _dining_option,
    e.Discount: _discount,
    e.PreModifier: _pre_modifier,
    e.RevenueCenter: lambda own: {"name": own.name, "description": own.description},
    e.ServiceArea: lambda own: {"name": own.name, "revenue_center_guid": own.revenue_center},
    e.Table: _table,
    e.ServiceCharge: _service_charge,
    e.TaxRate: _tax_rate,
    e.TipWithholding: lambda own: {"is_enabled": own.enabled, "percentage": _exact(own.percentage)},
}


# --- menus --------------------------------------------------------------------------------------------


def _menu_tables(published: Published) -> dict[str, list[Columns]]:
    """The four tables of what the menus hold; all empty while none is published."""
    rows: dict[str, list[Columns]] = {}
    tree = MenuTree((), {}, {}) if published.menus_updated is None else menu_tree(published)
    rows["dim_menus"] = [{"guid": top.menu.guid, "name": top.menu.name} for top in tree.menus]
    rows["dim_menu_groups"] = [
        {
            "guid": node.group.guid,
            "name": node.group.name,
            "menu_guid": menu.guid,
            "menu_name": menu.name,
            "parent_group_guid": parent.guid if parent else None,
        }
        for menu, parent, node in tree.groups()
    ]
    rows["dim_menu_items"] = list(_menu_items(published, tree))
    rows["dim_modifier_groups"] = [_modifier_group(group) for group in tree.option_groups.values()]
    return rows


def _menu_items(published: Published, tree: MenuTree) -> Iterator[Columns]:
    """Items as they stand first in menu order, then the options that are not items: once each."""
    seen: set[str] = set()
    for menu, group, item in tree.items():
        if item.guid not in seen:
            seen.add(item.guid)
            place = {
                "menu_guid": menu.guid,
                "menu_name": menu.name,
                "menu_group_guid": group.guid,
                "menu_group_name": group.name,
            }
            yield {**_menu_item(published, item), **place, "is_modifier_option": False, "modifier_group_guid": None}
    nowhere = dict.fromkeys(("menu_guid", "menu_name", "menu_group_guid", "menu_group_name"))
    for option in tree.options.values():
        if option.guid not in seen:
            # Of several modifier groups that offer it the one with the smallest GUID, as dim_menu_items has it.
            offers = min(guid for guid, group in tree.option_groups.items() if option.guid in group.options)
            yield {
                **_menu_item(published, option),
                **nowhere,
                "is_modifier_option": True,
                "modifier_group_guid": offers,
            }


def _menu_item(published: Published, item: e.MenuItem) -> Columns:
    category = published.find("salesCategories", item.category)
    return {
        "guid": item.guid,
        "name": item.name,
        "pos_name": item.pos_name,
        "price": _exact(item.price),
        "pricing_strategy": item.strategy,
        "sales_category_guid": category.entity.guid if category else None,
        "sales_category_name": category.entity.name if category else None,
        "plu": item.plu,
        "sku": item.sku,
        "multi_location_id": item.location_id,
        "is_deferred": item.deferred,
        "tax_inclusion": item.tax_inclusion,
    }


def _modifier_group(group: e.OptionGroup) -> Columns:
    return {
        "guid": group.guid,
        "name": group.name,
        "pos_name": group.pos_name,
        "pricing_strategy": group.strategy,
        "min_selections": group.least,
        "max_selections": group.most,
        "required_mode": group.required,
        "is_multi_select": group.many,
        "multi_location_id": group.location_id,
    }
