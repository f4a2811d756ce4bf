"""Functions by URL: deployed ones with a Google ID token, those on this machine without."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import google.auth.exceptions
import google.auth.transport.requests
import requests
from google.oauth2 import id_token

from backfill.replies import Reply
from backfill.targets import TargetFailed

# A function begins nothing more after TIME_BUDGET_SECONDS and is ended at 540 s; then the gateway says so.
CALL_SECONDS = 600.0
CONNECT_SECONDS = 10.0
# Google's ID tokens live for an hour.
_RENEW_BEFORE = 300.0


class HttpCaller:
    """Calls functions at ``urls``: by function, or one pattern with {function} in it. Thread-safe."""

    def __init__(self, urls: Mapping[str, str] | str, *, seconds: float = CALL_SECONDS) -> None:
        self._urls = urls
        self._seconds = seconds
        self._tokens = IdTokens()
        self._local = threading.local()

    def url(self, function: str) -> str:
        """Where a function is. Raises TargetFailed for one whose URL nobody told."""
        if isinstance(self._urls, str):
            if "{function}" in self._urls:
                return self._urls.replace("{function}", function)
            return f"{self._urls.rstrip('/')}/{function}"
        try:
            return self._urls[function]
        except KeyError:
            raise TargetFailed(
                f"no URL is known of {function}: give --function-url {function}=https://…, or FUNCTIONS_URL."
            ) from None

    def call(self, function: str, body: Mapping[str, str]) -> Reply:
        """Call a function and wait for what it says. Raises TargetFailed when no ID token is to be had."""
        url = self.url(function)
        headers = {}
        if urlsplit(url).scheme == "https":
            headers["Authorization"] = f"Bearer {self._tokens.token(url)}"
        try:
            reply = self._session().post(
                url, json=dict(body), headers=headers, timeout=(CONNECT_SECONDS, self._seconds)
            )
        except requests.Timeout:
            return Reply(0, f"{function} at {urlsplit(url).netloc} did not answer within {self._seconds:.0f} s")
        except requests.RequestException as error:
            return Reply(0, f"{function} at {urlsplit(url).netloc} cannot be reached ({type(error).__name__})")
        is_problem = reply.headers.get("Content-Type", "").startswith("application/problem+json")
        return Reply(reply.status_code, reply.text, is_problem, _seconds(reply.headers.get("Retry-After")))

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        session: requests.Session = self._local.session
        return session


class IdTokens:
    """Google ID tokens, one per audience, kept until shortly before they expire. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[str, float]] = {}

    def token(self, audience: str) -> str:
        """A token for a function's URL.

        From the credentials of a service account or a machine; a person's own cannot make one, so then the
        Google Cloud CLI is asked. Raises TargetFailed when neither gives one.
        """
        with self._lock:
            token, expires = self._kept.get(audience, ("", 0.0))
            if time.time() > expires - _RENEW_BEFORE:
                token = self._new(audience)
                self._kept[audience] = token, _expiry(token)
            return token

    def _new(self, audience: str) -> str:
        try:
            request = google.auth.transport.requests.Request()
            return str(id_token.fetch_id_token(request, audience))  # type: ignore[no-untyped-call]
        except (google.auth.exceptions.GoogleAuthError, ValueError):
            return _token_of_gcloud()


def _token_of_gcloud() -> str:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        raise TargetFailed(
            "calling a deployed function takes a Google ID token: install the Google Cloud CLI and run 'gcloud auth "
            "login', or set GOOGLE_APPLICATION_CREDENTIALS to a service account that may invoke the functions."
        )
    told = subprocess.run(  # noqa: S603 - the path comes from the PATH, the arguments from here
        [gcloud, "auth", "print-identity-token"], capture_output=True, text=True, timeout=60, check=False
    )
    if told.returncode != 0:
        last = told.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise TargetFailed(f"gcloud gave no ID token ({last[0][:200]}): run 'gcloud auth login'.")
    return told.stdout.strip()


def _expiry(token: str) -> float:
    """When a token expires, as it says itself; without sense, at once."""
    try:
        payload = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])
    except (IndexError, KeyError, ValueError, TypeError):
        return 0.0


def _seconds(value: str | None) -> float | None:
    try:
        return None if value is None else max(0.0, float(value))
    except ValueError:
        return None
