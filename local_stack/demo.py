"""The demo: a week of the example restaurants through backfill_all.py and every gate, compared with the truth.

From a simulated Toast into an emulated BigQuery. Everything runs on this machine, as real processes that talk HTTP,
in under two minutes. Run by `make demo`.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from rich import box
from rich.console import Console
from rich.table import Table

from local_stack.dimension_truth import dimension_differences
from local_stack.processes import DATASET, PROJECT, ROOT, LocalStack, ServerFailed, child_environment
from local_stack.truth import ROWS, Comparison, TableResult, differences
from shared.config import DEFAULT_RESTAURANTS_FILE, Restaurant, load_tenants

# A fixed moment, so that every run sees the same orders: the week before it is over everywhere, and for two
# hours nobody changes an order of it, so that the truth holds still while it is loaded.
CLOCK = dt.datetime(2026, 2, 24, 15, tzinfo=dt.UTC)
SEED = 1
LAST_DATE = dt.date(2026, 2, 22)
DAYS = 7

ORDERS = "orders_daily"
FUNCTIONS = ("config_weekly", ORDERS, "cash_daily", "labor_daily")
CALL_SECONDS = 600.0
ATTEMPTS = 3  # as a scheduler would: a 503 says that calling again goes on where it stopped
DIFFERENCES_SHOWN = 20

Dates = tuple[dt.date, dt.date]
"""The first and the last business date of a call."""

# The column that stands for a table in the report: all rows, voided and nested ones included, so a figure
# to check the loading with, not a figure of sales.
CONTROL_TOTALS = {
    "fact_orders": "guest_count",
    "fact_order_items": "item_price",
    "fact_checks": "total_amount",
    "fact_payments": "amount",
    "fact_discounts": "discount_amount",
    "fact_service_charges": "charge_amount",
    "fact_taxes": "tax_amount",
    "fact_cash_entries": "amount",
    "fact_cash_deposits": "amount",
    "fact_labor_shifts": "regular_hours",
    "fact_labor_breaks": "is_missed",
}

EXAMPLES = """\
examples:
  make demo                                     the whole demo: 13 restaurants, 7 days
  make demo ARGS="--restaurants 2 --days 1"     a small one, in a few seconds
  make demo ARGS=--keep                         leave the servers up afterwards, to call the function yourself
  make demo ARGS="--data-dir /tmp/d"            keep the tables elsewhere
"""


class DemoFailed(Exception):
    """The demo cannot go on; the message says why in words for the terminal."""


@dataclass(frozen=True)
class Repeated:
    """What the same call again brought."""

    restaurant: Restaurant
    tables: dict[str, dict[str, int]]
    problem: str | None = None

    def count(self, what: str) -> int:
        """The sum of one counter (extracted, inserted, updated, unchanged) over the tables."""
        return sum(counts.get(what, 0) for counts in self.tables.values())


@dataclass
class Report:
    """What the demo found out, for the end of it."""

    restaurants: int
    days: int
    steps: dict[str, float] = field(default_factory=dict)
    backfill_status: int = 0
    """The exit code of backfill_all.py."""
    repeated: Repeated | None = None
    facts: Comparison | None = None
    dimensions: Comparison | None = None

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure one step."""
        began = time.monotonic()
        yield
        self.steps[name] = time.monotonic() - began

    @property
    def problems(self) -> list[str]:
        """Everything that is not as it should be, one line each."""
        found = []
        if self.backfill_status:
            found.append(f"backfill_all.py ended with {self.backfill_status}; what it printed says why")
        if (again := self.repeated) is not None:
            if again.problem:
                found.append(f"{again.restaurant.name}, called again: {again.problem}")
            if changed := again.count("inserted") + again.count("updated"):
                found.append(f"{again.restaurant.name}: the repeated call wrote {changed} rows instead of none")
        for what, comparison in (("facts", self.facts), ("dimensions", self.dimensions)):
            if comparison is None or not comparison.cells:
                found.append(f"no {what} were compared with the truth")
            else:
                found += [str(difference) for difference in comparison.differences]
        return found


