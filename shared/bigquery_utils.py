"""BigQuery, as the loading uses it: tables, statements and load jobs that survive a lost reply.

A job's id is made from the run and the step, so sending it twice finds the first one (409) instead of
running it again. A job that ended in an error keeps its id for six months, so only then a generation
number goes up. With BIGQUERY_EMULATOR_HOST set, the same client talks to an emulator.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import IO, Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

import google.auth.exceptions
import google.cloud.bigquery.client as bigquery_client
import msgspec
import requests
import structlog
import tenacity
from google.api_core import exceptions as google_errors
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery.table import TableListItem

from shared.concurrency import side_by_side
from shared.config import Settings
from shared.errors import ConfigurationError, WarehouseError, WarehouseRefused, WarehouseUnavailable
from shared.statements import Parameter, Rows, Statement, add_column
from shared.tables import Column, Table
from shared.views import View

log = structlog.get_logger()

# The client reads a whole chunk into memory before it sends it, and its own default is 100 MB.
UPLOAD_CHUNK_BYTES = 2 * 1024 * 1024
bigquery_client._DEFAULT_CHUNKSIZE = UPLOAD_CHUNK_BYTES

# How long BigQuery may fail before a call gives up: briefly when it was never reached (a wrong host or
# no network does not heal), patiently once it has been.
FIRST_CONTACT_SECONDS = 8.0
PATIENCE_SECONDS = 120.0
REQUEST_SECONDS = 300.0

# Retries are ours (`_persist`), so that they know what is worth one, and show in the log.
_NO_RETRY = Retry(predicate=lambda _: False)

# A staging table that its run could not drop (a killed process) goes away by itself.
STAGING_LIFETIME = dt.timedelta(days=1)

# How long the rows of tables that expire are kept, where neither LEDGER_DAYS nor the table says otherwise.
DEFAULT_LEDGER_DAYS = 400
_DAY_MS = 24 * 60 * 60 * 1000

# A new dataset gets tables and views so many at a time: as many as the client keeps connections for.
CREATIONS_AT_ONCE = 10

# The label that keeps, on a table or view, the hash of its definition.
DEFINITION_LABEL = "definition"

_Result = TypeVar("_Result")


class Answer(msgspec.Struct, frozen=True):
    """What a statement brought: its rows, and how many rows it changed (0 for a SELECT)."""

    rows: list[dict[str, Any]]
    changed: int


class Existing(NamedTuple):
    """A table or view that is there: the hash of the definition it was made from, and how long its rows are kept."""

    definition: str | None
    partition_by: str | None
    days_kept: float
    """Days after which a partition expires; 0: never."""

    @classmethod
    def of(cls, listed: TableListItem) -> Existing:
        """What a list of tables tells of one."""
        partitioning = listed.time_partitioning
        if partitioning is None:
            return cls(listed.labels.get(DEFINITION_LABEL), None, 0)
        days = (partitioning.expiration_ms or 0) / _DAY_MS
        return cls(listed.labels.get(DEFINITION_LABEL), partitioning.field, days)


class Held(msgspec.Struct, frozen=True):
    """A table as BigQuery describes it, in the words of `Table`."""

    columns: tuple[tuple[str, str, str], ...]
    """Name, type and mode of each."""
    partition_by: str | None
    requires_filter: bool
    cluster_by: tuple[str, ...]


class Warehouse:
    """One dataset. Thread-safe; shared by all calls of a process.

    Its methods raise WarehouseUnavailable when BigQuery fails for now and WarehouseRefused when it says
    no for good.
    """

    def __init__(
        self,
        client: bigquery.Client,
        dataset: str,
        location: str,
        *,
        host: str,
        ledger_days: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``ledger_days``: how long tables that expire keep a row, 0 for ever; None: 400, or as the table says."""
        self._client = client
        self._ledger_days = ledger_days
        self._location = location
        self._host = host
        self._sleep = sleep
        self._reached = False
        self._lock = threading.Lock()
        self._ensured: set[str] = set()
        self.dataset = f"{client.project}.{dataset}"

    # --- tables --------------------------------------------------------------------------------------

    def ensure(self, tables: Collection[Table], views: Collection[View] = ()) -> None:
        """Create the dataset and what it lacks of the tables, their columns and the views; asks once per process.

        A view that was made from another definition than the code's is replaced. Another process may do the same
        at the same time: what both create is the same. A view that BigQuery refuses is logged and left out, since
        views serve readers, and no data must wait for them.
        """
        with self._lock:
            lacking = [table for table in tables if table.name not in self._ensured]
            outdated = [view for view in views if view.name not in self._ensured]
            if not lacking and not outdated:
                return
            existing = self._persist("look for the tables", self._existing)
            present = [table for table in lacking if table.name in existing]
            lacking = [table for table in lacking if table.name not in existing]
            side_by_side(self._create_table, lacking, CREATIONS_AT_ONCE)
            older = [table for table in present if existing[table.name].definition != table.definition]
            side_by_side(self._add_columns, older, CREATIONS_AT_ONCE)
            kept = [table for table in present if self._days_kept(table, existing[table.name]) is not None]
            side_by_side(lambda table: self._keep(table, existing[table.name]), kept, CREATIONS_AT_ONCE)
            made = {name: one.definition for name, one in existing.items()}
            outdated = [view for view in outdated if made.get(view.name) != view.definition]
            created = [name for layer in _layers(outdated) for name in self._create_views(layer)]
            self._ensured.update(table.name for table in tables)
            self._ensured.update(view.name for view in views)
            if lacking or created:
                log.info("schema_created", dataset=self.dataset, tables=[t.name for t in lacking], views=created)

    def _existing(self) -> dict[str, Existing]:
        """The tables and views that there are, by name."""
        try:
            self._client.get_dataset(self.dataset, retry=_NO_RETRY, timeout=FIRST_CONTACT_SECONDS)
        except google_errors.NotFound:
            dataset = bigquery.Dataset(self.dataset)
            dataset.location = self._location
            self._client.create_dataset(dataset, exists_ok=True, retry=_NO_RETRY, timeout=FIRST_CONTACT_SECONDS)
        listed = self._client.list_tables(self.dataset, retry=_NO_RETRY, timeout=FIRST_CONTACT_SECONDS)
        return {table.table_id: Existing.of(table) for table in listed}

    def _days_kept(self, table: Table, existing: Existing) -> int | None:
        """For how many days a table should keep a row that keeps it for another time now; None: leave it."""
        if not table.expires or existing.partition_by != table.partition_by:
            return None
        if self._ledger_days is None:  # who has set it, had a reason
            return DEFAULT_LEDGER_DAYS if not existing.days_kept else None
        return self._ledger_days if self._ledger_days != existing.days_kept else None

    def _keep(self, table: Table, existing: Existing) -> None:
        """Let a table keep its rows for as long as it should; a refusal is only logged, since no data must wait."""
        days = self._days_kept(table, existing)
        changed = bigquery.Table(f"{self.dataset}.{table.name}")
        changed.time_partitioning = bigquery.TimePartitioning(field=table.partition_by)
        changed.time_partitioning.expiration_ms = days * _DAY_MS if days else None

        def update() -> None:
            self._client.update_table(changed, ["time_partitioning"], retry=_NO_RETRY, timeout=REQUEST_SECONDS)

        try:
            self._persist(f"say how long {table.name} keeps its rows", update)
        except WarehouseRefused as error:
            log.error("rows_kept_as_before", table=table.name, days=existing.days_kept, error=str(error))
        else:
            log.info("rows_kept", table=table.name, days=days, before=existing.days_kept)

    def _create_table(self, table: Table) -> None:
        self._create(self._definition(table))

    def _add_columns(self, table: Table) -> None:
        """Give a table of an earlier version of the code the columns that it lacks: NULL in the rows that it holds.

        Columns that the code does not know stay: a later version may have added them.
        """
        name = f"{self.dataset}.{table.name}"

        def held() -> bigquery.Table:
            return self._client.get_table(name, retry=_NO_RETRY, timeout=REQUEST_SECONDS)

        found = self._persist(f"look at {table.name}", held)
        known = {field.name for field in found.schema}
        added = [column for column in table.columns if column.name not in known]
        if not added and DEFINITION_LABEL in found.labels:
            return
        for column in added:
            self.run(add_column(self.dataset, table, column), f"column-{table.name}-{column.name}-{uuid.uuid4().hex}")
        # With the columns once more: the emulator does not list those that a statement added.
        nullable = [msgspec.structs.replace(column, mode="NULLABLE") for column in added]
        marked = bigquery.Table(name, schema=[*found.schema, *schema_of(nullable)])
        marked.labels = {**found.labels, DEFINITION_LABEL: table.definition}

        def mark() -> None:
            self._client.update_table(marked, ["labels", "schema"], retry=_NO_RETRY, timeout=REQUEST_SECONDS)

        self._persist(f"mark {table.name}", mark)
        if added:
            log.info("columns_added", table=table.name, columns=[column.name for column in added])

    def _create_views(self, views: Iterable[View]) -> list[str]:
        """Create or replace views; the names of those that BigQuery took."""
        return [name for name in side_by_side(self._create_view, views, CREATIONS_AT_ONCE) if name]

    def _create_view(self, view: View) -> str | None:
        """Create or replace a view, and only then mark it with its definition; its name if BigQuery took it.

        A process that dies between the two leaves a view that the next one makes again.
        """
        described = bigquery.Table(f"{self.dataset}.{view.name}", schema=schema_of(view.columns))
        described.description = view.description
        described.labels = {DEFINITION_LABEL: view.definition}

        def describe() -> None:
            self._client.update_table(
                described, ["description", "schema", "labels"], retry=_NO_RETRY, timeout=REQUEST_SECONDS
            )

        try:
            # Never the id of an earlier job: the view may have been dropped or replaced since.
            self.run(view.create(self.dataset), f"view-{view.name}-{uuid.uuid4().hex}")
            self._persist(f"describe {view.name}", describe)
        except WarehouseRefused as error:
            log.error("view_not_created", view=view.name, error=str(error))
            return None
        return view.name

    def _definition(self, table: Table) -> bigquery.Table:
        definition = bigquery.Table(f"{self.dataset}.{table.name}", schema=schema_of(table.columns))
        definition.description = table.description
        definition.labels = {DEFINITION_LABEL: table.definition}
        definition.clustering_fields = list(table.cluster_by)
        if table.partition_by is not None:
            days = DEFAULT_LEDGER_DAYS if self._ledger_days is None else self._ledger_days
            definition.time_partitioning = bigquery.TimePartitioning(
                field=table.partition_by, expiration_ms=days * _DAY_MS if table.expires and days else None
            )
            definition.require_partition_filter = table.requires_filter
        return definition

    def describe(self, tables: Collection[Table]) -> dict[str, Held | None]:
        """What BigQuery says of tables, by name; None for one that is not there."""
        described = side_by_side(self._describe, tables, CREATIONS_AT_ONCE)
        return {table.name: held for table, held in zip(tables, described, strict=True)}

    def _describe(self, table: Table) -> Held | None:
        def get() -> bigquery.Table | None:
            try:
                return self._client.get_table(
                    f"{self.dataset}.{table.name}", retry=_NO_RETRY, timeout=FIRST_CONTACT_SECONDS
                )
            except google_errors.NotFound:
                return None

        found = self._persist(f"look at {table.name}", get)
        if found is None:
            return None
        return Held(
            columns=tuple(
                (field.name, _STANDARD.get(field.field_type, field.field_type), field.mode) for field in found.schema
            ),
            partition_by=found.time_partitioning.field if found.time_partitioning else None,
            requires_filter=bool(found.require_partition_filter),
            cluster_by=tuple(found.clustering_fields or ()),
        )

    def create_staging(self, name: str, columns: Sequence[Column]) -> None:
        """Create a table that expires by itself."""
        definition = bigquery.Table(f"{self.dataset}.{name}", schema=schema_of(columns))
        definition.expires = dt.datetime.now(dt.UTC) + STAGING_LIFETIME
        self._create(definition)

    def _create(self, definition: bigquery.Table) -> None:
        def create() -> None:
            self._client.create_table(definition, exists_ok=True, retry=_NO_RETRY, timeout=REQUEST_SECONDS)

        self._persist(f"create {definition.table_id}", create)

    def drop_staging(self, name: str) -> None:
        """Drop a staging table; a failure is only logged, since it expires anyway."""
        try:
            self._client.delete_table(
                f"{self.dataset}.{name}", not_found_ok=True, retry=_NO_RETRY, timeout=FIRST_CONTACT_SECONDS
            )
        except Exception as error:
            log.warning("staging_not_dropped", table=name, error=str(error))

    def holds(self, table: Table) -> bool:
        """Whether a table is there; nothing is created."""

        def look() -> bool:
            try:
                self._client.get_table(f"{self.dataset}.{table.name}", retry=_NO_RETRY, timeout=FIRST_CONTACT_SECONDS)
            except google_errors.NotFound:
                return False
            return True

        return self._persist(f"look for {table.name}", look)

    # --- jobs ----------------------------------------------------------------------------------------

    def run(self, statement: Statement, job: str) -> Answer:
        """Run one statement; ``job`` (run id and step) makes its job id."""
        config = bigquery.QueryJobConfig(query_parameters=[_as_query_parameter(p) for p in statement.parameters])

        def submit(job_id: str) -> bigquery.QueryJob:
            return self._client.query(
                statement.sql,
                job_config=config,
                job_id=job_id,
                location=self._location,
                retry=_NO_RETRY,
                job_retry=None,
                timeout=REQUEST_SECONDS,
            )

        query, rows = self._finish(job, submit, lambda query: [dict(row) for row in query.result(retry=_polling())])
        return Answer(rows, query.num_dml_affected_rows or 0)

    def load(self, lines: IO[bytes], table: str, columns: Sequence[Column], job: str) -> int:
        """Append a file of NDJSON lines to a table; all of it or nothing. The number of rows loaded."""
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            schema=schema_of(columns),
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
        )

        def submit(job_id: str) -> bigquery.LoadJob:
            return self._client.load_table_from_file(
                lines,
                f"{self.dataset}.{table}",
                rewind=True,
                num_retries=0,  # its own would sleep unseen, for a minute and more
                job_id=job_id,
                job_config=config,
                location=self._location,
                timeout=REQUEST_SECONDS,
            )

        load, _ = self._finish(job, submit, lambda load: load.result(retry=_polling()))
        return load.output_rows or 0

    def _finish(self, job: str, submit: Callable[[str], Any], wait: Callable[[Any], _Result]) -> tuple[Any, _Result]:
        """Submit a job and wait for its end, again where that may help; never runs it twice."""
        generation, began = 0, time.monotonic()

        def once() -> tuple[Any, _Result]:
            nonlocal generation
            job_id = f"{job}-{generation}"
            try:
                running = submit(job_id)
            except google_errors.Conflict:
                running = self._client.get_job(job_id, location=self._location, retry=_polling())
            try:
                return running, wait(running)
            except google_errors.GoogleAPICallError:
                if running.error_result:
                    generation += 1
                raise

        finished = self._persist(job, once)
        log.debug("bigquery_job", job=job, seconds=round(time.monotonic() - began, 3))
        return finished

    def _persist(self, what: str, action: Callable[[], _Result]) -> _Result:
        """Do something with BigQuery, with retries while it fails for now."""
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_delay(PATIENCE_SECONDS if self._reached else FIRST_CONTACT_SECONDS),
            wait=tenacity.wait_exponential_jitter(multiplier=0.5, max=20.0),
            retry=tenacity.retry_if_exception(lambda error: verdict_of(error) == "transient"),
            before_sleep=lambda state: log.warning("bigquery_retry", what=what, error=_words(_error_of(state))),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            result = retrying(action)
        except (
            google_errors.GoogleAPIError,
            google.auth.exceptions.GoogleAuthError,
            requests.RequestException,
        ) as error:
            raise self._translated(what, error) from error
        self._reached = True
        return result

    def _translated(self, what: str, error: Exception) -> WarehouseError:
        words = f"BigQuery at {self._host} ({self.dataset}), {what}: {_words(error)}"
        verdict = verdict_of(error)
        if verdict == "quota":
            return WarehouseUnavailable(f"{words}. A quota is spent; it renews within a day.", retry_after=3600.0)
        if verdict == "transient":
            hint = "" if self._reached else " Check the network and BIGQUERY_EMULATOR_HOST (unset it to use Google's)."
            return WarehouseUnavailable(f"{words}.{hint}")
        return WarehouseRefused(words)


