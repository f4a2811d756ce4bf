"""The command line: plan, run, status, verify, detect."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.console import Console

from backfill import messages
from backfill.applying import applied
from backfill.detect import Detector
from backfill.detect_report import print_detected
from backfill.options import (
    Date,
    ManyValued,
    calls_options,
    dates_options,
    functions_of,
    guids_of,
    place_of,
    place_options,
    restaurants_option,
    sources_option,
    wanted_of,
    wanted_to_see,
)
from backfill.places import Place, chosen, opened, toast_now
from backfill.plan import Conditions, planned, workers_for
from backfill.queue_status import follow
from backfill.run import MOST_BACKFILLS, STOPPED, Backfill, Limits, TooManyBackfills, within
from backfill.runner import RETRY_WAIT
from backfill.schedule import OffPeak
from backfill.status import print_status, status_of
from backfill.survey import survey, units_left
from backfill.tables import print_plan
from backfill.targets import TargetFailed
from backfill.verification import AFTER_A_RUN, verified
from backfill.work import NoFirstDate, Wanted
from history.ledger import Ledger
from history.units import CONFIGURATION, Source
from quality.report import print_report
from shared import connections
from shared.config import Restaurant, Settings, Tenant, load_tenants
from shared.errors import EtlError
from shared.schema import ALL_TABLES, VIEWS

_EXAMPLES = """
Examples:

\b
  python backfill_all.py plan --start-date 2025-01-01 --end-date 2026-02-24
  python backfill_all.py run --start-date 2026-02-16 --end-date 2026-02-22
  python backfill_all.py run --missing --target http --functions-url https://us-west1-PROJECT.cloudfunctions.net
  python backfill_all.py run --failed
  python backfill_all.py run --dates 2026-02-03 2026-02-14 --functions orders
  python backfill_all.py status
  python backfill_all.py verify
  python backfill_all.py verify --gate 0 --target http --functions-url https://us-west1-PROJECT.cloudfunctions.net
  python backfill_all.py detect
  python backfill_all.py detect --apply
