"""Posting the daily summary: to an incoming webhook of Slack, or of anything that takes {"text": …}.

The URL of a webhook is a secret: who has it can post. So it is in no message and in no log.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import requests

from shared.config import Settings
from shared.errors import ConfigurationError
from shared.secrets_utils import ReadSecret, secret_text

TRIES, PAUSE_SECONDS = 3, 2.0
_SECONDS = (4.0, 10.0)


class Posting(msgspec.Struct, frozen=True):
    """What became of the message."""

    status: Literal["posted", "no_webhook", "not_asked", "refused", "unavailable"]
    """``refused``: posting it again brings the same; ``unavailable``: it may help."""
    detail: str | None = None


def post(
    settings: Settings,
    text: str,
    *,
    read_secret: ReadSecret | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Posting:
    """Post a text to the webhook that the settings name. Raises nothing: what was measured stays worth telling."""
    try:
        url = _webhook(settings, read_secret)
    except ConfigurationError as error:
        return Posting("refused", str(error))
    if url is None:
        return Posting("no_webhook")
    body = msgspec.json.encode({"text": text})
    posting = Posting("unavailable")
    for left in reversed(range(TRIES)):
        posting = _post_once(url, body)
        if posting.status != "unavailable" or left == 0:
            break
        sleep(PAUSE_SECONDS)
    return posting


def _webhook(settings: Settings, read_secret: ReadSecret | None) -> str | None:
    """The URL; None if there is none. Raises ConfigurationError for a secret or URL that is wrong."""
    source, url = "SUMMARY_WEBHOOK_URL", settings.summary_webhook_url
    if url is None and settings.summary_webhook_secret is not None:
        source = f"the secret {settings.summary_webhook_secret!r}"
        if settings.project is None:
            raise ConfigurationError(f"GOOGLE_CLOUD_PROJECT is not set; set it to the project that holds {source}.")
        url = secret_text(
            settings.project,
            settings.summary_webhook_secret,
            instead="or unset SUMMARY_WEBHOOK_SECRET to post no summary",
            read_secret=read_secret,
        )
    if url is not None and not _is_url(url):
        raise ConfigurationError(f"{source} holds no URL: expected one such as https://hooks.slack.com/services/….")
    return url


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _post_once(url: str, body: bytes) -> Posting:
    host = urlsplit(url).hostname
    try:
        response = requests.post(
            url, data=body, headers={"Content-Type": "application/json"}, timeout=_SECONDS, allow_redirects=False
        )
    except (requests.ConnectionError, requests.Timeout) as error:
        return Posting("unavailable", f"the webhook at {host} cannot be reached ({type(error).__name__})")
    except (requests.RequestException, ValueError) as error:
        return Posting("refused", f"the webhook at {host} cannot be asked ({type(error).__name__})")
    status = response.status_code
    if 200 <= status < 300:
        return Posting("posted")
    # Slack says in a word what is wrong: no_service, channel_is_archived, invalid_payload …
    told = f"the webhook at {host} answered HTTP {status}: {' '.join(response.text.split())[:100]}"
    if status == 429 or status >= 500:
        return Posting("unavailable", told)
    return Posting("refused", f"{told}. Check that the webhook is still there, and the URL that is stored.")
