"""Which restaurants there are: the partners API, management groups, archived restaurants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from configured import exactly
from simulated import BROOKLYN, NOW, WAIKIKI, Client, Json, make_world, moment

from toast_simulator.restaurants_api import restaurant_info
from toast_simulator.world.lives import WEEK
from toast_simulator.world.world import World

RESTAURANTS, CONNECTED = "/partners/v1/restaurants", "/partners/v1/connectedRestaurants"
NOWHERE = {"Toast-Restaurant-External-ID": None}


@pytest.mark.parametrize("path", [RESTAURANTS, CONNECTED])
def test_no_restaurant_header_is_needed_but_a_login_is(client: Client, path: str) -> None:
    assert client.get(path, headers=NOWHERE).status_code == 200
    assert client.get(path, headers={"Authorization": "Bearer nothing"}).status_code == 401
    assert client.session.post(client.url + path, timeout=5).status_code == 403


def test_all_restaurants_are_there(client: Client) -> None:
    rows = exactly(client, RESTAURANTS)
    assert [row["restaurantGuid"] for row in rows] == list(make_world().places)
    assert {row["locationName"] is None for row in rows} == {True, False}
    for row in rows:
        assert row["isoModifiedDate"].endswith("Z")
        for field in ("Modified", "Created"):
            parsed = dt.datetime.fromisoformat(row[f"iso{field}Date"])
            assert round(parsed.timestamp() * 1000) == row[f"{field.lower()}Date"]
        assert "config:read" in row["scopes"]
        assert row["createdByEmailAddress"].endswith("@example.com")


@pytest.mark.parametrize("path", [RESTAURANTS, CONNECTED])
def test_last_modified_leaves_out_the_others(start: Callable[..., Client], path: str) -> None:
    client = start("--limits", "off")
    client.control("edits", restaurant_guid=WAIKIKI, entity="restaurants", guid=WAIKIKI, change="rename", name="Aloha")
    reply = exactly(client, path, lastModified="2026-03-20T12:00:00.000+0000")
    (row,) = reply if path == RESTAURANTS else reply["results"]
    assert (row["restaurantGuid"], row["restaurantName"]) == (WAIKIKI, "Aloha")
    assert client.get(f"{path}?lastModified=2026-03-20T12:00:00.000+0000").status_code == 400


def test_connected_restaurants_come_in_pages(client: Client) -> None:
    found: list[str] = []
    query: Json = {"pageSize": 5}
    for number in (1, 2, 3):
        reply = client.get(CONNECTED, **query)
        page = reply.json()
        assert (page["currentPageNum"], page["lastPageNum"], page["pageSize"]) == (number, 3, 5)
        assert page["previousPageNum"] == (number - 1 or None)
        assert page["totalResultCount"] == page["totalCount"] == 13
        found += [row["restaurantGuid"] for row in page["results"]]
        assert (page["nextPageToken"] is None) == (page["nextPageNum"] is None) == ("next" not in reply.links)
        if number < 3:
            assert client.session.get(reply.links["next"]["url"], timeout=5).json()["currentPageNum"] == number + 1
        query = {"pageToken": page["nextPageToken"]}
    assert found == list(make_world().places)
    assert exactly(client, CONNECTED)["pageSize"] == 100


@pytest.mark.parametrize("query", [{"pageSize": 201}, {"pageSize": 0}, {"pageSize": "many"}, {"pageToken": "made-up"}])
def test_wrong_pages_are_refused(client: Client, query: Json) -> None:
    assert client.get(CONNECTED, **query).status_code == 400
    assert client.get(CONNECTED, pageSize=200).status_code == 200


def test_a_management_group_lists_its_restaurants(client: Client) -> None:
    group = exactly(client, f"/restaurants/v1/restaurants/{BROOKLYN}")["general"]["managementGroupGuid"]
    members = exactly(client, f"/restaurants/v1/groups/{group}/restaurants")
    assert members == [{"guid": guid} for guid in make_world().places]
    assert client.get(f"/restaurants/v1/groups/{BROOKLYN}/restaurants").status_code == 403


def test_an_archived_restaurant_is_there_only_when_asked_for(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    client.control("edits", restaurant_guid=WAIKIKI, entity="restaurants", guid=WAIKIKI, change="archive")
    path = f"/restaurants/v1/restaurants/{WAIKIKI}"
    assert client.get(path).status_code == 404
    assert client.get(path, includeArchived="false").status_code == 404
    assert exactly(client, path, includeArchived="true")["general"]["archived"] is True
    rows = {row["restaurantGuid"]: row["deleted"] for row in exactly(client, RESTAURANTS)}
    assert [guid for guid, deleted in rows.items() if deleted] == [WAIKIKI]
    group = exactly(client, f"/restaurants/v1/restaurants/{BROOKLYN}")["general"]["managementGroupGuid"]
    assert {"guid": WAIKIKI} not in exactly(client, f"/restaurants/v1/groups/{group}/restaurants")


def test_restaurants_change_rarely_and_never_their_names_or_hours() -> None:
    world = make_world()
    begin, end = moment(NOW) - 104 * WEEK, moment(NOW)
    changes = {
        guid: [event for event in world.configuration(place).history("restaurants", guid, end) if event.moment > begin]
        for guid, place in world.places.items()
    }
    assert {event.change for events in changes.values() for event in events} == {"rename", "alter"}
    assert 2 <= sum(map(bool, changes.values())) <= 11
    assert sum(map(len, changes.values())) < len(changes)
    guid = max(changes, key=lambda guid: len(changes[guid]))
    before, after = (general(guid, world, now) for now in (begin, end))
    assert before != after
    assert {name for name in before if before[name] != after[name]} <= {"locationName", "locationCode"}


def general(guid: str, world: World, now: int) -> Json:
    """What the API says of a restaurant at a moment."""
    place = world.places[guid]
    (state,) = world.configuration(place).at(now).all("restaurants")
    found: Json = restaurant_info(place, state)["general"]
    return found
