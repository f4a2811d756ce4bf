"""Twenty processes, one Toast token: real processes, a simulated Toast, and a Secret Manager that speaks gRPC."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from functions import SimulatorControl
from secret_manager import SecretManager

from shared.token_claims import Share, annotation_of, client_hash

INSTANCES = 20
CLIENT_ID, CLIENT_SECRET = "client-4711", "hush-hush-4712"
LOGIN_PATH = "/authentication/v1/authentication/login"
INSTANCE = Path(__file__).with_name("toast_instance.py")


class Instance:
    """A process that runs toast_instance.py."""

    def __init__(self, world, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / f"{len(list(folder.iterdir()))}.log"
        self.said: list[str] = []
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(INSTANCE), world.secrets.address, world.url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def wait_until_ready(self):
        assert self.process.stdout.readline() == "ready\n", self.log_path.read_text()
        return self

    def tell(self, **what) -> None:
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        self.said.append(line)
        return json.loads(line)

    def ask(self, **what):
        self.tell(**what)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def left_traces(self) -> str:
        """Everything that anybody could read of this process."""
        seen = [self.log_path.read_text(), *self.said]
        if self.process.poll() is None:
            seen += [Path(f"/proc/{self.process.pid}/{name}").read_text() for name in ("cmdline", "environ")]
        return "\n".join(seen)


class World:
    """A Toast, a Secret Manager with its credentials, and processes that use both."""

    def __init__(self, simulator, folder: Path) -> None:
        self.simulator = simulator
        self.url = simulator.url
        self.control = SimulatorControl(simulator.url)
        self.secrets = SecretManager()
        self.secrets.create("TOAST_CLIENT_ID", CLIENT_ID)
        self.secrets.create("TOAST_CLIENT_SECRET", CLIENT_SECRET)
        self.secret = self.secrets.create("TOAST_TOKEN")
        self.folder = folder / "instances"
        self.instances: list[Instance] = []

    def start(self, count: int) -> list[Instance]:
        started = [Instance(self, self.folder) for _ in range(count)]
        self.instances += started
        return [instance.wait_until_ready() for instance in started]

    def logins(self) -> int:
        return self.control.requests_so_far()["logins"]

    def advance(self, seconds: int) -> None:
        self.control.clock(self.control.now() + dt.timedelta(seconds=seconds))

    def share(self) -> Share:
        return Share.read(self.secret.annotations.get(annotation_of(client_hash(CLIENT_ID))))

    def traces(self) -> str:
        instances = [instance.left_traces() for instance in self.instances]
        return "\n".join([*instances, *self.secrets.written, self.simulator.log()])

    def tokens(self) -> list[str]:
        """Every token that was ever stored."""
        return [msgspec.json.decode(payload)["token"] for payload in self.secrets.payloads if payload[:1] == b"{"]


@pytest.fixture
def world(start_simulator, tmp_path):
    made = World(start_simulator(client_id=CLIENT_ID, client_secret=CLIENT_SECRET), tmp_path)
    yield made
    for instance in made.instances:
        if instance.process.poll() is None:
            instance.end()
    made.secrets.stop()


def at_once(instances, **what):
    """Tell all of them the same, then read all answers."""
    for instance in instances:
        instance.tell(**what)
    with ThreadPoolExecutor(len(instances)) as pool:
        return list(pool.map(Instance.answer, instances))


def wait_until(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    assert condition()


def test_twenty_processes_use_one_token_from_start_to_end(world):
    instances = world.start(INSTANCES)

    # All start at once.
    first = at_once(instances, begin=True)
    assert [answer["error"] for answer in first] == [None] * INSTANCES
    assert len({answer["token"] for answer in first}) == 1
    assert world.logins() == 1
    # The secret had no version, and they looked before any had claimed the login: some must have lost the race.
    assert world.secrets.conflicts > 0
    assert world.secrets.count("AddSecretVersion") == 1

    # The token ends: one of them renews it, once it is in its last minute.
    lifetime = 86_400
    world.advance(lifetime - 30)
    second = at_once(instances, later=lifetime - 30)
    assert [answer["error"] for answer in second] == [None] * INSTANCES
    assert len({answer["token"] for answer in second}) == 1
    assert second[0]["token"] != first[0]["token"]
    assert world.logins() == 2
    assert world.secrets.enabled(world.secret) == [2]

    # Toast answers 401 to it: it is replaced, once.
    world.control.fault("expired_token")
    third = at_once(instances)
    assert [answer["error"] for answer in third] == [None] * INSTANCES
    assert {answer["version"] for answer in third} == {3}
    assert third[0]["token"] != second[0]["token"]
    assert world.logins() == 3

    # And again within the hour: Toast's two logins are spent, which they say, and how long it will be so.
    world.control.no_faults()
    world.control.fault("expired_token")
    fourth = at_once(instances)
    assert {answer["error"] for answer in fourth} == {"ToastUnavailable"}
    assert all(3400 < answer["retry_after"] <= 3600 for answer in fourth)
    assert all("2 logins an hour" in answer["detail"] for answer in fourth)
    assert world.logins() == 3

    # After that time it goes on by itself.
    world.advance(3600)
    fifth = at_once(instances, later=3600)
    assert [answer["error"] for answer in fifth] == [None] * INSTANCES
    assert world.logins() == 4
    assert world.secrets.enabled(world.secret) == [4]

    assert [hashlib.sha256(token.encode()).hexdigest() for token in world.tokens()] == [
        answers[0]["token"] for answers in (first, second, third, fifth)
    ]
    traces = world.traces()
    assert "toast_token_stored" in traces
    encoded = [base64.b64encode(payload).decode() for payload in world.secrets.payloads]
    for secret in (CLIENT_SECRET, CLIENT_ID, *world.tokens(), *encoded):
        assert secret not in traces


def test_a_process_that_is_killed_while_logging_in_keeps_nobody_waiting_for_long(world):
    world.control.fault("delay", path=LOGIN_PATH, seconds=60)
    victim, *others = world.start(5)
    victim.tell(begin=True)
    wait_until(lambda: world.control.struck() == 1)
    victim.kill()
    assert world.share().claimed_by
    # By the others' clocks, the claim ends in a few seconds.
    answers = at_once(others, begin=True, later=40)
    assert [answer["error"] for answer in answers] == [None] * 4
    assert len({answer["token"] for answer in answers}) == 1
    assert all(2 < answer["seconds"] < 15 for answer in answers)
    assert world.secrets.count("AddSecretVersion") == 1
    # Its login counts, since Toast may have given it a token: no other is left in this hour.
    assert len(world.share().logins) == 2
    world.control.fault("expired_token")
    assert {answer["error"] for answer in at_once(others)} == {"ToastUnavailable"}
