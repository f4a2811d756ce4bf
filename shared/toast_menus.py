"""Toast's published menus, as far as dimensions use them, and how the reply of menus/v2 is decoded.

A menu holds groups, a group holds items and further groups, at any depth. What items offer to choose from
stands beside the tree, once: modifier groups and their options, each under a number that only holds within
this reply. Options may offer modifier groups in turn, round in circles; nothing here follows that way.

Each menu, group, item and option is decoded by itself, so that a bad one costs only itself and what hangs
below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar, final

import msgspec

from shared.toast_client import UnreadableBody
from shared.toast_objects import UNREADABLE, Guid, ToastObject, Undecodable, undecodable


class Menu(ToastObject):
    """A menu; its groups are decoded one by one."""

    guid: Guid
    name: str | None = None
    menu_groups: list[msgspec.Raw] | None = None


class MenuGroup(ToastObject):
    """A group of a menu; its items and subgroups are decoded one by one."""

    guid: Guid
    name: str | None = None
    menu_items: list[msgspec.Raw] | None = None
    menu_groups: list[msgspec.Raw] | None = None


@final
class SalesCategory(ToastObject):
    """The sales category of an item, with its name."""

    guid: str | None = None
    name: str | None = None


class MenuItem(ToastObject):
    """An item of a menu, or an option of a modifier group, of which Toast says the same and a little less."""

    guid: Guid
    name: str | None = None
    pos_name: str | None = None
    price: Decimal | None = None
    pricing_strategy: str | None = None
    sales_category: SalesCategory | None = None
    plu: str | int | None = None
    sku: str | int | None = None
    multi_location_id: str | int | None = None
    is_deferred: bool | None = None
    tax_inclusion: str | None = None


class ModifierGroup(ToastObject):
    """A group of options; ``modifier_option_references`` are the numbers of its options in the same reply."""

    guid: Guid
    name: str | None = None
    pos_name: str | None = None
    pricing_strategy: str | None = None
    min_selections: Decimal | None = None
    max_selections: Decimal | None = None
    required_mode: str | None = None
    is_multi_select: bool | None = None
    multi_location_id: str | int | None = None
    modifier_option_references: list[int] | None = None


class PlacedGroup(NamedTuple):
    """A menu group and where it stands; ``parent`` is None directly under the menu."""

    group: MenuGroup
    menu: Menu
    parent: MenuGroup | None


class PlacedItem(NamedTuple):
    """A menu item and where it stands."""

    item: MenuItem
    menu: Menu
    group: MenuGroup


class Menus(msgspec.Struct):
    """All menus of a restaurant, laid out in menu order: a group, its own items, its subgroups, the next group.

    ``options`` are keyed by the number that modifier groups refer to, in digits.
    """

    menus: list[Menu]
    groups: list[PlacedGroup]
    items: list[PlacedItem]
    modifier_groups: list[ModifierGroup]
    options: dict[str, MenuItem]
    undecodable: list[Undecodable]


class _Body(msgspec.Struct, rename="camel"):
    menus: list[msgspec.Raw]
    modifier_group_references: dict[str, msgspec.Raw] | None = None
    modifier_option_references: dict[str, msgspec.Raw] | None = None


_body_decoder = msgspec.json.Decoder(_Body)
_part_decoders: dict[type[ToastObject], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Menu, MenuGroup, MenuItem, ModifierGroup)
}

ObjectT = TypeVar("ObjectT", bound=ToastObject)


def decode_menus(body: bytes) -> Menus:
    """Decode the reply of menus/v2/menus.

    Raises UnreadableBody when the body is not an object with a list of menus: a reply that was cut short,
    for instance, or one whose nesting has no end.
    """
    try:
        raw = _body_decoder.decode(body)
    except UNREADABLE as error:
        raise UnreadableBody(f"not the JSON of published menus: {error}") from error
    menus = Menus([], [], [], [], {}, [])
    for menu in _each(raw.menus, Menu, menus.undecodable):
        menus.menus.append(menu)
        _lay_out(menu, menus)
    menus.modifier_groups.extend(
        _each((raw.modifier_group_references or {}).values(), ModifierGroup, menus.undecodable)
    )
    for number, option in (raw.modifier_option_references or {}).items():
        for decoded in _each((option,), MenuItem, menus.undecodable):
            menus.options[number] = decoded
    return menus


def _lay_out(menu: Menu, menus: Menus) -> None:
    """Add the groups and items of a menu, depth first, without recursion: Toast sets no limit to the depth."""
    waiting: list[tuple[msgspec.Raw, MenuGroup | None]] = [(raw, None) for raw in reversed(menu.menu_groups or ())]
    while waiting:
        raw, parent = waiting.pop()
        for group in _each((raw,), MenuGroup, menus.undecodable):
            menus.groups.append(PlacedGroup(group, menu, parent))
            items = _each(group.menu_items or (), MenuItem, menus.undecodable)
            menus.items.extend(PlacedItem(item, menu, group) for item in items)
            waiting.extend((below, group) for below in reversed(group.menu_groups or ()))


def _each(raws: Iterable[msgspec.Raw], kind: type[ObjectT], rejected: list[Undecodable]) -> Iterator[ObjectT]:
    decoder: msgspec.json.Decoder[ObjectT] = _part_decoders[kind]
    for raw in raws:
        try:
            decoded = decoder.decode(raw)
        except UNREADABLE as error:
            rejected.append(undecodable(bytes(raw), str(error), kind))
        else:
            yield decoded
