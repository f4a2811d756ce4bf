"""Where a tenant's Toast credentials come from, and what is said when they are missing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from google.api_core import exceptions

from shared.config import Settings, Tenant
from shared.errors import ConfigurationError
from shared.secrets_utils import Credentials, credentials_for

TENANT = Tenant(name="purpose", restaurants=(), client_id_secret="ID_NAME", client_secret_secret="SECRET_NAME")


def refuse(*_):
    raise AssertionError("Secret Manager was asked")


def test_the_environment_wins_over_secret_manager():
    settings = Settings(toast_client_id="me", toast_client_secret="hush", project="p")
    credentials = credentials_for(settings, TENANT, 1, read_secret=refuse)
    assert (credentials.client_id, credentials.client_secret) == ("me", "hush")


def test_secret_manager_is_asked_for_the_tenants_own_names():
    asked = []

    def read(resource, seconds):
        asked.append(resource)
        assert seconds <= 10
        return f"value of {resource.split('/')[3]}\n".encode()

    credentials = credentials_for(Settings(project="p"), TENANT, 3, read_secret=read)
    assert asked == [f"projects/p/secrets/{name}/versions/latest" for name in ("ID_NAME", "SECRET_NAME")]
    assert (credentials.client_id, credentials.client_secret) == ("value of ID_NAME", "value of SECRET_NAME")


def test_values_do_not_show_in_a_repr():
    assert "hush" not in repr(Credentials("hush-id", "hush", source="TOAST_CLIENT_ID"))


@pytest.mark.parametrize(
    ("settings", "tenants", "named"),
    [
        (Settings(toast_client_id="me"), 1, ["TOAST_CLIENT_SECRET is not"]),
        (Settings(toast_client_secret="hush"), 1, ["TOAST_CLIENT_ID is not"]),
        (Settings(toast_client_id="me", toast_client_secret="hush"), 2, ["2 tenants", "client_id_secret"]),
        (Settings(), 1, ["TOAST_CLIENT_ID", "TOAST_CLIENT_SECRET", "GOOGLE_CLOUD_PROJECT", "ID_NAME"]),
    ],
)
def test_what_is_missing_is_named(settings, tenants, named):
    with pytest.raises(ConfigurationError) as error:
        credentials_for(settings, TENANT, tenants, read_secret=refuse)
    assert all(word in str(error.value) for word in named)
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(
    ("failure", "named"),
    [
        (exceptions.NotFound("x"), "gcloud secrets create ID_NAME --project p"),
        (exceptions.PermissionDenied("x"), "roles/secretmanager.secretAccessor"),
        (exceptions.FailedPrecondition("x"), "disabled or destroyed"),
        (exceptions.Unauthenticated("x"), "gcloud auth application-default login"),
        (exceptions.DeadlineExceeded("x"), "DeadlineExceeded"),
    ],
)
def test_each_failure_of_secret_manager_says_what_to_do(failure, named):
    def read(resource, seconds):
        raise failure

    with pytest.raises(ConfigurationError) as error:
        credentials_for(Settings(project="p"), TENANT, 1, read_secret=read)
    assert named in str(error.value)
    assert "'ID_NAME'" in str(error.value)


@pytest.mark.parametrize("payload", [b"", b" \n", b"\xff\xfe"])
def test_an_empty_or_binary_secret_is_named(payload):
    with pytest.raises(ConfigurationError, match="'ID_NAME'"):
        credentials_for(Settings(project="p"), TENANT, 1, read_secret=lambda *_: payload)


def test_credentials_from_the_environment_do_not_load_googles_packages():
    code = (
        "import sys; from shared.config import *; from shared.secrets_utils import credentials_for;"
        "credentials_for(Settings(toast_client_id='a', toast_client_secret='b'), Tenant(name='t', restaurants=()), 1);"
        "sys.exit(any(name.startswith('google.cloud.secretmanager') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
