"""What a function's reply means for a unit of work: done, go on, try again, or no use."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from history.units import Unit

# A 503 says when to come back; nobody waits longer than this for one unit.
LONGEST_WAIT = 300.0


class Reply(msgspec.Struct, frozen=True):
    """What came back of a call: status 0 when nothing did, and then ``text`` says why."""

    status: int
    text: str
    is_problem: bool = False
    """Whether it is the function's own problem+json, and not what stands between it and us."""
    retry_after: float | None = None


class Verdict(msgspec.Struct, frozen=True):
    """What to do with the unit now.

    ``done``: it is loaded. ``resume``: its dates before ``resume_from`` are, the rest is to be called for.
    ``retry``: nothing is, and a repeat may help. ``failed``: no repeat will.
    """

    outcome: Literal["done", "resume", "retry", "failed"]
    error: str = ""
    resume_from: dt.date | None = None
    wait: float = 0.0
    """Seconds that the function asks to wait before it is called again."""
    pages: int = 0
    rows: int = 0


def cause_of(error: str) -> str:
    """The text of an error less what differs each time that the same goes wrong: Toast's request id."""
    return re.sub(r"requestId [\w-]+", "requestId …", error)


def judge(unit: Unit, reply: Reply) -> Verdict:
    """Read a reply to a call for one unit."""
    wait = min(reply.retry_after or 0.0, LONGEST_WAIT)
    if reply.status == 0:
        return Verdict("retry", reply.text, wait=wait)
    if reply.is_problem:
        return Verdict("retry" if reply.status == 503 else "failed", _problem(reply), wait=wait)
    if reply.status not in (200, 503):  # not from the function: no instance was free, the gateway timed out
        outcome: Literal["retry", "failed"] = "failed" if reply.status in (401, 403, 404) else "retry"
        return Verdict(outcome, _between(reply), wait=wait)
    body = _body(reply.text)
    if body is None:
        return Verdict("retry", f"{reply.status}: what came back is no reply of the function: {_short(reply.text)}")
    return _judged(unit, reply.status, body, wait)


def _judged(unit: Unit, status: int, body: _Body, wait: float) -> Verdict:
    pages, rows = sum(one.pages for one in body.restaurants), sum(one.rows for one in body.restaurants)
    if body.status == "success":
        return Verdict("done", pages=pages, rows=rows)
    error = "; ".join(sorted({one.error for one in body.restaurants if one.error})) or body.status
    if status == 200:
        return Verdict("failed", error, pages=pages, rows=rows)
    start = _resume_from(body)
    if unit.span is not None and start is not None and unit.span.start < start <= unit.span.end:
        return Verdict("resume", error, resume_from=start, wait=wait, pages=pages, rows=rows)
    return Verdict("retry", error, wait=wait, pages=pages, rows=rows)


def _resume_from(body: _Body) -> dt.date | None:
    for one in body.restaurants:
        if one.resume_from and "start_date" in one.resume_from:
            return dt.date.fromisoformat(one.resume_from["start_date"])
    return None


class _Restaurant(msgspec.Struct):
    tables: dict[str, dict[str, int]] = {}
    pages: int = 0
    resume_from: dict[str, str] | None = None
    error: str | None = None

    @property
    def rows(self) -> int:
        return sum(counts.get("extracted", 0) for counts in self.tables.values())


class _Body(msgspec.Struct):
    status: str
    restaurants: list[_Restaurant]


_reply_body, _details = msgspec.json.Decoder(_Body), msgspec.json.Decoder(dict[str, Any])


def _body(text: str) -> _Body | None:
    try:
        return _reply_body.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return None


def _problem(reply: Reply) -> str:
    try:
        told: Mapping[str, Any] = _details.decode(reply.text)
    except msgspec.DecodeError:
        return f"{reply.status}: {_short(reply.text)}"
    return f"{told.get('title', reply.status)}: {told.get('detail', '')}"


def _between(reply: Reply) -> str:
    hint = {
        401: " The caller is not known there: log in (gcloud auth login), or check the function's URL.",
        403: " The caller may not invoke the function: it needs the role roles/run.invoker.",
        404: " No function answers at this URL: check it, and that it is deployed.",
    }.get(reply.status, "")
    return f"HTTP {reply.status} from before the function: {_short(reply.text)}.{hint}"


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
