"""The command line: ``python -m toast_simulator``."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click

from shared.config import DEFAULT_RESTAURANTS_FILE, load_tenants
from shared.errors import ConfigurationError
from toast_simulator.app import App
from toast_simulator.clock import Clock
from toast_simulator.faults import Faults
from toast_simulator.guesses import Guesses
from toast_simulator.limits import RateLimits
from toast_simulator.server import serve
from toast_simulator.state import Simulator
from toast_simulator.tokens import Tokens
from toast_simulator.world.places import places_of
from toast_simulator.world.world import World

_EXAMPLES = """
Examples:

\b
  .venv/bin/python -m toast_simulator
  .venv/bin/python -m toast_simulator --port 0 --seed 7 --limits off
  .venv/bin/python -m toast_simulator --limit-scale 0.2 --latency-ms 80
  .venv/bin/python -m toast_simulator --clock 2026-03-09T09:00:00Z --volume 600
"""


@click.command(epilog=_EXAMPLES)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option("--seed", default=1, show_default=True, help="Which world; the same seed is the same world.")
@click.option(
    "--restaurants",
    default=DEFAULT_RESTAURANTS_FILE,
    type=click.Path(path_type=Path),
    envvar="RESTAURANTS_FILE",
    show_envvar=True,
    help="A restaurants.toml.",
)
@click.option(
    "--limits", type=click.Choice(["off", "documented"]), default="documented", show_default=True, help="Rate limits."
)
@click.option(
    "--limit-scale",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Slow all limits by this factor: 0.2 allows a fifth.",
)
@click.option("--latency-ms", default=0, show_default=True, type=click.IntRange(0), help="Delay of every API reply.")
@click.option("--volume", default=60, show_default=True, type=click.IntRange(1, 100_000), help="Orders a day.")
@click.option("--clock", "start", metavar="ISO", help="The simulated time at the start; else the machine's.")
@click.option("--client-id", default="simulator", show_default=True, help="Credential that logs in.")
@click.option("--client-secret", default="simulator", show_default=True, help="Its secret.")
@click.option("--token-lifetime", default=86_400, show_default=True, type=click.IntRange(1), help="Seconds.")
@click.option(
    "--guess-page-size",
    default=100,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Page size of ordersBulk without pageSize.",
)
@click.option(
    "--guess-large-page",
    type=click.Choice(["refuse", "clamp"]),
    default="refuse",
    show_default=True,
    help="pageSize over 100.",
)
@click.option(
    "--guess-long-window",
    type=click.Choice(["refuse", "accept"]),
    default="refuse",
    show_default=True,
    help="startDate to endDate over a month.",
)
@click.option(
    "--guess-labor-window",
    type=click.Choice(["refuse", "empty"]),
    default="refuse",
    show_default=True,
    help="Labor without a full selector, or over a month.",
)
@click.option(
    "--guess-next-on-full-page",
    type=click.Choice(["no", "yes"]),
    default="no",
    show_default=True,
    help="A next link on an exactly full last page.",
)
@click.option(
    "--guess-links",
    type=click.Choice(["yes", "no"]),
    default="yes",
    show_default=True,
    help="Whether there are Link headers.",
)
@click.option(
    "--guess-ordering",
    type=click.Choice(["modified", "opened", "guid"]),
    default="modified",
    show_default=True,
    help="What ordersBulk is sorted by.",
)
@click.option(
    "--guess-check-discounts",
    type=click.Choice(["shared", "apart"]),
    default="shared",
    show_default=True,
    help="Whether a check's discounts are in its selections' price.",
)
@click.option(
    "--guess-config-page",
    default=300,
    show_default=True,
    type=click.IntRange(1, 300),
    help="Largest page of the configuration API.",
)
@click.option(
    "--guess-header-status",
    default=400,
    show_default=True,
    type=click.IntRange(400, 499),
    help="Reply to no restaurant header.",
)
def main(
    *,
    host: str,
    port: int,
    seed: int,
    restaurants: Path,
    limits: str,
    limit_scale: float,
    latency_ms: int,
    volume: int,
    start: str | None,
    client_id: str,
    client_secret: str,
    token_lifetime: int,
    **guesses: Any,
) -> None:
    """Serve a simulated Toast API on this machine, with ground truth and faults under /_simulator/.

    The options that begin with --guess switch what Toast does not document.
    """
    chosen = Guesses(**{name.removeprefix("guess_"): value for name, value in guesses.items()})
    clock = Clock(_start(start))
    simulator = Simulator(
        world=_world(restaurants, seed, volume, chosen),
        clock=clock,
        guesses=chosen,
        limits=RateLimits(clock, limit_scale, enforced=limits == "documented"),
        tokens=Tokens(clock, client_id, client_secret, token_lifetime),
        faults=Faults(seed),
        latency=latency_ms / 1000,
    )
    try:
        serve(App(simulator), host, port)
    except OSError as problem:
        raise click.ClickException(f"cannot listen on {host}:{port}: {problem.strerror}") from problem


def _world(restaurants: Path, seed: int, volume: int, guesses: Guesses) -> World:
    try:
        tenants = load_tenants(restaurants)
    except ConfigurationError as problem:
        raise click.ClickException(str(problem)) from problem
    everywhere = {restaurant.guid: restaurant for tenant in tenants.values() for restaurant in tenant.restaurants}
    places = places_of(everywhere.values(), seed)
    return World(places, seed, volume, shares_in_price=guesses.check_discounts == "shared")


def _start(text: str | None) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text) if text else None
    except ValueError:
        raise click.BadParameter(f"{text!r} is not an ISO 8601 time", param_hint="--clock") from None
