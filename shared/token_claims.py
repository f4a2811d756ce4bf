"""Who may log in to Toast, and who waits: the decisions behind the one token of all instances, and nothing else.

Toast allows two logins an hour per client (developer guide, "Authentication"). What the instances must know of each
other to keep to that stands in one annotation of the secret that holds the token: which version is current, when
logins were begun, who is logging in, and how the last try ended. Whoever changes it, changes what it has read, or
nothing: the secret's etag sees to that. All times are UNIX seconds of the machine that wrote them.
"""

from __future__ import annotations

import hashlib
from typing import Literal, NamedTuple

import msgspec

MOST_LOGINS = 2
HOUR_SECONDS = 3600.0
# A refusal is repeated to whoever asks so soon after it.
REFUSED_SECONDS = 60.0
# A login takes a second as a rule; this is how long one that died keeps the others waiting.
CLAIM_SECONDS = 45.0
# Clocks of machines differ by less. What lies further ahead than it can was written by a wrong clock.
_SKEW_SECONDS = 30.0


class Share(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the instances tell each other about the token of one client id."""

    version: int = 0
    """The version of the secret that holds the token; 0 before the first."""
    logins: tuple[float, ...] = ()
    """When logins were begun that brought a token, or of which nobody knows: no more than two of the last hour."""
    claimed_by: str = ""
    """A random name of the one who is logging in."""
    claimed_until: float = 0.0
    failed_at: float = 0.0
    """When the last try to log in ended without a token; 0 after a success."""
    refused: int = 0
    """The HTTP status with which Toast refused it; 0 if it may pass."""

    @classmethod
    def read(cls, text: str | None) -> Share:
        """Read an annotation; one that is missing or was spoilt by hand counts as empty."""
        try:
            return _share.decode(text) if text else cls()
        except (msgspec.DecodeError, UnicodeEncodeError):
            return cls()

    def written(self) -> str:
        """The annotation's text: printable, without anything secret."""
        return msgspec.json.encode(self).decode()

    def claimed(self, me: str, now: float) -> Share:
        """After ``me`` began a login: it counts from now on, so that it also counts if its process dies."""
        logins = (*(moment for moment in self.logins if moment > now - HOUR_SECONDS), now)
        return msgspec.structs.replace(self, claimed_by=me, claimed_until=now + CLAIM_SECONDS, logins=logins)

    def published(self, me: str, version: int) -> Share:
        """After ``me`` stored a token; a newer one that somebody else stored meanwhile stays the current one."""
        share = msgspec.structs.replace(self, version=max(version, self.version), failed_at=0.0, refused=0)
        return share._without_claim(me)

    def given_up(self, me: str, *, began: float, counts: bool) -> Share:
        """After the login that ``me`` began ended without a token; ``counts``: there may be one that got lost."""
        logins = self.logins if counts else tuple(moment for moment in self.logins if moment != began)
        return msgspec.structs.replace(self, logins=logins)._without_claim(me)

    def failed(self, now: float, *, refused: int) -> Share:
        """After Toast failed a login; ``refused``: the HTTP status if it will do so again, else 0."""
        return msgspec.structs.replace(self, failed_at=now, refused=refused)

    def _without_claim(self, me: str) -> Share:
        """A claim that ran out and is somebody else's by now is not given back."""
        return msgspec.structs.replace(self, claimed_by="", claimed_until=0.0) if self.claimed_by == me else self


_share = msgspec.json.Decoder(Share)


class Step(NamedTuple):
    """What to do next, and after how many seconds that can change.

    ``wait``: somebody is logging in. ``spent``: no login is left. ``failed``: the login that was waited for failed.
    """

    kind: Literal["log_in", "wait", "spent", "failed"]
    seconds: float = 0.0


def next_step(share: Share, now: float, *, me: str, failed_before: float) -> Step:
    """What ``me`` does when the token cannot be used.

    ``failed_before`` is the ``failed_at`` that it found when it began: another one is the outcome of the login that
    it waited for, which it shares. A refusal is shared for a minute by all.
    """
    refused_just_now = share.refused and abs(now - share.failed_at) < REFUSED_SECONDS
    if refused_just_now or (share.failed_at and share.failed_at != failed_before):
        return Step("failed", REFUSED_SECONDS)
    left = share.claimed_until - now
    if share.claimed_by not in ("", me) and 0 < left <= CLAIM_SECONDS + _SKEW_SECONDS:
        return Step("wait", left)
    wait = seconds_until_login(share.logins, now)
    return Step("spent", wait) if wait > 0 else Step("log_in")


def seconds_until_login(logins: tuple[float, ...], now: float) -> float:
    """How long until another login is within Toast's limit, given when the others were begun; 0: now.

    A login of the future was written by a clock that is ahead, and counts as one of now.
    """
    recent = sorted(min(moment, now) for moment in logins if moment > now - HOUR_SECONDS)
    return recent[-MOST_LOGINS] + HOUR_SECONDS - now if len(recent) >= MOST_LOGINS else 0.0


def client_hash(client_id: str) -> str:
    """A name for a client id that does not tell it."""
    return hashlib.sha256(client_id.encode()).hexdigest()


def annotation_of(client: str) -> str:
    """The key of a client's annotation; ``client`` is its hash. Several clients can share a secret."""
    return f"toast-token-{client[:16]}"
