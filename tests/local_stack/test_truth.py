"""The comparison with the simulator's truth: it sees a cent, a lost row, a table that is not there."""

from __future__ import annotations

import datetime as dt
import http.server
import io
import json
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from local_stack.truth import Comparison, differences

if TYPE_CHECKING:
    from google.cloud import bigquery

START, END = dt.date(2026, 2, 16), dt.date(2026, 2, 17)
RESTAURANTS = ["one", "two"]
OPENED_AT = "2026-02-16T17:00:00.123Z"

Row = dict[str, Any]
Truth = dict[tuple[str, str], dict[str, Any]]


def rows() -> list[Row]:
    """Two checks for each restaurant on the first day, none on the second."""
    return [
        {
            "restaurant_guid": restaurant,
            "business_date": START.isoformat(),
            "guest_count": 2,
            "amount": amount,
            "is_voided": amount == "0.01",
            "opened_at": OPENED_AT,
        }
        for restaurant in RESTAURANTS
        for amount in ("12.34", "0.01")
    ]


def truth() -> Truth:
    """What those rows amount to."""
    millis = int(dt.datetime.fromisoformat(OPENED_AT).timestamp() * 1000)
    totals = {"guest_count": "4", "amount": "12.35", "is_voided": "1", "opened_at": str(2 * millis)}
    empty: Row = {"rows": 0, "totals": dict.fromkeys(totals)}
    return {
        (restaurant, date.isoformat()): {"fact_checks": {"rows": 2, "totals": totals} if date == START else empty}
        for restaurant in RESTAURANTS
        for date in (START, END)
    }


@pytest.fixture
def serve_truth() -> Iterator[Callable[[Truth], str]]:
    """A stand-in for the simulator: it knows only the truth that it is given."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def serve(known: Truth) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                (guid,) = parse_qs(urlsplit(self.path).query)["restaurant_guid"]
                days = [{"business_date": date, "tables": tables} for (r, date), tables in known.items() if r == guid]
                body = json.dumps({"restaurant_guid": guid, "now": OPENED_AT, "days": days}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing: the test's output is not an access log."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def compare(
    warehouse_client: bigquery.Client, dataset: str, serve_truth: Callable[[Truth], str]
) -> Callable[[list[Row], Truth], Comparison]:
    from google.cloud import bigquery

    def load_and_compare(loaded: list[Row], known: Truth) -> Comparison:
        types = [
            *(("restaurant_guid", "STRING"), ("business_date", "DATE"), ("guest_count", "INT64")),
            *(("amount", "NUMERIC"), ("is_voided", "BOOL"), ("opened_at", "TIMESTAMP")),
        ]
        table = bigquery.Table(
            f"{warehouse_client.project}.{dataset}.fact_checks", [bigquery.SchemaField(*pair) for pair in types]
        )
        table.time_partitioning = bigquery.TimePartitioning(field="business_date")
        table.require_partition_filter = True
        warehouse_client.create_table(table)
        warehouse_client.load_table_from_file(
            io.BytesIO("\n".join(map(json.dumps, loaded)).encode()),
            table.reference,
            job_config=bigquery.LoadJobConfig(source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON),
        ).result()
        return differences(warehouse_client, dataset, serve_truth(known), RESTAURANTS, START, END)

    return load_and_compare


Compare = Callable[[list[Row], Truth], Comparison]


def found(comparison: Comparison) -> list[tuple[str, ...]]:
    return [(d.restaurant_guid, d.business_date, d.table, d.what, d.truth, d.warehouse) for d in comparison.differences]


def test_equal_tables_have_no_difference_and_every_cell_was_compared(compare: Compare) -> None:
    comparison = compare(rows(), truth())
    assert comparison.differences == []
    assert comparison.equal
    assert comparison.cells == 2 * 2 * 5  # restaurants, dates, the rows and four columns
    assert comparison.tables["fact_checks"].totals["rows"] == 4
    assert comparison.tables["fact_checks"].totals["amount"] == Decimal("24.70")


def test_one_cent_is_found(compare: Compare) -> None:
    loaded = rows()
    loaded[2]["amount"] = "12.35"
    expected = [("two", "2026-02-16", "fact_checks", "amount", "12.35", "12.36")]
    result = [
        (*cells[:5], str(Decimal(cells[5]).quantize(Decimal("0.01")))) for cells in found(compare(loaded, truth()))
    ]
    assert result == expected


def test_a_missing_row_is_found_in_its_count_and_its_sums(compare: Compare) -> None:
    result = found(compare(rows()[1:], truth()))
    assert {(restaurant, what) for restaurant, _, _, what, _, _ in result} == {
        ("one", "rows"),
        ("one", "guest_count"),
        ("one", "amount"),
        ("one", "opened_at"),
    }


def test_a_row_too_many_on_a_day_without_any_is_found(compare: Compare) -> None:
    surplus = {"restaurant_guid": "one", "business_date": END.isoformat(), "amount": "0"}
    assert found(compare([*rows(), surplus], truth())) == [("one", "2026-02-17", "fact_checks", "rows", "0", "1")]


def test_a_millisecond_is_found(compare: Compare) -> None:
    loaded = rows()
    loaded[0]["opened_at"] = "2026-02-16T17:00:00.124Z"
    assert [cells[3] for cells in found(compare(loaded, truth()))] == ["opened_at"]


def test_a_missing_table_is_found_on_each_day(compare: Compare) -> None:
    known = {day: tables | {"fact_taxes": {"rows": 0, "totals": {}}} for day, tables in truth().items()}
    result = found(compare(rows(), known))
    assert [(cells[2], cells[5]) for cells in result] == [("fact_taxes", "missing")] * 4


def test_a_missing_column_is_found_even_where_its_sum_is_zero(compare: Compare) -> None:
    known = truth()
    for tables in known.values():
        tables["fact_checks"]["totals"] = {**tables["fact_checks"]["totals"], "tip_amount": "0"}
    result = found(compare(rows(), known))
    assert [(cells[3], cells[5]) for cells in result] == [("tip_amount", "missing")] * 4


def test_nothing_compared_is_not_equal(compare: Compare) -> None:
    assert not compare(rows(), {}).equal
