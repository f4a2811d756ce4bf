"""One call of a function: what was asked, of whom, and with which services."""

from __future__ import annotations

import time
import uuid

import msgspec

from shared import connections
from shared.bigquery_utils import Warehouse
from shared.config import Restaurant, Settings, Tenant, load_tenants, restaurants_for
from shared.request_body import RequestBody
from shared.schema import ALL_TABLES, VIEWS
from shared.toast_client import ToastClient


def new_run_id(function: str) -> str:
    """A name for one call: letters, digits, '-' and '_', since job ids are made from it."""
    return f"{function}-{uuid.uuid4().hex}"


class Call(msgspec.Struct, kw_only=True):
    """A call that passed its checks: its restaurants, and the services it works with."""

    function: str
    run_id: str
    body: RequestBody
    tenant: Tenant
    restaurants: list[Restaurant]
    toast: ToastClient
    warehouse: Warehouse
    deadline: float
    """Until when something may be begun to be read, or tried again, on the monotonic clock; see TIME_BUDGET_SECONDS.

    The functions' timeout is 540 s, and what was read until then still has to be loaded.
    """

    @property
    def source(self) -> str:
        """What the function loads, as business_days and etl_rejects call it: orders, cash, labor, config."""
        return self.function.partition("_")[0]


def open_call(function: str, run_id: str, body: RequestBody) -> Call:
    """Find the restaurants, reach Toast and the warehouse, and see that tables and views are there.

    Raises the EtlError that says what is missing; nothing has been done then.
    """
    began = time.monotonic()
    settings = Settings.from_environment()
    tenants = load_tenants(settings.restaurants_file)
    restaurants = restaurants_for(tenants, body.restaurant_guid, body.tenant)
    tenant = tenants[restaurants[0].tenant]
    toast = connections.toast_client(settings, tenant, len(tenants), function)
    warehouse = connections.warehouse(settings, tenant.dataset)
    toast.now()  # a Toast that cannot be reached is found out once, not by each restaurant
    warehouse.ensure(ALL_TABLES, VIEWS)
    return Call(
        function=function,
        run_id=run_id,
        body=body,
        tenant=tenant,
        restaurants=restaurants,
        toast=toast,
        warehouse=warehouse,
        deadline=began + settings.time_budget,
    )