def connect(settings: Settings, dataset: str | None = None) -> Warehouse:
    """The warehouse of a tenant; ``dataset`` wins over BQ_DATASET.

    Raises ConfigurationError, naming what to set, when the project or Google's credentials are missing.
    """
    if not settings.project:
        raise ConfigurationError("GOOGLE_CLOUD_PROJECT is not set; set it to the project that holds the dataset.")
    dataset = dataset or settings.dataset
    if not re.fullmatch(r"\w{1,1024}", dataset, re.ASCII):
        raise ConfigurationError(
            f"{dataset!r} cannot be a dataset's name: set BQ_DATASET, or the tenant's dataset in restaurants.toml, to "
            "letters, digits and underscores."
        )
    try:
        if settings.emulator_host:
            client = bigquery.Client(
                project=settings.project,
                credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
                client_options={"api_endpoint": settings.emulator_host},
            )
        else:
            client = bigquery.Client(project=settings.project)
    except google.auth.exceptions.GoogleAuthError as error:
        raise ConfigurationError(
            "no Google credentials found: run 'gcloud auth application-default login', or set "
            "BIGQUERY_EMULATOR_HOST to use an emulator."
        ) from error
    host = urlsplit(settings.emulator_host or "https://bigquery.googleapis.com").netloc
    return Warehouse(client, dataset, settings.location, host=host, ledger_days=settings.ledger_days)


