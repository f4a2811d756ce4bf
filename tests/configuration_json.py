"""Small valid objects of Toast's configuration, menus and people, as the dicts that their JSON stands for.

As in toast_json: keywords are Toast's own field names, an override replaces the default, ``...`` leaves the
field out. ``EXAMPLES`` has a full object of each listing of one kind; ``menus`` makes a whole reply.
"""

from __future__ import annotations

from typing import Any

from toast_json import Json, guid, ref


def restaurant(**general: Any) -> Json:
    """The reply for a restaurant in Chicago; keywords are fields of its general settings."""
    settings = {
        "name": "Café Ñandú",
        "locationName": "Loop",
        "locationCode": "CHI",
        "description": None,
        "timeZone": "America/Chicago",
        "closeoutHour": 3,
        "managementGroupGuid": "group",
        "currencyCode": "USD",
        "firstBusinessDate": 20210704,
        "archived": False,
    }
    return {
        "guid": guid(),
        "general": {name: value for name, value in {**settings, **general}.items() if value is not ...},
        "urls": {"website": None},
        "location": {"address1": "1 Example Street", "phone": "555-0100"},
        "schedules": {"daySchedules": {}, "weekSchedule": {}},
    }


def entity(entity_type: str, **fields: Any) -> Json:
    """An entity with a GUID of its own."""
    default = {"guid": guid(), "entityType": entity_type, "externalId": None}
    return {name: value for name, value in {**default, **fields}.items() if value is not ...}


# One full object for each listing that holds a list of one kind of object, with the values of its row.
EXAMPLES: dict[str, tuple[Json, dict[str, Any]]] = {
    "employees": (
        {
            "firstName": "Zoë",
            "lastName": "O'Hara",
            "chosenName": "Zo",
            "externalEmployeeId": "0042",
            "email": "zoe@example.com",
            "phoneNumber": "555-0142",
            "deleted": False,
            "deletedDate": "1970-01-01T00:00:00.000+0000",
            "jobReferences": [ref("RestaurantJob")],
            "wageOverrides": [{"wage": 21.5, "jobReference": ref("RestaurantJob")}],
        },
        {
            "first_name": "Zoë",
            "last_name": "O'Hara",
            "chosen_name": "Zo",
            "external_employee_id": "0042",
            "is_deleted": False,
        },
    ),
    "jobs": (
        {
            "title": "Server",
            "code": "S1",
            "wageFrequency": "HOURLY",
            "defaultWage": 12.75,
            "tipped": True,
            "excludeFromReporting": False,
            "deleted": False,
        },
        {
            "title": "Server",
            "code": "S1",
            "wage_frequency": "HOURLY",
            "default_wage": "12.75",
            "is_tipped": True,
            "is_excluded_from_reporting": False,
        },
    ),
    "breakTypes": (
        {
            "name": "Meal",
            "active": True,
            "paid": False,
            "duration": 30,
            "enforceMinimumTime": True,
            "trackMissedBreaks": True,
            "breakIntervalHrs": 5,
            "breakIntervalMins": 15,
            "trackBreakAcknowledgement": False,
        },
        {
            "name": "Meal",
            "is_active": True,
            "is_paid": False,
            "duration_minutes": 30,
            "is_minimum_time_enforced": True,
            "is_missed_break_tracked": True,
            "break_interval_hours": 5,
            "break_interval_minutes": 15,
            "is_acknowledgement_tracked": False,
        },
    ),
    "cashDrawers": ({"printer": {"guid": "printer", "entityType": "Printer"}}, {"printer_guid": "printer"}),
    "diningOptions": (
        {"name": "Pick up", "behavior": "TAKE_OUT", "curbside": True, "externalId": "acme:7"},
        {"name": "Pick up", "behavior": "TAKE_OUT", "is_curbside": True, "external_id": "acme:7"},
    ),
    "discounts": (
        {
            "name": "Ten off",
            "active": True,
            "type": "PERCENT",
            "percentage": 10.5,
            "amount": 1.25,
            "selectionType": "CHECK",
            "nonExclusive": True,
            "itemPickingPriority": "FIRST",
            "fixedTotal": 9.99,
            "promoCodes": [{"code": "TEN", "name": "Ten", "usageType": "MULTI_USE"}],
        },
        {
            "name": "Ten off",
            "is_active": True,
            "discount_type": "PERCENT",
            "percentage": "10.5",
            "amount": "1.25",
            "selection_type": "CHECK",
            "is_non_exclusive": True,
            "item_picking_priority": "FIRST",
            "fixed_total": "9.99",
        },
    ),
    "preModifiers": (
        {
            "name": "Extra",
            "scalePrice": True,
            "basePrice": 0.5,
            "scaleFactor": 1.5,
            "displayMode": "PREFIX",
            "parent": {"guid": "group", "entityType": "PreModifierGroup"},
            "chargeAsExtra": False,
        },
        {
            "name": "Extra",
            "pre_modifier_group_guid": "group",
            "is_price_scaled": True,
            "base_price": "0.5",
            "scale_factor": "1.5",
            "display_mode": "PREFIX",
            "is_charged_as_extra": False,
        },
    ),
    "revenueCenters": (
        {"name": "Bar", "description": "Downstairs"},
        {"name": "Bar", "description": "Downstairs"},
    ),
    "serviceAreas": (
        {"name": "Patio", "revenueCenter": {"guid": "center", "externalId": None}},
        {"name": "Patio", "revenue_center_guid": "center"},
    ),
    "serviceCharges": (
        {
            "name": "Large party",
            "amountType": "PERCENT",
            "amount": 4,
            "percent": 18.5,
            "criteria": {"dineIn": True, "minCheckAmount": 100},
            "gratuity": True,
            "taxable": False,
            "applicableTaxes": [ref("TaxRate")],
            "serviceChargeCalculation": "PRE_DISCOUNT",
            "destination": "SERVER",
            "taxInclusive": False,
            "taxProrated": True,
        },
        {
            "name": "Large party",
            "charge_type": "PERCENT",
            "amount": "4",
            "percent": "18.5",
            "is_gratuity": True,
            "is_taxable": False,
            "service_charge_calculation": "PRE_DISCOUNT",
            "destination": "SERVER",
            "is_tax_inclusive": False,
            "is_tax_prorated": True,
        },
    ),
    "tables": (
        {"name": "12", "serviceArea": {"guid": "area"}, "revenueCenter": {"guid": "center"}},
        {"name": "12", "service_area_guid": "area", "revenue_center_guid": "center"},
    ),
    "taxRates": (
        {
            "name": "State",
            "isDefault": True,
            "rate": 0.0625,
            "type": "PERCENT",
            "roundingType": "HALF_UP",
            "taxTable": [{"start": 0, "end": 1, "tax": 0.1, "pattern": False}],
            "conditionalTaxRates": [{"condition": "DINING_OPTION", "rate": 0.05}],
        },
        {
            "name": "State",
            "is_default": True,
            "tax_rate": "0.0625",
            "tax_type": "PERCENT",
            "rounding_type": "HALF_UP",
        },
    ),
} | {
    kind: ({"name": "Ünïque 好"}, {"name": "Ünïque 好"})
    for kind in (
        "alternatePaymentTypes",
        "noSaleReasons",
        "payoutReasons",
        "priceGroups",
        "printers",
        "restaurantServices",
        "salesCategories",
        "voidReasons",
    )
}


