"""What a cold start pays for our own code: importing main.py against importing google.cloud.bigquery alone.

The client library is the largest import that cannot be avoided; everything else should hardly show beside it. Each
import runs in a process of its own, in turns. What counts is CPU time: an import waits for nobody, and a busy machine
distorts it less. Bytecode is kept in a folder of the benchmark's, since a deployed function has it too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

from local_stack.processes import ROOT

ROUNDS = 21
TARGET = 1.25
REFERENCE = "google.cloud.bigquery"
CONTESTANTS = (REFERENCE, "main")

_TIMED_IMPORT = "import time; begin = time.process_time(); import {module}; print(time.process_time() - begin)"


def main() -> None:
    """Measure, and print the figures with their target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment to measure in")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as bytecode:
        rounds = measure(options.python, options.rounds, bytecode)
    print(f"imports in fresh processes of {options.python}, {options.rounds} rounds; medians")
    for module in CONTESTANTS:
        milliseconds = statistics.median(one[module] for one in rounds) * 1e3
        ratio = statistics.median(one[module] / one[REFERENCE] for one in rounds)
        print(f"  {module:<22} {milliseconds:6.0f} ms  {ratio:5.2f} x {REFERENCE}")
    print(f"  target: at most {TARGET} x; {'reached' if ratio <= TARGET else 'MISSED'} with {ratio:.2f} x")


def measure(python: str, rounds: int, bytecode: str) -> list[dict[str, float]]:
    """CPU seconds that each import takes, round by round, after a first one that only compiles."""
    _round(python, bytecode)
    return [_round(python, bytecode) for _ in range(rounds)]


def _round(python: str, bytecode: str) -> dict[str, float]:
    return {module: _import_seconds(python, module, bytecode) for module in CONTESTANTS}


def _import_seconds(python: str, module: str, bytecode: str) -> float:
    environment = os.environ | {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
    code = _TIMED_IMPORT.format(module=module)
    done = subprocess.run([python, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