def _layers(views: Iterable[View]) -> Iterator[Iterator[View]]:
    """Views layer by layer, since one can only read what is there."""
    by_layer = attrgetter("layer")
    return (layer for _, layer in groupby(sorted(views, key=by_layer), by_layer))


# --- what an error means -----------------------------------------------------------------------------

Verdict = Literal["transient", "quota", "final"]

_TRANSIENT_REASONS = frozenset(
    {
        "rateLimitExceeded",
        "jobRateLimitExceeded",
        "backendError",
        "internalError",
        "jobBackendError",
        "jobInternalError",
    }
)
_TRANSIENT_STATUS = frozenset({429, 500, 502, 503, 504})
# Conflicts between statements on one table: BigQuery reports them as invalid queries, but they pass.
_CONFLICT = re.compile(
    "Could not serialize access|Too many DML statements outstanding|due to concurrent update", re.IGNORECASE
)


def verdict_of(error: BaseException) -> Verdict:
    """Whether trying again may help (transient), only much later (quota), or never (final).

    Reasons are those of BigQuery's error table (cloud.google.com/bigquery/docs/error-messages).
    """
    if isinstance(error, google_errors.RetryError):
        return "transient"
    if isinstance(error, google_errors.GoogleAPICallError):
        reasons = {str(detail.get("reason")) for detail in error.errors if isinstance(detail, Mapping)}
        if "quotaExceeded" in reasons:
            return "quota"
        if reasons & _TRANSIENT_REASONS or error.code in _TRANSIENT_STATUS or _CONFLICT.search(str(error)):
            return "transient"
        return "final"
    network = (requests.ConnectionError, requests.Timeout, google.auth.exceptions.TransportError)
    return "transient" if isinstance(error, network) else "final"


