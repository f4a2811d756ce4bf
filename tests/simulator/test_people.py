"""Employees and jobs: who is returned, how those who left are told, and that nobody is real."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from configured import exactly, published
from simulated import BROOKLYN, NOW, WAIKIKI, Client, Json, make_world, moment

EMPLOYEES, JOBS = "/labor/v1/employees", "/labor/v1/jobs"


@pytest.fixture
def everybody(client: Client) -> list[Json]:
    """The employees of all restaurants."""
    return [
        employee
        for location in make_world().places
        for employee in client.get(EMPLOYEES, headers={"Toast-Restaurant-External-ID": location}).json()
    ]


def test_employees_who_left_are_returned_and_flagged(everybody: list[Json]) -> None:
    left = [employee for employee in everybody if employee["deleted"]]
    assert 0 < len(left) < len(everybody) / 4
    for employee in left:
        assert employee["createdDate"] < employee["deletedDate"] <= employee["modifiedDate"]


def test_who_is_here_has_a_deleted_date_of_1970_or_none(everybody: list[Json]) -> None:
    dates = {employee["deletedDate"] for employee in everybody if not employee["deleted"]}
    assert dates == {None, "1970-01-01T00:00:00.000+0000"}


def test_names_numbers_and_wages_take_every_form(everybody: list[Json]) -> None:
    assert {employee["chosenName"] in (None, "") for employee in everybody} == {True, False}
    assert {employee["externalEmployeeId"] for employee in everybody} >= {None, ""}
    overrides = [len(employee["wageOverrides"]) for employee in everybody]
    assert {0, 1} <= set(overrides)
    for employee in everybody:
        assert employee["entityType"] == "RestaurantUser"
        assert employee["jobReferences"]
        assert employee["v2EmployeeGuid"] != employee["guid"]


def test_nobody_can_be_written_to_or_called(everybody: list[Json]) -> None:
    emails = {employee["email"] for employee in everybody} - {None}
    phones = {employee["phoneNumber"] for employee in everybody} - {None}
    assert all(email.endswith("@example.com") for email in emails)
    assert all(len(phone) == 7 and phone.startswith("55501") for phone in phones)
    assert len(emails) > 100
    assert len(phones) > 20


def test_everybody_has_jobs_of_the_restaurant(client: Client) -> None:
    known = published(make_world(), BROOKLYN, moment(NOW)).states["jobs"]
    for employee in exactly(client, EMPLOYEES):
        for reference in (*employee["jobReferences"], *(one["jobReference"] for one in employee["wageOverrides"])):
            assert reference["guid"] in known


def test_servers_of_orders_are_employees(client: Client) -> None:
    guids = {employee["guid"] for employee in exactly(client, EMPLOYEES)}
    orders = client.bulk(businessDate="20260214").json()
    servers = {order["server"]["guid"] for order in orders if order["server"]}
    assert servers
    assert servers <= guids


def test_archived_jobs_are_left_out(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    jobs = exactly(client, JOBS)
    assert {job["deleted"] for job in jobs} == {False}
    gone = jobs[0]["guid"]
    client.control("edits", restaurant_guid=BROOKLYN, entity="jobs", guid=gone, change="archive")
    assert [job["guid"] for job in exactly(client, JOBS)] == [job["guid"] for job in jobs[1:]]
    assert exactly(client, JOBS, jobIds=[gone]) == []


def test_jobs_are_paid_by_the_hour_or_salaried(client: Client) -> None:
    jobs = exactly(client, JOBS)
    assert {job["wageFrequency"] for job in jobs} == {"HOURLY", "SALARY"}
    assert all((job["defaultWage"] is None) == (job["wageFrequency"] == "SALARY") for job in jobs)
    assert {job["tipped"] for job in jobs} == {True, False}
    assert {job["excludeFromReporting"] for job in jobs} == {True, False}


def test_an_employee_who_leaves_stays_in_the_list_and_may_come_back(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    before = next(one for one in exactly(client, EMPLOYEES) if not one["deleted"])
    edit = {"restaurant_guid": BROOKLYN, "entity": "employees", "guid": before["guid"]}
    client.control("edits", **edit, change="archive")
    (left,) = exactly(client, EMPLOYEES, employeeIds=before["guid"])
    assert left["deleted"]
    assert left["deletedDate"] == left["modifiedDate"] > before["modifiedDate"]
    client.control("edits", **edit, change="restore")
    client.control("edits", **edit, change="rename", name="Newlywed")
    (back,) = exactly(client, EMPLOYEES, employeeIds=before["guid"])
    assert not back["deleted"]
    assert back["lastName"] == "Newlywed"


@pytest.mark.parametrize(("path", "name"), [(EMPLOYEES, "employeeIds"), (JOBS, "jobIds")])
def test_guids_choose_who_is_returned(client: Client, path: str, name: str) -> None:
    everybody = [one["guid"] for one in exactly(client, path)]
    chosen = [everybody[3], everybody[1]]
    assert {one["guid"] for one in exactly(client, path, **{name: chosen})} == set(chosen)
    assert exactly(client, path, **{name: WAIKIKI}) == []
    assert client.get(path, **{name: [everybody[0]] * 100}).status_code == 200
    assert client.get(path, **{name: [everybody[0]] * 101}).status_code == 400
    assert client.get(path, **{name: "nobody"}).status_code == 400


def test_they_are_never_paged(client: Client) -> None:
    everybody = exactly(client, EMPLOYEES)
    assert exactly(client, EMPLOYEES, pageSize=2, page=2) == everybody
    assert "Toast-Next-Page-Token" not in client.get(EMPLOYEES).headers


def test_employees_can_be_forbidden_alone(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    client.control("faults", kind="forbidden", rate=1.0, path=EMPLOYEES)
    assert client.get(EMPLOYEES).status_code == 403
    assert client.get(JOBS).status_code == 200
