"""Every SQL statement that the code can issue, held against Google's own analyser and the real schemas."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backfill_statements import backfill_cases
from quality_statements import quality_cases
from source_tables import tables_of_the_code

from main_cash import CASH_DAYS
from main_labor import LABOR_DAYS
from shared.business_calendar import order_facts
from shared.cash_tables import CASH_RECORDS, StagedCashDay
from shared.coverage import recent_watermarks, watermarks
from shared.day_history import day_history
from shared.day_statements import DayStatements
from shared.dimension_loading import StagedListing
from shared.dimension_statements import DimensionStatements, menus_held
from shared.dimension_tables import DIMENSIONS
from shared.families import Family
from shared.labor_tables import LABOR
from shared.live_backfills import live_backfills
from shared.order_tables import ORDERS
from shared.run_tables import RUN_TABLES
from shared.statements import Parameter, Statement, add_column, insert_values
from shared.summary_statements import (
    ReportedDay,
    restaurant_terms,
    summary_days,
    summary_rejects,
    summary_runs,
)
from shared.tables import Column, Row, Table, columns_of
from shared.version_statements import VersionStatements
from shared.views import VIEWS, View

if TYPE_CHECKING:
    from sql_analysis import Analyser

ROOT = Path(__file__).resolve().parent.parent
DATASET = "project.dataset"
DAY = dt.date(2026, 2, 21)
NOW = dt.datetime(2026, 2, 22, 12, tzinfo=dt.UTC)


TABLES = tables_of_the_code()
PARTITIONS = {f"{DATASET}.{table.name}": table.partition_by for table in TABLES if table.requires_filter}


FAMILIES = (ORDERS, LABOR)
# What may be staged: each staging table that a load creates, by the name that the cases give it.
STAGING: dict[str, type[Row]] = {
    **{f"staging_{family.register.name}": family.staged for family in FAMILIES},
    "staging_cash_days": StagedCashDay,
    "staging_listings": StagedListing,
}


def versions(family: Family) -> VersionStatements:
    return VersionStatements(
        family,
        dataset=DATASET,
        staging=f"staging_{family.register.name}",
        run_id="run",
        loaded_at=NOW,
        restaurants=["r"],
        units=["r/2026-02-21"],
        dates=[DAY],
    )


def cash_days() -> DayStatements:
    return DayStatements(
        CASH_RECORDS,
        dataset=DATASET,
        staging="staging_cash_days",
        run_id="run",
        restaurants=["r"],
        units=["r/2026-02-21"],
        dates=[DAY],
    )


def dimensions() -> DimensionStatements:
    return DimensionStatements(
        dataset=DATASET, staging="staging_listings", run_id="run", restaurants=["r"], units=["r/config tables"]
    )


def any_row(table: Table) -> Row:
    """A row of the table with some value in every column."""
    values = {"STRING": "x", "INT64": 1, "BOOL": True, "NUMERIC": 1, "TIMESTAMP": NOW, "DATE": DAY}
    return table.row(*(values[column.type] for column in table.data_columns))


REPORTED = [ReportedDay("r", DAY, DAY, NOW, NOW.date())]
_VERSIONS = "shared.version_statements.VersionStatements"
_DAYS = "shared.day_statements.DayStatements"
_DIMENSIONS = "shared.dimension_statements.DimensionStatements"

# What makes a statement, by module, class and name, and every form in which it does so.
CASES: dict[str, list[Statement]] = {
    "shared.business_calendar.entry_facts": [judge.facts(DATASET, ["r"], [DAY]) for judge in (CASH_DAYS, LABOR_DAYS)],
    "shared.business_calendar.order_facts": [order_facts(DATASET, ["r"], [DAY])],
    "shared.day_history.day_history": [day_history(DATASET, "orders", ["r"], [DAY])],
    "shared.coverage.recent_watermarks": [recent_watermarks(DATASET, "orders_daily", ["r"], DAY)],
    "shared.coverage.watermarks": [watermarks(DATASET, "orders_daily", "orders", ["r"])],
    f"{_DAYS}.compare": [cash_days().compare()],
    f"{_DAYS}.insert_days": [cash_days().insert_days(record, ["r/2026-02-21"]) for record in CASH_RECORDS],
    f"{_DAYS}.delete_replaced": [cash_days().delete_replaced(record) for record in CASH_RECORDS],
    f"{_DIMENSIONS}.survey": [dimensions().survey(records) for records in (["tables"], list(DIMENSIONS))],
    f"{_DIMENSIONS}.merge": [dimensions().merge(record) for record in DIMENSIONS],
    "shared.dimension_statements.menus_held": [menus_held(DATASET, ["r"], DAY)],
    f"{_VERSIONS}.moved_from": [versions(family).moved_from([DAY]) for family in FAMILIES],
    f"{_VERSIONS}.survey": [versions(family).survey() for family in FAMILIES],
    f"{_VERSIONS}.insert_rows": [
        versions(family).insert_rows(record) for family in FAMILIES for record in family.children
    ],
    f"{_VERSIONS}.insert_register": [versions(family).insert_register() for family in FAMILIES],
    f"{_VERSIONS}.check": [versions(family).check() for family in FAMILIES],
    f"{_VERSIONS}.delete_stale": [
        versions(family).delete_stale(table, {"run"}) for family in FAMILIES for table in family.delete_order
    ],
    f"{_VERSIONS}.delete_copies": [
        versions(family).delete_copies(table) for family in FAMILIES for table in family.delete_order
    ],
    "shared.views.View.create": [view.create(DATASET) for view in VIEWS],
    "shared.summary_statements.restaurant_terms": [restaurant_terms(DATASET, ["r"])],
    "shared.summary_statements.summary_days": [summary_days(DATASET, REPORTED)],
    "shared.summary_statements.summary_runs": [summary_runs(DATASET, REPORTED)],
    "shared.summary_statements.summary_rejects": [summary_rejects(DATASET, REPORTED)],
    "shared.live_backfills.live_backfills": [live_backfills(DATASET, NOW)],
    "shared.statements.add_column": [add_column(DATASET, table, table.columns[-1]) for table in RUN_TABLES],
    "shared.statements.insert_values": [insert_values(DATASET, table, [any_row(table)]) for table in RUN_TABLES],
    **quality_cases(DATASET, DAY),
    **backfill_cases(DATASET, NOW),
}

EACH_STATEMENT = pytest.mark.parametrize(
    "statement",
    [
        pytest.param(statement, id=f"{maker.split('.', 1)[1]}-{number}")
        for maker, statements in CASES.items()
        for number, statement in enumerate(statements, 1)
    ],
)


@pytest.fixture(scope="session")
def analyser() -> Analyser:
    """Google's analyser, loaded once, with the tables as the code defines them."""
    pytest.importorskip("zetasql.api", reason="ZetaSQL is not built for this platform", exc_type=ImportError)
    from sql_analysis import Analyser

    tables: dict[str, tuple[Column, ...]] = {f"{DATASET}.{table.name}": table.columns for table in TABLES}
    views = {f"{DATASET}.{view.name}": view.columns for view in VIEWS}
    return Analyser(tables | views | {f"{DATASET}.{name}": columns_of(row) for name, row in STAGING.items()})


