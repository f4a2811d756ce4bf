"""Doing what `detect` found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from backfill.detect import Detected
from backfill.restaurants_file import add_restaurants
from shared.toast_partners import ListedRestaurant


def applied(
    found: Detected, file: Path, load: Callable[[Sequence[str]], int], console: Console, *, deployed: bool
) -> int:
    """Add what is new to restaurants.toml, and load what is missing; the exit code: 0 when nothing is left to do.

    ``deployed`` functions do not know a new restaurant before they are deployed again, so it is not loaded yet.
    Raises ConfigurationError when the file cannot be changed, and what ``load`` raises.
    """
    new = [one.guid for one in found.new]
    if found.new:
        add_restaurants(file, found.tenant, [ListedRestaurant(guid=one.guid, name=one.name) for one in found.new])
        count = "1 restaurant" if len(new) == 1 else f"{len(new):,} restaurants"
        console.print(f"\nAdded {count} to {file}.", soft_wrap=True, highlight=False, markup=False)
    loadable = [one.guid for one in found.new if one.first_business_date and not deployed]
    guids = [*found.fillable, *loadable]
    outcome = load(guids) if guids else 0
    if deployed and found.new:
        console.print("\nDeploy the functions again, so that they know the new restaurants; then load them:")
        for one in found.new:
            console.print(f"  {one.run}", soft_wrap=True, highlight=False, markup=False)
    missing = {*new, *(one.guid for one in found.without_history), *(one.guid for one in found.gaps)}
    left = found.problem or found.gone or missing.difference(guids)
    return outcome or (1 if left else 0)
