"""What the daily summary says of itself: a log line for each thing that is wrong, the day's line, and the reply."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from shared.http_contract import Answer, json_response
from shared.summary import OverdueDay, RestaurantDay, Stale, Summary
from shared.summary_message import headline, message
from shared.summary_webhook import Posting

log = structlog.get_logger()

# When to post again what could not be posted.
_RETRY_AFTER_SECONDS = 300


def log_problems(summary: Summary) -> None:
    """One line for each problem: alerts go by them."""
    for stale in summary.stale:
        log.error("restaurant_stale", **_told(stale, function="stale_function"))
    for day in summary.overdue:
        log.warning("business_day_overdue", **_told(day))
    for restaurant in summary.days:
        if restaurant.rejects:
            log.warning("rejects_found", **_of(restaurant), rejects=restaurant.rejects)
        if restaurant.drift:
            log.warning("drift_found", **_of(restaurant), drift=restaurant.drift)
    if summary.held_back:
        log.info("late_data_held_back", count=summary.held_back, backfills=summary.backfills)


def log_summary(summary: Summary, posting: Posting) -> None:
    """The line of the day, whose headline a mail can carry; and what kept the message from being posted."""
    if posting.status in ("refused", "unavailable"):
        log.error("summary_not_posted", status=posting.status, error=posting.detail)
    write = log.info if summary.complete == len(summary.days) else log.warning
    write("daily_summary", headline=headline(summary), text=message(summary), posting=posting.status)


def _told(problem: Stale | OverdueDay, **renamed: str) -> dict[str, Any]:
    """A problem's fields as log fields; ``function`` is the one that writes the line, so another has to be renamed."""
    fields = msgspec.to_builtins(problem)
    fields["restaurant"], fields["restaurant_name"] = fields.pop("restaurant_guid"), fields.pop("name")
    return {renamed.get(name, name): value for name, value in fields.items()}


def _of(day: RestaurantDay) -> dict[str, Any]:
    return {
        "restaurant": day.restaurant_guid,
        "restaurant_name": day.name,
        "business_date": str(day.business_date),
    }


class _Reply(msgspec.Struct):
    status: str
    function: str
    run_id: str
    headline: str
    complete: int
    restaurants: list[RestaurantDay]
    stale: list[Stale]
    overdue: list[OverdueDay]
    held_back: int
    backfills: list[str]
    posting: Posting


def reply_to(run_id: str, summary: Summary, posting: Posting) -> Answer:
    """The reply: all that was measured, whatever became of the message.

    503 where posting it again may help, so that a scheduler's plain retry does; 200 and ``partial`` where it does not.
    """
    body = _Reply(
        "partial" if posting.status in ("refused", "unavailable") else "success",
        "daily_summary",
        run_id,
        headline(summary),
        summary.complete,
        summary.days,
        summary.stale,
        summary.overdue,
        summary.held_back,
        summary.backfills,
        posting,
    )
    response = json_response(msgspec.json.encode(body), 503 if posting.status == "unavailable" else 200)
    if posting.status == "unavailable":
        response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return Answer(response, {**summary.counts(), "posting": posting.status})
