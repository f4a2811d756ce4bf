"""Everything on this machine: the functions, an emulated BigQuery and, unless you have Toast's own, a simulated Toast.

The tables stay in a folder, so a later start goes on with them. While a stack is up, a file in the folder tells
where, and other commands use it instead of starting one: the folder belongs to one emulator at a time. It stays up
until the last of them has ended.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click
import requests
import structlog

from backfill.replies import Reply
from backfill.targets import ServersGone, TargetFailed
from backfill.targets.http import HttpCaller
from local_stack.processes import LocalStack, ServerFailed, simulated_toast, warehouse_environment
from shared.config import Settings

log = structlog.get_logger()

DEFAULT_DATA_DIR = Path(".data/local")
# A fixed moment, so that every start sees the same simulated history; the simulated clock goes on from there.
SIMULATED_CLOCK = dt.datetime(2026, 2, 24, 15, tzinfo=dt.UTC)

# Between a refused connection and the moment at which the process is known to be gone.
_DYING_SECONDS = 0.2
_NOTE = "stack.json"
_USERS = "stack.users"
_ORIGIN = "toast.txt"
_TOAST_SETTINGS = ("TOAST_API_HOST", "TOAST_CLIENT_ID", "TOAST_CLIENT_SECRET")


class OwnCaller(HttpCaller):
    """Calls functions that this command has started, and starts them again when they have died."""

    def __init__(self, urls: Mapping[str, str], stack: LocalStack) -> None:
        super().__init__(urls)
        self._stack = stack

    def call(self, function: str, body: Mapping[str, str]) -> Reply:
        """Call a function; after a failure see to it that the next try finds all servers up."""
        reply = super().call(function, body)
        if reply.status == 0 or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            time.sleep(_DYING_SECONDS)
            try:
                for name in self._stack.revive():
                    log.warning("local_server_restarted", server=name)
            except ServerFailed as error:
                raise ServersGone(str(error)) from error
        return reply


class GuestCaller(HttpCaller):
    """Calls functions that another command has started: if that is killed, they are gone for good."""

    def __init__(self, urls: Mapping[str, str], data_dir: Path) -> None:
        super().__init__(urls)
        self._data_dir = data_dir

    def call(self, function: str, body: Mapping[str, str]) -> Reply:
        """Call a function. Raises ServersGone when the servers are."""
        reply = super().call(function, body)
        if reply.status == 0 and _note_of_running(self._data_dir) is None:
            raise ServersGone(
                f"the servers of {self._data_dir} are gone: the command that had started them was killed. The same "
                "command again starts them anew, and goes on."
            )
        return reply


class LocalPlace:
    """A local stack that is up: its settings, and how to call its functions."""

    def __init__(
        self,
        environment: Mapping[str, str],
        urls: Mapping[str, str],
        caller: HttpCaller,
        *,
        simulator_url: str | None,
    ) -> None:
        self.environment = dict(environment)
        self.caller = caller
        self.urls = dict(urls)
        self.simulator_url = simulator_url


@contextlib.contextmanager
def local_place(
    data_dir: Path,
    settings: Settings,
    functions: Sequence[str],
    *,
    simulator_options: Mapping[str, object] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[LocalPlace]:
    """Use the stack that is up in a folder, or start one with some functions and end it afterwards.

    With TOAST_CLIENT_ID and TOAST_CLIENT_SECRET set, it reads from Toast itself. Raises TargetFailed when a server
    does not start, when the stack that is up lacks a function, or when the folder holds another Toast's data.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    own = toast_settings(environment)
    _check_origin(data_dir, own)
    with (data_dir / _USERS).open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # as long as it is used, its starter lets it be
        found = _running(data_dir)
        if found is not None:
            _check_functions(found, functions, data_dir)
            yield found
            return
    options = {"clock": SIMULATED_CLOCK.isoformat(), "restaurants": settings.restaurants_file}
    stack = LocalStack(
        data_dir,
        functions=functions,
        seed=1,
        simulator_options=options | dict(simulator_options or {}),
        environment={"RESTAURANTS_FILE": str(settings.restaurants_file.resolve())},
        toast=own,
    )
    _say("Starting the local servers …")
    try:
        with stack, _kept_for_others(data_dir), _noted(data_dir, stack, own) as place:
            yield place
    except ServerFailed as error:
        raise TargetFailed(str(error)) from error


