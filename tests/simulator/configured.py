"""Helpers of the tests about configuration: whole listings, page by page, and what they say as tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from simulated import Client, Json

from toast_simulator.config_api import NEXT_PAGE
from toast_simulator.world.configuration import Published
from toast_simulator.world.world import World


def pages(client: Client, kind: str, **params: object) -> Iterator[list[Json]]:
    """The pages of one kind of configuration, numbers read as Decimal."""
    while True:
        reply = client.get(f"/config/v2/{kind}", **params)
        assert reply.status_code == 200, reply.text
        yield json.loads(reply.text, parse_float=Decimal)
        if NEXT_PAGE not in reply.headers:
            return
        params["pageToken"] = reply.headers[NEXT_PAGE]


def listing(client: Client, kind: str, **params: object) -> list[Json]:
    return [entity for page in pages(client, kind, **params) for entity in page]


def exactly(client: Client, path: str, **params: object) -> Any:
    """A reply's JSON, numbers read as Decimal."""
    reply = client.get(path, **params)
    assert reply.status_code == 200, reply.text
    return json.loads(reply.text, parse_float=Decimal)


def published(world: World, location: str, now: int) -> Published:
    return world.configuration(world.places[location]).at(now)


NAME = {"name": "name"}
# Table -> path, then column -> field of the JSON; a dot leads into an object.
FIELDS: dict[str, tuple[str, dict[str, str]]] = {
    "dim_jobs": (
        "/labor/v1/jobs",
        {
            "title": "title",
            "code": "code",
            "wage_frequency": "wageFrequency",
            "default_wage": "defaultWage",
            "is_tipped": "tipped",
            "is_excluded_from_reporting": "excludeFromReporting",
        },
    ),
    "dim_employees": (
        "/labor/v1/employees",
        {
            "first_name": "firstName",
            "last_name": "lastName",
            "chosen_name": "chosenName",
            "external_employee_id": "externalEmployeeId",
            "is_deleted": "deleted",
            "email": "email",
            "phone_number": "phoneNumber",
        },
    ),
    "dim_alternate_payment_types": ("alternatePaymentTypes", NAME),
    "dim_break_types": (
        "breakTypes",
        {
            **NAME,
            "is_active": "active",
            "is_paid": "paid",
            "duration_minutes": "duration",
            "is_minimum_time_enforced": "enforceMinimumTime",
            "is_missed_break_tracked": "trackMissedBreaks",
            "break_interval_hours": "breakIntervalHrs",
            "break_interval_minutes": "breakIntervalMins",
            "is_acknowledgement_tracked": "trackBreakAcknowledgement",
        },
    ),
    "dim_cash_drawers": ("cashDrawers", {"printer_guid": "printer.guid"}),
    "dim_dining_options": (
        "diningOptions",
        {**NAME, "behavior": "behavior", "is_curbside": "curbside", "external_id": "externalId"},
    ),
    "dim_discounts": (
        "discounts",
        {
            **NAME,
            "is_active": "active",
            "discount_type": "type",
            "percentage": "percentage",
            "amount": "amount",
            "selection_type": "selectionType",
            "is_non_exclusive": "nonExclusive",
            "item_picking_priority": "itemPickingPriority",
            "fixed_total": "fixedTotal",
        },
    ),
    "dim_no_sale_reasons": ("noSaleReasons", NAME),
    "dim_payout_reasons": ("payoutReasons", NAME),
    "dim_pre_modifiers": (
        "preModifiers",
        {
            **NAME,
            "pre_modifier_group_guid": "parent.guid",
            "is_price_scaled": "scalePrice",
            "base_price": "basePrice",
            "scale_factor": "scaleFactor",
            "display_mode": "displayMode",
            "is_charged_as_extra": "chargeAsExtra",
        },
    ),
    "dim_price_groups": ("priceGroups", NAME),
    "dim_printers": ("printers", NAME),
    "dim_restaurant_services": ("restaurantServices", NAME),
    "dim_revenue_centers": ("revenueCenters", {**NAME, "description": "description"}),
    "dim_sales_categories": ("salesCategories", NAME),
    "dim_service_areas": ("serviceAreas", {**NAME, "revenue_center_guid": "revenueCenter.guid"}),
    "dim_service_charges": (
        "serviceCharges",
        {
            **NAME,
            "charge_type": "amountType",
            "amount": "amount",
            "percent": "percent",
            "is_gratuity": "gratuity",
            "is_taxable": "taxable",
            "service_charge_calculation": "serviceChargeCalculation",
            "destination": "destination",
            "is_tax_inclusive": "taxInclusive",
            "is_tax_prorated": "taxProrated",
        },
    ),
    "dim_tables": (
        "tables",
        {**NAME, "service_area_guid": "serviceArea.guid", "revenue_center_guid": "revenueCenter.guid"},
    ),
    "dim_tax_rates": (
        "taxRates",
        {**NAME, "is_default": "isDefault", "tax_rate": "rate", "tax_type": "type", "rounding_type": "roundingType"},
    ),
    "dim_void_reasons": ("voidReasons", NAME),
}
ITEM_FIELDS = {
    **NAME,
    "pos_name": "posName",
    "price": "price",
    "pricing_strategy": "pricingStrategy",
    "sales_category_guid": "salesCategory.guid",
    "sales_category_name": "salesCategory.name",
    "plu": "plu",
    "sku": "sku",
    "multi_location_id": "multiLocationId",
    "is_deferred": "isDeferred",
    "tax_inclusion": "taxInclusion",
}
MODIFIER_GROUP_FIELDS = {
    **NAME,
    "pos_name": "posName",
    "pricing_strategy": "pricingStrategy",
    "min_selections": "minSelections",
    "max_selections": "maxSelections",
    "required_mode": "requiredMode",
    "is_multi_select": "isMultiSelect",
    "multi_location_id": "multiLocationId",
}
RESTAURANT_FIELDS = {
    **NAME,
    "location_name": "locationName",
    "location_code": "locationCode",
    "timezone": "timeZone",
    "closeout_hour": "closeoutHour",
    "management_group_guid": "managementGroupGuid",
    "currency_code": "currencyCode",
    "is_archived": "archived",
}

