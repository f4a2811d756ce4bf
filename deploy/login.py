"""The login of whoever deploys: the one that gcloud holds, so that no second one is needed."""

from __future__ import annotations

import subprocess
import sys
from typing import NoReturn

from shared.errors import ConfigurationError


def access_token() -> str:
    """An access token of the account that gcloud is logged in with; it lives for an hour at most.

    Raises ConfigurationError when gcloud is missing or gives none. The token must not be printed or logged.
    """
    command = ["gcloud", "auth", "print-access-token"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    except FileNotFoundError as error:
        raise ConfigurationError("gcloud was not found: install the Google Cloud CLI.") from error
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError("gcloud gave no access token within a minute.") from error
    if done.returncode != 0 or not done.stdout.strip():
        said = done.stderr.strip().splitlines()
        raise ConfigurationError(f"gcloud gave no access token: {said[0] if said else 'it said nothing'}")
    return done.stdout.strip()


def stop(error: Exception) -> NoReturn:
    """End the process with what went wrong, in one line, and exit code 1."""
    sys.exit(str(error))
