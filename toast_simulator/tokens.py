"""Logins: one token for all locations, the same again until its last minute (Toast's guide, authentication)."""

from __future__ import annotations

import base64
import hmac
import uuid
from typing import Any

import msgspec

from toast_simulator.clock import Clock

_LAST_MINUTE = 60_000
SCOPES = (
    "cashmgmt:read config:read delivery_info.address:read guest.pi:read kitchen:read labor.employees:read "
    "labor:read menus:read orders:read restaurants:read stock:read"
)


class Tokens:
    """Issues and knows tokens; lives in simulated time. ``lifetime`` in seconds."""

    def __init__(self, clock: Clock, client_id: str, client_secret: str, lifetime: int = 86_400) -> None:
        self._clock = clock
        self._client_id = client_id
        self._client_secret = client_secret
        self._lifetime = lifetime * 1000
        self._expiry: dict[str, int] = {}
        self._current: str | None = None

    def login(self, client_id: object, client_secret: object) -> dict[str, Any] | None:
        """The reply to a login; None for wrong credentials."""
        right = hmac.compare_digest(str(client_id).encode(), self._client_id.encode())
        if not (hmac.compare_digest(str(client_secret).encode(), self._client_secret.encode()) and right):
            return None
        now = self._clock.now()
        left = self._expiry.get(self._current or "", 0) - now
        # A clock that was set back would leave a token with more than its lifetime: that one is replaced.
        if self._current is None or not _LAST_MINUTE < left <= self._lifetime:
            self._current = self._issue(now)
            left = self._lifetime
        return {
            "@class": ".SuccessfulResponse",
            "token": {
                "tokenType": "Bearer",
                "scope": None,
                "expiresIn": left // 1000,
                "accessToken": self._current,
                "idToken": None,
                "refreshToken": None,
            },
            "status": "SUCCESS",
        }

    def valid(self, authorization: str | None) -> bool:
        """Whether an Authorization header holds a token that is known and has not expired."""
        scheme, _, token = (authorization or "").partition(" ")
        return scheme.lower() == "bearer" and self._expiry.get(token.strip(), 0) > self._clock.now()

    def expire(self) -> None:
        """Let every token be invalid from now on."""
        self._expiry.clear()
        self._current = None

    def _issue(self, now: int) -> str:
        """A token in the form of a JWT, unsigned: only this process believes it."""
        issued, expires = now // 1000, (now + self._lifetime) // 1000
        claims = {
            "https://toasttab.com/client_name": "SIMULATED",
            "https://toasttab.com/access_type": "TOAST_MACHINE_CLIENT",
            "https://toasttab.com/management_set_guid": str(uuid.UUID(int=0)),
            "https://toasttab.com/type": "CUSTOMER",
            "iss": "toast-simulator",
            "sub": f"{self._client_id}@clients",
            "aud": "https://toast-services-api/",
            "iat": issued,
            "exp": expires,
            "azp": self._client_id,
            "scope": SCOPES,
            "gty": "client-credentials",
            "jti": str(uuid.uuid4()),
        }
        token = f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}.simulated"
        self._expiry[token] = now + self._lifetime
        return token


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=").decode()
