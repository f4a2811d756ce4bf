"""Logs: one JSON object a line, in Cloud Logging's words, with the run that it belongs to."""

from __future__ import annotations

import contextvars
import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog

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
