"""The published menus as a tree: what is archived is left out, with all that hangs below it and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from toast_simulator.world import entities as e
from toast_simulator.world.configuration import Published

_T = TypeVar("_T", bound=e.Entity)
_CENT = Decimal("0.01")


class GroupNode(msgspec.Struct, frozen=True):
    """A group on a menu: its items, then the groups in it."""

    group: e.MenuGroup
    items: tuple[e.MenuItem, ...]
    groups: tuple[GroupNode, ...]


class MenuNode(msgspec.Struct, frozen=True):
    """A menu and its groups."""

    menu: e.Menu
    groups: tuple[GroupNode, ...]


class MenuTree(msgspec.Struct, frozen=True):
    """All menus of a place; the modifier groups that their items lead to, by GUID, and the options of those."""

    menus: tuple[MenuNode, ...]
    option_groups: dict[str, e.OptionGroup]
    options: dict[str, e.MenuItem]

    def items(self) -> Iterator[tuple[e.Menu, e.MenuGroup, e.MenuItem]]:
        """Every item as often as it stands on a menu, in menu order: a group's own before those of its groups."""
        for menu, _, node in self.groups():
            for item in node.items:
                yield menu, node.group, item

    def groups(self) -> Iterator[tuple[e.Menu, e.MenuGroup | None, GroupNode]]:
        """Every group with its menu and the group that it stands in, in menu order."""
        for top in self.menus:
            for node in top.groups:
                yield from _below(top.menu, None, node)


def menu_tree(published: Published) -> MenuTree:
    """The tree of what is published."""
    guids = (state.entity.guid for state in published.listed("menus"))
    menus = tuple(_menu(published, menu) for menu in _used(published, "menus", guids, e.Menu))
    tree = MenuTree(menus, {}, {})
    for _, _, item in tree.items():
        _reach(published, item, tree)
    return tree


def options_of(group: e.OptionGroup, tree: MenuTree) -> list[e.MenuItem]:
    """The options of a modifier group that can be chosen now."""
    return [tree.options[guid] for guid in group.options if guid in tree.options]


def _menu(published: Published, menu: e.Menu) -> MenuNode:
    groups = _used(published, "menuGroups", menu.groups, e.MenuGroup)
    return MenuNode(menu, tuple(_node(published, group) for group in groups))


def _node(published: Published, group: e.MenuGroup) -> GroupNode:
    items = tuple(_priced(item, group) for item in _used(published, "menuItems", group.items, e.MenuItem))
    inner = _used(published, "menuGroups", group.groups, e.MenuGroup)
    return GroupNode(group, items, tuple(_node(published, below) for below in inner))


def _priced(item: e.MenuItem, group: e.MenuGroup) -> e.MenuItem:
    """An item as it costs in a group."""
    if group.factor is None or item.price is None:
        return item
    return replace(item, price=(item.price * group.factor).quantize(_CENT), strategy="MENU_SPECIFIC_PRICE")


def _below(
    menu: e.Menu, parent: e.MenuGroup | None, node: GroupNode
) -> Iterator[tuple[e.Menu, e.MenuGroup | None, GroupNode]]:
    yield menu, parent, node
    for inner in node.groups:
        yield from _below(menu, node.group, inner)


def _reach(published: Published, item: e.MenuItem, tree: MenuTree) -> None:
    """Add the modifier groups that an item offers, and what their options offer; loops end where they began."""
    for group in _used(published, "menuOptionGroups", item.option_groups, e.OptionGroup):
        if group.guid not in tree.option_groups:
            tree.option_groups[group.guid] = group
            for option in _used(published, "menuItems", group.options, e.MenuItem):
                tree.options[option.guid] = option
                _reach(published, option, tree)


def _used(published: Published, kind: str, guids: Iterable[str], shape: type[_T]) -> Iterator[_T]:
    """The entities with these GUIDs that are in use."""
    for guid in guids:
        state = published.find(kind, guid)
        if state is not None and isinstance(state.entity, shape):
            yield state.entity
