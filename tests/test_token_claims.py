"""Who logs in, who waits, and when no login is left: the decisions, in any order of events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.token_claims import (
    CLAIM_SECONDS,
    HOUR_SECONDS,
    MOST_LOGINS,
    Share,
    Step,
    annotation_of,
    client_hash,
    next_step,
    seconds_until_login,
)

NOW = 1_800_000_000.0


def decided(share: Share, now: float = NOW, failed_before: float = 0.0) -> Step:
    return next_step(share, now, me="me", failed_before=failed_before)


def test_whoever_finds_nothing_logs_in():
    assert decided(Share()) == Step("log_in")


def test_a_claim_is_waited_for_until_it_ends():
    share = Share().claimed("other", NOW)
    assert decided(share) == Step("wait", CLAIM_SECONDS)
    assert decided(share, NOW + CLAIM_SECONDS - 1) == Step("wait", 1.0)
    assert decided(share, NOW + CLAIM_SECONDS).kind == "log_in"


def test_ones_own_claim_is_not_waited_for():
    assert decided(Share().claimed("me", NOW)).kind == "log_in"


def test_a_claim_by_a_clock_that_is_far_ahead_keeps_nobody_waiting():
    assert decided(Share().claimed("other", NOW + 20)).kind == "wait"
    assert decided(Share().claimed("other", NOW + 7200)).kind == "log_in"


def test_a_claim_counts_as_a_login_from_its_beginning_on_and_after_its_owners_death():
    share = Share().claimed("one", NOW).claimed("two", NOW + 100)
    assert decided(share, NOW + 200) == Step("spent", HOUR_SECONDS - 200)
    assert decided(share, NOW + HOUR_SECONDS).kind == "log_in"


def test_a_live_claim_is_waited_for_also_when_no_login_is_left():
    share = Share().claimed("one", NOW).claimed("two", NOW + 100)
    assert decided(share, NOW + 101).kind == "wait"


def test_a_login_that_surely_brought_no_token_does_not_count():
    share = Share().claimed("one", NOW).given_up("one", began=NOW, counts=False)
    assert share == Share()
    assert Share().claimed("one", NOW).given_up("one", began=NOW, counts=True).logins == (NOW,)


def test_a_claim_that_ran_out_is_not_given_back_for_its_next_owner():
    share = Share().claimed("one", NOW).claimed("two", NOW + 50)
    assert share.given_up("one", began=NOW, counts=True).claimed_by == "two"
    assert share.published("one", 3).claimed_by == "two"
    assert share.published("two", 3).claimed_by == ""


def test_the_newest_version_stays_the_current_one():
    assert Share(version=5).published("me", 4).version == 5
    assert Share(version=5).published("me", 6).version == 6


def test_those_who_waited_share_the_failure_and_those_who_come_later_do_not():
    share = Share().claimed("one", NOW).given_up("one", began=NOW, counts=False).failed(NOW + 5, refused=0)
    assert decided(share, NOW + 6, failed_before=0.0).kind == "failed"
    assert decided(share, NOW + 6, failed_before=NOW + 5).kind == "log_in"


def test_a_refusal_is_shared_by_all_for_a_minute():
    share = Share().failed(NOW, refused=401)
    assert decided(share, NOW + 59, failed_before=NOW).kind == "failed"
    assert decided(share, NOW + 61, failed_before=NOW).kind == "log_in"


def test_a_success_ends_a_failure():
    assert Share().failed(NOW, refused=401).published("me", 1) == Share(version=1)


@pytest.mark.parametrize(
    ("ago", "wait"),
    [
        ([], 0.0),
        ([10], 0.0),
        ([3600, 10], 0.0),
        ([3599, 10], 1.0),
        ([50, 40], 3550.0),
        ([50, 40, 30], 3560.0),
        ([-7200, 10], 3590.0),  # begun by a clock that is two hours ahead: counts as now
        ([-7200, -7200], 3600.0),
    ],
)
def test_a_login_is_possible_an_hour_after_the_last_but_one(ago, wait):
    assert seconds_until_login(tuple(NOW - seconds for seconds in ago), NOW) == wait


def test_what_is_written_is_read_again_and_tells_nothing_secret():
    share = Share(version=7).claimed("other", NOW + 0.123456).failed(NOW, refused=403)
    assert Share.read(share.written()) == share
    assert Share.read(None) == Share.read("") == Share.read("spoilt") == Share.read('{"version": "x"}') == Share()
    assert "client-id" not in annotation_of(client_hash("client-id"))
    assert len(annotation_of(client_hash("client-id"))) <= 63


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["look", "publish", "lose", "refuse", "die"]),
        st.integers(0, 4),
        st.floats(0, 2000, allow_nan=False),
    ),
    max_size=60,
)


@given(EVENTS)
def test_no_hour_has_more_than_two_logins_whoever_looks_fails_or_dies(events):
    share, now, under_way, logins = Share(), NOW, {}, []
    for event, instance, seconds in events:
        now += seconds
        me = f"{instance}-{now}"
        if event == "look":
            if (
                instance not in under_way
                and next_step(share, now, me=me, failed_before=share.failed_at).kind == "log_in"
            ):
                share = share.claimed(me, now)
                under_way[instance] = (me, now)
                logins.append(now)
        elif instance in under_way:
            name, began = under_way.pop(instance)
            if event == "publish":
                share = share.published(name, share.version + 1)
            elif event == "lose":
                share = share.given_up(name, began=began, counts=True)
            elif event == "refuse":
                share = share.given_up(name, began=began, counts=False)
                logins.remove(began)
        share = Share.read(share.written())
        for moment in logins:
            assert sum(moment <= other < moment + HOUR_SECONDS for other in logins) <= MOST_LOGINS
