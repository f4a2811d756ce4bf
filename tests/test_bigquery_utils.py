"""The BigQuery layer: jobs that survive a lost reply, errors told apart, tables as they were described.

What an emulator cannot do (errors, lost replies, repeated job ids) is played by `FakeJobs`, to which
Google's own client talks; the rest goes to the emulator.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import google.auth
import google.cloud.bigquery.client as bigquery_client
import msgspec
import pytest
import requests
import responses
import structlog
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import bigquery
from msgspec import Meta

from shared import bigquery_utils
from shared.bigquery_utils import UPLOAD_CHUNK_BYTES, Warehouse, connect, schema_of
from shared.config import Settings
from shared.dimension_tables import DIMENSIONS
from shared.errors import ConfigurationError, WarehouseError, WarehouseRefused, WarehouseUnavailable
from shared.order_tables import FACT_ORDERS, ORDER_TABLES, StagedOrder
from shared.run_tables import (
    BUSINESS_DAYS,
    ETL_REJECTS,
    ETL_RUNS,
    RUN_TABLES,
    BusinessDayRow,
    RejectRow,
    RestaurantGuid,
    RunId,
)
from shared.statements import Parameter, Statement, insert_values
from shared.tables import Row, columns_of
from shared.views import VIEWS

HOST = "http://bigquery.test"
JOBS = f"{HOST}/bigquery/v2/projects/p/jobs"
QUESTION = Statement("SELECT @answer AS answer", (Parameter("answer", "STRING", "forty-two"),))
ANSWER = [{"answer": "forty-two"}]


# --- a BigQuery that fails as it is told -------------------------------------------------------------


class Refusal(msgspec.Struct):
    """The request is answered with an error, and no job comes of it."""

    status: int
    reason: str = ""
    message: str = "no"


class Failure(msgspec.Struct):
    """The job is taken and ends in an error; its id is used up."""

    reason: str
    message: str = "no"


class Lost(msgspec.Struct):
    """The job is taken and runs, but the connection breaks before the reply."""

    failure: Failure | None = None


class Unreached(msgspec.Struct):
    """The connection breaks before the request arrives."""


class FakeJobs:
    """BigQuery's jobs: each id once, 409 for the second time.

    ``plan`` says what becomes of the next requests that submit a job; then all succeed. ``submitted`` are
    the job ids of all of them, ``chunks`` the sizes of the parts in which files came.
    """

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.plan: list[Refusal | Failure | Lost | Unreached] = []
        self.submitted: list[str] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.chunks: list[int] = []
        self.polls = 0
        self.polls_until_done = 0
        self._upload: dict[str, Any] = {}
        mock.add_callback("POST", re.compile(rf"{JOBS}\?"), self._insert)
        mock.add_callback("GET", re.compile(rf"{JOBS}/"), self._get)
        mock.add_callback("GET", re.compile(f"{HOST}/bigquery/v2/projects/p/queries/"), self._results)
        mock.add_callback("POST", re.compile(f"{HOST}/upload/"), self._begin_upload)
        mock.add_callback("PUT", re.compile(f"{HOST}/session"), self._continue_upload)

    def _insert(self, request: requests.PreparedRequest) -> Any:
        return self._submit(json.loads(request.body or b""))

    def _submit(self, job: dict[str, Any]) -> Any:
        job_id = job["jobReference"]["jobId"]
        self.submitted.append(job_id)
        fate = self.plan.pop(0) if self.plan else None
        if isinstance(fate, Unreached):
            return requests.ConnectionError("HTTPConnectionPool(host='bigquery.test'): connection refused")
        if isinstance(fate, Refusal):
            return _error(fate.status, fate.reason, fate.message)
        if job_id in self.jobs:
            return _error(409, "duplicate", f"Already Exists: Job p:US.{job_id}")
        job["status"] = {"state": "RUNNING" if self.polls_until_done else "DONE"}
        job["statistics"] = {"load": {"outputRows": "3"}, "query": {"statementType": "SELECT"}}
        failure = fate.failure if isinstance(fate, Lost) else fate
        if isinstance(failure, Failure):
            result = {"reason": failure.reason, "message": failure.message}
            job["status"] = {"state": "DONE", "errorResult": result, "errors": [result]}
        self.jobs[job_id] = job
        if isinstance(fate, Lost):
            return requests.ConnectionError("('Connection aborted.', RemoteDisconnected(…))")
        return 200, {}, json.dumps(job)

    def _get(self, request: requests.PreparedRequest) -> Any:
        self._poll()
        return 200, {}, json.dumps(self.jobs[_job_id(request)])

    def _results(self, request: requests.PreparedRequest) -> Any:
        self._poll()
        job = self.jobs[_job_id(request)]
        if job["status"]["state"] != "DONE":
            return 200, {}, json.dumps({"jobComplete": False, "jobReference": job["jobReference"]})
        answer = {
            "jobComplete": True,
            "jobReference": job["jobReference"],
            "totalRows": "1",
            "schema": {"fields": [{"name": "answer", "type": "STRING"}]},
            "rows": [{"f": [{"v": "forty-two"}]}],
        }
        return 200, {}, json.dumps(answer)

    def _poll(self) -> None:
        self.polls += 1
        if self.polls >= self.polls_until_done:
            for job in self.jobs.values():
                job["status"]["state"] = "DONE"

    def _begin_upload(self, request: requests.PreparedRequest) -> Any:
        self._upload = json.loads(request.body or b"")
        return 200, {"Location": f"{HOST}/session"}, ""

    def _continue_upload(self, request: requests.PreparedRequest) -> Any:
        first, last, size = re.match(r"bytes (?:(\d+)-(\d+)|\*)/(\*|\d+)", request.headers["content-range"]).groups()
        self.chunks.append(int(last) - int(first) + 1)
        return (308, {"Range": f"bytes=0-{last}"}, "") if size == "*" else self._submit(self._upload)


def _error(status: int, reason: str, message: str) -> tuple[int, dict[str, str], str]:
    if not reason:
        return status, {"content-type": "text/html"}, "<html>Service Unavailable</html>"
    return status, {}, json.dumps({"error": {"code": status, "message": message, "errors": [{"reason": reason}]}})


def _job_id(request: requests.PreparedRequest) -> str:
    return (request.url or "").split("?")[0].rsplit("/", 1)[1]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeJobs]:
    """BigQuery's jobs, faked; whoever sleeps for real instead of by the injected sleep is found out."""

    def no_sleep(seconds: float) -> None:
        raise AssertionError(f"slept {seconds} s for real")

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        fake = FakeJobs(mock)
        monkeypatch.setattr(time, "sleep", no_sleep)
        yield fake


