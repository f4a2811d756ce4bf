"""The commands that mend what the checks find, as they are to be typed.

Where a text has other words besides, its command comes last, so that `at` can add to it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Sequence

from history.spans import Span

_RUN = "python backfill_all.py run"
_COMMAND = re.compile(r"python (?:backfill_all\.py|-m backfill\.outdate) .*?(?=$| && )")
# What is put in a list; more are told as a range.
_FEW_DATES = 31


def at(mend: str, place: str) -> str:
    """The same, with the options that say where it is to be done added to each command: "--target http", say."""
    return _COMMAND.sub(lambda command: f"{command[0]} {place}", mend) if place else mend


def load(span: Span, restaurants: Collection[str], sources: Sequence[str]) -> str:
    """Load what is missing of some business dates."""
    return f"{_RUN} --start-date {span.start} --end-date {span.end}{_of(restaurants, sources)}"


def load_missing(restaurants: Collection[str] = (), sources: Sequence[str] = ()) -> str:
    """Load all that is missing."""
    return f"{_RUN} --missing{_of(restaurants, sources)}"


def load_failed(restaurants: Collection[str] = (), sources: Sequence[str] = ()) -> str:
    """Load what failed in earlier backfills."""
    return f"{_RUN} --failed{_of(restaurants, sources)}"


def load_again(dates: Collection[dt.date], restaurants: Collection[str], sources: Sequence[str]) -> str:
    """Read business dates again although they are complete."""
    first, last = min(dates), max(dates)
    if len(set(dates)) <= _FEW_DATES:
        return f"{_RUN} --dates {' '.join(str(date) for date in sorted(set(dates)))}{_of(restaurants, sources)}"
    return f"{_RUN} --again --start-date {first} --end-date {last}{_of(restaurants, sources)}"


def load_span_again(start: dt.date, end: dt.date, restaurants: Collection[str], sources: Sequence[str]) -> str:
    """Read a range of business dates again although they are complete."""
    return load_again([start + dt.timedelta(days=n) for n in range((end - start).days + 1)], restaurants, sources)


def replace(dates: Collection[dt.date], restaurants: Collection[str], sources: Sequence[str]) -> str:
    """Read business dates again, and let what is read replace every row of them."""
    listed = " ".join(str(date) for date in sorted(set(dates)))
    outdate = f"python -m backfill.outdate --dates {listed}{_of(restaurants, sources)}"
    return f"{outdate} && {load_again(dates, restaurants, sources)}"


def configure(restaurants: Collection[str]) -> str:
    """Read the configuration again."""
    bodies = [f"""'{{"restaurant_guid": "{guid}"}}'""" for guid in sorted(restaurants)] or ["'{}'"]
    return " && ".join(f'curl -X POST "$CONFIG_WEEKLY_URL" -d {body}' for body in bodies)


def follow(source: str, restaurant: str) -> str:
    """Call a function as its schedule does."""
    return f"""curl -X POST "${source.upper()}_DAILY_URL" -d '{{"restaurant_guid": "{restaurant}"}}'"""


def _of(restaurants: Collection[str], sources: Sequence[str]) -> str:
    which = f" --restaurants {','.join(sorted(restaurants))}" if restaurants else ""
    return f"{which} --functions {','.join(sources)}" if sources else which