def main(arguments: list[str] | None = None) -> int:
    """Run the demo: 0 when every table equals the truth, 1 when not, 130 on Ctrl-C."""
    options = _parse(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a log file or a pager shows each line as it comes
    console = Console(highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, leave)
    try:
        report = run(options, console)
    except KeyboardInterrupt:
        console.print("\nInterrupted; everything that the demo had started is ended.")
        return 130
    except (DemoFailed, ServerFailed) as error:
        console.print(f"\n{error}", style="red", markup=False)
        return 1
    return 1 if report.problems else 0


def run(options: argparse.Namespace, console: Console) -> Report:
    """Start the servers, load, load once more, compare; whatever happens, the servers end with it."""
    restaurants = example_restaurants()[: options.restaurants]
    start, end = LAST_DATE - dt.timedelta(days=options.days - 1), LAST_DATE
    make_fresh(options.data_dir)
    report = Report(len(restaurants), options.days)
    stack = LocalStack(
        options.data_dir,
        functions=FUNCTIONS,
        seed=SEED,
        simulator_options={"clock": CLOCK.isoformat(), "limits": "documented", "latency-ms": 20},
        environment={"RESTAURANTS_FILE": str(write_restaurants(options.data_dir, restaurants))},
    )
    with contextlib.ExitStack() as cleanup:
        with report.step("start the servers"):
            console.print("Starting the simulated Toast, the emulated BigQuery and the functions …")
            cleanup.enter_context(stack)
        cleanup.push(undisturbed)
        _print_servers(stack, console)
        _load_all(stack, restaurants, start, end, report, console)
        with report.step("compare"), contextlib.closing(warehouse_client(stack.emulator_url)) as client:
            guids = [restaurant.guid for restaurant in restaurants]
            report.facts = differences(client, DATASET, stack.simulator_url, guids, start, end)
            report.dimensions = dimension_differences(client, DATASET, stack.simulator_url, guids)
        print_report(report, options.data_dir, console)
        if options.keep:
            stay(stack, restaurants[0], end, console)
    return report


def _load_all(
    stack: LocalStack,
    restaurants: Sequence[Restaurant],
    start: dt.date,
    end: dt.date,
    report: Report,
    console: Console,
) -> None:
    """Load configuration, orders, cash and labor as a user would, go through the gates, then call once more."""
    console.print(f"Loading {start} to {end} for {len(restaurants)} restaurants:")
    with report.step("load and verify"):
        dates = ["--start-date", start.isoformat(), "--end-date", end.isoformat()]
        report.backfill_status = backfill(stack, "run", dates)
    with report.step("call again"):
        report.repeated = call_again(stack.function_url(ORDERS), restaurants[0], (start, end))
    console.print(
        f"The same call again for {restaurants[0].name}: {report.repeated.count('inserted')} rows inserted, "
        f"{report.repeated.count('unchanged'):,} unchanged."
    )


def backfill(stack: LocalStack, command: str, words: Sequence[str]) -> int:
    """Start backfill_all.py in this terminal, calling the stack's functions by URL; its exit code."""
    urls = [word for name, server in stack.functions.items() for word in ("--function-url", f"{name}={server.url}")]
    done = subprocess.run(  # noqa: S603 - the command is this project's own
        [sys.executable, str(ROOT / "backfill_all.py"), command, *words, "--target", "http", *urls],
        env=child_environment(stack.environment),
        check=False,
    )
    return done.returncode


def stay(stack: LocalStack, restaurant: Restaurant, date: dt.date, console: Console) -> None:
    """Leave the servers up until Ctrl-C, and say how to use them."""
    body = json.dumps({"restaurant_guid": restaurant.guid, "start_date": str(date), "end_date": str(date)})
    console.print(
        f"\nThe servers stay up until Ctrl-C. In another terminal, call a function:\n\n"
        f"curl -X POST {stack.function_url(ORDERS)} -d '{body}'\n\n"
        f"ask Toast what is true ({stack.simulator_url}/_simulator/truth, see docs/simulator.md), or query the tables "
        f"at {stack.emulator_url}.",
        markup=False,
    )
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    console.print("\nEnded.")


def call_again(url: str, restaurant: Restaurant, dates: Dates) -> Repeated:
    """Call a function for what it has loaded, again while it says that this goes on where it stopped."""
    body = {
        "restaurant_guid": restaurant.guid,
        "start_date": dates[0].isoformat(),
        "end_date": dates[1].isoformat(),
    }
    tables: dict[str, dict[str, int]] = {}
    problem: str | None = None
    for _ in range(ATTEMPTS):
        try:
            reply = requests.post(url, json=body, timeout=CALL_SECONDS)
        except requests.RequestException as error:
            problem = f"it does not answer: {error}"
            break
        problem = _problem_in(reply)
        _add_counts(tables, reply)
        if reply.status_code != requests.codes.service_unavailable:
            break
        time.sleep(min(float(reply.headers.get("Retry-After", "1")), 10.0))
    return Repeated(restaurant, tables, problem)


def _problem_in(reply: requests.Response) -> str | None:
    """What is wrong according to the function's reply, if anything."""
    if reply.headers.get("Content-Type", "").startswith("application/problem+json"):
        problem = reply.json()
        return f"{reply.status_code} {problem['title']}: {problem['detail']}"
    if reply.status_code == requests.codes.ok and reply.json()["status"] == "success":
        return None
    with contextlib.suppress(requests.JSONDecodeError, KeyError, TypeError):
        errors = [str(one["error"]) for one in reply.json()["restaurants"] if one["error"]]
        return f"{reply.status_code} {reply.json()['status']}: {'; '.join(errors)}"
    return f"{reply.status_code}: {reply.text[:200]}"


def _add_counts(tables: dict[str, dict[str, int]], reply: requests.Response) -> None:
    """Add the reply's counters, per table, to those of the attempts before it."""
    with contextlib.suppress(requests.JSONDecodeError):
        for restaurant in reply.json().get("restaurants", []):
            for name, counts in restaurant["tables"].items():
                sums = tables.setdefault(name, {})
                for what, number in counts.items():
                    sums[what] = sums.get(what, 0) + number


# --- the folder, the client, the restaurants ----------------------------------------------------------

MARK = ".made-by-the-demo"


def make_fresh(data_dir: Path) -> None:
    """Empty the demo's folder. Raises DemoFailed for a folder that holds anything the demo did not make."""
    if data_dir.exists() and not (data_dir / MARK).exists() and (not data_dir.is_dir() or any(data_dir.iterdir())):
        raise DemoFailed(f"{data_dir} holds something that the demo did not make; choose another --data-dir.")
    try:
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / MARK).write_text("The demo empties this folder at its start.\n", encoding="utf-8")
    except OSError as error:
        raise DemoFailed(f"{data_dir} cannot be made: {error.strerror}. Choose another --data-dir.") from error


