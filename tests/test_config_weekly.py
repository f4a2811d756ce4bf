"""config_weekly as a whole: from a simulated Toast into an emulated BigQuery, over real sockets, and equal to truth.

The story of four weeks comes first; the tests after it go on where it ends, in order.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import functions
import pytest
import requests
from functions import (
    RESTAURANTS,
    WITHOUT_VIEWS,
    InProcess,
    Json,
    Reply,
    SimulatorControl,
    Tables,
    group_environment,
    in_process,
)
from watched_loads import is_mutating

from local_stack.dimension_truth import dimension_differences
from local_stack.processes import ServerProcess, function_process, simulator_process
from local_stack.truth import MISSING, ROWS, Difference
from shared.bigquery_utils import Warehouse
from shared.dimension_rows import LISTINGS, Listing, ListingKind
from shared.dimension_tables import DIMENSION_TABLES, DIMENSIONS
from shared.statements import Statement

if TYPE_CHECKING:
    from google.cloud import bigquery

BROOKLYN, PHOENIX = RESTAURANTS[0].guid, RESTAURANTS[4].guid
GROUP = [BROOKLYN, PHOENIX]
DATASET = "config_weekly"
WEEKS = [dt.datetime(2026, 1, 20, 18, tzinfo=dt.UTC) + dt.timedelta(weeks=number) for number in range(4)]
START = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MENU_TABLES = {DIMENSIONS[record].name for record in LISTINGS["menus"].records}


class Toast(SimulatorControl):
    """A simulated Toast whose configuration is edited and known."""

    def configure(self, restaurant: str, entity: str, guid: str, change: str, **options: str) -> None:
        self._edit(restaurant, change, entity=entity, guid=guid, **options)

    def menus(self, restaurant: str, change: str) -> None:
        self._edit(restaurant, change)

    def configured(self, restaurant: str, table: str, **query: str) -> list[Json]:
        """The entities that a dimension should have now."""
        query = {"restaurant_guid": restaurant, **query}
        return self._ask(requests.get, "truth/dimensions", params=query)["tables"][table]


@pytest.fixture(scope="module")
def toast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toast]:
    """One with Toast's own limits, whose pages are so small that listings have several."""
    options = {"seed": 7, "clock": WEEKS[0].isoformat(), "volume": 12, "guess_config_page": 20}
    with simulator_process(tmp_path_factory.mktemp("toast"), **options) as server:
        yield Toast(server.url)


