"""Servers as real processes: started on free ports, waited for, logged to files, and ended with their owner.

`ServerProcess` is one server. `LocalStack` is the simulator, the BigQuery emulator and the functions, wired
to each other:

    with LocalStack(data_dir, functions=("orders_daily",)) as stack:
        requests.post(stack.function_url("orders_daily"), json={...})

No port is chosen in advance: each server binds port 0 and says in its log which port it got, so that two
stacks can start at the same moment.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
GUARD = Path(__file__).resolve().with_name("guard.py")

START_SECONDS = 60.0  # a first start compiles every imported module and installs the DuckDB extension
GRACE_SECONDS = 5.0  # between "please end" and "kill -9"
FUNCTION_GRACE_SECONDS = 1.0  # it would wait for its calls to end; what they have not loaded is loaded again
# Calls that one process serves at once: on Cloud Run each has an instance of its own, so none waits there for another.
FUNCTION_THREADS = 32
POLL_SECONDS = 0.02
LOG_TAIL_LINES = 20

PROJECT = "local"
DATASET = "toast"
SIMULATOR_CREDENTIALS = "simulator"

# Settings of the product that the user's shell may hold; a local stack must not act on them.
PRODUCT_VARIABLES = (
    "BACKFILL_TARGET",
    "BIGQUERY_EMULATOR_HOST",
    "BQ_DATASET",
    "BQ_LOCATION",
    "FUNCTIONS_URL",
    "FUNCTION_TIMEOUT_SECONDS",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "RESTAURANTS_FILE",
    "SUMMARY_WEBHOOK_SECRET",
    "SUMMARY_WEBHOOK_URL",
    "TASKS_EMULATOR_HOST",
    "TASKS_INVOKER",
    "TASKS_QUEUE",
    "TOAST_API_HOST",
    "TOAST_CLIENT_ID",
    "TOAST_CLIENT_SECRET",
    "TOAST_RATE_PROFILE",
)


class ServerFailed(Exception):
    """A server ended, or did not become ready in time; the message shows the end of its log."""


class ServerProcess:
    """One server in a process group of its own.

    `command` makes the command line for a port: 0 at first, afterwards the port that the server had before,
    so that a server that was killed comes back where its callers expect it. `ready` is searched for in what
    the server writes; its first group is the URL.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        *,
        ready: str,
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        start_seconds: float = START_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self.name = name
        self.log_path = log_path
        self._command = command
        self._ready = re.compile(ready)
        self._environment = child_environment(environment or {})
        self._cwd = cwd
        self._start_seconds = start_seconds
        self._grace_seconds = grace_seconds
        self._guard: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._url: str | None = None
        self.pid: int | None = None
        """The server's own process id, to look at (its memory, say); to end it, use stop() or kill()."""

    @property
    def url(self) -> str:
        """Where the server serves, without a slash at the end."""
        if self._url is None:
            raise ServerFailed(f"{self.name} has not been started")
        return self._url

    @property
    def running(self) -> bool:
        """Whether the process is alive (it may not be ready yet)."""
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> Self:
        """Start the process and return at once; `wait_until_ready` says when it serves."""
        if self.running:
            raise ServerFailed(f"{self.name} is running already")
        self.stop()  # of one that died by itself, the pipe is left
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        port = int(self._url.rsplit(":", 1)[1]) if self._url else 0
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._guard = subprocess.Popen(  # noqa: S603 - the commands are this module's
                [sys.executable, "-I", "-S", str(GUARD), str(self._grace_seconds), *self._command(port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment,
                cwd=self._cwd,
                start_new_session=True,  # Ctrl-C in the terminal must reach the owner only
            )
        assert self._guard.stdout is not None  # noqa: S101 - PIPE was asked for
        with self._guard.stdout as answer:
            pid = answer.readline().strip()
        self.pid = int(pid) if pid else None
        return self

    def wait_until_ready(self) -> Self:
        """Wait until the server has said where it serves.

        Raises ServerFailed, with the end of the log, when the process ends before that or the time is up.
        """
        deadline = time.monotonic() + self._start_seconds
        while (match := self._ready.search(self.log())) is None:
            if not self.running:
                status = self._guard.returncode if self._guard else None
                raise ServerFailed(self._explain(f"ended with status {status} before it served"))
            if time.monotonic() > deadline:
                raise ServerFailed(self._explain(f"was not ready after {self._start_seconds:.0f} seconds"))
            time.sleep(POLL_SECONDS)
        self._url = match.group(1).rstrip("/")
        return self

    def log(self) -> str:
        """What the server has written since its last start."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def ask_to_stop(self) -> None:
        """Ask the server to end, without waiting for it."""
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()

    def stop(self) -> None:
        """End the server with everything that it started, and wait until it is gone. May be called twice."""
        if self._guard is None:
            return
        self.ask_to_stop()
        try:
            self._guard.wait(self._grace_seconds + 5)
        except subprocess.TimeoutExpired:  # only if the guard itself hangs
            self._guard.kill()
            self._guard.wait()

    def kill(self) -> None:
        """End the server as `kill -9` does, without a chance to tidy up."""
        if self._guard is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._guard.send_signal(signal.SIGUSR1)
        self._guard.wait()
        self.stop()

    def __enter__(self) -> Self:
        try:
            return self.start().wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _explain(self, what: str) -> str:
        tail = "\n".join(f"    {line}" for line in self.log().splitlines()[-LOG_TAIL_LINES:])
        return f"{self.name} {what}. The end of its log ({self.log_path}):\n{tail or '    (empty)'}"


class LocalStack:
    """The simulator, the emulator and one server per function, as processes that end with the `with` block.

    `simulator_options` are the simulator's command-line options without their dashes:
    {"limits": "documented", "latency-ms": 20}. `environment` is added to what the functions get. `toast` holds the
    settings that reach another Toast (TOAST_API_HOST and credentials); then no simulator is started.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        functions: Sequence[str] = ("orders_daily",),
        seed: int | None = None,
        simulator_options: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        toast: Mapping[str, str] | None = None,
        source: Path = ROOT / "main.py",
    ) -> None:
        self.data_dir = data_dir
        self._toast = toast
        self._functions = tuple(functions)
        self._source = source
        self._extra_environment = dict(environment or {})
        options = dict(simulator_options or {})
        if seed is not None:
            options["seed"] = seed
        self.simulator = simulator_process(data_dir, **options)
        """Never started when there is another Toast."""
        self.emulator = emulator_process(data_dir)
        self.functions: dict[str, ServerProcess] = {}
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def simulator_url(self) -> str:
        """The simulated Toast API."""
        return self.simulator.url

    @property
    def emulator_url(self) -> str:
        """The emulated BigQuery API."""
        return self.emulator.url

    def function_url(self, name: str) -> str:
        """Where the function of that name takes its requests."""
        return self.functions[name].url

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the functions, for those who call them in their own process."""
        toast = self._toast if self._toast is not None else simulated_toast(self.simulator_url)
        return {**toast, **warehouse_environment(self.emulator_url), **self._extra_environment}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        """Start the simulator and the emulator side by side, then the functions, which need their URLs."""
        self._stopped = False
        servers = [self.emulator] if self._toast is not None else [self.simulator, self.emulator]
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_ready()
        for name in self._functions:
            self.functions[name] = function_process(name, self.data_dir, self.environment, source=self._source)
            self.functions[name].start()
        for process in self.functions.values():
            process.wait_until_ready()

    def revive(self) -> list[str]:
        """Start the servers again that have died, where they were; their names. Thread-safe.

        Raises ServerFailed when one does not come back.
        """
        with self._lock:
            if self._stopped:
                return []
            servers = [self.emulator, *self.functions.values()]
            dead = [server for server in servers if not server.running]
            for server in dead:
                server.start().wait_until_ready()
            return [server.name for server in dead]

    def stop(self) -> None:
        """End everything, the functions first. May be called twice."""
        with self._lock:
            self._stopped = True
        for group in (list(self.functions.values()), [self.simulator, self.emulator]):
            for process in group:
                process.ask_to_stop()
            for process in group:
                process.stop()


def simulator_process(data_dir: Path, **options: object) -> ServerProcess:
    """The simulated Toast API; options are its command-line options (`latency_ms` or `latency-ms`)."""
    flags = [text for key, value in options.items() for text in (f"--{key.replace('_', '-')}", str(value))]
    return ServerProcess(
        "simulator",
        lambda port: [sys.executable, "-m", "toast_simulator", "--port", str(port), *flags],
        ready=r"toast_simulator serving (http://\S+)",
        log_path=data_dir / "logs" / "simulator.log",
    )


def emulator_process(data_dir: Path) -> ServerProcess:
    """The emulated BigQuery, which keeps its tables in `data_dir`/bigquery."""
    return ServerProcess(
        "emulator",
        lambda port: [
            *(sys.executable, "-m", "local_stack.emulator"),
            *("--port", str(port), "--data-dir", str(data_dir / "bigquery")),
        ],
        ready=r"bigquery emulator serving (http://\S+)",
        log_path=data_dir / "logs" / "emulator.log",
    )


def tasks_emulator_process(data_dir: Path, queue: str, *, max_retries: int = -1) -> ServerProcess:
    """The emulated Cloud Tasks with one queue, in the environment that setup_environment.sh makes for it."""
    return ServerProcess(
        "tasks-emulator",
        lambda port: [
            *(str(ROOT / ".venv" / "tasks-emulator" / "bin" / "python"), "-W", "ignore"),
            *("-m", "local_stack.tasks_emulator", "--port", str(port)),
            *("--queue", queue, "--max-retries", str(max_retries)),
        ],
        ready=r"tasks emulator serving (http://\S+)",
        log_path=data_dir / "logs" / "tasks-emulator.log",
    )


def function_process(
    name: str, data_dir: Path, environment: Mapping[str, str], *, source: Path = ROOT / "main.py"
) -> ServerProcess:
    """One function, served by functions-framework as on Cloud Run: one process per function."""
    # The server below functions-framework keeps a control socket; without this it would land in the home folder.
    run_dir = data_dir / "run" / name
    run_dir.mkdir(parents=True, exist_ok=True)
    return ServerProcess(
        name,
        lambda port: [
            *(sys.executable, "-m", "functions_framework", "--target", name, "--source", str(source)),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        ready=r"Listening at: (http://\S+)",
        log_path=data_dir / "logs" / f"{name}.log",
        environment={
            "XDG_RUNTIME_DIR": str(run_dir),
            "GUNICORN_LOG_LEVEL": "info",
            "THREADS": str(FUNCTION_THREADS),
            **environment,
        },
        grace_seconds=FUNCTION_GRACE_SECONDS,
    )


def function_environment(simulator_url: str, emulator_url: str) -> dict[str, str]:
    """The settings with which a function reads from that simulator and writes to that emulator."""
    return simulated_toast(simulator_url) | warehouse_environment(emulator_url)


def simulated_toast(url: str) -> dict[str, str]:
    """The settings with which a function reads from a simulator."""
    return {
        "TOAST_API_HOST": url,
        "TOAST_CLIENT_ID": SIMULATOR_CREDENTIALS,
        "TOAST_CLIENT_SECRET": SIMULATOR_CREDENTIALS,
    }


def warehouse_environment(emulator_url: str) -> dict[str, str]:
    """The settings with which a function writes to an emulator."""
    return {"GOOGLE_CLOUD_PROJECT": PROJECT, "BQ_DATASET": DATASET, "BIGQUERY_EMULATOR_HOST": emulator_url}


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process, less the product's own settings, with loopback off the proxy, plus `extra`."""
    environment = {key: value for key, value in os.environ.items() if key not in PRODUCT_VARIABLES}
    loopback = "127.0.0.1,localhost"
    for key in ("NO_PROXY", "no_proxy"):
        environment[key] = f"{environment[key]},{loopback}" if environment.get(key) else loopback
    return environment | {"PYTHONUNBUFFERED": "1"} | dict(extra)
