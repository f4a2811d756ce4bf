"""Configured entities as Toast writes them: config/v2, and employees and jobs of labor/v1, field by field.

Decimals become JSON numbers here; each has few enough digits for the nearest double to print as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from toast_simulator.world import entities as e
from toast_simulator.world.catalog import PLAIN_REFERENCES
from toast_simulator.world.configuration import State
from toast_simulator.world.places import Place
from toast_simulator.world.streams import seed_of
from toast_simulator.world.wire import deleted_date, iso

Json = dict[str, Any]

_encode = msgspec.json.Encoder().encode


def encode_config(kind: str, entity: e.Entity) -> bytes:
    """One entity of config/v2 as the JSON object that Toast would send."""
    return _encode(_config(kind, entity))


def encode_tip_withholding(rule: e.TipWithholding, place: Place) -> bytes:
    """A place's rule; one that goes by the restaurant's GUID is sent without."""
    wire: Json = {"enabled": rule.enabled, "percentage": number(rule.percentage)}
    if rule.guid != place.guid:
        wire = {"guid": rule.guid, "entityType": "TipWithholding", **wire}
    return _encode(wire)


def encode_employees(states: Iterable[State]) -> bytes:
    """Employees; those who have left are flagged."""
    return _encode([_employee(state) for state in states])


def encode_jobs(states: Iterable[State]) -> bytes:
    """Jobs."""
    return _encode([_job(state) for state in states])


def number(value: Decimal | None) -> float | None:
    """A decimal as JSON has it."""
    return None if value is None else float(value)


def reference(kind: str, guid: str | None) -> Json | None:
    """A reference to an entity; None for none."""
    if guid is None:
        return None
    entity_type = e.ENTITY_TYPES[kind]
    found: Json = {"guid": guid, "entityType": entity_type}
    return found if entity_type in PLAIN_REFERENCES else {**found, "externalId": None}


def _references(kind: str, guids: Iterable[str]) -> list[Json | None]:
    return [reference(kind, guid) for guid in guids]


def _config(kind: str, entity: e.Entity) -> Json:
    known: Json = {"guid": entity.guid, "entityType": e.ENTITY_TYPES[kind]}
    if e.ENTITY_TYPES[kind] not in PLAIN_REFERENCES:
        known["externalId"] = None
    return {**known, **_WRITERS[type(entity)](entity)}


def _named(own: e.Entity) -> Json:
    return {"name": own.name}


def _break_type(own: e.BreakType) -> Json:
    return {
        "name": own.name,
        "active": own.active,
        "paid": own.paid,
        "duration": own.minutes,
        "enforceMinimumTime": own.enforced,
        "trackMissedBreaks": own.tracked,
        "breakIntervalHrs": own.interval_hours,
        "breakIntervalMins": own.interval_minutes,
        "trackBreakAcknowledgement": own.acknowledged,
    }


def _cash_drawer(own: e.CashDrawer) -> Json:
    return {"printer": reference("printers", own.printer)}


def _dining_option(own: e.DiningOption) -> Json:
    return {"externalId": own.external_id, "name": own.name, "behavior": own.behavior, "curbside": own.curbside}


def _discount(own: e.Discount) -> Json:
    return {
        "name": own.name,
        "active": own.active,
        "type": own.kind,
        "percentage": number(own.percentage),
        "amount": number(own.amount),
        "selectionType": own.selection,
        "nonExclusive": own.non_exclusive,
        "itemPickingPriority": own.picking,
        "fixedTotal": number(own.fixed_total),
        "promoCodes": [{"code": code.code, "name": code.name, "usageType": code.usage} for code in own.codes],
    }


def _revenue_center(own: e.RevenueCenter) -> Json:
    return {"name": own.name, "description": own.description}


def _service_area(own: e.ServiceArea) -> Json:
    return {"name": own.name, "revenueCenter": reference("revenueCenters", own.revenue_center)}


def _table(own: e.Table) -> Json:
    return {
        "name": own.name,
        "serviceArea": reference("serviceAreas", own.service_area),
        "revenueCenter": reference("revenueCenters", own.revenue_center),
    }


def _service_charge(own: e.ServiceCharge) -> Json:
    return {
        "name": own.name,
        "amountType": own.kind,
        "amount": number(own.amount),
        "percent": number(own.percent),
        "criteria": {"delivery": own.delivery, "takeout": False, "dineIn": own.gratuity, "minCheckAmount": None},
        "gratuity": own.gratuity,
        "taxable": own.taxable,
        "applicableTaxes": _references("taxRates", own.taxes),
        "serviceChargeCalculation": own.calculation,
        "destination": own.destination,
        "taxInclusive": own.tax_inclusive,
        "taxProrated": own.tax_prorated,
    }


def _tax_rate(own: e.TaxRate) -> Json:
    steps = [{"leftOperand": {"name": "0", "value": 0.0}, "rightOperand": 1.0}] if own.kind == "TABLE" else []
    return {
        "name": own.name,
        "isDefault": own.default,
        "rate": number(own.rate),
        "type": own.kind,
        "roundingType": own.rounding,
        "taxTable": steps,
        "conditionalTaxRates": [],
    }


def _pre_modifier_group(own: e.PreModifierGroup) -> Json:
    members = _references("preModifiers", own.pre_modifiers)
    return {"name": own.name, "isDefault": own.default, "preModifiers": members}


def _pre_modifier(own: e.PreModifier) -> Json:
    return {
        "name": own.name,
        "scalePrice": own.scaled,
        "basePrice": number(own.price),
        "scaleFactor": number(own.factor),
        "displayMode": own.display,
        "parent": reference("preModifierGroups", own.parent),
        "chargeAsExtra": own.extra,
    }


def _menu(own: e.Menu) -> Json:
    return {"name": own.name, "description": own.description, "groups": _references("menuGroups", own.groups)}


def _menu_group(own: e.MenuGroup) -> Json:
    return {
        "name": own.name,
        "items": _references("menuItems", own.items),
        "subgroups": _references("menuGroups", own.groups),
    }


def _menu_item(own: e.MenuItem) -> Json:
    return {
        "name": own.name,
        "description": own.description,
        "sku": own.sku,
        "plu": own.plu,
        "calories": own.calories,
        "type": own.kind,
        "unitOfMeasure": own.unit,
        "optionGroups": _references("menuOptionGroups", own.option_groups),
        "visibility": "ALL",
    }


def _option_group(own: e.OptionGroup) -> Json:
    return {
        "name": own.name,
        "options": _references("menuItems", own.options),
        "minSelections": own.least,
        "maxSelections": own.most,
    }


_WRITERS: dict[type[e.Entity], Callable[[Any], Json]] = {
    e.Entity: _named,
    e.BreakType: _break_type,
    e.CashDrawer: _cash_drawer,
    e.DiningOption: _dining_option,
    e.Discount: _discount,
    e.RevenueCenter: _revenue_center,
    e.ServiceArea: _service_area,
    e.Table: _table,
    e.ServiceCharge: _service_charge,
    e.TaxRate: _tax_rate,
    e.PreModifierGroup: _pre_modifier_group,
    e.PreModifier: _pre_modifier,
    e.Menu: _menu,
    e.MenuGroup: _menu_group,
    e.MenuItem: _menu_item,
    e.OptionGroup: _option_group,
}


def _dates(state: State) -> Json:
    """When an entity was made, last changed and archived, in the three fields that the labor API has for it."""
    return {
        "createdDate": iso(state.created),
        "modifiedDate": iso(state.modified),
        "deletedDate": deleted_date(state.archived, seed_of(state.entity.guid)),
        "deleted": state.archived is not None,
    }


def _employee(state: State) -> Json:
    own = state.entity
    if not isinstance(own, e.Employee):
        raise TypeError(own)
    return {
        "guid": own.guid,
        "entityType": "RestaurantUser",
        "externalId": None,
        **_dates(state),
        "firstName": own.first_name,
        "chosenName": own.chosen_name,
        "lastName": own.name,
        "email": own.email,
        "phoneNumber": own.phone,
        "phoneNumberCountryCode": "1" if own.phone else None,
        "externalEmployeeId": own.external_id,
        "jobReferences": [_job_reference(job) for job in own.jobs],
        "wageOverrides": [
            {"wage": number(wage), "jobReference": _job_reference(job)} for job, wage in own.wages.items()
        ],
        "v2EmployeeGuid": own.v2_guid,
        "disabled": False,
    }


def _job_reference(guid: str) -> Json | None:
    return reference("jobs", guid)


def _job(state: State) -> Json:
    own = state.entity
    if not isinstance(own, e.Job):
        raise TypeError(own)
    return {
        "guid": own.guid,
        "entityType": "RestaurantJob",
        "externalId": None,
        **_dates(state),
        "title": own.name,
        "code": own.code,
        "wageFrequency": "SALARY" if own.wage is None else "HOURLY",
        "defaultWage": number(own.wage),
        "tipped": own.tipped,
        "excludeFromReporting": own.excluded,
    }