def write_restaurants(data_dir: Path, restaurants: Sequence[Restaurant]) -> Path:
    """A restaurants.toml of the demo's own, so that "ALL" means the restaurants that it loads."""
    rows = [
        f"[[tenants.{restaurant.tenant}.restaurants]]\nguid = {json.dumps(restaurant.guid)}\n"
        f"name = {json.dumps(restaurant.name)}\n"
        for restaurant in restaurants
    ]
    path = data_dir / "restaurants.toml"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def warehouse_client(url: str) -> bigquery.Client:
    """Google's own client, talking to the emulator."""
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return bigquery.Client(PROJECT, credentials, client_options={"api_endpoint": url})


def example_restaurants() -> list[Restaurant]:
    """The restaurants of the example restaurants.toml, which the simulator serves."""
    tenants = load_tenants(DEFAULT_RESTAURANTS_FILE)
    return [restaurant for tenant in tenants.values() for restaurant in tenant.restaurants]


# --- what is printed ----------------------------------------------------------------------------------


def _print_servers(stack: LocalStack, console: Console) -> None:
    console.print(
        f"  simulated Toast    {stack.simulator_url}  (its clock: {CLOCK:%Y-%m-%d %H:%M} UTC; Toast's limits)"
    )
    console.print(f"  emulated BigQuery  {stack.emulator_url}")
    for function in FUNCTIONS:
        console.print(f"  {function:<17}  {stack.function_url(function)}")


def print_report(report: Report, data_dir: Path, console: Console) -> None:
    """Say what was loaded, whether it equals the truth, how long it took, and how to look at it."""
    console.print()
    if report.facts and report.dimensions:
        console.print(_tables_table(report.facts, report.dimensions))
    steps = " · ".join(f"{name} {seconds:.1f} s" for name, seconds in report.steps.items())
    console.print(f"Time: {steps} · together {sum(report.steps.values()):.1f} s\n")
    _print_verdict(report, console)
    console.print(how_to_query(data_dir), markup=False, soft_wrap=True)


