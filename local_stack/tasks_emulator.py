"""Starts an emulated Cloud Tasks with one queue, in the environment that setup_environment.sh makes for it.

    .venv/tasks-emulator/bin/python -m local_stack.tasks_emulator --port 9022 --queue projects/P/locations/L/queues/Q

The emulator is gcloud-tasks-emulator. As it comes, it takes a second task of the same name, has no GetTask, leaves
a task that is being dispatched out of its lists, and fails over a queue that is not there; this launcher sees to all
four, as Cloud Tasks does. What it still lacks: rate limits and backoff (it dispatches one task of a queue at a time,
and a failed one at once again, after the others), dispatch deadlines, OIDC tokens, and an end to the memory of names.
"""

from __future__ import annotations

import argparse
import threading
from concurrent import futures

import grpc
from gcloud_tasks_emulator.cloudtasks_pb2_grpc import add_CloudTasksServicer_to_server
from gcloud_tasks_emulator.server import Greeter, Processor, QueueState
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud.tasks_v2 import GetTaskRequest, Queue, Task

READY = "tasks emulator serving"
STOP_SECONDS = 1.0


class Queues(QueueState):  # type: ignore[misc]
    """The emulator's queues; a name is taken once, and a task stays in its queue until it has succeeded."""

    def __init__(self, max_retries: int) -> None:
        super().__init__("127.0.0.1", 80, max_retries)
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._dispatched: dict[str, Task] = {}

    def create_task(self, queue: str, task: Task) -> Task:
        """Add a task. Raises AlreadyExists for a name that a task has, or had."""
        with self._lock:
            if task.name and task.name in self._names:
                raise AlreadyExists("A task of this name existed too recently.")  # type: ignore[no-untyped-call]
            created: Task = super().create_task(queue, task)
            self._names.add(created.name)
            return created

    def submit_task(self, task_name: str, force_run: bool = False) -> Task:
        """Send a task to its URL, if it is due, and see it in the lists meanwhile."""
        task = next((task for task in self.list_tasks(task_name.rsplit("/", 2)[0]) if task.name == task_name), None)
        if task is not None:
            self._dispatched[task_name] = task
        try:
            submitted: Task = super().submit_task(task_name, force_run)
            return submitted
        except NotFound:
            if force_run:
                raise
            return Task(name=task_name)  # somebody else has run it; the thread that works the queue must not end
        finally:
            self._dispatched.pop(task_name, None)

    def queue(self, name: str) -> Queue:
        """A queue. Raises NotFound."""
        if name not in self._queues:
            raise NotFound("Queue does not exist.")  # type: ignore[no-untyped-call]
        found: Queue = self._queues[name]
        return found

    def list_tasks(self, queue_name: str) -> list[Task]:
        """The tasks of a queue, those that are being dispatched included."""
        self.queue(queue_name)
        listed = {task.name: task for task in self._queue_tasks[queue_name]}
        return list((self._dispatched | listed).values())


class Service(Greeter):  # type: ignore[misc]
    """The emulator's service, with GetTask."""

    def GetTask(self, request: GetTaskRequest, context: grpc.ServicerContext) -> Task:  # noqa: N802 - gRPC's name
        """A task that is in its queue."""
        found: list[Task] = self._state.list_tasks(request.name.rsplit("/", 2)[0])
        for task in found:
            if task.name == request.name:
                return task
        context.abort(grpc.StatusCode.NOT_FOUND, "The task does not exist.")
        raise AssertionError("abort raises")


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m local_stack.tasks_emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=9022, help="0 takes a free one (9022)")
    parser.add_argument("--queue", required=True, help="name of the queue: projects/P/locations/L/queues/Q")
    parser.add_argument("--max-retries", type=int, default=-1, help="of a failed task, before it is dropped (no end)")
    options = parser.parse_args()
    queues = Queues(options.max_retries)
    queues.create_queue(options.queue.rsplit("/", 2)[0], Queue(name=options.queue))
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    add_CloudTasksServicer_to_server(Service(queues), server)
    port = server.add_insecure_port(f"127.0.0.1:{options.port}")
    server.start()
    processor = Processor(queues)
    processor.daemon = True
    processor.start()
    print(f"{READY} http://127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
