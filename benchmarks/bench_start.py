"""What a cold start pays for our own code: importing main.py, and a served function's first reply.

The reference is the BigQuery client alone, the largest import that cannot be avoided: imported, and served by a
function that does nothing but import it. Each goes in a process of its own, in turns. What counts is processor time:
an import waits for nobody, and a busy machine distorts it less. Bytecode is kept in a folder of the benchmark's,
since a deployed function has it too. What a deployed function does not have, but would be imported where it is there,
is hidden from both.
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


# structlog imports rich where it can; it is here for the command line, and not in requirements.txt.
_AS_DEPLOYED = "import sys; sys.modules['rich'] = None"


def measure(sizes: Sizes) -> Iterator[Figure]:
    """The import, and the reply to a first request: one that is refused, so that nobody else is asked."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(_AS_DEPLOYED, encoding="utf-8")
        environment = {
            "PYTHONPYCACHEPREFIX": f"{folder}/bytecode",
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPATH": folder,
        }
        yield _figure("import of main.py / of google.cloud.bigquery", _imports(environment), sizes.pick(21, 2))
        yield _figure(
            "first reply of a function / of one with the client alone",
            _replies(Path(folder), environment),
            sizes.pick(11, 1),
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


def _imports(settings: dict[str, str]) -> dict[str, Callable[[], float]]:
    def seconds(module: str) -> Callable[[], float]:
        command = [sys.executable, "-c", _TIMED_IMPORT.format(module=module)]
        environment = os.environ | settings
        return lambda: float(subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout)

    return {module: seconds(module) for module in (REFERENCE, "main")}


def _replies(folder: Path, settings: dict[str, str]) -> dict[str, Callable[[], float]]:
    reference = folder / "reference.py"
    reference.write_text(_NOTHING_BUT_THE_CLIENT, encoding="utf-8")

    def seconds(source: Path) -> Callable[[], float]:
        def until_first_reply() -> float:
            server = function_process("orders_daily", folder / source.stem, settings, source=source)
            with server:
                reply = requests.post(server.url, data="no JSON", timeout=60)
                assert server.pid is not None
                taken = cpu_seconds(server.pid)
            if reply.status_code != 400:
                raise AssertionError(f"HTTP {reply.status_code}: {reply.text[:500]}")
            return taken

        return until_first_reply

    return {REFERENCE: seconds(reference), "main": seconds(ROOT / "main.py")}
