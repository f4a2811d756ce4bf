"""Starts the BigQuery emulator for local use: persistent, offline, on free ports.

    python -m local_stack.emulator --port 9050 --data-dir .data/demo/bigquery

The emulator is bqemulator, which runs BigQuery's SQL on DuckDB. Started as it comes, it wants the network for
a DuckDB extension, copies a whole table after every change to it, takes a missing dataset for an empty one and
keeps the labels of tables to itself, and takes long over each statement; this launcher sees to all of it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import importlib
import os
import re
import signal
import socket
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bqemulator.config import Settings

READY = "bigquery emulator serving"
KEPT_STATEMENTS = 64
KEPT_TRANSLATIONS = 1000
RUN_NAME = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
NO_RUN = "0" * 32
WORDS_ALONE = re.compile(r"'[^'\n]*'|/\*.*?\*/|--[^\n]*", re.DOTALL)
DEPENDS_ON_TYPES = re.compile(r"\bAVG\b|\bDIV\b|_DIVIDE\b|/", re.IGNORECASE)
DEPENDS_ON_NAMES = re.compile(r"INFORMATION_SCHEMA|\*`", re.IGNORECASE)
QUERY_OR_CHANGE = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
PLAIN_SYNTAX = (
    *("Alias", "And", "Boolean", "Column", "EQ", "Exists", "From", "GT", "GTE", "Identifier", "In", "Is", "Join"),
    *("LT", "LTE", "Literal", "NEQ", "Not", "Null", "Or", "Ordered", "Paren", "Select", "Star", "Subquery", "Table"),
    *("TableAlias", "Tuple", "Union", "Where"),
)
STOP_SECONDS = 3.0  # what is committed is on the disk, so a slow farewell gains nothing


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    options = _parse(arguments)
    data_dir: Path = options.data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    if problem := _port_problem(options.port):
        print(problem, file=sys.stderr)
        return 1
    # Before anything imports duckdb, which looks for its extensions below the home folder.
    os.environ["HOME"] = str(duckdb_home(data_dir))
    install_spatial_extension()
    settings = _settings(data_dir, options.port)
    quiet_logs(settings)
    skip_time_travel_copies()
    let_the_log_grow()
    refuse_to_list_missing_datasets()
    list_labels()
    parse_once()
    copy_trees_quickly()
    try_no_rules_on_plain_syntax()
    find_types_only_for_averages_and_quotients()
    translate_once()
    sys.modules["pandas"] = None  # type: ignore[assignment]  # else DuckDB looks for it with every parameter
    import duckdb

    try:
        asyncio.run(_serve(settings))
    except KeyboardInterrupt:
        pass  # Ctrl-C while starting
    except duckdb.IOException as error:  # such as: another emulator has these tables open
        print(f"the emulator cannot open its tables in {data_dir}: {error}", file=sys.stderr)
        return 1
    return 0


def duckdb_home(data_dir: Path) -> Path:
    """The folder that DuckDB takes for the home folder: in the virtual environment, else with the data.

    The user's home stays untouched: what this project installs goes away with its virtual environment.
    """
    in_virtual_environment = sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK)
    home = Path(sys.prefix, "duckdb-home") if in_virtual_environment else data_dir / "duckdb-home"
    home.mkdir(parents=True, exist_ok=True)
    return home


def install_spatial_extension() -> None:
    """Install the DuckDB extension that the emulator asks for, from its wheel instead of the network."""
    from duckdb_extensions import import_extension

    # Two emulators that start at once would otherwise write the same file.
    with Path(os.environ["HOME"], "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        import_extension("spatial")


def skip_time_travel_copies() -> None:
    """Turn off the copy of the whole target table that the emulator takes after each INSERT, UPDATE, DELETE or MERGE.

    The copies serve time travel (FOR SYSTEM_TIME AS OF), which nothing here uses; one row into a table of a
    million took 3.5 s with them.
    """
    from bqemulator.jobs import executor

    async def no_copy(project_id: str, bq_sql: str, ctx: Any) -> None:
        return None

    executor._capture_dml_snapshots = no_copy


def let_the_log_grow() -> None:
    """Let DuckDB work its write-ahead log into the tables each 256 MB of it, not each 16 MB.

    The load of one large call went through that several times, a third of its time. What is committed is on the disk
    as before; a start after a kill reads the log.
    """
    from bqemulator.storage.engine import DuckDBEngine

    apply_pragmas = DuckDBEngine._apply_session_pragmas

    def apply_pragmas_and_ours(self: DuckDBEngine) -> None:
        apply_pragmas(self)
        self.execute("SET wal_autocheckpoint = '256MB'")

    DuckDBEngine._apply_session_pragmas = apply_pragmas_and_ours  # type: ignore[method-assign]


def refuse_to_list_missing_datasets() -> None:
    """Answer 404, as BigQuery does, when the tables of a dataset are asked for that does not exist.

    The emulator answers with an empty list, so that a caller takes the dataset for an empty one.
    """
    from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository
    from bqemulator.domain.errors import ResourceRef, resource_not_found

    list_tables = DuckDBCatalogRepository.list_tables

    def list_tables_of_existing(self: DuckDBCatalogRepository, project_id: str, dataset_id: str) -> Any:
        if self.get_dataset(project_id, dataset_id) is None:
            raise resource_not_found(ResourceRef("dataset", project_id, dataset_id))
        return list_tables(self, project_id, dataset_id)

    DuckDBCatalogRepository.list_tables = list_tables_of_existing  # type: ignore[method-assign]


def list_labels() -> None:
    """List tables with their labels and partitioning, as BigQuery does; the emulator leaves both out."""
    from bqemulator.api.routes import tables
    from bqemulator.catalog.models import TableMeta

    list_item = tables._table_to_list_item

    def list_item_with_labels(t: TableMeta) -> dict[str, Any]:
        partitioning = t.time_partitioning
        told = {"timePartitioning": tables._time_partitioning_to_rest(partitioning)} if partitioning else {}
        return {**list_item(t), "labels": t.labels, **told}

    tables._table_to_list_item = list_item_with_labels


def parse_once() -> None:
    """Keep what a statement was parsed to, and give out copies: the emulator parses each some twenty times.

    That took most of the time of a long statement; a copy takes a sixth of a parse. What is no DDL is besides
    spared the looks at whether it creates or drops something, which need no more than its first word.
    """
    import sqlglot
    from bqemulator.catalog import ddl_sync
    from bqemulator.jobs import routine_ddl
    from bqemulator.sql.rewriter import create_table_schema_ctas

    parse = lru_cache(KEPT_STATEMENTS)(sqlglot.parse_one)

    def parse_one(sql: str, **options: Any) -> Any:
        return parse(sql, **options).copy()

    harmless = sqlglot.parse_one("SELECT 1", read="bigquery")

    def parse_ddl(sql: str, **options: Any) -> Any:
        return harmless if QUERY_OR_CHANGE.match(sql) else parse_one(sql, **options)

    sqlglot.parse_one = parse_one  # type: ignore[assignment]
    for module in (ddl_sync, routine_ddl, create_table_schema_ctas):
        module.sqlglot = SimpleNamespace(parse_one=parse_ddl, errors=sqlglot.errors)  # type: ignore[attr-defined]


def copy_trees_quickly() -> None:
    """Copy what hangs on the nodes of a tree, such as their place in the text, without looking into it.

    The general copy took longer for that than for the tree.
    """
    core: Any = importlib.import_module("sqlglot.expressions.core")
    deepcopy = core.deepcopy

    def shallow(value: Any) -> Any:
        return value.copy() if type(value) in (dict, list) else deepcopy(value)

    core.deepcopy = shallow


def try_no_rules_on_plain_syntax() -> None:
    """Spare the nodes that make up most of a tree the emulator's eighty rules, all of which are about functions."""
    from bqemulator.sql.translator import SQLTranslator
    from sqlglot import exp

    plain = {getattr(exp, name) for name in PLAIN_SYNTAX}
    apply = SQLTranslator._apply_first_matching_rule

    def apply_unless_plain(self: SQLTranslator, node: Any, tree: Any) -> bool:
        return type(node) not in plain and apply(self, node, tree)

    SQLTranslator._apply_first_matching_rule = apply_unless_plain  # type: ignore[method-assign]


