"""The spool: rows from any thread, in parts that do not grow with their number, none lost and none twice."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import IO, Any

import msgspec
import pytest

from shared.spool import Spool
from shared.tables import Row


class Line(Row):
    """A row of the tests."""

    name: str
    number: int
    amount: Decimal | None = None
    at: dt.datetime | None = None
    on: dt.date | None = None


class Parts:
    """Takes what a spool ships, as a load job would: from the beginning of the file."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def __call__(self, file: IO[bytes]) -> None:
        file.seek(0)
        self.parts.append(file.read())

    @property
    def lines(self) -> list[Any]:
        return [msgspec.json.decode(line) for part in self.parts for line in part.splitlines()]


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
def spool(parts: Parts) -> Iterator[Spool]:
    """A spool whose parts are of 1,000 bytes."""
    spool = Spool(parts, part_bytes=1000)
    yield spool
    spool.close()


def rows(first: int, count: int) -> list[Line]:
    return [Line(f"row {number:07}", number) for number in range(first, first + count)]


def test_rows_are_shipped_one_a_line_in_the_order_in_which_they_came(spool: Spool, parts: Parts) -> None:
    spool.write(rows(1, 2))
    spool.write(rows(3, 1))
    spool.finish()
    assert parts.parts == [
        b'{"name":"row 0000001","number":1}\n{"name":"row 0000002","number":2}\n{"name":"row 0000003","number":3}\n'
    ]


def test_a_row_is_written_as_bigquery_reads_it(spool: Spool, parts: Parts) -> None:
    at = dt.datetime(2026, 2, 21, 23, 5, 0, 120000, tzinfo=dt.UTC)
    spool.write([Line('Café\n"x"', 1, Decimal("12.340000001"), at, dt.date(2026, 2, 21)), Line("bare", 0)])
    spool.finish()
    assert parts.lines == [
        {
            "name": 'Café\n"x"',
            "number": 1,
            "amount": "12.340000001",
            "at": "2026-02-21T23:05:00.120000Z",
            "on": "2026-02-21",
        },
        {"name": "bare", "number": 0},
    ]


def test_nothing_is_shipped_before_it_is_finished_or_full(spool: Spool, parts: Parts) -> None:
    spool.write(rows(1, 20))
    assert parts.parts == []
    spool.write(rows(21, 20))
    assert len(parts.parts) == 1


def test_an_empty_spool_ships_nothing(spool: Spool, parts: Parts) -> None:
    spool.write([])
    spool.finish()
    assert parts.parts == []


def test_what_was_shipped_is_not_shipped_again(spool: Spool, parts: Parts) -> None:
    spool.write(rows(1, 40))
    spool.finish()
    spool.finish()
    assert [line["number"] for line in parts.lines] == list(range(1, 41))


def test_a_spool_that_was_finished_takes_more_rows(spool: Spool, parts: Parts) -> None:
    spool.write(rows(1, 1))
    spool.finish()
    spool.write(rows(2, 1))
    spool.finish()
    assert [line["number"] for line in parts.lines] == [1, 2]
    assert len(parts.parts) == 2


def test_a_part_ends_with_the_page_that_fills_it(spool: Spool, parts: Parts) -> None:
    page = 10
    for first in range(0, 1000, page):
        spool.write(rows(first, page))
    spool.finish()
    longest_page = page * len(b'{"name":"row 0000999","number":999}\n')
    assert len(parts.parts) > 10
    assert all(1000 <= len(part) < 1000 + longest_page for part in parts.parts[:-1])
    assert all(part.endswith(b"}\n") for part in parts.parts)
    assert [line["number"] for line in parts.lines] == list(range(1000))


def test_a_page_longer_than_a_part_is_one_part(spool: Spool, parts: Parts) -> None:
    spool.write(rows(1, 500))
    spool.finish()
    assert len(parts.parts) == 1
    assert len(parts.lines) == 500


def test_rows_of_many_threads_are_each_there_once_and_pages_stay_together(spool: Spool, parts: Parts) -> None:
    together = threading.Barrier(8)

    def write(thread: int) -> None:
        together.wait(timeout=30)
        for page in range(50):
            spool.write(rows(thread * 1000 + page * 10, 10))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    spool.finish()
    found = [line["number"] for line in parts.lines]
    assert sorted(found) == [thread * 1000 + number for thread in range(8) for number in range(500)]
    pages = [found[at : at + 10] for at in range(0, len(found), 10)]
    assert all(page == list(range(page[0], page[0] + 10)) for page in pages)


def test_parts_are_shipped_one_at_a_time() -> None:
    shipping = threading.Lock()

    def ship(_: IO[bytes]) -> None:
        assert shipping.acquire(blocking=False), "two parts at once"
        threading.Event().wait(0.001)
        shipping.release()

    spool = Spool(ship, part_bytes=1)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: spool.write(rows(number, 1)), range(50)))
    spool.close()


def test_a_part_that_cannot_be_shipped_fails_the_write_and_is_kept() -> None:
    parts, broken = Parts(), True

    def ship(file: IO[bytes]) -> None:
        if broken:
            raise ConnectionError("no warehouse")
        parts(file)

    spool = Spool(ship, part_bytes=1)
    with pytest.raises(ConnectionError):
        spool.write(rows(1, 1))
    broken = False
    spool.finish()
    assert [line["number"] for line in parts.lines] == [1]
    spool.close()


def test_a_closed_spool_ships_nothing_and_takes_nothing(parts: Parts) -> None:
    spool = Spool(parts)
    spool.write(rows(1, 1))
    spool.close()
    assert parts.parts == []
    with pytest.raises(ValueError, match="closed"):
        spool.write(rows(2, 1))
