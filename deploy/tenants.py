"""What deploy_all.sh has to know of restaurants.toml: a line for each tenant, its parts separated by tabs.

    python -m deploy.tenants --time-zone America/New_York --dataset toast
    purpose  toast  TOAST_CLIENT_ID  TOAST_CLIENT_SECRET  TOAST_TOKEN  13  07:15

The parts: tenant, dataset, the secrets of client id, client secret and token, how many restaurants, and when the
closing run may begin. What a person should know besides goes to standard error.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from shared.config import DEFAULT_RESTAURANTS_FILE, Restaurant, Tenant, load_tenants
from shared.date_utils import NIGHTLY_CLOSE
from shared.errors import ConfigurationError

# Toast's default, for a restaurant whose closeout hour restaurants.toml leaves to be asked from Toast.
CLOSEOUT_HOUR = 4
# Calls ask for what changed until a minute ago, and jobs may start late; so the closing run begins a little later
# than a day can be final.
MARGIN = dt.timedelta(minutes=15)
_QUARTER = dt.timedelta(minutes=15)
# One day of winter and one of summer, in either hemisphere: between them lies every difference of two time zones.
_SEASONS = (dt.date(2026, 1, 15), dt.date(2026, 7, 15))


def closing_time(tenant: Tenant, timezone: str) -> dt.time:
    """The local time in ``timezone`` from which on every restaurant's yesterday is final, all year round.

    A restaurant without a time zone in restaurants.toml counts as one in ``timezone``.
    """
    zone = ZoneInfo(timezone)
    latest = max(
        _final_after_midnight(restaurant, zone, date) for restaurant in tenant.restaurants for date in _SEASONS
    )
    quarters = math.ceil((latest + MARGIN) / _QUARTER)
    return (dt.datetime.min + quarters * _QUARTER % dt.timedelta(days=1)).time()


def _final_after_midnight(restaurant: Restaurant, zone: ZoneInfo, date: dt.date) -> dt.timedelta:
    """How long after midnight of ``date`` in ``zone`` the restaurant's business date before it is final."""
    hour = CLOSEOUT_HOUR if restaurant.closeout_hour is None else restaurant.closeout_hour
    own_zone = ZoneInfo(restaurant.timezone) if restaurant.timezone else zone
    closed = dt.datetime.combine(date, dt.time(hour), own_zone).astimezone(dt.UTC)
    midnight = dt.datetime.combine(date, dt.time.min, zone).astimezone(dt.UTC)
    return closed + NIGHTLY_CLOSE - midnight


def check_names(tenants: Mapping[str, Tenant]) -> None:
    """Refuse names that Google would refuse later, in the middle of a deployment. Raises ConfigurationError."""
    for tenant in tenants.values():
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tenant.name):
            raise ConfigurationError(
                f"tenants.{tenant.name}: schedules are named after the tenant; use letters, digits, '-' and '_'."
            )
        for key in ("client_id_secret", "client_secret_secret", "token_secret"):
            secret = getattr(tenant, key)
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", secret):
                raise ConfigurationError(
                    f"tenants.{tenant.name}.{key}: {secret!r} cannot be a secret's name; "
                    "use letters, digits, '-' and '_'."
                )


def check_apart(tenants: Mapping[str, Tenant], dataset: str, others: Mapping[str, Tenant], others_dataset: str) -> None:
    """Refuse two environments that write one dataset. Raises ConfigurationError."""
    taken = {tenant.dataset or others_dataset for tenant in others.values()}
    for tenant in tenants.values():
        if (tenant.dataset or dataset) in taken:
            raise ConfigurationError(
                f"staging would write the dataset {tenant.dataset or dataset!r}, which is production's. Write a "
                f"restaurants.staging.toml in which tenants.{tenant.name}.dataset is another, "
                f"'{tenant.dataset or dataset}_staging' for instance."
            )


def lines(tenants: Mapping[str, Tenant], dataset: str, timezone: str) -> list[str]:
    """A line for each tenant, as described above."""
    return [
        "\t".join(
            (
                tenant.name,
                tenant.dataset or dataset,
                tenant.client_id_secret,
                tenant.client_secret_secret,
                tenant.token_secret,
                str(len(tenant.restaurants)),
                f"{closing_time(tenant, timezone):%H:%M}",
            )
        )
        for tenant in tenants.values()
    ]


def notes(tenants: Mapping[str, Tenant], timezone: str) -> list[str]:
    """What of the closing run rests on a guess."""
    unknown = [r for tenant in tenants.values() for r in tenant.restaurants if r.timezone is None]
    if not unknown:
        return []
    total = sum(len(tenant.restaurants) for tenant in tenants.values())
    return [
        f"restaurants.toml gives no timezone for {len(unknown)} of {total} restaurants. They are taken to be in "
        f"{timezone}; for one west of it the closing run would come too early. Give them their timezone, or set "
        "--closing-at."
    ]


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, default=DEFAULT_RESTAURANTS_FILE)
    parser.add_argument("--tenant", help="only this one")
    parser.add_argument("--dataset", required=True, help="dataset of a tenant that names none")
    parser.add_argument("--time-zone", required=True, help="IANA time zone of the schedules")
    parser.add_argument("--apart-from", type=Path, help="restaurants.toml of the environment that must not be touched")
    parser.add_argument("--apart-from-dataset", default="toast")
    options = parser.parse_args()
    try:
        if options.time_zone not in available_timezones():
            raise ConfigurationError(
                f"--time-zone {options.time_zone!r} is no IANA time zone; give one such as America/New_York."
            )
        tenants = load_tenants(options.file)
        if options.tenant is not None and options.tenant not in tenants:
            raise ConfigurationError(
                f"--tenant {options.tenant!r} is not in {options.file.name}; it has {', '.join(tenants)}."
            )
        check_names(tenants)
        if options.apart_from:
            check_apart(tenants, options.dataset, load_tenants(options.apart_from), options.apart_from_dataset)
    except ConfigurationError as error:
        sys.exit(str(error))
    if options.tenant is not None:
        tenants = {options.tenant: tenants[options.tenant]}
    for note in notes(tenants, options.time_zone):
        print(note, file=sys.stderr)
    print("\n".join(lines(tenants, options.dataset, options.time_zone)))


if __name__ == "__main__":
    _main()