@pytest.fixture
def waits() -> list[float]:
    """How long the warehouse waited each time, in seconds."""
    return []


@pytest.fixture
def warehouse(jobs: FakeJobs, waits: list[float]) -> Warehouse:
    """A warehouse over the faked jobs."""
    return Warehouse(_client(HOST, "p"), "d", "US", host="bigquery.test", sleep=waits.append)


def _client(url: str, project: str) -> bigquery.Client:
    return bigquery.Client(project=project, credentials=AnonymousCredentials(), client_options={"api_endpoint": url})


def load_lines(warehouse: Warehouse, lines: bytes = b"{}\n" * 3) -> int:
    return warehouse.load(io.BytesIO(lines), FACT_ORDERS.name, FACT_ORDERS.columns, "run-load")


# --- a job runs once ---------------------------------------------------------------------------------


def test_a_job_id_is_the_step_and_its_generation(warehouse: Warehouse, jobs: FakeJobs) -> None:
    assert warehouse.run(QUESTION, "run-step").rows == ANSWER
    assert load_lines(warehouse) == 3
    assert jobs.submitted == ["run-step-0", "run-load-0"]


def test_a_query_whose_reply_was_lost_is_found_again_by_its_id(warehouse: Warehouse, jobs: FakeJobs) -> None:
    """Sent again under the same id it is not run again: 409 leads to the job that runs already."""
    jobs.plan = [Lost()]
    assert warehouse.run(QUESTION, "run-step").rows == ANSWER
    assert jobs.submitted == ["run-step-0", "run-step-0"]
    assert list(jobs.jobs) == ["run-step-0"]


