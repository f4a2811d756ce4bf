"""`make bench`: takes the benchmarks that are named, or all."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.harness import Sizes, keep, print_table, take
from local_stack.demo import leave
from local_stack.processes import ROOT

BENCHMARKS = {
    "page": "a page of 100 orders from its bytes to the rows of seven tables, against orjson.loads",
    "start": "a cold start: import of main.py and the first reply, against google.cloud.bigquery alone",
    "statements": "how many statements and jobs a call takes",
    "bytes": "what a call reads in BigQuery with 1, 3 and 10 years of history",
    "plan": "plan and resume with 13, 100 and 1,000 restaurants",
    "week": "a restaurant-week end to end, against a bare loop of requests and the same job in dlt",
    "memory": "memory of a call at 1,000, 10,000 and 100,000 orders",
    "backfill": "13 restaurants × 8 weeks, against the floor that Toast's limits set",
}
"""Name and subject of each, in the order in which they are taken."""

EXAMPLES = """\
benchmarks:
{listed}

examples:
  make bench                         all of them: ten minutes
  make bench ARGS="page memory"      some
  make bench ARGS="--quick"          see that everything runs, with figures that say nothing
"""


def main(arguments: list[str] | None = None) -> int:
    """Take, print and keep the figures: 1 when a benchmark could not be taken; a missed target is told, no error."""
    options = _parse(arguments)
    console = Console(highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, leave)
    names = [name for name in BENCHMARKS if not options.benchmarks or name in options.benchmarks]
    try:
        report = take(names, Sizes(quick=options.quick), console)
    except KeyboardInterrupt:
        console.print("\nInterrupted; everything that the benchmarks had started is ended.")
        return 130
    print_table(report, console)
    console.print(f"Kept in {keep(report, options.folder)}", style="dim")
    return 1 if any(taken.error for taken in report.benchmarks) else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    width = max(map(len, BENCHMARKS))
    listed = "\n".join(f"  {name:<{width}}  {subject}" for name, subject in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="make bench",
        description="Measure speed, memory and cost, each figure beside its reference and its target.",
        epilog=EXAMPLES.format(listed=listed),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("benchmarks", nargs="*", metavar="benchmark", help="only these")
    parser.add_argument("--quick", action="store_true", help="tiny sizes")
    parser.add_argument("--folder", type=Path, default=ROOT / ".data" / "bench", help="where the JSON goes")
    options = parser.parse_args(arguments)
    if unknown := set(options.benchmarks) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))} (there are {', '.join(BENCHMARKS)})")
    return options


if __name__ == "__main__":
    sys.exit(main())
