"""One Toast token for all instances, kept in a secret of Secret Manager.

    read the annotation ─► a token that lasts? take it
                        ─► somebody is logging in? wait, read again
                        ─► claim the login, log in, add a version, say so in the annotation, destroy the old version

The claim is an update of the annotation that names the etag with which it was read, so of several only one is made.
It ends by itself after a while, so that a process that died keeps nobody waiting for long; then a second login may
begin while the first still goes on, which is harmless: what holds Toast's limit of two logins an hour is that each
is written down, in the same update, before it begins.

Moments are UNIX seconds. An instance whose clock is behind may hand out a token that has ended: Toast answers 401, and
the token is replaced. One whose clock is ahead logs in early, gets the same token again and stores it.

Where the secret is missing, may not be used, or Secret Manager is down, an instance logs in by itself.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import structlog

from shared.errors import ToastError, ToastRefused, ToastUnavailable
from shared.token_claims import MOST_LOGINS, Share, Step, annotation_of, client_hash, next_step
from shared.token_secret import SecretMissing, SecretState, SecretUnusable, TokenSecret

log = structlog.get_logger()

# Longer than the two claims within an hour can take together.
_PATIENCE_SECONDS = 120.0
# Secret Manager allows some hundred reads a minute in all.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0
_MOST_CONFLICTS = 8


class SharedToken:
    """An access token; its value does not show in its repr. ``renew_at``: when to renew it, before Toast ends it.

    ``version``: of the secret; 0 for a token that is not in it.
    """

    __slots__ = ("renew_at", "value", "version")

    def __init__(self, value: str, renew_at: float, version: int = 0) -> None:
        self.value = value
        self.renew_at = renew_at
        self.version = version


class LoginOnce(NamedTuple):
    """How to log in to Toast, and what is known of it afterwards."""

    log_in: Callable[[], SharedToken]
    """Raises ToastError."""
    may_have_token: Callable[[], bool]
    """Whether Toast may have given a token, also one that did not arrive."""


class _Payload(msgspec.Struct, frozen=True):
    """What a version of the secret holds."""

    token: str
    renew_at: float
    client: str
    """Hash of the client id that it is for."""

    def __repr__(self) -> str:
        """Leave the token out: a repr ends up in logs and tracebacks."""
        return f"_Payload(renew_at={self.renew_at!r})"

    def __rich_repr__(self) -> list[tuple[str, float]]:
        """Leave it out for rich too, which shows a struct's fields in tracebacks."""
        return [("renew_at", self.renew_at)]


_payload = msgspec.json.Decoder(_Payload)