# --- nothing is forgotten ----------------------------------------------------------------------------


def test_every_function_that_makes_a_statement_is_among_the_cases() -> None:
    """A new one has to be entered in CASES, and then the tests below hold it."""
    assert set(makers_of_statements(source_files())) == set(CASES)


def test_the_tables_are_found_by_themselves() -> None:
    expected = {"fact_orders", "fact_taxes", "fact_cash_deposits", "fact_labor_breaks", "business_days", "etl_rejects"}
    assert expected <= {table.name for table in TABLES}


def test_a_statement_is_made_nowhere_else() -> None:
    """A call of Statement(…) stands only in functions that say that they return one."""
    assert list(hidden_statements(source_files())) == []


def test_sql_reaches_bigquery_only_as_a_statement() -> None:
    """No module but the BigQuery layer calls the client's query()."""
    callers = [
        path.relative_to(ROOT).as_posix()
        for path in source_files()
        if re.search(r"\.(query|query_and_wait)\(", path.read_text(encoding="utf-8"))
    ]
    assert callers == ["shared/bigquery_utils.py"]


def test_the_search_finds_makers_and_hidden_statements(tmp_path: Path) -> None:
    """The two searches above see functions, methods, lists of statements, and what is hidden."""
    module = tmp_path / "module.py"
    module.write_text(
        "def one() -> Statement: return Statement('SELECT 1')\n"
        "def many() -> list[Statement]: return [one()]\n"
        "def _part() -> str: return ''\n"
        "class Things:\n"
        "    def of_a_thing(self) -> Statement: return one()\n"
        "    def _shared(self) -> Statement: return Statement('SELECT 2')\n"
        "    def load(self) -> None: run(Statement('SELECT 3'))\n"
        "ALWAYS = Statement('SELECT 4')\n",
        encoding="utf-8",
    )
    assert makers_of_statements([module], tmp_path) == ["module.one", "module.many", "module.Things.of_a_thing"]
    assert sorted(hidden_statements([module], tmp_path)) == ["module.py:7", "module.py:8"]


