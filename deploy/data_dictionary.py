"""Write docs/data-dictionary.md from the definitions of tables and views, or say that it is out of date.

python -m deploy.data_dictionary           write it
python -m deploy.data_dictionary --check   exit code 1 if it is not what the definitions say
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from shared.cash_tables import CASH_TABLES
from shared.dimension_tables import DIMENSION_TABLES
from shared.labor_tables import LABOR_TABLES
from shared.order_tables import ORDER_TABLES
from shared.run_tables import RUN_TABLES
from shared.schema import ALL_TABLES, VIEWS
from shared.tables import Column, Loaded, Table, columns_of
from shared.views import CURRENT_VIEWS, HISTORY_VIEWS, View

PAGE = Path(__file__).resolve().parent.parent / "docs" / "data-dictionary.md"
COMMAND = "python -m deploy.data_dictionary"


def _register_first(tables: Sequence[Table]) -> tuple[Table, ...]:
    """Loads write the register of orders, or of time entries, last; a reader looks for it first."""
    return (tables[-1], *tables[:-1])


SECTIONS: tuple[tuple[str, str, tuple[Table, ...]], ...] = (
    ("Orders", "Every row carries its order's version, `order_modified_at`.", _register_first(ORDER_TABLES)),
    ("Cash", "A business date is replaced as a whole where it differs.", CASH_TABLES),
    ("Labor", "Every row carries its time entry's version, `entry_modified_at`.", _register_first(LABOR_TABLES)),
    ("What was loaded", "Written after the data that they speak of.", RUN_TABLES),
    ("Configuration", "One row per version of an entity: what it was, and from when until when.", DIMENSION_TABLES),
)

INTRODUCTION = f"""\
# Data dictionary

Every table and view of the dataset, and what each column means. This page is written by
`{COMMAND}` from the definitions in `shared/`, as BigQuery's own descriptions are; do not edit it.

- Money and quantities are NUMERIC, exact to the cent; money is in the restaurant's currency.
- Times are TIMESTAMP in UTC. A column that ends with `_local` is a DATETIME on the restaurant's own clock.
- `business_date` is Toast's: it begins at the restaurant's closeout hour, local time.
- A column that ends with `_guid` holds the `guid` of the table that it is named for, or Toast's own.
- A required column is never NULL.
"""


def page() -> str:
    """The whole page."""
    unseen = set(ALL_TABLES) - {table for _, _, tables in SECTIONS for table in tables}
    if unseen:
        raise ValueError(f"in no section: {', '.join(table.name for table in unseen)}")
    return "\n".join([INTRODUCTION, *_contents(), *_stamps(), *_sections(), *_views()]).rstrip() + "\n"


def _contents() -> Iterator[str]:
    yield "## Contents\n"
    yield "| | |\n|---|---|"
    for title, _, tables in SECTIONS:
        yield _row(title, ", ".join(f"[{table.name}](#{table.name})" for table in tables))
    repeated = {*CURRENT_VIEWS, *HISTORY_VIEWS}
    views = [f"[{view.name}](#{view.name})" for view in VIEWS if view not in repeated]
    yield _row("Views", ", ".join([*views, "[current_…](#current_)", "[history_…](#history_)"]))
    yield ""


def _stamps() -> Iterator[str]:
    yield "## In every table of Toast's data\n"
    yield "All tables but those of [what was loaded](#what-was-loaded) end with these columns.\n"
    yield from _columns(columns_of(Loaded))


def _sections() -> Iterator[str]:
    for title, introduction, tables in SECTIONS:
        yield f"## {title}\n\n{introduction}\n"
        for table in tables:
            yield f"### {table.name}\n\n{table.description}\n"
            yield f"{_facts(table)}\n"
            yield from _columns(table.data_columns)


def _facts(table: Table) -> str:
    facts = [f"Key: {_names(table.key)}."]
    if table.partition_by is not None:
        needed = "; a query has to filter on it" if table.requires_filter else ""
        facts.append(f"Partitioned by `{table.partition_by}`{needed}.")
    facts.append(f"Clustered by {_names(table.cluster_by)}.")
    return " ".join(facts)


def _views() -> Iterator[str]:
    yield "## Views\n"
    yield "What a view passes through from a table is described there; here is what it adds, and where it comes from.\n"
    for view in VIEWS:
        if view in CURRENT_VIEWS or view in HISTORY_VIEWS:
            continue
        base = _base_of(view)
        passed = {column.name for column in base.columns} if base else set()
        own = [column for column in view.columns if column.name not in passed]
        yield f"### {view.name}\n\n{view.description} Made by [sql/{view.file}](../sql/{view.file}).\n"
        if base:
            yield f"All columns of [{base.name}](#{base.name}), and:\n"
        yield from _columns(own, required=False)
    yield from _repeated("current_", CURRENT_VIEWS, "but `valid_to` and `is_current`")
    yield from _repeated("history_", HISTORY_VIEWS, "and `valid_until`, until when to go by a version")


def _repeated(prefix: str, views: Sequence[View], difference: str) -> Iterator[str]:
    """Views that there are one of for each dimension."""
    file = views[0].file
    yield f"### {prefix}\n"
    yield f"One for each dimension, with its columns {difference}. Made by [sql/{file}](../sql/{file}).\n"
    yield ", ".join(f"`{view.name}`" for view in views) + "\n"


def _base_of(view: View) -> Table | None:
    """The table whose every column the view passes through, if there is one."""
    names = {column.name for column in view.columns}
    bases = [table for table in ALL_TABLES if {column.name for column in table.columns} <= names]
    return max(bases, key=lambda table: len(table.columns), default=None)


def _columns(columns: Iterable[Column], *, required: bool = True) -> Iterator[str]:
    yield "| column | type | meaning |\n|---|---|---|"
    for column in columns:
        kind = f"{column.type}, required" if required and column.mode == "REQUIRED" else column.type
        yield _row(f"`{column.name}`", kind, column.description)
    yield ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
        print(f"{PAGE.name}: {len(ALL_TABLES)} tables, {len(VIEWS)} views")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"docs/{PAGE.name} is not what the definitions say: run {COMMAND}")


if __name__ == "__main__":
    _main()
