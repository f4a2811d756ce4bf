"""The demo: what it prints works when typed, it never empties a stranger's folder, and it ends what it started."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_stack import demo
from local_stack.processes import PROJECT, ROOT, ServerProcess
from local_stack.truth import Comparison, Difference, TableResult, fetch_truth
from shared.config import Restaurant

if TYPE_CHECKING:
    from google.cloud import bigquery

PURPOSE = Restaurant(guid="a47275cb-634e-427c-bbd3-3e5d17997d4e", name="Purpose Brooklyn", tenant="purpose")


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local_stack.demo", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


# --- the report -----------------------------------------------------------------------------------------


def report(inserted_again: int = 0, differences: list[Difference] | None = None, cells: int = 1) -> demo.Report:
    """A finished run: one restaurant, called for once more."""
    again = {"fact_orders": {"inserted": inserted_again, "updated": 0}}
    return demo.Report(
        restaurants=1,
        days=1,
        repeated=demo.Repeated(PURPOSE, again),
        facts=Comparison({"fact_orders": TableResult({"rows": Decimal(5)}, cells, differences or [])}),
        dimensions=Comparison({"dim_menus": TableResult({"rows": Decimal(3)}, cells)}),
    )


def test_equal_tables_and_a_repeated_call_that_wrote_nothing_are_no_problem() -> None:
    assert report().problems == []


def test_a_repeated_call_that_wrote_rows_is_a_problem() -> None:
    assert report(inserted_again=3).problems == ["Purpose Brooklyn: the repeated call wrote 3 rows instead of none"]


def test_a_backfill_that_failed_is_a_problem() -> None:
    failed = report()
    failed.backfill_status = 1
    assert failed.problems == ["backfill_all.py ended with 1; what it printed says why"]


def test_a_difference_is_a_problem_that_says_where() -> None:
    difference = Difference("guid", "2026-02-16", "fact_checks", "amount", "1.00", "1.01")
    assert report(differences=[difference]).problems == [
        "guid 2026-02-16 fact_checks.amount: truth 1.00, warehouse 1.01"
    ]


def test_having_compared_nothing_is_a_problem() -> None:
    assert report(cells=0).problems == [
        "no facts were compared with the truth",
        "no dimensions were compared with the truth",
    ]


# --- the folder -----------------------------------------------------------------------------------------


def test_a_folder_with_a_strangers_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    result = run_demo("--data-dir", str(tmp_path))
    assert result.returncode == 1
    assert "holds something that the demo did not make" in result.stdout
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_the_demos_own_folder_is_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo.make_fresh(folder)
    (folder / "old").write_text("of the last run")
    demo.make_fresh(folder)
    assert [path.name for path in folder.iterdir()] == [demo.MARK]


@pytest.mark.parametrize("arguments", [("--days", "32"), ("--restaurants", "0"), ("--days", "x")])
def test_a_wrong_option_is_named(arguments: tuple[str, str]) -> None:
    result = run_demo(*arguments)
    assert result.returncode == 2
    assert f"argument {arguments[0]}" in result.stderr


# --- the examples that it prints ------------------------------------------------------------------------


@pytest.fixture
def sales(warehouse_client: bigquery.Client) -> None:
    """One check in the table that the examples query."""
    from google.cloud import bigquery

    warehouse_client.create_dataset("toast", exists_ok=True)
    types = [("business_date", "DATE"), ("amount", "NUMERIC"), ("is_voided", "BOOL"), ("is_deleted", "BOOL")]
    table = bigquery.Table(f"{PROJECT}.toast.fact_checks", [bigquery.SchemaField(*pair) for pair in types])
    warehouse_client.delete_table(table, not_found_ok=True)
    warehouse_client.create_table(table)
    row = {"business_date": demo.LAST_DATE.isoformat(), "amount": "12.34", "is_voided": False, "is_deleted": False}
    config = bigquery.LoadJobConfig(source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON)
    warehouse_client.load_table_from_file(
        io.BytesIO(json.dumps(row).encode()), table.reference, job_config=config
    ).result()


@pytest.mark.usefixtures("sales")
def test_the_python_example_works_as_printed(emulator: str) -> None:
    program = demo.python_example(emulator)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout.split() == ["2026-02-22", "1", "12.340000000"], result.stderr


@pytest.mark.usefixtures("sales")
@pytest.mark.skipif(not (shutil.which("bq") and shutil.which("gcloud")), reason="Google's bq is not installed")
def test_the_bq_example_works_as_printed(emulator: str, tmp_path: Path) -> None:
    environment = os.environ | {"CLOUDSDK_CONFIG": str(tmp_path), "HOME": str(tmp_path)}
    command = ["sh", "-c", demo.bq_example(emulator)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "|    2026-02-22 |      1 | 12.340000000 |" in result.stdout, result.stdout + result.stderr


# --- the whole of it ------------------------------------------------------------------------------------


def test_no_order_changes_while_the_demo_loads(start_simulator: Callable[..., ServerProcess]) -> None:
    restaurants = [restaurant.guid for restaurant in demo.example_restaurants()]
    first = demo.LAST_DATE - dt.timedelta(days=demo.DAYS - 1)
    truths = []
    for moment in (demo.CLOCK, demo.CLOCK + dt.timedelta(minutes=30)):
        simulator = start_simulator(clock=moment.isoformat(), seed=demo.SEED)
        truths.append(fetch_truth(simulator.url, restaurants, first, demo.LAST_DATE))
    assert truths[0] == truths[1]


def servers_of(data_dir: Path) -> list[str]:
    """The command lines of processes that have the demo's folder, the demo left out."""
    listing = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if str(data_dir) in line and "local_stack.demo" not in line]


def test_a_small_demo_ends_with_equal_tables_and_leaves_no_process(tmp_path: Path) -> None:
    data_dir = tmp_path / "demo"
    result = run_demo("--restaurants", "2", "--days", "1", "--data-dir", str(data_dir))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Equal." in result.stdout
    assert "0 rows inserted" in result.stdout
    assert (data_dir / "bigquery" / "bqemulator.duckdb").exists()
    if shutil.which("ps"):
        assert servers_of(data_dir) == []


# Also where the tests run in the background of a shell, which turns SIGINT off for them.
DEMO_OF_A_TERMINAL = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("local_stack.demo", run_name="__main__")
"""


@pytest.mark.parametrize(("signal_number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.skipif(not shutil.which("ps"), reason="ps is needed to look for what was left behind")
def test_an_interrupted_demo_ends_what_it_started_and_says_so_in_one_line(
    tmp_path: Path, signal_number: signal.Signals, status: int
) -> None:
    data_dir = tmp_path / "demo"
    command = [sys.executable, "-c", DEMO_OF_A_TERMINAL, "--data-dir", str(data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        while "Loading" not in (line := running.stdout.readline()):
            assert line, "the demo ended before it loaded anything"
        time.sleep(0.3)  # into the first calls
        assert servers_of(data_dir)
        running.send_signal(signal_number)
        output, errors = running.communicate(timeout=30)
    assert running.returncode == status
    assert errors == ""
    assert "Traceback" not in output
    assert servers_of(data_dir) == []
