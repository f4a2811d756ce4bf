"""The published menus as Toast's menus API writes them (OpenAPI of menus v2), field by field.

Items and options point to modifier groups, and those to options, by numbers that hold only within one
reply: they change with every publish.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from toast_simulator.world import entities as e
from toast_simulator.world.config_wire import number
from toast_simulator.world.configuration import Published
from toast_simulator.world.menu_tree import GroupNode, MenuNode, MenuTree, menu_tree, options_of
from toast_simulator.world.places import Place
from toast_simulator.world.streams import guid, seed_of
from toast_simulator.world.wire import iso

Json = dict[str, Any]

_encode = msgspec.json.Encoder().encode


def encode_menus(place: Place, published: Published, updated: int) -> bytes:
    """The reply of /menus/v2/menus; ``updated`` is when the menus last changed (Unix ms)."""
    return _encode(_Writer(published, menu_tree(published)).reply(place, updated))


def encode_metadata(place: Place, updated: int) -> bytes:
    """The reply of /menus/v2/metadata."""
    return _encode({"restaurantGuid": place.guid, "lastUpdated": iso(updated)})


class _Writer:
    """Writes one tree of menus, with the numbers that its parts have in this reply."""

    def __init__(self, published: Published, tree: MenuTree) -> None:
        self._published = published
        self._tree = tree
        first = seed_of("references", *published.version) % 50 + 1
        self._groups = _numbered(tree.option_groups, first)
        self._options = _numbered(tree.options, first + len(self._groups))
        self._pre_modifier_groups = _numbered(self._used_pre_modifier_groups(), first)

    def reply(self, place: Place, updated: int) -> Json:
        tree = self._tree
        return {
            "restaurantGuid": place.guid,
            "lastUpdated": iso(updated),
            "restaurantTimeZone": place.timezone,
            "menus": [self._menu(node) for node in tree.menus],
            "modifierGroupReferences": {
                str(self._groups[own]): self._option_group(group) for own, group in tree.option_groups.items()
            },
            "modifierOptionReferences": {
                str(self._options[own]): self._option(option) for own, option in tree.options.items()
            },
            "preModifierGroupReferences": {
                str(of): self._pre_modifier_group(own, of) for own, of in self._pre_modifier_groups.items()
            },
        }

    def _used_pre_modifier_groups(self) -> Iterable[str]:
        used = (group.pre_modifiers for group in self._tree.option_groups.values())
        found = (self._published.find("preModifierGroups", own) for own in used)
        return dict.fromkeys(state.entity.guid for state in found if state is not None)

    def _menu(self, node: MenuNode) -> Json:
        menu = node.menu
        return {
            "name": menu.name,
            "guid": menu.guid,
            "multiLocationId": str(seed_of("menu", menu.guid) % 10**15),
            "description": menu.description,
            "posName": "",
            "image": None,
            "visibility": ["POS", "KIOSK", "TOAST_ONLINE_ORDERING"],
            "availability": {"alwaysAvailable": True, "schedule": None},
            "menuGroups": [self._group(group) for group in node.groups],
        }

    def _group(self, node: GroupNode) -> Json:
        return {
            "name": node.group.name,
            "guid": node.group.guid,
            "multiLocationId": str(seed_of("group", node.group.guid) % 10**15),
            "description": "",
            "posName": "",
            "image": None,
            "visibility": ["POS", "KIOSK", "TOAST_ONLINE_ORDERING"],
            "itemTags": [],
            "menuGroups": [self._group(inner) for inner in node.groups],
            "menuItems": [self._item(item) for item in node.items],
        }

    def _item(self, item: e.MenuItem) -> Json:
        category = self._published.find("salesCategories", item.category)
        return {
            "name": item.name,
            "guid": item.guid,
            "multiLocationId": item.location_id,
            "description": item.description,
            "posName": item.pos_name,
            "image": None,
            "visibility": list(item.visibility),
            "price": number(item.price),
            "pricingStrategy": item.strategy,
            "pricingRules": _pricing_rules(item),
            "isDeferred": item.deferred,
            "salesCategory": None if category is None else _name_and_guid(category.entity),
            "taxInfo": list(item.taxes),
            "taxInclusion": item.tax_inclusion,
            "itemTags": [{"name": tag, "guid": guid("item tag", tag)} for tag in item.tags],
            "plu": item.plu,
            "sku": item.sku,
            "calories": item.calories,
            "unitOfMeasure": item.unit,
            "modifierGroupReferences": [self._groups[own] for own in item.option_groups if own in self._groups],
        }

    def _option(self, option: e.MenuItem) -> Json:
        place_in_reply: Json = {"referenceId": self._options[option.guid]}
        return {**place_in_reply, **self._item(option), "isDefault": False, "allowsDuplicates": True}

    def _option_group(self, group: e.OptionGroup) -> Json:
        return {
            "name": group.name,
            "guid": group.guid,
            "referenceId": self._groups[group.guid],
            "multiLocationId": group.location_id,
            "posName": group.pos_name,
            "visibility": ["POS", "KIOSK"],
            "pricingStrategy": group.strategy,
            "pricingRules": None,
            "defaultOptionsChargePrice": "NO",
            "defaultOptionsSubstitutionPricing": "NO",
            "minSelections": group.least,
            "maxSelections": group.most,
            "requiredMode": group.required,
            "isMultiSelect": group.many,
            "preModifierGroupReference": self._pre_modifier_groups.get(group.pre_modifiers or ""),
            "modifierOptionReferences": [self._options[option.guid] for option in options_of(group, self._tree)],
        }

    def _pre_modifier_group(self, own: str, reference_id: int) -> Json:
        state = self._published.find("preModifierGroups", own)
        if state is None or not isinstance(state.entity, e.PreModifierGroup):
            raise LookupError(own)
        members = (self._published.find("preModifiers", guid) for guid in state.entity.pre_modifiers)
        return {
            **_name_and_guid(state.entity),
            "referenceId": reference_id,
            "preModifiers": [_pre_modifier(member.entity) for member in members if member is not None],
        }


def _pre_modifier(own: e.Entity) -> Json:
    if not isinstance(own, e.PreModifier):
        raise TypeError(own)
    return {
        **_name_and_guid(own),
        "fixedPrice": number(own.price),
        "multiplicationFactor": number(own.factor),
        "displayMode": own.display,
        "posName": "",
    }


def _pricing_rules(item: e.MenuItem) -> Json | None:
    """What a price depends on besides the item: its size, or the hour."""
    if item.strategy == "SIZE_PRICE":
        return {"timeSpecificPricingRules": [], "sizeSpecificPricingGuid": guid("sizes", item.guid)}
    if item.strategy == "TIME_SPECIFIC_PRICE":
        schedule = [{"days": ["MONDAY"], "timeRanges": [{"start": "15:00", "end": "17:00"}]}]
        rule = {"timeSpecificPrice": number(item.price), "basePrice": number(item.price), "schedule": schedule}
        return {"timeSpecificPricingRules": [rule], "sizeSpecificPricingGuid": None}
    return None


def _name_and_guid(entity: e.Entity) -> Json:
    return {"name": entity.name, "guid": entity.guid}


def _numbered(guids: Iterable[str], first: int) -> dict[str, int]:
    return {own: of for of, own in enumerate(guids, first)}
