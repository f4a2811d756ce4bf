"""Metrics and alerts as files: what they refer to is there, and real log lines set off what they should and no more.

The lines come from the functions themselves, made to fail; the filters are read as Cloud Logging reads them.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from functions import RESTAURANTS, SimulatorControl, group_environment, in_process, log_lines
from google.cloud import bigquery
from logging_query import compile_filter

import main_summary
from local_stack.processes import ROOT, simulator_process

Json = dict[str, Any]

ALERTS = sorted((ROOT / "deploy" / "alerts").glob("*.json"))
METRICS = sorted((ROOT / "deploy" / "metrics").glob("*.yaml"))
PLACEHOLDERS = {"FUNCTION_PREFIX", "ENV"}
BROOKLYN, AUSTIN = RESTAURANTS[0].guid, RESTAURANTS[7].guid


def rendered(path: Path, prefix: str = "") -> Any:
    """A file as it is applied."""
    text = path.read_text(encoding="utf-8").replace("${FUNCTION_PREFIX}", prefix).replace("${ENV}", "production")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def only_condition(policy: Json, kind: str) -> list[Json]:
    return [condition[kind] for condition in policy["conditions"] if kind in condition]


each_alert = pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
each_metric = pytest.mark.parametrize("path", METRICS, ids=lambda path: path.stem)


# --- the files ---------------------------------------------------------------------------------------


def test_there_is_an_alert_for_each_thing_that_can_go_wrong() -> None:
    assert {path.stem for path in ALERTS} == {
        "business-day-overdue",
        "daily-summary",
        "function-failed",
        "rejects",
        "restaurant-stale",
        "schedule-failed",
        "slow-call",
        "summary-absent",
        "throttled",
        "toast-drift",
    }


@pytest.mark.parametrize("path", [*ALERTS, *METRICS], ids=lambda path: path.name)
def test_a_file_has_only_the_placeholders_that_are_replaced(path: Path) -> None:
    """What is left in ${…} is written as Cloud Monitoring's own variables are."""
    found = set(re.findall(r"\$\{([^}]*)\}", path.read_text(encoding="utf-8")))
    theirs = {name for name in found if re.fullmatch(r"(metric|resource)\.label\.\w+|log\.extracted_label\.\w+", name)}
    assert found - theirs <= PLACEHOLDERS