def test_a_load_whose_reply_was_lost_is_found_again_by_its_id(warehouse: Warehouse, jobs: FakeJobs) -> None:
    """The file is sent from its beginning again, and not loaded twice."""
    jobs.plan = [Lost()]
    assert load_lines(warehouse) == 3
    assert jobs.submitted == ["run-load-0", "run-load-0"]
    assert list(jobs.jobs) == ["run-load-0"]
    assert jobs.chunks == [9, 9]


def test_a_job_found_by_its_id_is_waited_for(warehouse: Warehouse, jobs: FakeJobs) -> None:
    jobs.plan = [Lost()]
    jobs.polls_until_done = 3
    assert warehouse.run(QUESTION, "run-step").rows == ANSWER
    assert jobs.polls >= 3


def test_a_load_found_by_its_id_is_waited_for(
    warehouse: Warehouse, jobs: FakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client itself sleeps between its questions."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    jobs.plan = [Lost()]
    jobs.polls_until_done = 3
    assert load_lines(warehouse) == 3
    assert jobs.polls == 3


def test_a_job_that_was_never_taken_keeps_its_id(warehouse: Warehouse, jobs: FakeJobs) -> None:
    jobs.plan = [Unreached(), Refusal(503), Refusal(403, "rateLimitExceeded")]
    assert warehouse.run(QUESTION, "run-step").rows == ANSWER
    assert jobs.submitted == ["run-step-0"] * 4


@pytest.mark.parametrize("work", [lambda w: w.run(QUESTION, "run-load").rows == ANSWER, lambda w: load_lines(w) == 3])
def test_a_job_that_ended_in_a_passing_error_runs_again_under_a_new_id(
    warehouse: Warehouse, jobs: FakeJobs, work: Any
) -> None:
    """BigQuery remembers an id for six months, so the old one would only find the failed job again."""
    jobs.plan = [Failure("backendError"), Failure("jobInternalError")]
    assert work(warehouse)
    assert jobs.submitted == ["run-load-0", "run-load-1", "run-load-2"]


def test_a_lost_job_that_ended_in_a_passing_error_runs_again_under_a_new_id(
    warehouse: Warehouse, jobs: FakeJobs
) -> None:
    """The reply was lost and the job failed: 409 finds it, and only then the generation goes up."""
    jobs.plan = [Lost(Failure("backendError"))]
    assert warehouse.run(QUESTION, "run-step").rows == ANSWER
    assert jobs.submitted == ["run-step-0", "run-step-0", "run-step-1"]


# --- which errors pass -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fate",
    [
        Refusal(503),
        Refusal(502),
        Refusal(500, "backendError"),
        Refusal(403, "rateLimitExceeded"),
        Refusal(403, "jobRateLimitExceeded"),
        Refusal(400, "invalidQuery", "Could not serialize access to table p:d.t due to concurrent update"),
        Failure("rateLimitExceeded"),
        Failure("backendError"),
        Failure("internalError"),
        Failure("invalidQuery", "Could not serialize access to table p:d.t due to concurrent update"),
        Failure("invalidQuery", "Transaction is aborted due to concurrent update against table p:d.t"),
        Failure("resourcesExceeded", "Too many DML statements outstanding against table p:d.t, limit is 20."),
        Unreached(),
        Lost(),
    ],
    ids=repr,
)
def test_what_passes_is_tried_again(warehouse: Warehouse, jobs: FakeJobs, waits: list[float], fate: Any) -> None:
    """After a wait, by the sleep that was injected."""
    jobs.plan = [fate]
    assert warehouse.run(QUESTION, "run-step").rows == ANSWER
    assert len(jobs.submitted) == 2
    assert len(waits) == 1
    assert 0.5 <= waits[0] <= 20


