"""A function as its callers see it: through HTTP, in this process or as a server; and what it logs."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import functions_framework
import pytest
import requests
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from local_stack.processes import PRODUCT_VARIABLES, ROOT, function_environment
from local_stack.truth import differences
from shared import connections
from shared.cash_tables import CASH_TABLES
from shared.config import DEFAULT_RESTAURANTS_FILE, load_tenants
from shared.labor_tables import LABOR_TABLES
from shared.order_tables import ORDER_TABLES
from shared.run_tables import RUN_TABLES
from shared.tables import Table

PROBLEM = "application/problem+json"
# A source of functions for tests that look at no views: in the emulator it takes seconds to create them all.
WITHOUT_VIEWS = ROOT / "tests" / "without_views.py"
RESTAURANTS = list(next(iter(load_tenants(DEFAULT_RESTAURANTS_FILE).values())).restaurants)

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """A reply of a function, whichever way it came."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Json:
        return json.loads(self.text)

    @property
    def restaurants(self) -> dict[str, Json]:
        """What the reply says about each restaurant, by GUID."""
        return {entry["restaurant_guid"]: entry for entry in self.body["restaurants"]}

    @property
    def only(self) -> Json:
        """What it says about the one restaurant that was asked for."""
        (entry,) = self.body["restaurants"]
        return entry

    def count(self, what: str) -> int:
        """The sum of one counter over all restaurants and tables."""
        return sum(counts[what] for entry in self.body["restaurants"] for counts in entry["tables"].values())

    def succeeded(self) -> Reply:
        """Itself, after making sure that all went well."""
        assert (self.status, self.body.get("status")) == (200, "success"), self.text[:2000]
        return self

    def is_problem(self, status: int, *words: str) -> Json:
        """The problem details, after making sure that it is a whole one, which says these words."""
        assert self.status == status, self.text[:2000]
        assert self.headers["Content-Type"] == PROBLEM
        problem = self.body
        assert problem.keys() >= {"type", "title", "status", "detail", "run_id"}
        assert problem["status"] == status
        assert problem["title"]
        assert re.fullmatch(r"[a-z]+_(daily|weekly|summary)-[0-9a-f]{32}", problem["run_id"])
        assert "Retry-After" in self.headers if status == 503 else "Retry-After" not in self.headers
        missing = [word for word in words if word not in problem["detail"]]
        assert not missing, f"{missing} not in {problem['detail']!r}"
        assert not re.search(r"Traceback|File \"", self.text), self.text
        return problem


class InProcess:
    """The function in this process, behind functions-framework's own WSGI application."""

    def __init__(self, target: str) -> None:
        self.client = functions_framework.create_app(target, str(ROOT / "main.py")).test_client()

    def request(self, method: str = "POST", path: str = "/", **options: Any) -> Reply:
        response = self.client.open(path, method=method, **options)
        return Reply(response.status_code, response.headers, response.get_data(as_text=True))

    def __call__(self, **body: Any) -> Reply:
        """POST a JSON object with these fields; dates are written as ISO dates."""
        return self.request(data=to_json(body))


def post(url: str, *, timeout: float = 120.0, **body: Any) -> Reply:
    """Call a function that another process serves."""
    response = requests.post(url, data=to_json(body), timeout=timeout)
    return Reply(response.status_code, response.headers, response.text)


def post_at_once(urls: Sequence[str], bodies: Sequence[Json]) -> list[Reply]:
    """Send all of these bodies at the same moment, to the functions in turn; their replies, in the order of the bodies.

    Two processes that serve one function are two instances of it, as on Cloud Run.
    """
    with ThreadPoolExecutor(len(bodies)) as pool:
        calls = [pool.submit(post, url, **body) for url, body in zip(itertools.cycle(urls), bodies, strict=False)]
        return [call.result() for call in calls]


def to_json(body: Json) -> str:
    return json.dumps(body, default=str)


