"""The truth of dimensions equals a separate reading of the API, at any moment and after edits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from configured import comparable, read_tables, truth_tables
from simulated import BROOKLYN, NOW, WAIKIKI, Client, Server

from shared.dimension_tables import DIMENSIONS


@pytest.fixture(scope="module")
def travelling_server() -> Iterator[Server]:
    """A simulator whose clock these tests move."""
    server = Server("--limits", "off", "--clock", NOW)
    yield server
    server.stop()


@pytest.fixture
def traveller(travelling_server: Server) -> Iterator[Client]:
    client = Client(travelling_server.url)
    client.control("clock", now=NOW)
    client.login()
    yield client
    client.session.close()


@pytest.mark.parametrize("now", ["2024-11-30T23:00:00Z", "2026-02-14T09:41:00Z", "2026-03-11T16:00:00Z"])
def test_truth_is_what_the_api_says(traveller: Client, now: str) -> None:
    traveller.control("clock", now=now)
    traveller.login()
    for location in (BROOKLYN, WAIKIKI):
        truth = truth_tables(traveller, location, contacts="true")
        assert comparable(truth) == comparable(read_tables(traveller, location))
        assert all(truth.values())


def test_every_restaurant_has_its_own_truth(traveller: Client) -> None:
    rows = traveller.get("/partners/v1/restaurants").json()
    locations = [row["restaurantGuid"] for row in rows]
    seen: set[str] = set()
    for location in locations:
        truth = truth_tables(traveller, location, contacts="true")
        assert comparable(truth) == comparable(read_tables(traveller, location))
        options = set(truth["dim_dining_options"])
        assert not options & seen
        seen |= options


def test_truth_has_the_columns_of_the_dimension_tables(traveller: Client) -> None:
    truth = truth_tables(traveller, BROOKLYN)
    assert set(truth) == {dimension.name for dimension in DIMENSIONS.values()}
    for dimension in DIMENSIONS.values():
        for columns in truth[dimension.name].values():
            assert set(columns) == {column.name for column in dimension.attributes}, dimension.name


def test_truth_of_another_moment_is_what_the_api_said_then(traveller: Client) -> None:
    before = "2026-02-10T12:00:00Z"
    traveller.control("clock", now=before)
    traveller.login()
    said = comparable(read_tables(traveller, WAIKIKI))
    traveller.control("clock", now=NOW)
    assert comparable(truth_tables(traveller, WAIKIKI, contacts="true", at=before)) == said
    assert comparable(truth_tables(traveller, WAIKIKI, contacts="true")) != said


def test_contacts_are_told_only_when_asked_for(traveller: Client) -> None:
    asked = truth_tables(traveller, BROOKLYN, contacts="true")["dim_employees"].values()
    assert sum(columns["email"] is not None for columns in asked) > 20
    not_asked = truth_tables(traveller, BROOKLYN)["dim_employees"].values()
    assert {(columns["email"], columns["phone_number"]) for columns in not_asked} == {(None, None)}


def test_edits_are_part_of_truth(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    truth = truth_tables(client, BROOKLYN)
    charge, area = next(iter(truth["dim_service_charges"])), next(iter(truth["dim_service_areas"]))
    person = next(guid for guid, columns in truth["dim_employees"].items() if not columns["is_deleted"])
    edits = (("serviceCharges", charge, "archive"), ("serviceAreas", area, "rename"), ("employees", person, "archive"))
    for entity, guid, change in edits:
        name = {"name": "Loggia"} if change == "rename" else {}
        client.control("edits", restaurant_guid=BROOKLYN, entity=entity, guid=guid, change=change, **name)
    edited = truth_tables(client, BROOKLYN)
    assert charge not in edited["dim_service_charges"]
    assert edited["dim_service_areas"][area]["name"] == "Loggia"
    assert edited["dim_employees"][person]["is_deleted"] is True
    assert comparable(truth_tables(client, BROOKLYN, contacts="true")) == comparable(read_tables(client, BROOKLYN))
    client.control("edits", restaurant_guid=BROOKLYN, entity="serviceCharges", guid=charge, change="restore")
    assert truth_tables(client, BROOKLYN)["dim_service_charges"][charge] == truth["dim_service_charges"][charge]


@pytest.mark.parametrize(
    ("edit", "status"),
    [
        ({"entity": "diningOptions", "guid": "none", "change": "archive"}, 404),
        ({"entity": "nothings", "guid": "none", "change": "archive"}, 404),
        ({"entity": "diningOptions", "guid": "none", "change": "rename"}, 400),
        ({"entity": "diningOptions", "guid": "none", "change": "archive", "name": "x"}, 400),
        ({"entity": "cashDrawers", "guid": "none", "change": "rename", "name": "x"}, 400),
        ({"entity": "tipWithholding", "guid": "none", "change": "archive"}, 400),
        ({"entity": "diningOptions", "guid": "none", "change": "explode"}, 400),
        ({"change": "explode_menus"}, 400),
    ],
)
def test_wrong_edits_are_refused(traveller: Client, edit: dict[str, str], status: int) -> None:
    reply = traveller.session.post(
        f"{traveller.url}/_simulator/edits", json={"restaurant_guid": BROOKLYN, **edit}, timeout=5
    )
    assert reply.status_code == status, reply.text


def test_a_wrong_moment_is_refused(traveller: Client) -> None:
    url = f"{traveller.url}/_simulator/truth/dimensions?restaurant_guid={BROOKLYN}&at=yesterday"
    assert traveller.session.get(url, timeout=5).status_code == 400
