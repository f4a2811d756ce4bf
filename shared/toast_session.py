"""One request to Toast, behind which login, pace and retries are hidden: a whole reply, or an error that says why not.

ToastRefused when Toast says no for good, ToastUnavailable when it did not answer in time.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlencode

import requests
import structlog

from shared.config import RateProfile
from shared.errors import OutOfTime, ToastRefused, ToastUnavailable
from shared.pacing import Limits, Line, Pacer, WaitTooLong
from shared.secrets_utils import Credentials
from shared.server_clock import ServerClock, unix_seconds
from shared.toast_endpoints import GLOBAL_PER_SECOND, Endpoint
from shared.toast_login import ErrorBody, Login, Token, retry_after
from shared.toast_transport import Call, Reply, Transient, Transport, UnreadableBody, Usage, may_pass
from shared.token_cache import TokenCache

log = structlog.get_logger()

T = TypeVar("T")

# A 429 without Retry-After and Reset.
_BLIND_HOLD_SECONDS = 1.0
# The longest hold that can be meant: Toast's longest slice is a quarter of an hour.
_LONGEST_HOLD_SECONDS = 960.0
_MOST_RENEWALS = 3


class ToastSession:
    """One tenant's access to Toast, request by request. Thread-safe; shared by all calls of a process."""

    def __init__(
        self,
        host: str,
        credentials: Credentials,
        *,
        profile: RateProfile = "documented",
        share: int = GLOBAL_PER_SECOND,
        session: requests.Session | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
        patience: float = 120.0,
        shared: TokenCache | None = None,
    ) -> None:
        """``share``: of the requests that Toast allows a restaurant in a second, how many are this session's.
        ``patience``: seconds for which one request is repeated, waits for the rate limit not counted.
        ``shared``: where the token is shared with other processes; None: this one logs in by itself.

        ``monotonic``, ``sleep`` and ``uniform`` are seams for tests.
        """
        self._monotonic = monotonic
        self._clock = ServerClock(monotonic)
        self._transport = Transport(
            host,
            self._clock,
            session=session,
            monotonic=monotonic,
            sleep=sleep,
            uniform=uniform,
            patience=patience,
        )
        self._login = Login(self._transport, credentials, monotonic, shared)
        self._pacer = Pacer(self._clock, profile, share=share, monotonic=monotonic, sleep=sleep)

    @property
    def host(self) -> str:
        """Toast's base URL."""
        return self._transport.host

    def now(self) -> dt.datetime:
        """The time by Toast's clock, aware UTC; never ahead of it, behind it by a second at the most.

        Before the first reply this logs in, to get one, or asks for nothing if the token is there already. Raises
        what a login raises.
        """
        if not self._clock.known:
            self._login.token(Usage())
        if not self._clock.known and not self._transport.reached:  # the token is another process's
            call = Call("clock", None, Usage(), began=self._monotonic())
            self._transport.persist(call, self._greet)
        if not self._clock.known:
            raise ToastUnavailable(f"{self.host} sends no Date header: Toast's clock is not known.")
        return self._clock.now()

    def fetch(
        self,
        endpoint: Endpoint,
        restaurant: str | None,
        params: Mapping[str, str],
        decode: Callable[[bytes], T],
        *,
        usage: Usage,
        deadline: float | None,
    ) -> tuple[T, Reply]:
        """One reply, its body decoded and then let go of; asked for until it comes whole.

        ``decode`` raises UnreadableBody for a body that is not whole. ``deadline`` is a moment of the monotonic
        clock past which no retry begins, and no wait for the rate limit. ``restaurant`` is None for what is about
        none in particular.

        Raises ToastRefused, ToastUnavailable, or OutOfTime when the limit asks to wait past the deadline.
        """
        call = Call(endpoint.name, restaurant, usage, began=self._monotonic(), deadline=deadline)
        path = endpoint.path.replace("{guid}", restaurant or "")
        if params:
            path += "?" + urlencode(params)  # encodes the + of an offset, which would arrive as a space

        def attempt() -> tuple[T, Reply]:
            reply = self._ask(endpoint, restaurant, path, call)
            try:
                return decode(reply.body), reply._replace(body=b"")
            except UnreadableBody as error:
                raise Transient(f"unreadable body of {len(reply.body)} bytes: {error}", status=reply.status) from None

        return self._transport.persist(call, attempt)

    def _greet(self) -> None:
        """Any reply tells the time, also that there is no such path."""
        reply = self._transport.exchange("GET", "/", {})
        if may_pass(reply.status):
            raise Transient("no such reply as to tell the time from", status=reply.status)

    def _ask(self, endpoint: Endpoint, restaurant: str | None, path: str, call: Call) -> Reply:
        """One attempt: a reply with status 2xx. Raises Transient, ToastRefused, ToastUnavailable or OutOfTime."""
        self._login.token(call.usage, call.deadline)  # before standing in line: what is let through goes at once
        line = self._admit(endpoint, restaurant, call)
        limits: Limits | None = None
        date: float | None = None
        try:
            token = self._login.token(call.usage, call.deadline)
            call.usage.count(requests=1)
            headers = {"Authorization": f"Bearer {token.value}"}
            if restaurant is not None:
                headers["Toast-Restaurant-External-ID"] = restaurant
            reply = self._transport.exchange("GET", path, headers)
            limits, date = Limits.of(reply.headers), unix_seconds(reply.headers.get("Date"))
        finally:
            self._pacer.answered(line, limits, date)
        if reply.status != 401:
            token.worked = True
        if 200 <= reply.status < 300:
            return reply
        if reply.status == 429:
            raise self._throttled(reply, line, limits, call)
        raise self._failure(reply, endpoint, token, call)

    def _admit(self, endpoint: Endpoint, restaurant: str | None, call: Call) -> Line:
        asked = self._monotonic()
        try:
            # What is about no restaurant is counted by address: a location of its own.
            return self._pacer.admit(restaurant or "", endpoint, deadline=call.deadline)
        except WaitTooLong as error:
            raise OutOfTime(f"{call}: time ran short, {error}", retry_after=max(1.0, error.seconds)) from None
        finally:
            call.held += self._monotonic() - asked

    def _throttled(self, reply: Reply, line: Line, limits: Limits | None, call: Call) -> Exception:
        """Close the limit for everybody as long as Toast asks for."""
        call.throttles += 1
        call.usage.count(throttled=1)
        error = ErrorBody.of(reply.body)
        wait = retry_after(reply.headers.get("Retry-After"))
        if wait is None and limits is not None and self._clock.known:
            wait = self._clock.moment_of(limits.reset) - self._monotonic()
        wait = max(wait, 0.0) if wait is not None else _BLIND_HOLD_SECONDS * 2.0 ** min(call.throttles - 1, 6)
        log.warning(
            "toast_throttled",
            endpoint=call.endpoint,
            restaurant=call.restaurant,
            status=429,
            request_id=error.request_id,
            limit=limits.by if limits else None,
            wait=round(wait, 3),
        )
        if wait > _LONGEST_HOLD_SECONDS:
            return ToastUnavailable(f"Toast asks to leave {call} alone for {wait:.0f} s (HTTP 429).", retry_after=wait)
        self._pacer.close(line, limits, wait)
        return Transient(self._login.redact(error.told(429)), status=429, request_id=error.request_id, pause=0.0)

    def _failure(self, reply: Reply, endpoint: Endpoint, token: Token, call: Call) -> Exception:
        """What a reply other than 2xx and 429 means."""
        error = ErrorBody.of(reply.body)
        told = self._login.redact(error.told(reply.status))
        if may_pass(reply.status):
            pause = retry_after(reply.headers.get("Retry-After"))
            return Transient(told, status=reply.status, request_id=error.request_id, pause=pause or None)
        if reply.status == 401 and self._has_new_token(token, call):
            return Transient(told, status=401, request_id=error.request_id, pause=0.0)
        message = f"Toast refused {call}: {told}{_advice(reply.status, endpoint)}"
        return ToastRefused(message, status=reply.status, request_id=error.request_id)

    def _has_new_token(self, failed: Token, call: Call) -> bool:
        """Whether another attempt after a 401 makes sense; logs in if need be.

        Once as a rule. More often only where several threads go on while tokens expire under them.
        """
        call.renewals += 1
        if call.renewals > _MOST_RENEWALS:
            return False
        return self._login.renew(failed, call.usage, call.deadline, again=call.renewals > 1)


def _advice(status: int, endpoint: Endpoint) -> str:
    if 300 <= status < 400:
        return ". This is a redirect, and credentials are not sent on: check TOAST_API_HOST."
    match status:
        case 401:
            return ". A new login did not help: check that the credentials are active."
        case 403:
            return (
                f". Ask Toast to give the credentials the scope {endpoint.scope} ({endpoint.path}) and to connect them "
                "to this restaurant; a new connection can take more than 15 minutes."
            )
        case 404:
            return ". Check the restaurant's GUID in restaurants.toml."
    return "."
