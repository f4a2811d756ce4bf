"""Functions behind a Cloud Tasks queue, which calls them also when this machine is off.

A task's name is made of the unit (tenant, function, restaurant, dates) and a generation. Cloud Tasks takes a name
once: as long as the task is in its queue, and for up to 24 hours after (9 days for a queue made with queue.yaml).
So a lost reply or a repeated command adds no second task, and nothing has to be remembered here.

A task leaves its queue when its function has answered 2xx, or when the queue's attempts are spent. So a unit that is
not in the queue and then still missing was never added, or was tried in vain. In the second case its name may still be
taken: then the next generation is. A name that is taken by a task that is in the queue means that the unit is there.

A name begins with a hash, as Cloud Tasks advises: it spreads its storage by names.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import time
from functools import cached_property
from typing import Any, Literal

import google.auth.exceptions
import grpc
import msgspec
from google.api_core import exceptions as google_errors
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from backfill.targets import QueuedTask, TargetFailed
from backfill.targets.http import HttpCaller
from history.spans import Span
from history.units import Unit

# How long Cloud Tasks waits for a reply: longer than the functions' timeout of 540 s; it allows half an hour.
DISPATCH_DEADLINE = dt.timedelta(seconds=600)
# Cloud Tasks takes no task for more than 30 days ahead.
FARTHEST = dt.timedelta(days=29)

_TASK_ID = re.compile(
    r"(?P<hash>[0-9a-f]{12})-(?P<function>[a-z]+_[a-z]+)-(?P<guid>ALL|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"(?:-(?P<start>\d{8})-(?P<end>\d{8}))?-(?P<generation>\d+)"
)

_CALL_SECONDS = 20.0
_TRIES = 4
_PASSING = (
    google_errors.ServiceUnavailable,
    google_errors.DeadlineExceeded,
    google_errors.InternalServerError,
    google_errors.ResourceExhausted,
)


class Pace(msgspec.Struct, frozen=True):
    """How fast a queue calls; None where it does not say."""

    is_paused: bool = False
    """Whether somebody has paused it: then it takes tasks, and calls nothing."""
    at_once: int | None = None
    per_second: float | None = None


class NotQueued(Exception):
    """One task could not be added; the message says why and what to do."""


class TaskQueue:
    """One queue, for the units of one tenant. Thread-safe.

    Its methods raise TargetFailed for what concerns the whole queue.
    """

    def __init__(
        self, queue: str, *, urls: HttpCaller, invoker: str | None, scope: str, emulator: str | None = None
    ) -> None:
        """``urls`` knows where the functions are, ``invoker`` is the service account that may call them.

        ``scope`` tells the units of one tenant and dataset from others'. ``emulator`` (host:port): ask this one,
        without encryption, instead of Google's.
        """
        self.name = queue
        self._urls = urls
        self._invoker = invoker
        self._scope = scope
        self._emulator = emulator

    @cached_property
    def _client(self) -> tasks_v2.CloudTasksClient:
        if self._emulator:
            channel = grpc.insecure_channel(self._emulator.rpartition("://")[2].rstrip("/"))
            return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        try:
            return tasks_v2.CloudTasksClient()
        except google.auth.exceptions.GoogleAuthError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """End the connection, if there is one."""
        if "_client" in self.__dict__:
            self._client.transport.close()  # type: ignore[no-untyped-call]

    def url(self, function: str) -> str:
        """Where a function is. Raises TargetFailed for one whose URL nobody told."""
        return self._urls.url(function)

    def pace(self) -> Pace:
        """How fast the queue calls."""
        queue = self._ask(lambda: self._client.get_queue(name=self.name, timeout=_CALL_SECONDS))
        state, limits = tasks_v2.Queue.State, queue.rate_limits
        if queue.state == state.DISABLED:
            raise TargetFailed(f"the queue {self.name} is disabled: enable it, or choose another with --queue.")
        return Pace(
            is_paused=queue.state == state.PAUSED,
            at_once=limits.max_concurrent_dispatches or None,
            per_second=limits.max_dispatches_per_second or None,
        )

    def tasks(self) -> list[QueuedTask]:
        """The tasks of this tenant's units that are in the queue, those that are being called included."""

        def listed() -> list[tasks_v2.Task]:
            request = tasks_v2.ListTasksRequest(parent=self.name, page_size=1000)
            return list(self._client.list_tasks(request=request, timeout=_CALL_SECONDS))

        found = [self._read(task) for task in self._ask(listed)]
        return [task for task in found if task is not None]

    def add(self, tenant: str, unit: Unit, generation: int, due_at: dt.datetime) -> Literal["added", "there", "gone"]:
        """Add a task for a unit.

        ``there``: the queue has it already. ``gone``: it had it, and the task has ended; the name is still taken.
        Raises NotQueued, when the others may go on.
        """
        task = self._task(tenant, unit, generation, due_at)
        unsure = False
        for left in reversed(range(_TRIES)):
            try:
                self._client.create_task(parent=self.name, task=task, timeout=_CALL_SECONDS)
                return "added"
            except google_errors.AlreadyExists:
                # After a lost reply the task is our own.
                return "there" if unsure or self._holds(task.name) else "gone"
            except _PASSING as error:
                unsure = True
                if not left:
                    raise NotQueued(
                        f"Cloud Tasks did not take it in {_TRIES} tries ({_words(error)}): give the same command again"
                    ) from error
                time.sleep(0.5 * 2 ** (_TRIES - 1 - left))
            except google_errors.InvalidArgument as error:
                raise NotQueued(f"Cloud Tasks refused it: {_words(error)}") from error
            except (google_errors.GoogleAPIError, google.auth.exceptions.GoogleAuthError) as error:
                raise self._failed(error) from error
        raise AssertionError("the last try returns or raises")

    def _holds(self, name: str) -> bool:
        try:
            self._client.get_task(name=name, timeout=_CALL_SECONDS)
        except google_errors.NotFound:
            return False
        except google_errors.GoogleAPIError as error:
            raise NotQueued(f"Cloud Tasks does not tell whether the task is still there: {_words(error)}") from error
        return True

    def _task(self, tenant: str, unit: Unit, generation: int, due_at: dt.datetime) -> tasks_v2.Task:
        url = self.url(unit.function)
        request = tasks_v2.HttpRequest(
            url=url,
            http_method=tasks_v2.HttpMethod.POST,
            headers={"Content-Type": "application/json"},
            body=json.dumps(unit.body(tenant)).encode(),
        )
        if self._invoker is not None:
            request.oidc_token = tasks_v2.OidcToken(service_account_email=self._invoker, audience=url)
        name = f"{self.name}/tasks/{self._task_id(unit, generation)}"
        return tasks_v2.Task(name=name, http_request=request, schedule_time=due_at, dispatch_deadline=DISPATCH_DEADLINE)

    def _task_id(self, unit: Unit, generation: int) -> str:
        dates = f"-{unit.span.start:%Y%m%d}-{unit.span.end:%Y%m%d}" if unit.span else ""
        named = f"{unit.function}-{unit.restaurant_guid}{dates}"
        return f"{self._hash(named)}-{named}-{generation}"

    def _hash(self, named: str) -> str:
        return hashlib.sha256(f"{self._scope} {named}".encode()).hexdigest()[:12]

    def _read(self, task: tasks_v2.Task) -> QueuedTask | None:
        """The unit of a task; None for one of somebody else's."""
        found = _TASK_ID.fullmatch(task.name.rpartition("/")[2])
        if found is None:
            return None
        span = Span(_date(found["start"]), _date(found["end"])) if found["start"] else None
        unit = Unit(found["function"], found["guid"], span)
        generation = int(found["generation"])
        if self._task_id(unit, generation) != found[0]:
            return None
        status = task.last_attempt.response_status
        words = status.message or f"{status.code}" if status.code else ""
        return QueuedTask(unit, generation, _moment(task.schedule_time), task.dispatch_count, words)

    def _ask(self, question: Any) -> Any:
        try:
            return question()
        except (google_errors.GoogleAPIError, google.auth.exceptions.GoogleAuthError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> TargetFailed:
        cause = error.cause if isinstance(error, google_errors.RetryError) and error.cause else error
        advice = next((words for kind, words in _ADVICE.items() if isinstance(cause, kind)), "try again later.")
        return TargetFailed(f"the queue {self.name}: {_words(error)}: {advice}")


_ADVICE: dict[type[Exception], str] = {
    google_errors.NotFound: "create it with deploy_all.sh, or correct --queue.",
    google_errors.Forbidden: "you need the role roles/cloudtasks.admin on it (enqueuer and viewer will do), and "
    "roles/iam.serviceAccountUser on the service account of --invoker.",
    google_errors.Unauthorized: "log in (gcloud auth application-default login).",
    google.auth.exceptions.GoogleAuthError: "log in (gcloud auth application-default login).",
    google_errors.FailedPrecondition: "see that the queue is there and runs (gcloud tasks queues describe).",
    google_errors.ServiceUnavailable: "check the network, and TASKS_EMULATOR_HOST (unset it to use Google's).",
    google_errors.DeadlineExceeded: "check the network, and TASKS_EMULATOR_HOST (unset it to use Google's).",
}


def _date(text: str) -> dt.date:
    return dt.datetime.strptime(text, "%Y%m%d").date()


def _moment(value: Any) -> dt.datetime:
    return dt.datetime.fromtimestamp(value.timestamp(), dt.UTC)


def _words(error: Exception) -> str:
    return " ".join(str(getattr(error, "message", "") or error).split())[:300]
