"""The door of every function: what is refused, how it is said, and what of it is logged."""

from __future__ import annotations

import datetime as dt
import io
import json
import socket
import string
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import structlog
from functions import PROBLEM, RESTAURANTS, InProcess, Reply, in_process, log_lines
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import main_orders
from local_stack.processes import SIMULATOR_CREDENTIALS, function_environment

GUID = RESTAURANTS[0].guid
TODAY = dt.date(2026, 2, 24)  # of the shared simulator, everywhere in America
UNKNOWN = "00000000-0000-4000-8000-000000000000"
SECRET = "hush-5f0c1d2e3b"
ANSWER_SECONDS = 15.0
DATASET = "http_contract"

Starter = Callable[..., InProcess]


@pytest.fixture
def function(start: Starter) -> InProcess:
    """The function where nothing answers: what is refused at the door needs nobody."""
    return start("http://127.0.0.1:9", "http://127.0.0.1:9")


@pytest.fixture
def working(start: Starter, simulator: str, emulator: str) -> InProcess:
    """The function between the simulated Toast and the emulated BigQuery."""
    return start(simulator, emulator, TOAST_CLIENT_SECRET=SIMULATOR_CREDENTIALS, BQ_DATASET=DATASET)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Begins a function with a secret that must not show; a setting of None is left out."""
    with ExitStack() as stack:

        def start(toast: str, warehouse: str, **changes: str | None) -> InProcess:
            environment: dict[str, str | None] = {
                **function_environment(toast, warehouse),
                "TOAST_CLIENT_SECRET": SECRET,
                # Nobody's Google credentials, and no looking for a metadata server.
                "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
                "NO_GCE_CHECK": "true",
                **changes,
            }
            return stack.enter_context(in_process({k: v for k, v in environment.items() if v is not None}))

        yield start


@pytest.fixture(autouse=True)
def _nothing_leaks(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever a test does, each log line is JSON with the run's id, and none holds a secret."""
    yield
    out, err = capfd.readouterr()
    assert out == ""
    log_lines(err)
    assert SECRET not in err


def refused(reply: Reply, status: int, *words: str) -> dict[str, Any]:
    assert SECRET not in reply.text
    return reply.is_problem(status, *words)


def wrong_fields(reply: Reply) -> set[str]:
    return set(refused(reply, 400)["errors"])


# --- method, path, size ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"])
def test_only_post_is_served(function: InProcess, method: str) -> None:
    reply = function.request(method)
    assert reply.headers["Allow"] == "POST"
    if method == "HEAD":
        assert (reply.status, reply.headers["Content-Type"]) == (405, PROBLEM)
    else:
        refused(reply, 405, method)


@pytest.mark.parametrize("path", ["/orders", "/a/b", "/%20", "/%00", "/%ff", "/..%2f", "/index.html"])
def test_only_the_root_is_served(function: InProcess, path: str) -> None:
    refused(function.request(path=path, data="{}"), 404)


def test_a_query_does_not_matter(function: InProcess) -> None:
    refused(function.request(path="/?restaurant_guid=ALL", data="[]"), 400)


def test_a_body_of_64_kilobytes_is_read(function: InProcess) -> None:
    refused(function.request(data=" " * (64 * 1024 - 2) + "[]"), 400)


@pytest.mark.parametrize("size", [64 * 1024 + 1, 10 * 1024 * 1024 + 1])
def test_a_body_over_64_kilobytes_is_refused(function: InProcess, size: int) -> None:
    refused(function.request(data=b" " * size), 413, "65536")


