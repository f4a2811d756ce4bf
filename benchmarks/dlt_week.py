"""A restaurant-week of orders, loaded as dlt's documentation would have it; bench_week.py runs it.

    python dlt_week.py URL RESTAURANT_GUID FOLDER FIRST_DATE LAST_DATE

A RESTClient pages by Link headers, a resource merges on the orders' guid, the destination is DuckDB. The last line
that it prints is JSON: seconds, peak memory, orders and tables. (This file knows nothing of this project: dlt's
environment does not hold its packages.)
"""

import datetime as dt
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"  # it would ask the network
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
import requests
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import HeaderLinkPaginator


def main(url: str, restaurant: str, folder: str, first: str, last: str) -> None:
    """Load the week, and tell what it took."""
    began = time.monotonic()
    client = RESTClient(
        base_url=url,
        headers={"Toast-Restaurant-External-ID": restaurant},
        auth=BearerTokenAuth(_token(url)),
        paginator=HeaderLinkPaginator(),
    )

    @dlt.resource(name="orders", primary_key="guid", write_disposition="merge")  # type: ignore[untyped-decorator]
    def orders() -> Iterator[Any]:
        day = dt.date.fromisoformat(first)
        while day <= dt.date.fromisoformat(last):
            params = {"businessDate": f"{day:%Y%m%d}", "pageSize": 100}
            yield from client.paginate("orders/v2/ordersBulk", params=params)
            day += dt.timedelta(days=1)

    pipeline = dlt.pipeline(
        pipeline_name="week",
        destination=dlt.destinations.duckdb(f"{folder}/week.duckdb"),
        dataset_name="toast",
        pipelines_dir=f"{folder}/pipelines",
    )
    pipeline.run(orders()).raise_on_failed_jobs()
    seconds = time.monotonic() - began
    counts = pipeline.last_trace.last_normalize_info.row_counts
    told = {
        "seconds": seconds,
        "processor_seconds": time.process_time(),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "orders": counts["orders"],
        "tables": len([name for name in counts if not name.startswith("_dlt")]),
        "dlt": dlt.__version__,
    }
    print(json.dumps(told))


def _token(url: str) -> str:
    body = {"clientId": "simulator", "clientSecret": "simulator", "userAccessType": "TOAST_MACHINE_CLIENT"}
    reply = requests.post(f"{url}/authentication/v1/authentication/login", json=body, timeout=60)
    reply.raise_for_status()
    return str(reply.json()["token"]["accessToken"])


if __name__ == "__main__":
    main(*sys.argv[1:])
