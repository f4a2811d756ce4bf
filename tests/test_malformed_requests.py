"""A share of the malformed requests of tests/campaigns: each is refused in its place, and nothing is done."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import requests
from functions import Reply, in_process
from malformed_requests import (
    BROKEN,
    FUNCTIONS,
    KINDS,
    REFUSED,
    Malformed,
    Untouched,
    draw,
    exchange,
    statuses,
    untouched_host,
)

from local_stack.processes import ServerProcess, function_environment, function_process

SEED = 20260221
EACH = 125  # of four functions


@pytest.fixture(scope="module")
def nobody() -> Iterator[Untouched]:
    with untouched_host() as host:
        yield host
        host.assert_untouched()


@pytest.mark.parametrize("target", FUNCTIONS)
def test_a_malformed_request_is_told_what_is_wrong_with_it_and_nothing_is_done(
    target: str, nobody: Untouched, capfd: pytest.CaptureFixture[str]
) -> None:
    random, met = Random(f"{SEED} {target}"), Counter[str]()
    with in_process(function_environment(nobody.url, nobody.url), target) as function:
        for _ in range(EACH):
            request = draw(random, target)
            try:
                request.assert_refused_by(function)
            except AssertionError as error:
                raise AssertionError(f"{request!r:.2000}") from error
            met[request.kind] += 1
    assert met.keys() == KINDS.keys()
    assert "Traceback" not in capfd.readouterr().err
    nobody.assert_untouched()


@pytest.mark.parametrize("date", ["start_date", "end_date"])
def test_a_function_without_dates_does_not_ask_for_the_other_one(date: str, nobody: Untouched) -> None:
    with in_process(function_environment(nobody.url, nobody.url), "config_weekly") as function:
        problem = function(**{date: "2026-02-16"}).is_problem(400, "not taken by this function")
    assert set(problem["errors"]) == {date}


def test_a_request_that_is_not_refused_would_be_seen(nobody: Untouched, capfd: pytest.CaptureFixture[str]) -> None:
    with in_process(function_environment("http://127.0.0.1:9", "http://127.0.0.1:9")) as function:
        with pytest.raises(AssertionError):
            Malformed("", b'{"tenant": 5}', 404).assert_refused_by(function)
        with pytest.raises(AssertionError):
            Malformed("", b'{"tenant": 5}', 400, frozenset({"mode"})).assert_refused_by(function)


def test_a_connection_to_the_host_that_nobody_may_reach_would_be_seen() -> None:
    with untouched_host() as host:
        host.assert_untouched()
        with pytest.raises(requests.Timeout):
            requests.get(host.url, timeout=0.05)
        with pytest.raises(AssertionError, match="reached"):
            host.assert_untouched()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, nobody: Untouched) -> Iterator[ServerProcess]:
    environment = function_environment(nobody.url, nobody.url)
    with function_process("cash_daily", tmp_path_factory.mktemp("cash"), environment) as process:
        yield process


def test_broken_framing_ends_its_connection_and_not_the_server(server: ServerProcess, nobody: Untouched) -> None:
    random, pid = Random(SEED), server.pid
    for name in [*BROKEN] * 2:
        assert {*statuses(exchange(server.url, BROKEN[name](random), abrupt=False))} <= REFUSED, name
        exchange(server.url, BROKEN[name](random), abrupt=True)
        reply = requests.post(server.url, data=b'{"tenant": 5}', timeout=10)
        problem = Reply(reply.status_code, reply.headers, reply.text).is_problem(400, "tenant")
        assert set(problem["errors"]) == {"tenant"}, name
    assert (server.running, server.pid) == (True, pid)
    nobody.assert_untouched()
    assert "Traceback" not in server.log_path.read_text(encoding="utf-8")


class BrokenOff(io.BytesIO):
    """A body whose connection breaks off in the middle."""

    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError("for the test")

    def readinto(self, buffer: Any) -> int:
        raise ConnectionResetError("for the test")


@pytest.mark.parametrize("headers", [{"Transfer-Encoding": "chunked"}, {"Content-Length": "100"}], ids=str)
def test_a_body_that_breaks_off_is_the_callers_doing(
    headers: dict[str, str], nobody: Untouched, capfd: pytest.CaptureFixture[str]
) -> None:
    environ = {"wsgi.input_terminated": "Transfer-Encoding" in headers}
    with in_process(function_environment(nobody.url, nobody.url)) as function:
        for method, path in (("POST", "/"), ("POST", "/elsewhere"), ("PUT", "/")):
            body = {"input_stream": BrokenOff(), "headers": headers, "environ_overrides": environ}
            reply = function.request(method, path, **body)
            assert set(reply.is_problem(400, "body")["errors"]) == {"body"}
    assert "Traceback" not in capfd.readouterr().err