# --- what Google's analyser says ---------------------------------------------------------------------


@EACH_STATEMENT
def test_the_analyser_accepts_the_statement(analyser: Analyser, statement: Statement) -> None:
    """Syntax, names and types are right for the tables as they are created."""
    analyser.analyse(statement)


@EACH_STATEMENT
def test_the_statement_uses_each_parameter_that_it_is_given(analyser: Analyser, statement: Statement) -> None:
    """One that is used but not given, the analyser refuses."""
    from sql_analysis import parameters_of

    given = [parameter.name for parameter in statement.parameters]
    assert len(given) == len(set(given))
    assert set(given) == parameters_of(analyser.analyse(statement))


@EACH_STATEMENT
def test_the_statement_reads_only_named_partitions(analyser: Analyser, statement: Statement) -> None:
    """Each scan of a table that demands a partition filter has one that BigQuery can prune by.

    A view leaves the filter to the query that reads it; the tests of the views see that it gets through.
    """
    from sql_analysis import is_view, unfiltered_scans

    resolved = analyser.analyse(statement)
    assert is_view(resolved) or unfiltered_scans(resolved, PARTITIONS) == []


@EACH_STATEMENT
def test_values_are_parameters(statement: Statement) -> None:
    """What comes from outside never stands in the SQL itself."""
    assert "2026" not in statement.sql
    assert "'r'" not in statement.sql
    assert "'run'" not in statement.sql


# --- the views ---------------------------------------------------------------------------------------

EACH_VIEW = pytest.mark.parametrize("view", [pytest.param(view, id=view.name) for view in VIEWS])


@EACH_VIEW
def test_a_view_has_the_columns_that_are_described(analyser: Analyser, view: View) -> None:
    """In order, with their types: else BigQuery would refuse the descriptions."""
    from sql_analysis import bigquery_type

    resolved = analyser.analyse(view.create(DATASET))
    assert [(output.name, bigquery_type(output.column.type)) for output in resolved.output_column_list] == [
        (column.name, column.type) for column in view.columns
    ]


DATED_VIEWS = [view for view in VIEWS if any(column.name == "business_date" for column in view.columns)]


@pytest.mark.parametrize("view", [pytest.param(view, id=view.name) for view in DATED_VIEWS])
def test_a_filter_on_the_business_date_goes_through_the_view(analyser: Analyser, view: View) -> None:
    """As BigQuery puts the view in place of its name: below it no partitioned table is read as a whole."""
    from sql_analysis import unfiltered_scans

    _, body = re.split(r"^CREATE OR REPLACE VIEW \S+ AS$", view.create(DATASET).sql, flags=re.MULTILINE)
    query = f"SELECT * FROM ({body.strip().rstrip(';')}) WHERE business_date IN UNNEST(@dates)"
    resolved = analyser.analyse(Statement(query, (Parameter("dates", "DATE", (DAY,)),)))
    assert unfiltered_scans(resolved, PARTITIONS) == []


def test_a_view_reads_views_of_lower_layers_only() -> None:
    """They are created layer by layer."""
    layers = {view.name: view.layer for view in VIEWS}
    for view in VIEWS:
        _, body = re.split(r"^CREATE OR REPLACE VIEW \S+ AS$", view.sql, flags=re.MULTILINE)
        for name in layers.keys() & set(re.findall(r"`{dataset}\.(\w+)`", body)):
            assert layers[name] < view.layer, f"{view.name} reads {name}"


# --- the analyser finds what is wrong ----------------------------------------------------------------

