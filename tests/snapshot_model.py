"""BigQuery's snapshots as a model: every interleaving of some loads, on tables that are sets of rows.

The loads are the product's own: `Replay` stands for their warehouse, hands them the answers that they have had so
far, and stops them at the statement after these. What a statement answers or changes is for a `Model` to say, in
plain Python; tests/test_model_conformance.py holds it against the SQL.

A statement that reads takes one step. One that changes rows takes two: at its beginning it sees the tables and
decides what to change, at its end the change is there. Of two that change the same row the second runs again on what
the first left; INSERTs know nothing of each other. A load may die
at any step, and is then repeated.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import pytest
import structlog

from shared.bigquery_utils import Answer
from shared.statements import Parameter, Statement
from shared.tables import columns_of

Rows = frozenset[Any]
"""All rows of all tables, each a tuple that names its table if there are several."""

Reply = tuple[tuple[tuple[str, Any], ...], ...]
"""The rows of an answer, in a form that can be part of a state."""

LoadT = TypeVar("LoadT")
ValueT = TypeVar("ValueT")

_State = tuple[int, ...]
"""The number of the rows, then that of each call's slot."""


class Ask(NamedTuple):
    """A statement that a load wants to run next: its step, and the values of its parameters."""

    step: str
    parameters: tuple[tuple[str, Any], ...]

    def __getitem__(self, name: Any) -> Any:
        return dict(self.parameters)[name]


class Change(NamedTuple):
    """What a statement does to the rows."""

    added: Rows = frozenset()
    removed: Rows = frozenset()

    def on(self, rows: Rows) -> Rows:
        return (rows - self.removed) | self.added


class Model(Protocol[LoadT]):
    """One kind of load: the product's code that runs it, and what its statements do."""

    def run(self, load: LoadT, warehouse: Replay) -> None:
        """Run a whole load of the product against a warehouse."""

    def look(self, load: LoadT, ask: Ask, rows: Rows) -> Change | list[dict[str, Any]]:
        """What a statement, given what its snapshot shows, answers or will change."""


class Call(NamedTuple, Generic[LoadT]):
    """A load, and what becomes of it: it may die once if it has a ``repeat``; it begins ``after`` others have ended."""

    load: LoadT
    repeat: LoadT | None = None
    after: tuple[int, ...] = ()


class _Next(BaseException):
    def __init__(self, ask: Ask) -> None:
        self.ask = ask


class Replay:
    """A warehouse that gives the answers of an earlier run, and stops the load when there are no more."""

    dataset = "project.dataset"

    def __init__(self, run_id: str, replies: Sequence[Reply]) -> None:
        self._run_id = run_id
        self._replies = iter(replies)

    def run(self, statement: Statement, job: str) -> Answer:
        for reply in self._replies:
            return Answer([dict(row) for row in reply], 0)
        step = job.removeprefix(f"{self._run_id}-")
        values = tuple((p.name, p.value) for p in statement.parameters if isinstance(p, Parameter))
        raise _Next(Ask(step, values))


class _Running(NamedTuple):
    """A statement that has begun."""

    load: Any
    ask: Ask
    change: Change


class _Slot(NamedTuple):
    """How far a call has come."""

    load: Any
    repeat: Any
    replies: tuple[Reply, ...] = ()
    running: _Running | None = None
    orphan: _Running | None = None
    """A statement that BigQuery still runs, though the process that sent it is gone."""


class Counterexample(NamedTuple):
    """The shortest way to rows that are not right."""

    steps: tuple[str, ...]
    rows: Rows

    def __str__(self) -> str:
        return "\n  ".join((*self.steps, "leaves", *sorted(map(str, self.rows))))