@contextmanager
def in_process(
    environment: Mapping[str, str], target: str = "orders_daily", *, with_views: bool = False
) -> Iterator[InProcess]:
    """The function under these settings and no others; connections of other settings are forgotten.

    Only a test that looks at views asks for them: in the emulator it takes seconds to create them all.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not with_views:
            patch.setattr("shared.calls.VIEWS", ())
        for name in PRODUCT_VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        forget_connections()
        try:
            yield InProcess(target)
        finally:
            forget_connections()


def forget_connections() -> None:
    connections.toast_client.cache_clear()
    connections.warehouse.cache_clear()


def restaurants_file(path: Path, guids: Sequence[str], more: str = "") -> Path:
    """A restaurants.toml with these of the example restaurants, and ``more`` lines for each."""
    names = {restaurant.guid: restaurant.name for restaurant in RESTAURANTS}
    rows = [f'[[tenants.purpose.restaurants]]\nguid = "{guid}"\nname = "{names[guid]}"\n{more}\n' for guid in guids]
    path.write_text("".join(rows), encoding="utf-8")
    return path


def group_environment(toast: str, emulator: str, folder: Path, guids: Sequence[str], dataset: str) -> dict[str, str]:
    """The settings of a function for a tenant of these restaurants, whose tables are in ``dataset``."""
    file = restaurants_file(folder / f"{dataset}.toml", guids)
    return {**function_environment(toast, emulator), "BQ_DATASET": dataset, "RESTAURANTS_FILE": str(file)}


def log_lines(text: str) -> list[Json]:
    """The lines of a log, each of which must be a JSON object that names its run."""
    lines = [json.loads(line) for line in text.split("\n") if line]  # splitlines() also splits at U+2028
    for line in lines:
        assert line.keys() >= {"severity", "message", "time", "run_id"}, line
    return lines


class Tables:
    """What a test asks of a dataset; ``facts`` are the tables that its function fills."""

    def __init__(self, client: bigquery.Client, dataset: str, facts: Sequence[Table] = ORDER_TABLES) -> None:
        self.client = client
        self.dataset = dataset
        self.facts = facts

    def rows(self, sql: str) -> list[Json]:
        """The rows of a query, in which {dataset} stands for the dataset."""
        return [dict(row) for row in self.client.query(sql.format(dataset=self.dataset)).result()]

    def count(self, table: str, condition: str = "TRUE") -> int:
        """How many rows a table has; none as long as it does not exist."""
        sql = f"SELECT COUNT(*) AS n FROM {{dataset}}.{table} WHERE {SOME_DATE[table]} AND {condition}"
        try:
            return int(self.rows(sql)[0]["n"])
        except NotFound:
            return 0

    def duplicates(self) -> dict[str, int]:
        """How many rows have a key that another one has, by fact table."""
        sql = " UNION ALL ".join(
            f"SELECT '{table.name}' AS name, COUNT(*) - COUNT(DISTINCT CONCAT({', '.join(table.key)})) AS n "
            f"FROM {{dataset}}.{table.name} WHERE {SOME_DATE[table.name]}"
            for table in self.facts
        )
        return {row["name"]: row["n"] for row in self.rows(sql) if row["n"]}

    def staging_tables(self) -> list[str]:
        names = [table.table_id for table in self.client.list_tables(self.dataset)]
        return [name for name in names if name.startswith("staging")]

    def equal_truth(self, toast: str, restaurants: Sequence[str], start: object, end: object) -> None:
        """Make sure that all fact tables hold what they should, to the cent, and nothing twice."""
        first, last = (dt.date.fromisoformat(str(date)) for date in (start, end))
        names = {table.name for table in self.facts}
        found = differences(self.client, self.dataset, toast, restaurants, first, last, tables=names)
        assert found.tables.keys() == names
        assert found.equal, "\n".join(str(difference) for difference in found.differences[:20])
        assert self.duplicates() == {}


SOME_DATE = {
    table.name: f"{table.partition_by} >= '2000-01-01'"
    for table in (*ORDER_TABLES, *CASH_TABLES, *LABOR_TABLES, *RUN_TABLES)
}


class SimulatorControl:
    """What a test does to a simulated Toast."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _ask(self, method: Callable[..., requests.Response], what: str, **options: Any) -> Json:
        response = method(f"{self.url}/_simulator/{what}", timeout=60, **options)
        assert response.ok, response.text
        return response.json()

    def fault(self, kind: str, **options: Any) -> None:
        self._ask(requests.post, "faults", json={"kind": kind, **options})

    def struck(self) -> int:
        """How often the faults that are set have struck."""
        return sum(fault["struck"] for fault in self._ask(requests.get, "faults")["faults"])

    def no_faults(self) -> None:
        self._ask(requests.delete, "faults")

    def edit(self, restaurant: str, order: str, change: str, **options: Any) -> None:
        self._edit(restaurant, change, order_guid=order, **options)

    def edit_time_entry(self, restaurant: str, entry: str, change: str, **options: Any) -> None:
        self._edit(restaurant, change, time_entry_guid=entry, **options)

    def add_cash(self, restaurant: str, date: dt.date, change: str) -> None:
        """Add to the cash of a business date: ``add_cash_entry`` or ``add_deposit``."""
        self._edit(restaurant, change, business_date=date)

    def _edit(self, restaurant: str, change: str, **what: Any) -> None:
        body = {"restaurant_guid": restaurant, "change": change, **what}
        self._ask(requests.post, "edits", data=to_json(body))

    def clock(self, now: object) -> None:
        """Set Toast's clock to a moment: a datetime, or its text."""
        moment = now.isoformat() if isinstance(now, dt.datetime) else now
        self._ask(requests.post, "clock", json={"now": moment})

    def now(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self._ask(requests.get, "clock")["now"])

    def requests_so_far(self) -> Json:
        return self._ask(requests.get, "requests")

    def count_requests_anew(self) -> None:
        self._ask(requests.delete, "requests")

    def keys(self, restaurant: str, date: object, table: str = "fact_orders") -> list[list[Any]]:
        """[order_guid, own guid or null, modifiedDate] of each row that there should be."""
        query = {"restaurant_guid": restaurant, "start_date": str(date), "end_date": str(date), "keys": "true"}
        (day,) = self._ask(requests.get, "truth", params=query)["days"]
        return day["tables"][table]["keys"]
