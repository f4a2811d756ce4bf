"""Settings: the environment, and restaurants.toml with the tenants and their restaurants.

Everything is read when it is asked for, never at import, so that a test or a second tenant can set it.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import re
import tomllib
import uuid
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from shared.errors import ConfigurationError, InvalidRequest, UnknownTarget

RateProfile = Literal["documented", "conservative"]

DEFAULT_RESTAURANTS_FILE = Path(__file__).resolve().parent.parent / "restaurants.toml"


# The ledger holds the watermarks, and what failed lately: less than a month of it would lose what is still needed.
_FEWEST_LEDGER_DAYS = 31


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The environment variables that shape a call; see the README for the table of them."""

    toast_api_host: str = "https://ws-api.toasttab.com"
    toast_client_id: str | None = None
    toast_client_secret: str | None = None
    project: str | None = None
    dataset: str = "toast"
    location: str = "US"
    emulator_host: str | None = None
    restaurants_file: Path = DEFAULT_RESTAURANTS_FILE
    rate_profile: RateProfile = "documented"
    time_budget: float = 400.0
    """Seconds into a call after which nothing more is begun to be read, and nothing tried again."""
    timeout: float = 540.0
    """Seconds after which the platform ends a call: the log says how much of it a call took."""
    ledger_days: int | None = None
    """Days for which the run ledger and rejected objects are kept; 0: for ever, None: as the tables say."""
    summary_webhook_url: str | None = None
    """Where the daily summary is posted; it is a secret itself."""
    summary_webhook_secret: str | None = None
    """The secret of Secret Manager that holds this URL, where the environment does not."""

    def __repr__(self) -> str:
        """Leave the credentials out: a repr ends up in logs and tracebacks."""
        return f"Settings(toast_api_host={self.toast_api_host!r}, project={self.project!r}, dataset={self.dataset!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Leave them out for rich too, which shows a struct's fields in tracebacks."""
        return [(name, getattr(self, name)) for name in ("toast_api_host", "project", "dataset")]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; an empty variable counts as unset.

        Raises ConfigurationError, naming the variable, when a value is not one that it can take.
        """

        def get(name: str, default: str = "") -> str:
            return environ.get(name, "").strip() or default

        profile = get("TOAST_RATE_PROFILE", "documented")
        if profile not in ("documented", "conservative"):
            raise ConfigurationError(
                f"TOAST_RATE_PROFILE is {profile!r}; set it to 'documented' (Toast's limits) or 'conservative'."
            )
        return cls(
            toast_api_host=_base_url("TOAST_API_HOST", get("TOAST_API_HOST", "https://ws-api.toasttab.com")),
            toast_client_id=get("TOAST_CLIENT_ID") or None,
            toast_client_secret=get("TOAST_CLIENT_SECRET") or None,
            project=get("GOOGLE_CLOUD_PROJECT") or None,
            dataset=get("BQ_DATASET", "toast"),
            location=get("BQ_LOCATION", "US"),
            emulator_host=_base_url("BIGQUERY_EMULATOR_HOST", get("BIGQUERY_EMULATOR_HOST")) or None,
            restaurants_file=Path(get("RESTAURANTS_FILE", str(DEFAULT_RESTAURANTS_FILE))),
            rate_profile="conservative" if profile == "conservative" else "documented",
            time_budget=_seconds("TIME_BUDGET_SECONDS", get("TIME_BUDGET_SECONDS", "400")),
            timeout=_seconds("FUNCTION_TIMEOUT_SECONDS", get("FUNCTION_TIMEOUT_SECONDS", "540"), ""),
            ledger_days=_ledger_days(get("LEDGER_DAYS")),
            summary_webhook_url=get("SUMMARY_WEBHOOK_URL") or None,
            summary_webhook_secret=get("SUMMARY_WEBHOOK_SECRET") or None,
        )


def _base_url(variable: str, value: str) -> str:
    """Return ``value`` as a base URL without a closing slash; 'host:port' is read as http."""
    if not value:
        return ""
    url = value if "://" in value else f"http://{value}"
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"{variable} is {value!r}; expected a URL such as https://example.com.")
    return url.rstrip("/")


def _seconds(variable: str, value: str, bound: str = ", below the function's timeout") -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise ConfigurationError(f"{variable} is {value!r}; set it to a number of seconds{bound}.")
    return seconds


def _ledger_days(value: str) -> int | None:
    if not value:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", value) or 0 < int(value) < _FEWEST_LEDGER_DAYS:
        raise ConfigurationError(
            f"LEDGER_DAYS is {value!r}; set it to a whole number of days, at least {_FEWEST_LEDGER_DAYS}, or to 0 to "
            "keep the ledger for ever."
        )
    return int(value)


class Restaurant(msgspec.Struct, frozen=True, kw_only=True):
    """One location. What is None here is asked from Toast when it is needed."""

    guid: str
    name: str
    tenant: str
    timezone: str | None = None
    closeout_hour: int | None = None
    first_business_date: dt.date | None = None
    min_orders: int = 10
    min_net_sales: Decimal = Decimal(100)


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """One Toast account: its restaurants, its credentials' secret names, its dataset (None: BQ_DATASET)."""

    name: str
    restaurants: tuple[Restaurant, ...]
    dataset: str | None = None
    client_id_secret: str = "TOAST_CLIENT_ID"
    client_secret_secret: str = "TOAST_CLIENT_SECRET"
    token_secret: str = "TOAST_TOKEN"
    """The secret through which all instances share one token, where the credentials come from Secret Manager."""
    employee_contacts: bool = False
    """Whether employees' e-mail addresses and phone numbers are loaded; their names always are."""
    chunk_days: tuple[tuple[str, int], ...] = ()
    """Business dates in one call of a backfill, by source: orders, cash, labor. A source not named here has 7."""


