"""Server processes: waited for until they serve, explained when they fail, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from local_stack.processes import GUARD, ROOT, ServerFailed, ServerProcess, child_environment, function_process

# A server that can be told how to behave: it starts a child of its own, says where it serves and stays.
SERVER = """
import http.server, os, signal, subprocess, sys, time
port, pids, manner = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(pids, "w").write(f"{os.getpid()} {grandchild.pid}")
if manner == "broken":
    sys.exit("the disk is on fire")
server = http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler)
if manner == "silent":
    time.sleep(600)
print(f"serving http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""

MakeServer = Callable[..., ServerProcess]


@pytest.fixture
def make_server(tmp_path: Path) -> MakeServer:
    def make(manner: str = "good", **options: float) -> ServerProcess:
        return ServerProcess(
            "probe",
            lambda port: [sys.executable, "-c", SERVER, str(port), str(tmp_path / "pids"), manner],
            ready=r"serving (http://\S+)",
            log_path=tmp_path / "probe.log",
            **options,  # type: ignore[arg-type]
        )

    return make


def alive(pid: int) -> bool:
    """Whether that process runs; a zombie that nobody has waited for yet does not."""
    if Path("/proc/self/stat").exists():  # Linux, where a small image may have no ps
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.strip().startswith("Z")


def wait_until_gone(pids: list[int], seconds: float = 10) -> list[int]:
    """The processes that are still alive when the time is up."""
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [pid for pid in pids if alive(pid)]


def pids_in(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def test_a_ready_server_answers_and_knows_its_process_id(make_server: MakeServer, tmp_path: Path) -> None:
    with make_server() as server:
        assert urllib.request.urlopen(server.url).status == 200
        assert server.pid == pids_in(tmp_path)[0]


def test_the_end_of_the_block_ends_the_server_and_what_it_started(make_server: MakeServer, tmp_path: Path) -> None:
    with make_server() as server:
        pids = pids_in(tmp_path)
    assert not server.running
    assert wait_until_gone(pids) == []


def test_an_exception_in_the_block_ends_the_server(make_server: MakeServer, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), make_server():
        raise KeyboardInterrupt
    assert wait_until_gone(pids_in(tmp_path)) == []


def test_a_server_whose_owner_looks_away_while_it_starts_is_ended_with_its_owner(tmp_path: Path) -> None:
    """Ctrl-C during a start: nobody reads the process id that the guard tells."""
    command = [sys.executable, "-c", SERVER, "0", str(tmp_path / "pids"), "good"]
    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(GUARD), "0.2", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as guard:
        assert guard.stdin is not None
        assert guard.stdout is not None
        guard.stdout.close()
        while not (tmp_path / "pids").exists() or len(pids_in(tmp_path)) < 2:
            time.sleep(0.02)
        assert guard.poll() is None
        guard.stdin.close()
        guard.wait(10)
    assert wait_until_gone(pids_in(tmp_path)) == []


def test_a_server_that_does_not_listen_to_sigterm_is_killed_after_the_grace_time(
    make_server: MakeServer, tmp_path: Path
) -> None:
    with make_server("stubborn", grace_seconds=0.2):
        pass
    assert wait_until_gone(pids_in(tmp_path)) == []


def test_a_server_that_ends_early_is_explained_by_the_end_of_its_log(make_server: MakeServer, tmp_path: Path) -> None:
    with (
        pytest.raises(ServerFailed, match=r"(?s)probe ended with status 1.*the disk is on fire"),
        make_server("broken"),
    ):
        pass
    assert wait_until_gone(pids_in(tmp_path)) == []


def test_a_server_that_never_says_that_it_serves_is_given_up_and_ended(make_server: MakeServer, tmp_path: Path) -> None:
    with (
        pytest.raises(ServerFailed, match="was not ready after 1 seconds"),
        make_server("silent", start_seconds=1.0, grace_seconds=0.2),
    ):
        pass
    assert wait_until_gone(pids_in(tmp_path)) == []


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    server = ServerProcess("ghost", lambda _: ["/no/such/command"], ready="(x)", log_path=tmp_path / "log")
    with pytest.raises(ServerFailed, match="cannot start /no/such/command"), server:
        pass


def test_a_killed_server_comes_back_on_the_same_port(make_server: MakeServer) -> None:
    with make_server() as server:
        first_url, first_pid = server.url, server.pid
        server.kill()
        assert not server.running
        server.start().wait_until_ready()
        assert (server.url, server.pid != first_pid) == (first_url, True)
        assert urllib.request.urlopen(server.url).status == 200


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_servers_end_with_an_owner_that_is_killed(tmp_path: Path, signal_number: signal.Signals) -> None:
    owner_code = f"""
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell turns off for what it runs in its background
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from local_stack.processes import ServerProcess
folder = Path({str(tmp_path)!r})
server = ServerProcess(
    "probe",
    lambda port: [sys.executable, "-c", {SERVER!r}, str(port), str(folder / "pids"), "good"],
    ready=r"serving (http://\\S+)",
    log_path=folder / "log",
)
with server:
    print("ready", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", owner_code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        pids = pids_in(tmp_path)
        assert all(map(alive, pids))
        owner.send_signal(signal_number)
    assert wait_until_gone(pids) == []


def test_two_servers_at_once_get_ports_of_their_own(make_server: MakeServer) -> None:
    with make_server() as one, make_server() as other:
        assert one.url != other.url


def test_the_developers_settings_do_not_reach_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "production")
    monkeypatch.setenv("NO_PROXY", "intranet")
    environment = child_environment({"BQ_DATASET": "toast"})
    assert "GOOGLE_CLOUD_PROJECT" not in environment
    assert environment["BQ_DATASET"] == "toast"
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_a_function_is_served_by_functions_framework_with_its_environment(tmp_path: Path) -> None:
    source = tmp_path / "main.py"
    source.write_text("import os\n\ndef orders_daily(request):\n    return os.environ['TOAST_API_HOST']\n")
    environment = {"TOAST_API_HOST": "http://127.0.0.1:1", "HOME": str(tmp_path / "home")}
    with (
        function_process("orders_daily", tmp_path, environment, source=source) as function,
        urllib.request.urlopen(function.url) as reply,
    ):
        assert reply.read() == b"http://127.0.0.1:1"
    assert not os.path.exists(tmp_path / "home")