def test_waits_grow(warehouse: Warehouse, jobs: FakeJobs, waits: list[float]) -> None:
    jobs.plan = [Refusal(503)] * 7
    warehouse.run(QUESTION, "run-step")
    assert len(waits) == 7
    assert waits[0] < 2 < waits[4] <= waits[6] <= 20


@pytest.mark.parametrize(
    "fate",
    [
        Refusal(400, "invalidQuery"),
        Refusal(404, "notFound"),
        Refusal(403, "accessDenied"),
        Refusal(400, "invalid"),
        Failure("invalidQuery"),
        Failure("notFound"),
        Failure("accessDenied"),
        Failure("responseTooLarge"),
    ],
    ids=repr,
)
def test_what_does_not_pass_is_refused_at_once(
    warehouse: Warehouse, jobs: FakeJobs, waits: list[float], fate: Any
) -> None:
    jobs.plan = [fate]
    with pytest.raises(WarehouseRefused, match=r"bigquery\.test \(p\.d\), run-step: .*no"):
        warehouse.run(QUESTION, "run-step")
    assert jobs.submitted == ["run-step-0"]
    assert waits == []


@pytest.mark.parametrize("fate", [Refusal(403, "quotaExceeded"), Failure("quotaExceeded")], ids=repr)
def test_a_spent_quota_is_not_worth_a_retry_for_long(
    warehouse: Warehouse, jobs: FakeJobs, waits: list[float], fate: Any
) -> None:
    jobs.plan = [fate]
    with pytest.raises(WarehouseUnavailable, match="quota") as caught:
        warehouse.run(QUESTION, "run-step")
    assert caught.value.retry_after >= 3600
    assert jobs.submitted == ["run-step-0"]
    assert waits == []


@pytest.mark.parametrize(
    ("reached", "budget"), [(False, "FIRST_CONTACT_SECONDS"), (True, "PATIENCE_SECONDS")], ids=["never", "before"]
)
def test_patience_depends_on_whether_bigquery_was_ever_reached(
    warehouse: Warehouse, jobs: FakeJobs, monkeypatch: pytest.MonkeyPatch, reached: bool, budget: str
) -> None:
    """A wrong host does not heal, so it is told soon; a failure in the middle of the work may pass."""
    assert bigquery_utils.FIRST_CONTACT_SECONDS < 10 < bigquery_utils.PATIENCE_SECONDS
    if reached:
        warehouse.run(QUESTION, "run-first")
    monkeypatch.setattr(bigquery_utils, budget, 0.0)
    jobs.plan = [Unreached()] * 9
    with pytest.raises(WarehouseUnavailable, match="cannot be reached") as caught:
        warehouse.run(QUESTION, "run-step")
    assert ("Check the network" in str(caught.value)) is not reached
    assert len(jobs.plan) == 8


# --- what messages say -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fate", [Refusal(400, "invalidQuery"), Refusal(503), Failure("invalidQuery"), Unreached(), Lost()], ids=repr
)
def test_messages_name_host_dataset_and_step_but_no_values(
    warehouse: Warehouse, jobs: FakeJobs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fate: Any
) -> None:
    """They reach replies, logs and the run ledger."""
    monkeypatch.setattr(bigquery_utils, "FIRST_CONTACT_SECONDS", 0.0)
    jobs.plan = [fate]
    with pytest.raises(WarehouseError) as caught:
        warehouse.run(QUESTION, "run-step")
    message = str(caught.value)
    for part in ("bigquery.test", "p.d", "run-step"):
        assert part in message
    for part in ("forty-two", "SELECT", "/bigquery/v2", "prettyPrint"):
        assert part not in message + capsys.readouterr().out
    assert "\n" not in message
    assert len(message) < 700


# --- files -------------------------------------------------------------------------------------------


def test_files_are_sent_in_chunks_of_2_mb(warehouse: Warehouse, jobs: FakeJobs) -> None:
    """The client holds a whole chunk in memory, and its own default is 100 MB."""
    load_lines(warehouse, b"x" * 5_000_000)
    assert jobs.chunks == [2 * 2**20, 2 * 2**20, 5_000_000 - 4 * 2**20]