@each_alert
def test_an_alert_says_what_to_do_and_docs_tells_more(path: Path) -> None:
    policy = rendered(path)
    assert f"docs/alerts.md, {path.stem}" in policy["documentation"]["content"]
    assert f"\n## {path.stem}\n" in (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert len(policy["documentation"]["subject"]) <= 255
    assert policy["severity"] in ("ERROR", "WARNING")


def test_no_two_alerts_have_one_name() -> None:
    """By their display name a deployment finds them again."""
    names = [rendered(path)["displayName"] for path in ALERTS]
    assert len(set(names)) == len(names)


@each_alert
def test_an_alert_goes_by_a_metric_and_labels_that_there_are(path: Path) -> None:
    policy = rendered(path, "staging-")
    known = {f"logging.googleapis.com/user/staging-{metric.stem}": rendered(metric) for metric in METRICS}
    labels = set(re.findall(r"\$\{metric\.label\.(\w+)\}", json.dumps(policy)))
    for condition in (*only_condition(policy, "conditionThreshold"), *only_condition(policy, "conditionAbsent")):
        match = re.fullmatch(r'metric\.type="([^"]+)" AND resource\.type="cloud_run_revision"', condition["filter"])
        assert match is not None
        assert len(condition["filter"]) <= 2048
        of_metric = {label["key"] for label in known[match[1]]["metricDescriptor"].get("labels", [])}
        grouped = {field.split(".")[-1] for one in condition["aggregations"] for field in one.get("groupByFields", [])}
        assert labels <= grouped <= of_metric | {"service_name"}
    for condition in only_condition(policy, "conditionMatchedLog"):
        extracted = set(re.findall(r"\$\{log\.extracted_label\.(\w+)\}", json.dumps(policy)))
        assert extracted == condition["labelExtractors"].keys()
        assert len(policy["conditions"]) == 1, "a condition on log entries must be the only one"
        assert "notificationRateLimit" in policy["alertStrategy"], "and demands a limit"


@each_metric
def test_each_label_of_a_metric_is_taken_from_the_line(path: Path) -> None:
    metric = rendered(path)
    labels = {label["key"] for label in metric["metricDescriptor"].get("labels", [])}
    assert labels == metric.get("labelExtractors", {}).keys()
    compile_filter(metric["filter"])


def test_google_takes_every_field_and_value() -> None:
    """By gcloud's own message classes, which know the API."""
    gcloud = shutil.which("gcloud")
    library = Path(gcloud).resolve().parent.parent / "lib" if gcloud else None
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")
    if library is None or python is None or not (library / "googlecloudsdk").is_dir():
        pytest.skip("gcloud is not installed")
    check = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from googlecloudsdk.core import yaml\n"
        "from googlecloudsdk.api_lib.util import messages\n"
        "from googlecloudsdk.generated_clients.apis.monitoring.v3 import monitoring_v3_messages as monitoring\n"
        "from googlecloudsdk.generated_clients.apis.logging.v2 import logging_v2_messages as logging\n"
        "for path in sys.argv[3:]:\n"
        "    kind = monitoring.AlertPolicy if path.endswith('.json') else logging.LogMetric\n"
        "    messages.DictToMessageWithErrorCheck(yaml.load(open(path).read()), kind)\n"
    )
    files = [str(path) for path in (*ALERTS, *METRICS)]
    command = [python, "-c", check, str(library), str(library / "third_party"), *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


# --- what sets them off ------------------------------------------------------------------------------

DAY = "2026-02-21"


@pytest.fixture(scope="module")
def lines(
    tmp_path_factory: pytest.TempPathFactory, emulator: str, warehouse_client: bigquery.Client
) -> Iterator[dict[str, list[Json]]]:
    """The log lines of calls, by what went wrong with them; "well" is one with which nothing did."""
    folder = tmp_path_factory.mktemp("alerts")
    found: dict[str, list[Json]] = {}
    with (
        simulator_process(folder, seed=7, clock="2026-02-24T18:00:00Z", limits="off", volume=12) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        toast = SimulatorControl(server.url)
        environment = group_environment(server.url, emulator, folder, [BROOKLYN, AUSTIN], "alerts")

        def call(what: str, target: str = "labor_daily", body: Json | None = None, **settings: str) -> None:
            log = folder / f"{what}.log"
            with log.open("w") as stream, in_process(environment | settings, target) as function:
                patch.setattr("sys.stderr", stream)
                function(**({"start_date": DAY, "end_date": DAY} if body is None else body))
                patch.undo()
            found[what] = log_lines(log.read_text())
            toast.no_faults()

        call("well")
        toast.fault("drift", path="timeEntries", field="wageBonus", value=1)
        call("drift")
        toast.fault("drift", path="timeEntries", field="guid", value=None)
        call("rejects")
        toast.fault("forbidden", path="timeEntries", restaurant_guid=AUSTIN, times=9)
        call("partly refused")
        toast.fault("status_429", path="timeEntries", seconds=1)
        call("one 429")
        toast.fault("status_429", path="timeEntries", seconds=1, times=2)
        call("throttled")
        call("slow", FUNCTION_TIMEOUT_SECONDS="0.01")
        call("bad request", body={"restaurant_guid": "nobody"})
        patch.setattr(main_summary, "_now", lambda: dt.datetime(2026, 2, 24, 18, tzinfo=dt.UTC))
        call("summary", "daily_summary", {})
        patch.setattr(main_summary, "_now", lambda: dt.datetime(2026, 2, 24, 18, tzinfo=dt.UTC))
        call("not posted", "daily_summary", {}, SUMMARY_WEBHOOK_URL="no URL")
    yield found
    warehouse_client.delete_dataset("alerts", delete_contents=True)


def entry(line: Json, service: str = "labor-daily") -> Json:
    """A line as Cloud Logging keeps it."""
    fields = {name: value for name, value in line.items() if name not in ("severity", "time")}
    return {
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": service}},
        "logName": "projects/p/logs/run.googleapis.com%2Fstderr",
        "severity": line["severity"],
        "jsonPayload": fields,
    }


def matches(metric: str, line: Json, prefix: str = "") -> bool:
    (path,) = [path for path in METRICS if path.stem == f"toast-{metric}"]
    service = line["function"].replace("_", "-")
    return compile_filter(rendered(path, prefix)["filter"])(entry(line, service))


def set_off(lines: dict[str, list[Json]], metric: str) -> dict[str, set[str]]:
    """Which events a metric counts, by call."""
    hits = {what: {line["message"] for line in log if matches(metric, line)} for what, log in lines.items()}
    return {what: messages for what, messages in hits.items() if messages}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("drift", {"drift": {"toast_drift"}}),
        ("rejects", {"rejects": {"restaurant_done"}}),
        ("function-failed", {"partly refused": {"call_ended"}, "not posted": {"summary_not_posted"}}),
        ("throttled", {"throttled": {"call_ended"}}),
        ("slow-call", {"slow": {"call_ended"}}),
        ("restaurant-stale", {"summary": {"restaurant_stale"}, "not posted": {"restaurant_stale"}}),
        ("business-day-overdue", {"summary": {"business_day_overdue"}, "not posted": {"business_day_overdue"}}),
        ("summary-measured", {"summary": {"call_ended"}, "not posted": {"call_ended"}}),
    ],
)
def test_a_metric_counts_what_it_is_named_for_and_nothing_else(
    lines: dict[str, list[Json]], metric: str, expected: dict[str, set[str]]
) -> None:
    assert set_off(lines, metric) == expected


