"""What can go wrong, sorted by what the caller can do about it.

    EtlError
    ├── InvalidRequest          the caller's input is wrong; each wrong field is named     400
    ├── UnknownTarget           no such restaurant or tenant in restaurants.toml           404
    ├── ConfigurationError      our set-up is wrong: a setting, a secret, a file           500
    ├── ToastError
    │   ├── ToastRefused        Toast said no, and will say no again (400, 401, 403, 404)  502
    │   └── ToastUnavailable    Toast did not answer in time, after all retries            503
    ├── WarehouseError
    │   ├── WarehouseRefused    BigQuery said no, and will say no again                    500
    │   └── WarehouseUnavailable  BigQuery did not answer, is busy, or a quota is spent    503
    └── OutOfTime               the call's time ran short before it was begun              503

What may pass, of Toast's, of BigQuery's or of ours, is also ``Unavailable``: calling again may help.

``ObjectRejected`` stands apart: it concerns one object of a page (an order, say), which goes to
``etl_rejects`` while the rest of the page goes on.

A message says what happened, to what, and what to do; it never holds a secret or guest data, because
it reaches replies, logs and the run ledger as it stands.
"""

from __future__ import annotations


class EtlError(Exception):
    """Base of every failure that this library raises on purpose."""


class InvalidRequest(EtlError):
    """The request body is wrong; ``problems`` maps each wrong field to what is wrong with it."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{field}: {problem}" for field, problem in problems.items()))


class UnknownTarget(EtlError):
    """The restaurant or tenant asked for is not in restaurants.toml."""


class ConfigurationError(EtlError):
    """A setting, secret or file of this installation is missing or wrong."""


class Unavailable(EtlError):
    """Base of what may pass: calling again later may help. ``retry_after`` is a hint in seconds."""

    def __init__(self, message: str, *, retry_after: float = 60.0) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class ToastError(EtlError):
    """Base of what Toast's side can do to a call."""


class ToastRefused(ToastError):
    """Toast refused a request for good; calling again without a change brings the same answer.

    ``status`` is the HTTP status; ``request_id`` is what Toast's support asks for (None if absent).
    """

    def __init__(self, message: str, *, status: int, request_id: str | None = None) -> None:
        self.status = status
        self.request_id = request_id
        super().__init__(message)


class ToastUnavailable(ToastError, Unavailable):
    """Toast failed for now and all retries are spent."""


class WarehouseError(EtlError):
    """Base of what BigQuery's side can do to a call."""


class WarehouseRefused(WarehouseError):
    """BigQuery refused a job for good (invalid statement or data, missing permission)."""


class WarehouseUnavailable(WarehouseError, Unavailable):
    """BigQuery failed for now, or a quota is spent, and all retries are spent."""


class OutOfTime(Unavailable):
    """The call's time ran short before this was begun; calling again goes on there."""


class ObjectRejected(Exception):
    """One object of a Toast page cannot be turned into rows; ``reason`` holds no guest data."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
