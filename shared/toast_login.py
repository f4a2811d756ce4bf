"""Toast's access token: got once per process or taken from another one, shared by all threads, renewed late.

Toast's rules (developer guide, "Authentication"): at most two logins an hour; one token serves all
locations; a login before the token's last minute brings the same token again; ``expiresIn`` is the
token's *remaining* life in seconds. So no failure here is ever answered by logging in again and again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import structlog

from shared.errors import ToastError, ToastRefused, ToastUnavailable
from shared.secrets_utils import Credentials
from shared.toast_transport import Call, Reply, Transient, Transport, Usage, may_pass
from shared.token_cache import LoginOnce, SharedToken, TokenCache

log = structlog.get_logger()

_PATH = "/authentication/v1/authentication/login"
# Renewed with this many seconds left. More than 60 would bring the same token again; much less, and a request
# that waits for a connection could arrive with an expired one. The 15 s to the minute make up for a slow login
# reply: the remaining life is counted from before the request was sent.
_MARGIN_SECONDS = 45.0
_LAST_MINUTE_SECONDS = 60.0
# What Toast refused once it will refuse again: it is not asked again so soon.
_REFUSED_SECONDS = 60.0
# After this many renewals in a row without one token that worked, no login before so many seconds: Toast allows
# two an hour.
_MOST_USELESS_RENEWALS = 2
_HOPELESS_SECONDS = 1800.0


class ErrorBody(msgspec.Struct, rename="camel"):
    """Toast's error body; its schema is not the same for all APIs, so nothing is taken for granted."""

    message: str | None = None
    code: int | str | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, body: bytes) -> ErrorBody:
        """Read a body; an empty record when it is anything else (a proxy's HTML page, say)."""
        try:
            return _error_body.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return cls()

    def told(self, status: int) -> str:
        """Toast's message with everything that its support asks for."""
        details = [f"HTTP {status}"]
        if self.code is not None:
            details.append(f"code {self.code}")
        if self.request_id:
            details.append(f"requestId {self.request_id}")
        return f"{(self.message or 'no message')[:500]} ({', '.join(details)})"


class Token:
    """An access token; its value does not show in its repr.

    ``renewals``: how many tokens in a row, this one included, came of a 401 to one that had never worked
    since it was renewed. ``worked``: Toast took it at least once. ``version``: where it is shared, see SharedToken.
    """

    __slots__ = ("got_at", "renew_at", "renewals", "value", "version", "worked")

    def __init__(self, value: str, *, got_at: float, renew_at: float, renewals: int, version: int = 0) -> None:
        self.value = value
        self.got_at = got_at
        self.renew_at = renew_at
        self.renewals = renewals
        self.version = version
        self.worked = False


class _TokenBody(msgspec.Struct, rename="camel"):
    access_token: str
    expires_in: float


class _LoginBody(msgspec.Struct):
    token: _TokenBody


_error_body, _login_body = msgspec.json.Decoder(ErrorBody), msgspec.json.Decoder(_LoginBody)


