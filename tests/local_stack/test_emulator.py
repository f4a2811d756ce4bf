"""The emulator's launcher: what it changes still fits the emulator, and rows outlive a crash."""

from __future__ import annotations

import inspect
import io
import os
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_stack.emulator import copy_trees_quickly, duckdb_home, parse_once, skip_time_travel_copies
from local_stack.processes import PROJECT, ServerProcess, emulator_process

if TYPE_CHECKING:
    from google.cloud import bigquery


def client_of(server: ServerProcess) -> bigquery.Client:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    return bigquery.Client(
        project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": server.url}
    )


@pytest.fixture
def unreachable_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries to reach anything but this machine fails at once."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")


def test_the_replaced_function_still_has_the_signature_of_its_replacement(monkeypatch: pytest.MonkeyPatch) -> None:
    from bqemulator.jobs import executor

    original = executor._capture_dml_snapshots
    monkeypatch.setattr(executor, "_capture_dml_snapshots", original)  # put back after the test
    assert inspect.iscoroutinefunction(original)
    skip_time_travel_copies()
    replacement = executor._capture_dml_snapshots
    assert replacement is not original
    assert inspect.iscoroutinefunction(replacement)
    assert list(inspect.signature(replacement).parameters) == list(inspect.signature(original).parameters)


def test_what_the_emulator_looks_for_in_ddl_is_still_parsed_by_its_own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlglot
    from bqemulator.catalog import ddl_sync
    from bqemulator.jobs import routine_ddl
    from bqemulator.sql.rewriter import create_table_schema_ctas as ctas

    for module in (ddl_sync, routine_ddl, ctas):
        assert module.sqlglot is sqlglot
        monkeypatch.setattr(module, "sqlglot", sqlglot)  # put back after the test
    monkeypatch.setattr(sqlglot, "parse_one", sqlglot.parse_one)
    parse_once()
    assert ddl_sync._detect_catalog_drop("DROP TABLE a.b") is not None
    assert ddl_sync._detect_plain_create_table("create table a.b (c INT64)") is not None
    assert ddl_sync._detect_catalog_drop("DELETE FROM a.b WHERE TRUE") is None
    assert routine_ddl.detect_drop_routine("DROP FUNCTION a.b", "p") is not None
    created = "CREATE TABLE a.b (c INT64) AS SELECT 1"
    assert ctas.rewrite_create_table_schema_ctas(created) != created
    assert ctas.rewrite_create_table_schema_ctas(" \n SELECT 1") == " \n SELECT 1"


