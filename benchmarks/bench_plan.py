"""How long backfill_all.py takes to see what is left to do: 60 weeks of 13, 100 and 1,000 restaurants, three functions.

`plan` with half of it complete, and `run` with all of it complete, which must end at once. Each is started as a user
would start it, against an emulator whose ledger holds what calls would have written.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import Figure, Sizes
from benchmarks.simulated_toast import simulated_toast
from benchmarks.stacks import emulator_with_tables, warehouse_of
from local_stack.processes import ROOT, child_environment, function_environment
from shared.bigquery_utils import Warehouse
from shared.statements import Parameter, Statement

COUNTS = (13, 100, 1_000)
WEEKS, CHUNK_DAYS = 60, 7
FIRST = dt.date(2025, 1, 1)
CLOCK = "2026-03-03T15:00:00Z"
SOURCES = ("orders", "cash", "labor")
MOST_SECONDS, MOST_MB = 10.0, 500.0
MB = 1_000_000


class _Taken(NamedTuple):
    seconds: float
    peak_mb: float
    output: str


def measure(sizes: Sizes) -> Iterator[Figure]:
    """Seconds and memory at 1,000 restaurants, and growth against 100."""
    counts = (2, 4, 8) if sizes.quick else COUNTS
    plans, runs = {}, {}
    for count in counts:
        plans[count], runs[count] = _with_restaurants(count)
    few, many = counts[-2:]
    for name, taken in (("plan, half complete", plans), ("run, all complete", runs)):
        details = {str(count): {"seconds": one.seconds, "peak_mb": one.peak_mb} for count, one in taken.items()}
        yield Figure(
            name=f"{name}, {many:,} restaurants",
            value=taken[many].seconds,
            unit="s",
            target=MOST_SECONDS,
            details=details,
        )
        yield Figure(name=f"{name}, {many:,} restaurants, memory", value=taken[many].peak_mb, unit="MB", target=MOST_MB)
        yield Figure(
            name=f"{name}, {many:,} / {few:,} restaurants, time",
            value=taken[many].seconds / taken[few].seconds,
            unit="×",
            target=many / few,
        )


def _with_restaurants(count: int) -> tuple[_Taken, _Taken]:
    guids = [str(uuid.UUID(int=number)) for number in range(1, count + 1)]
    days = [FIRST + dt.timedelta(days=number) for number in range(7 * WEEKS)]
    half = len(days) // 2
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        emulator = stack.enter_context(emulator_with_tables(folder))
        toast = stack.enter_context(simulated_toast(folder / "simulator", clock=CLOCK))
        warehouse = warehouse_of(emulator.url)
        environment = function_environment(toast.url, emulator.url) | {
            "RESTAURANTS_FILE": str(_restaurants_file(folder, guids))
        }
        _configure(warehouse, guids)
        _complete(warehouse, guids, days[:half])
        plan = _command(environment, "plan", "--json")
        _is_right(json.loads(plan.output), count, len(days) - half)
        _complete(warehouse, guids, days[half:])
        run = _command(environment, "run", "--skip-configuration", "--skip-gates")
        if "nothing is missing" not in run.output:
            raise AssertionError(f"run found something to do:\n{run.output[-2000:]}")
    return plan, run


def _is_right(plan: dict[str, int], restaurants: int, days_left: int) -> None:
    days = restaurants * len(SOURCES) * days_left
    calls = restaurants * len(SOURCES) * -(-days_left // CHUNK_DAYS)
    if (plan["days"], plan["calls"]) != (days, calls):
        raise AssertionError(f"planned {plan['days']} days in {plan['calls']} calls instead of {days} in {calls}")


def _command(environment: dict[str, str], command: str, *words: str) -> _Taken:
    """Start backfill_all.py and wait for its end."""
    last = FIRST + dt.timedelta(days=7 * WEEKS - 1)
    dates = ["--start-date", str(FIRST), "--end-date", str(last)]
    place = ["--target", "http", "--functions-url", "http://127.0.0.1:1"]
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "backfill_all.py"), command, *words, *dates, *place],
            env=child_environment(environment),
            stdout=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        output.seek(0)
        printed = output.read()
    if process.returncode != 0:
        raise AssertionError(f"{command} ended with {process.returncode}:\n{printed[-2000:]}")
    return _Taken(seconds, usage.ru_maxrss * 1024 / MB, printed)


def _restaurants_file(folder: Path, guids: Sequence[str]) -> Path:
    path = folder / "restaurants.toml"
    rows = [f'[[tenants.purpose.restaurants]]\nguid = "{guid}"\nname = "No. {n}"\n' for n, guid in enumerate(guids, 1)]
    path.write_text("".join(rows), encoding="utf-8")
    return path


# --- what calls would have written -------------------------------------------------------------------


def _configure(warehouse: Warehouse, guids: Sequence[str]) -> None:
    """The configuration of each restaurant, as far as a plan asks for it."""
    sql = f"""INSERT INTO `{warehouse.dataset}.dim_restaurants`
  (restaurant_guid, guid, timezone, closeout_hour, first_business_date, valid_from, is_current, row_hash, _run_id,
   _loaded_at)
SELECT guid, guid, 'America/New_York', 4, DATE '2024-01-01', TIMESTAMP '1970-01-01', TRUE, 'h', 'r', @now
FROM UNNEST(@guids) AS guid"""
    _run(warehouse, sql, Parameter("guids", "STRING", tuple(guids)), _now())


def _complete(warehouse: Warehouse, guids: Sequence[str], days: Sequence[dt.date]) -> None:
    """Business days that are complete, and the runs that loaded them, a week each."""
    given = (
        Parameter("sources", "STRING", SOURCES),
        Parameter("guids", "STRING", tuple(guids)),
        Parameter("first", "DATE", days[0]),
        Parameter("last", "DATE", days[-1]),
        _now(),
    )
    _run(
        warehouse,
        f"""INSERT INTO `{warehouse.dataset}.business_days`
  (source, restaurant_guid, business_date, run_id, mode, status, complete, row_count, net_sales, rejects, read_at)
SELECT source, guid, date, 'r', 'business_date', 'open', TRUE, 60, NUMERIC '1000', 0, @now
FROM UNNEST(@sources) AS source, UNNEST(@guids) AS guid, UNNEST(GENERATE_DATE_ARRAY(@first, @last)) AS date""",
        *given,
    )
    _run(
        warehouse,
        f"""INSERT INTO `{warehouse.dataset}.etl_runs`
  (run_id, restaurant_guid, run_date, `function`, status, mode, start_date, end_date, started_at, finished_at, pages,
   requests, rejects, extracted, inserted, updated)
SELECT
  'r', guid, DATE(@now), CONCAT(source, '_daily'), 'success', 'business_date', start, DATE_ADD(start, INTERVAL 6 DAY),
  @now, @now, 7, 8, 0, 420, 420, 0
FROM
  UNNEST(@sources) AS source,
  UNNEST(@guids) AS guid,
  UNNEST(GENERATE_DATE_ARRAY(@first, @last, INTERVAL 7 DAY)) AS start""",
        *given,
    )


def _now() -> Parameter:
    return Parameter("now", "TIMESTAMP", dt.datetime.fromisoformat(CLOCK))


def _run(warehouse: Warehouse, sql: str, *parameters: Parameter) -> None:
    warehouse.run(Statement(sql, parameters), f"bench-{uuid.uuid4().hex}")