class Exploration(Generic[LoadT]):
    """All that some calls can do together, from some rows on.

    With ``lingering`` a statement of a process that died can end at any time, also after the repeat. Without, it
    ends before the repeat begins.
    """

    def __init__(
        self, model: Model[LoadT], calls: Sequence[Call[LoadT]], rows: Iterable[Any] = (), *, lingering: bool = False
    ) -> None:
        self._model = model
        self._calls = calls
        self._lingering = lingering
        self._rows = _Numbers[Rows]()
        self._slots = _Numbers[_Slot]()
        self._start = (
            self._rows.number(frozenset(rows)),
            *(self._slots.number(_Slot(call.load, call.repeat)) for call in calls),
        )
        self._next = cache(self._next_ask)
        self._seen = cache(self._look)
        self._steps = cache(self._steps_of)
        self._has_ended = cache(self._is_ended)
        self.states = 0

    def counterexample(
        self, is_right: Callable[[Rows], bool], is_sound: Callable[[Rows], bool] = lambda _: True
    ) -> Counterexample | None:
        """Rows that are not right when all calls have ended, or not sound at any time; None if there are none."""
        with _quick_loads():
            return self._search(is_right, is_sound)

    def _search(self, is_right: Callable[[Rows], bool], is_sound: Callable[[Rows], bool]) -> Counterexample | None:
        right, sound = cache(is_right), cache(is_sound)
        came_from: dict[_State, tuple[_State, str] | None] = {self._start: None}
        queue = deque([self._start])
        while queue:
            state = queue.popleft()
            rows = self._rows[state[0]]
            following = list(self._following(state))
            if not sound(rows) or not (following or right(rows)):
                return Counterexample(_way(came_from, state), rows)
            for step, other in following:
                if other not in came_from:
                    came_from[other] = (state, step)
                    queue.append(other)
        self.states = len(came_from)
        return None

    def wander(self, is_right: Callable[[Rows], bool], choose: random.Random, walks: int) -> Counterexample | None:
        """Some of all ways, each chosen step by step: for calls that have too many to try them all."""
        with _quick_loads():
            for _ in range(walks):
                state, steps = self._start, []
                while following := list(self._following(state)):
                    step, state = choose.choice(following)
                    steps.append(step)
                if not is_right(self._rows[state[0]]):
                    return Counterexample(tuple(steps), self._rows[state[0]])
        return None

    def _following(self, state: _State) -> Iterator[tuple[str, _State]]:
        for number, call in enumerate(self._calls, 1):
            if all(self._has_ended(state[1 + other]) for other in call.after):
                for step, rows, slot in self._steps(state[number], state[0]):
                    yield f"{number}: {step}", (rows, *state[1:number], slot, *state[number + 1 :])

    def _is_ended(self, number: int) -> bool:
        slot = self._slots[number]
        return slot.orphan is None and slot.running is None and self._next(slot.load, slot.replies) is None

    def _steps_of(self, slot: int, rows: int) -> list[tuple[str, int, int]]:
        """What a call can do next: the step, the rows after it, and how far the call has come then."""
        return [
            (step, self._rows.number(after), self._slots.number(moved))
            for step, after, moved in self._moves(self._slots[slot], self._rows[rows])
        ]

    def _moves(self, slot: _Slot, rows: Rows) -> Iterator[tuple[str, Rows, _Slot]]:
        if slot.orphan:
            yield f"{slot.orphan.ask.step} of the dead ends", self._end(slot.orphan, rows), slot._replace(orphan=None)
            if not self._lingering:
                return
        ask = self._next(slot.load, slot.replies)
        if ask is None:
            return
        if slot.repeat is not None and (slot.replies or slot.running):
            yield "dies", rows, _Slot(slot.repeat, None, orphan=slot.running)
        if slot.running:
            yield f"{ask.step} ends", self._end(slot.running, rows), _answered(slot, ())
            return
        seen = self._seen(slot.load, ask, rows)
        if not isinstance(seen, Change):
            yield f"{ask.step} answers {[dict(row) for row in seen]}", rows, _answered(slot, seen)
        elif seen == Change():
            yield f"{ask.step} without effect", rows, _answered(slot, ())
        else:
            yield f"{ask.step} begins", rows, slot._replace(running=_Running(slot.load, ask, seen))

    def _end(self, running: _Running, rows: Rows) -> Rows:
        """The rows after a statement; it is run again if another has changed what it is about to change."""
        change = running.change
        if not change.removed <= rows:
            change = self._seen(running.load, running.ask, rows)
        return change.on(rows)

    def _next_ask(self, load: LoadT, replies: tuple[Reply, ...]) -> Ask | None:
        try:
            self._model.run(load, Replay(load.run, replies))  # type: ignore[attr-defined]
        except _Next as following:
            return following.ask
        return None

    def _look(self, load: LoadT, ask: Ask, rows: Rows) -> Any:
        seen = self._model.look(load, ask, rows)
        return seen if isinstance(seen, Change) else tuple(tuple(row.items()) for row in seen)


@contextmanager
def _quick_loads() -> Iterator[None]:
    """A load starts anew for each of its steps: it need not log them all, nor read its tables' types each time."""
    silent = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("version_loading", "day_loading", "dimension_loading"):
            patch.setattr(f"shared.{name}.log", silent)
        for name in ("staging", "version_statements", "day_statements"):
            patch.setattr(f"shared.{name}.columns_of", _columns_of)
        yield


_columns_of = cache(columns_of)


class _Numbers(Generic[ValueT]):
    """Values by number and back, so that a state is a tuple of small numbers."""

    def __init__(self) -> None:
        self._numbers: dict[ValueT, int] = {}
        self._values: list[ValueT] = []

    def number(self, value: ValueT) -> int:
        number = self._numbers.setdefault(value, len(self._values))
        if number == len(self._values):
            self._values.append(value)
        return number

    def __getitem__(self, number: int) -> ValueT:
        return self._values[number]


def _answered(slot: _Slot, reply: Reply) -> _Slot:
    return slot._replace(replies=(*slot.replies, reply), running=None)


def _way(came_from: dict[_State, tuple[_State, str] | None], state: _State) -> tuple[str, ...]:
    steps: deque[str] = deque()
    while before := came_from[state]:
        state, step = before
        steps.appendleft(step)
    return tuple(steps)
