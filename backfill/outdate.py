"""Has business dates read again from scratch: marks what the warehouse holds of them as older than anything.

    python -m backfill.outdate --dates 2026-02-03 --restaurants GUID --functions orders

A load leaves out an order whose version the warehouse holds, so rows that are wrong in themselves stay wrong however
often their day is read. Here these rows get a version from 1970. The next reading of the day finds a newer one of
every order, and replaces all rows of it. Nothing is removed here: until then the rows can be queried as before, and
the day shows as provisional, which ``run --missing`` makes good.

Not while a load of these days is at work: what it writes in between could lose its rows, until the day is read again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import click
from rich.console import Console

from backfill import messages
from backfill.options import Date, ManyValued, guids_of, place_of, place_options, restaurants_option, sources_option
from backfill.places import chosen, opened
from backfill.targets import TargetFailed
from history.units import Source
from quality import mending
from shared.bigquery_utils import Warehouse
from shared.config import Settings
from shared.errors import EtlError
from shared.families import Family
from shared.labor_tables import LABOR
from shared.order_tables import ORDERS
from shared.run_tables import BUSINESS_DAYS
from shared.statements import Parameter, Statement, date_list
from shared.tables import Table

REASON = "to_be_read_again"
FAMILIES: dict[str, Family] = {"orders": ORDERS, "labor": LABOR}


def outdate(warehouse: Warehouse, source: Source, guids: Collection[str], dates: Collection[dt.date]) -> dict[str, int]:
    """Mark what is held of business dates as outdated; how many rows of each table. Raises WarehouseError.

    Cash has no versions: a reading replaces what differs in any case.
    """
    run = f"outdate-{uuid.uuid4().hex}"
    return {
        name: warehouse.run(statement, f"{run}-{name}").changed
        for name, statement in _statements(warehouse.dataset, source, guids, dates)
    }


def _statements(
    dataset: str, source: Source, guids: Collection[str], dates: Collection[dt.date]
) -> Iterator[tuple[str, Statement]]:
    """The day first, so that it is read again also if this is broken off; the register before its children."""
    yield BUSINESS_DAYS.name, forget_that_complete(dataset, source, guids, dates)
    if source in FAMILIES:
        family = FAMILIES[source]
        for table in (family.register, *family.children.values()):
            yield table.name, make_old(dataset, family, table, guids, dates)


def forget_that_complete(dataset: str, source: Source, guids: Collection[str], dates: Collection[dt.date]) -> Statement:
    """Take back that some business dates were complete."""
    sql = f"""UPDATE `{dataset}.{BUSINESS_DAYS.name}`
SET complete = FALSE, status = 'provisional', reason = '{REASON}'
WHERE business_date IN UNNEST(@dates) AND restaurant_guid IN UNNEST(@restaurants) AND source = @source AND complete"""
    return Statement(sql, (*_of(guids, dates), Parameter("source", "STRING", source)))


def make_old(
    dataset: str, family: Family, table: Table, guids: Collection[str], dates: Collection[dt.date]
) -> Statement:
    """Give the rows of some business dates a version that is older than anything that Toast has."""
    sql = f"""UPDATE `{dataset}.{table.name}`
SET {family.version} = TIMESTAMP '1970-01-01 00:00:00+00'
WHERE business_date IN UNNEST(@dates) AND restaurant_guid IN UNNEST(@restaurants)"""
    return Statement(sql, _of(guids, dates))


def _of(guids: Collection[str], dates: Collection[dt.date]) -> tuple[Parameter, Parameter]:
    return date_list(set(dates)), Parameter("restaurants", "STRING", tuple(sorted(guids)))


_EXAMPLE = """
Example:

\b
  python -m backfill.outdate --dates 2026-02-03 --restaurants GUID --functions orders
"""


@click.command(cls=ManyValued, epilog=_EXAMPLE)
@click.option("--dates", type=Date(), multiple=True, required=True, help="The business dates.")
@sources_option
@restaurants_option
@place_options
def main(
    dates: Sequence[dt.date], sources: tuple[Source, ...], tenant: str | None, restaurants: str, **where: Any
) -> None:
    """Have business dates read again from scratch by the next run: all that is held of them counts as outdated."""
    messages.configure()
    console = Console(highlight=False)
    try:
        settings = Settings.from_environment()
        which, locations = chosen(settings, tenant, guids_of(restaurants))
        guids = [restaurant.guid for restaurant in locations]
        with opened(place_of(**where), which, settings, ()) as place:
            if place.warehouse is None:
                raise click.ClickException("nothing is loaded here: there is no warehouse to look at.")
            for source in sources:
                rows = outdate(place.warehouse, source, guids, dates)
                days, facts = rows.pop(BUSINESS_DAYS.name), sum(rows.values())
                console.print(
                    f"{source}: {days:,} complete days are to be read again, {facts:,} rows count as outdated."
                )
    except (EtlError, TargetFailed) as error:
        raise click.ClickException(str(error)) from error
    named = guids if guids_of(restaurants) else []
    command = mending.at(mending.load_again(dates, named, sources), place.words)
    console.print(f"Now read them: {command}", soft_wrap=True)


if __name__ == "__main__":
    main()
