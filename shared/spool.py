"""Rows on their way to the warehouse: NDJSON in a temporary file, shipped when it is full.

A Cloud Function's disk is its memory, so the file is packed, which makes a sixth of it, and bounded: past the limit it
is loaded as a part, and the next one begins.
"""

from __future__ import annotations

import gzip
import io
import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import IO, cast

import msgspec

from shared.tables import Row

PART_BYTES = 32 * 1024 * 1024
"""Of lines: before they are packed."""

_FASTEST = 1  # of gzip's levels; the next ones take longer and gain little
# Pages whose lines are in memory: one that is encoded, which holds the interpreter, and one that is packed, which does
# not. More would go no faster.
_PACKED_AT_ONCE = 2

# Decimals are written as strings, from which BigQuery reads every digit.
_encoder = msgspec.json.Encoder(decimal_format="string")


def encode_rows(rows: Sequence[Row]) -> bytes:
    """Rows as NDJSON, one a line, as a load job reads them."""
    return _encoder.encode_lines(rows)


class Spool:
    """Collects rows from several threads. ``ship`` gets a file of lines of at most ``part_bytes`` and a page more.

    It is called in the thread that filled the file, while the others wait: that bounds memory.
    """

    def __init__(self, ship: Callable[[IO[bytes]], None], part_bytes: int = PART_BYTES) -> None:
        self._ship = ship
        self._part_bytes = part_bytes
        self._lock = threading.Lock()
        self._packing = threading.BoundedSemaphore(_PACKED_AT_ONCE)
        self._size = 0
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows, encoded one a line."""
        with self._packing:
            lines = encode_rows(rows)
            size = len(lines)
            packed = gzip.compress(lines, _FASTEST)
            del lines
        with self._lock:
            self._file.write(packed)
            self._size += size
            if self._size >= self._part_bytes:
                self._ship_part()

    def finish(self) -> None:
        """Ship what is left; an empty spool ships nothing."""
        with self._lock:
            if self._size:
                self._ship_part()

    def close(self) -> None:
        """Throw away what was not shipped, and the file."""
        self._file.close()

    def _ship_part(self) -> None:
        self._file.seek(0)
        try:
            with gzip.GzipFile(fileobj=self._file, mode="rb") as lines:
                self._ship(cast(IO[bytes], lines))
        except BaseException:
            self._file.seek(0, io.SEEK_END)  # who reads the file moves its position
            raise
        self._file.seek(0)
        self._file.truncate()
        self._size = 0
