"""Logs: one JSON object a line, in Cloud Logging's words, with the run that it belongs to."""

from __future__ import annotations

import ast
import contextvars
import datetime as dt
import json
import re
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog
from functions import in_process, log_lines

from local_stack.processes import ROOT, function_environment
from shared import logs
from shared.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test begins and ends with structlog as it is out of the box."""
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    yield
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Reads the lines that were logged, all of them to standard error."""
    structlog.contextvars.clear_contextvars()  # another test may have begun a call

    def read() -> list[dict[str, Any]]:
        out, err = capsys.readouterr()
        assert out == ""
        return [json.loads(line) for line in err.split("\n")[:-1]]

    return read


def test_a_line_is_a_json_object_with_severity_message_time_and_fields(lines: Lines) -> None:
    logs.configure()
    structlog.get_logger().info("page_read", orders=100, restaurant="Café")
    (line,) = lines()
    logged_at = dt.datetime.fromisoformat(line.pop("time"))
    assert abs(dt.datetime.now(dt.UTC) - logged_at) < dt.timedelta(minutes=1)
    assert line == {"severity": "INFO", "message": "page_read", "orders": 100, "restaurant": "Café"}


@pytest.mark.parametrize(
    ("method", "severity"),
    [
        ("info", "INFO"),
        ("warning", "WARNING"),
        ("warn", "WARNING"),
        ("error", "ERROR"),
        ("critical", "CRITICAL"),
        ("exception", "ERROR"),
    ],
)
def test_severity_is_one_that_cloud_logging_knows(lines: Lines, method: str, severity: str) -> None:
    logs.configure()
    getattr(structlog.get_logger(), method)("event")
    assert [line["severity"] for line in lines()] == [severity]


def test_an_exception_is_one_line_with_its_traceback(lines: Lines) -> None:
    logs.configure()
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError:
        structlog.get_logger().exception("internal_error")
    (line,) = lines()
    assert (line["severity"], line["message"]) == ("ERROR", "internal_error")
    assert line["exception"].splitlines()[0] == "Traceback (most recent call last):"
    assert line["exception"].splitlines()[-1] == "ZeroDivisionError: by nothing"


def test_a_message_of_several_lines_is_one_line(lines: Lines) -> None:
    logs.configure()
    structlog.get_logger().info("first\nsecond\u2028third", text='"quoted"\r\n')
    (line,) = lines()
    assert (line["message"], line["text"]) == ("first\nsecond\u2028third", '"quoted"\r\n')


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("1.10"), "1.10"),
        (dt.date(2026, 2, 21), "2026-02-21"),
        (Path("/tmp/x"), "/tmp/x"),
        (ConfigurationError("LOG_LEVEL is wrong"), "LOG_LEVEL is wrong"),
        (float("nan"), None),
        ([1, None], [1, None]),
    ],
)
def test_a_field_of_any_type_can_be_logged(lines: Lines, value: Any, shown: Any) -> None:
    logs.configure()
    structlog.get_logger().info("event", value=value)
    assert [line["value"] for line in lines()] == [shown]


# --- the run -----------------------------------------------------------------------------------------


def test_every_line_of_a_call_carries_its_run(lines: Lines) -> None:
    logs.configure()
    logs.bind(run_id="orders_daily-1", function="orders_daily")
    structlog.get_logger("anywhere").info("one")
    structlog.get_logger().warning("two")
    assert [(line["run_id"], line["function"]) for line in lines()] == [("orders_daily-1", "orders_daily")] * 2


def test_a_call_carries_nothing_of_the_call_before(lines: Lines) -> None:
    logs.configure()
    logs.bind(run_id="first", restaurant="a")
    logs.bind(run_id="second")
    structlog.get_logger().info("event")
    (line,) = lines()
    assert line["run_id"] == "second"
    assert "restaurant" not in line


def test_a_thread_that_is_given_the_calls_context_carries_its_run(lines: Lines) -> None:
    logs.configure()
    logs.bind(run_id="orders_daily-1")
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(structlog.get_logger().info, "event"))
    thread.start()
    thread.join()
    assert [line["run_id"] for line in lines()] == ["orders_daily-1"]


def test_what_is_added_to_a_call_is_on_its_later_lines(lines: Lines) -> None:
    logs.configure()
    logs.bind(run_id="first")
    logs.add(restaurant="a")
    structlog.get_logger().info("one")
    logs.bind(run_id="second")
    structlog.get_logger().info("two")
    assert [line.get("restaurant") for line in lines()] == ["a", None]