@each_metric
def test_the_labels_of_a_metric_are_fields_of_the_lines_that_it_counts(
    lines: dict[str, list[Json]], path: Path
) -> None:
    counted = [line for log in lines.values() for line in log if matches(path.stem.removeprefix("toast-"), line)]
    assert counted
    for extractor in rendered(path).get("labelExtractors", {}).values():
        match = re.fullmatch(r"EXTRACT\(jsonPayload\.(\w+)\)", extractor)
        assert match is not None
        assert all(line[match[1]] for line in counted)


def test_production_and_staging_count_their_own(lines: dict[str, list[Json]]) -> None:
    (line,) = [line for line in lines["drift"] if line["message"] == "toast_drift"]
    (path,) = [path for path in METRICS if path.stem == "toast-drift"]
    for prefix, other in (("", "staging-"), ("staging-", "")):
        counts = compile_filter(rendered(path, prefix)["filter"])
        assert counts(entry(line, f"{prefix}labor-daily"))
        assert not counts(entry(line, f"{other}labor-daily"))
        assert not counts(entry(line, "somebody-elses-orders-daily"))


@pytest.mark.parametrize(
    ("status", "counted"), [(200, False), (400, False), (500, True), (502, True), (503, False), (504, True)]
)
def test_a_call_that_was_cut_off_counts_by_cloud_runs_own_log(status: int, counted: bool) -> None:
    """A process that is ended at its timeout, or for its memory, writes no last line."""
    (path,) = [path for path in METRICS if path.stem == "toast-function-failed"]
    request = {
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "orders-daily"}},
        "logName": "projects/p/logs/run.googleapis.com%2Frequests",
        "severity": "ERROR",
        "httpRequest": {"status": status},
    }
    assert compile_filter(rendered(path)["filter"])(request) == counted


@pytest.mark.parametrize(("status", "told"), [(500, True), (404, True), (403, True), (503, False)])
def test_a_schedule_that_reaches_no_function_is_told(status: int, told: bool) -> None:
    """By Cloud Scheduler's own log; a 503 is repeated, and what stays late is stale."""
    policy = rendered(ROOT / "deploy" / "alerts" / "schedule-failed.json", "staging-")
    (condition,) = only_condition(policy, "conditionMatchedLog")
    attempt = {
        "resource": {"type": "cloud_scheduler_job", "labels": {"job_id": "staging-cash-daily-purpose-closing"}},
        "logName": "projects/p/logs/cloudscheduler.googleapis.com%2Fexecutions",
        "severity": "ERROR",
        "httpRequest": {"status": status},
    }
    assert compile_filter(condition["filter"])(attempt) == told


def test_the_daily_line_carries_the_headline_that_is_mailed(lines: dict[str, list[Json]]) -> None:
    policy = rendered(ROOT / "deploy" / "alerts" / "daily-summary.json")
    (condition,) = only_condition(policy, "conditionMatchedLog")
    mailed = [line for line in lines["summary"] if compile_filter(condition["filter"])(entry(line, "daily-summary"))]
    assert [line["headline"].partition(",")[0] for line in mailed] == ["0 of 2 restaurants complete"]


def test_the_queries_of_the_documentation_find_what_they_promise(lines: dict[str, list[Json]]) -> None:
    """Each can be read; those that name an event find lines of the calls above."""
    queries = re.findall(r"```text\n(.*?)```", (ROOT / "docs" / "logs.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(queries) > 8
    everything = [entry(line) for log in lines.values() for line in log]
    for query in queries:
        finds = compile_filter(query)
        if "jsonPayload.message" in query:
            assert any(map(finds, everything)), query
