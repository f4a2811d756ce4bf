"""The menus API: one tree with references that hold, and a date that says when it changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from configured import exactly, published, truth_tables
from simulated import BROOKLYN, NOW, WAIKIKI, Client, Json, moment

from toast_simulator.world.configuration import Published
from toast_simulator.world.lives import Publishes
from toast_simulator.world.menus_wire import encode_menus
from toast_simulator.world.world import World

ITEM_FIELDS = {
    "guid", "multiLocationId", "name", "posName", "description", "price", "pricingStrategy", "pricingRules",
    "salesCategory", "taxInfo", "taxInclusion", "itemTags", "plu", "sku", "visibility", "isDeferred",
    "modifierGroupReferences",
}  # fmt: skip


@pytest.fixture
def menus(client: Client) -> Json:
    found: Json = exactly(client, "/menus/v2/menus")
    return found


def groups_of(menus: Json) -> Iterator[tuple[int, Json]]:
    """Every group with its depth below its menu."""

    def below(groups: list[Json], depth: int) -> Iterator[tuple[int, Json]]:
        for group in groups:
            yield depth, group
            yield from below(group["menuGroups"], depth + 1)

    for menu in menus["menus"]:
        yield from below(menu["menuGroups"], 0)


def items_of(menus: Json) -> list[Json]:
    return [item for _, group in groups_of(menus) for item in group["menuItems"]]


def test_it_says_whose_menus_they_are_and_when_they_changed(client: Client, menus: Json) -> None:
    assert menus["restaurantGuid"] == BROOKLYN
    assert menus["restaurantTimeZone"] == "America/New_York"
    metadata = exactly(client, "/menus/v2/metadata")
    assert metadata == {"restaurantGuid": BROOKLYN, "lastUpdated": menus["lastUpdated"]}


def test_every_reference_leads_to_what_has_that_number(menus: Json) -> None:
    groups, options = menus["modifierGroupReferences"], menus["modifierOptionReferences"]
    pre_modifiers = menus["preModifierGroupReferences"]
    for references in (groups, options, pre_modifiers):
        assert references
        assert all(str(entity["referenceId"]) == number for number, entity in references.items())
        assert len({entity["guid"] for entity in references.values()}) == len(references)
    offered = {
        str(number) for thing in (*items_of(menus), *options.values()) for number in thing["modifierGroupReferences"]
    }
    assert offered == set(groups)
    chosen = {str(number) for group in groups.values() for number in group["modifierOptionReferences"]}
    assert chosen == set(options)
    prefixed = {group["preModifierGroupReference"] for group in groups.values()} - {None}
    assert {str(number) for number in prefixed} == set(pre_modifiers)


def test_items_and_options_have_their_fields(menus: Json) -> None:
    for item in (*items_of(menus), *menus["modifierOptionReferences"].values()):
        assert set(item) >= ITEM_FIELDS
    assert {item["pricingStrategy"] for item in items_of(menus)} >= {"BASE_PRICE", "OPEN_PRICE", "TIME_SPECIFIC_PRICE"}
    assert any(item["isDeferred"] for item in items_of(menus))


def test_the_shapes_that_trip_up_readers_are_there(client: Client) -> None:
    seen: Counter[str] = Counter()
    for location in (BROOKLYN, WAIKIKI):
        client.session.headers["Toast-Restaurant-External-ID"] = location
        menus = exactly(client, "/menus/v2/menus")
        items, options = items_of(menus), menus["modifierOptionReferences"].values()
        places = Counter(item["guid"] for item in items)
        seen["in two groups"] += max(places.values()) > 1
        seen["two prices"] += len({(item["guid"], item["price"]) for item in items}) > len(places)
        seen["option and item"] += any(option["guid"] in places for option in options)
        seen["item without price"] += any(item["price"] is None for item in items)
        seen["option without price"] += any(option["price"] is None for option in options)
        seen["nested"] += max(depth for depth, _ in groups_of(menus)) >= 1
        seen["empty group"] += any(not group["menuItems"] for _, group in groups_of(menus))
        seen["loop"] += any(loops(menus, number, ()) for number in menus["modifierGroupReferences"])
    for shape, restaurants in seen.items():
        assert restaurants > 0, shape


def loops(menus: Json, number: str, above: tuple[str, ...]) -> bool:
    """Whether the options of a modifier group lead back to one above."""
    if number in above:
        return True
    options = menus["modifierGroupReferences"][number]["modifierOptionReferences"]
    offered = [menus["modifierOptionReferences"][str(option)]["modifierGroupReferences"] for option in options]
    return any(loops(menus, str(inner), (*above, number)) for each in offered for inner in each)


def test_menus_have_a_limit_of_one_a_second_and_metadata_has_not(start: Callable[..., Client]) -> None:
    client = start()
    replies = [client.get("/menus/v2/menus") for _ in range(6)]
    refused = [reply for reply in replies if reply.status_code == 429]
    assert refused
    assert refused[0].headers["X-Toast-RateLimit-By"] == "ENDPOINT"
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert {client.get("/menus/v2/metadata").status_code for _ in range(3)} == {200}


def test_menus_that_nobody_published_are_not_found(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    updated = client.get("/menus/v2/metadata").json()["lastUpdated"]
    client.control("edits", restaurant_guid=BROOKLYN, change="unpublish_menus")
    for path in ("/menus/v2/menus", "/menus/v2/metadata"):
        assert client.get(path).status_code == 404
    truth = truth_tables(client, BROOKLYN)
    for table in ("dim_menus", "dim_menu_groups", "dim_menu_items", "dim_modifier_groups"):
        assert truth[table] == {}
    assert truth["dim_sales_categories"]
    assert client.get("/menus/v2/menus", headers={"Toast-Restaurant-External-ID": WAIKIKI}).status_code == 200
    client.control("edits", restaurant_guid=BROOKLYN, change="publish_menus")
    assert exactly(client, "/menus/v2/menus")["lastUpdated"] > updated
    assert truth_tables(client, BROOKLYN)["dim_menus"]


def test_an_archived_item_leaves_the_menus_and_a_group_takes_its_items_along(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    before = exactly(client, "/menus/v2/menus")
    places = Counter(item["guid"] for item in items_of(before))
    group = next(
        group for _, group in groups_of(before) if group["menuItems"] and places[group["menuItems"][0]["guid"]] == 1
    )
    item = next(item["guid"] for _, other in groups_of(before) if other is not group for item in other["menuItems"])
    edit(client, "menuGroups", group["guid"])
    edit(client, "menuItems", item)
    after = exactly(client, "/menus/v2/menus")
    assert group["guid"] not in {one["guid"] for _, one in groups_of(after)}
    left = {one["guid"] for one in items_of(after)}
    assert item not in left
    assert group["menuItems"][0]["guid"] not in left
    assert client.get(f"/config/v2/menuItems/{group['menuItems'][0]['guid']}").status_code == 200
    assert after["lastUpdated"] > before["lastUpdated"]


def edit(client: Client, entity: str, guid: str) -> None:
    client.control("edits", restaurant_guid=BROOKLYN, entity=entity, guid=guid, change="archive")


def test_an_edit_elsewhere_does_not_touch_the_menus(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    before = client.get("/menus/v2/metadata").json()
    reason = client.get("/config/v2/voidReasons").json()[0]["guid"]
    edit(client, "voidReasons", reason)
    assert client.get("/menus/v2/metadata").json() == before


def test_last_updated_moves_when_the_menus_change_and_only_then(world: World) -> None:
    moved = stayed = 0
    for place in world.places.values():
        publishes = Publishes(place, world.seed)
        now = publishes.after(moment("2026-01-10T00:00:00Z"))
        before = published(world, place.guid, now)
        while now < moment(NOW):
            now = publishes.after(now)
            after = published(world, place.guid, now)
            assert after.menus_updated in (before.menus_updated, now)
            if after.menus_updated == before.menus_updated:
                stayed += 1
                assert tree(world, place.guid, after) == tree(world, place.guid, before)
            else:
                moved += 1
            before = after
    assert moved > 40
    assert stayed > 40


def tree(world: World, location: str, now: Published) -> Any:
    """The menus with each reference replaced by the GUID that it leads to."""
    reply = msgspec.json.decode(encode_menus(world.places[location], now, 0))
    groups = {int(number): one["guid"] for number, one in reply["modifierGroupReferences"].items()}
    options = {int(number): one["guid"] for number, one in reply["modifierOptionReferences"].items()}
    pre_modifiers = {int(number): one["guid"] for number, one in reply["preModifierGroupReferences"].items()}

    def resolved(value: Any) -> Any:
        if isinstance(value, list):
            return [resolved(element) for element in value]
        if not isinstance(value, dict):
            return value
        found = {name: resolved(inner) for name, inner in value.items() if name != "referenceId"}
        for name, numbers in (("modifierGroupReferences", groups), ("modifierOptionReferences", options)):
            if isinstance(found.get(name), list):
                found[name] = [numbers[number] for number in found[name]]
            elif name in found:
                found[name] = sorted(found[name].values(), key=lambda one: one["guid"])
        if isinstance(found.get("preModifierGroupReferences"), dict):
            found["preModifierGroupReferences"] = list(found["preModifierGroupReferences"].values())
        if found.get("preModifierGroupReference") is not None:
            found["preModifierGroupReference"] = pre_modifiers[found["preModifierGroupReference"]]
        return found

    return resolved(reply)


def test_the_numbers_of_references_hold_within_one_publish_only(world: World) -> None:
    publishes = Publishes(world.places[BROOKLYN], world.seed)
    numbers: dict[str, set[str]] = {}
    now = moment(NOW)
    for _ in range(5):
        now = publishes.after(now)
        found = published(world, BROOKLYN, now)
        reply = msgspec.json.decode(encode_menus(world.places[BROOKLYN], found, now))
        for number, group in reply["modifierGroupReferences"].items():
            numbers.setdefault(group["guid"], set()).add(number)
    assert max(len(of) for of in numbers.values()) > 1
