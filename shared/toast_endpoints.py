"""The Toast endpoints that this project reads, with their published limits: one record each.

The numbers are Toast's (doc.toasttab.com, developer guide, "API rate limits") unless a comment says
otherwise. A limit counts per client and location, in fixed wall-clock slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from shared.config import RateProfile

GLOBAL_PER_SECOND = 20
"""Requests a second of one location, whatever the endpoint."""

GLOBAL_INTERVAL = 1 / GLOBAL_PER_SECOND
"""... as seconds between two of them."""

GLOBAL_QUOTA = 10_000
GLOBAL_QUOTA_SECONDS = 900
"""... and 10,000 in each quarter of an hour (09:00 to 09:15, say), about 11 a second when sustained."""

SHARES: Mapping[str, int] = {"orders_daily": 6, "cash_daily": 9, "labor_daily": 5}
"""How many of a location's 20 requests a second each function takes at the most; one that is not named, all.

These three are at work for one restaurant side by side (in a backfill, or started at the same minute), as processes
that do not see each other: if each took itself for the only one, a request in twenty would be refused. Our own
choice, by what they ask for: cash two listings for each business date, labor one, orders at least one page, of which
Toast gives five a second, and the restaurant itself.
"""

# The conservative profile is our own choice, for groups whose account is shared with other integrations.
_CONSERVATIVE_ORDERS = 12.0  # an order page is the heaviest call
_CONSERVATIVE_SMALL = 3.0  # cash, labor, configuration: light, but many calls
_CONSERVATIVE_MENUS = 60.0  # a whole menu tree in one reply


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One GET endpoint: where it is, how it pages, how fast it may be asked, what it needs."""

    name: str
    """What messages and logs call it."""
    path: str
    """Path below the host; ``{guid}`` stands for the restaurant's GUID."""
    api: str
    """The API that Toast counts it under, for the limit per API."""
    paging: Literal["page", "token", "none"] = "none"
    """``page``: 1-based page and pageSize; ``token``: pageToken; ``none``: one reply holds everything."""
    interval: float = GLOBAL_INTERVAL
    """Seconds between two calls for one location in the profile ``documented``."""
    conservative_interval: float = _CONSERVATIVE_SMALL
    """Seconds between two calls for one location in the profile ``conservative``."""
    scope: str
    """The API scope that the credentials need; named in the message when Toast answers 403."""

    def interval_for(self, profile: RateProfile) -> float:
        """Seconds between two calls for one location."""
        return self.conservative_interval if profile == "conservative" else self.interval


PAGE_SIZE = 100
"""Orders asked for per page: the most that ordersBulk gives."""

RESTAURANT = Endpoint(
    name="restaurants", path="/restaurants/v1/restaurants/{guid}", api="restaurants", scope="restaurants:read"
)
PARTNER_RESTAURANTS = Endpoint(
    name="partners restaurants", path="/partners/v1/restaurants", api="partners", scope="restaurants:read"
)
ORDERS_BULK = Endpoint(
    name="ordersBulk",
    path="/orders/v2/ordersBulk",
    api="orders",
    paging="page",
    # 5 a second. For history by modified date Toast also advises 5 to 10 s between calls: advice, not a limit
    # that it enforces; whoever wants to follow it chooses the conservative profile.
    interval=1 / 5,
    conservative_interval=_CONSERVATIVE_ORDERS,
    scope="orders:read",
)
CASH_ENTRIES = Endpoint(name="cash entries", path="/cashmgmt/v1/entries", api="cashmgmt", scope="cashmgmt:read")
CASH_DEPOSITS = Endpoint(name="cash deposits", path="/cashmgmt/v1/deposits", api="cashmgmt", scope="cashmgmt:read")
TIME_ENTRIES = Endpoint(name="timeEntries", path="/labor/v1/timeEntries", api="labor", scope="labor:read")
EMPLOYEES = Endpoint(name="employees", path="/labor/v1/employees", api="labor", scope="labor.employees:read")
JOBS = Endpoint(name="jobs", path="/labor/v1/jobs", api="labor", scope="labor:read")
MENUS = Endpoint(
    name="menus",
    path="/menus/v2/menus",
    api="menus",
    interval=1.0,  # 1 a second
    conservative_interval=_CONSERVATIVE_MENUS,
    scope="menus:read",
)
MENUS_METADATA = Endpoint(name="menus metadata", path="/menus/v2/metadata", api="menus", scope="menus:read")


def config_endpoint(entity: str) -> Endpoint:
    """The list endpoint of one kind of configuration entity, such as ``diningOptions``."""
    return Endpoint(
        name=f"config {entity}", path=f"/config/v2/{entity}", api="config", paging="token", scope="config:read"
    )


def group_endpoint(group_guid: str) -> Endpoint:
    """The restaurants of a management group; it is asked in the name of any of them."""
    return Endpoint(
        name="restaurants of the group",
        path=f"/restaurants/v1/groups/{group_guid}/restaurants",
        api="restaurants",
        scope="restaurants:read",
    )
