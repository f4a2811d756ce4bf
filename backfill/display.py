"""What a person sees of a running backfill: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from backfill.runner import Ended
from history.units import SOURCE_OF, Unit

# Above so many restaurants the table shows those at work, and what failed.
RESTAURANTS_SHOWN = 20
BAR_WIDTH = 12
FAILURES_SHOWN = 5
# Without a terminal, a summary at least so often.
SUMMARY_SECONDS = 30.0
# The rate is that of the last minutes, so that time left follows a change of pace.
RATE_SECONDS = 300.0


class _Line:
    """One restaurant's progress."""

    def __init__(self) -> None:
        self.total = self.done = self.failed = self.rows = 0
        self.at: dict[str, Unit] = {}
        self.waiting: dict[str, tuple[str, float]] = {}

    @property
    def is_over(self) -> bool:
        return self.done + self.failed >= self.total


class Progress:
    """Counts what happens. A listener of the runner; the displays read from it."""

    def __init__(self, units: Sequence[Unit], names: Mapping[str, str], *, expected_seconds: float = 0.0) -> None:
        self.names = names
        self.began_at = time.monotonic()
        self.expected_seconds = expected_seconds
        self.lines: dict[str, _Line] = {}
        for unit in units:
            self.lines.setdefault(unit.restaurant_guid, _Line()).total += 1
        self.total = len(units)
        self.done = self.failed = self.rows = self.pages = 0
        self.failures: deque[tuple[Unit, str]] = deque(maxlen=FAILURES_SHOWN)
        self.alarms: deque[str] = deque(maxlen=FAILURES_SHOWN)
        self._ends: deque[tuple[float, int]] = deque()
        self.lock = threading.RLock()

    def began(self, unit: Unit) -> None:
        """A call is on its way."""
        with self.lock:
            line = self.lines[unit.restaurant_guid]
            line.at[unit.function] = unit
            line.waiting.pop(unit.function, None)

    def will_retry(self, unit: Unit, error: str, wait: float) -> None:
        """It is tried again later."""
        with self.lock:
            line = self.lines[unit.restaurant_guid]
            line.at.pop(unit.function, None)
            line.waiting[unit.function] = error, time.monotonic() + wait

    def ended(self, ended: Ended) -> None:
        """Count it."""
        with self.lock:
            line = self.lines[ended.unit.restaurant_guid]
            line.at.pop(ended.unit.function, None)
            line.waiting.pop(ended.unit.function, None)
            line.rows += ended.rows
            self.rows += ended.rows
            self.pages += ended.pages
            if ended.state == "done":
                line.done += 1
                self.done += 1
            else:
                line.failed += 1
                self.failed += 1
                if ended.state == "failed":
                    self.failures.append((ended.unit, ended.error))
            self._ends.append((time.monotonic(), ended.rows))

    def name(self, unit: Unit) -> str:
        """The restaurant of a unit."""
        return self.names.get(unit.restaurant_guid, unit.restaurant_guid)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began_at

    def rate(self) -> tuple[float, float]:
        """Units and rows a second, over the last minutes."""
        with self.lock:
            now = time.monotonic()
            while self._ends and self._ends[0][0] < now - RATE_SECONDS:
                self._ends.popleft()
            seconds = max(1.0, min(self.elapsed, RATE_SECONDS))
            return len(self._ends) / seconds, sum(rows for _, rows in self._ends) / seconds

    def seconds_left(self) -> float | None:
        """Seconds until the end at the present pace; what was expected until there is one."""
        left = self.total - self.done - self.failed
        units_per_second, _ = self.rate()
        if self.done + self.failed >= min(10, self.total) and units_per_second:
            return left / units_per_second
        return max(0.0, self.expected_seconds - self.elapsed) if self.expected_seconds else None

    def headline(self) -> str:
        """How far it is, in one line."""
        _, rows = self.rate()
        left = self.seconds_left()
        parts = [
            f"{self.done} of {self.total} units",
            f"{self.rows:,} rows ({rows:,.0f}/s)",
            f"{duration(self.elapsed)} so far",
            f"about {duration(left)} left" if left is not None and self.done + self.failed < self.total else "",
            f"{self.failed} failed" if self.failed else "",
        ]
        return ", ".join(part for part in parts if part)