# --- the trace ---------------------------------------------------------------------------------------

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE = f"projects/p/traces/{TRACE_ID}"


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ({"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"}, TRACE),
        ({"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01-of-a-later-version"}, TRACE),
        ({"X-Cloud-Trace-Context": f"{TRACE_ID}/123;o=1"}, TRACE),
        ({"X-Cloud-Trace-Context": TRACE_ID.upper()}, TRACE),
        ({"traceparent": "nonsense", "X-Cloud-Trace-Context": f"{TRACE_ID}/1"}, TRACE),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, None),
        ({"X-Cloud-Trace-Context": f'{TRACE_ID}"}}\n'}, None),
        ({"X-Cloud-Trace-Context": "x" * 100_000}, None),
        ({}, None),
    ],
)
def test_the_trace_is_taken_from_either_header(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], trace: str | None
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    assert logs.trace_of(headers) == ({"logging.googleapis.com/trace": trace} if trace else {})


def test_without_a_project_there_is_no_trace_to_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    assert logs.trace_of({"X-Cloud-Trace-Context": TRACE_ID}) == {}


# --- a whole call ------------------------------------------------------------------------------------

GUID = "a47275cb-634e-427c-bbd3-3e5d17997d4e"


def test_every_line_of_a_request_carries_run_function_trace_and_restaurant(capfd: pytest.CaptureFixture[str]) -> None:
    """Also where nobody answers; the last one says how it ended and how long it took."""
    environment = function_environment("http://127.0.0.1:9", "http://127.0.0.1:9")
    with in_process(environment | {"GOOGLE_CLOUD_PROJECT": "p", "FUNCTION_TIMEOUT_SECONDS": "100"}) as orders:
        header = {"X-Cloud-Trace-Context": f"{TRACE_ID}/1"}
        reply = orders.request(data=json.dumps({"restaurant_guid": GUID}), headers=header)
        assert orders.request("GET").status == 405
    *lines, failed, ended, refused = log_lines(capfd.readouterr().err)
    assert {line["message"] for line in lines} == {"toast_retry"}
    assert (failed["message"], failed["severity"], failed["http_status"]) == ("call_failed", "ERROR", 503)
    for line in (*lines, failed, ended):
        assert (line["run_id"], line["function"]) == (reply.body["run_id"], "orders_daily")
        assert line["logging.googleapis.com/trace"] == TRACE
    assert all(line["restaurant"] == GUID for line in (failed, ended))
    assert (ended["message"], ended["http_status"]) == ("call_ended", 503)
    assert ended["timeout_share"] == pytest.approx(ended["seconds"] / 100, abs=0.001)
    assert (refused["message"], refused["http_status"]) == ("call_ended", 405)
    assert refused.keys().isdisjoint({"restaurant", "logging.googleapis.com/trace"})


def test_a_wrong_timeout_is_told_and_the_call_still_sums_itself_up(capfd: pytest.CaptureFixture[str]) -> None:
    with in_process({"FUNCTION_TIMEOUT_SECONDS": "soon"}) as orders:
        orders(restaurant_guid=GUID).is_problem(
            500, "FUNCTION_TIMEOUT_SECONDS is 'soon'; set it to a number of seconds."
        )
    assert log_lines(capfd.readouterr().err)[-1]["message"] == "call_ended"


def test_the_page_about_logs_lists_every_event() -> None:
    """And none that is not logged."""
    page = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
    table = page.split("## The events")[1].split("`call_ended` sums a call up")[0]
    listed = {
        name for row in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert listed == set(events_of_the_code())


def events_of_the_code() -> Iterator[str]:
    """The first argument of each call of log.info(…) and so on, or of ``write``, which is one of them."""
    for path in [*(ROOT / "shared").glob("*.py"), *ROOT.glob("main*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = ast.unparse(node.func)
                if called == "write" or re.fullmatch(r"log\.(debug|info|warning|error|exception)", called):
                    yield node.args[0].value


# --- the level ---------------------------------------------------------------------------------------


def log_at_every_level() -> None:
    log = structlog.get_logger()
    for method in ("debug", "info", "warning", "error", "critical"):
        getattr(log, method)(method)


@pytest.mark.parametrize(
    ("level", "logged"),
    [
        (None, ["info", "warning", "error", "critical"]),
        ("", ["info", "warning", "error", "critical"]),
        ("DEBUG", ["debug", "info", "warning", "error", "critical"]),
        ("info", ["info", "warning", "error", "critical"]),
        ("Warning", ["warning", "error", "critical"]),
        ("ERROR", ["error", "critical"]),
    ],
)
def test_log_level_says_what_is_logged(
    level: str | None, logged: list[str], monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    if level is not None:
        monkeypatch.setenv("LOG_LEVEL", level)
    logs.configure()
    log_at_every_level()
    assert [line["message"] for line in lines()] == logged


def test_a_level_that_is_given_wins_over_log_level(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    logs.configure("DEBUG")
    log_at_every_level()
    assert len(lines()) == 5


@pytest.mark.parametrize("level", ["loud", "20", "INFO ,"])
def test_a_level_that_is_none_is_refused_with_those_there_are(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    with pytest.raises(
        ConfigurationError, match=rf"^LOG_LEVEL is '{level}'; set it to DEBUG, INFO, WARNING or ERROR\.$"
    ):
        logs.configure()
