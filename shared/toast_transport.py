"""One HTTP exchange with Toast, and the patience to repeat it: what every request has in common.

Failures are of two kinds. What may pass (a 5xx, a timeout, a cut connection, a 429) is a ``Transient``
and is tried again with growing pauses; what will not is a ToastRefused, at once.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

import requests
import requests.adapters
import structlog
import tenacity
from urllib3.exceptions import NewConnectionError

from shared.errors import ConfigurationError, ToastUnavailable
from shared.server_clock import ServerClock

log = structlog.get_logger()

T = TypeVar("T")

CONNECT_SECONDS = 4.0
# Longest silence inside a reply. A page of 100 orders takes Toast a second or two.
_READ_SECONDS = 30.0
# ... and before the first reply of a host, which may be the wrong one.
_FIRST_READ_SECONDS = 10.0
# A host that never answered is a wrong host or a broken network, more likely than a short outage.
_UNREACHED_SECONDS = 10.0
# Each 429 is waited for as long as Toast asks, however long; but not for ever.
_MOST_THROTTLES = 20
# Tens of threads share the pool; connections over its size would be thrown away after one request.
_CONNECTIONS = 64
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20.0
# Statuses below 500 that may pass: request timeout, too many requests, client closed request.
_PASSING = frozenset({408, 429, 499})

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "toast-bigquery-etl",
    "Connection": "keep-alive",
}


class UnreadableBody(ValueError):
    """A reply's body is not what it should be, as a whole: cut short or garbled. The request is repeated."""


class Usage:
    """What one call or unit cost at Toast: thread-safe counters.

    ``requests`` counts requests for data, repeated ones too; ``pages`` the pages that came of them;
    ``throttled`` the 429s among the replies; ``logins`` the logins, which are not in ``requests``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.pages = 0
        self.throttled = 0
        self.logins = 0

    def count(self, *, requests: int = 0, pages: int = 0, throttled: int = 0, logins: int = 0) -> None:
        """Add to the counters."""
        with self._lock:
            self.requests += requests
            self.pages += pages
            self.throttled += throttled
            self.logins += logins

    def add(self, other: Usage) -> None:
        """Add another's counters to these: a unit's to its call's, say."""
        self.count(requests=other.requests, pages=other.pages, throttled=other.throttled, logins=other.logins)

    def __repr__(self) -> str:
        return f"Usage(requests={self.requests}, pages={self.pages}, throttled={self.throttled}, logins={self.logins})"