def _check_origin(data_dir: Path, own: Mapping[str, str] | None) -> None:
    """See that a folder's tables are all of one Toast account; the first start writes down of which."""
    here = "a simulated Toast"
    if own is not None:
        client = hashlib.sha256(own["TOAST_CLIENT_ID"].encode()).hexdigest()[:8]
        here = f"{own.get('TOAST_API_HOST', Settings().toast_api_host)} (client {client})"
    path = data_dir / _ORIGIN
    if not path.exists():
        path.write_text(here, encoding="utf-8")
    held = path.read_text(encoding="utf-8")
    if held != here:
        raise TargetFailed(f"{data_dir} holds data of {held}, and this would be {here}: choose another --data-dir.")


def _check_functions(found: LocalPlace, functions: Sequence[str], data_dir: Path) -> None:
    if lacking := [name for name in functions if name not in found.urls]:
        raise TargetFailed(
            f"a command is using {data_dir} without {', '.join(lacking)}: wait for its end, or choose another "
            "--data-dir."
        )


@contextlib.contextmanager
def _kept_for_others(data_dir: Path) -> Iterator[None]:
    """Wait at the end for other commands that use the same stack; Ctrl-C ends the waiting, and the stack."""
    try:
        yield
    finally:
        with (data_dir / _USERS).open("w") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _say("Another command uses these servers: they stay up until it has ended.")
                fcntl.flock(users, fcntl.LOCK_EX)


def _say(message: str) -> None:
    if sys.stderr.isatty():
        click.echo(message, err=True)


def has_tables(data_dir: Path) -> bool:
    """Whether something was ever loaded into a folder."""
    return (data_dir / "bigquery").is_dir()


def toast_settings(environment: Mapping[str, str]) -> dict[str, str] | None:
    """The settings of a real Toast, where the environment has credentials for one."""
    if not environment.get("TOAST_CLIENT_ID") or not environment.get("TOAST_CLIENT_SECRET"):
        return None
    return {name: environment[name] for name in _TOAST_SETTINGS if environment.get(name)}


@contextlib.contextmanager
def _noted(data_dir: Path, stack: LocalStack, own_toast: Mapping[str, str] | None) -> Iterator[LocalPlace]:
    """Leave word of a stack as long as it is up. Secrets stay in memory."""
    simulator_url = None if own_toast is not None else stack.simulator_url
    urls = {name: process.url for name, process in stack.functions.items()}
    note = {"simulator": simulator_url, "emulator": stack.emulator_url, "functions": urls}
    path = data_dir / _NOTE
    path.write_text(json.dumps(note, indent=2), encoding="utf-8")
    try:
        yield LocalPlace(stack.environment, urls, OwnCaller(urls, stack), simulator_url=simulator_url)
    finally:
        path.unlink(missing_ok=True)


def _running(data_dir: Path) -> LocalPlace | None:
    """The stack that is up in a folder; None if there is none, or only the word of one that was killed."""
    note = _note_of_running(data_dir)
    if note is None:
        return None
    simulator = note["simulator"]
    toast = simulated_toast(simulator) if simulator else toast_settings(os.environ) or {}
    environment = {**toast, **warehouse_environment(note["emulator"])}
    if file := os.environ.get("RESTAURANTS_FILE"):
        environment["RESTAURANTS_FILE"] = file
    urls = note["functions"]
    return LocalPlace(environment, urls, GuestCaller(urls, data_dir), simulator_url=simulator)


def _note_of_running(data_dir: Path) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = json.loads((data_dir / _NOTE).read_text(encoding="utf-8"))
        requests.get(note["emulator"], timeout=2)
    except (OSError, ValueError, KeyError, requests.RequestException):
        return None
    return note