# How the client begins the message of an error: "POST https://…: ".
_REQUEST = re.compile(r"^[A-Z]+ https?://\S+: ")


def _words(error: BaseException | None) -> str:
    """The error in one line, without the request's URL and parameters."""
    if isinstance(error, google_errors.GoogleAPICallError):
        return " ".join(_REQUEST.sub("", str(error.message)).split())[:500]
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return "cannot be reached"
    return " ".join(str(error).split())[:500]


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _polling() -> Retry:
    """Asking how a job is doing may be repeated at will."""
    return Retry(timeout=30.0)


# --- our types as the client's -----------------------------------------------------------------------


# BigQuery's REST API tells the types of columns by older names than SQL does.
_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "STRUCT": "RECORD"}


def schema_of(columns: Sequence[Column]) -> list[bigquery.SchemaField]:
    """The columns as the client's schema fields."""
    return [
        bigquery.SchemaField(
            column.name, column.type, mode=column.mode, description=column.description, fields=schema_of(column.fields)
        )
        for column in columns
    ]


def _as_query_parameter(parameter: Parameter | Rows) -> Any:
    if isinstance(parameter, Rows):
        structs = [
            bigquery.StructQueryParameter(
                None,
                *(
                    bigquery.ScalarQueryParameter(column.name, column.type, value)
                    for column, value in zip(parameter.columns, values, strict=True)
                ),
            )
            for values in parameter.values
        ]
        return bigquery.ArrayQueryParameter(parameter.name, "STRUCT", structs)
    if isinstance(parameter.value, tuple):
        return bigquery.ArrayQueryParameter(parameter.name, parameter.type, list(parameter.value))
    return bigquery.ScalarQueryParameter(parameter.name, parameter.type, parameter.value)
