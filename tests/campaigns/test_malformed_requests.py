"""Ten thousand malformed requests, and a thousand broken connections: each is refused in its place, nothing is done.

Run by `make campaign`; it takes half a minute. MALFORMED_REQUESTS says how many requests, MUTATION_SEED which ones.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
import requests
from functions import Reply, in_process
from malformed_requests import (
    BROKEN,
    FUNCTIONS,
    REFUSED,
    Untouched,
    draw,
    exchange,
    statuses,
    untouched_host,
)

from local_stack.processes import ServerProcess, function_environment, function_process

COUNT = int(os.environ.get("MALFORMED_REQUESTS", "10000"))
SEED = int(os.environ.get("MUTATION_SEED", "1"))
CONNECTIONS = COUNT // 10
AT_ONCE = 4


@pytest.fixture(scope="module")
def nobody() -> Iterator[Untouched]:
    with untouched_host() as host:
        yield host
        host.assert_untouched()


@pytest.mark.parametrize("target", FUNCTIONS)
def test_every_malformed_request_is_told_what_is_wrong_with_it(
    target: str, nobody: Untouched, capfd: pytest.CaptureFixture[str]
) -> None:
    random, met = Random(f"{SEED} {target}"), Counter[str]()
    with in_process(function_environment(nobody.url, nobody.url), target) as function:
        for number in range(COUNT // len(FUNCTIONS)):
            request = draw(random, target)
            try:
                request.assert_refused_by(function)
            except AssertionError as error:
                raise AssertionError(f"seed {SEED}, {target}, number {number}: {request!r:.2000}") from error
            met[f"{request.status} {request.kind}"] += 1
            if number % 500 == 0:
                assert "Traceback" not in capfd.readouterr().err
    assert "Traceback" not in capfd.readouterr().err
    nobody.assert_untouched()
    with capfd.disabled():
        print(f"\nseed {SEED}, {target}: " + ", ".join(f"{name} {count}" for name, count in sorted(met.items())))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, nobody: Untouched) -> Iterator[list[ServerProcess]]:
    environment = function_environment(nobody.url, nobody.url)
    with ExitStack() as stack:
        folders = {target: tmp_path_factory.mktemp(target) for target in FUNCTIONS}
        yield [stack.enter_context(function_process(target, folder, environment)) for target, folder in folders.items()]


def test_no_broken_connection_ends_a_server(
    servers: list[ServerProcess], nobody: Untouched, capfd: pytest.CaptureFixture[str]
) -> None:
    pids, met = [server.pid for server in servers], Counter[str]()

    def send(number: int) -> str:
        random = Random(f"{SEED} {number}")
        server, name = servers[number % len(servers)], random.choice([*BROKEN])
        told = {*statuses(exchange(server.url, BROKEN[name](random), abrupt=random.random() < 0.2))}
        assert told <= REFUSED, (number, name, told)
        reply = requests.post(server.url, data=b'{"tenant": 5}', timeout=30)
        problem = Reply(reply.status_code, reply.headers, reply.text).is_problem(400, "tenant")
        assert set(problem["errors"]) == {"tenant"}, (number, name)
        return f"{name} {sorted(told)}"

    with ThreadPoolExecutor(AT_ONCE) as pool:  # side by side, so that one may disturb another if it can
        met.update(pool.map(send, range(CONNECTIONS)))
    assert all(server.running for server in servers)
    assert [server.pid for server in servers] == pids
    assert not [server.name for server in servers if "Traceback" in Path(server.log_path).read_text(encoding="utf-8")]
    nobody.assert_untouched()
    with capfd.disabled():
        print(f"\nseed {SEED}: " + ", ".join(f"{name} {count}" for name, count in sorted(met.items())))
