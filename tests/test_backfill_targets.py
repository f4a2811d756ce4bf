"""Whom a backfill calls: deployed functions with Google's ID tokens, and a stack on this machine."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from backfill.targets import TargetFailed
from backfill.targets.http import HttpCaller, IdTokens
from backfill.targets.local import OwnCaller, has_tables, local_place, toast_settings
from local_stack.processes import ROOT, LocalStack
from shared.config import Settings

URL = "https://us-west1-demo.cloudfunctions.net/orders_daily"


@contextmanager
def token_server(lifetime: float) -> Iterator[tuple[str, list[str]]]:
    """Google's token endpoint: its URL, and the assertions that it was sent."""
    assertions: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            assertions.append(form["assertion"][0])
            claims = {"aud": "x", "exp": time.time() + lifetime, "iat": time.time(), "number": len(assertions)}
            token = ".".join(map(encoded, ({"alg": "none"}, claims, {})))
            body = json.dumps({"id_token": token}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/token", assertions
    finally:
        server.shutdown()
        server.server_close()


def encoded(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


@pytest.fixture
def service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the credentials of a service account that gets its tokens at some URL."""

    def make(token_uri: str) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = tmp_path / "account.json"
        account = {
            "type": "service_account",
            "client_email": "backfill@demo.iam.gserviceaccount.com",
            "private_key": private.decode(),
            "token_uri": token_uri,
        }
        path.write_text(json.dumps(account), encoding="utf-8")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    return make


def test_a_token_is_made_for_the_functions_url_and_kept_until_it_nears_its_end(
    service_account: Callable[[str], None],
) -> None:
    with token_server(lifetime=3600) as (token_uri, assertions):
        service_account(token_uri)
        tokens = IdTokens()
        first = tokens.token(URL)
        assert tokens.token(URL) == first
        assert len(assertions) == 1
        claims = json.loads(base64.urlsafe_b64decode(assertions[0].split(".")[1] + "=="))
        assert claims["target_audience"] == URL
    with token_server(lifetime=120) as (token_uri, assertions):
        service_account(token_uri)
        tokens = IdTokens()
        assert tokens.token(URL) != tokens.token(URL), "two minutes are too few for a call"


def test_without_credentials_it_is_told_how_to_log_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetFailed, match="gcloud auth login"):
        IdTokens().token(URL)


def test_a_pattern_names_every_function() -> None:
    assert HttpCaller("https://x.net").url("cash_daily") == "https://x.net/cash_daily"
    assert HttpCaller("https://{function}-abc.a.run.app").url("cash_daily") == "https://cash_daily-abc.a.run.app"


# --- this machine ------------------------------------------------------------------------------------


def test_a_stack_is_started_once_kept_on_disk_and_shared(tmp_path: Path) -> None:
    """A second command uses the stack that is up; afterwards the tables are still there, and the note is gone."""
    settings = Settings()
    with local_place(tmp_path, settings, ["cash_daily"], environment={}) as first:
        assert first.simulator_url is not None
        with local_place(tmp_path, settings, ["cash_daily"], environment={}) as second:
            assert second.urls == first.urls
            assert second.environment["BIGQUERY_EMULATOR_HOST"] == first.environment["BIGQUERY_EMULATOR_HOST"]
            reply = second.caller.call("cash_daily", {"restaurant_guid": "00000000-0000-4000-8000-000000000000"})
            assert (reply.status, reply.is_problem) == (404, True)
        with (
            pytest.raises(TargetFailed, match="without labor_daily: wait for its end"),
            local_place(tmp_path, settings, ["labor_daily"], environment={}),
        ):
            pass
        requests.get(first.environment["BIGQUERY_EMULATOR_HOST"], timeout=5)
    assert has_tables(tmp_path)
    assert not (tmp_path / "stack.json").exists()


def test_a_stack_stays_up_until_the_last_of_its_users_has_ended(tmp_path: Path) -> None:
    up, wanted_no_more, ended = threading.Event(), threading.Event(), threading.Event()

    def start() -> None:
        with local_place(tmp_path, Settings(), [], environment={}):
            up.set()
            wanted_no_more.wait(60)
        ended.set()

    starter = threading.Thread(target=start)
    starter.start()
    assert up.wait(60)
    with local_place(tmp_path, Settings(), [], environment={}) as joined:
        wanted_no_more.set()
        assert not ended.wait(1.5)
        assert requests.get(joined.environment["BIGQUERY_EMULATOR_HOST"], timeout=5).status_code
    starter.join(60)
    assert ended.is_set()


def test_a_function_that_died_is_there_again_for_the_next_try(tmp_path: Path) -> None:
    unknown = {"restaurant_guid": "00000000-0000-4000-8000-000000000000"}
    with LocalStack(tmp_path, functions=["cash_daily"]) as stack:
        caller = OwnCaller({"cash_daily": stack.function_url("cash_daily")}, stack)
        assert caller.call("cash_daily", unknown).status == 404
        served = stack.functions["cash_daily"].pid
        assert served is not None
        os.kill(served, signal.SIGKILL)
        while stack.functions["cash_daily"].running:
            time.sleep(0.02)
        assert caller.call("cash_daily", unknown).status == 0
        assert caller.call("cash_daily", unknown).status == 404
    assert stack.revive() == [], "what was ended stays so"


def test_a_folder_holds_the_data_of_one_toast_only(tmp_path: Path) -> None:
    own = {"TOAST_CLIENT_ID": "a", "TOAST_CLIENT_SECRET": "b", "TOAST_API_HOST": "http://127.0.0.1:9"}
    with local_place(tmp_path, Settings(), [], environment={}):
        pass
    with (
        pytest.raises(TargetFailed, match=r"holds data of a simulated Toast, and this would be http://127.0.0.1:9 "),
        local_place(tmp_path, Settings(), [], environment=own),
    ):
        pass


STARTER = """
import sys, time
from pathlib import Path
from backfill.targets.local import local_place
from shared.config import Settings
with local_place(Path(sys.argv[1]), Settings(), ["cash_daily"], environment={}):
    print("up", flush=True)
    time.sleep(120)
"""


def test_who_uses_the_stack_of_a_command_that_is_killed_is_told_so_at_once(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        with local_place(tmp_path, Settings(), ["cash_daily"], environment={}) as place:
            starter.kill()
            starter.wait(10)
            with pytest.raises(TargetFailed, match="command that had started them was killed"):
                any(place.caller.call("cash_daily", {}) is None for _ in range(1_000))  # they are asked to end first


def test_a_note_of_a_stack_that_was_killed_is_not_believed(tmp_path: Path) -> None:
    note = {"simulator": "http://127.0.0.1:9", "emulator": "http://127.0.0.1:9", "functions": {}}
    (tmp_path / "stack.json").write_text(json.dumps(note), encoding="utf-8")
    with local_place(tmp_path, Settings(), [], environment={}) as place:
        assert place.environment["BIGQUERY_EMULATOR_HOST"] != "http://127.0.0.1:9"


def test_your_own_credentials_reach_your_own_toast() -> None:
    assert toast_settings({"TOAST_CLIENT_ID": "a"}) is None
    own = {"TOAST_CLIENT_ID": "a", "TOAST_CLIENT_SECRET": "b", "TOAST_API_HOST": "https://x", "HOME": "/"}
    assert toast_settings(own) == {key: own[key] for key in own if key != "HOME"}