def test_the_clients_chunk_size_still_goes_by_the_name_that_is_set() -> None:
    """It is a private constant of the client: a new version may rename it, and then setting it does nothing."""
    source = Path(bigquery_client.__file__).read_text(encoding="utf-8")
    assert re.search(r"^_DEFAULT_CHUNKSIZE = 100 \* 1024 \* 1024", source, re.M)
    assert re.search(r"chunk_size = _DEFAULT_CHUNKSIZE$", source, re.M)
    assert bigquery_client._DEFAULT_CHUNKSIZE == UPLOAD_CHUNK_BYTES


# --- connecting --------------------------------------------------------------------------------------


def test_a_missing_project_is_told_by_the_name_of_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="GOOGLE_CLOUD_PROJECT"):
        connect(Settings(emulator_host="http://127.0.0.1:1"))


def test_missing_credentials_are_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_credentials(*_: object, **__: object) -> None:
        raise DefaultCredentialsError("none")

    monkeypatch.setattr(google.auth, "default", no_credentials)
    with pytest.raises(ConfigurationError, match="gcloud auth application-default login"):
        connect(Settings(project="p"))


def test_a_tenants_own_dataset_wins() -> None:
    settings = Settings(project="p", dataset="everyones", emulator_host="http://127.0.0.1:1")
    assert connect(settings).dataset == "p.everyones"
    assert connect(settings, "its_own").dataset == "p.its_own"


