"""Gate 0, before anything is loaded: settings, credentials, restaurants, scopes, tables, and one day as a trial."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from history.units import Location
from quality.context import Context
from quality.findings import Finding, Found, Skipped
from shared.bigquery_utils import Held
from shared.concurrency import side_by_side
from shared.errors import ConfigurationError, EtlError, ToastError, ToastRefused
from shared.schema import ALL_TABLES
from shared.tables import Table
from shared.toast_client import RestaurantInfo, Usage
from shared.toast_endpoints import (
    CASH_DEPOSITS,
    CASH_ENTRIES,
    EMPLOYEES,
    JOBS,
    MENUS_METADATA,
    ORDERS_BULK,
    TIME_ENTRIES,
    Endpoint,
    config_endpoint,
)

_AT_ONCE = 8
_TABLES = {table.name: table for table in ALL_TABLES}


# --- Toast -------------------------------------------------------------------------------------------


def credentials(context: Context) -> Found:
    """Log in to Toast, or use the token that is there."""
    if context.toast is None:
        raise Skipped("Toast is not asked here")
    try:
        now = context.toast().now()
    except ConfigurationError as error:
        return Found(
            [Finding(what=str(error), mend="Set what is missing, then: python backfill_all.py verify --gate 0")]
        )
    except ToastError as error:
        return Found([Finding(what=str(error), mend=_CHECK_CREDENTIALS.format(tenant=context.tenant.name))])
    return Found(notes=[f"Toast's clock says {now:%Y-%m-%d %H:%M:%S} UTC."])


_CHECK_CREDENTIALS = (
    "Check TOAST_API_HOST and the credentials of tenant {tenant} (TOAST_CLIENT_ID and TOAST_CLIENT_SECRET, or the "
    "secrets of these names), then: python backfill_all.py verify --gate 0"
)


def restaurants_reachable(context: Context) -> Found:
    """Ask Toast about each restaurant."""
    found = Found()
    for location, answer in _told(context).items():
        if isinstance(answer, EtlError):
            found.findings.append(_finding(location, str(answer), _mend_refusal(answer, location)))
    return found


def restaurants_as_configured(context: Context) -> Found:
    """Compare restaurants.toml with what Toast says of the restaurants."""
    found = Found()
    for location, info in _told(context).items():
        if isinstance(info, RestaurantInfo):
            for key, ours, theirs in _disagreements(location, info):
                what = f"restaurants.toml has {key} {ours}, Toast says {theirs}: business dates would be cut elsewhere."
                found.findings.append(
                    _finding(
                        location,
                        what,
                        f"Remove {key} of {location.restaurant.guid}, or set it to {theirs}, in restaurants.toml.",
                    )
                )
            first, theirs = location.restaurant.first_business_date, info.first_business_date
            if first and theirs and first > theirs:
                found.notes.append(f"{location.restaurant.name}: its history at Toast begins {theirs}; {first} is set.")
    return found


def _disagreements(location: Location, info: RestaurantInfo) -> Iterator[tuple[str, object, object]]:
    restaurant = location.restaurant
    if restaurant.timezone is not None and restaurant.timezone != info.timezone:
        yield "timezone", restaurant.timezone, info.timezone
    if restaurant.closeout_hour is not None and restaurant.closeout_hour != info.closeout_hour:
        yield "closeout_hour", restaurant.closeout_hour, info.closeout_hour


def _told(context: Context) -> Mapping[Location, RestaurantInfo | EtlError]:
    """What Toast says of each restaurant, asked once."""
    if context.toast is None:
        raise Skipped("Toast is not asked here")
    kept: dict[Location, RestaurantInfo | EtlError] | None = vars(context).get("_told")
    if kept is None:
        toast = context.toast()

        def ask(location: Location) -> RestaurantInfo | EtlError:
            try:
                return toast.restaurant(location.restaurant.guid, usage=Usage())
            except EtlError as error:
                return error

        answers = side_by_side(ask, context.restaurants, _AT_ONCE)
        kept = vars(context)["_told"] = dict(zip(context.restaurants, answers, strict=True))
    return kept


class Probe(NamedTuple):
    """A request that shows whether an API may be read: as small as it can be."""

    endpoint: Endpoint
    params: Mapping[str, str] = {}


def scopes(context: Context) -> Found:
    """Read a little of each API, of the first restaurant that can be reached."""
    reachable = [location for location, answer in _told(context).items() if isinstance(answer, RestaurantInfo)]
    if context.toast is None or not reachable:
        raise Skipped("no restaurant can be reached")
    toast, location = context.toast(), reachable[0]
    found = Found(notes=[f"Tried on {location.restaurant.name}."])
    for probe in _probes(context, location):
        try:
            toast.reply(probe.endpoint, location.restaurant.guid, probe.params, decode=lambda body: None, usage=Usage())
        except ToastRefused as refusal:
            if refusal.status != 404:  # nothing published yet
                found.findings.append(_finding(location, str(refusal), _mend_scope(probe.endpoint, context)))
        except ToastError as error:
            found.findings.append(_finding(location, str(error), "python backfill_all.py verify --gate 0"))
    return found


def _probes(context: Context, location: Location) -> Iterator[Probe]:
    date = location.last_final(context.now)
    day = {"businessDate": date.isoformat().replace("-", "")}
    if "orders" in context.sources:
        yield Probe(ORDERS_BULK, day | {"pageSize": "1", "page": "1"})
    if "cash" in context.sources:
        yield Probe(CASH_ENTRIES, day)
        yield Probe(CASH_DEPOSITS, day)
    if "labor" in context.sources:
        yield Probe(TIME_ENTRIES, day)
    yield from (Probe(EMPLOYEES), Probe(JOBS), Probe(MENUS_METADATA), Probe(config_endpoint("revenueCenters")))


def _mend_scope(endpoint: Endpoint, context: Context) -> str:
    return (
        f"Ask Toast to give the credentials of tenant {context.tenant.name} the scope {endpoint.scope}, then: "
        "python backfill_all.py verify --gate 0"
    )


def _mend_refusal(error: EtlError, location: Location) -> str:
    guid = location.restaurant.guid
    if isinstance(error, ToastRefused) and error.status == 404:
        return f"Correct the GUID {guid} in restaurants.toml, or remove the restaurant."
    if isinstance(error, ToastRefused):
        return (
            f"Ask Toast to connect the credentials to restaurant {guid}, then: python backfill_all.py verify --gate 0"
        )
    return f"python backfill_all.py verify --gate 0 --restaurants {guid}"


def _finding(location: Location, what: str, mend: str) -> Finding:
    return Finding(
        what=what,
        mend=mend,
        restaurant_guid=location.restaurant.guid,
        restaurant_name=location.restaurant.name,
    )


# --- BigQuery ----------------------------------------------------------------------------------------


def tables_as_defined(context: Context) -> Found:
    """Create what is missing of the dataset and its tables, as the first load would, and look at what is there."""
    context.warehouse.ensure(ALL_TABLES)
    held = context.warehouse.describe(ALL_TABLES)
    emulated = context.settings.emulator_host is not None
    found = Found(notes=["The emulator does not enforce partition filters."] if emulated else [])
    for name, one in held.items():
        for what, mend in _unlike(context.warehouse.dataset, _TABLES[name], one, emulated=emulated):
            found.findings.append(Finding(what=what, mend=mend, table=name))
    return found


def _unlike(dataset: str, table: Table, held: Held | None, *, emulated: bool) -> Iterator[tuple[str, str]]:
    """What of a table is not as it is defined, and what mends it."""
    name = f"{dataset}.{table.name}"
    if held is None:
        yield "The table is not there, and could not be created.", "python backfill_all.py verify --gate 0"
        return
    types = {column: kind for column, kind, _ in held.columns}
    for column in table.columns:
        kind = types.get(column.name)
        if kind is None:
            yield (
                f"Column {column.name} {column.type} is not there.",
                _sql(f"ALTER TABLE `{name}` ADD COLUMN {column.name} {column.type}"),
            )
        elif kind != column.type:
            yield (
                f"Column {column.name} is {kind}, and should be {column.type}.",
                _sql(f"ALTER TABLE `{name}` RENAME TO {table.name}_before") + f", then load it again: {_AFRESH}",
            )
    if held.partition_by != table.partition_by:
        yield (
            f"It is partitioned by {held.partition_by or 'nothing'}, not by {table.partition_by or 'nothing'}.",
            _sql(f"ALTER TABLE `{name}` RENAME TO {table.name}_before") + f", then load it again: {_AFRESH}",
        )
    if held.cluster_by != table.cluster_by:
        told = ", ".join(held.cluster_by) or "nothing"
        yield (
            f"It is clustered by {told}, and should be by {', '.join(table.cluster_by)}.",
            f"bq update --clustering_fields={','.join(table.cluster_by)} {name.replace('.', ':', 1)}",
        )
    if not emulated and held.requires_filter != table.requires_filter:
        wanted = str(table.requires_filter).lower()
        yield (
            f"It {'demands no' if table.requires_filter else 'demands a'} partition filter.",
            _sql(f"ALTER TABLE `{name}` SET OPTIONS (require_partition_filter = {wanted})"),
        )


_AFRESH = "python backfill_all.py run --missing --again"


def _sql(statement: str) -> str:
    return f"bq query --use_legacy_sql=false '{statement}'"


# --- all of it ---------------------------------------------------------------------------------------


def trial(context: Context) -> Found:
    """Load one business date of one restaurant through each function."""
    if context.trial is None:
        raise Skipped("nobody here can call the functions")
    location, date = _trial_day(context)
    found = Found(notes=[f"{location.restaurant.name}, {date}."])
    for source in context.sources:
        if (error := context.trial(source, location, date)) is not None:
            found.findings.append(
                Finding(
                    what=f"The call failed: {error}",
                    mend=f"python backfill_all.py run --dates {date} --restaurants {location.restaurant.guid} "
                    f"--functions {source}",
                    restaurant_guid=location.restaurant.guid,
                    restaurant_name=location.restaurant.name,
                    start_date=date,
                    end_date=date,
                    functions=(source,),
                )
            )
    return found


def _trial_day(context: Context) -> tuple[Location, dt.date]:
    """The newest date to be verified of the first restaurant that has one."""
    spans = ((location, context.span_of(location)) for location in context.restaurants)
    days: Sequence[tuple[Location, dt.date]] = [(location, span.end) for location, span in spans if span]
    if not days:
        raise Skipped("none of the dates asked for is over")
    return days[0]
