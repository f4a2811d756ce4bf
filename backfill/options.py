"""The options that the commands share, and how their words become values."""

from __future__ import annotations

import datetime as dt
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from backfill.places import TargetName, Where
from backfill.targets.local import DEFAULT_DATA_DIR
from backfill.work import MOST_CHUNK_DAYS, Wanted
from history.spans import Span, spans_of
from history.units import FUNCTION_OF, SOURCES, Source
from shared.date_utils import FIRST_BUSINESS_DATE

_PLACE = ("tenant", "target", "data_dir", "simulator_options", "functions_url", "single_urls", "queue", "invoker")

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Date(click.ParamType[dt.date]):
    """A business date, YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        """Read it, or say what one looks like."""
        if isinstance(value, dt.date):
            return value
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write it like 2026-02-21.", param, ctx)


class SourceList(click.ParamType[tuple[Source, ...]]):
    """Some of orders, cash and labor, separated by commas."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Source, ...]:
        """Read them; the functions' own names will do too."""
        if isinstance(value, tuple):
            return value
        named = [word.strip().removesuffix("_daily") for word in value.split(",") if word.strip()]
        unknown = [word for word in named if word not in SOURCES]
        if unknown or not named:
            self.fail(f"{value!r}: choose from {', '.join(SOURCES)}, separated by commas.", param, ctx)
        return tuple(source for source in SOURCES if source in named)


class ChunkDays(click.ParamType[Mapping[str, int]]):
    """Days in one call: 7, or for each source its own, as in orders=7,cash=31."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Mapping[str, int]:
        """Read them; the empty name stands for every source."""
        if isinstance(value, dict):
            return value
        days: dict[str, int] = {}
        for word in value.split(","):
            source, _, number = word.rpartition("=")
            if (source and source not in SOURCES) or not number.isdecimal():
                self.fail(f"{value!r}: write a number of days, or orders=7,cash=31,labor=31.", param, ctx)
            if not 1 <= int(number) <= MOST_CHUNK_DAYS:
                self.fail(f"{number} days: a call takes from 1 to {MOST_CHUNK_DAYS}.", param, ctx)
            days[source] = int(number)
        return days


class ManyValued(click.Command):
    """A command with an option that takes all the words up to the next option: --dates D D D."""

    greedy = ("--dates",)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before each of its words, which is what click understands."""
        spread: list[str] = []
        current: str | None = None
        for word in args:
            if word.startswith("-"):
                current = word if word in self.greedy else None
                spread += [] if current else [word]
            else:
                spread += [current, word] if current else [word]
        return super().parse_args(ctx, spread)