Tables = dict[str, dict[str, Json]]
"""Table -> GUID -> columns."""


def row(entity: Json, fields: dict[str, str]) -> Json:
    return {column: _field(entity, path) for column, path in fields.items()}


def _field(entity: Json, path: str) -> object:
    found: Any = entity
    for name in path.split("."):
        found = None if found is None else found[name]
    return found


def read_tables(client: Client, location: str) -> Tables:
    """Everything that the API says about a restaurant, in the columns of dimensions."""
    client.session.headers["Toast-Restaurant-External-ID"] = location
    tables: Tables = {}
    for table, (path, fields) in FIELDS.items():
        entities = exactly(client, path) if path.startswith("/") else listing(client, path)
        tables[table] = {entity["guid"]: row(entity, fields) for entity in entities}
        assert len(tables[table]) == len(entities), f"{table}: a GUID twice"
    rule = exactly(client, "/config/v2/tipWithholding")
    tables["dim_tip_withholding"] = {
        rule.get("guid", location): {"is_enabled": rule["enabled"], "percentage": rule["percentage"]}
    }
    general = exactly(client, f"/restaurants/v1/restaurants/{location}", includeArchived="true")["general"]
    opened = str(general["firstBusinessDate"])
    date = f"{opened[:4]}-{opened[4:6]}-{opened[6:]}"
    tables["dim_restaurants"] = {location: {**row(general, RESTAURANT_FIELDS), "first_business_date": date}}
    return tables | read_menus(client)


def read_menus(client: Client) -> Tables:
    reply = exactly(client, "/menus/v2/menus")
    tables: Tables = {"dim_menus": {}, "dim_menu_groups": {}, "dim_menu_items": {}, "dim_modifier_groups": {}}
    for menu in reply["menus"]:
        tables["dim_menus"][menu["guid"]] = row(menu, NAME)
        for group in menu["menuGroups"]:
            _read_group(tables, menu, None, group)
    groups = sorted(reply["modifierGroupReferences"].values(), key=lambda group: group["guid"])
    for group in groups:
        tables["dim_modifier_groups"][group["guid"]] = row(group, MODIFIER_GROUP_FIELDS)
        for number in group["modifierOptionReferences"]:
            option = reply["modifierOptionReferences"][str(number)]
            found = row(option, ITEM_FIELDS) | dict.fromkeys(_PLACE)
            found |= {"is_modifier_option": True, "modifier_group_guid": group["guid"]}
            tables["dim_menu_items"].setdefault(option["guid"], found)
    return tables


_PLACE = ("menu_guid", "menu_name", "menu_group_guid", "menu_group_name")


def _read_group(tables: Tables, menu: Json, parent: Json | None, group: Json) -> None:
    tables["dim_menu_groups"][group["guid"]] = {
        **row(group, NAME),
        "menu_guid": menu["guid"],
        "menu_name": menu["name"],
        "parent_group_guid": parent and parent["guid"],
    }
    for item in group["menuItems"]:
        place = zip(_PLACE, (menu["guid"], menu["name"], group["guid"], group["name"]), strict=True)
        found = {**row(item, ITEM_FIELDS), **dict(place), "is_modifier_option": False, "modifier_group_guid": None}
        tables["dim_menu_items"].setdefault(item["guid"], found)
    for inner in group["menuGroups"]:
        _read_group(tables, menu, group, inner)


def truth_tables(client: Client, location: str, **params: str) -> Tables:
    """The truth of dimensions, in the same form."""
    query = "".join(f"&{name}={value}" for name, value in params.items())
    told = client.control(f"truth/dimensions?restaurant_guid={location}{query}")
    assert told["restaurant_guid"] == location
    return {
        table: {entity["guid"]: {name: value for name, value in entity.items() if name != "guid"} for entity in rows}
        for table, rows in told["tables"].items()
    }


def comparable(tables: Tables) -> Tables:
    """Tables with each number in one form, be it JSON's own or a decimal string of truth's."""
    return {
        table: {
            guid: {column: _number(value) if column in NUMBERS else value for column, value in columns.items()}
            for guid, columns in rows.items()
        }
        for table, rows in tables.items()
    }


NUMBERS = frozenset(
    {
        "default_wage",
        "percentage",
        "amount",
        "fixed_total",
        "base_price",
        "scale_factor",
        "percent",
        "tax_rate",
        "price",
    }
)


def _number(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
