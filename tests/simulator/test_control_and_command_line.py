"""The clock, the request counters, latency, and the process: how it starts and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from simulated import BROOKLYN, NOW, ROOT, Client, Server

from toast_simulator.cli import main
from toast_simulator.faults import Kind
from toast_simulator.truth import TABLES


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "toast_simulator", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_the_clock_is_set_advanced_and_ticks(start: Callable[..., Client]) -> None:
    client = start()
    assert client.control("clock")["now"].startswith("2026-03-20T12:00:0")
    assert client.control("clock", now="2027-01-01T05:00:00-05:00")["now"].startswith("2027-01-01T10:00:00")
    assert client.control("clock", advance_seconds=90)["now"].startswith("2027-01-01T10:01:3")
    before = client.control("clock")["now"]
    time.sleep(0.02)
    assert client.control("clock")["now"] > before


@pytest.mark.parametrize("body", [{}, {"now": "soon"}, {"now": NOW, "advance_seconds": 1}, {"later": 1}])
def test_a_wrong_clock_is_refused(client: Client, body: dict[str, object]) -> None:
    reply = client.session.post(f"{client.url}/_simulator/clock", json=body, timeout=5)
    assert reply.status_code == 400


def test_other_paths_and_methods_of_the_simulator_are_refused(client: Client) -> None:
    assert client.get("/_simulator/weather").status_code == 404
    assert client.session.delete(f"{client.url}/_simulator/clock", timeout=5).status_code == 405


def test_edits_name_what_is_wrong(client: Client) -> None:
    order = client.bulk(businessDate="20260214", pageSize=1).json()[0]["guid"]
    good = {"restaurant_guid": BROOKLYN, "order_guid": order, "change": "tip"}
    for wrong, status in (
        ({"restaurant_guid": "x"}, 404),
        ({"order_guid": BROOKLYN}, 404),
        ({"change": "explode"}, 400),
        ({"change": "move_business_date"}, 400),
        ({"business_date": "2026-01-01"}, 400),
    ):
        reply = client.session.post(f"{client.url}/_simulator/edits", json={**good, **wrong}, timeout=5)
        assert reply.status_code == status, wrong


def test_requests_are_counted_by_path_and_status(start: Callable[..., Client]) -> None:
    client = start("--limits", "off")
    client.bulk(businessDate="20260214")
    client.bulk(businessDate="bad")
    client.get("/orders/v2/orders/none")
    client.get("/elsewhere")
    counts = client.control("requests")
    assert counts["total"] == 5
    assert counts["logins"] == 1
    assert counts["by_path"]["/orders/v2/ordersBulk"] == 2
    assert counts["by_path"]["/orders/v2/orders/{guid}"] == 1
    assert counts["by_status"] == {"200": 2, "400": 1, "404": 2}
    client.session.delete(f"{client.url}/_simulator/requests", timeout=5)
    assert client.control("requests")["total"] == 0


def test_latency_delays_the_api_only_and_requests_wait_together(start: Callable[..., Client]) -> None:
    begun = time.monotonic()
    client = start("--latency-ms", "400", "--limits", "off")
    begun = time.monotonic()
    client.control("clock")
    assert time.monotonic() - begun < 0.3
    threads = [threading.Thread(target=client.bulk, kwargs={"businessDate": "20260214"}) for _ in range(6)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.4 <= time.monotonic() - begun < 1.2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_and_quietly(number: signal.Signals) -> None:
    server = Server("--latency-ms", "20000")
    waiting = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
    waiting.sendall(b"GET /orders/v2/ordersBulk HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.1)
    begun = time.monotonic()
    server.process.send_signal(number)
    out, err = server.process.communicate(timeout=5)
    waiting.close()
    assert time.monotonic() - begun < 1
    assert (server.process.returncode, out, err) == (0, "", "")


def test_help_has_examples() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    assert "python -m toast_simulator --port 0" in shown.stdout


def test_a_taken_port_is_one_line(shared_server: Server) -> None:
    refused = run("--port", shared_server.url.rpartition(":")[2])
    assert refused.returncode != 0
    assert "cannot listen" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_broken_restaurants_file_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "restaurants.toml"
    broken.write_text("[tenants", encoding="utf-8")
    refused = run("--restaurants", str(broken))
    assert refused.returncode != 0
    assert "restaurants.toml" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_what_the_restaurants_file_says_is_respected(tmp_path: Path) -> None:
    chosen = tmp_path / "restaurants.toml"
    chosen.write_text(
        f"""
        [[tenants.x.restaurants]]
        guid = "{BROOKLYN}"
        name = "Chez Moi"
        timezone = "America/Anchorage"
        closeout_hour = 6
        first_business_date = 2026-02-01
        """,
        encoding="utf-8",
    )
    server = Server("--restaurants", str(chosen), "--clock", NOW)
    client = Client(server.url)
    general = client.get(f"/restaurants/v1/restaurants/{BROOKLYN}").json()["general"]
    assert (general["timeZone"], general["closeoutHour"]) == ("America/Anchorage", 6)
    assert general["firstBusinessDate"] == 20260201
    assert client.bulk(businessDate="20260131").json() == []
    assert client.bulk(businessDate="20260203").json() != []
    client.session.close()
    server.stop()


def test_the_documentation_names_every_option_fault_and_total() -> None:
    documentation = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    options = [name for option in main.params for name in option.opts]
    columns = [column for columns in TABLES.values() for column in columns]
    for name in (*options, *get_args(Kind), *TABLES, *columns):
        assert name in documentation, name
