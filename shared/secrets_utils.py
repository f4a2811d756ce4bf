"""What is secret, from the environment or from Secret Manager: a tenant's Toast credentials, and single texts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from shared.config import Settings, Tenant
from shared.errors import ConfigurationError

# Both secrets together must be read, or their absence reported, before a caller's own timeout strikes.
_SECONDS = 10.0

_INSTEAD = "or set TOAST_CLIENT_ID and TOAST_CLIENT_SECRET instead"

if TYPE_CHECKING:
    from google.cloud.secretmanager import SecretManagerServiceClient

ReadSecret = Callable[[str, float], bytes]
"""Reads the secret version of a resource name within so many seconds."""


class Credentials:
    """The client id and secret of one Toast account. Neither shows in its repr."""

    __slots__ = ("client_id", "client_secret", "project", "source")

    def __init__(self, client_id: str, client_secret: str, *, source: str, project: str | None = None) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.source = source
        """Where they come from, for messages: the names of the variables or secrets, never a value."""
        self.project = project
        """The project whose Secret Manager they come from; None if they come from the environment."""

    def __repr__(self) -> str:
        return f"Credentials(source={self.source!r})"


def credentials_for(
    settings: Settings, tenant: Tenant, tenants: int, *, read_secret: ReadSecret | None = None
) -> Credentials:
    """The credentials of ``tenant``, one of so many ``tenants`` in restaurants.toml.

    Raises ConfigurationError, which names what is missing and how to set it, within 15 seconds.
    """
    if settings.toast_client_id or settings.toast_client_secret:
        return _from_environment(settings, tenants)
    if settings.project is None:
        raise ConfigurationError(
            "No Toast credentials: set TOAST_CLIENT_ID and TOAST_CLIENT_SECRET, or set GOOGLE_CLOUD_PROJECT to the "
            f"project whose Secret Manager holds the secrets {tenant.client_id_secret!r} and "
            f"{tenant.client_secret_secret!r}."
        )
    names = (tenant.client_id_secret, tenant.client_secret_secret)
    client_id, client_secret = _from_secret_manager(settings.project, names, read_secret)
    source = f"secrets {names[0]} and {names[1]} of {settings.project}"
    return Credentials(client_id, client_secret, source=source, project=settings.project)


def _from_environment(settings: Settings, tenants: int) -> Credentials:
    if not settings.toast_client_id or not settings.toast_client_secret:
        given, missing = "TOAST_CLIENT_ID", "TOAST_CLIENT_SECRET"
        if settings.toast_client_secret:
            given, missing = missing, given
        raise ConfigurationError(
            f"{given} is set but {missing} is not: set both, or neither to read Secret Manager instead."
        )
    if tenants > 1:
        raise ConfigurationError(
            f"TOAST_CLIENT_ID and TOAST_CLIENT_SECRET are set, but restaurants.toml has {tenants} tenants: unset them, "
            "and give each tenant its client_id_secret and client_secret_secret in restaurants.toml."
        )
    return Credentials(
        settings.toast_client_id, settings.toast_client_secret, source="TOAST_CLIENT_ID and TOAST_CLIENT_SECRET"
    )


def secret_text(project: str, name: str, *, instead: str, read_secret: ReadSecret | None = None) -> str:
    """What the secret of a project holds; ``instead`` tells in messages what else could be done.

    Raises ConfigurationError, which names what is missing and how to set it, within 15 seconds.
    """
    return _from_secret_manager(project, (name,), read_secret, instead)[0]


def _from_secret_manager(
    project: str, names: tuple[str, ...], read_secret: ReadSecret | None, instead: str = _INSTEAD
) -> list[str]:
    until = time.monotonic() + _SECONDS
    values = []
    for name in names:
        try:
            read_secret = read_secret or _secret_manager()
            seconds = max(1.0, until - time.monotonic())
            payload = read_secret(f"projects/{project}/secrets/{name}/versions/latest", seconds)
        except Exception as error:
            raise ConfigurationError(_advice(error, project, name, instead)) from error
        values.append(_text(payload, project, name))
    return values


def _text(payload: bytes, project: str, name: str) -> str:
    try:
        # `echo value | gcloud secrets create` stores a line feed too.
        value = payload.decode("utf-8").strip()
    except UnicodeDecodeError:
        value = ""
    if not value:
        raise ConfigurationError(
            f"The secret {name!r} of project {project!r} is empty or not text: add a version that holds the value, "
            f"with 'gcloud secrets versions add {name} --project {project} --data-file=-'."
        )
    return value


@cache
def secret_manager_client() -> SecretManagerServiceClient:
    """Google's client of Secret Manager, one per process."""
    # Imported here: it takes most of a second, which a call with credentials from the environment need not pay.
    from google.cloud import secretmanager, secretmanager_v1

    # Where somebody turns on its debugging, it would log each payload.
    logging.getLogger(secretmanager_v1.__name__).setLevel(logging.WARNING)
    return secretmanager.SecretManagerServiceClient()


def _secret_manager() -> ReadSecret:
    from google.api_core import exceptions, retry

    client = secret_manager_client()
    again = retry.if_exception_type(exceptions.ServiceUnavailable)

    def read(resource: str, seconds: float) -> bytes:
        policy = retry.Retry(predicate=again, initial=0.5, maximum=2.0, timeout=seconds)
        version = client.access_secret_version(name=resource, timeout=seconds / 2, retry=policy)
        return bytes(version.payload.data)

    return read


def _advice(error: Exception, project: str, name: str, instead: str) -> str:
    """What went wrong and what to do; by the error's name, so that google's packages need not be imported."""
    what = f"the secret {name!r} of project {project!r}"
    match type(error).__name__:
        case "NotFound":
            return (
                f"There is no version of {what}: create it with 'gcloud secrets create {name} --project {project} "
                f"--data-file=-', {instead}."
            )
        case "PermissionDenied" | "Forbidden":
            return (
                f"No permission to read {what}: grant this service account roles/secretmanager.secretAccessor on it "
                f"(and enable secretmanager.googleapis.com in the project), {instead}."
            )
        case "FailedPrecondition":
            return f"The latest version of {what} is disabled or destroyed: enable it or add a new version, {instead}."
        case "DefaultCredentialsError" | "RefreshError" | "Unauthenticated":
            return (
                f"No Google credentials to read {what}: run 'gcloud auth application-default login', or set "
                f"GOOGLE_APPLICATION_CREDENTIALS to a service account's key file, {instead}."
            )
    return f"Secret Manager did not give {what} ({type(error).__name__}): try again, {instead}."
