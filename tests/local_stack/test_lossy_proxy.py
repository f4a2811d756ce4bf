"""A lost reply of a job: whoever sent it sees a cut connection, and the job has run once all the same."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Annotated

import pytest
import requests
from google.api_core.exceptions import Conflict
from google.cloud import bigquery
from msgspec import Meta

from local_stack.demo import warehouse_client
from local_stack.lossy_proxy import LossyProxy
from local_stack.processes import PROJECT, function_environment
from shared import bigquery_utils
from shared.bigquery_utils import Warehouse
from shared.config import Settings
from shared.statements import Statement
from shared.tables import Row, columns_of

SCHEMA = [bigquery.SchemaField("n", "INTEGER")]


class Number(Row):
    n: Annotated[int, Meta(description="A number.")]


@pytest.fixture
def proxy(emulator: str) -> Iterator[LossyProxy]:
    with LossyProxy(emulator) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: LossyProxy) -> Iterator[bigquery.Client]:
    with contextlib.closing(warehouse_client(proxy.url)) as client:
        yield client


@pytest.fixture
def numbers(warehouse_client: bigquery.Client, dataset: str) -> str:
    """The name of an empty table."""
    warehouse_client.create_table(bigquery.Table(f"{PROJECT}.{dataset}.numbers", schema=SCHEMA))
    return f"{dataset}.numbers"


@pytest.fixture
def warehouse(proxy: LossyProxy, dataset: str) -> Warehouse:
    """The product's own access, through the proxy."""
    environment = function_environment("http://127.0.0.1:9", proxy.url) | {"BQ_DATASET": dataset}
    return bigquery_utils.connect(Settings.from_environment(environment))


def held(client: bigquery.Client, table: str) -> list[int]:
    return sorted(row["n"] for row in client.query(f"SELECT n FROM {table}").result())


def insert(client: bigquery.Client, table: str, job_id: str) -> None:
    client.query(f"INSERT INTO {table} (n) VALUES (1)", job_id=job_id, retry=None, job_retry=None)


def test_without_losses_everything_passes(client: bigquery.Client, numbers: str) -> None:
    insert(client, numbers, f"{numbers.replace('.', '-')}-insert")
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", schema=SCHEMA)
    client.load_table_from_file(io.BytesIO(b'{"n": 2}\n'), numbers, job_config=config).result()
    assert held(client, numbers) == [1, 2]
    assert [field.name for field in client.get_table(numbers).schema] == ["n"]


def test_the_job_of_a_lost_reply_has_run_and_its_id_is_taken(
    proxy: LossyProxy, client: bigquery.Client, numbers: str
) -> None:
    job_id = f"{numbers.replace('.', '-')}-insert"
    proxy.lose("query")
    with pytest.raises(requests.ConnectionError):
        insert(client, numbers, job_id)
    assert proxy.lost == {"query": 1}
    assert held(client, numbers) == [1]
    with pytest.raises(Conflict):
        insert(client, numbers, job_id)
    assert held(client, numbers) == [1]
    assert client.get_job(job_id).state == "DONE"


def test_losses_strike_after_so_many_jobs_of_their_kind_and_so_many_times(
    proxy: LossyProxy, client: bigquery.Client, numbers: str
) -> None:
    proxy.lose("load")
    proxy.lose("query", times=2, after=1)
    name = numbers.replace(".", "-")
    insert(client, numbers, f"{name}-0")
    for number in (1, 2):
        with pytest.raises(requests.ConnectionError):
            insert(client, numbers, f"{name}-{number}")
    insert(client, numbers, f"{name}-3")
    assert proxy.lost == {"query": 2}
    assert held(client, numbers) == [1] * 4


def test_losses_can_be_called_off(proxy: LossyProxy, client: bigquery.Client, numbers: str) -> None:
    proxy.lose("query", times=5)
    proxy.lose_nothing()
    insert(client, numbers, f"{numbers.replace('.', '-')}-insert")
    assert proxy.lost == {}


def test_the_product_survives_lost_replies_of_load_and_statement_without_doing_either_twice(
    proxy: LossyProxy, warehouse: Warehouse, client: bigquery.Client, numbers: str, dataset: str
) -> None:
    proxy.lose("load")
    proxy.lose("query")
    assert warehouse.load(io.BytesIO(b'{"n": 1}\n{"n": 2}\n'), "numbers", columns_of(Number), f"{dataset}-load") == 2
    statement = Statement(
        f"INSERT INTO `{warehouse.dataset}.numbers` (n) SELECT n + 2 FROM `{warehouse.dataset}.numbers`"
    )
    assert warehouse.run(statement, f"{dataset}-insert").changed == 2
    assert proxy.lost == {"load": 1, "query": 1}
    assert held(client, numbers) == [1, 2, 3, 4]


def test_nothing_passes_while_it_is_cut_off(proxy: LossyProxy, client: bigquery.Client, numbers: str) -> None:
    with proxy.cut_off(), pytest.raises(requests.ConnectionError):
        insert(client, numbers, f"{numbers.replace('.', '-')}-insert")
    assert held(client, numbers) == []


def test_an_emulator_that_is_not_there_is_a_connection_that_ends() -> None:
    with LossyProxy("http://127.0.0.1:9") as proxy, pytest.raises(requests.ConnectionError):
        requests.get(f"{proxy.url}/bigquery/v2/projects", timeout=10)