ORDER_ROWS = f"`{DATASET}.fact_orders`"
CHECK_ROWS = f"`{DATASET}.fact_checks`"
DATES = Parameter("dates", "DATE", (DAY,))


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (f"SELECT order_gui FROM {ORDER_ROWS}", "Unrecognized name"),
        ("SELECT 1 FROM `project.dataset.fact_order`", "Table not found"),
        (f"SELECT 1 FROM {ORDER_ROWS} WHERE business_date = 'today'", "Could not cast"),
        (f"SELECT 1 FROM {ORDER_ROWS} WHERE order_guid IN UNNEST(@dates)", "No matching signature"),
        (f"SELECT 1 FROM {ORDER_ROWS} WHERE order_guid = @guid", "parameter 'guid' not found"),
        (f"INSERT INTO {ORDER_ROWS} (order_guid, check_count) SELECT 'x', 'y'", "type STRING"),
        (f"DELETE FROM {ORDER_ROWS}", "WHERE"),
    ],
)
def test_the_analyser_refuses_a_wrong_statement(analyser: Analyser, sql: str, words: str) -> None:
    from sql_analysis import SqlRejected

    with pytest.raises(SqlRejected, match=re.escape(words)):
        analyser.analyse(Statement(sql, (DATES,)))


FILTERED = [
    f"SELECT 1 FROM {ORDER_ROWS} WHERE business_date IN UNNEST(@dates)",
    f"SELECT 1 FROM {ORDER_ROWS} AS o WHERE is_voided AND (o.business_date = DATE '2026-02-21' AND order_guid = 'x')",
    f"SELECT 1 FROM {ORDER_ROWS} WHERE DATE '2026-02-21' = business_date",
    f"SELECT 1 FROM {ORDER_ROWS} WHERE business_date IN (DATE '2026-02-21', DATE '2026-02-22')",
    f"SELECT 1 FROM {ORDER_ROWS}"
    " WHERE business_date BETWEEN DATE '2026-02-20' AND DATE_ADD(DATE '2026-02-20', INTERVAL 1 DAY)",
    f"SELECT 1 FROM (SELECT * FROM {ORDER_ROWS}) WHERE business_date IN UNNEST(@dates)",
    f"SELECT 1 FROM {ORDER_ROWS} AS o JOIN {CHECK_ROWS} AS c"
    " ON o.order_guid = c.order_guid AND o.business_date IN UNNEST(@dates) WHERE c.business_date IN UNNEST(@dates)",
    f"SELECT 1 FROM {ORDER_ROWS} AS o LEFT JOIN {CHECK_ROWS} AS c ON c.business_date IN UNNEST(@dates)"
    " WHERE o.business_date IN UNNEST(@dates)",
    f"DELETE FROM {ORDER_ROWS} AS o WHERE o.business_date IN UNNEST(@dates) AND EXISTS"
    f" (SELECT 1 FROM {CHECK_ROWS} AS c WHERE c.business_date IN UNNEST(@dates) AND c.order_guid = o.order_guid)",
    f"UPDATE {ORDER_ROWS} SET is_voided = TRUE WHERE business_date IN UNNEST(@dates)",
    f"MERGE {ORDER_ROWS} AS o USING (SELECT 'x' AS guid) AS s"
    " ON o.order_guid = s.guid AND o.business_date IN UNNEST(@dates) WHEN MATCHED THEN DELETE",
    f"INSERT INTO {ORDER_ROWS} (order_guid) SELECT order_guid FROM {CHECK_ROWS} WHERE business_date IN UNNEST(@dates)",
    f"SELECT 1 FROM (SELECT * FROM {ORDER_ROWS}"
    " QUALIFY ROW_NUMBER() OVER (PARTITION BY order_guid, business_date ORDER BY order_modified_at) = 1)"
    " WHERE business_date IN UNNEST(@dates)",
]