def test_an_unreachable_host_is_named_within_seconds() -> None:
    """A real connection that is refused; Google's client alone would go on for ten minutes."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        warehouse = connect(Settings(project="p", emulator_host=f"http://127.0.0.1:{port}"))
        began = time.monotonic()
        with pytest.raises(WarehouseUnavailable, match=f"127.0.0.1:{port}.*BIGQUERY_EMULATOR_HOST"):
            warehouse.ensure(ORDER_TABLES)
    assert time.monotonic() - began < 15


# --- tables ------------------------------------------------------------------------------------------


@pytest.fixture
def emulated(warehouse_client: bigquery.Client) -> Iterator[Warehouse]:
    """A warehouse on the emulator, in a dataset that does not exist yet."""
    name = f"bigquery_utils_{time.time_ns()}"
    yield Warehouse(warehouse_client, name, "US", host="emulator")
    warehouse_client.delete_dataset(name, delete_contents=True, not_found_ok=True)


def test_tables_are_created_as_they_are_described(emulated: Warehouse, warehouse_client: bigquery.Client) -> None:
    """The dataset too; with partitioning, clustering and descriptions."""
    emulated.ensure((*ORDER_TABLES, *RUN_TABLES))
    for table in (*ORDER_TABLES, *RUN_TABLES):
        created = warehouse_client.get_table(f"{emulated.dataset}.{table.name}")
        assert created.description == table.description
        assert created.time_partitioning.field == table.partition_by
        assert created.time_partitioning.type_ == "DAY"
        assert tuple(created.clustering_fields) == table.cluster_by
        assert [(f.name, f.field_type, f.mode, f.description) for f in created.schema] == [
            (c.name, c.type, c.mode, c.description) for c in table.columns
        ]


def test_tables_demand_a_partition_filter_where_they_are_described_so(warehouse: Warehouse, jobs: FakeJobs) -> None:
    """The emulator takes no notice of it."""
    sent: dict[str, dict[str, Any]] = {}

    def create(request: requests.PreparedRequest) -> Any:
        table = json.loads(request.body or b"")
        sent[table["tableReference"]["tableId"]] = table
        return 200, {}, request.body

    jobs.mock.add(
        "GET",
        f"{HOST}/bigquery/v2/projects/p/datasets/d",
        json={"datasetReference": {"projectId": "p", "datasetId": "d"}},
    )
    jobs.mock.add("GET", re.compile(f"{HOST}/bigquery/v2/projects/p/datasets/d/tables"), json={})
    jobs.mock.add_callback("POST", re.compile(f"{HOST}/bigquery/v2/projects/p/datasets/d/tables"), create)
    warehouse.ensure((*ORDER_TABLES, *RUN_TABLES))
    assert {name: table["requirePartitionFilter"] for name, table in sent.items()} == {
        table.name: table.requires_filter for table in (*ORDER_TABLES, *RUN_TABLES)
    }


def test_tables_are_asked_for_once_per_process(
    emulated: Warehouse, warehouse_client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulated.ensure(RUN_TABLES)
    asked: list[str] = []
    call_api = warehouse_client._call_api

    def spy(*arguments: Any, **named: Any) -> Any:
        asked.append(named["method"])
        return call_api(*arguments, **named)

    monkeypatch.setattr(warehouse_client, "_call_api", spy)
    emulated.ensure(RUN_TABLES)
    assert asked == []
    emulated.ensure((*RUN_TABLES, FACT_ORDERS))
    assert asked.count("POST") == 1, "only the table that is missing is created"


def test_tables_that_another_process_made_are_left_alone(
    emulated: Warehouse, warehouse_client: bigquery.Client
) -> None:
    emulated.ensure(RUN_TABLES)
    rows = [
        BusinessDayRow(
            "orders", "r", dt.date(2026, 2, 21), "run", "business_date", "closed", "no_orders", True, 0, None, 0, NOW
        )
    ]
    emulated.run(insert_values(emulated.dataset, BUSINESS_DAYS, rows), "run-days")
    another = Warehouse(warehouse_client, emulated.dataset.split(".")[1], "US", host="emulator")
    another.ensure(RUN_TABLES)
    assert len(_all_rows(emulated, BUSINESS_DAYS.name)) == 1


class OlderRow(Row):
    """What a table was made of before it got its other columns."""

    run_id: RunId
    restaurant_guid: RestaurantGuid
    run_date: Annotated[dt.date, Meta(description="Date (UTC) on which the run began.")]


def test_a_table_of_earlier_code_gets_the_columns_that_it_lacks_and_keeps_its_rows(
    emulated: Warehouse, warehouse_client: bigquery.Client, written: list[str]
) -> None:
    """Once, whatever is marked on it; code that knows fewer columns leaves them there."""
    older = msgspec.structs.replace(ETL_RUNS, row=OlderRow)
    unmarked = bigquery.Table(f"{emulated.dataset}.etl_runs", schema=schema_of(older.columns))
    unmarked.labels = {"team": "data"}
    warehouse_client.create_dataset(emulated.dataset)
    warehouse_client.create_table(unmarked)
    emulated.run(insert_values(emulated.dataset, older, [OlderRow("run", "r", NOW.date())]), "older-run")

    another_process(emulated, warehouse_client).ensure([ETL_RUNS])
    (row,) = _all_rows(emulated, "etl_runs")
    assert list(row) == [column.name for column in ETL_RUNS.columns]
    assert (row["run_id"], row["watermark"]) == ("run", None)
    labels = warehouse_client.get_table(f"{emulated.dataset}.etl_runs").labels
    assert labels == {"team": "data", "definition": ETL_RUNS.definition}

    written.clear()
    another_process(emulated, warehouse_client).ensure([ETL_RUNS])
    another_process(emulated, warehouse_client).ensure([older])
    assert written == []


JOBS_VIEW = next(view for view in VIEWS if view.name == "current_jobs")
MENUS_VIEW = next(view for view in VIEWS if view.name == "current_menus")
VIEWED = (DIMENSIONS["jobs"], DIMENSIONS["menus"])


def another_process(warehouse: Warehouse, client: bigquery.Client) -> Warehouse:
    return Warehouse(client, warehouse.dataset.split(".")[1], "US", host="emulator")


@pytest.fixture
def written(warehouse_client: bigquery.Client, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods of the requests that may change something, as they are sent."""
    methods: list[str] = []
    call_api = warehouse_client._call_api

    def spy(*arguments: Any, **named: Any) -> Any:
        if named["method"] != "GET":
            methods.append(named["method"])
        return call_api(*arguments, **named)

    monkeypatch.setattr(warehouse_client, "_call_api", spy)
    return methods


