"""The queries of sql/queries/: what is covered, what failed, how backfills go, which days look odd.

python -m backfill.queries             which there are
python -m backfill.queries coverage    the answer of one
"""

from __future__ import annotations

import datetime as dt
import sys
import uuid
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from backfill import messages
from backfill.options import place_of, place_options
from backfill.places import chosen, opened
from backfill.targets import TargetFailed
from shared.config import Settings
from shared.errors import EtlError
from shared.statements import Statement

FOLDER = Path(__file__).resolve().parent.parent / "sql" / "queries"
NAMES: tuple[str, ...] = tuple(sorted(path.stem for path in FOLDER.glob("*.sql")))
_MOST_LINES = 40


def query(name: str, dataset: str) -> Statement:
    """One of the queries, for a dataset ("project.dataset")."""
    return Statement(_text(name).replace("{dataset}", dataset).strip().rstrip(";"))


def about(name: str) -> str:
    """What a query tells, in a sentence: the first lines of its comment."""
    comment = _text(name).split("\n--\n")[0].split("\nWITH ")[0].split("\nSELECT")[0]
    words = " ".join(line.removeprefix("--").strip() for line in comment.splitlines())
    return words.partition(": ")[2]


def _text(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")


_EXAMPLES = """
Examples:

\b
  python -m backfill.queries
  python -m backfill.queries coverage
  python -m backfill.queries failures --json
"""


@click.command(epilog=_EXAMPLES)
@click.argument("name", type=click.Choice(NAMES), required=False)
@click.option("--tenant", metavar="NAME", help="Tenant of restaurants.toml, where there are several.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@place_options
def main(name: str | None, tenant: str | None, as_json: bool, **where: Any) -> None:
    """Ask one of the queries of sql/queries/, or list them."""
    # What is not read on a terminal may be as wide as it likes.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    if name is None:
        for one in NAMES:
            console.print(f"[bold]{one}[/bold]: {about(one)}")
        return
    messages.configure()
    try:
        settings = Settings.from_environment()
        which, _ = chosen(settings, tenant, ())
        with opened(place_of(**where), which, settings, ()) as place:
            if place.warehouse is None:
                raise click.ClickException("nothing is loaded here: there is no warehouse to ask.")
            statement = query(name, place.warehouse.dataset)
            rows = place.warehouse.run(statement, f"query-{name}-{uuid.uuid4().hex}").rows
    except (EtlError, TargetFailed) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2))
    else:
        print_rows(rows, console)


def print_rows(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """Rows as a table; GUIDs only in the JSON, where names stand beside them. Errors, which are long, stand below."""
    if not rows:
        console.print("Nothing.")
        return
    hidden = {"error"} | ({"restaurant_guid"} if "restaurant_name" in rows[0] else set())
    columns = [name for name in rows[0] if name not in hidden]
    errors = [row.get("error") for row in rows[:_MOST_LINES]]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    if any(errors):
        table.add_column("#", justify="right")
    for column in columns:
        is_number = all(isinstance(row[column], int | float | Decimal | None) for row in rows)
        justify: Literal["right", "left"] = "right" if is_number else "left"
        table.add_column(column.replace("_", " "), justify=justify, no_wrap=column.endswith("_id"), overflow="fold")
    for number, row in enumerate(rows[:_MOST_LINES], 1):
        table.add_row(*([str(number)] if any(errors) else []), *(_shown(row[column]) for column in columns))
    console.print(table)
    for number, error in enumerate(errors, 1):
        if error:
            console.print(f"#{number}: {error}", soft_wrap=True, markup=False)
    if len(rows) > _MOST_LINES:
        console.print(f"… and {len(rows) - _MOST_LINES:,} more: --json has them all.")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else f"{value}"


if __name__ == "__main__":
    main()
