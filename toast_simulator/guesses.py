"""What Toast does not say in public, and what the simulator does there: every guess, in one place.

A client is right only when it works with each value of each of these; ``--guess-...`` on the command line
switches them. What is guessed without a switch: the codes and texts of most errors (errors, api), that a
refused request does not count against the limits (limits), that unknown parameters are passed over (orders_api).
"""

from __future__ import annotations

from typing import Literal

import msgspec

Ordering = Literal["modified", "opened", "guid"]


class Guesses(msgspec.Struct, frozen=True, kw_only=True):
    """The guesses, each with its default."""

    page_size: int = 100
    """ordersBulk without pageSize: how many orders a page has."""

    large_page: Literal["refuse", "clamp"] = "refuse"
    """pageSize over 100: refused with 400, or answered with pages of 100."""

    long_window: Literal["refuse", "accept"] = "refuse"
    """ordersBulk with startDate to endDate over a month: refused with 400, or answered."""

    next_on_full_page: Literal["no", "yes"] = "no"
    """Whether a last page that is exactly full still has a ``next`` link, to an empty page."""

    links: Literal["yes", "no"] = "yes"
    """Whether ordersBulk sends Link headers at all. The guide says so; some clients never see them."""

    ordering: Ordering = "modified"
    """ordersBulk's order: by modifiedDate, by openedDate, or by GUID. An edit reorders the first only."""

    check_discounts: Literal["shared", "apart"] = "shared"
    """Whether a check's discounts are also taken off the ``price`` of its selections, each bearing a share."""

    labor_window: Literal["refuse", "empty"] = "refuse"
    """timeEntries and shifts without a full selector, or with one over a month: 400, or an empty list."""

    config_page: int = 300
    """Largest page of the configuration API; 300 is the most that it can be, smaller ones are guesses."""

    header_status: int = 400
    """Reply to a missing or malformed restaurant header."""


MAX_PAGE_SIZE = 100
"""Toast's guide: the largest page of ordersBulk."""

LONGEST_WINDOW_DAYS = 31
"""Toast's guide says one month for startDate to endDate."""
