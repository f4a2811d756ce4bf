"""The services of a process: one Toast client per tenant and one warehouse per dataset, kept between calls.

A Cloud Function's instance serves many calls, and Toast allows two logins an hour. Where the credentials come from
Secret Manager, all instances share one token through it.
"""

from __future__ import annotations

from functools import lru_cache

from shared import bigquery_utils
from shared.bigquery_utils import Warehouse
from shared.config import Settings, Tenant
from shared.secrets_utils import credentials_for
from shared.toast_client import ToastClient
from shared.toast_endpoints import GLOBAL_PER_SECOND, SHARES
from shared.token_cache import TokenCache
from shared.token_secret import TokenSecret


@lru_cache(maxsize=64)
def toast_client(settings: Settings, tenant: Tenant, tenants: int, function: str = "") -> ToastClient:
    """The tenant's Toast client; ``function`` is whose, for its share of what Toast allows.

    Raises ConfigurationError when the credentials are missing.
    """
    credentials = credentials_for(settings, tenant, tenants)
    shared = None
    if credentials.project is not None:
        shared = TokenCache(TokenSecret(credentials.project, tenant.token_secret), credentials.client_id)
    return ToastClient(
        settings.toast_api_host,
        credentials,
        profile=settings.rate_profile,
        share=SHARES.get(function, GLOBAL_PER_SECOND),
        shared=shared,
    )


@lru_cache(maxsize=64)
def warehouse(settings: Settings, dataset: str | None) -> Warehouse:
    """The warehouse of a dataset, BQ_DATASET if None. Raises ConfigurationError without a project."""
    return bigquery_utils.connect(settings, dataset)