class TokenCache:
    """The token of one client id, shared with all processes that use the same secret."""

    def __init__(
        self,
        secret: TokenSecret,
        client_id: str,
        *,
        unix: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``unix`` and ``monotonic`` are seams for tests."""
        self._secret = secret
        self._client = client_hash(client_id)
        self._key = annotation_of(self._client)
        self.unix = unix
        self._monotonic = monotonic
        self._warned = False

    def token(
        self, login: LoginOnce, *, failed: SharedToken | None = None, deadline: float | None = None
    ) -> SharedToken:
        """A token that lasts, other than ``failed``, to which Toast answered 401; logs in if nobody else does.

        Waits for another's login until ``deadline``, of the monotonic clock, or two minutes.

        Raises what a login raises, also where another instance's login failed meanwhile, and ToastUnavailable when
        the logins that Toast allows are spent: its ``retry_after`` says for how long.
        """
        until = self._monotonic() + _PATIENCE_SECONDS
        try:
            claimed = self._take_or_claim(failed, until if deadline is None else min(deadline, until))
        except SecretUnusable as problem:
            self._warn(problem)
            return login.log_in()
        return claimed if isinstance(claimed, SharedToken) else self._log_in(login, *claimed)

    def _take_or_claim(self, failed: SharedToken | None, until: float) -> SharedToken | tuple[str, float]:
        """A token that somebody stored, or the right to log in: a name for it, and since when it counts."""
        me, failed_before, pause = uuid.uuid4().hex, None, _FIRST_PAUSE
        known: dict[int, SharedToken | None] = {0: None}
        while True:
            state, share = self._read()
            if share.version not in known:
                known[share.version] = self._stored(share.version)
            token = known[share.version]
            if token is not None and self._is_good(token, failed):
                return token
            now = self.unix()
            failed_before = share.failed_at if failed_before is None else failed_before
            step = next_step(share, now, me=me, failed_before=failed_before)
            if step.kind in ("failed", "spent"):
                raise _failure(step, share)
            if step.kind == "log_in" and self._write(state, share.claimed(me, now)):
                return me, now
            self._wait(min(pause, step.seconds or pause), until, step)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _log_in(self, login: LoginOnce, me: str, began: float) -> SharedToken:
        try:
            token = login.log_in()
        except BaseException as error:
            self._give_up(me, began, error, counts=login.may_have_token())
            raise
        return SharedToken(token.value, token.renew_at, self._publish(token, me, began))

    def _give_up(self, me: str, began: float, error: BaseException, *, counts: bool) -> None:
        """Give the claim back, and the login if it surely brought no token; tell those who wait why it failed."""
        refused = error.status if isinstance(error, ToastRefused) else 0

        def change(share: Share) -> Share:
            share = share.given_up(me, began=began, counts=counts)
            return share.failed(self.unix(), refused=refused) if isinstance(error, ToastError) else share

        self._change(change)

    def _publish(self, token: SharedToken, me: str, began: float) -> int:
        """Store a token for the others; its version. A failure is logged only: this process has its token."""
        payload = msgspec.json.encode(_Payload(token.value, token.renew_at, self._client))
        try:
            version = self._secret.add(payload)
        except SecretUnusable as problem:
            self._warn(problem)
            # Where nobody can store a token, each logs in by itself, as if there were no secret.
            counts = not isinstance(problem, SecretMissing)
            self._change(lambda share: share.given_up(me, began=began, counts=counts))
            return 0
        before = self._change(lambda share: share.published(me, version))
        log.info("toast_token_stored", secret=self._secret.name, version=version)
        if before is not None:
            self._clean_up(before.version)
        return version

    def _clean_up(self, superseded: int) -> None:
        """Destroy what is not pointed at any more; other clients' tokens can be in the same secret."""
        try:
            annotations = self._secret.state().annotations
            prefix = annotation_of("")
            keep = {Share.read(text).version for key, text in annotations.items() if key.startswith(prefix)}
            self._secret.destroy(superseded, keep)
        except SecretUnusable as problem:
            self._warn(problem)

    # --- reading and writing the secret ---------------------------------------------------------------

    def _read(self) -> tuple[SecretState, Share]:
        state = self._secret.state()
        return state, Share.read(state.annotations.get(self._key))

    def _write(self, state: SecretState, share: Share) -> bool:
        return self._secret.update({**state.annotations, self._key: share.written()}, state.etag)

    def _change(self, change: Callable[[Share], Share]) -> Share | None:
        """Change what is written there, whoever else does at the same time; what it was before, None if it failed."""
        try:
            for attempt in range(_MOST_CONFLICTS):
                if attempt:
                    time.sleep(random.uniform(0.5, 1.0) * _FIRST_PAUSE)  # noqa: S311 - spreads instances
                state, share = self._read()
                if self._write(state, change(share)):
                    return share
            self._warn(SecretUnusable("the secret changed each time"))
        except SecretUnusable as problem:
            self._warn(problem)
        return None

    def _stored(self, version: int) -> SharedToken | None:
        payload = self._secret.payload(version)
        try:
            found = _payload.decode(payload or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return SharedToken(found.token, found.renew_at, version) if found.client == self._client else None

    def _is_good(self, token: SharedToken, failed: SharedToken | None) -> bool:
        if self.unix() >= token.renew_at:
            return False
        if failed is None:
            return True
        # A newer version counts even with the same value: it says that a login did not bring another one.
        return token.version > failed.version if failed.version else token.value != failed.value

    def _wait(self, seconds: float, until: float, step: Step) -> None:
        if self._monotonic() + seconds > until:
            raise ToastUnavailable(
                "Another instance is logging in to Toast, and did not end in time.", retry_after=max(1.0, step.seconds)
            )
        time.sleep(seconds * random.uniform(0.5, 1.0))  # noqa: S311 - spreads instances that began together

    def _warn(self, problem: SecretUnusable) -> None:
        """Log it; what an operator has to mend only once."""
        if not isinstance(problem, SecretMissing):
            log.warning("toast_token_not_shared", secret=self._secret.name, reason=str(problem))
        elif not self._warned:
            self._warned = True
            log.warning("toast_token_not_shared", secret=self._secret.name, reason=str(problem))


def _failure(step: Step, share: Share) -> ToastError:
    if step.kind == "spent":
        return ToastUnavailable(
            f"Toast allows {MOST_LOGINS} logins an hour, and these are spent: the next one is possible in "
            f"{step.seconds:.0f} s.",
            retry_after=max(1.0, step.seconds),
        )
    if share.refused:
        return ToastRefused(
            f"Toast refused the login of another instance just now (HTTP {share.refused}); that one's log has Toast's "
            "message. Check the credentials.",
            status=share.refused,
        )
    return ToastUnavailable(
        "The login of another instance, which this one waited for, failed; that one's log says why.",
        retry_after=step.seconds,
    )
