"""What a cold start pays for our own code: importing main.py, and a served function's first reply.

The reference is the BigQuery client alone, the largest import that cannot be avoided: imported, and served by a
function that does nothing but import it. Each goes in a process of its own, in turns. What counts is processor time:
an import waits for nobody, and a busy machine distorts it less. Bytecode is kept in a folder of the benchmark's,
since a deployed function has it too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from benchmarks.harness import Figure, Sizes, in_turns, median, median_ratio
from benchmarks.processes import cpu_seconds
from local_stack.processes import ROOT, function_process

TARGET = 1.25
REFERENCE = "google.cloud.bigquery"

_TIMED_IMPORT = "import time; begin = time.process_time(); import {module}; print(time.process_time() - begin)"
_NOTHING_BUT_THE_CLIENT = """\
import google.cloud.bigquery

def orders_daily(request):
    return "{}", 400
"""


def measure(sizes: Sizes) -> Iterator[Figure]:
    """The import, and the reply to a first request: one that is refused, so that nobody else is asked."""
    with tempfile.TemporaryDirectory() as folder:
        bytecode = {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode", "PYTHONDONTWRITEBYTECODE": ""}
        yield _figure("import of main.py / of google.cloud.bigquery", _imports(bytecode), sizes.pick(21, 2))
        yield _figure(
            "first reply of a function / of one with the client alone",
            _replies(Path(folder), bytecode),
            sizes.pick(7, 1),
        )


def _figure(name: str, contestants: dict[str, Callable[[], float]], count: int) -> Figure:
    in_turns(contestants, 1)  # compiles
    rounds = in_turns(contestants, count)
    return Figure(
        name=name,
        value=median_ratio(rounds, "main", REFERENCE),
        unit="×",
        target=TARGET,
        details={"processor_seconds": {name: median(rounds, name) for name in contestants}, "rounds": count},
    )


def _imports(bytecode: dict[str, str]) -> dict[str, Callable[[], float]]:
    def seconds(module: str) -> Callable[[], float]:
        command = [sys.executable, "-c", _TIMED_IMPORT.format(module=module)]
        environment = os.environ | bytecode
        return lambda: float(subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout)

    return {module: seconds(module) for module in (REFERENCE, "main")}


def _replies(folder: Path, bytecode: dict[str, str]) -> dict[str, Callable[[], float]]:
    reference = folder / "reference.py"
    reference.write_text(_NOTHING_BUT_THE_CLIENT, encoding="utf-8")

    def seconds(source: Path) -> Callable[[], float]:
        def until_first_reply() -> float:
            server = function_process("orders_daily", folder / source.stem, bytecode, source=source)
            with server:
                reply = requests.post(server.url, data="no JSON", timeout=60)
                assert server.pid is not None
                taken = cpu_seconds(server.pid)
            if reply.status_code != 400:
                raise AssertionError(f"HTTP {reply.status_code}: {reply.text[:500]}")
            return taken

        return until_first_reply

    return {REFERENCE: seconds(reference), "main": seconds(ROOT / "main.py")}
