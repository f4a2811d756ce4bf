"""Doing several things side by side, in threads that log as the caller does."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(do: Callable[[T], R], tasks: Iterable[T], at_once: int) -> list[R]:
    """Do something for each task, ``at_once`` at a time, in threads that log with the caller's run id.

    The results in the order of the tasks. The first exception ends the others that have not begun, and is raised.
    """
    with ThreadPoolExecutor(at_once, thread_name_prefix="side-by-side") as pool:
        # Each thread gets a copy of the context, which holds the run id that log lines carry.
        futures = [pool.submit(contextvars.copy_context().run, do, task) for task in tasks]
        done, pending = wait(futures, return_when=FIRST_EXCEPTION)
        for future in pending:
            future.cancel()
        for future in done:
            future.result()
    return [future.result() for future in futures]