class Call:
    """One request with all its repetitions: what it is, for whom, and how long it may go on."""

    __slots__ = ("began", "deadline", "endpoint", "held", "renewals", "restaurant", "throttles", "usage")

    def __init__(
        self,
        endpoint: str,
        restaurant: str | None,
        usage: Usage,
        *,
        began: float,
        deadline: float | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.restaurant = restaurant
        self.usage = usage
        self.began = began
        self.deadline = deadline
        self.held = 0.0
        """Seconds spent waiting for the rate limit: they do not count against patience."""
        self.throttles = 0
        self.renewals = 0
        """How often it went on with another token after a 401."""

    def __str__(self) -> str:
        return self.endpoint if self.restaurant is None else f"{self.endpoint} of restaurant {self.restaurant}"


class Transient(Exception):
    """An exchange failed in a way that may pass. ``pause``: seconds that the server asks to wait first.

    ``sent``: whether the server may have got the request.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        pause: float | None = None,
        sent: bool = True,
    ) -> None:
        self.status = status
        self.sent = sent
        self.request_id = request_id
        self.pause = pause
        super().__init__(reason)


class Reply(NamedTuple):
    """A whole reply; ``link`` is its Link header."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    link: str | None


def may_pass(status: int) -> bool:
    """Whether a request with this status is worth repeating."""
    return status >= 500 or status in _PASSING


class Transport:
    """Exchanges with one host, over one pool of connections. Thread-safe."""

    def __init__(
        self,
        host: str,
        clock: ServerClock,
        *,
        session: requests.Session | None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
        patience: float = 120.0,
    ) -> None:
        self.host = host.rstrip("/")
        self.reached = False
        """Whether the host ever answered."""
        self._clock = clock
        self._session = session or _session()
        self._monotonic = monotonic
        self._sleep = sleep
        self._uniform = uniform
        self._patience = patience
        try:
            # Proxies and certificates as the environment gives them: looked up once, not for each request.
            self._settings = self._session.merge_environment_settings(self.host, {}, None, None, None)
        except ValueError as error:
            raise _impossible(self.host, error) from None
        self._settings["stream"] = False

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """Send one request and read its whole reply, whatever its status; redirects are not followed.

        ``path`` may hold an encoded query. Raises Transient, and ConfigurationError for an impossible host.
        """
        request = requests.PreparedRequest()
        silence = _READ_SECONDS if self.reached else _FIRST_READ_SECONDS
        sent = self._monotonic()
        try:
            request.prepare(method=method, url=self.host + path, headers={**_HEADERS, **headers}, data=body)
            response = self._session.send(
                request, timeout=(CONNECT_SECONDS, silence), allow_redirects=False, **self._settings
            )
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as error:
            # "from None": the cause's text holds nothing more, and a chain of pools and sockets per retry.
            raise Transient(_reason(error), sent=not _unconnected(error)) from None
        except (requests.RequestException, ValueError) as error:
            raise _impossible(self.host, error) from None
        self.reached = True
        self._clock.observe(response.headers.get("Date"), sent, self._monotonic())
        return Reply(response.status_code, response.headers, response.content, response.headers.get("Link"))

    def persist(self, call: Call, attempt: Callable[[], T]) -> T:
        """Make attempts until one does not raise Transient.

        Raises ToastUnavailable when patience or the call's deadline ends first, and whatever else an
        attempt raises.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Transient),
            wait=self._pause,
            stop=lambda state: self._spent(call, state),
            sleep=self._sleep,
            before_sleep=lambda state: self._log_retry(call, state),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except Transient as failure:
            raise self._unavailable(call, failure) from failure

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Exponential backoff with jitter, or what the server asks for if that is longer."""
        failure = _failure(state)
        if failure.pause == 0.0:
            return 0.0  # the pacer holds it, or nothing needs to be waited for
        backoff = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (state.attempt_number - 1))
        return max(failure.pause or 0.0, backoff * self._uniform(0.5, 1.0))

    def _spent(self, call: Call, state: tenacity.RetryCallState) -> bool:
        begins = self._monotonic() + state.upcoming_sleep
        if call.deadline is not None and begins > call.deadline:
            return True
        if not self.reached:
            return begins + CONNECT_SECONDS > call.began + _UNREACHED_SECONDS
        return begins > call.began + call.held + self._patience or call.throttles > _MOST_THROTTLES

    def _log_retry(self, call: Call, state: tenacity.RetryCallState) -> None:
        failure = _failure(state)
        if failure.status in (401, 429):
            return  # told as toast_token_renewed and toast_throttled
        log.warning(
            "toast_retry",
            endpoint=call.endpoint,
            restaurant=call.restaurant,
            reason=str(failure),
            status=failure.status,
            request_id=failure.request_id,
            wait=round(state.upcoming_sleep, 3),
            attempt=state.attempt_number,
        )

    def _unavailable(self, call: Call, failure: Transient) -> ToastUnavailable:
        if not self.reached:
            return ToastUnavailable(
                f"Toast does not answer at {self.host}: {failure}. Check TOAST_API_HOST and the network."
            )
        took = self._monotonic() - call.began
        request_id = f", requestId {failure.request_id}" if failure.request_id else ""
        return ToastUnavailable(
            f"Toast did not answer {call} within {took:.0f} s of retries: {failure}{request_id}.",
            retry_after=max(failure.pause or 0.0, 60.0),
        )


def _impossible(host: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"TOAST_API_HOST is {host!r}, which cannot be asked ({type(error).__name__}): expected a URL "
        "such as https://ws-api.toasttab.com."
    )


def _session() -> requests.Session:
    session = requests.Session()
    # One host; each retry is ours, so that it is counted, paced and logged.
    adapter = requests.adapters.HTTPAdapter(pool_connections=2, pool_maxsize=_CONNECTIONS, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _failure(state: tenacity.RetryCallState) -> Transient:
    failure = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(failure, Transient):  # tenacity asks only after a Transient
        raise TypeError(f"expected a Transient, found {failure!r}")
    return failure


def _reason(error: Exception) -> str:
    """A short text for a failed exchange: the innermost cause's own words, without URLs and object names."""
    if isinstance(error, requests.Timeout):
        where = "connect" if isinstance(error, requests.ConnectTimeout) else "read"
        return f"timed out ({where})"
    text, inner = type(error).__name__, _inner(error)
    for _ in range(8):  # deeper than any chain that was seen; a chain could also bite its tail
        if inner is None:
            break
        if isinstance(inner, OSError) and inner.strerror:
            text = inner.strerror
        inner = _inner(inner)
    return f"connection failed ({text})"


def _unconnected(error: requests.RequestException) -> bool:
    """Whether there was no connection through which anything could have been sent."""
    inner: BaseException | None = error
    for _ in range(8):
        if isinstance(inner, requests.ConnectTimeout | NewConnectionError):
            return True
        inner = _inner(inner) if inner is not None else None
    return False


def _inner(error: BaseException) -> BaseException | None:
    """The error that this one wraps: requests and urllib3 keep it as an argument, as "reason" or as the cause."""
    for one in (getattr(error, "reason", None), *error.args, error.__cause__, error.__context__):
        if isinstance(one, BaseException) and one is not error:
            return one
    return None


def same_host(url: str, host: str) -> bool:
    """Whether two URLs name the same host and port."""
    return urlsplit(url).netloc.lower() == urlsplit(host).netloc.lower()