"""


_WIDTH_OF_A_PIPE = 120


def _told_plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Failures that a person can mend are a sentence, not a traceback."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except (EtlError, TargetFailed, NoFirstDate, TooManyBackfills) as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            click.echo("\nStopped. The same command begins again.", err=True)
            sys.exit(STOPPED)

    return run


@click.group(epilog=_EXAMPLES, context_settings={"max_content_width": 100})
def cli() -> None:
    """Load years of history, and prove that all of it is there.

    What is missing is asked of the warehouse each time, so every command can be stopped and started again.
    """
    messages.configure()


@cli.command(cls=ManyValued)
@dates_options
@sources_option
@restaurants_option
@calls_options
@place_options
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_told_plainly
def plan(
    start_date: dt.date | None,
    end_date: dt.date | None,
    dates: Sequence[dt.date],
    missing: bool,
    sources: tuple[Source, ...],
    tenant: str | None,
    restaurants: str,
    chunk_days: dict[str, int],
    workers: int | None,
    as_json: bool,
    **where: Any,
) -> None:
    """What would be called, and how long it takes. Needs no server: without a warehouse nothing counts as loaded."""
    console = _console()
    wanted = wanted_of(sources, start_date, end_date, dates, missing=missing)
    settings = Settings.from_environment()
    place = place_of(**where)
    which, locations = chosen(settings, tenant, guids_of(restaurants))
    with opened(place, which, settings, ()) as here:
        found = survey(which, locations, wanted, here.warehouse, toast_now(here.settings))
        units = units_left(found, wanted, chunk_days)
    result = planned(units, found.paces, Conditions(workers or workers_for(units)))
    if as_json:
        _print_json(result)
    else:
        print_plan(result, found.names, found.notes, console)


@cli.command(cls=ManyValued)
@dates_options
@click.option("--failed", is_flag=True, help="What failed in earlier backfills and is still missing.")
@click.option("--again", is_flag=True, help="Also what is complete.")
@sources_option
@restaurants_option
@calls_options
@click.option(
    "--retry-wait",
    type=click.FloatRange(0),
    default=RETRY_WAIT,
    show_default=True,
    metavar="SECONDS",
    help="Before the second try of a call; six times that before the third.",
)
@click.option("--off-peak", metavar="HH:MM-HH:MM", help="Begin calls only at these hours, such as 23:00-09:00.")
@click.option(
    "--time-zone", metavar="ZONE", help="Zone of --off-peak, such as America/New_York.  [default: this machine's]"
)
@click.option(
    "--most-backfills",
    type=click.IntRange(1),
    default=MOST_BACKFILLS,
    show_default=True,
    envvar="MOST_BACKFILLS",
    help="How many may run at once.",
)
@click.option("--skip-configuration", is_flag=True, help="Do not bring the configuration up to date first.")
@click.option("--skip-gates", is_flag=True, help="Do not verify at the end.")
@place_options
@_told_plainly
def run(
    start_date: dt.date | None,
    end_date: dt.date | None,
    dates: Sequence[dt.date],
    missing: bool,
    failed: bool,
    again: bool,
    sources: tuple[Source, ...],
    tenant: str | None,
    restaurants: str,
    chunk_days: dict[str, int],
    workers: int | None,
    retry_wait: float,
    off_peak: str | None,
    time_zone: str | None,
    most_backfills: int,
    skip_configuration: bool,
    skip_gates: bool,
    **where: Any,
) -> None:
    """Load what is missing, and verify it.

    Stop it with Ctrl-C whenever you like: the same command goes on from there. The exit code is 0 only when every
    unit is done and the gates pass; with --target tasks, when every unit is in the queue: 'status' follows it then,
    and 'verify' proves it.
    """
    console = _console()
    wanted = _wanted_to_run(sources, start_date, end_date, dates, missing=missing, failed=failed, again=again)
    hours, zone = _off_peak(off_peak), _zone(time_zone)
    settings = Settings.from_environment()
    place = place_of(**where)
    which, locations = chosen(settings, tenant, guids_of(restaurants))
    functions = functions_of(sources) + ([] if skip_configuration else [CONFIGURATION])
    limits = Limits(
        workers=workers, most_backfills=most_backfills, may_start=within(hours, zone), retry_wait=retry_wait
    )
    with opened(place, which, settings, functions) as here:
        outcome = _backfill(
            *(here, which, locations, wanted, console),
            chunk_days=chunk_days,
            limits=limits,
            off_peak=OffPeak(*hours, zone) if hours else None,
            only_failed=failed,
            with_configuration=not skip_configuration,
            with_gates=not skip_gates,
        )
    sys.exit(outcome)


def _backfill(
    here: Place,
    tenant: Tenant,
    restaurants: Sequence[Restaurant],
    wanted: Wanted,
    console: Console,
    *,
    chunk_days: Mapping[str, int],
    limits: Limits,
    off_peak: OffPeak | None = None,
    only_failed: bool = False,
    with_configuration: bool = True,
    with_gates: bool = True,
) -> int:
    """Do a backfill from here, or leave it to the queue; the exit code."""
    if here.queue is None:
        backfill = Backfill(here, tenant, restaurants, wanted, console, chunk_days=chunk_days, limits=limits)
        return backfill.run(only_failed=only_failed, with_configuration=with_configuration, with_gates=with_gates)
    from backfill.queued import QueuedBackfill  # its client takes its time to import

    queued = QueuedBackfill(
        *(here, tenant, restaurants, wanted, console),
        chunk_days=chunk_days,
        most_backfills=limits.most_backfills,
        off_peak=off_peak,
    )
    return queued.run(only_failed=only_failed, with_configuration=with_configuration)


@cli.command()
@click.option("--start-date", type=Date(), help="First business date.  [default: each restaurant's first]")
@click.option("--end-date", type=Date(), help="Last business date, included.")
@sources_option
@restaurants_option
@place_options
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_told_plainly
def status(
    start_date: dt.date | None,
    end_date: dt.date | None,
    sources: tuple[Source, ...],
    tenant: str | None,
    restaurants: str,
    as_json: bool,
    **where: Any,
) -> None:
    """Coverage by restaurant, what is under way, and what failed."""
    wanted = wanted_to_see(sources, start_date, end_date)
    settings = Settings.from_environment()
    place = place_of(**where)
    which, locations = chosen(settings, tenant, guids_of(restaurants))
    with opened(place, which, settings, ()) as here:
        if here.warehouse is None:
            raise click.ClickException("there is no warehouse here yet; 'backfill_all.py run' makes one.")
        here.warehouse.ensure(ALL_TABLES, VIEWS)
        now = toast_now(here.settings)
        queue = follow(here.queue, here.warehouse, which, now) if here.queue is not None else None
        found = survey(which, locations, wanted, here.warehouse, now)
        told = status_of(found, wanted, Ledger(here.warehouse), queue)
    if as_json:
        _print_json(told)
    else:
        print_status(told, here.words, _console())


@cli.command()
@click.option(
    "--gate",
    "gates",
    type=click.IntRange(0, 3),
    multiple=True,
    help="0 before a load, 1 coverage, 2 truth inside, 3 ready; may be given more than once.  [default: 1, 2 and 3]",
)
@click.option("--start-date", type=Date(), help="First business date.  [default: each restaurant's first]")
@click.option("--end-date", type=Date(), help="Last business date, included.  [default: the last that is final]")
@sources_option
@restaurants_option
@place_options
@click.option("--json", "as_json", is_flag=True, help="For programs; holds every finding.")
@_told_plainly
def verify(
    gates: tuple[int, ...],
    start_date: dt.date | None,
    end_date: dt.date | None,
    sources: tuple[Source, ...],
    tenant: str | None,
    restaurants: str,
    as_json: bool,
    **where: Any,
) -> None:
    """Prove that all is there and right: a sign-off report, with the command that mends what is not.

    The exit code is 1 when a gate fails. Gate 0 loads one business date of one restaurant as a trial.
    """
    wanted = wanted_to_see(sources, start_date, end_date)
    settings = Settings.from_environment()
    place = place_of(**where)
    which, locations = chosen(settings, tenant, guids_of(restaurants))
    console = _console()
    with opened(place, which, settings, functions_of(sources) if 0 in gates else ()) as here:
        found = survey(which, locations, wanted, here.warehouse, toast_now(here.settings))
        report = verified(here, found, wanted, sorted(set(gates)) or AFTER_A_RUN, console)
    if as_json:
        _print_json(report)
    else:
        print_report(report, console)
    sys.exit(0 if report.passed else 1)


@cli.command()
@click.option("--tenant", metavar="NAME", help="Tenant of restaurants.toml, where there are several.")
@sources_option
@click.option(
    "--apply", "apply_it", is_flag=True, help="Add new restaurants to restaurants.toml, and load what is missing."
)
@click.option(
    "--skip-configuration", is_flag=True, help="With --apply: do not bring the configuration up to date first."
)
@click.option("--skip-gates", is_flag=True, help="With --apply: do not verify at the end.")
@place_options
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_told_plainly
def detect(
    tenant: str | None,
    sources: tuple[Source, ...],
    apply_it: bool,
    skip_configuration: bool,
    skip_gates: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """Find restaurants that are new in the Toast account, and histories with gaps.

    Prints what to add to restaurants.toml, and the run that fills each gap. The exit code is 1 when something was
    found, or is left after --apply.
    """
    if apply_it and as_json:
        raise click.UsageError("--json tells, --apply does: choose one.")
    settings = Settings.from_environment()
    place = place_of(**where)
    which, _ = chosen(settings, tenant, ())
    tenants = load_tenants(settings.restaurants_file)
    console = _console()
    functions = functions_of(sources) + ([] if skip_configuration else [CONFIGURATION]) if apply_it else []
    with opened(place, which, settings, functions, with_toast=True) as here:
        now = toast_now(here.settings)
        detector = Detector(which, tenants, sources, here.warehouse, now, place=here.words)
        found = detector.look(lambda: connections.toast_client(here.settings, which, len(tenants)))
        if as_json:
            _print_json(found)
        else:
            print_detected(found, console, applied=apply_it)
        if not apply_it:
            sys.exit(1 if found.is_something else 0)

        def load(guids: Sequence[str]) -> int:
            renewed, restaurants = chosen(settings, which.name, guids)
            wanted = Wanted(sources, None)
            return _backfill(
                *(here, renewed, restaurants, wanted, console),
                chunk_days={},
                limits=Limits(),
                with_configuration=not skip_configuration,
                with_gates=not skip_gates,
            )

        outcome = applied(found, settings.restaurants_file, load, console, deployed=place.target != "local")
    sys.exit(outcome)


def _wanted_to_run(
    sources: tuple[Source, ...],
    start: dt.date | None,
    end: dt.date | None,
    dates: Sequence[dt.date],
    *,
    missing: bool,
    failed: bool,
    again: bool,
) -> Wanted:
    if not failed:
        return wanted_of(sources, start, end, dates, missing=missing, again=again)
    if start or end or dates or missing or again:
        raise click.UsageError("--failed goes by what is written down; leave the other dates out.")
    return Wanted(sources, None)


def _off_peak(hours: str | None) -> tuple[dt.time, dt.time] | None:
    if hours is None:
        return None
    try:
        start, end = (dt.time.fromisoformat(word.strip()) for word in hours.split("-"))
    except ValueError:
        raise click.UsageError(f"--off-peak {hours!r}: write two times of day, such as 23:00-09:00.") from None
    return start, end


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError):
        raise click.UsageError(f"--time-zone {name!r}: write an IANA zone, such as America/New_York.") from None


def _print_json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def _console() -> Console:
    """Where nobody tells how wide it is, as in a pipe, wide enough for every table."""
    told = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if told else _WIDTH_OF_A_PIPE)
