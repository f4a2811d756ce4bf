"""The checks whose amounts do not add up, and whose fault that is: Toast is asked for its own numbers."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from quality.context import Context
from quality.findings import Skipped, count
from quality.toast_again import Answer, CheckFigures, check_again
from quality.truth_statements import checks_that_do_not_add_up
from shared.concurrency import side_by_side

_AT_ONCE = 8
# Orders that are fetched again of those that nothing explains.
_MOST_ASKED = 300

Row = Mapping[str, Any]


class Rule(NamedTuple):
    """What has to add up: the column that says where it does not, and the figures in words."""

    off: str
    words: Callable[[CheckFigures], str]


def _amount_words(figures: CheckFigures) -> str:
    less = f" − discounts {figures.discounts:.2f}" if figures.discounts else ""
    return f"items {figures.items:.2f} + charges {figures.charges:.2f}{less}, amount {figures.amount:.2f}"


def _total_words(figures: CheckFigures) -> str:
    return f"amount {figures.amount:.2f} + tax {figures.tax_amount:.2f}, total {figures.total_amount:.2f}"


def _payment_words(figures: CheckFigures) -> str:
    gratuity = f" + gratuity {figures.gratuity:.2f}" if figures.gratuity else ""
    return f"payments {figures.payments:.2f}, total {figures.total_amount:.2f}{gratuity}"


AMOUNT = Rule("amount_off", _amount_words)
TOTAL = Rule("total_off", _total_words)
PAYMENTS = Rule("payments_off", _payment_words)


class Judged(NamedTuple):
    """What came of a rule: the checks that break it, by restaurant and date, how many more there are, and notes."""

    failing: Mapping[tuple[str, dt.date], list[Row]]
    unlisted: int
    notes: list[str]


class Money:
    """The checks that do not add up, and what Toast says of some of them."""

    def __init__(self, counts: Row, rows: Sequence[Row], answers: Mapping[str, Answer], sample: int) -> None:
        """``counts`` over all checks; ``rows`` of those that do not add up, what surprises most first; Toast's
        ``answers`` by check; ``sample``: so many that are the same at Toast speak for those that were not asked.
        """
        self.counts = counts
        self._rows = rows
        self._answers = answers
        self._sample = sample

    @classmethod
    def of(cls, context: Context) -> Money:
        """Ask the warehouse, and Toast about what it told, once for all checks of the gate.

        Raises WarehouseError, ToastError or ConfigurationError.
        """
        if "orders" not in context.sources:
            raise Skipped("only orders have checks")
        kept: Money | None = vars(context).get("_money")
        if kept is None:
            statement = checks_that_do_not_add_up(context.warehouse.dataset, context.guids, context.range)
            counts, *rows = context.ask(statement, "money")
            kept = vars(context)["_money"] = cls(counts, rows, _ask_toast(context, rows), context.sample_orders)
        return kept

    def judge(self, rule: Rule) -> Judged:
        """Tell the checks that break a rule from those that do so at Toast too.

        What Toast was not asked about fails, unless it is explained by a later change, or enough others were the same
        at Toast and none was not.
        """
        rows = [row for row in self._rows if row[rule.off]]
        by_verdict: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_verdict[self._verdict(row, rule)].append(row)
        failing = by_verdict["differs"] + by_verdict["gone"]
        unlisted = int(self.counts[f"{rule.off}_count"]) - len(rows)
        told = Counter({verdict: len(found) for verdict, found in by_verdict.items()})
        if rule == PAYMENTS and rows and _is_late(rows[-1]):  # the statement gives these last
            told["late"] += unlisted
            unlisted = 0
        if not failing and told["same"] >= self._sample:
            told["unasked"] = told["unknown"] + unlisted
            unlisted = 0
        else:
            failing += by_verdict["unknown"]
        by_day: dict[tuple[str, dt.date], list[Row]] = defaultdict(list)
        for row in failing:
            by_day[row["restaurant_guid"], row["business_date"]].append(row)
        return Judged(by_day, unlisted, _notes(told))

    def toast_figures(self, row: Row) -> CheckFigures | None:
        """Toast's own figures of a check; None if it was not asked, or has none."""
        answer = self._answers.get(row["check_guid"])
        return answer.figures if answer else None

    def toast_words(self, row: Row, rule: Rule) -> str:
        """The same in words, to stand behind those of the warehouse."""
        answer = self._answers.get(row["check_guid"])
        if answer is None or answer.verdict == "unknown":
            return ". Toast was not asked."
        if answer.verdict == "gone" or answer.figures is None:
            return ". Toast has no such check."
        return f". Toast says: {rule.words(answer.figures)}."

    def _verdict(self, row: Row, rule: Rule) -> str:
        answer = self._answers.get(row["check_guid"])
        if answer is not None and answer.verdict != "unknown":
            return answer.verdict
        return "late" if rule == PAYMENTS and _is_late(row) else "unknown"


def _ask_toast(context: Context, rows: Sequence[Row]) -> dict[str, Answer]:
    """What Toast says of checks, by check: of those that nothing explains, and of some that changed later."""
    if context.toast is None or not rows:
        return {}
    toast = context.toast()
    locations = {location.restaurant.guid: location for location in context.restaurants}
    asked = [row for row in rows if not _is_late(row)][:_MOST_ASKED]
    asked += [row for row in rows if _is_late(row)][: context.sample_orders]
    answers = side_by_side(lambda row: check_again(toast, locations[row["restaurant_guid"]], row), asked, _AT_ONCE)
    return {row["check_guid"]: answer for row, answer in zip(asked, answers, strict=True)}


def _is_late(row: Row) -> bool:
    """Whether only the payments are off, of a check that was changed after it was closed."""
    return bool(row["changed_later"]) and not row["amount_off"] and not row["total_off"]


def _notes(told: Mapping[str, int]) -> list[str]:
    notes = {
        "same": f"{count(told['same'], 'check does', 'checks do')} not add up at Toast either: nothing to mend.",
        "unasked": f"Toast was not asked about {told['unasked']:,} more.",
        "changed": f"{count(told['changed'], 'check was', 'checks were')} changed at Toast since: the next run.",
        "late": f"{count(told['late'], 'closed check was', 'closed checks were')} changed after closing, and the "
        f"payments were not; Toast was not asked about {'it' if told['late'] == 1 else 'them'}.",
    }
    return [words for verdict, words in notes.items() if told[verdict]]
