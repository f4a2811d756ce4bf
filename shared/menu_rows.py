"""From published menus to the rows of menus, menu groups, menu items and modifier groups: pure functions.

A GUID has one row, wherever it stands. An item that several groups list is described by its first place in
menu order. An option is described as the modifier group with the smallest GUID offers it, since the numbers
of modifier groups change with every publishing; one that is also an item of a menu is that item. Options
that no modifier group offers are rows as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from shared.dimension_tables import Entity, MenuGroupEntity, MenuItemEntity, ModifierGroupEntity, NamedEntity
from shared.entity_rows import entity_rows, text, whole
from shared.toast_menus import Menu, MenuItem, Menus, ModifierGroup, PlacedGroup, PlacedItem
from shared.toast_objects import Undecodable


def menu_records(menus: Menus, rejected: list[Undecodable]) -> dict[str, list[Entity]]:
    """The rows of the four dimensions by record; what could not become a row is added to ``rejected``."""
    listed = {place.item.guid for place in menus.items}
    options = ((option, group) for option, group in _offers(menus) if option.guid not in listed)
    items = [
        *((place.item, partial(_item_row, place)) for place in menus.items),
        *((option, partial(_option_row, option, group)) for option, group in options),
    ]
    return {
        "menus": [*entity_rows(((menu, partial(_menu_row, menu)) for menu in menus.menus), rejected)],
        "menu_groups": [*entity_rows(((place.group, partial(_group_row, place)) for place in menus.groups), rejected)],
        "menu_items": [*entity_rows(items, rejected)],
        "modifier_groups": [
            *entity_rows(((group, partial(_modifier_group_row, group)) for group in _by_guid(menus)), rejected)
        ],
    }


def _by_guid(menus: Menus) -> list[ModifierGroup]:
    return sorted(menus.modifier_groups, key=lambda group: group.guid)


def _offers(menus: Menus) -> Iterator[tuple[MenuItem, ModifierGroup | None]]:
    """Every option with a modifier group that offers it, the one that describes it first."""
    for group in _by_guid(menus):
        for number in group.modifier_option_references or ():
            option = menus.options.get(str(number))
            if option is not None:
                yield option, group
    for option in menus.options.values():
        yield option, None


def _menu_row(menu: Menu) -> NamedEntity:
    return NamedEntity(menu.guid, "", menu.name)


def _group_row(place: PlacedGroup) -> MenuGroupEntity:
    return MenuGroupEntity(
        place.group.guid,
        "",
        place.group.name,
        place.menu.guid,
        place.menu.name,
        place.parent.guid if place.parent else None,
    )


def _item_row(place: PlacedItem) -> MenuItemEntity:
    row = _described(place.item)
    row.is_modifier_option = False
    row.menu_guid, row.menu_name = place.menu.guid, place.menu.name
    row.menu_group_guid, row.menu_group_name = place.group.guid, place.group.name
    return row


def _option_row(option: MenuItem, group: ModifierGroup | None) -> MenuItemEntity:
    row = _described(option)
    row.is_modifier_option = True
    row.modifier_group_guid = group.guid if group else None
    return row


def _described(item: MenuItem) -> MenuItemEntity:
    category = item.sales_category
    return MenuItemEntity(
        item.guid,
        "",
        name=item.name,
        pos_name=item.pos_name,
        price=item.price,
        pricing_strategy=item.pricing_strategy,
        sales_category_guid=category and category.guid,
        sales_category_name=category and category.name,
        plu=text(item.plu),
        sku=text(item.sku),
        multi_location_id=text(item.multi_location_id),
        is_deferred=item.is_deferred,
        tax_inclusion=item.tax_inclusion,
    )


def _modifier_group_row(group: ModifierGroup) -> ModifierGroupEntity:
    return ModifierGroupEntity(
        group.guid,
        "",
        group.name,
        group.pos_name,
        group.pricing_strategy,
        whole("minSelections", group.min_selections),
        whole("maxSelections", group.max_selections),
        group.required_mode,
        group.is_multi_select,
        text(group.multi_location_id),
    )
