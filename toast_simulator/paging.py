"""Page tokens: where a client is in a listing, in a form that it cannot read and must not make up."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TypeVar

import msgspec

from toast_simulator.errors import ApiError

_KEY = b"page tokens of the simulator"
_T = TypeVar("_T")


def page_token(position: object) -> str:
    """The token for a position (a Struct)."""
    told = msgspec.json.encode(position)
    return base64.urlsafe_b64encode(_seal(told) + told).rstrip(b"=").decode()


def position_of(token: str, kind: type[_T]) -> _T:
    """The position in a token that ``page_token`` made. Raises ApiError 400 for any other text."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        if not hmac.compare_digest(raw[:8], _seal(raw[8:])):
            raise ValueError
        return msgspec.json.decode(raw[8:], type=kind)
    except (ValueError, msgspec.DecodeError):
        raise ApiError(400, "pageToken is not a token of this listing") from None


def _seal(told: bytes) -> bytes:
    return hashlib.blake2b(told, digest_size=8, key=_KEY).digest()
