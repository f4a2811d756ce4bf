"""A proxy between the functions and the emulated BigQuery that loses replies of jobs, as a network does.

    with LossyProxy(emulator.url) as proxy:
        proxy.lose("load", times=1)   # the job runs; whoever sent it sees the connection end
        ... BIGQUERY_EMULATOR_HOST=proxy.url ...

BigQuery runs a job id once, answers 409 when it comes again, and tells what became of it. The emulator would run it
again, and tells nothing of jobs that load a file. Since a lost reply is what makes a client ask for either, the proxy
answers in the emulator's place.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

JobKind = Literal["query", "load"]

REPLY_SECONDS = 300.0
# Headers of one connection, which are not passed on to the next; the length is that of the body as it was read.
_OF_THE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class _Job(NamedTuple):
    """A job that a request submits; a load comes in two requests, of which the first one only announces it."""

    id: str
    kind: JobKind
    runs: bool


class _Reply(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class _Loss:
    """Replies to lose: of so many jobs of a kind, after so many that pass."""

    def __init__(self, kind: JobKind, times: int, after: int) -> None:
        self.kind = kind
        self.times = times
        self.after = after

    def strikes(self) -> bool:
        """Whether the next reply is lost."""
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return self.times >= 0


class LossyProxy:
    """Passes requests on to `upstream`, and loses the replies that it is asked to lose. Use it as a context manager.

    A request that cannot be passed on, since nobody listens there, ends as one to a closed port does: without a reply.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream).netloc
        self._losses: list[_Loss] = []
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._open = True
        self._passing = 0
        self._job_locks: dict[str, threading.Lock] = {}
        self._taken: set[str] = set()
        self._told: dict[str, _Reply] = {}
        self._uploads: dict[str, str] = {}
        self.lost: Counter[JobKind] = Counter()
        """How many replies were lost, by kind of job."""
        proxy = self

        class Handler(_Handler):
            def pass_on(self, method: str, body: bytes) -> _Reply | None:
                return proxy._answer(method, self.path, dict(self.headers.items()), body)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where the proxy takes requests."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def lose(self, kind: JobKind, *, times: int = 1, after: int = 0) -> None:
        """Lose the replies of the next `times` jobs of a kind, after `after` of them that pass.

        The job runs to its end; then the connection is cut.
        """
        with self._lock:
            self._losses.append(_Loss(kind, times, after))

    def lose_nothing(self) -> None:
        """Let every reply pass from now on."""
        with self._lock:
            self._losses.clear()

    @contextlib.contextmanager
    def cut_off(self) -> Iterator[None]:
        """While this is held, requests end without having been passed on; those under way are waited for at its start.

        For restarts of the emulator: BigQuery never forgets a job that it has begun, the emulator does.
        """
        with self._idle:
            self._open = False
            self._idle.wait_for(lambda: self._passing == 0, REPLY_SECONDS)
        try:
            yield
        finally:
            with self._lock:
                self._open = True

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> _Reply | None:
        """The reply to a request; None: there is none, cut the connection."""
        with self._lock:
            if not self._open:
                return None
            self._passing += 1
        try:
            job = self._job_of(method, path, body)
            if job is None:
                told = self._told.get(_last_part(path)) if method == "GET" else None
                return told or self._pass_on(method, path, headers, body)
            with self._lock:
                lock = self._job_locks.setdefault(job.id, threading.Lock())
            with lock:  # a second request for the job waits until the first one is through, and is refused then
                return self._submit(job, method, path, headers, body)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            with self._idle:
                self._passing -= 1
                self._idle.notify_all()

    def _submit(self, job: _Job, method: str, path: str, headers: dict[str, str], body: bytes) -> _Reply | None:
        if job.id in self._taken:
            return _already_exists(job.id)
        reply = self._pass_on(method, path, headers, body)
        if reply.status != http.client.OK:
            return reply
        if not job.runs:
            self._remember_upload(job.id, reply)
            return reply
        with self._lock:
            self._taken.add(job.id)
            lost = any(loss.strikes() for loss in self._losses if loss.kind == job.kind)
            if lost:
                self.lost[job.kind] += 1
                self._told[job.id] = reply
        return None if lost else reply

    def _job_of(self, method: str, path: str, body: bytes) -> _Job | None:
        """The job that a request submits, if it submits one."""
        url = urlsplit(path)
        if upload := parse_qs(url.query).get("upload_id"):
            job_id = self._uploads.get(upload[0])
            return _Job(job_id, "load", runs=True) if job_id and method == "PUT" else None
        if method != "POST" or not url.path.endswith("/jobs"):
            return None
        asked: dict[str, Any] = json.loads(body)
        kind: JobKind = "load" if "load" in asked["configuration"] else "query"
        return _Job(asked["jobReference"]["jobId"], kind, runs=not url.path.startswith("/upload/"))

    def _remember_upload(self, job_id: str, reply: _Reply) -> None:
        location = next(value for name, value in reply.headers if name.lower() == "location")
        with self._lock:
            self._uploads[parse_qs(urlsplit(location).query)["upload_id"][0]] = job_id

    def _pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> _Reply:
        connection = http.client.HTTPConnection(self._upstream, timeout=REPLY_SECONDS)
        try:
            # With the Host header as it came, so that the emulator's own links lead back here.
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            kept = [(name, value) for name, value in reply.getheaders() if name.lower() not in _OF_THE_CONNECTION]
            return _Reply(reply.status, kept, reply.read())
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # clients keep their connections open
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that clients have left, as killed ones do."""


class _Handler(BaseHTTPRequestHandler):
    """Reads whole requests and writes whole replies; subclasses say which reply."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def pass_on(self, method: str, body: bytes) -> _Reply | None:
        """The reply to the request that was read; None cuts the connection."""
        raise NotImplementedError

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = self.pass_on(self.command, body)
        if reply is None:
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - the names that the base class calls


def _last_part(path: str) -> str:
    """Of a request for a job: its id."""
    parent, _, last = urlsplit(path).path.rpartition("/")
    return last if parent.endswith("/jobs") else ""


def _already_exists(job_id: str) -> _Reply:
    """BigQuery's answer to a job id that was there before."""
    words = f"Already Exists: Job {job_id}"
    error = {
        "code": 409,
        "message": words,
        "errors": [{"message": words, "domain": "global", "reason": "duplicate"}],
        "status": "ALREADY_EXISTS",
    }
    return _Reply(409, [("Content-Type", "application/json")], json.dumps({"error": error}).encode())
