"""The configuration API: its listings and their pages, and a configuration that changes as time goes by."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from configured import exactly, listing, pages, published
from simulated import BROOKLYN, NOW, ROOT, WAIKIKI, Client, Json, make_world, moment

from toast_simulator.config_api import KINDS, NEXT_PAGE
from toast_simulator.world.configuration import Published
from toast_simulator.world.entities import ENTITY_TYPES
from toast_simulator.world.lives import WEEK, Publishes
from toast_simulator.world.places import DAY
from toast_simulator.world.world import World

CHERRY_CREEK = "566c0371-6e7c-4a68-afa4-6398c6a6729b"
REFERRED = set(ENTITY_TYPES.values()) - {"Restaurant", "TipWithholding"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_listed_and_each_entity_is_there_by_its_guid(client: Client, kind: str) -> None:
    entities = listing(client, kind)
    assert {entity["entityType"] for entity in entities} == {ENTITY_TYPES[kind]}
    assert len({entity["guid"] for entity in entities}) == len(entities) > 0
    for entity in (entities[0], entities[-1]):
        assert exactly(client, f"/config/v2/{kind}/{entity['guid']}") == entity


def test_the_documentation_names_every_kind() -> None:
    documentation = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    for kind in (*KINDS, "tipWithholding"):
        assert kind in documentation, kind


def test_an_entity_of_elsewhere_is_not_found(client: Client) -> None:
    here = listing(client, "printers")[0]["guid"]
    elsewhere = {"Toast-Restaurant-External-ID": WAIKIKI}
    assert client.get(f"/config/v2/printers/{here}").status_code == 200
    assert client.get(f"/config/v2/printers/{here}", headers=elsewhere).status_code == 404
    assert client.get(f"/config/v2/tables/{here}").status_code == 404


def test_tip_withholding_is_one_object_and_some_have_no_guid(client: Client) -> None:
    replies = [
        client.get("/config/v2/tipWithholding", headers={"Toast-Restaurant-External-ID": location}).json()
        for location in make_world().places
    ]
    assert {type(reply["enabled"]) for reply in replies} == {bool}
    assert {"guid" in reply for reply in replies} == {True, False}


# --- pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("location", "kind"), [(BROOKLYN, "tables"), (CHERRY_CREEK, "discounts")])
def test_more_than_a_page_comes_in_pages_of_at_most_300(client: Client, location: str, kind: str) -> None:
    client.session.headers["Toast-Restaurant-External-ID"] = location
    found = list(pages(client, kind))
    assert len(found) > 1
    assert max(map(len, found)) <= 300
    guids = [entity["guid"] for page in found for entity in page]
    assert len(set(guids)) == len(guids) > 300
    world = make_world()
    now = moment(client.control("clock")["now"])
    assert guids == [state.entity.guid for state in published(world, location, now).listed(kind)]


def test_page_and_page_size_are_passed_over(client: Client) -> None:
    assert client.get("/config/v2/tables", page=2, pageSize=5).content == client.get("/config/v2/tables").content


def test_pages_vary_in_size(start: Callable[..., Client]) -> None:
    client = start("--limits", "off", "--guess-config-page", "12")
    sizes = [len(page) for page in pages(client, "tables")]
    assert max(sizes) <= 12
    assert len(set(sizes[:-1])) > 1


@pytest.mark.parametrize("token", ["", "x", "AAAA", "e30", "%", "é"])
def test_a_token_that_was_made_up_is_refused(client: Client, token: str) -> None:
    assert client.get("/config/v2/tables", pageToken=token).status_code == 400


def test_a_token_of_another_listing_is_refused(client: Client) -> None:
    token = client.get("/config/v2/tables").headers[NEXT_PAGE]
    elsewhere = {"Toast-Restaurant-External-ID": CHERRY_CREEK}
    assert client.get("/config/v2/tables", pageToken=token).status_code == 200
    assert client.get("/config/v2/discounts", pageToken=token).status_code == 400
    assert client.get("/config/v2/tables", pageToken=token, headers=elsewhere).status_code == 400


def test_a_publish_between_two_pages_is_a_conflict_and_reading_begins_anew(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    token = client.get("/config/v2/tables").headers[NEXT_PAGE]
    client.control("clock", advance_seconds=8 * 86_400)
    client.login()
    refused = client.get("/config/v2/tables", pageToken=token)
    assert refused.status_code == 409
    assert refused.json()["requestId"]
    assert len(listing(client, "tables")) > 300


def test_an_edit_is_a_publish(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    first = client.get("/config/v2/tables")
    gone = first.json()[0]["guid"]
    client.control("edits", restaurant_guid=BROOKLYN, entity="tables", guid=gone, change="archive")
    assert client.get("/config/v2/tables", pageToken=first.headers[NEXT_PAGE]).status_code == 409
    assert gone not in {table["guid"] for table in listing(client, "tables")}
    assert client.get(f"/config/v2/tables/{gone}").status_code == 404


def test_a_fault_publishes_while_somebody_pages(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    client.control("faults", kind="publish_while_paging", path="/config/v2/tables")
    first = client.get("/config/v2/tables")
    assert first.status_code == 200
    assert client.get("/config/v2/tables", pageToken=first.headers[NEXT_PAGE]).status_code == 409
    assert len(listing(client, "tables")) > 300
    (fault,) = client.control("faults")["faults"]
    assert fault["struck"] == 1


def test_a_forbidden_configuration_is_refused(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    client.control("faults", kind="forbidden", rate=1.0, path="/config/")
    assert client.get("/config/v2/discounts").status_code == 403
    assert client.get("/menus/v2/metadata").status_code == 200


# --- lastModified -------------------------------------------------------------------------------------


def test_last_modified_leaves_out_what_has_not_changed_since(start: Callable[..., Client]) -> None:
    since = "2026-02-20T12:00:00.000+0000"
    client = start("--limits", "off")
    client.control("clock", now="2026-02-20T12:00:00Z")
    client.login()
    before = {kind: by_guid(listing(client, kind)) for kind in KINDS}
    client.control("clock", now=NOW)
    client.login()
    filtered_out = changed = 0
    for kind in KINDS:
        after = by_guid(listing(client, kind))
        recent = by_guid(listing(client, kind, lastModified=since))
        filtered_out += len(after) - len(recent)
        for guid, entity in after.items():
            if entity != before[kind].get(guid):
                changed += 1
                assert recent[guid] == entity
        assert recent.keys() <= after.keys()
    assert changed > 20
    assert filtered_out > 500


def by_guid(entities: list[Json]) -> dict[str, Json]:
    return {entity["guid"]: entity for entity in entities}


def test_the_filter_stays_from_page_to_page(start: Callable[..., Client]) -> None:
    client = start("--limits", "off", "--guess-config-page", "5")
    since = {"lastModified": "2026-01-20T00:00:00.000Z"}
    first = client.get("/config/v2/tables", **since)
    rest = list(pages(client, "tables", pageToken=first.headers[NEXT_PAGE]))
    assert len(rest) > 1
    recent = len(first.json()) + sum(map(len, rest))
    assert recent == len(listing(client, "tables", **since)) < len(listing(client, "tables")) / 2


@pytest.mark.parametrize("query", ["2026-01-20T00:00:00.000+0000", "2026-01-20", "yesterday", ""])
def test_a_plus_that_is_not_encoded_or_no_time_at_all_is_refused(client: Client, query: str) -> None:
    assert client.get(f"/config/v2/tables?lastModified={query}").status_code == 400


# --- what changes -------------------------------------------------------------------------------------


def test_every_guid_of_an_order_is_configured(client: Client, world: World) -> None:
    now = moment(NOW)
    seen: Counter[str] = Counter()
    for location in (BROOKLYN, WAIKIKI):
        client.session.headers["Toast-Restaurant-External-ID"] = location
        known = published(world, location, now)
        for page in client.pages(businessDate="20260214"):
            for entity_type, guid in references(page):
                kind = next(kind for kind, of in ENTITY_TYPES.items() if of == entity_type)
                assert guid in known.states[kind], (entity_type, guid)
                seen[entity_type] += 1
    assert set(seen) >= {
        "MenuItem", "MenuGroup", "MenuOptionGroup", "SalesCategory", "DiningOption", "RevenueCenter", "ServiceArea",
        "Table", "RestaurantService", "RestaurantUser", "TaxRate", "CashDrawer", "Discount", "ServiceCharge",
        "PreModifier", "VoidReason", "AlternatePaymentType",
    }  # fmt: skip


def references(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for element in value:
            yield from references(element)
    elif isinstance(value, dict):
        if value.get("entityType") in REFERRED:
            yield value["entityType"], value["guid"]
        for element in value.values():
            yield from references(element)


def test_what_orders_refer_to_is_mostly_in_use(world: World) -> None:
    for place in world.places.values():
        known = published(world, place.guid, moment(NOW))
        catalog = world.catalog(place)
        assert sum(known.find("menuItems", item.guid) is not None for item in catalog.items) > 0.7 * len(catalog.items)


@pytest.mark.parametrize(("seed", "first"), [(1, "2025-02-03"), (1, "2026-02-09"), (5, "2026-02-09")])
def test_any_five_weeks_have_renames_archivals_and_returns(seed: int, first: str) -> None:
    world = make_world(seed)
    renamed: set[str] = set()
    altered: set[str] = set()
    archived: set[str] = set()
    returned: set[str] = set()
    born = 0
    begin = moment(f"{first}T12:00:00Z")
    for place in world.places.values():
        before: Published | None = None
        for day in range(36):
            now = world.configuration(place).at(begin + day * DAY)
            for kind in ENTITY_TYPES:
                for guid, state in now.states[kind].items():
                    was = before.states[kind].get(guid) if before else None
                    if was is None:
                        born += before is not None
                    elif was.entity.name != state.entity.name:
                        renamed.add(kind)
                    elif was.entity != state.entity:
                        altered.add(kind)
                    if was and was.archived is None and state.archived is not None:
                        archived.add(kind)
                    if was and was.archived is not None and state.archived is None:
                        returned.add(kind)
            before = now
    assert len(renamed) >= 20
    assert len(altered) >= 12
    assert len(archived) >= 18
    assert len(returned) >= 18
    assert born >= 3
    assert not archived & {"restaurants", "tipWithholding"}


def test_about_three_in_a_hundred_change_in_a_week(world: World) -> None:
    entities = changes = 0
    begin = moment("2025-06-02T12:00:00Z")
    for place in world.places.values():
        configuration = world.configuration(place)
        for week in range(5):
            now = configuration.at(begin + (week + 1) * WEEK)
            states = [state for kind in ENTITY_TYPES for state in now.all(kind)]
            entities += len(states)
            changes += sum(state.modified > begin + week * WEEK for state in states)
    assert 0.02 < changes / entities < 0.045


def test_publishes_come_a_few_times_a_week_at_night_or_in_mid_morning(world: World) -> None:
    for place in world.places.values():
        publishes = Publishes(place, world.seed)
        now, gaps, hours = moment("2026-01-05T00:00:00Z"), [], Counter[int]()
        for _ in range(60):
            after = publishes.after(now)
            assert publishes.last(after) == after
            assert publishes.last(after - 1) <= now
            gaps.append(after - now)
            now = after
            hours[dt.datetime.fromtimestamp(after / 1000, place.zone).hour] += 1
        assert 1.5 * DAY < sum(gaps) / len(gaps) < 3.5 * DAY
        assert set(hours) <= {1, 2, 3, 4, 9, 10}


def test_nothing_changes_between_publishes(world: World) -> None:
    place = world.places[BROOKLYN]
    publishes = Publishes(place, world.seed)
    publish = publishes.after(moment(NOW))
    following = publishes.after(publish)
    other = make_world().configuration(place)
    assert world.configuration(place).at(publish).states == other.at(following - 1).states
    assert publish in {world.configuration(place).at(n).since for n in (publish, following - 1)}


def test_the_configuration_is_a_function_of_seed_place_and_moment() -> None:
    moments = [moment(text) for text in ("2026-03-20T12:00:00Z", "2024-12-01T00:00:00Z", "2031-07-01T00:00:00Z")]
    one, other = make_world(), make_world()
    asked = {now: published(one, WAIKIKI, now).states for now in moments}
    for now in reversed(moments):
        assert published(other, WAIKIKI, now).states == asked[now]
    assert published(make_world(seed=2), WAIKIKI, moments[0]).states != asked[moments[0]]


def test_archived_entities_that_are_core_always_come_back(world: World) -> None:
    spans: dict[str, list[bool]] = defaultdict(list)
    for place in world.places.values():
        for reason in world.catalog(place).void_reasons:
            events = world.configuration(place).history("voidReasons", reason.guid, moment("2026-06-01T00:00:00Z"))
            spans[reason.guid] = [
                event.change == "archive" for event in events if event.change in ("archive", "restore")
            ]
    assert any(spans.values())
    for changes in spans.values():
        assert all(archive == (number % 2 == 0) for number, archive in enumerate(changes))


def test_nothing_is_newer_than_now_even_before_a_restaurant_opens(world: World) -> None:
    for text in ("2015-12-02T00:00:00Z", "2022-06-01T00:00:00Z", NOW):
        for place in world.places.values():
            now = published(world, place.guid, moment(text))
            assert now.menus_updated is not None
            assert now.menus_updated <= moment(text)
            states = [state for kind in ENTITY_TYPES for state in now.all(kind)]
            assert all(state.created <= state.modified <= moment(text) for state in states)