@pytest.mark.parametrize("size", [64 * 1024 + 1, 10 * 1024 * 1024 + 1])
def test_a_body_without_a_length_is_measured(function: InProcess, size: int) -> None:
    reply = function.request(
        input_stream=io.BytesIO(b" " * size),
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    refused(reply, 413, "65536")


def test_a_body_that_ends_early_is_a_bad_request(function: InProcess) -> None:
    refused(function.request(input_stream=io.BytesIO(b'{"restaurant'), headers={"Content-Length": "400"}), 400)


# --- the body ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{}}",
        b"guid=1",
        b"NaN",
        b"\xff\xfe",
        b'"\xff"',
        b'{"tenant": "\xff"}',
        b'{"\xff": 1}',
        b"[" * 60_000,
    ],
)
def test_what_is_not_json_is_named_so(function: InProcess, body: bytes) -> None:
    problem = refused(function.request(data=body), 400, "JSON")
    assert set(problem["errors"]) == {"body"}


@pytest.mark.parametrize("body", ["null", "[]", "1", '"ALL"', "true", "[{}]"])
def test_json_that_is_no_object_is_named_so(function: InProcess, body: str) -> None:
    assert wrong_fields(function.request(data=body)) == {"body"}


def test_the_content_type_does_not_matter(function: InProcess) -> None:
    body = '{"restaurant_guid": "x"}'
    assert wrong_fields(function.request(data=body, content_type="text/csv")) == {"restaurant_guid"}


DATES = {"start_date": "2026-02-16", "end_date": "2026-02-16"}


NOT_TEXT: list[object] = [0, -1, 1.5, True, [], {}, ["ALL"]]
WRONG_TEXT = ["", "x", "😀", "2026-02-30", "٢٠٢٦-02-16"]


@pytest.mark.parametrize("field", ["restaurant_guid", "start_date", "end_date", "mode"])
@pytest.mark.parametrize("value", NOT_TEXT + WRONG_TEXT)
def test_a_wrong_value_is_named(function: InProcess, field: str, value: object) -> None:
    assert wrong_fields(function(**{**DATES, field: value})) == {field}


@pytest.mark.parametrize("value", [*NOT_TEXT, ""])
def test_a_wrong_tenant_is_named(function: InProcess, value: object) -> None:
    assert wrong_fields(function(tenant=value)) == {"tenant"}


@pytest.mark.parametrize(
    "date", ["20260216", "2026-2-16", "2026-02-16T00:00:00", " 2026-02-16", "0000-01-01", "2026-W08-1"]
)
def test_a_date_has_one_spelling(function: InProcess, date: str) -> None:
    assert wrong_fields(function(start_date=date, end_date="2026-02-16")) == {"start_date"}


def test_an_unknown_field_is_named_with_those_that_exist(function: InProcess) -> None:
    problem = refused(function(restaurant="ALL"), 400, "restaurant_guid, start_date, end_date, mode, tenant")
    assert set(problem["errors"]) == {"restaurant"}


def test_every_wrong_field_is_named_at_once(function: InProcess) -> None:
    body = {"restaurant_guid": "x", "start_date": "y", "end_date": "z", "mode": "w", "tenant": 1, "other": 2}
    problem = refused(function(**body), 400)
    assert set(problem["errors"]) == set(body)
    assert all(f"{field}: " in problem["detail"] for field in body)


@pytest.mark.parametrize(("given_one", "missing"), [("start_date", "end_date"), ("end_date", "start_date")])
def test_both_dates_or_none(function: InProcess, given_one: str, missing: str) -> None:
    assert wrong_fields(function(**{given_one: "2026-02-16"})) == {missing}


def test_the_end_does_not_come_before_the_start(function: InProcess) -> None:
    refused(function(start_date="2026-02-16", end_date="2026-02-15"), 400, "2026-02-15", "before", "2026-02-16")


def test_31_days_pass(function: InProcess) -> None:
    reply = function(restaurant_guid=UNKNOWN, start_date="2026-01-01", end_date="2026-01-31")
    refused(reply, 404, UNKNOWN)


def test_32_days_are_too_many_and_the_reply_says_how_to_split_them(function: InProcess) -> None:
    reply = function(start_date="2026-01-01", end_date="2026-02-01")
    assert wrong_fields(reply) == {"end_date"}
    refused(reply, 400, "32", "31", "2026-01-01 to 2026-01-31", "from 2026-02-01")


