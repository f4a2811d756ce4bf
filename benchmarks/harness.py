"""Runs benchmarks and tells what came of them: a table of figures with their targets, and a JSON file to keep.

A benchmark is a module with a function ``measure(sizes)`` that yields figures. It takes turns between what we do and
its reference, since machines differ and are noisy, and takes medians: a ratio within each round, then the median of
the ratios.
"""

from __future__ import annotations

import datetime as dt
import importlib
import os
import platform
import statistics
import subprocess
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from local_stack.processes import ROOT

Round = Mapping[str, float]
"""What each contestant took in one round."""


class Sizes(msgspec.Struct, frozen=True):
    """How large the work is: ``quick`` only shows that everything runs; its figures say nothing."""

    quick: bool = False

    def pick(self, full: int, quick: int) -> int:
        """The one or the other."""
        return quick if self.quick else full


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured number, and what it should be."""

    name: str
    value: float
    unit: str
    """``×`` for ratios."""
    target: float | None = None
    """None for a figure that only explains another."""
    at_least: bool = False
    """Whether the target is the least that the value should be, instead of the most."""
    details: dict[str, Any] = {}
    """What the number was made of."""

    @property
    def is_reached(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


class Taken(msgspec.Struct, kw_only=True):
    """What came of one benchmark."""

    benchmark: str
    seconds: float
    figures: list[Figure]
    error: str | None = None
    """Why it could not be measured to its end."""


class Report(msgspec.Struct, kw_only=True):
    """All that a run of benchmarks brought, with what it was taken on."""

    taken_at: dt.datetime
    commit: str
    uncommitted: list[str]
    """Files that differed from the commit."""
    quick: bool
    machine: dict[str, Any]
    load_before: tuple[float, float, float]
    load_after: tuple[float, float, float]
    seconds: float
    benchmarks: list[Taken]


def take(names: Iterable[str], sizes: Sizes, console: Console) -> Report:
    """Run benchmarks one after the other; one that fails is told, and the others go on."""
    taken_at, began, load = dt.datetime.now(dt.UTC), time.monotonic(), os.getloadavg()
    commit, uncommitted = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    taken: list[Taken] = []
    for name in names:
        console.print(f"[bold]{name}[/bold] …")
        one = _take_one(name, sizes)
        taken.append(one)
        for figure in one.figures:
            console.print(f"  {figure.name}: {_number(figure.value, figure.unit)}", markup=False)
        if one.error:
            console.print(one.error, style="red", markup=False)
        console.print(f"  took {one.seconds:.0f} s", style="dim")
    return Report(
        taken_at=taken_at,
        commit=commit,
        uncommitted=[line[3:] for line in uncommitted.splitlines()],
        quick=sizes.quick,
        machine=_machine(),
        load_before=load,
        load_after=os.getloadavg(),
        seconds=round(time.monotonic() - began, 1),
        benchmarks=taken,
    )


def _take_one(name: str, sizes: Sizes) -> Taken:
    began, figures, error = time.monotonic(), list[Figure](), None
    try:
        measure: Callable[[Sizes], Iterator[Figure]] = importlib.import_module(f"benchmarks.bench_{name}").measure
        figures.extend(measure(sizes))
    except Exception:
        error = traceback.format_exc()
    return Taken(benchmark=name, seconds=round(time.monotonic() - began, 1), figures=figures, error=error)


# --- measuring ---------------------------------------------------------------------------------------


def in_turns(contestants: Mapping[str, Callable[[], float]], rounds: int) -> list[dict[str, float]]:
    """What each contestant took, round by round; in every other round they go in the opposite order."""
    taken: list[dict[str, float]] = []
    for number in range(rounds):
        order = list(contestants)[:: -1 if number % 2 else 1]
        took = {name: contestants[name]() for name in order}
        taken.append({name: took[name] for name in contestants})
    return taken


def median(rounds: Sequence[Round], name: str) -> float:
    """The median of what a contestant took."""
    return statistics.median(one[name] for one in rounds)


def median_ratio(rounds: Sequence[Round], name: str, reference: str) -> float:
    """The median, over the rounds, of how many times as much a contestant took as its reference."""
    return statistics.median(one[name] / one[reference] for one in rounds)


# --- telling -----------------------------------------------------------------------------------------


def print_table(report: Report, console: Console) -> None:
    """Print each figure that has a target, and whether it is reached."""
    table = Table("benchmark", "figure", box=box.SIMPLE)
    for heading in ("measured", "target"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for taken in report.benchmarks:
        rows = [figure for figure in taken.figures if figure.target is not None]
        for first, figure in ((figure is rows[0], figure) for figure in rows):
            table.add_row(taken.benchmark if first else "", figure.name, *_cells(figure))
        if taken.error:
            table.add_row(taken.benchmark, "", "", "", "[red]FAILED[/red]")
    console.print(table)
    figures = [figure for taken in report.benchmarks for figure in taken.figures]
    missed, failed = (
        [one for one in figures if one.is_reached is False],
        [one for one in report.benchmarks if one.error],
    )
    verdict = f"{len(missed)} missed" if missed else "every target reached"
    console.print(
        f"{sum(one.target is not None for one in figures)} figures in {report.seconds / 60:.1f} minutes: {verdict}"
        + (f", {len(failed)} benchmarks FAILED" if failed else "")
        + f". Load {report.load_before[0]:.1f} before, {report.load_after[0]:.1f} after."
    )
    if report.quick:
        console.print("Taken with --quick: everything runs, but the figures say nothing.", style="yellow")


def _cells(figure: Figure) -> tuple[str, str, str]:
    target = f"{'≥' if figure.at_least else '≤'} {_number(figure.target or 0.0, figure.unit)}"
    verdict = "[green]reached[/green]" if figure.is_reached else "[red]MISSED[/red]"
    return _number(figure.value, figure.unit), target, verdict


def _number(value: float, unit: str) -> str:
    digits = f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.2f}"
    return f"{digits} {unit}".rstrip()


def keep(report: Report, folder: Path) -> Path:
    """Write a report as JSON; the file is named for the moment (UTC) at which it was begun."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.taken_at:%Y-%m-%dT%H%M%SZ}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    return path


def _machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.rstrip("\n")
