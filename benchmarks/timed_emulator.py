"""The BigQuery emulator, noting how long each of its requests takes, so that its share can be told from ours.

    EMULATOR_TIMES=times.txt python -m benchmarks.timed_emulator --port 0 --data-dir .data/mine

A line per request: the moments of the monotonic clock at which its last byte had come and at which its reply was
out, then method and path. The clock is the same for all processes of a machine.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import uvicorn

from local_stack.emulator import main

TIMES = "EMULATOR_TIMES"


class Busy(NamedTuple):
    """One request; moments of the monotonic clock."""

    began: float
    ended: float
    request: str


def times_in(path: Path) -> list[Busy]:
    """The requests of which an emulator has written down."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Busy(float(began), float(ended), rest) for began, ended, rest in (line.split(" ", 2) for line in lines)]


def seconds_busy(times: Iterable[Busy], start: float, end: float) -> float:
    """How much of a span of time the emulator was at work; what it did side by side counts once."""
    busy, until = 0.0, start
    for one in sorted(times):
        began, ended = max(one.began, until), min(one.ended, end)
        if ended > began:
            busy += ended - began
            until = ended
    return busy


class _Timed:
    """An ASGI application that writes down how long its requests take."""

    def __init__(self, application: Any, path: Path) -> None:
        self._application = application
        self._file = path.open("a", encoding="utf-8", buffering=1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        came = time.monotonic()

        async def receive_timed() -> Any:
            nonlocal came
            message = await receive()
            if message["type"] == "http.request":
                came = time.monotonic()
            return message

        try:
            await self._application(scope, receive_timed, send)
        finally:
            if scope["type"] == "http":
                self._file.write(f"{came} {time.monotonic()} {scope['method']} {scope['path']}\n")


class _TimedConfig(uvicorn.Config):
    def __init__(self, application: Any, **options: Any) -> None:
        super().__init__(_Timed(application, Path(os.environ[TIMES])), **options)


if __name__ == "__main__":
    with mock.patch.object(uvicorn, "Config", _TimedConfig):
        status = main()
    sys.stdout.flush()
    os._exit(status)  # as local_stack.emulator does: the emulator's worker threads would hold the process up