def test_a_future_date_is_refused_with_the_current_business_date(working: InProcess) -> None:
    reply = working(restaurant_guid=GUID, start_date=TODAY, end_date=TODAY + dt.timedelta(days=1))
    assert wrong_fields(reply) == {"end_date"}
    refused(reply, 400, str(TODAY), "future")


def test_the_last_day_of_the_calendar_is_in_the_future_and_no_accident(working: InProcess) -> None:
    refused(working(restaurant_guid=GUID, start_date="9999-12-31", end_date="9999-12-31"), 400, "future")


# --- which restaurant --------------------------------------------------------------------------------


def test_an_unknown_restaurant_is_not_found(function: InProcess) -> None:
    refused(function(restaurant_guid=UNKNOWN), 404, "restaurant_guid", UNKNOWN, "restaurants.toml")


def test_an_unknown_tenant_is_not_found_and_the_known_ones_are_named(function: InProcess) -> None:
    refused(function(tenant="elsewhere"), 404, "tenant", "elsewhere", "purpose")


def a_tenant(name: str, *guids: str) -> str:
    rows = "".join(f'[[tenants.{name}.restaurants]]\nguid = "{guid}"\nname = "One"\n' for guid in guids)
    return f"[tenants.{name}]\n{rows}"


TWO_TENANTS = a_tenant("east", GUID, RESTAURANTS[1].guid) + a_tenant("west", GUID)


@pytest.mark.parametrize("asked", [{}, {"restaurant_guid": "ALL"}, {"restaurant_guid": GUID}])
def test_with_several_tenants_the_reply_asks_which(start: Starter, tmp_path: Path, asked: dict[str, str]) -> None:
    file = tmp_path / "restaurants.toml"
    file.write_text(TWO_TENANTS)
    function = start("http://127.0.0.1:9", "http://127.0.0.1:9", RESTAURANTS_FILE=str(file))
    problem = refused(function(**asked), 400, "east", "west")
    assert set(problem["errors"]) == {"tenant"}


def test_with_several_tenants_one_pair_of_variables_cannot_be_the_credentials(start: Starter, tmp_path: Path) -> None:
    file = tmp_path / "restaurants.toml"
    file.write_text(TWO_TENANTS)
    function = start("http://127.0.0.1:9", "http://127.0.0.1:9", RESTAURANTS_FILE=str(file))
    refused(function(tenant="west"), 500, "TOAST_CLIENT_ID", "client_id_secret")


def test_a_restaurant_of_another_tenant_is_not_found(start: Starter, tmp_path: Path) -> None:
    file = tmp_path / "restaurants.toml"
    file.write_text(TWO_TENANTS)
    function = start("http://127.0.0.1:9", "http://127.0.0.1:9", RESTAURANTS_FILE=str(file))
    refused(function(tenant="west", restaurant_guid=RESTAURANTS[1].guid), 404, RESTAURANTS[1].guid)


# --- a set-up that is not right ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[tenants.one]\ndataset = \n", "line 2"),
        ("", "tenants"),
        ("[tenants.one]", "tenants.one.restaurants"),
        ("[[tenants.one.restaurants]]\nname = 'x'", "tenants.one.restaurants[0].guid"),
        ("[[tenants.one.restaurants]]\nguid = 'x'\nname = 'x'", "tenants.one.restaurants[0].guid"),
        (a_tenant("one", GUID) + "timezone = 'Mars/Base'", "tenants.one.restaurants[0].timezone"),
        (a_tenant("one", GUID) + "closeout_hour = 25", "tenants.one.restaurants[0].closeout_hour"),
        (a_tenant("one", GUID) + "min_order = 2", "min_order"),
        (a_tenant("one", GUID, GUID), "tenants.one.restaurants[1].guid"),
    ],
)
def test_a_broken_restaurants_file_is_named_with_the_place(
    start: Starter, tmp_path: Path, content: str, named: str
) -> None:
    file = tmp_path / "broken.toml"
    file.write_text(content)
    refused(start("", "", RESTAURANTS_FILE=str(file))(), 500, str(file), named)