def test_a_view_is_made_once_and_again_only_when_its_definition_changes(
    emulated: Warehouse, warehouse_client: bigquery.Client, written: list[str]
) -> None:
    emulated.ensure(VIEWED, [JOBS_VIEW, MENUS_VIEW])
    written.clear()
    another_process(emulated, warehouse_client).ensure(VIEWED, [JOBS_VIEW, MENUS_VIEW])
    assert written == []
    changed = msgspec.structs.replace(JOBS_VIEW, description="Something else.")
    another_process(emulated, warehouse_client).ensure(VIEWED, [changed, MENUS_VIEW])
    assert written.count("PATCH") == 1
    view = warehouse_client.get_table(f"{emulated.dataset}.current_jobs")
    assert (view.description, view.labels) == ("Something else.", {"definition": changed.definition})


def test_a_changed_query_is_another_definition() -> None:
    changed = msgspec.structs.replace(JOBS_VIEW, entity="menus")
    assert changed.definition != JOBS_VIEW.definition
    assert re.fullmatch(r"[a-z0-9_-]{1,63}", JOBS_VIEW.definition), "else BigQuery takes it for no label"


@pytest.mark.parametrize("half_made", [False, True], ids=["dropped", "made by a process that died before marking it"])
def test_a_view_that_is_not_there_as_it_should_be_is_made_again(
    emulated: Warehouse, warehouse_client: bigquery.Client, half_made: bool
) -> None:
    """Even with a definition for which there was a job before."""
    emulated.ensure(VIEWED, [JOBS_VIEW])
    warehouse_client.query(f"DROP VIEW `{emulated.dataset}.current_jobs`").result()
    if half_made:
        warehouse_client.query(JOBS_VIEW.create(emulated.dataset).sql).result()
    another_process(emulated, warehouse_client).ensure(VIEWED, [JOBS_VIEW])
    view = warehouse_client.get_table(f"{emulated.dataset}.current_jobs")
    assert (view.table_type, view.labels) == ("VIEW", {"definition": JOBS_VIEW.definition})
    assert list(warehouse_client.query(f"SELECT * FROM `{emulated.dataset}.current_jobs`").result()) == []


def test_a_view_that_is_refused_is_told_and_keeps_no_data_waiting(
    emulated: Warehouse, warehouse_client: bigquery.Client
) -> None:
    """As when somebody has a table of that name."""
    with structlog.testing.capture_logs() as logs:
        emulated.ensure([DIMENSIONS["menus"]], [JOBS_VIEW, MENUS_VIEW])
    (refused,) = [line for line in logs if line["event"] == "view_not_created"]
    assert (refused["view"], refused["log_level"]) == ("current_jobs", "error")
    (created,) = [line for line in logs if line["event"] == "schema_created"]
    assert (created["tables"], created["views"]) == (["dim_menus"], ["current_menus"])
    another_process(emulated, warehouse_client).ensure(VIEWED, [JOBS_VIEW, MENUS_VIEW])
    names = {table.table_id for table in warehouse_client.list_tables(emulated.dataset)}
    assert names == {"dim_jobs", "dim_menus", "current_jobs", "current_menus"}


def test_several_processes_may_create_everything_at_the_same_moment(
    emulated: Warehouse, warehouse_client: bigquery.Client
) -> None:
    start = threading.Barrier(4)

    def begin(_: int) -> None:
        warehouse = another_process(emulated, warehouse_client)
        start.wait()
        warehouse.ensure((*VIEWED, *RUN_TABLES), [JOBS_VIEW, MENUS_VIEW])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(begin, range(4)))
    labels = {table.table_id: table.labels for table in warehouse_client.list_tables(emulated.dataset)}
    assert labels.keys() == {table.name for table in (*VIEWED, *RUN_TABLES)} | {"current_jobs", "current_menus"}
    assert labels["current_jobs"] == {"definition": JOBS_VIEW.definition}