UNFILTERED = {
    "no condition": (f"SELECT 1 FROM {ORDER_ROWS}", ["fact_orders"]),
    "another column": (f"SELECT 1 FROM {ORDER_ROWS} WHERE order_guid = 'x'", ["fact_orders"]),
    "only one branch of an OR": (
        f"SELECT 1 FROM {ORDER_ROWS} WHERE business_date IN UNNEST(@dates) OR is_voided",
        ["fact_orders"],
    ),
    "excluded instead of included": (
        f"SELECT 1 FROM {ORDER_ROWS} WHERE business_date NOT IN UNNEST(@dates)",
        ["fact_orders"],
    ),
    "an open range": (f"SELECT 1 FROM {ORDER_ROWS} WHERE business_date >= DATE '2026-02-21'", ["fact_orders"]),
    "a function of the partition column": (
        f"SELECT 1 FROM {ORDER_ROWS} WHERE DATE_ADD(business_date, INTERVAL 1 DAY) IN UNNEST(@dates)",
        ["fact_orders"],
    ),
    "a subquery's dates": (
        f"SELECT 1 FROM {ORDER_ROWS} WHERE business_date IN "
        f"(SELECT business_date FROM `{DATASET}.staging_fact_orders`)",
        ["fact_orders"],
    ),
    "the other table's date": (
        f"SELECT 1 FROM {ORDER_ROWS} AS o JOIN {CHECK_ROWS} AS c ON o.business_date = c.business_date"
        " WHERE c.business_date IN UNNEST(@dates)",
        ["fact_orders AS o"],
    ),
    "one scan of two": (
        f"SELECT 1 FROM {ORDER_ROWS} AS o WHERE o.business_date IN UNNEST(@dates)"
        f" AND EXISTS (SELECT 1 FROM {CHECK_ROWS} AS c WHERE c.order_guid = o.order_guid)",
        ["fact_checks AS c"],
    ),
    "the outer table's date in a subquery": (
        f"SELECT 1 FROM {ORDER_ROWS} AS o WHERE EXISTS (SELECT 1 FROM {CHECK_ROWS} AS c"
        " WHERE o.business_date IN UNNEST(@dates) AND c.business_date IN UNNEST(@dates))",
        ["fact_orders AS o"],
    ),
    "the kept side of a LEFT JOIN": (
        f"SELECT 1 FROM {ORDER_ROWS} AS o LEFT JOIN {CHECK_ROWS} AS c"
        " ON o.business_date IN UNNEST(@dates) AND c.business_date IN UNNEST(@dates)",
        ["fact_orders AS o"],
    ),
    "behind a WITH": (
        f"WITH o AS (SELECT * FROM {ORDER_ROWS}) SELECT 1 FROM o WHERE business_date IN UNNEST(@dates)",
        ["fact_orders"],
    ),
    "above a window function": (
        f"SELECT 1 FROM {ORDER_ROWS} WHERE TRUE"
        " QUALIFY business_date IN UNNEST(@dates) AND ROW_NUMBER() OVER (PARTITION BY order_guid) = 1",
        ["fact_orders"],
    ),
    "above two windows, one of which is not divided by the date": (
        f"SELECT 1 FROM (SELECT *, MAX(guest_count) OVER (PARTITION BY order_guid) AS guests FROM {ORDER_ROWS}"
        " QUALIFY ROW_NUMBER() OVER (PARTITION BY business_date, order_guid ORDER BY order_modified_at) = 1)"
        " WHERE business_date IN UNNEST(@dates)",
        ["fact_orders"],
    ),
    "one part of a UNION": (
        f"SELECT 1 FROM {ORDER_ROWS} WHERE business_date IN UNNEST(@dates) UNION ALL SELECT 2 FROM {CHECK_ROWS}",
        ["fact_checks"],
    ),
    "the target of a DELETE": (
        f"DELETE FROM {ORDER_ROWS} AS o WHERE EXISTS"
        f" (SELECT 1 FROM {CHECK_ROWS} AS c WHERE c.business_date IN UNNEST(@dates) AND c.order_guid = o.order_guid)",
        ["fact_orders AS o"],
    ),
    "the target of an UPDATE": (f"UPDATE {ORDER_ROWS} SET is_voided = TRUE WHERE order_guid = 'x'", ["fact_orders"]),
    "the target of a MERGE": (
        f"MERGE {ORDER_ROWS} AS o USING (SELECT 'x' AS guid) AS s ON o.order_guid = s.guid WHEN MATCHED THEN DELETE",
        ["fact_orders AS o"],
    ),
    "the source of an INSERT": (
        f"INSERT INTO {ORDER_ROWS} (order_guid) SELECT order_guid FROM {CHECK_ROWS}",
        ["fact_checks"],
    ),
}


@pytest.mark.parametrize("sql", FILTERED)
def test_the_filter_check_accepts_constants_on_the_partition_column(analyser: Analyser, sql: str) -> None:
    from sql_analysis import unfiltered_scans

    assert unfiltered_scans(analyser.analyse(Statement(sql, (DATES,))), PARTITIONS) == []