def test_a_missing_restaurants_file_is_named(start: Starter, tmp_path: Path) -> None:
    refused(start("", "", RESTAURANTS_FILE=str(tmp_path / "none.toml"))(), 500, "none.toml", "RESTAURANTS_FILE")


@pytest.mark.parametrize("missing", ["TOAST_CLIENT_ID", "TOAST_CLIENT_SECRET"])
def test_half_a_pair_of_credentials_names_the_other_half(function: InProcess, start: Starter, missing: str) -> None:
    refused(start("http://127.0.0.1:9", "http://127.0.0.1:9", **{missing: None})(), 500, f"{missing} is not")


def test_without_credentials_the_reply_names_all_ways_to_give_them(start: Starter) -> None:
    function = start("http://127.0.0.1:9", "http://127.0.0.1:9", TOAST_CLIENT_ID=None, TOAST_CLIENT_SECRET=None)
    began = time.monotonic()
    refused(function(), 500, "TOAST_CLIENT_ID", "TOAST_CLIENT_SECRET", "application-default login", "'local'")
    assert time.monotonic() - began < ANSWER_SECONDS


def test_credentials_that_toast_does_not_take_are_named_and_not_shown(
    start: Starter, simulator: str, emulator: str
) -> None:
    function = start(simulator, emulator, BQ_DATASET=DATASET)
    refused(function(), 502, "TOAST_CLIENT_ID and TOAST_CLIENT_SECRET", "requestId")


def test_a_missing_project_is_named(start: Starter) -> None:
    refused(start("http://127.0.0.1:9", "http://127.0.0.1:9", GOOGLE_CLOUD_PROJECT=None)(), 500, "GOOGLE_CLOUD_PROJECT")


def test_missing_google_credentials_are_named(start: Starter) -> None:
    function = start("http://127.0.0.1:9", "", BIGQUERY_EMULATOR_HOST=None)
    refused(function(), 500, "gcloud auth application-default login", "BIGQUERY_EMULATOR_HOST")


@pytest.mark.parametrize("variable", ["TOAST_API_HOST", "BIGQUERY_EMULATOR_HOST", "TOAST_RATE_PROFILE", "LOG_LEVEL"])
def test_a_wrong_setting_is_named(start: Starter, variable: str) -> None:
    structlog.reset_defaults()  # as in a process that has just begun
    function = start("http://127.0.0.1:9", "http://127.0.0.1:9", **{variable: "FTP://NONSENSE"})
    refused(function(), 500, variable, "FTP://NONSENSE")


# --- nobody there ------------------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_an_unreachable_toast_is_named_in_time(start: Starter, emulator: str) -> None:
    function = start("http://127.0.0.1:9", emulator, BQ_DATASET=DATASET)
    began = time.monotonic()
    refused(function(), 503, "http://127.0.0.1:9", "TOAST_API_HOST")
    assert time.monotonic() - began < ANSWER_SECONDS


def test_a_silent_toast_is_named_in_time(start: Starter, silent: str, emulator: str) -> None:
    function = start(silent, emulator, BQ_DATASET=DATASET)
    began = time.monotonic()
    refused(function(), 503, silent, "TOAST_API_HOST")
    assert time.monotonic() - began < ANSWER_SECONDS


def test_an_unreachable_warehouse_is_named_in_time(start: Starter, simulator: str) -> None:
    function = start(simulator, "http://127.0.0.1:9", TOAST_CLIENT_SECRET=SIMULATOR_CREDENTIALS)
    began = time.monotonic()
    refused(function(), 503, "127.0.0.1:9", "BIGQUERY_EMULATOR_HOST")
    assert time.monotonic() - began < ANSWER_SECONDS


def test_a_silent_warehouse_is_named_in_time(start: Starter, simulator: str, silent: str) -> None:
    function = start(simulator, silent, TOAST_CLIENT_SECRET=SIMULATOR_CREDENTIALS)
    began = time.monotonic()
    refused(function(), 503, silent.removeprefix("http://"), "BIGQUERY_EMULATOR_HOST")
    assert time.monotonic() - began < ANSWER_SECONDS


