"""The body of a call: what it may ask for, and every wrong field named at once."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.date_utils import FIRST_BUSINESS_DATE
from shared.errors import InvalidRequest
from shared.request_body import DAYS, DAYS_AND_CHANGES, NO_DATES, Accepted, RequestBody, parse_body

GUID = "a47275cb-634e-427c-bbd3-3e5d17997d4e"
DATES = {"start_date": "2026-02-01", "end_date": "2026-02-07"}


def parse(accepted: Accepted = DAYS_AND_CHANGES, **fields: Any) -> RequestBody:
    return parse_body(json.dumps(fields).encode(), accepted)


def problems(body: bytes | None = None, accepted: Accepted = DAYS_AND_CHANGES, **fields: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        parse_body(json.dumps(fields).encode() if body is None else body, accepted)
    return caught.value.problems


# --- what may be asked -------------------------------------------------------------------------------


def test_an_empty_object_asks_for_every_restaurant() -> None:
    body = parse()
    assert body == RequestBody(restaurant_guid="ALL", start_date=None, end_date=None, tenant=None)
    assert body.mode is None, "the function decides"


@pytest.mark.parametrize("mode", ["business_date", "modified"])
def test_every_field_is_read(mode: Any) -> None:
    body = parse(restaurant_guid=GUID, mode=mode, tenant="purpose", **DATES)
    assert body == RequestBody(
        restaurant_guid=GUID,
        start_date=dt.date(2026, 2, 1),
        end_date=dt.date(2026, 2, 7),
        mode=mode,
        tenant="purpose",
    )


@pytest.mark.parametrize("field", ["restaurant_guid", "start_date", "end_date", "mode", "tenant"])
def test_null_is_the_same_as_leaving_a_field_out(field: str) -> None:
    assert parse(**{field: None}) == parse()


@pytest.mark.parametrize("written", [GUID, GUID.upper(), GUID.replace("-", ""), "{" + GUID + "}"])
def test_a_guid_may_be_written_in_any_of_its_ways(written: str) -> None:
    assert parse(restaurant_guid=written).restaurant_guid == GUID


def test_spaces_around_the_json_do_not_matter() -> None:
    assert parse_body(b' \n{ "tenant" : "purpose" }\n ') == parse(tenant="purpose")


def test_of_a_field_that_stands_twice_the_last_one_counts() -> None:
    assert parse_body(b'{"tenant": "one", "tenant": "two"}').tenant == "two"


# --- what is wrong with a field ----------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["all", "", "a47275cb", GUID + "0", 5, True, [], {}, [GUID], 1.5])
def test_a_restaurant_is_a_guid_or_all(wrong: Any) -> None:
    assert problems(restaurant_guid=wrong) == {
        "restaurant_guid": 'expected a GUID such as "12345678-90ab-cdef-1234-567890abcdef", or "ALL" in capitals'
    }


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-02-29",
        "2026-13-01",
        "20260201",
        "2026-2-1",
        "2026-02-01T00:00:00",
        "2026-W05-1",
        " 2026-02-01",
        "2026-02-01\n",
        "２０２６-02-01",
        "yesterday",
        "",
        20260201,
        True,
        [],
        {},
    ],
)
@pytest.mark.parametrize("field", ["start_date", "end_date"])
def test_a_date_is_written_one_way(field: str, wrong: Any) -> None:
    found = problems(**DATES | {field: wrong})
    assert found.keys() == {field}
    assert found[field].startswith("expected a date as YYYY-MM-DD")


@pytest.mark.parametrize("wrong", ["", "MODIFIED", "daily", 5, True, [], {}])
def test_a_mode_is_one_of_those_there_are(wrong: Any) -> None:
    found = problems(mode=wrong)
    assert found.keys() == {"mode"}
    assert "expected" in found["mode"]
    assert "'business_date'" in found["mode"]
    assert "'modified'" in found["mode"]


@pytest.mark.parametrize("wrong", ["", 5, True, [], {}])
def test_a_tenant_is_a_name(wrong: Any) -> None:
    assert problems(tenant=wrong) == {"tenant": "expected the name of a tenant in restaurants.toml"}


@pytest.mark.parametrize("name", ["restaurant", "startDate", "", "Restaurant_guid"])
def test_an_unknown_field_is_named_with_those_there_are(name: str) -> None:
    assert problems(**{name: 1}) == {
        name: "unknown field; expected restaurant_guid, start_date, end_date, mode, tenant"
    }


def test_an_unknown_field_is_wrong_even_when_it_is_null() -> None:
    assert problems(restaurant=None).keys() == {"restaurant"}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = problems(restaurant_guid="x", start_date="x", end_date="x", mode="x", tenant="", other=1, another=2)
    assert found.keys() == {"restaurant_guid", "start_date", "end_date", "mode", "tenant", "other", "another"}


def test_the_message_names_each_field() -> None:
    with pytest.raises(InvalidRequest, match=r"^other: unknown field; .*; tenant: expected the name"):
        parse(other=1, tenant=5)


# --- what a function does not take -------------------------------------------------------------------


def test_a_function_that_reads_days_takes_no_mode_but_that() -> None:
    assert parse(DAYS, mode="business_date", **DATES).mode == "business_date"
    found = problems(accepted=DAYS, mode="modified", **DATES)
    assert found.keys() == {"mode"}
    assert "'modified' is not served by this function" in found["mode"]


@pytest.mark.parametrize("given_one", [{"mode": "business_date"}, {"mode": "modified"}, DATES])
def test_a_function_that_reads_what_is_there_now_takes_neither_dates_nor_mode(given_one: dict[str, str]) -> None:
    assert parse(NO_DATES, restaurant_guid=GUID, tenant="purpose").start_date is None
    found = problems(accepted=NO_DATES, **given_one)
    assert found.keys() == given_one.keys()
    assert all("not taken by this function" in words for words in found.values())


def test_a_field_that_is_not_taken_may_be_null() -> None:
    assert parse(NO_DATES, start_date=None, end_date=None, mode=None) == parse(NO_DATES)


@pytest.mark.parametrize("accepted", [DAYS, NO_DATES], ids=["days only", "no dates"])
def test_what_is_not_taken_is_told_together_with_what_is_wrong(accepted: Accepted) -> None:
    found = problems(accepted=accepted, mode="modified", restaurant_guid="x", other=1)
    assert found.keys() == {"mode", "restaurant_guid", "other"}


# --- ranges ------------------------------------------------------------------------------------------


def test_31_days_are_taken() -> None:
    body = parse(start_date="2026-01-15", end_date="2026-02-14")
    assert (body.start_date, body.end_date) == (dt.date(2026, 1, 15), dt.date(2026, 2, 14))


def test_one_day_is_taken() -> None:
    assert parse(start_date="2026-02-01", end_date="2026-02-01").end_date == dt.date(2026, 2, 1)


def test_32_days_are_refused_with_the_way_to_split_them() -> None:
    found = problems(start_date="2026-01-15", end_date="2026-02-15")
    assert found.keys() == {"end_date"}
    assert "32 days are too many for one call, 31 at most" in found["end_date"]
    assert "first 2026-01-15 to 2026-02-14, then from 2026-02-15" in found["end_date"]


def test_a_date_before_toast_had_restaurants_is_refused() -> None:
    wrong = problems(start_date="2011-12-31", end_date="2012-01-01")
    assert wrong == {"start_date": "2011-12-31 is before Toast's first restaurants (2012-01-01)"}


def test_all_of_time_is_refused_like_any_other_long_range() -> None:
    assert "too many" in problems(start_date="2012-01-01", end_date="9999-12-31")["end_date"]


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    assert problems(start_date="2026-02-02", end_date="2026-02-01") == {
        "end_date": "2026-02-01 is before start_date 2026-02-02"
    }


@pytest.mark.parametrize(("there", "missing"), [("start_date", "end_date"), ("end_date", "start_date")])
@pytest.mark.parametrize("nothing", [{}, None], ids=["left out", "null"])
def test_one_date_wants_the_other(there: str, missing: str, nothing: Any) -> None:
    other = {} if nothing == {} else {missing: None}
    assert problems(**{there: "2026-02-01"} | other) == {
        missing: f"missing; give both dates or neither ({there} is there)"
    }


def test_one_date_that_is_wrong_itself_wants_the_other_too() -> None:
    assert problems(start_date="x").keys() == {"start_date", "end_date"}


# --- no object ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"tenant": }',
        b"{'tenant': 'purpose'}",
        b"tenant=purpose",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b'{"tenant": "\xff"}',
        b'{"\xff": 1}',
        b'"\xff"',
        b'{"tenant": "\\ud800"}',
        b'{"tenant": 1e999}',
        b'{"tenant": ' + b"9" * 5000 + b"}",
        b"[" * 50_000,
        b'{"tenant":' * 10_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_json_says_so(body: bytes) -> None:
    found = problems(body)
    assert found.keys() == {"body"}
    assert found["body"].startswith("not JSON (" if body else "empty, ")
    assert found["body"].endswith("send {} to ask for every restaurant")


@pytest.mark.parametrize("body", [b"null", b"[]", b"[{}]", b'"ALL"', b"5", b"true"])
def test_what_is_no_object_says_so(body: bytes) -> None:
    assert problems(body) == {"body": 'expected a JSON object such as {"restaurant_guid": "ALL"}'}


# --- any body ----------------------------------------------------------------------------------------

fields = st.sampled_from(["restaurant_guid", "start_date", "end_date", "mode", "tenant"]) | st.text(max_size=3)
words = ["ALL", GUID, "2026-02-01", "2026-02-28", "9999-12-31", "business_date", "modified"]
texts = st.text(max_size=10) | st.sampled_from(words)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=4),
    max_leaves=6,
)
functions = st.sampled_from([DAYS_AND_CHANGES, DAYS, NO_DATES])
in_its_own_time = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def assert_read_or_refused(body: bytes, accepted: Accepted) -> None:
    try:
        read = parse_body(body, accepted)
    except InvalidRequest as refused:
        assert all(refused.problems.values() or [False])  # noqa: PT017 - either is fine
        return
    assert read.mode is None or read.mode in accepted.modes
    assert read.start_date is None or accepted.modes
    assert (read.start_date is None) == (read.end_date is None)
    if read.start_date and read.end_date:
        assert 0 <= (read.end_date - read.start_date).days <= 30


@in_its_own_time
@given(st.dictionaries(fields, texts | any_json, max_size=5) | any_json, functions)
def test_any_json_is_a_body_or_an_invalid_request(content: Any, accepted: Accepted) -> None:
    assert_read_or_refused(json.dumps(content).encode(), accepted)


@in_its_own_time
@given(st.binary(max_size=30) | st.builds(lambda inner: b'{"tenant": "' + inner + b'"}', st.binary(max_size=8)))
def test_any_bytes_are_a_body_or_an_invalid_request(body: bytes) -> None:
    assert_read_or_refused(body, DAYS_AND_CHANGES)


@given(st.dates(FIRST_BUSINESS_DATE, dt.date(9999, 1, 1)), st.integers(0, 30))
def test_any_range_of_up_to_31_days_is_taken_as_it_is(start: dt.date, days: int) -> None:
    end = start + dt.timedelta(days=days)
    body = parse(start_date=start.isoformat(), end_date=end.isoformat())
    assert (body.start_date, body.end_date) == (start, end)


@given(st.dates(FIRST_BUSINESS_DATE, dt.date(9000, 1, 1)), st.integers(31, 300_000))
def test_the_split_that_is_proposed_begins_where_the_range_does_and_is_taken(start: dt.date, days: int) -> None:
    found = problems(start_date=start.isoformat(), end_date=(start + dt.timedelta(days=days)).isoformat())
    first, then = found["end_date"].split("split the range, first ")[1].split(", then from ")
    proposed = parse(start_date=first.split(" to ")[0], end_date=first.split(" to ")[1])
    assert proposed.start_date == start
    assert proposed.end_date
    assert then.startswith(str(proposed.end_date + dt.timedelta(days=1)))