def duration(seconds: float) -> str:
    """Seconds as a person says them: 45 s, 3 min 05 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class LiveTable(AbstractContextManager["LiveTable"]):
    """The progress as a table that stays in its place."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress = progress
        self._live = Live(self, console=console, refresh_per_second=4, transient=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def say(self, message: str) -> None:
        """Show something that should not be missed, above the table."""
        self._live.console.print(Text(f"{dt.datetime.now():%H:%M:%S}  {message}", style="yellow"))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with self._progress.lock:
            yield Group(self._overall(options.max_width), self._table(), *self._failures())

    def _overall(self, width: int) -> Table:
        grid = Table.grid(padding=(0, 1), expand=False)
        progress = self._progress
        bar = ProgressBar(
            total=max(1, progress.total), completed=progress.done + progress.failed, width=min(40, width // 5)
        )
        grid.add_row(bar, Text(progress.headline(), style="bold"))
        return grid

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim", expand=True)
        table.add_column("restaurant", no_wrap=True, max_width=24)
        table.add_column("", width=BAR_WIDTH)
        table.add_column("units", justify="right", no_wrap=True)
        table.add_column("rows", justify="right", no_wrap=True)
        table.add_column("now", overflow="ellipsis", no_wrap=True, ratio=1)  # what is left of a narrow terminal
        lines = self._progress.lines
        shown = {
            guid: line for guid, line in lines.items() if len(lines) <= RESTAURANTS_SHOWN or line.at or line.waiting
        }
        for guid, line in list(shown.items())[:RESTAURANTS_SHOWN]:
            bar = ProgressBar(total=max(1, line.total), completed=line.done + line.failed, width=BAR_WIDTH)
            table.add_row(
                self._progress.names.get(guid, guid),
                bar,
                f"{line.done}/{line.total}",
                f"{line.rows:,}",
                _now(line),
            )
        return table

    def _failures(self) -> list[Text]:
        return [
            Text(f"✗ {self._progress.name(unit)}, {unit}: {error}", style="red", overflow="ellipsis", no_wrap=True)
            for unit, error in self._progress.failures
        ]


def _now(line: _Line) -> Text:
    """What a restaurant is at."""
    words: list[str] = []
    for function, (error, until) in line.waiting.items():
        seconds = max(0.0, until - time.monotonic())
        words.append(f"{SOURCE_OF.get(function, 'config')}: again in {duration(seconds)} ({error})")
    words += [f"{SOURCE_OF.get(function, 'config')} {unit.span or ''}".strip() for function, unit in line.at.items()]
    if not words and line.is_over:
        return Text("done", style="green") if not line.failed else Text(f"{line.failed} failed", style="red")
    return Text(" · ".join(words) or "waiting", style="yellow" if line.waiting else "")


class PlainLines(AbstractContextManager["PlainLines"]):
    """The progress as lines for a log file: each unit as it ends, and a summary now and then."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress = progress
        self._console = console
        self._summary_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._print(self._progress.headline())

    def say(self, message: str) -> None:
        """Show something that should not be missed."""
        self._print(f"ALERT {message}")

    def began(self, unit: Unit) -> None:
        """A beginning is no line of its own."""

    def will_retry(self, unit: Unit, error: str, wait: float) -> None:
        """Say why it takes longer."""
        self._print(f"again in {duration(wait)}: {self._progress.name(unit)}, {unit}: {error}")

    def ended(self, ended: Ended) -> None:
        """Say how it ended."""
        progress = self._progress
        came_of_it = f"{ended.rows:,} rows in {duration(ended.seconds)}"
        if ended.state != "done":
            came_of_it = f"FAILED: {ended.error}"
        count = f"[{progress.done + progress.failed}/{progress.total}]"
        self._print(f"{count} {progress.name(ended.unit)}, {ended.unit}: {came_of_it}")
        if time.monotonic() - self._summary_at > SUMMARY_SECONDS:
            self._summary_at = time.monotonic()
            self._print(progress.headline())

    def _print(self, line: str) -> None:
        self._console.print(f"{dt.datetime.now():%H:%M:%S} {line}", markup=False, highlight=False, soft_wrap=True)