def _tables_table(facts: Comparison, dimensions: Comparison) -> Table:
    """A line per fact table, and one for all dimensions, or for each that differs."""
    table = Table(title="Warehouse against truth", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("table")
    for heading in ("rows", "sum of", ""):
        table.add_column(heading, justify="right")
    table.add_column("")
    for name, result in facts.tables.items():
        column = CONTROL_TOTALS.get(name, "")
        total = _amount(result.totals.get(column, Decimal(0))) if column else ""
        table.add_row(name, _amount(result.totals.get(ROWS, Decimal(0))), column, total, _verdict(result))
    rows = sum(result.totals[ROWS] for result in dimensions.tables.values())
    whole = TableResult(differences=dimensions.differences)
    table.add_row(f"{len(dimensions.tables)} dimensions", _amount(Decimal(rows)), "", "", _verdict(whole))
    for name, result in dimensions.tables.items():
        if result.differences:
            table.add_row(name, _amount(result.totals[ROWS]), "", "", _verdict(result))
    return table


def _verdict(result: TableResult) -> str:
    return f"[red]{len(result.differences):,} differ[/red]" if result.differences else "[green]equal[/green]"


def _amount(value: Decimal) -> str:
    cents = value.as_tuple().exponent != 0 and not isinstance(value.as_tuple().exponent, str)
    return f"{value:,.2f}" if cents else f"{value:,.0f}"


def _print_verdict(report: Report, console: Console) -> None:
    problems = report.problems
    if not problems and report.facts and report.dimensions:
        orders = report.facts.tables["fact_orders"].totals[ROWS]
        console.print(
            f"[bold green]Equal.[/bold green] {orders:,.0f} orders, {report.restaurants} restaurants × {report.days} "
            f"business dates × {len(report.facts.tables)} tables, and {len(report.dimensions.tables)} dimensions: all "
            f"{report.facts.cells + report.dimensions.cells:,} values compared are what Toast says, and the repeated "
            "call wrote nothing."
        )
        return
    console.print(f"[bold red]Not equal:[/bold red] {len(problems):,} problems.")
    for problem in problems[:DIFFERENCES_SHOWN]:
        console.print(f"  {problem}", markup=False, soft_wrap=True)
    if len(problems) > DIFFERENCES_SHOWN:
        console.print(f"  … and {len(problems) - DIFFERENCES_SHOWN:,} more")


EXAMPLE_QUERY = """\
SELECT business_date, COUNT(*) AS checks, SUM(amount) AS sales
FROM toast.fact_checks
WHERE business_date BETWEEN '{start}' AND '{end}' AND NOT is_voided AND NOT is_deleted
GROUP BY business_date
ORDER BY business_date"""

PYTHON_EXAMPLE = '''\
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

client = bigquery.Client("{project}", AnonymousCredentials(), client_options={{"api_endpoint": "{url}"}})
for row in client.query("""
{query}
""").result():
    print(row.business_date, row.checks, row.sales)
'''


def how_to_query(data_dir: Path, port: int = 9050) -> str:
    """How to open the tables again when the demo is over: with bq, and with Python."""
    python, folder = _short(Path(sys.executable)), _short(data_dir)
    url = f"http://127.0.0.1:{port}"
    return f"""
The tables lie in {folder}/bigquery, the servers' logs in {folder}/logs.
To query them, start the emulator on them once more:

{python} -m local_stack.emulator --port {port} --data-dir {folder}/bigquery

and, in another terminal, ask with Python:

{python} - <<'EOF'
{python_example(url)}EOF

or with Google's bq (no account is needed; bq wants a token, and the emulator looks at none):

{bq_example(url)}"""


# bq asks a server at another address for the description of its API, which the emulator does not have; the
# same description comes with bq.
BQ_EXAMPLE = """\
CLOUDSDK_AUTH_ACCESS_TOKEN=none bq --api {url} --project_id {project} \\
  --discovery_file "$(gcloud info --format='value(installation.sdk_root)')/platform/bq/discovery_next/bigquery.json" \\
  query --use_legacy_sql=false "{query}"
"""


def bq_example(url: str) -> str:
    """A shell command that queries the emulator at `url`."""
    return BQ_EXAMPLE.format(project=PROJECT, url=url, query=" ".join(example_query().split()))


def python_example(url: str) -> str:
    """A program that queries the emulator at `url`."""
    return PYTHON_EXAMPLE.format(project=PROJECT, url=url, query=example_query())


def example_query() -> str:
    """Sales by business date: what an analyst would ask first."""
    return EXAMPLE_QUERY.format(start=LAST_DATE - dt.timedelta(days=DAYS - 1), end=LAST_DATE)


def _short(path: Path) -> str:
    """The path as one would type it here."""
    path = Path(os.path.abspath(path))  # not resolve(): .venv/bin/python is a link and must stay one
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


# --- the command line ---------------------------------------------------------------------------------


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local_stack.demo",
        description="Load a week of simulated restaurants into an emulated BigQuery and compare it with the truth.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data-dir", type=Path, default=ROOT / ".data" / "demo", help="folder for tables and logs; emptied first"
    )
    parser.add_argument("--restaurants", type=_count, default=None, help="only the first so many restaurants (all)")
    parser.add_argument("--days", type=_days, default=DAYS, help=f"how many business dates, up to 31 ({DAYS})")
    parser.add_argument("--keep", action="store_true", help="leave the servers up until Ctrl-C")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)


def _days(text: str) -> int:
    if _count(text) > 31:
        raise argparse.ArgumentTypeError("one call takes at most 31 business dates")
    return int(text)


def leave(*_: Any) -> NoReturn:
    """SIGTERM leaves by the way of every exception, so that the servers end before the demo does."""
    sys.exit(128 + signal.SIGTERM)


def undisturbed(*_: object) -> None:
    """Let nobody interrupt the ending of the servers: the second Ctrl-C of an impatient user comes to nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
