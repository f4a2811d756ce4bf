"""Published menus: the tree laid out in menu order, and what one bad part of it costs."""

from __future__ import annotations

from typing import Any

import pytest
from configuration_json import menu, menu_group, menu_item, menus, modifier_group
from toast_json import to_json

from shared.toast_client import UnreadableBody
from shared.toast_menus import Menus, decode_menus


def decode(*listed: Any, **rest: Any) -> Menus:
    return decode_menus(to_json(menus(*listed, **rest)))


def items_of(decoded: Menus) -> list[str]:
    return [place.item.guid for place in decoded.items]


def groups_of(decoded: Menus) -> list[str]:
    return [place.group.guid for place in decoded.groups]


def nested(depth: int) -> dict[str, Any]:
    """A menu group in a menu group …, so many in all, with an item in the innermost."""
    group = menu_group(menu_item(guid="innermost"), guid="0")
    for number in range(1, depth):
        group = menu_group(groups=(group,), guid=str(number))
    return group


# --- the tree ----------------------------------------------------------------------------------------


def test_menu_order_is_a_group_its_items_its_subgroups_and_then_the_next() -> None:
    decoded = decode(
        menu(
            menu_group(
                menu_item(guid="a1"),
                menu_item(guid="a2"),
                guid="a",
                groups=(
                    menu_group(menu_item(guid="b1"), guid="b", groups=(menu_group(menu_item(guid="c1"), guid="c"),)),
                    menu_group(menu_item(guid="d1"), guid="d"),
                ),
            ),
            menu_group(menu_item(guid="e1"), guid="e"),
            guid="m1",
        ),
        menu(menu_group(menu_item(guid="f1"), guid="f"), guid="m2"),
    )
    assert [listed.guid for listed in decoded.menus] == ["m1", "m2"]
    assert groups_of(decoded) == ["a", "b", "c", "d", "e", "f"]
    assert items_of(decoded) == ["a1", "a2", "b1", "c1", "d1", "e1", "f1"]
    assert decoded.undecodable == []


def test_an_item_and_a_group_know_where_they_stand() -> None:
    inner = menu_group(menu_item(guid="item"), guid="inner")
    decoded = decode(menu(menu_group(guid="outer", groups=(inner,)), guid="menu"))
    (place,) = decoded.items
    assert (place.menu.guid, place.group.guid) == ("menu", "inner")
    outer, below = decoded.groups
    assert (outer.parent, outer.menu.guid) == (None, "menu")
    assert below.parent is outer.group


@pytest.mark.parametrize("depth", [2, 50, 400])
def test_groups_nest_deeply(depth: int) -> None:
    decoded = decode(menu(nested(depth)))
    assert groups_of(decoded) == [str(number) for number in reversed(range(depth))]
    assert items_of(decoded) == ["innermost"]


@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_nesting_without_end_is_unreadable_and_not_a_crash(depth: int) -> None:
    body = to_json(menus(menu("LITERAL"))).replace(b'"LITERAL"', b'{"guid":"g","menuGroups":[' * depth + b"]}" * depth)
    with pytest.raises(UnreadableBody):
        decode_menus(body)


@pytest.mark.parametrize("nothing", [None, []])
def test_lists_may_be_empty_or_null(nothing: Any) -> None:
    decoded = decode(
        menu(menuGroups=nothing),
        menu(menu_group(menuItems=nothing, menuGroups=nothing)),
        groups={"1": modifier_group(modifierOptionReferences=nothing)},
        modifierOptionReferences=None,
    )
    assert (len(decoded.menus), len(decoded.groups), decoded.items, decoded.options) == (2, 1, [], {})
    assert decoded.undecodable == []


def test_what_toast_adds_tomorrow_is_passed_over() -> None:
    decoded = decode(menu(menu_group(menu_item(new={"a": [1]}), new=5), new="x"), new=[])
    assert len(decoded.items) == 1
    assert decoded.undecodable == []


# --- modifiers ---------------------------------------------------------------------------------------


def test_options_are_found_by_the_numbers_that_groups_refer_to() -> None:
    decoded = decode(
        groups={"7": modifier_group(3, 4, guid="sauce")},
        options={"3": menu_item(guid="ketchup"), "4": menu_item(guid="mayonnaise")},
    )
    (group,) = decoded.modifier_groups
    assert group.modifier_option_references == [3, 4]
    assert {number: option.guid for number, option in decoded.options.items()} == {"3": "ketchup", "4": "mayonnaise"}


def test_options_may_go_round_in_circles() -> None:
    decoded = decode(
        groups={"1": modifier_group(1, guid="g")}, options={"1": menu_item(guid="o", modifierGroupReferences=[1])}
    )
    assert (len(decoded.modifier_groups), len(decoded.options)) == (1, 1)


# --- what is wrong -----------------------------------------------------------------------------------


def test_a_bad_item_costs_only_itself() -> None:
    decoded = decode(menu(menu_group(menu_item(guid="a"), menu_item(guid="bad", price="dear"), menu_item(guid="c"))))
    assert items_of(decoded) == ["a", "c"]
    assert [(one.guid, one.reason) for one in decoded.undecodable] == [("bad", "Invalid decimal string - at `$.price`")]


def test_a_bad_group_costs_itself_and_what_hangs_below_it() -> None:
    bad = menu_group(menu_item(guid="lost"), guid=None, groups=(menu_group(guid="lost too"),))
    decoded = decode(menu(menu_group(guid="a"), bad, menu_group(menu_item(guid="kept"), guid="c")))
    assert (groups_of(decoded), items_of(decoded)) == (["a", "c"], ["kept"])
    (rejected,) = decoded.undecodable
    assert "guid" in rejected.reason
    assert '"name":"Mains"' in rejected.payload


def test_a_bad_menu_costs_only_itself() -> None:
    decoded = decode(menu(menu_group(menu_item(guid="lost")), name=5, guid="bad"), menu(menu_group(), guid="good"))
    assert [listed.guid for listed in decoded.menus] == ["good"]
    assert [one.guid for one in decoded.undecodable] == ["bad"]


def test_a_bad_modifier_group_or_option_costs_only_itself() -> None:
    decoded = decode(
        groups={"1": modifier_group(guid="bad", minSelections="few"), "2": modifier_group(1, 2, guid="good")},
        options={"1": menu_item(guid="bad option", isDeferred="no"), "2": menu_item(guid="good option"), "3": 5},
    )
    assert [group.guid for group in decoded.modifier_groups] == ["good"]
    assert [option.guid for option in decoded.options.values()] == ["good option"]
    assert [one.guid for one in decoded.undecodable] == ["bad", "bad option", ""]


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b'{"menus": null}', b'{"menus": {}}', b'{"menus": [{"guid": "m", "na', b"<html>"],
)
def test_a_body_without_a_list_of_menus_is_unreadable(body: bytes) -> None:
    """An empty listing would mean that every item is gone; this says nothing of the kind."""
    with pytest.raises(UnreadableBody, match="not the JSON of published menus"):
        decode_menus(body)