@pytest.fixture(scope="module")
def environment(toast: Toast, emulator: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return group_environment(toast.url, emulator, tmp_path_factory.mktemp("group"), GROUP, DATASET)


@pytest.fixture(scope="module")
def config_weekly(environment: dict[str, str]) -> Iterator[InProcess]:
    with in_process(environment, "config_weekly") as function:
        yield function


@pytest.fixture(scope="module")
def tables(warehouse_client: bigquery.Client) -> Tables:
    return Tables(warehouse_client, DATASET)


@pytest.fixture(scope="module")
def servers(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """The function as two processes, as on Cloud Run, which log each statement that ended."""
    settings = environment | {"LOG_LEVEL": "DEBUG"}
    with ExitStack() as stack:
        one, other = (
            function_process("config_weekly", tmp_path_factory.mktemp("instance"), settings, source=WITHOUT_VIEWS)
            for _ in range(2)
        )
        for server in (one, other):
            server.start()
            stack.callback(server.stop)
        yield one.wait_until_ready(), other.wait_until_ready()


# --- what the warehouse holds ------------------------------------------------------------------------


def versions(tables: Tables, table: str, restaurant: str, guid: str | None = None) -> list[Json]:
    """The versions in a dimension of a restaurant, or of one of its entities, in order."""
    sql = f"SELECT * FROM {{dataset}}.{table} WHERE restaurant_guid = '{restaurant}'"
    sql += f" AND guid = '{guid}'" if guid else ""
    return tables.rows(f"{sql} ORDER BY guid, valid_from")


def filled(tables: Tables) -> list[str]:
    """The dimensions that have rows."""
    names = [table.name for table in DIMENSION_TABLES]
    return [name for name in names if any(tables.client.list_rows(f"local.{DATASET}.{name}", max_results=1))]


def assert_equals_truth(
    tables: Tables,
    toast: Toast,
    at: dt.datetime | None = None,
    restaurants: Sequence[str] = GROUP,
    but: frozenset[str] = frozenset(),
) -> None:
    """Every column of every entity is as it should be now, or was at a moment; some tables left out."""
    found = dimension_differences(tables.client, DATASET, toast.url, restaurants, at)
    assert found.tables.keys() == {table.name for table in DIMENSION_TABLES}
    early = known_since(tables, at, restaurants) if at else {}
    wrong = [one for one in found.differences if one.table not in but and not is_early(one, early)]
    assert wrong == [], "\n".join(str(difference) for difference in wrong[:20])


def known_since(tables: Tables, at: dt.datetime, restaurants: Sequence[str]) -> dict[str, set[str]]:
    """By dimension, the entities first seen after a moment: valid from 1970 on, they are there before their time."""
    sql = " UNION ALL ".join(
        f"SELECT '{table.name}' AS name, restaurant_guid, guid FROM {{dataset}}.{table.name} "
        f"WHERE valid_from = TIMESTAMP '{START}' AND _loaded_at > TIMESTAMP '{at}'"
        for table in DIMENSION_TABLES
    )
    found: dict[str, set[str]] = {}
    for row in tables.rows(sql):
        if row["restaurant_guid"] in restaurants:
            found.setdefault(row["name"], set()).add(row["guid"])
    return found


def is_early(difference: Difference, early: dict[str, set[str]]) -> bool:
    """Whether a difference is only that: an entity too many, or so many rows."""
    guids = early.get(difference.table, set())
    if difference.what == ROWS:
        return int(difference.warehouse) - int(difference.truth) == len(guids)
    return difference.truth == MISSING and difference.business_date in guids


def both(servers: Sequence[ServerProcess]) -> list[Reply]:
    """Call both processes at the same moment."""
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(functions.post, server.url, timeout=300) for server in servers]
        return [call.result() for call in calls]


def kill_amid_the_merges(server: ServerProcess) -> None:
    """Call the function and end its process, as kill -9 does, when some of its merges have ended."""
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(functions.post, server.url, timeout=300)
        while server.log().count("-merge-") < 3:
            assert not call.done(), call.result().text
            time.sleep(0.02)
        server.kill()
        assert call.exception() is not None


# --- four weeks --------------------------------------------------------------------------------------


class Story:
    """What was called and edited in four weeks, and when."""

    def __init__(self) -> None:
        self.filled_when_killed: list[str] = []
        self.replies: list[list[Reply]] = []
        self.moments: list[dt.datetime] = []
        self.requests: Json = {}
        self.renamed = self.archived = ""


@pytest.fixture(scope="module")
def story(
    toast: Toast, servers: tuple[ServerProcess, ServerProcess], config_weekly: InProcess, tables: Tables
) -> Story:
    """Four weekly runs.

    1. The first call is killed in the middle; then two processes are called at the same moment.
    2. A dining option has been renamed.
    3. A payout reason is archived, and the menus of one restaurant are not published.
    4. Both are back; again two processes are called at the same moment.
    """
    story = Story()

    def week_ended(*replies: Reply) -> None:
        story.replies.append([reply.succeeded() for reply in replies])
        story.moments.append(toast.now())

    kill_amid_the_merges(servers[0])
    story.filled_when_killed = filled(tables)
    servers[0].start().wait_until_ready()
    week_ended(*both(servers))

    toast.count_requests_anew()
    toast.clock(WEEKS[1])
    story.renamed = toast.configured(BROOKLYN, "dim_dining_options")[0]["guid"]
    story.archived = toast.configured(BROOKLYN, "dim_payout_reasons")[0]["guid"]
    toast.configure(BROOKLYN, "diningOptions", story.renamed, "rename", name="Al fresco")
    week_ended(config_weekly())

    toast.clock(WEEKS[2])
    toast.configure(BROOKLYN, "payoutReasons", story.archived, "archive")
    toast.menus(PHOENIX, "unpublish_menus")
    week_ended(config_weekly())
    story.requests = toast.requests_so_far()

    toast.clock(WEEKS[3])
    toast.configure(BROOKLYN, "payoutReasons", story.archived, "restore")
    toast.menus(PHOENIX, "publish_menus")
    week_ended(*both(servers))
    return story


def test_the_first_call_was_killed_in_the_middle(story: Story) -> None:
    assert 3 <= len(story.filled_when_killed) < len(DIMENSION_TABLES)


@pytest.mark.parametrize("week", [1, 2, 4])
def test_what_was_valid_after_each_run_is_what_was_configured_then(
    story: Story, toast: Toast, tables: Tables, week: int
) -> None:
    """Every column of every entity of both restaurants; also where two calls met, or one was killed before."""
    assert_equals_truth(tables, toast, story.moments[week - 1])


def test_what_is_current_in_the_end_is_what_is_configured_now(story: Story, toast: Toast, tables: Tables) -> None:
    assert_equals_truth(tables, toast)


def test_each_entity_has_one_version_at_a_time_and_none_without_need(story: Story, tables: Tables) -> None:
    changes = 0
    for table, restaurant in itertools.product(DIMENSION_TABLES, GROUP):
        for _, group in itertools.groupby(versions(tables, table.name, restaurant), lambda row: row["guid"]):
            rows = list(group)
            assert rows[0]["valid_from"] == START
            assert [row["is_current"] for row in rows] == [row["valid_to"] is None for row in rows]
            for one, other in itertools.pairwise(rows):
                changes += 1
                assert one["valid_to"] is not None, (table.name, one, other)
                assert one["valid_from"] < one["valid_to"] <= other["valid_from"]
                assert one["row_hash"] != other["row_hash"] or one["valid_to"] < other["valid_from"]
    assert changes > 50, "there is something to see"


def test_a_new_name_is_a_new_version_from_the_reading_on(story: Story, tables: Tables) -> None:
    old, new = [
        row
        for row in versions(tables, "dim_dining_options", BROOKLYN, story.renamed)
        if row["valid_from"] < story.moments[1]
    ]
    assert (old["valid_from"], new["name"]) == (START, "Al fresco")
    assert old["name"] != "Al fresco"
    assert WEEKS[1] <= old["valid_to"] == new["valid_from"] <= story.moments[1]


def test_what_is_archived_is_closed_and_what_is_restored_is_opened_again(story: Story, tables: Tables) -> None:
    """Week 3 is a gap, and the reply of that week counts what was closed."""
    rows = versions(tables, "dim_payout_reasons", BROOKLYN, story.archived)
    before = [row for row in rows if row["valid_from"] < WEEKS[2]][-1]
    after = next(row for row in rows if row["valid_from"] > WEEKS[2])
    assert WEEKS[2] <= before["valid_to"] <= story.moments[2]
    assert WEEKS[3] <= after["valid_from"] <= story.moments[3]
    assert story.replies[2][0].restaurants[BROOKLYN]["tables"]["dim_payout_reasons"]["closed"] >= 1


def test_while_no_menus_are_published_their_rows_stay_and_the_reply_says_so(
    story: Story, toast: Toast, tables: Tables
) -> None:
    """Everything else is loaded; what the menus' dimensions hold is as a week before."""
    reply = story.replies[2][0].restaurants
    assert "no menus are published" in json.dumps(reply[PHOENIX])
    assert "no menus are published" not in json.dumps(reply[BROOKLYN])
    assert_equals_truth(tables, toast, story.moments[2], [BROOKLYN])
    assert_equals_truth(tables, toast, story.moments[2], [PHOENIX], but=frozenset(MENU_TABLES))
    for name in MENU_TABLES:
        rows = versions(tables, name, PHOENIX)
        changed = [moment for row in rows for moment in (row["valid_from"], row["valid_to"]) if moment]
        assert not [moment for moment in changed if WEEKS[2] <= moment < WEEKS[3]]
        assert [row for row in rows if row["valid_from"] < WEEKS[2] and (row["valid_to"] or WEEKS[3]) > WEEKS[2]]


def test_the_replies_and_the_ledger_tell_what_was_read_and_written(story: Story, toast: Toast, tables: Tables) -> None:
    for reply in itertools.chain.from_iterable(story.replies):
        ledger = tables.rows(f"SELECT * FROM {{dataset}}.etl_runs WHERE run_id = '{reply.body['run_id']}'")
        assert {row["restaurant_guid"] for row in ledger} == set(GROUP) == set(reply.restaurants)
        for row in ledger:
            entry = reply.restaurants[row["restaurant_guid"]]
            assert (row["function"], row["status"], row["mode"], row["error"]) == (DATASET, "success", None, None)
            assert (row["requests"], row["pages"]) == (entry["requests"], entry["pages"])
            assert entry["tables"].keys() == {table.name for table in DIMENSION_TABLES}
            for what in ("extracted", "inserted", "updated"):
                assert row[what] == sum(counts[what] for counts in entry["tables"].values())
    for counts in (entry["tables"] for reply in story.replies[0] for entry in reply.restaurants.values()):
        assert counts["dim_restaurants"]["extracted"] == 1
        assert counts["dim_employees"]["extracted"] > 20


def test_toasts_limits_are_kept(story: Story) -> None:
    """By one process; two at once share the limits without knowing of each other."""
    assert story.requests["rejected_429"] == 0
    assert story.requests["total"] > 2 * len(GROUP) * 25, "two readings of some 25 listings of each restaurant"


def test_nothing_is_left_of_the_calls_that_ended(story: Story, tables: Tables) -> None:
    """Only the staging table of the call that was killed waits to expire, if it had one already."""
    assert len(tables.staging_tables()) <= 1


# --- one call more, at the end of the fourth week -----------------------------------------------------


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[Statement]:
    """What is run during a test."""
    seen: list[Statement] = []
    run = Warehouse.run

    def spy(self: Warehouse, statement: Statement, job: str) -> Any:
        seen.append(statement)
        return run(self, statement, job)

    monkeypatch.setattr(Warehouse, "run", spy)
    return seen


@pytest.fixture(autouse=True)
def _faults_end(toast: Toast) -> Iterator[None]:
    yield
    toast.no_faults()


def test_the_same_call_again_writes_nothing_and_reads_no_menus(
    story: Story, config_weekly: InProcess, toast: Toast, statements: list[Statement]
) -> None:
    """Whether the menus are new is told by their metadata."""
    toast.count_requests_anew()
    reply = config_weekly().succeeded()
    assert (reply.count("inserted"), reply.count("updated")) == (0, 0)
    assert reply.count("unchanged") == reply.count("extracted") > 500
    assert [one.sql for one in statements if is_mutating(one) and "dim_" in one.sql] == []
    asked = toast.requests_so_far()["by_path"]
    assert asked["/menus/v2/metadata"] == len(GROUP)
    assert "/menus/v2/menus" not in asked


def test_what_toast_forbids_is_named_with_its_scope_and_everything_else_is_loaded(
    story: Story, config_weekly: InProcess, toast: Toast, tables: Tables
) -> None:
    """One restaurant lacks one endpoint, the other two; what changed elsewhere in both is loaded."""
    toast.fault("forbidden", path="/labor/v1/employees", restaurant_guid=BROOKLYN, rate=1.0)
    for path in ("/labor/v1/jobs", "/config/v2/tables"):
        toast.fault("forbidden", path=path, restaurant_guid=PHOENIX, rate=1.0)
    for guid in GROUP:
        option = toast.configured(guid, "dim_dining_options")[-1]["guid"]
        toast.configure(guid, "diningOptions", option, "rename", name="By the window")
    reply = config_weekly()
    assert (reply.status, reply.body["status"]) == (200, "partial")
    said = {guid: entry["error"] for guid, entry in reply.restaurants.items()}
    assert all(words in said[BROOKLYN] for words in ("employees", "labor.employees:read"))
    assert all(words in said[PHOENIX] for words in ("jobs", "labor:read", "config tables", "config:read"))
    assert "labor.employees:read" not in said[PHOENIX]
    for entry in reply.restaurants.values():
        assert entry["status"] == "partial"
        assert entry["tables"]["dim_dining_options"]["updated"] == 1
    assert_equals_truth(tables, toast)  # what was forbidden has not changed meanwhile, and was not closed


def test_a_restaurant_that_toast_forbids_altogether_keeps_no_other_from_being_loaded(
    story: Story, config_weekly: InProcess, toast: Toast, tables: Tables
) -> None:
    toast.fault("forbidden", restaurant_guid=PHOENIX, rate=1.0)
    reply = config_weekly()
    assert (reply.status, reply.body["status"]) == (200, "partial")
    assert {guid: entry["status"] for guid, entry in reply.restaurants.items()} == {
        BROOKLYN: "success",
        PHOENIX: "failed",
    }
    assert_equals_truth(tables, toast)


def test_what_is_published_between_two_pages_is_listed_as_a_whole(
    story: Story, config_weekly: InProcess, toast: Toast, tables: Tables
) -> None:
    toast.fault("publish_while_paging", path="/config/v2/tables", restaurant_guid=BROOKLYN, times=2)
    reply = config_weekly(restaurant_guid=BROOKLYN).succeeded()
    assert toast.struck() == 2
    assert reply.only["tables"]["dim_tables"]["extracted"] == len(toast.configured(BROOKLYN, "dim_tables"))
    assert reply.only["tables"]["dim_tables"].get("closed", 0) == 0
    assert len([row for row in versions(tables, "dim_tables", BROOKLYN) if row["is_current"]]) == len(
        toast.configured(BROOKLYN, "dim_tables")
    )


def test_an_entity_that_cannot_be_read_is_kept_aside_and_closes_nothing_of_its_listing(
    story: Story, config_weekly: InProcess, toast: Toast, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is really gone stays, until the whole listing can be read; what is new or changed is loaded."""
    unread, gone, changed = (entity["guid"] for entity in toast.configured(BROOKLYN, "dim_void_reasons")[:3])
    toast.configure(BROOKLYN, "voidReasons", gone, "archive")
    toast.configure(BROOKLYN, "voidReasons", changed, "rename", name="Spilt")
    decode = ListingKind.decode

    def decode_spoilt(kind: ListingKind, body: bytes, **options: Any) -> Listing:
        objects = json.loads(body)
        if kind.name == "voidReasons":
            for one in objects:
                one["name"] = 5 if one["guid"] == unread else one["name"]
        return decode(kind, json.dumps(objects).encode(), **options)

    def is_current(guid: str) -> list[bool]:
        return [row["is_current"] for row in versions(tables, "dim_void_reasons", BROOKLYN, guid)]

    with monkeypatch.context() as patch:
        patch.setattr(ListingKind, "decode", decode_spoilt)
        reply = config_weekly(restaurant_guid=BROOKLYN).succeeded()
    assert reply.only["rejects"] == 1
    assert reply.only["tables"]["dim_void_reasons"]["updated"] == 1
    (reject,) = tables.rows(f"SELECT * FROM {{dataset}}.etl_rejects WHERE run_id = '{reply.body['run_id']}'")
    assert (reject["source"], reject["restaurant_guid"], reject["object_guid"]) == ("config", BROOKLYN, unread)
    assert "name" in reject["reason"]
    assert is_current(unread)[-1] is is_current(gone)[-1] is True
    assert versions(tables, "dim_void_reasons", BROOKLYN, changed)[-1]["name"] == "Spilt"

    mended = config_weekly(restaurant_guid=BROOKLYN).succeeded()
    assert (mended.only["rejects"], mended.only["tables"]["dim_void_reasons"]["closed"]) == (0, 1)
    assert is_current(gone)[-1] is False
    assert_equals_truth(tables, toast, restaurants=[BROOKLYN])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"start_date": "2026-02-16", "end_date": "2026-02-22"}, "start_date"),
        ({"mode": "modified"}, "mode"),
        ({"mode": "business_date"}, "mode"),
    ],
)
def test_dates_and_modes_are_refused(config_weekly: InProcess, body: Json, field: str) -> None:
    problem = config_weekly(**body).is_problem(400)
    assert field in json.dumps(problem)


def test_employees_contacts_are_loaded_only_for_a_tenant_that_asks_for_them(
    story: Story, environment: dict[str, str], toast: Toast, tables: Tables, tmp_path: Path
) -> None:
    held = versions(tables, "dim_employees", BROOKLYN)
    assert {(row["email"], row["phone_number"]) for row in held} == {(None, None)}
    group = Path(environment["RESTAURANTS_FILE"]).read_text(encoding="utf-8")
    file = tmp_path / "restaurants.toml"
    file.write_text(f"[tenants.purpose]\nemployee_contacts = true\n{group}", encoding="utf-8")
    with in_process(environment | {"RESTAURANTS_FILE": str(file)}, "config_weekly") as function:
        function(restaurant_guid=BROOKLYN).succeeded()
    rows = [row for row in versions(tables, "dim_employees", BROOKLYN) if row["is_current"]]
    known = toast.configured(BROOKLYN, "dim_employees", contacts="true")
    assert {(row["guid"], row["email"], row["phone_number"]) for row in rows} == {
        (one["guid"], one["email"], one["phone_number"]) for one in known
    }
    assert len([one for one in known if one["email"]]) > 20