def load_tenants(path: Path) -> dict[str, Tenant]:
    """Read restaurants.toml; the tenants by name, in the file's order.

    Raises ConfigurationError with the file, the line or key, and what was expected there.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}). Set RESTAURANTS_FILE to the path of your restaurants.toml."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}.") from error
    try:
        return _tenants(document)
    except _Misplaced as error:
        raise ConfigurationError(f"{path}: {error}.") from error


def restaurants_for(tenants: Mapping[str, Tenant], guid: str, tenant: str | None) -> list[Restaurant]:
    """The restaurants that a call means: one, or with guid "ALL" every one of the tenant.

    ``tenant`` may be None where there is no doubt. Raises UnknownTarget for a tenant or restaurant that
    is not in the file, InvalidRequest where a GUID or "ALL" could mean more than one tenant.
    """
    if tenant is not None and tenant not in tenants:
        raise UnknownTarget(f"tenant: {tenant!r} is not in restaurants.toml; it has {_listed(tenants)}.")
    candidates = [tenants[tenant]] if tenant is not None else list(tenants.values())
    if guid == "ALL":
        if len(candidates) > 1:
            raise InvalidRequest({"tenant": f'"ALL" needs a tenant; restaurants.toml has {_listed(tenants)}'})
        return list(candidates[0].restaurants)
    found = [restaurant for one in candidates for restaurant in one.restaurants if restaurant.guid == guid.lower()]
    if not found:
        raise UnknownTarget(f"restaurant_guid: {guid!r} is not in restaurants.toml; add it there, or correct the GUID.")
    if len(found) > 1:
        belongs_to = _listed({restaurant.tenant: None for restaurant in found})
        raise InvalidRequest({"tenant": f"{guid!r} belongs to {belongs_to}; say which"})
    return found


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(repr(name) for name in names)


# --- the shape of restaurants.toml ----------------------------------------------------------------


class _Misplaced(Exception):
    """A key of restaurants.toml does not hold what it should; the message begins with the key."""


_TENANT_TEXTS = ("dataset", "client_id_secret", "client_secret_secret", "token_secret")
_TENANT_KEYS = (*_TENANT_TEXTS, "employee_contacts", "chunk_days", "restaurants")
_SOURCES = ("orders", "cash", "labor")
_LONGEST_CHUNK = 31
_RESTAURANT_KEYS = ("guid", "name", "timezone", "closeout_hour", "first_business_date", "min_orders", "min_net_sales")


def _tenants(document: dict[str, Any]) -> dict[str, Tenant]:
    _no_other_keys("the top level", document, ("tenants",))
    tables = document.get("tenants")
    if not isinstance(tables, dict) or not tables:
        raise _Misplaced("tenants: expected at least one table such as [tenants.purpose]")
    return {name: _tenant(name, table) for name, table in tables.items()}


def _tenant(name: str, table: Any) -> Tenant:
    key = f"tenants.{name}"
    if not isinstance(table, dict):
        raise _Misplaced(f"{key}: expected a table, found {table!r}")
    _no_other_keys(key, table, _TENANT_KEYS)
    rows = table.get("restaurants")
    if not isinstance(rows, list) or not rows:
        raise _Misplaced(f"{key}.restaurants: expected at least one [[{key}.restaurants]] with guid and name")
    restaurants = tuple(_restaurant(f"{key}.restaurants[{n}]", name, row) for n, row in enumerate(rows))
    seen: set[str] = set()
    for number, restaurant in enumerate(restaurants):
        if restaurant.guid in seen:
            raise _Misplaced(f"{key}.restaurants[{number}].guid: {restaurant.guid!r} stands there twice")
        seen.add(restaurant.guid)
    texts = {k: _text(f"{key}.{k}", table[k]) for k in _TENANT_TEXTS if k in table}
    contacts = table.get("employee_contacts", False)
    if not isinstance(contacts, bool):
        raise _Misplaced(f"{key}.employee_contacts: expected true or false, found {contacts!r}")
    chunks = _chunk_days(f"{key}.chunk_days", table.get("chunk_days", {}))
    return Tenant(name=name, restaurants=restaurants, employee_contacts=contacts, chunk_days=chunks, **texts)


def _chunk_days(key: str, table: Any) -> tuple[tuple[str, int], ...]:
    if not isinstance(table, dict):
        raise _Misplaced(f"{key}: expected a table such as {{ orders = 7, cash = 31 }}, found {table!r}")
    _no_other_keys(key, table, _SOURCES)
    return tuple((source, _whole(f"{key}.{source}", days, 1, _LONGEST_CHUNK)) for source, days in table.items())


def _restaurant(key: str, tenant: str, row: Any) -> Restaurant:
    if not isinstance(row, dict):
        raise _Misplaced(f"{key}: expected a table with guid and name, found {row!r}")
    _no_other_keys(key, row, _RESTAURANT_KEYS)
    for required in ("guid", "name"):
        if required not in row:
            raise _Misplaced(f"{key}.{required}: missing")
    optional: dict[str, Any] = {}
    if "timezone" in row:
        optional["timezone"] = _timezone(f"{key}.timezone", row["timezone"])
    if "closeout_hour" in row:
        optional["closeout_hour"] = _whole(f"{key}.closeout_hour", row["closeout_hour"], 0, 12)
    if "first_business_date" in row:
        optional["first_business_date"] = _date(f"{key}.first_business_date", row["first_business_date"])
    if "min_orders" in row:
        optional["min_orders"] = _whole(f"{key}.min_orders", row["min_orders"], 0, 1_000_000)
    if "min_net_sales" in row:
        optional["min_net_sales"] = _amount(f"{key}.min_net_sales", row["min_net_sales"])
    return Restaurant(
        guid=_guid(f"{key}.guid", row["guid"]), name=_text(f"{key}.name", row["name"]), tenant=tenant, **optional
    )


def _no_other_keys(key: str, table: dict[str, Any], known: tuple[str, ...]) -> None:
    for name in table:
        if name not in known:
            raise _Misplaced(f"{key}: unknown key {name!r}; expected {', '.join(known)}")


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Misplaced(f"{key}: expected a text, found {value!r}")
    return value


def _guid(key: str, value: Any) -> str:
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise _Misplaced(f"{key}: expected a GUID, found {value!r}") from None


def _timezone(key: str, value: Any) -> str:
    try:
        ZoneInfo(value)
    except Exception:
        raise _Misplaced(f"{key}: expected an IANA time zone such as 'America/New_York', found {value!r}") from None
    return str(value)


def _date(key: str, value: Any) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (ValueError, TypeError):
        raise _Misplaced(f"{key}: expected a date such as 2025-01-31, found {value!r}") from None


def _whole(key: str, value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _Misplaced(f"{key}: expected a whole number from {least} to {most}, found {value!r}")
    return value


def _amount(key: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise _Misplaced(f"{key}: expected an amount of at least 0, found {value!r}")
    return Decimal(str(value))