def find_types_only_for_averages_and_quotients() -> None:
    """Spare the other statements the search for the type of each of their expressions: only rules for these ask."""
    inner_query: Any = importlib.import_module("bqemulator.sql.inner_query")
    build_catalog_schema = inner_query.build_catalog_schema

    def schema_where_it_matters(bq_sql: str, **options: Any) -> dict[str, Any]:
        return build_catalog_schema(bq_sql, **options) if _depends_on_types(bq_sql) else {}

    inner_query.build_catalog_schema = schema_where_it_matters


def translate_once() -> None:
    """Keep what a statement was translated to, and use it for those that differ in nothing but a run's own name.

    The product's statements name what varies as parameters, but for the staging table, whose name ends in 32
    hexadecimal digits. Kept are only translations that depend on nothing but the text: not on the types of columns,
    not on the definition of a view that may have changed since.
    """
    from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository

    executor: Any = importlib.import_module("bqemulator.jobs.executor")
    kept: dict[tuple[str, ...], str] = {}

    async def translate(bq_sql: str, *, project_id: str, caller: Any, **options: Any) -> str:
        text, name = _without_run(bq_sql)
        key = (text, project_id, caller.principal)
        more = not QUERY_OR_CHANGE.match(text) or DEPENDS_ON_NAMES.search(text) or _depends_on_types(text)
        translated = None if more else kept.get(key)
        if translated is None:
            kept[key] = translated = await translate_anew(text, project_id=project_id, caller=caller, **options)
        return translated.replace(NO_RUN, name)

    def of_text(function: Callable[..., str]) -> Callable[..., str]:
        remembered = lru_cache(KEPT_TRANSLATIONS)(function)

        def call(sql: str, *options: Any) -> str:
            text, name = _without_run(sql)
            return remembered(text, *options).replace(NO_RUN, name)

        return call

    def forgetting_views(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(self: Any, table: Any, *more: Any, **options: Any) -> Any:
            known = self.get_table(table, *more) if isinstance(table, str) else table
            if getattr(known, "table_type", None) == "VIEW" or len(kept) > KEPT_TRANSLATIONS:
                kept.clear()
            return change(self, table, *more, **options)

        return changed

    translate_anew = executor.rewrite_and_translate_statement
    executor.rewrite_and_translate_statement = translate
    executor.rewrite_table_refs = of_text(executor.rewrite_table_refs)
    executor.classify_statement_type = of_text(executor.classify_statement_type)
    executor._reject_dml_on_immutable = lambda *_: None  # no snapshots and materialized views here
    for name in ("create_table", "update_table", "delete_table"):
        setattr(DuckDBCatalogRepository, name, forgetting_views(getattr(DuckDBCatalogRepository, name)))


def _depends_on_types(sql: str) -> bool:
    """Whether a statement averages or divides, as far as its words tell; what is quoted or remarked does not count."""
    return DEPENDS_ON_TYPES.search(WORDS_ALONE.sub("", sql)) is not None


def _without_run(sql: str) -> tuple[str, str]:
    """The statement as it would be without the name of its run, and that name, if it has one."""
    names = set(RUN_NAME.findall(sql))
    return (sql.replace(name := names.pop(), NO_RUN), name) if len(names) == 1 else (sql, NO_RUN)


def quiet_logs(settings: Settings) -> None:
    """Configure the emulator's logging before its modules are imported: some log while they are."""
    from bqemulator.observability.logging_ import configure_logging

    configure_logging(level=settings.log_level, fmt=settings.log_format)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_stack.emulator", description="Serve an emulated BigQuery.")
    parser.add_argument("--port", type=int, default=9050, help="port of the REST API; 0 takes a free one (9050)")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that keeps the tables")
    return parser.parse_args(arguments)


def _port_problem(port: int) -> str | None:
    """What is wrong with the port, if anything: the server below would answer with a traceback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            return f"the emulator cannot use port {port}: {error}. --port 0 takes a free one."
    return None


def _settings(data_dir: Path, port: int) -> Settings:
    from bqemulator.config import LogFormat, LogLevel, PersistenceMode, Settings

    return Settings(
        rest_host="127.0.0.1",
        rest_port=port,
        grpc_host="127.0.0.1",
        grpc_port=0,
        persistence_mode=PersistenceMode.PERSISTENT,
        data_dir=data_dir,
        upload_staging_dir=data_dir / "uploads",
        enable_format_extensions=False,  # Avro, which would be fetched from the network
        metrics_enabled=False,
        tracing_enabled=False,
        otlp_endpoint=None,
        log_level=LogLevel.WARNING,
        log_format=LogFormat.CONSOLE,
    )


async def _serve(settings: Settings) -> None:
    from bqemulator.server import EmulatorServer

    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    server = EmulatorServer(settings)
    await server.start()
    print(f"{READY} {server.rest_url}", flush=True)
    await stop.wait()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.stop(), STOP_SECONDS)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the emulator's worker threads would hold the process up
