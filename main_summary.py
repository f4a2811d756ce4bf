"""Cloud Function ``daily_summary``: is yesterday complete, and what is late? From the warehouse to people.

business days, run ledger, rejects, backfills ─► per restaurant: complete or not ─► log lines, message, reply
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from shared import connections
from shared.config import Settings, load_tenants, restaurants_for
from shared.http_contract import Answer, answer
from shared.summary import measure, parse_summary_body
from shared.summary_message import message
from shared.summary_reply import log_problems, log_summary, reply_to
from shared.summary_webhook import Posting, post

if TYPE_CHECKING:
    from flask import Request, Response


def daily_summary(request: Request) -> Response:
    """Measure how complete a tenant's restaurants are, and post it unless told otherwise."""
    return answer(request, "daily_summary", summarize)


def summarize(run_id: str, body: bytes) -> Answer:
    """Measure, log what is wrong, and post the message; a message that cannot be posted undoes nothing of it."""
    asked = parse_summary_body(body)
    settings = Settings.from_environment()
    tenants = load_tenants(settings.restaurants_file)
    restaurants = restaurants_for(tenants, "ALL", asked.tenant)
    warehouse = connections.warehouse(settings, tenants[restaurants[0].tenant].dataset)
    summary = measure(warehouse, restaurants, asked.business_date, _now(), run_id)
    log_problems(summary)
    posting = post(settings, message(summary)) if asked.post else Posting("not_asked")
    if asked.post:
        log_summary(summary, posting)
    return reply_to(run_id, summary, posting)


def _now() -> dt.datetime:
    """The time (UTC) by this machine's clock: Toast, whose clock the others go by, is not asked."""
    return dt.datetime.now(dt.UTC)