def example(kind: str, **overrides: Any) -> Json:
    """A full object of a listing."""
    return entity(kind, **EXAMPLES[kind][0] | overrides)


# --- menus -------------------------------------------------------------------------------------------


def menus(*listed: Any, groups: Json | None = None, options: Json | None = None, **overrides: Any) -> Json:
    """The reply with these menus; ``groups`` and ``options`` are modifier groups and options by number."""
    reply = {
        "restaurantGuid": guid(),
        "lastUpdated": "2026-02-21T09:00:00.000+0000",
        "restaurantTimeZone": "America/Chicago",
        "menus": [*listed],
        "modifierGroupReferences": groups or {},
        "modifierOptionReferences": options or {},
        "preModifierGroupReferences": {},
    }
    return {name: value for name, value in {**reply, **overrides}.items() if value is not ...}


def menu(*groups: Any, **overrides: Any) -> Json:
    """A menu with these groups."""
    return entity("Menu", name="Dinner", description="", visibility=["POS"], menuGroups=[*groups]) | overrides


def menu_group(*items: Any, groups: tuple[Any, ...] = (), **overrides: Any) -> Json:
    """A menu group with these items and subgroups."""
    return entity("MenuGroup", name="Mains", menuItems=[*items], menuGroups=[*groups]) | overrides


def menu_item(**overrides: Any) -> Json:
    """A menu item of 12.50."""
    default = {
        "name": "Crème brûlée",
        "posName": "Brûlée",
        "description": "With sugar.",
        "price": 12.5,
        "pricingStrategy": "BASE_PRICE",
        "pricingRules": None,
        "salesCategory": {"name": "Food", "guid": "food"},
        "taxInfo": ["tax"],
        "taxInclusion": "TAX_NOT_INCLUDED",
        "itemTags": [],
        "plu": "4011",
        "sku": "CB-1",
        "multiLocationId": "100000000012345678",
        "visibility": ["POS", "KIOSK"],
        "isDeferred": False,
        "modifierGroupReferences": [],
    }
    return entity("MenuItem", **{**default, **overrides})


def modifier_group(*options: int, **overrides: Any) -> Json:
    """A modifier group that offers the options with these numbers."""
    default = {
        "name": "Sauce",
        "posName": "",
        "pricingStrategy": "NONE",
        "pricingRules": None,
        "minSelections": 1,
        "maxSelections": 3,
        "requiredMode": "REQUIRED",
        "isMultiSelect": True,
        "multiLocationId": "77",
        "modifierOptionReferences": [*options],
    }
    return entity("ModifierGroup", **{**default, **overrides})
