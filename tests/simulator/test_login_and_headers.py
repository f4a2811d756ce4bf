"""Logins, the restaurant header, and what every reply carries."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import pytest
from simulated import BROOKLYN, Client

PATH = "/orders/v2/ordersBulk?businessDate=20260214&pageSize=1"


def test_the_same_token_comes_again_until_its_last_minute(start: Callable[..., Client]) -> None:
    client = start("--token-lifetime", "600")
    first = client.login().json()
    assert (first["@class"], first["status"]) == (".SuccessfulResponse", "SUCCESS")
    assert first["token"]["tokenType"] == "Bearer"
    assert 598 <= first["token"]["expiresIn"] <= 600
    client.control("clock", advance_seconds=530)
    second = client.login().json()
    assert second["token"]["accessToken"] == first["token"]["accessToken"]
    assert 60 < second["token"]["expiresIn"] <= 70
    client.control("clock", advance_seconds=20)
    old = dict(client.session.headers)
    third = client.login().json()
    assert third["token"]["accessToken"] != first["token"]["accessToken"]
    assert third["token"]["expiresIn"] >= 598
    assert client.get(PATH, headers={"Authorization": str(old["Authorization"])}).status_code == 200
    client.control("clock", advance_seconds=60)
    assert client.get(PATH, headers={"Authorization": str(old["Authorization"])}).status_code == 401
    assert client.get(PATH).status_code == 200


def test_the_token_is_a_jwt_with_the_documented_claims(client: Client) -> None:
    token = client.login().json()["token"]["accessToken"]
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["https://toasttab.com/access_type"] == "TOAST_MACHINE_CLIENT"
    assert claims["exp"] - claims["iat"] == 86_400
    assert claims["sub"] == "simulator@clients"
    assert "orders:read" in claims["scope"].split()


def test_login_refuses_what_it_should(client: Client) -> None:
    url = f"{client.url}/authentication/v1/authentication/login"
    assert client.login(secret="wrong").status_code == 401
    assert client.session.post(url, data="{", timeout=5).status_code == 400
    assert client.session.post(url, json={"clientId": "simulator"}, timeout=5).status_code == 400
    assert client.session.get(url, timeout=5).status_code == 405


def test_login_replies_have_no_rate_limit_headers(client: Client) -> None:
    assert not [name for name in client.login().headers if name.lower().startswith("x-toast")]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Authorization": "Basic c2ltdWxhdG9y"}, 401),
        ({"Toast-Restaurant-External-ID": None}, 400),
        ({"Toast-Restaurant-External-ID": "Brooklyn"}, 400),
        ({"Toast-Restaurant-External-ID": "00000000-0000-0000-0000-000000000000"}, 403),
        ({"Toast-Restaurant-External-ID": BROOKLYN.upper()}, 200),
    ],
)
def test_headers_decide_who_may_read(client: Client, headers: dict[str, str | None], status: int) -> None:
    reply = client.get(PATH, headers=headers)
    assert reply.status_code == status
    assert "X-Toast-RateLimit-Remaining" in reply.headers
    if status != 200:
        assert reply.json()["status"] == status


def test_an_unknown_path_is_404_with_its_code(client: Client) -> None:
    reply = client.get("/orders/v9/nothing")
    assert (reply.status_code, reply.json()["code"]) == (404, 10003)


def test_writing_is_forbidden(client: Client) -> None:
    assert client.session.post(client.url + PATH, json={}, timeout=5).status_code == 403


def test_every_reply_says_the_simulated_date(start: Callable[..., Client]) -> None:
    client = start()
    client.control("clock", now="2026-03-29T23:59:50Z")
    for path in (PATH, "/nowhere", "/_simulator/clock", "/_simulator/nowhere"):
        reply = client.get(path)
        assert len(reply.raw.headers.getlist("date")) == 1
        assert parsedate_to_datetime(reply.headers["Date"]).strftime("%Y-%m-%d %H:%M") == "2026-03-29 23:59"


def test_credentials_can_be_chosen(start: Callable[..., Client]) -> None:
    client = start("--client-secret", "another")
    assert client.login().status_code == 401
    assert client.login(secret="another").status_code == 200