def test_what_is_done_to_a_parsed_statement_is_not_done_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each caller has a tree of its own, and what cannot be parsed is still an error."""
    import sqlglot
    from bqemulator.catalog import ddl_sync
    from bqemulator.jobs import routine_ddl
    from bqemulator.sql.rewriter import create_table_schema_ctas as ctas

    for module in (ddl_sync, routine_ddl, ctas):
        monkeypatch.setattr(module, "sqlglot", sqlglot)
    monkeypatch.setattr(sqlglot, "parse_one", sqlglot.parse_one)
    parse_once()
    sql = "SELECT a FROM b WHERE c = 1"
    one = sqlglot.parse_one(sql, read="bigquery")
    one.find(sqlglot.exp.Where).pop()
    assert sqlglot.parse_one(sql, read="bigquery").sql("bigquery") == sql
    with pytest.raises(sqlglot.errors.ParseError):
        sqlglot.parse_one("SELECT FROM WHERE", read="bigquery")


def test_a_copied_tree_shares_nothing_with_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlglot
    from sqlglot.expressions import core

    monkeypatch.setattr(core, "deepcopy", core.deepcopy)
    copy_trees_quickly()
    tree = sqlglot.parse_one("SELECT f(a) /* b */ FROM t", read="bigquery")
    column = tree.find(sqlglot.exp.Column)
    column.type, column.comments = "INT64", ["c"]
    for part in (copied := tree.copy()).walk():
        part.meta["mark"] = True
        part.add_comments(["d"])
    assert copied.find(sqlglot.exp.Column).type == column.type
    assert not any("mark" in part.meta or "d" in (part.comments or ()) for part in tree.walk())


def test_averages_and_quotients_keep_the_types_of_bigquery(warehouse_client: bigquery.Client, dataset: str) -> None:
    """Also those in a view: the emulator has to know the types of their columns to tell NUMERIC from FLOAT64."""
    warehouse_client.query(f"CREATE TABLE {dataset}.t AS SELECT NUMERIC '1.10' AS price, 4 AS n").result()
    columns = "AVG(price) AS average, SAFE_DIVIDE(price, n) AS safe, price / n AS quotient, n / n AS ratio"
    warehouse_client.query(f"CREATE VIEW {dataset}.v AS SELECT {columns} FROM {dataset}.t GROUP BY price, n").result()
    for sql in (f"SELECT {columns} FROM {dataset}.t GROUP BY price, n", f"SELECT * FROM {dataset}.v"):
        result = warehouse_client.query(sql).result()
        assert [field.field_type for field in result.schema] == ["NUMERIC", "NUMERIC", "NUMERIC", "FLOAT"]
        assert next(iter(result)).values() == (Decimal("1.1"), Decimal("0.275"), Decimal("0.275"), 1.0)


def rows_of(client: bigquery.Client, sql: str) -> list[tuple[object, ...]]:
    return [row.values() for row in client.query(sql).result()]


def test_statements_that_differ_in_the_name_of_their_run_read_and_write_tables_of_their_own(
    warehouse_client: bigquery.Client, dataset: str
) -> None:
    warehouse_client.query(f"CREATE TABLE {dataset}.held AS SELECT 0 AS n, '' AS text").result()
    runs = [uuid.uuid4().hex for _ in range(3)]
    for number, run in enumerate(runs):
        warehouse_client.query(f"CREATE TABLE {dataset}.staging_{run} AS SELECT {number} AS n").result()
    for run in runs:
        staged = f"SELECT n, 'of {run}' FROM {dataset}.staging_{run}"
        warehouse_client.query(f"INSERT {dataset}.held (n, text) {staged}").result()
    one, other, _ = runs
    assert rows_of(warehouse_client, f"SELECT n, text FROM {dataset}.held ORDER BY n, text") == [
        (0, ""),
        *((number, f"of {run}") for number, run in enumerate(runs)),
    ]
    both = f"SELECT a.n, b.n FROM {dataset}.staging_{{}} AS a CROSS JOIN {dataset}.staging_{{}} AS b"
    assert rows_of(warehouse_client, both.format(one, other)) == [(0, 1)]
    assert rows_of(warehouse_client, both.format(other, one)) == [(1, 0)]


def test_a_view_that_is_replaced_or_becomes_a_table_is_read_anew(
    warehouse_client: bigquery.Client, dataset: str
) -> None:
    read = f"SELECT n FROM {dataset}.seen"
    for sql, expected in (
        (f"CREATE VIEW {dataset}.seen AS SELECT 1 AS n", 1),
        (f"CREATE OR REPLACE VIEW {dataset}.seen AS SELECT 2 AS n", 2),
        (f"DROP VIEW {dataset}.seen", None),
        (f"CREATE TABLE {dataset}.seen AS SELECT 3 AS n", 3),
    ):
        warehouse_client.query(sql).result()
        if expected:
            assert rows_of(warehouse_client, read) == [(expected,)]


def test_the_tables_of_a_missing_dataset_are_not_found_as_in_bigquery(warehouse_client: bigquery.Client) -> None:
    from google.api_core.exceptions import NotFound

    with pytest.raises(NotFound):
        list(warehouse_client.list_tables(f"{PROJECT}.no_such_dataset"))


def test_the_tables_of_an_empty_dataset_are_none(warehouse_client: bigquery.Client, dataset: str) -> None:
    assert list(warehouse_client.list_tables(f"{PROJECT}.{dataset}")) == []


def test_a_good_start_logs_nothing_but_where_it_serves(tmp_path: Path) -> None:
    with emulator_process(tmp_path) as server:
        assert server.log() == f"bigquery emulator serving {server.url}\n"


def test_extensions_are_installed_in_the_virtual_environment_not_in_the_home_folder(tmp_path: Path) -> None:
    home = duckdb_home(tmp_path)
    assert home.is_dir()
    assert Path.home() not in (home, home.parent)


def test_rows_survive_kill_9_and_starting_needs_no_network_and_no_home(
    tmp_path: Path, unreachable_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.cloud import bigquery

    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with emulator_process(tmp_path / "data") as server:
        client = client_of(server)
        client.create_dataset("toast")
        schema = [bigquery.SchemaField("day", "DATE", "REQUIRED"), bigquery.SchemaField("amount", "NUMERIC")]
        client.create_table(bigquery.Table(f"{PROJECT}.toast.sales", schema))
        client.load_table_from_file(
            io.BytesIO(b'{"day": "2026-02-16", "amount": "12.34"}\n'),
            f"{PROJECT}.toast.sales",
            job_config=bigquery.LoadJobConfig(source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON),
        ).result()
        insert = client.query(
            "INSERT INTO toast.sales (day, amount) VALUES (@day, 1)",
            bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("day", "DATE", "2026-02-17")]),
        )
        insert.result()
        assert insert.num_dml_affected_rows == 1
        before = server.url
        server.kill()
        server.start().wait_until_ready()
        assert server.url == before
        rows = client.query("SELECT amount FROM toast.sales ORDER BY day").result()
        assert [row.amount for row in rows] == [Decimal("12.34"), Decimal(1)]
        client.close()
    assert os.listdir(home) == []


def run_emulator(port: int, data_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local_stack.emulator", "--port", str(port), "--data-dir", str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_port_in_use_is_named_without_a_traceback(tmp_path: Path, emulator: str) -> None:
    port = int(emulator.rsplit(":", 1)[1])
    result = run_emulator(port, tmp_path)
    assert result.returncode == 1
    assert f"cannot use port {port}" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_second_emulator_on_the_same_tables_is_refused_without_a_traceback(tmp_path: Path) -> None:
    with emulator_process(tmp_path):
        result = run_emulator(0, tmp_path / "bigquery")
    assert result.returncode == 1
    assert f"cannot open its tables in {tmp_path / 'bigquery'}" in result.stderr
    assert "Traceback" not in result.stderr
