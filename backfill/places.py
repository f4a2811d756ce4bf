"""Where a command works: the settings that reach Toast and the warehouse, and who calls the functions."""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import requests

from backfill.targets import Caller
from backfill.targets.http import HttpCaller
from backfill.targets.local import has_tables, local_place
from shared import bigquery_utils
from shared.bigquery_utils import Warehouse
from shared.config import Restaurant, Settings, Tenant, load_tenants, restaurants_for
from shared.errors import InvalidRequest, UnknownTarget

if TYPE_CHECKING:
    from backfill.targets.tasks import TaskQueue

TargetName = Literal["local", "http", "tasks"]


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line tells of the place to work at."""

    target: TargetName = "local"
    data_dir: Path
    function_urls: Mapping[str, str] | str = {}
    queue: str | None = None
    invoker: str | None = None
    tasks_emulator: str | None = None
    simulator_options: Mapping[str, object] = {}
    words: str = ""
    """The options as they were typed, for the commands that are told to type next."""


class Place(msgspec.Struct, frozen=True):
    """What a command works with. ``warehouse`` is None where none is set up, ``caller`` where none is asked for."""

    settings: Settings
    warehouse: Warehouse | None
    caller: Caller | None
    queue: TaskQueue | None = None
    """Where the calls are put instead, with --target tasks."""
    words: str = ""
    """The options that lead here, for the commands that are told to type next."""


@contextlib.contextmanager
def opened(
    where: Where, tenant: Tenant, settings: Settings, functions: Sequence[str], *, with_toast: bool = False
) -> Iterator[Place]:
    """Go to the place, with these functions ready to be called; a local stack ends with the block.

    Without functions, and unless it is ``with_toast``, nothing is started on this machine that has nothing to tell.
    Raises TargetFailed, or ConfigurationError where a setting is missing.
    """
    if where.target == "local" and not functions and not with_toast and not has_tables(where.data_dir):
        yield Place(settings, None, None, words=where.words)
        return
    if where.target == "local":
        with local_place(where.data_dir, settings, functions, simulator_options=where.simulator_options) as local:
            inner = Settings.from_environment(local.environment)
            yield Place(inner, bigquery_utils.connect(inner, tenant.dataset), local.caller, words=where.words)
        return
    warehouse = bigquery_utils.connect(settings, tenant.dataset) if settings.project else None
    caller = HttpCaller(where.function_urls)
    if where.target != "tasks" or where.queue is None:
        yield Place(settings, warehouse, caller, words=where.words)
        return
    from backfill.targets.tasks import TaskQueue  # the client takes its time to import

    scope = f"{settings.project} {tenant.dataset or settings.dataset} {tenant.name}"
    queue = TaskQueue(where.queue, urls=caller, invoker=where.invoker, scope=scope, emulator=where.tasks_emulator)
    with contextlib.closing(queue):
        yield Place(settings, warehouse, caller, queue, words=where.words)


def chosen(settings: Settings, tenant: str | None, words: Sequence[str]) -> tuple[Tenant, list[Restaurant]]:
    """The tenant and the restaurants that are meant, by GUID or name: all of the tenant's, if none is named.

    Raises ConfigurationError, UnknownTarget or InvalidRequest with what to correct.
    """
    tenants = load_tenants(settings.restaurants_file)
    found: dict[str, Restaurant] = {}
    for guid in _guids(words, tenants) or ["ALL"]:
        found |= {restaurant.guid: restaurant for restaurant in restaurants_for(tenants, guid, tenant)}
    names = {restaurant.tenant for restaurant in found.values()}
    if len(names) > 1:
        raise InvalidRequest({"restaurants": f"they belong to {', '.join(sorted(names))}; name those of one tenant"})
    return tenants[names.pop()], list(found.values())


def _guids(words: Sequence[str], tenants: Mapping[str, Tenant]) -> list[str]:
    """The restaurants that words name; a name that several have stands for all of them."""
    restaurants = [restaurant for tenant in tenants.values() for restaurant in tenant.restaurants]
    guids: list[str] = []
    for word in words:
        named = [one.guid for one in restaurants if word.casefold() in (one.guid, one.name.casefold())]
        if not named:
            raise UnknownTarget(
                f"--restaurants: {word!r} is neither GUID nor name of a restaurant in restaurants.toml."
            )
        guids += named
    return guids


def toast_now(settings: Settings) -> dt.datetime:
    """What time it is for Toast (UTC), so that a simulated clock moves everything; else this machine's clock."""
    try:
        reply = requests.head(settings.toast_api_host, timeout=5)
        return email.utils.parsedate_to_datetime(reply.headers["Date"]).astimezone(dt.UTC)
    except (requests.RequestException, KeyError, ValueError):
        return dt.datetime.now(dt.UTC)