@pytest.mark.parametrize(("sql", "scans"), UNFILTERED.values(), ids=UNFILTERED)
def test_the_filter_check_finds_a_scan_of_all_history(analyser: Analyser, sql: str, scans: list[str]) -> None:
    """The check that holds the project's own statements sees what they must not do."""
    from sql_analysis import unfiltered_scans

    found = unfiltered_scans(analyser.analyse(Statement(sql, (DATES,))), PARTITIONS)
    assert found == [f"{DATASET}.{scan}" for scan in scans]


# --- the .sql files ----------------------------------------------------------------------------------


def test_the_analyser_accepts_every_sql_file(analyser: Analyser) -> None:
    """The views and queries in sql/; a file may use a view that another one creates."""
    assert problems_of_files(analyser, sorted((ROOT / "sql").rglob("*.sql"))) == {}


def test_the_file_check_knows_views_and_finds_what_is_wrong(analyser: Analyser, tmp_path: Path) -> None:
    files = {
        "a_uses_view.sql": "SELECT net FROM `{dataset}.daily` WHERE business_date = @day;",
        "b_view.sql": "-- A view.\nCREATE OR REPLACE VIEW `{dataset}.daily` AS\n"
        "SELECT business_date, net_sales AS net FROM `{dataset}.business_days`;\n",
        "c_wrong.sql": "SELECT 1;\nSELECT nothing FROM `{dataset}.business_days`;",
        "d_all_history.sql": "SELECT COUNT(*) FROM `{dataset}.fact_orders`;",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    problems = problems_of_files(analyser, sorted(tmp_path.glob("*.sql")))
    assert list(problems) == ["c_wrong.sql", "d_all_history.sql"]
    assert "nothing" in problems["c_wrong.sql"]
    assert "fact_orders" in problems["d_all_history.sql"]


def problems_of_files(analyser: Analyser, paths: list[Path]) -> dict[str, str]:
    """What is wrong with each file; files that need another's view are tried again after it."""
    from sql_analysis import SqlRejected, is_view, unfiltered_scans

    problems: dict[str, str] = {}
    waiting = paths
    while waiting:
        refused: dict[Path, str] = {}
        for path in waiting:
            script = path.read_text(encoding="utf-8").replace("{dataset}", DATASET).replace("{entity}", "jobs")
            try:
                resolved = analyser.analyse_script(script)
            except SqlRejected as error:
                refused[path] = str(error)
                continue
            # A view leaves the filter to the query that reads it.
            scans = [scan for one in resolved if not is_view(one) for scan in unfiltered_scans(one, PARTITIONS)]
            if scans:
                problems[path.name] = f"reads all of history: {', '.join(scans)}"
        if len(refused) == len(waiting):
            return {path.name: words for path, words in refused.items()} | problems
        waiting = list(refused)
    return problems


# --- reading the source ------------------------------------------------------------------------------


def source_files() -> list[Path]:
    """The modules that the product runs: shared/, the gates, the backfill and the entry points."""
    folders = (ROOT, ROOT / "shared", ROOT / "history", ROOT / "quality", ROOT / "backfill")
    return sorted(path for folder in folders for path in folder.glob("*.py"))


def makers_of_statements(paths: list[Path], root: Path = ROOT) -> list[str]:
    """The public functions and methods that return statements, as "module.Class.method"."""
    found = []
    for path in paths:
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        for names, function in _functions(ast.parse(path.read_text(encoding="utf-8"))):
            if _returns_statements(function) and not any(name.startswith("_") for name in names):
                found.append(".".join((module, *names)))
    return found


def hidden_statements(paths: list[Path], root: Path = ROOT) -> Iterator[str]:
    """Where Statement(…) is called outside of a function that returns one, as "file:line"."""
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        allowed = {
            id(node) for _, function in _functions(tree) if _returns_statements(function) for node in ast.walk(function)
        }
        for node in ast.walk(tree):
            is_made = isinstance(node, ast.Call) and ast.unparse(node.func) in ("Statement", "statements.Statement")
            if is_made and id(node) not in allowed:
                yield f"{path.relative_to(root).as_posix()}:{node.lineno}"


def _functions(tree: ast.AST, outer: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], ast.FunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield (*outer, node.name), node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, (*outer, node.name))


def _returns_statements(function: ast.FunctionDef) -> bool:
    return function.returns is not None and re.search(r"\bStatement\b", ast.unparse(function.returns)) is not None