def _with(command: _Command, *options: Callable[[_Command], _Command]) -> _Command:
    """A command with some options, which its help shows in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def restaurants_option(command: _Command) -> _Command:
    """--tenant and --restaurants."""
    return _with(
        command,
        click.option(
            "--restaurants",
            metavar="GUID,NAME",
            default="",
            help="Only these restaurants, by GUID or name; all of the tenant's if left out.",
        ),
        click.option("--tenant", metavar="NAME", help="Tenant of restaurants.toml, where there are several."),
    )


def dates_options(command: _Command) -> _Command:
    """--start-date, --end-date, --dates and --missing: see wanted_of."""
    return _with(
        command,
        click.option("--start-date", type=Date(), help="First business date."),
        click.option("--end-date", type=Date(), help="Last business date, included."),
        click.option(
            "--dates",
            type=Date(),
            multiple=True,
            help="Just these business dates, also if they are complete; several may follow.",
        ),
        click.option("--missing", is_flag=True, help="Everything since each restaurant's first business date."),
    )


def calls_options(command: _Command) -> _Command:
    """--chunk-days and --workers."""
    return _with(
        command,
        click.option(
            "--chunk-days", type=ChunkDays(), default={}, help="Business dates in one call: 7, or orders=7,cash=31."
        ),
        click.option(
            "--workers",
            type=click.IntRange(1, 500),
            help="Calls at once.  [default: one for each restaurant and function, up to 16 of a function]",
        ),
    )


def sources_option(command: _Command) -> _Command:
    """--functions."""
    return click.option(
        "--functions",
        "sources",
        type=SourceList(),
        default=",".join(SOURCES),
        show_default=True,
        help="Only these data.",
    )(command)


def place_options(command: _Command) -> _Command:
    """--target and what belongs to each."""
    return _with(
        command,
        click.option(
            "--target",
            type=click.Choice(["local", "http", "tasks"]),
            default="local",
            show_default=True,
            envvar="BACKFILL_TARGET",
            help="local: start everything on this machine. http: call deployed functions. tasks: queue the calls in "
            "Cloud Tasks.",
        ),
        click.option(
            "--data-dir",
            type=click.Path(path_type=Path, file_okay=False),
            default=DEFAULT_DATA_DIR,
            show_default=True,
            help="local: where its tables stay.",
        ),
        click.option(
            "--simulator",
            "simulator_options",
            multiple=True,
            metavar="NAME=VALUE",
            help="local: an option of the simulated Toast, such as latency-ms=300.",
        ),
        click.option(
            "--functions-url",
            envvar="FUNCTIONS_URL",
            metavar="URL",
            help="http, tasks: where the functions are; {function} in it, or its end, is a function's name.",
        ),
        click.option(
            "--function-url",
            "single_urls",
            multiple=True,
            metavar="NAME=URL",
            help="http, tasks: where one function is, such as orders_daily=http://127.0.0.1:8080.",
        ),
        click.option(
            "--queue",
            envvar="TASKS_QUEUE",
            metavar="NAME",
            help="tasks: the queue, projects/PROJECT/locations/REGION/queues/QUEUE.",
        ),
        click.option(
            "--invoker",
            envvar="TASKS_INVOKER",
            metavar="ACCOUNT",
            help="tasks: the service account as which the queue calls the functions.",
        ),
    )


def _words_of(context: click.Context) -> str:
    """The options that say where a command works, as they were typed, for another command to be typed."""
    words: list[str] = []
    for param in context.command.params:
        typed = context.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if not typed or param.name not in _PLACE or not isinstance(param, click.Option):
            continue
        given = context.params[param.name]
        for value in given if param.multiple else [given]:
            words += [param.opts[0], str(value)]
    return shlex.join(words)


def place_of(
    target: TargetName,
    data_dir: Path,
    simulator_options: Sequence[str],
    functions_url: str | None,
    single_urls: Sequence[str],
    queue: str | None,
    invoker: str | None,
) -> Where:
    """The place that the options of the command under way tell.

    Raises UsageError for words that make no sense, or a missing URL.
    """
    urls: Mapping[str, str] | str = dict(_pair(word, "--function-url") for word in single_urls)
    if target != "local" and not urls:
        if not functions_url:
            raise click.UsageError(
                f"--target {target} needs --functions-url, such as https://us-west1-PROJECT.cloudfunctions.net (or the "
                "variable FUNCTIONS_URL)."
            )
        urls = functions_url
    emulator = os.environ.get("TASKS_EMULATOR_HOST")
    if target == "tasks":
        _check_queue(queue, invoker, emulator)
    return Where(
        target=target,
        data_dir=data_dir,
        function_urls=urls,
        simulator_options=dict(_pair(word, "--simulator") for word in simulator_options),
        queue=queue,
        invoker=invoker,
        tasks_emulator=emulator,
        words=_words_of(click.get_current_context()),
    )


def _check_queue(queue: str | None, invoker: str | None, emulator: str | None) -> None:
    if queue is None or not re.fullmatch(r"projects/[^/]+/locations/[^/]+/queues/[^/]+", queue):
        raise click.UsageError(
            "--target tasks needs --queue projects/PROJECT/locations/REGION/queues/QUEUE (or the variable "
            f"TASKS_QUEUE){f'; {queue!r} is no such name' if queue else ''}. deploy_all.sh makes one."
        )
    if invoker is None and not emulator:
        raise click.UsageError(
            "--target tasks needs --invoker, the service account as which the queue calls the functions (or the "
            "variable TASKS_INVOKER)."
        )


def _pair(word: str, option: str) -> tuple[str, str]:
    name, sign, value = word.partition("=")
    if not sign or not name or not value:
        raise click.UsageError(f"{option} {word!r}: write NAME=VALUE.")
    return name, value


def guids_of(restaurants: str) -> tuple[str, ...]:
    """The words of --restaurants."""
    return tuple(word.strip() for word in restaurants.split(",") if word.strip())


def wanted_of(
    sources: tuple[Source, ...],
    start: dt.date | None,
    end: dt.date | None,
    dates: Sequence[dt.date] = (),
    *,
    missing: bool = False,
    again: bool = False,
) -> Wanted:
    """What the date options ask for. Raises UsageError unless it is one clear thing."""
    ways = [name for name, given in (("dates", dates), ("start-date", start or end), ("missing", missing)) if given]
    if len(ways) > 1:
        raise click.UsageError(f"choose one of {' and '.join(f'--{way}' for way in ways)}.")
    if dates:
        return Wanted(sources, tuple(spans_of(dates)), again=True)
    if missing:
        return Wanted(sources, None)
    if start is None and end is None:
        raise click.UsageError("say what to load: --start-date and --end-date, --dates, or --missing.")
    if start is None or end is None:
        raise click.UsageError(f"--{'start' if start is None else 'end'}-date is missing beside the other.")
    if start > end:
        raise click.UsageError(f"--start-date {start} is after --end-date {end}.")
    return Wanted(sources, (Span(start, end),), again=again)


def wanted_to_see(sources: tuple[Source, ...], start: dt.date | None, end: dt.date | None) -> Wanted:
    """What the dates of a command that only looks mean: left out, they reach as far as there is something.

    Raises UsageError where the first is after the last.
    """
    if start is None and end is None:
        return Wanted(sources, None)
    today = dt.datetime.now(dt.UTC).date()
    return wanted_of(sources, start or FIRST_BUSINESS_DATE, end or max(today, start or today))


def functions_of(sources: Sequence[Source]) -> list[str]:
    """The functions' names."""
    return [FUNCTION_OF[source] for source in sources]
