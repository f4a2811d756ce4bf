"""What Toast does not say in public, and what the simulator does there: every guess, in one place.

A client is right only when it works with each value of each of these; the command line switches them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Ordering = Literal["modified", "opened", "guid"]


class Guesses(msgspec.Struct, frozen=True, kw_only=True):
    """The guesses, each with its default."""

    default_page_size: int = 100
    """ordersBulk without pageSize: how many orders a page has."""

    clamp_page_size: bool = False
    """pageSize over 100: True gives pages of 100, False refuses with 400."""

    accept_long_windows: bool = False
    """startDate to endDate over a month: True answers, False refuses with 400."""

    next_on_full_last_page: bool = False
    """Whether a last page that is exactly full still has a ``next`` link, to an empty page."""

    link_headers: bool = True
    """Whether ordersBulk sends Link headers at all."""

    ordering: Ordering = "modified"
    """ordersBulk's order: by modifiedDate, by openedDate, or by GUID. An edit reorders the first only."""

    shares_in_price: bool = True
    """Whether a check's discounts are also taken off the ``price`` of its selections, each bearing a share."""

    header_status: int = 400
    """Reply to a missing or malformed restaurant header."""


MAX_PAGE_SIZE = 100
"""Toast's guide: the largest page of ordersBulk."""

LONGEST_WINDOW_DAYS = 31
"""Toast's guide says one month for startDate to endDate."""