class Login:
    """The one access token of a client. Thread-safe: one thread logs in, the others wait for its outcome.

    With a TokenCache the same holds for processes.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        monotonic: Callable[[], float],
        shared: TokenCache | None = None,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._monotonic = monotonic
        self._shared = shared
        self._may_have_token = False
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._failures = 0
        self._failure: ToastError | None = None
        self._failed_at = 0.0

    def token(self, usage: Usage, deadline: float | None = None) -> Token:
        """The current token; logs in when there is none, or when it ends within the minute.

        Raises ToastRefused when Toast does not take the credentials, ToastUnavailable when it does not answer.
        """
        token, failures = self._token, self._failures
        if token is not None and self._monotonic() < token.renew_at:
            return token
        with self._lock:
            if self._token is not None and self._monotonic() < self._token.renew_at:
                return self._token
            self._repeat_failure(failures)
            return self._log_in(usage, deadline, renewals=0)

    def renew(self, failed: Token, usage: Usage, deadline: float | None = None, *, again: bool = False) -> bool:
        """Get a new token after Toast answered 401 to ``failed``; whether another attempt makes sense.

        Logs in only if nobody else did meanwhile. Not when renewed tokens do not work either: then the login
        is not what is wrong. ``again``: the same request was answered 401 before; it gets no second login
        for nothing.
        """
        failures = self._failures
        with self._lock:
            if self._token is not failed:
                return True
            useless = 0 if failed.worked else failed.renewals
            most = 1 if again else _MOST_USELESS_RENEWALS
            if useless >= most and self._monotonic() < failed.got_at + _HOPELESS_SECONDS:
                return False
            self._repeat_failure(failures)
            log.info("toast_token_renewed", reason="HTTP 401")
            self._log_in(usage, deadline, renewals=useless + 1, failed=failed)
            return True

    def redact(self, text: str) -> str:
        """Take the credentials and the token out of a text that Toast sent."""
        secrets = [self._credentials.client_secret, self._token.value if self._token is not None else ""]
        for secret in secrets:
            text = text.replace(secret, "…") if secret else text
        return text

    def _repeat_failure(self, failures_before: int) -> None:
        """Share the failure of a login that went on while this thread waited, and any recent refusal."""
        failure = self._failure
        if isinstance(failure, ToastRefused) and self._monotonic() < self._failed_at + _REFUSED_SECONDS:
            raise ToastRefused(str(failure), status=failure.status, request_id=failure.request_id)
        if isinstance(failure, ToastUnavailable) and self._failures != failures_before:
            raise ToastUnavailable(str(failure), retry_after=failure.retry_after)

    def _log_in(self, usage: Usage, deadline: float | None, *, renewals: int, failed: Token | None = None) -> Token:
        call = Call("login", None, usage, began=self._monotonic(), deadline=deadline)
        try:
            if self._shared is None:
                token = self._transport.persist(call, lambda: self._attempt(call, renewals))
            else:
                token = self._take(self._shared, call, renewals, failed)
        except ToastError as error:
            self._failure, self._failed_at = error, self._monotonic()
            self._failures += 1
            raise
        self._token, self._failure = token, None
        return token

    def _take(self, shared: TokenCache, call: Call, renewals: int, failed: Token | None) -> Token:
        """The token of all processes; logs in for them if it falls to this one."""
        self._may_have_token = False

        def log_in() -> SharedToken:
            token = self._transport.persist(call, lambda: self._attempt(call, renewals))
            return SharedToken(token.value, shared.unix() + token.renew_at - self._monotonic())

        found = shared.token(
            LoginOnce(log_in, lambda: self._may_have_token),
            failed=SharedToken(failed.value, 0.0, failed.version) if failed is not None else None,
            deadline=call.deadline,
        )
        now = self._monotonic()
        renew_at = now + found.renew_at - shared.unix()
        return Token(found.value, got_at=now, renew_at=renew_at, renewals=renewals, version=found.version)

    def _attempt(self, call: Call, renewals: int) -> Token:
        asked_at = self._monotonic()
        call.usage.count(logins=1)
        body = msgspec.json.encode(
            {
                "clientId": self._credentials.client_id,
                "clientSecret": self._credentials.client_secret,
                "userAccessType": "TOAST_MACHINE_CLIENT",
            }
        )
        had_token, self._may_have_token = self._may_have_token, True
        try:
            reply = self._transport.exchange("POST", _PATH, {"Content-Type": "application/json"}, body)
        except Transient as failure:
            self._may_have_token = had_token or failure.sent
            raise
        if reply.status >= 300:
            self._may_have_token = had_token
            raise self._refusal(reply, call)
        try:
            token = _login_body.decode(reply.body).token
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Not chained: the decoder's text could quote what is in the body, and that is a token.
            raise Transient("the login reply could not be read", status=reply.status) from None
        left = token.expires_in
        # In its last minute Toast should have given a new token; if it did not, another login would not help.
        usable = left - _MARGIN_SECONDS if left > _LAST_MINUTE_SECONDS else max(left, _MARGIN_SECONDS)
        return Token(token.access_token, got_at=asked_at, renew_at=asked_at + usable, renewals=renewals)

    def _refusal(self, reply: Reply, call: Call) -> Exception:
        error = ErrorBody.of(reply.body)
        told = self.redact(error.told(reply.status))
        if may_pass(reply.status):
            call.throttles += reply.status == 429
            call.usage.count(throttled=reply.status == 429)
            pause = retry_after(reply.headers.get("Retry-After"))
            return Transient(told, status=reply.status, request_id=error.request_id, pause=pause)
        if reply.status in (400, 401, 403):
            advice = f"Toast does not take the credentials from {self._credentials.source}: {told}. Correct them there."
        else:  # no such path, or a redirect, which credentials do not follow
            advice = f"Toast's login is not at {self._transport.host}: {told}. Check TOAST_API_HOST."
        return ToastRefused(advice, status=reply.status, request_id=error.request_id)


def retry_after(value: str | None) -> float | None:
    """The seconds of a Retry-After header; None when it is missing or not a number of seconds."""
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None
