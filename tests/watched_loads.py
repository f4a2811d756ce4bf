"""Loads that a test watches, breaks off, or moves on statement by statement.

The emulator runs one statement at a time; for what BigQuery runs at once, `SteppedLoad` stops before each
statement, and hides from it what a real snapshot would not show.
"""

from __future__ import annotations

import itertools
import queue
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from shared.bigquery_utils import Answer, Warehouse
from shared.statements import Statement

RUN_ID = r"run-[0-9a-f]{32}"
Load = Callable[[Any, str], object]
"""A whole load, given the warehouse to work with and its run id."""


def is_mutating(statement: Statement) -> bool:
    return not statement.sql.startswith(("SELECT", "WITH"))


class Watched:
    """A warehouse that notes the steps of a load, and what else is asked of it."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.steps: list[str] = []
        self.changed: list[str] = []
        self.parts = 0
        self.created: list[str] = []
        self.dropped: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def run(self, statement: Statement, job: str) -> Answer:
        step = re.sub(rf"^{RUN_ID}-", "", job)
        self.steps.append(step)
        if is_mutating(statement):
            self.changed.append(step)
        return self.execute(statement, job)

    def execute(self, statement: Statement, job: str) -> Answer:
        return self._warehouse.run(statement, job)

    def load(self, *arguments: Any) -> int:
        self.parts += 1
        return self._warehouse.load(*arguments)

    def create_staging(self, name: str, columns: Any) -> None:
        self.created.append(name)
        self._warehouse.create_staging(name, columns)

    def drop_staging(self, name: str) -> None:
        self.dropped.append(name)
        self._warehouse.drop_staging(name)


class Crash(BaseException):
    """The process is gone: nothing may catch it."""


class Crashing(Watched):
    """Loses the process before its n-th statement that changes something; none of its threads goes on."""

    def __init__(self, warehouse: Warehouse, number: int) -> None:
        super().__init__(warehouse)
        self._number = number

    def execute(self, statement: Statement, job: str) -> Answer:
        if len(self.changed) >= self._number:
            raise Crash
        return super().execute(statement, job)

    def drop_staging(self, name: str) -> None:
        """A process that is gone drops nothing."""


class SteppedLoad(Watched):
    """A load that stands before its next statement until the test lets it go on.

    In BigQuery a statement sees the tables as they were when it began. With ``begin`` a test says when
    that is; what other loads of the ``group`` insert until ``step`` ends it stays hidden from it.
    """

    def __init__(self, group: list[SteppedLoad], warehouse: Warehouse, run_id: str, load: Load) -> None:
        super().__init__(warehouse)
        group.append(self)
        self._group = group
        self.run_id = run_id
        self._begun = False
        self._hidden: set[tuple[str, str]] = set()
        self._commands: queue.Queue[str] = queue.Queue()
        self._arrivals: queue.Queue[str | None] = queue.Queue()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, args=(load,), daemon=True)
        self._thread.start()
        self._arrive()

    def begin(self) -> None:
        """Let the next statement see the tables as they are now."""
        self._begun = True

    def step(self) -> str:
        """Run the next statement to its end; its name."""
        assert self.next is not None
        done = self.next
        self._commands.put("go")
        self._arrive()
        return done

    def until(self, step: str) -> Self:
        """Run every statement before this one."""
        while self.next != step:
            self.step()
        return self

    def finish(self) -> Self:
        """Run what is left."""
        while self.next is not None:
            self.step()
        return self

    def kill(self) -> None:
        """Lose the process before its next statement."""
        self._commands.put("die")
        self._arrive()

    def _arrive(self) -> None:
        self.next = self._arrivals.get(timeout=120)
        self._begun = False
        self._hidden.clear()
        if self.next is None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _work(self, load: Load) -> None:
        try:
            load(self, self.run_id)
        except Crash:
            pass
        except Exception as error:
            self._error = error
        self._arrivals.put(None)

    def execute(self, statement: Statement, job: str) -> Answer:
        self._arrivals.put(self.steps[-1])
        if self._commands.get(timeout=120) == "die":
            raise Crash
        answer = super().execute(self._as_begun(statement), job)
        if inserted := re.match(r"INSERT INTO `([^`]+)`", statement.sql):
            for other in self._group:
                if other is not self and other._begun:
                    other._hidden.add((inserted[1], self.run_id))
        return answer

    def _as_begun(self, statement: Statement) -> Statement:
        """The statement, made not to see the rows that are hidden from it."""

        def hidden(table: str) -> str:
            return ", ".join(repr(run_id) for name, run_id in sorted(self._hidden) if name == table)

        def without(scan: re.Match[str]) -> str:
            table, alias = scan.groups()
            if not hidden(table):
                return scan[0]
            return f"FROM (SELECT * FROM `{table}` WHERE _run_id NOT IN ({hidden(table)})) AS {alias}"

        target = re.match(r"DELETE FROM `([^`]+)` AS (\w+)\nWHERE ", statement.sql)
        head, rest = (target[0], statement.sql[target.end() :]) if target else ("", statement.sql)
        if target and hidden(target[1]):
            head += f"{target[2]}._run_id NOT IN ({hidden(target[1])}) AND "
        return Statement(head + re.sub(r"FROM `([^`]+)` AS (\w+)", without, rest), statement.parameters)


@contextmanager
def loads_at_once(warehouse: Warehouse, run_ids: Iterator[str]) -> Iterator[Callable[[Load], SteppedLoad]]:
    """Starts loads that stand before their first statement; those that are not at their end are killed."""
    group: list[SteppedLoad] = []
    yield lambda load: SteppedLoad(group, warehouse, next(run_ids), load)
    for load in group:
        if load.next is not None:
            load.kill()


_numbers = itertools.count(1)
_runs = itertools.count(1)


def some_guid() -> str:
    """A GUID that no other test of the session has."""
    return f"guid-{next(_numbers):06d}"


def ascending_run_ids() -> Iterator[str]:
    """Run ids as the functions make them, each greater than the one before."""
    return (f"run-{number:032x}" for number in _runs)
