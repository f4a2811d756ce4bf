"""A row's numbers and times: rounded to fit their columns, or refused with the column's name."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, localcontext
from typing import Annotated, Any

import msgspec
import pytest
import schema_checker
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from shared.errors import ObjectRejected
from shared.row_values import make_row_fit
from shared.spool import encode_rows
from shared.tables import Row, columns_of


def described(kind: Any) -> Any:
    return Annotated[kind, Meta(description="Something.")]


class Inner(Row):
    amount: described(Decimal)


class Example(Row):
    name: described(str)
    amount: described(Decimal | None) = None
    other_amount: described(Decimal | None) = None
    count: described(int | None) = None
    is_flag: described(bool | None) = None
    seen_at: described(dt.datetime | None) = None
    day_date: described(dt.date | None) = None
    inner: described(list[Inner]) = msgspec.field(default_factory=list)


class Other(Row):
    amount: described(str)
    count: described(Decimal)


def fitted(**values: Any) -> Example:
    row = Example(**{"name": "name", **values})
    make_row_fit(row)
    return row


def refusal(**values: Any) -> str:
    with pytest.raises(ObjectRejected) as caught:
        fitted(**values)
    return caught.value.reason


# --- numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("0.1234567894", "0.123456789"),
        ("0.1234567895", "0.123456790"),
        ("0.1234567885", "0.123456789"),
        ("-0.1234567895", "-0.123456790"),
        ("0.0000000004999", "0"),
        ("0.0000000005", "0.000000001"),
        ("5.046599722222222", "5.046599722"),
        ("2.675", "2.675"),
        ("9.95000000000000017763568394002504646778106689453125", "9.95"),
        ("1e-1000000", "0"),
        ("1234567890123456789.01234567895", "1234567890123456789.012345679"),
    ],
)
def test_more_than_nine_decimals_are_rounded_half_away_from_zero(written: str, held: str) -> None:
    assert fitted(amount=Decimal(written)).amount == Decimal(held)


@pytest.mark.parametrize(
    "number", ["99999999999999999999999999999.999999999", "-99999999999999999999999999999", "1E+28"]
)
def test_a_number_of_29_digits_before_the_point_is_kept(number: str) -> None:
    assert fitted(amount=Decimal(number)).amount == Decimal(number)


@pytest.mark.parametrize(
    "number",
    [
        "1E+29",
        "-1E+29",
        "99999999999999999999999999999.9999999995",
        "9E+1000000",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
    ],
)
def test_a_number_that_no_column_holds_is_refused_with_its_column(number: str) -> None:
    assert refusal(amount=Decimal(1), other_amount=Decimal(number)) == (
        f"other_amount {number} is more than a NUMERIC column holds"
    )


def test_what_is_said_of_a_refused_number_stays_short() -> None:
    assert len(refusal(amount=Decimal("1" * 5000))) < 120
    assert len(refusal(count=10**4000)) < 120


@pytest.mark.parametrize("count", [2**63 - 1, -(2**63), 0])
def test_a_count_of_64_bits_is_kept(count: int) -> None:
    assert fitted(count=count).count == count


@pytest.mark.parametrize("count", [2**63, -(2**63) - 1, 10**30])
def test_a_count_past_64_bits_is_refused_with_its_column(count: int) -> None:
    assert refusal(count=count) == f"count {count} is more than a whole-number column holds"


# --- times -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "time", ["1900-01-01T00:00:00+00:00", "2199-12-31T23:59:59.999999+00:00", "2026-02-21T23:05:00-05:00"]
)
def test_a_time_of_our_time_is_kept(time: str) -> None:
    assert fitted(seen_at=dt.datetime.fromisoformat(time)).seen_at == dt.datetime.fromisoformat(time)


@pytest.mark.parametrize(
    "time",
    [
        "1899-12-31T23:59:59.999999+00:00",
        "1900-01-01T00:00:00+00:01",
        "2200-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999-14:00",
    ],
)
def test_a_time_that_is_not_of_our_time_is_refused_with_its_column(time: str) -> None:
    assert refusal(seen_at=dt.datetime.fromisoformat(time)) == f"seen_at {time} is not between 1900 and 2200"


# --- rows --------------------------------------------------------------------------------------------


def test_what_is_absent_and_what_is_neither_number_nor_time_stays_as_it_is() -> None:
    assert fitted() == Example("name")
    whole = {"name": "1E+40", "is_flag": True, "day_date": dt.date(1, 1, 1)}
    assert fitted(**whole) == Example(**whole)


def test_records_within_a_row_are_left_to_their_own_check() -> None:
    inner = Inner(Decimal("0.12345678951"))
    assert fitted(inner=[inner]).inner == [Inner(Decimal("0.12345678951"))]
    make_row_fit(inner)
    assert inner.amount == Decimal("0.12345679")


def test_each_row_class_is_checked_by_its_own_columns() -> None:
    fitted(amount=Decimal(1), count=1)
    other = Other("1E+40", Decimal("0.12345678951"))
    make_row_fit(other)
    assert other == Other("1E+40", Decimal("0.12345679"))


any_number = st.decimals(allow_nan=True, allow_infinity=True) | st.integers(-(10**40), 10**40).map(Decimal)
any_time = st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=14))]))


@given(st.builds(Example, name=st.text(), amount=any_number, count=st.integers(), seen_at=any_time))
def test_any_row_is_one_that_bigquery_takes_or_is_refused(row: Example) -> None:
    with localcontext(traps=[]):
        amount = row.amount
        try:
            make_row_fit(row)
        except ObjectRejected as refused:
            assert refused.reason.split()[0] in ("amount", "count", "seen_at")  # noqa: PT017 - either is fine
            return
        assert abs(row.amount - amount) <= Decimal("0.5E-9")
    assert schema_checker.problems(msgspec.json.decode(encode_rows([row])), columns_of(Example)) == []