def test_a_staging_table_expires_by_itself(warehouse: Warehouse, jobs: FakeJobs) -> None:
    """A process that is killed drops nothing. Within a day, but not while its run may still need it."""
    sent: list[dict[str, Any]] = []

    def create(request: requests.PreparedRequest) -> Any:
        sent.append(json.loads(request.body or b""))
        return 200, {}, request.body

    jobs.mock.add_callback("POST", re.compile(f"{HOST}/bigquery/v2/projects/p/datasets/d/tables"), create)
    warehouse.create_staging("staging_run", columns_of(StagedOrder))
    (table,) = sent
    left = int(table["expirationTime"]) / 1000 - time.time()
    assert 3600 < left <= 24 * 3600
    fields = {field["name"]: field for field in table["schema"]["fields"]}
    assert fields["items"]["type"] == "RECORD"
    assert fields["items"]["mode"] == "REPEATED"
    assert "description" in fields["items"]["fields"][0]


def test_a_staging_table_that_cannot_be_dropped_harms_nobody(warehouse: Warehouse, jobs: FakeJobs) -> None:
    """It expires anyway, and the call that loaded from it has done its work."""
    jobs.mock.add("DELETE", re.compile(f"{HOST}/bigquery/v2/projects/p/datasets/d/tables"), status=503)
    warehouse.drop_staging("staging_run")


# --- values there and back ---------------------------------------------------------------------------

NOW = dt.datetime(2026, 2, 22, 12, 0, 0, 123456, tzinfo=dt.UTC)
DAY = dt.date(2026, 2, 21)


def test_rows_given_as_values_arrive_once_with_every_type(emulated: Warehouse) -> None:
    """Also NULLs, at any place: their type comes with the column."""
    emulated.ensure(RUN_TABLES)
    rows = [
        BusinessDayRow("orders", "r1", DAY, "run", "business_date", "closed", None, True, 0, None, 0, NOW),
        BusinessDayRow(
            "orders", "r2", DAY, "run", "business_date", "open", "few “orders”", False, 7, Decimal("1234567.89"), 1, NOW
        ),
    ]
    statement = insert_values(emulated.dataset, BUSINESS_DAYS, rows)
    assert emulated.run(statement, "run-days").changed == 2
    assert emulated.run(statement, "run-days-again").changed == 0, "the keys are there already"
    found = sorted(_all_rows(emulated, BUSINESS_DAYS.name), key=lambda row: row["restaurant_guid"])
    assert [tuple(row.values()) for row in found] == [msgspec.structs.astuple(row) for row in rows]


def test_a_file_is_appended_as_a_whole_or_not_at_all(emulated: Warehouse) -> None:
    emulated.ensure(RUN_TABLES)
    line = msgspec.json.encode(RejectRow("run", "guid", "orders", "r", DAY, DAY, "why", '{"a": "ü"}')) + b"\n"
    for job in ("run-1", "run-2"):
        emulated.load(io.BytesIO(line * 2), ETL_REJECTS.name, ETL_REJECTS.columns, job)
    broken = line + line.replace(str(DAY).encode(), b"no date")
    with pytest.raises(WarehouseRefused, match="run-3"):
        emulated.load(io.BytesIO(broken), ETL_REJECTS.name, ETL_REJECTS.columns, "run-3")
    found = _all_rows(emulated, ETL_REJECTS.name)
    assert [row["payload"] for row in found] == ['{"a": "ü"}'] * 4


def test_a_load_into_a_table_that_is_gone_is_refused(emulated: Warehouse) -> None:
    """It never creates one: a table without partitions and descriptions would look like the real one."""
    emulated.ensure(RUN_TABLES)
    with pytest.raises(WarehouseRefused):
        emulated.load(io.BytesIO(b"{}\n"), "no_such_table", ETL_REJECTS.columns, "run-load")


def _all_rows(warehouse: Warehouse, table: str) -> list[dict[str, Any]]:
    return warehouse.run(Statement(f"SELECT * FROM `{warehouse.dataset}.{table}`"), f"read-{time.time_ns()}").rows
