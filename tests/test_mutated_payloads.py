"""A share of the mutated payloads of tests/campaigns, and whether their checks would see what they are there for."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import json_mutations
import msgspec
import pytest
from mutated_payloads import Broken, Campaign, Checks, Reader, Reading, parsed
from real_payloads import GUEST, Payloads, real_payloads

from shared.toast_objects import Undecodable

SEED = 20260220


@pytest.fixture(scope="module")
def payloads() -> Payloads:
    return real_payloads(SEED)


def test_of_2000_mutated_payloads_each_object_is_loaded_rightly_or_rejected_with_a_reason() -> None:
    report = Campaign(SEED).run(2_000)
    print(report)
    assert not report.failures, str(report)
    assert report.bodies == 2_000
    assert report.rows > 4_000
    assert report.rejects.total() > 200
    assert report.unreadable > 200
    every = {*json_mutations.CHANGES, *json_mutations.BYTE_CHANGES}
    assert set(report.mutations) == every


def test_a_seed_gives_the_same_payloads_again() -> None:
    assert str(Campaign(7).run(50)) == str(Campaign(7).run(50))


# --- would the checks see it? ------------------------------------------------------------------------


def lose_a_row(reading: Reading) -> None:
    reading.lines.pop()


def lose_a_part(reading: Reading) -> None:
    for line in reading.lines:
        line.taxes.pop()


def lose_a_cent(reading: Reading) -> None:
    for line in reading.lines:
        line.payments[0].amount -= Decimal("0.01")


def lose_a_text(reading: Reading) -> None:
    for line in reading.lines:
        line.order_source = None


def add_a_row(reading: Reading) -> None:
    reading.lines.append(reading.lines[0])


def keep_a_guest(reading: Reading) -> None:
    reading.rejects.append(Undecodable("", "for the test", GUEST))


def tell_no_reason(reading: Reading) -> None:
    reading.rejects.append(Undecodable("", "", "{}"))


def overflow(reading: Reading) -> None:
    for line in reading.lines:
        line.checks[0].amount = Decimal("1E29")


@pytest.mark.parametrize(
    "harm",
    [lose_a_row, lose_a_part, lose_a_cent, lose_a_text, add_a_row, keep_a_guest, tell_no_reason, overflow],
    ids=lambda harm: harm.__name__,
)
def test_harm_done_while_reading_is_seen(harm: Callable[[Reading], None], payloads: Payloads) -> None:
    class Harmful(Reader):
        def read(self, body: bytes) -> Reading:
            reading = super().read(body)
            if self.harms:
                harm(reading)
            return reading

    reader = Harmful("orders")
    reader.harms = False
    checks = Checks(reader)
    body = b"[" + b",".join([one for one in payloads["orders"] if _has_everything(parsed(one))][:3]) + b"]"
    checks.learn(body)
    reader.harms = True
    with pytest.raises(Broken):
        checks.hold(body)


def _has_everything(order: Any) -> bool:
    """Whether it has a payment and a tax to do harm to."""
    checks = order["checks"]
    taxed = any(selection["appliedTaxes"] for check in checks for selection in check["selections"])
    return taxed and all(check["payments"] for check in checks)


def test_an_incomplete_listing_that_is_called_complete_is_seen(payloads: Payloads) -> None:
    class Careless(Reader):
        def read(self, body: bytes) -> Reading:
            reading = super().read(body)
            for line in reading.lines:
                line.is_complete = True
            return reading

    checks = Checks(Careless("tables"))
    checks.learn(b"[" + b",".join(payloads["tables"]) + b"]")
    with pytest.raises(Broken, match="complete"):
        checks.hold(b"[" + payloads["tables"][0] + b',{"guid":5}]')


@pytest.mark.parametrize("change", [*json_mutations.CHANGES])
def test_every_change_changes_something(change: str, payloads: Payloads) -> None:
    random = Random(1)
    whole = msgspec.json.decode(payloads["orders"][0])
    changed = 0
    for _ in range(20):
        container, key = random.choice([*json_mutations.places(whole)])
        before = json_mutations.encode(whole)
        json_mutations.CHANGES[change](random, container, key, ["another"])
        changed += json_mutations.encode(whole) != before
    assert changed >= 5
