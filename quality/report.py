"""The sign-off report: what was checked, what failed and where, and what to type next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from quality.findings import Finding, Outcome, Report, Status
from quality.gates import GATES

FINDINGS_SHOWN = 5

_MARKS: dict[Status, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "waiting": ("…", "yellow"),
    "skipped": ("–", "dim"),
}


def print_report(report: Report, console: Console, *, most: int = FINDINGS_SHOWN) -> None:
    """Show a report; of each check at most so many findings, all of which are in the JSON."""
    console.print(_head(report))
    for gate, outcomes in itertools.groupby(report.checks, key=lambda outcome: outcome.gate):
        console.print()
        console.print(Text(f"Gate {gate}, {GATES[gate]}", style="bold"))
        console.print(_checks([*outcomes]))
    for outcome in report.checks:
        if outcome.findings or outcome.waiting:
            console.print()
            _print_details(outcome, console, most)
    console.print()
    _print_verdict(report, console)


def _head(report: Report) -> RenderableType:
    count = len(report.restaurants)
    names = ", ".join(itertools.islice(report.restaurants.values(), 3))
    which = names if count <= 3 else f"{names} and {count - 3:,} more"
    start, end = report.start_date or "each restaurant's first", report.end_date or "the last that is final"
    lines = Table.grid(padding=(0, 2))
    lines.add_row("Tenant", f"{report.tenant}, dataset {report.dataset}")
    lines.add_row("Restaurants", f"{count:,}: {which}")
    lines.add_row("Business dates", f"{start} to {end}")
    lines.add_row("Functions", ", ".join(report.functions))
    lines.add_row("Verified", f"{report.verified_at:%Y-%m-%d %H:%M} UTC, in {report.seconds:.1f} s")
    return Panel(lines, title="Sign-off", title_align="left", box=box.ROUNDED, expand=False)


def _checks(outcomes: Sequence[Outcome]) -> RenderableType:
    """A line for each check, its notes below it."""
    table = Table.grid(padding=(0, 2))
    for outcome in outcomes:
        mark, style = _MARKS[outcome.status]
        failed = f"{outcome.total:,} failed" if outcome.status == "failed" else ""
        table.add_row(
            Text(f"  {mark}", style=style),
            Text(outcome.name, style=style if outcome.status == "failed" else ""),
            outcome.proves,
            Text(failed, style=style),
        )
        for note in outcome.notes:
            table.add_row("", "", Text(note, style="dim"), "")
    return table


def _print_details(outcome: Outcome, console: Console, most: int) -> None:
    """The findings of a check, with what mends each; commands in one piece, so that they can be copied."""
    console.print(Text(f"{outcome.name}: not proven that {outcome.proves}.", style="bold"))
    for finding in outcome.findings[:most]:
        _print_finding(finding, console, "✗", "red")
    if (more := len(outcome.findings) - most) > 0:
        console.print(Text(f"  … and {more:,} more findings: --json has them all.", style="dim"))
    if outcome.mend:
        console.print(Text.assemble("  All at once: ", (outcome.mend, "cyan")), soft_wrap=True)
    for finding in outcome.waiting[:most]:
        _print_finding(finding, console, "…", "yellow")
    if (more := len(outcome.waiting) - most) > 0:
        console.print(Text(f"  … and {more:,} more that are being filled.", style="dim"))


def _print_finding(finding: Finding, console: Console, mark: str, style: str) -> None:
    console.print(Text.assemble((f"  {mark} ", style), (finding.where or "everywhere", "bold")))
    console.print(Padding(Text(finding.what), (0, 0, 0, 4)))
    console.print(Text.assemble("    → ", (finding.mend, "cyan")), soft_wrap=True)


def _print_verdict(report: Report, console: Console) -> None:
    failed, waiting = report.failed(), [one for one in report.checks if one.status == "waiting"]
    skipped = [one.name for one in report.checks if one.status == "skipped"]
    words, style = f"Signed off: all {len(report.checks)} checks passed.", "green"
    if failed:
        words, style = f"Not signed off: {len(failed)} of {len(report.checks)} checks failed.", "red"
    elif waiting:
        words = "Nothing failed, but some days are still being filled: verify again when the backfill has ended."
        style = "yellow"
    elif skipped:
        words = f"Nothing failed. Not checked here: {', '.join(skipped)}."
    console.print(Panel(Text(words), border_style=style, box=box.ROUNDED, expand=False))
    if failed:
        first = next((finding.mend for outcome in failed for finding in outcome.findings), "")
        console.print(Text.assemble("Begin with: ", (failed[0].mend or first, "cyan")), soft_wrap=True)