# --- our own faults, and the log ---------------------------------------------------------------------


def test_a_fault_of_ours_is_told_without_details_and_logged_with_them(
    working: InProcess, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr(main_orders, "read_orders", fail)
    reply = working(restaurant_guid=GUID, **DATES)
    problem = refused(reply, 500)
    assert problem["run_id"] in problem["detail"]
    assert "deep inside" not in reply.text
    (line,) = [line for line in log_lines(capfd.readouterr().err) if "exception" in line]
    assert (line["severity"], line["run_id"]) == ("ERROR", problem["run_id"])
    assert "ZeroDivisionError: deep inside" in line["exception"]
    assert "Traceback" in line["exception"]


def test_each_call_has_a_run_id_of_its_own_and_its_log_lines_carry_it(
    function: InProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    run_ids = [function.request(data="[]").body["run_id"] for _ in range(3)]
    assert len(set(run_ids)) == 3
    logged = [line["run_id"] for line in log_lines(capfd.readouterr().err)]
    assert list(dict.fromkeys(logged)) == run_ids


def test_a_call_logs_its_end_and_never_the_token(
    working: InProcess, simulator: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    login = {"clientId": "simulator", "clientSecret": "simulator", "userAccessType": "TOAST_MACHINE_CLIENT"}
    token = requests.post(f"{simulator}/authentication/v1/authentication/login", json=login, timeout=10).json()
    reply = working(restaurant_guid=GUID, **DATES).succeeded()
    logged = capfd.readouterr().err
    assert token["token"]["accessToken"] not in reply.text + logged
    *_, last = log_lines(logged)
    assert (last["message"], last["http_status"], last["function"]) == ("call_ended", 200, "orders_daily")
    assert last["seconds"] > 0


# --- anything at all ---------------------------------------------------------------------------------

FIELDS = ["restaurant_guid", "start_date", "end_date", "mode", "tenant"]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
json_values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
objects = st.dictionaries(st.sampled_from(FIELDS) | st.text(), json_values | st.dates().map(str), max_size=6)
bodies = st.one_of(
    st.binary(max_size=200),
    st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    json_values.map(lambda value: json.dumps(value).encode()),
    objects.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    objects.map(lambda value: json.dumps(value).encode()[:-2]),
    st.integers(64 * 1024 + 1, 80 * 1024).map(lambda size: b"{" * size),
)
methods = st.sampled_from(["POST"] * 6 + ["GET", "PUT", "DELETE", "OPTIONS"]) | st.text(
    string.ascii_uppercase, min_size=1
)
# Paths with a line break or two slashes in a row, /robots.txt and /favicon.ico never reach a function: the
# framework answers them itself.
path_parts = st.text(min_size=1).filter(lambda part: "/" not in part and "\n" not in part)
paths = st.sampled_from(["/"] * 6) | st.lists(path_parts).map(lambda parts: "/" + "/".join(parts))
content_types = st.sampled_from(["application/json", "text/plain", "multipart/form-data; boundary=x", ""])


def test_no_malformed_request_brings_anything_but_a_problem(start: Starter) -> None:
    function = start("", "", TOAST_CLIENT_SECRET=None)  # which ends a request that is well-formed after all

    @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
    @given(methods, paths, bodies, content_types)
    def holds(method: str, path: str, body: bytes, content_type: str) -> None:
        assume(path not in ("/robots.txt", "/favicon.ico") and method != "HEAD")
        wsgi_path = {"PATH_INFO": path.encode("utf-8", "surrogatepass").decode("latin-1")}
        reply = function.request(method, data=body, content_type=content_type, environ_overrides=wsgi_path)
        assume(reply.status != 500 or "TOAST_CLIENT_SECRET" not in reply.text)
        assert 400 <= reply.status < 500, reply.text
        refused(reply, reply.status)

    holds()
