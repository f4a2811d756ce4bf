"""LEDGER_DAYS: for how long the run ledger and rejected objects are kept, in tables that are new and that are there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from google.cloud import bigquery

from shared.bigquery_utils import Warehouse
from shared.config import Settings
from shared.errors import ConfigurationError
from shared.order_tables import FACT_ORDERS
from shared.run_tables import BUSINESS_DAYS, ETL_RUNS, RUN_TABLES

DAY_MS = 24 * 60 * 60 * 1000
TABLES = (FACT_ORDERS, *RUN_TABLES)
EXPIRING = {"etl_runs", "etl_rejects", "etl_backfills", "etl_backfill_units"}

Ensure = Callable[[int | None], dict[str, float]]


@pytest.fixture
def ensure(warehouse_client: bigquery.Client) -> Iterator[Ensure]:
    """Has a new process with this setting see to the tables of one dataset; for how many days each keeps its rows."""
    name = f"ledger_days_{time.time_ns()}"

    def kept(days: int | None) -> dict[str, float]:
        Warehouse(warehouse_client, name, "US", host="emulator", ledger_days=days).ensure(TABLES)
        found = {table.name: warehouse_client.get_table(f"{name}.{table.name}") for table in TABLES}
        assert {table.name: found[table.name].time_partitioning.field for table in TABLES} == {
            table.name: table.partition_by for table in TABLES
        }
        return {key: (one.time_partitioning.expiration_ms or 0) / DAY_MS for key, one in found.items()}

    yield kept
    warehouse_client.delete_dataset(name, delete_contents=True, not_found_ok=True)


def kept_for(days: float) -> dict[str, float]:
    return {table.name: days if table.name in EXPIRING else 0 for table in TABLES}


def test_the_ledger_is_kept_for_400_days_and_facts_and_calendar_for_ever(ensure: Ensure) -> None:
    assert {table.name for table in TABLES if table.expires} == EXPIRING
    assert not BUSINESS_DAYS.expires
    assert ensure(None) == kept_for(400)


def test_another_setting_reaches_tables_that_are_there(ensure: Ensure) -> None:
    assert ensure(90) == kept_for(90)
    assert ensure(800) == kept_for(800)
    assert ensure(None) == kept_for(800), "without a setting, what somebody chose stays"
    assert ensure(0) == kept_for(0), "0 keeps them for ever"


def test_tables_of_an_earlier_version_of_the_code_get_the_default(
    ensure: Ensure, warehouse_client: bigquery.Client
) -> None:
    ensure(0)
    assert ensure(None) == kept_for(400)


def test_nothing_is_updated_that_is_as_it_should_be(ensure: Ensure, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure(90)
    updated: list[str] = []
    monkeypatch.setattr(Warehouse, "_keep", lambda self, table, existing: updated.append(table.name))
    ensure(90)
    assert updated == []
    ensure(91)
    assert set(updated) == EXPIRING


def test_a_table_is_described_as_it_is_defined(ensure: Ensure, warehouse_client: bigquery.Client) -> None:
    """Which is what gate 0 goes by."""
    ensure(None)
    (dataset,) = {one.dataset_id for one in warehouse_client.list_datasets() if "ledger_days_" in one.dataset_id}
    held = Warehouse(warehouse_client, dataset, "US", host="emulator").describe((ETL_RUNS, FACT_ORDERS))
    assert held.keys() == {"etl_runs", "fact_orders"}
    for table in (ETL_RUNS, FACT_ORDERS):
        found = held[table.name]
        assert found is not None
        assert found.columns == tuple((column.name, column.type, column.mode) for column in table.columns)
        assert (found.partition_by, found.cluster_by) == (table.partition_by, table.cluster_by)


@pytest.mark.parametrize(("value", "days"), [("", None), ("0", 0), ("31", 31), (" 800 ", 800)])
def test_the_setting_is_a_number_of_days(value: str, days: int | None) -> None:
    assert Settings.from_environment({"LEDGER_DAYS": value}).ledger_days == days


@pytest.mark.parametrize("value", ["30", "-1", "1.5", "forever", "٣٦٥", "1000000"])
def test_what_is_no_number_of_days_or_too_few_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match="LEDGER_DAYS"):
        Settings.from_environment({"LEDGER_DAYS": value})
