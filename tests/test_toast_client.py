"""What the Toast client asks for, what it makes of each reply, and how long it tries; in simulated time."""

from __future__ import annotations

import datetime as dt
import json
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from structlog.testing import capture_logs

from shared.errors import ConfigurationError, OutOfTime, ToastRefused, ToastUnavailable
from shared.secrets_utils import Credentials
from shared.toast_client import ToastClient, UnreadableBody, Usage, longest_window_after
from shared.toast_endpoints import config_endpoint

HOST = "https://toast.example"
LOGIN = f"{HOST}/authentication/v1/authentication/login"
ORDERS = f"{HOST}/orders/v2/ordersBulk"
TABLES = f"{HOST}/config/v2/tables"
DAY = dt.date(2026, 3, 8)
START = 1_800_000_000.0


class Toast:
    """A scripted Toast in simulated time: replies are taken in turn, the last one for ever."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.time = 0.0
        self.logins: list[dict] = []
        self.asked: list[requests.PreparedRequest] = []
        self.asked_at: list[float] = []
        self.login_replies: list = [(200, token("token-1", 86_400))]
        self.replies: list = [(200, [], {})]
        self.usage = Usage()
        mock.add_callback("POST", LOGIN, self._log_in)
        mock.add_callback("GET", ORDERS, self._answer)
        mock.add_callback("GET", TABLES, self._answer)

    def client(self, **settings) -> ToastClient:
        credentials = Credentials("my-id", "my-secret", source="TOAST_CLIENT_ID and TOAST_CLIENT_SECRET")
        settings = {"monotonic": lambda: self.time, "sleep": self.sleep, "uniform": lambda low, high: high} | settings
        return ToastClient(HOST, credentials, **settings)

    def sleep(self, seconds):
        self.time += seconds + 1e-6

    def headers(self):
        return {"Date": formatdate(int(START + self.time), usegmt=True)}

    def pages(self, client, **more):
        return list(client.orders_by_business_date("north", DAY, decode=decode, usage=self.usage, **more))

    def listing(self, **more):
        endpoint = config_endpoint("tables")
        return self.client().listing(endpoint, "north", decode=decode, usage=self.usage, **more)

    def params(self, number):
        return {name: values[0] for name, values in parse_qs(urlsplit(self.asked[number].url).query).items()}

    def _log_in(self, request):
        self.logins.append(json.loads(request.body))
        status, body = self.login_replies.pop(0) if len(self.login_replies) > 1 else self.login_replies[0]
        return status, self.headers(), json.dumps(body)

    def _answer(self, request):
        self.asked.append(request)
        self.asked_at.append(self.time)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        status, body, headers = reply
        text = body if isinstance(body, str) else json.dumps(body)
        return status, self.headers() | headers, text


def token(value, seconds):
    return {"token": {"tokenType": "Bearer", "accessToken": value, "expiresIn": seconds}, "status": "SUCCESS"}


def decode(body: bytes) -> list:
    try:
        return json.loads(body)
    except ValueError as error:
        raise UnreadableBody("not JSON") from error


def orders(count):
    return [{"guid": str(number)} for number in range(count)]


def error(status, message="no", code=10025, **headers):
    body = {"status": status, "code": code, "message": message, "requestId": "req-7", "errors": []}
    return status, body, {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def toast():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Toast(mock)


# --- requests as Toast wants them ---


def test_a_request_carries_token_restaurant_and_selection(toast):
    toast.pages(toast.client())
    assert toast.asked[0].headers["Authorization"] == "Bearer token-1"
    assert toast.asked[0].headers["Toast-Restaurant-External-ID"] == "north"
    assert "gzip" in toast.asked[0].headers["Accept-Encoding"]
    assert toast.params(0) == {"businessDate": "20260308", "pageSize": "100", "page": "1"}
    assert toast.logins == [
        {"clientId": "my-id", "clientSecret": "my-secret", "userAccessType": "TOAST_MACHINE_CLIENT"}
    ]


def test_a_modified_window_is_asked_in_utc_milliseconds_with_an_encoded_plus(toast):
    start = dt.datetime(2026, 3, 8, 1, 2, 3, 456_789, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
    end = dt.datetime(2026, 3, 9, tzinfo=dt.UTC)
    list(toast.client().orders_modified("north", start, end, decode=decode, usage=toast.usage))
    assert "2026-03-08T06%3A02%3A03.456%2B0000" in toast.asked[0].url
    assert toast.params(0)["endDate"] == "2026-03-09T00:00:00.000+0000"


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        (dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "aware"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "not before"),
        (dt.datetime(2026, 1, 31, tzinfo=dt.UTC), dt.datetime(2026, 2, 28, 0, 0, 1, tzinfo=dt.UTC), "split"),
    ],
)
def test_an_impossible_window_is_refused_before_anything_is_asked(toast, start, end, problem):
    with pytest.raises(ValueError, match=problem):
        toast.client().orders_modified("north", start, end, decode=decode, usage=toast.usage)


def test_the_longest_window_is_a_month_and_30_days_at_the_most():
    def longest(*day):
        return longest_window_after(dt.datetime(*day, tzinfo=dt.UTC))

    assert longest(2026, 1, 30) == dt.datetime(2026, 2, 28, tzinfo=dt.UTC)
    assert longest(2026, 4, 3, 5) == dt.datetime(2026, 5, 3, 5, tzinfo=dt.UTC)
    assert longest(2025, 12, 31, 5) == dt.datetime(2026, 1, 30, 5, tzinfo=dt.UTC)


# --- the walk ---


def test_without_link_headers_the_walk_ends_at_the_first_short_page(toast):
    toast.replies = [(200, orders(100), {}), (200, orders(100), {}), (200, orders(3), {})]
    assert [len(page) for page in toast.pages(toast.client())] == [100, 100, 3]
    assert [toast.params(number)["page"] for number in range(3)] == ["1", "2", "3"]
    assert (toast.usage.pages, toast.usage.requests, toast.usage.logins) == (3, 3, 1)


def test_an_exactly_full_last_page_without_link_headers_costs_one_empty_page(toast):
    toast.replies = [(200, orders(100), {}), (200, [], {})]
    assert [len(page) for page in toast.pages(toast.client())] == [100]
    assert len(toast.asked) == 2


def link(page, host=HOST, rel="next", more=""):
    url = f"{host}/orders/v2/ordersBulk?businessDate=20260308&pageSize=100&page={page}{more}"
    return {"Link": f'<{HOST}/first>; rel="first", <{url}>; rel="{rel}"'}


def test_link_headers_decide_where_they_are_sent(toast):
    toast.replies = [(200, orders(40), link(2)), (200, orders(100), link(2, rel="self"))]
    assert [len(page) for page in toast.pages(toast.client())] == [40, 100]
    assert len(toast.asked) == 2


def test_a_link_may_skip_pages_and_add_parameters_but_not_change_ours(toast):
    more = "&cursor=abc&businessDate=19990101"
    toast.replies = [(200, orders(100), link(5, more=more)), (200, orders(1), link(5, rel="self"))]
    toast.pages(toast.client())
    assert toast.params(1) == {"businessDate": "20260308", "pageSize": "100", "page": "5", "cursor": "abc"}


@pytest.mark.parametrize("where", [link(9, host="https://evil.example"), link(1), link("x")])
def test_a_link_to_another_host_or_back_is_not_followed_but_means_that_there_is_more(toast, where):
    toast.replies = [(200, orders(100), where), (200, orders(1), link(2, rel="self"))]
    toast.pages(toast.client())
    assert toast.params(1)["page"] == "2"
    assert all(request.url.startswith(HOST) for request in toast.asked)


def test_an_empty_page_ends_the_walk_whatever_its_links_say(toast):
    toast.replies = [(200, [], link(2))]
    assert toast.pages(toast.client()) == []
    assert toast.usage.pages == 1


def test_a_page_that_fails_for_good_fails_the_walk(toast):
    toast.replies = [(200, orders(100), {}), error(400)]
    walk = toast.client().orders_by_business_date("north", DAY, decode=decode, usage=toast.usage)
    assert len(next(walk)) == 100
    with pytest.raises(ToastRefused):
        next(walk)


# --- listings by page token ---


def page(name, following=None):
    return 200, [{"guid": name}], {"Toast-Next-Page-Token": following} if following else {}


def published():
    return error(409, "published meanwhile")


def test_a_listing_follows_the_tokens_to_the_page_without_one(toast):
    toast.replies = [page("1", "a+/="), page("2", "b"), page("3")]
    assert toast.listing() == [[{"guid": "1"}], [{"guid": "2"}], [{"guid": "3"}]]
    assert [toast.params(number) for number in range(3)] == [{}, {"pageToken": "a+/="}, {"pageToken": "b"}]
    assert {request.headers["Toast-Restaurant-External-ID"] for request in toast.asked} == {"north"}
    assert (toast.usage.pages, toast.usage.requests) == (3, 3)


def test_an_empty_page_in_the_middle_does_not_end_a_listing(toast):
    toast.replies = [page("1", "a"), (200, [], {"Toast-Next-Page-Token": "b"}), page("3")]
    assert toast.listing() == [[{"guid": "1"}], [], [{"guid": "3"}]]


def test_a_listing_that_is_published_anew_begins_again_and_drops_its_pages(toast):
    toast.replies = [page("old 1", "a"), page("old 2", "b"), published(), page("1", "c"), page("2")]
    assert toast.listing() == [[{"guid": "1"}], [{"guid": "2"}]]
    assert [toast.params(number) for number in (2, 3, 4)] == [{"pageToken": "b"}, {}, {"pageToken": "c"}]


def test_the_same_token_may_come_again_after_a_new_beginning(toast):
    toast.replies = [page("old", "a"), published(), page("1", "a"), page("2")]
    assert toast.listing() == [[{"guid": "1"}], [{"guid": "2"}]]


def test_a_listing_that_is_published_again_and_again_is_given_up(toast):
    toast.replies = [page("1", "a"), published()] * 5 + [page("1")]
    with pytest.raises(ToastUnavailable, match=r"5 times.*config tables.*north"):
        toast.listing()
    assert len(toast.asked) == 10


@pytest.mark.parametrize("pages", [[page("1", "a"), page("2", "a")], [page("1", "a"), page("2", "b"), page("3", "a")]])
def test_a_page_that_leads_back_is_not_followed_for_ever(toast, pages):
    asked, toast.replies = len(pages), [*pages]
    with pytest.raises(ToastUnavailable, match="names itself as the next"):
        toast.listing()
    assert len(toast.asked) == asked


@pytest.mark.parametrize(("status", "named"), [(403, "config:read"), (404, "restaurants.toml")])
def test_a_listing_that_is_refused_is_asked_for_once(toast, status, named):
    toast.replies = [page("1", "a"), error(status)]
    with pytest.raises(ToastRefused, match=named) as failure:
        toast.listing()
    assert failure.value.status == status
    assert len(toast.asked) == 2


# --- login ---


def test_one_login_serves_all_requests_until_the_tokens_last_minute(toast):
    toast.login_replies = [(200, token("token-1", 3600)), (200, token("token-2", 86_400))]
    client = toast.client()
    toast.pages(client)
    toast.time = 3600 - 61  # Toast would give the same token again
    toast.pages(client)
    assert len(toast.logins) == 1
    toast.time = 3600 - 40
    toast.pages(client)
    assert len(toast.logins) == 2
    assert toast.asked[-1].headers["Authorization"] == "Bearer token-2"


def test_a_token_in_its_last_minute_is_used_up_and_not_asked_for_again_and_again(toast):
    toast.login_replies = [(200, token("token-1", 20))]
    client = toast.client()
    for _ in range(10):
        toast.pages(client)
    assert len(toast.logins) == 1


def test_a_401_gets_exactly_one_new_login_and_the_page_is_asked_again(toast):
    toast.login_replies = [(200, token("token-1", 86_400)), (200, token("token-2", 86_400))]
    toast.replies = [error(401), (200, orders(2), {})]
    assert toast.pages(toast.client()) == [orders(2)]
    assert len(toast.logins) == 2
    assert toast.asked[1].headers["Authorization"] == "Bearer token-2"


def test_a_second_401_is_a_refusal_and_logins_do_not_go_on(toast):
    toast.replies = [error(401)]
    client = toast.client()
    logins = []
    for _ in range(5):
        with pytest.raises(ToastRefused) as failure:
            toast.pages(client)
        assert failure.value.status == 401
        logins.append(len(toast.logins))
    # The first, one new one, one more for the next call in case that was bad luck; then none for half an hour.
    assert logins == [2, 3, 3, 3, 3]
    toast.time += 1801
    toast.replies = [error(401), (200, [], {})]
    toast.pages(client)
    assert len(toast.logins) == 4


def test_a_token_that_worked_and_expired_early_is_renewed_each_time(toast):
    toast.replies = [error(401), (200, [], {}), error(401), (200, [], {})]
    client = toast.client()
    toast.pages(client)
    toast.pages(client)
    assert len(toast.logins) == 3


def test_bad_credentials_fail_at_once_name_their_source_and_are_not_tried_again(toast):
    toast.login_replies = [(401, {"message": "bad my-secret", "code": 1, "requestId": "req-7", "status": "401"})]
    client = toast.client()
    for _ in range(3):
        with pytest.raises(ToastRefused) as failure:
            toast.pages(client)
        assert "TOAST_CLIENT_ID and TOAST_CLIENT_SECRET" in str(failure.value)
        assert "req-7" in str(failure.value)
        assert "my-secret" not in str(failure.value)
    assert len(toast.logins) == 1
    assert toast.time < 1


@pytest.mark.parametrize("status", [302, 404])
def test_a_host_without_toasts_login_is_named(toast, status):
    toast.login_replies = [(status, {})]
    with pytest.raises(ToastRefused, match=f"{HOST}.*HTTP {status}.*TOAST_API_HOST"):
        toast.client().now()
    assert len(toast.logins) == 1


def test_a_failing_login_is_repeated_and_a_garbled_one_too(toast):
    toast.login_replies = [(503, {}), (200, {"surprise": 1}), (200, token("token-1", 86_400))]
    assert toast.pages(toast.client()) == []
    assert toast.usage.logins == 3


# --- retries ---


@pytest.mark.parametrize("status", [408, 499, 500, 502, 503, 504])
def test_a_failure_that_may_pass_is_repeated_with_growing_pauses(toast, status):
    toast.replies = [error(status), error(status), error(status), (200, orders(1), {})]
    assert toast.pages(toast.client()) == [orders(1)]
    pauses = [after - before for before, after in zip(toast.asked_at, toast.asked_at[1:], strict=False)]
    assert pauses == pytest.approx([0.5, 1.0, 2.0], abs=0.01)


def test_pauses_are_jittered(toast):
    toast.replies = [error(500), (200, [], {})]
    toast.pages(toast.client(uniform=lambda low, high: low))
    assert toast.asked_at[1] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(
    "failure",
    [
        requests.ConnectionError("cut"),
        requests.ReadTimeout(),
        requests.exceptions.ChunkedEncodingError("truncated"),
        requests.exceptions.ContentDecodingError("gzip"),
        (200, '[{"guid": "1"', {}),
    ],
)
def test_a_lost_or_unreadable_reply_is_asked_for_again(toast, failure):
    toast.replies = [(200, orders(100), {}), failure, (200, orders(1), {})]
    assert [len(page) for page in toast.pages(toast.client())] == [100, 1]
    assert [toast.params(number)["page"] for number in range(3)] == ["1", "2", "2"]


def test_a_body_that_stays_unreadable_fails_the_walk_after_all_retries(toast):
    toast.replies = [(200, "<html>", {})]
    with pytest.raises(ToastUnavailable, match="not JSON"):
        toast.pages(toast.client())
    assert 60 < toast.time <= 121


def test_retries_end_with_patience(toast):
    toast.replies = [error(503, "down")]
    with pytest.raises(ToastUnavailable, match=r"down .*503.*req-7"):
        toast.pages(toast.client(patience=30))
    assert 15 < toast.time <= 30


def test_no_retry_begins_past_the_deadline(toast):
    toast.replies = [error(503)]
    with pytest.raises(ToastUnavailable):
        toast.pages(toast.client(), deadline=5.0)
    assert max(toast.asked_at) <= 5.0


def test_no_wait_for_the_limit_goes_past_the_deadline(toast):
    toast.replies = [error(429, Retry_After="40")]
    with pytest.raises(OutOfTime) as failure:
        toast.pages(toast.client(), deadline=5.0)
    assert toast.time < 1
    assert failure.value.retry_after == pytest.approx(40, abs=1)


def test_a_503_is_left_alone_as_long_as_it_asks(toast):
    toast.replies = [error(503, Retry_After="9"), (200, [], {})]
    toast.pages(toast.client())
    assert toast.asked_at[1] == pytest.approx(9, abs=0.1)


def test_a_429_is_waited_for_as_toast_asks_counted_and_the_same_page_resumed(toast):
    toast.replies = [(200, orders(100), {}), error(429, Retry_After="7"), (200, orders(1), {})]
    assert [len(page) for page in toast.pages(toast.client())] == [100, 1]
    assert [toast.params(number)["page"] for number in range(3)] == ["1", "2", "2"]
    assert toast.asked_at[2] - toast.asked_at[1] == pytest.approx(7, abs=0.1)
    assert toast.usage.throttled == 1


def test_a_429_without_retry_after_is_held_until_reset(toast):
    reset = {"X_Toast_RateLimit_Remaining": "0", "X_Toast_RateLimit_Reset": str(int(START) + 12)}
    toast.replies = [error(429, **reset), (200, [], {})]
    toast.pages(toast.client())
    assert 12 <= toast.asked_at[1] <= 13.1


def test_a_429_that_says_nothing_is_backed_off(toast):
    toast.replies = [error(429), error(429), (200, [], {})]
    toast.pages(toast.client())
    assert toast.asked_at[1:] == pytest.approx([1, 3], abs=0.1)


def test_long_holds_do_not_use_up_patience_but_an_endless_429_ends(toast):
    toast.replies = [error(429, Retry_After="100"), error(429, Retry_After="100"), (200, [], {})]
    toast.pages(toast.client(patience=30))
    toast.replies = [error(429, Retry_After="1")]
    with pytest.raises(ToastUnavailable, match="429"):
        toast.pages(toast.client())


def test_a_429_for_hours_is_not_waited_for(toast):
    toast.replies = [error(429, Retry_After="7200")]
    with pytest.raises(ToastUnavailable) as failure:
        toast.pages(toast.client())
    assert failure.value.retry_after == 7200


# --- refusals ---


@pytest.mark.parametrize(
    ("status", "named"),
    [
        (400, ["Input startDate", "code 10025", "requestId req-7", "ordersBulk", "north"]),
        (403, ["orders:read", "/orders/v2/ordersBulk", "15 minutes"]),
        (404, ["restaurants.toml"]),
        (422, ["422"]),
    ],
)
def test_a_refusal_fails_at_once_with_what_toast_said(toast, status, named):
    toast.replies = [error(status, "Input startDate must be before endDate")]
    with pytest.raises(ToastRefused) as failure:
        toast.pages(toast.client())
    assert all(word in str(failure.value) for word in named)
    assert (failure.value.status, failure.value.request_id) == (status, "req-7")
    assert len(toast.asked) == 1


@pytest.mark.parametrize("body", ["<html>Forbidden</html>", "", "[]", '{"message": 5}'])
def test_a_refusal_without_toasts_error_body_is_still_one(toast, body):
    toast.replies = [(403, body, {})]
    with pytest.raises(ToastRefused, match="HTTP 403"):
        toast.pages(toast.client())


def test_a_redirect_is_not_followed(toast):
    toast.replies = [(302, "", {"Location": "https://evil.example/"})]
    with pytest.raises(ToastRefused, match="TOAST_API_HOST"):
        toast.pages(toast.client())


def test_no_secret_or_token_reaches_a_message_or_a_log(toast):
    toast.replies = [error(503, "token-1 my-secret"), error(403, "token-1 my-secret")]
    with capture_logs() as logs, pytest.raises(ToastRefused) as failure:
        toast.pages(toast.client())
    assert [entry["event"] for entry in logs] == ["toast_retry"]
    assert (logs[0]["request_id"], logs[0]["restaurant"], logs[0]["status"]) == ("req-7", "north", 503)
    assert not any(secret in f"{logs}{failure.value!r}" for secret in ("my-secret", "token-1"))


def test_a_smooth_walk_logs_nothing(toast):
    with capture_logs() as logs:
        toast.pages(toast.client())
    assert logs == []


# --- hosts ---


def test_a_host_never_reached_is_given_up_within_ten_seconds(toast):
    toast.mock.replace("POST", LOGIN, body=requests.ConnectTimeout())
    with pytest.raises(ToastUnavailable) as failure:
        toast.pages(toast.client())
    assert HOST in str(failure.value)
    assert "TOAST_API_HOST" in str(failure.value)
    assert toast.time <= 10


@pytest.mark.parametrize("host", ["http://[broken", "http://", "ftp://toast.example"])
def test_an_impossible_host_is_a_configuration_error(host):
    with pytest.raises(ConfigurationError, match="TOAST_API_HOST"):
        ToastClient(host, Credentials("a", "b", source="x")).now()


# --- the clock and restaurants ---


def test_now_is_toasts_clock_and_logs_in_to_read_it(toast):
    toast.time = 5.0
    now = toast.client().now()
    assert len(toast.logins) == 1
    assert now.tzinfo is dt.UTC
    assert START + 4 <= now.timestamp() <= START + 6


def test_a_server_without_date_headers_is_said_to_have_no_clock(toast):
    toast.headers = dict
    with pytest.raises(ToastUnavailable, match="Date"):
        toast.client().now()


def test_a_restaurant_is_asked_for_anew_each_time(toast):
    general = {"name": "North", "timeZone": "America/New_York", "closeoutHour": 3, "firstBusinessDate": 20190502}
    url = f"{HOST}/restaurants/v1/restaurants/north"
    asked = toast.mock.get(url, json={"guid": "north", "general": general | {"extra": [1]}, "urls": {}})
    client = toast.client()
    for _ in range(2):
        info = client.restaurant("north", usage=toast.usage)
    assert (info.name, info.timezone, info.closeout_hour) == ("North", "America/New_York", 3)
    assert info.first_business_date == dt.date(2019, 5, 2)
    assert asked.call_count == 2


def test_a_restaurant_may_leave_out_what_toast_does_not_promise(toast):
    toast.mock.get(f"{HOST}/restaurants/v1/restaurants/n", json={"general": {"name": "N", "timeZone": "UTC"}})
    info = toast.client().restaurant("n", usage=toast.usage)
    assert (info.closeout_hour, info.first_business_date) == (4, None)


def test_an_unknown_time_zone_says_where_to_set_one(toast):
    toast.mock.get(f"{HOST}/restaurants/v1/restaurants/n", json={"general": {"name": "N", "timeZone": "Mars/Base"}})
    with pytest.raises(ConfigurationError, match=r"Mars/Base.*restaurants\.toml"):
        toast.client().restaurant("n", usage=toast.usage)


def ask_north(toast, body, **known):
    toast.mock.get(f"{HOST}/restaurants/v1/restaurants/north", body=body if isinstance(body, str) else json.dumps(body))
    return toast.client(patience=0.0).restaurant("north", usage=toast.usage, **known)


def general(**changes):
    settings = {"name": "N", "timeZone": "America/New_York", "closeoutHour": 4, "firstBusinessDate": 20190502}
    return {"general": settings | changes}


@pytest.mark.parametrize("hour", [-1, 24, 2**40])
def test_a_closeout_hour_that_is_none_says_where_to_set_one(toast, hour):
    with pytest.raises(ConfigurationError, match=rf"{hour}.*restaurants\.toml"):
        ask_north(toast, general(closeoutHour=hour))


def test_what_is_known_already_wins_over_what_toast_says(toast):
    info = ask_north(toast, general(timeZone="Mars/Base", closeoutHour=99), timezone="Asia/Tokyo", closeout_hour=0)
    assert (info.timezone, info.closeout_hour) == ("Asia/Tokyo", 0)


@pytest.mark.parametrize("told", [20261301, 20260230, -5, 1, 10**15, 0, None])
def test_a_first_business_date_that_is_none_is_not_known(toast, told):
    assert ask_north(toast, general(firstBusinessDate=told)).first_business_date is None


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{", '{"general": null}', '{"general": {"name": "N"}}', json.dumps(general(closeoutHour="four"))]
    + [json.dumps(general())[:-1] + ', "more": ' + "[" * depth + "]" * depth + "}" for depth in (5_000, 200_000)]
    + [json.dumps(general()).replace("4", "4" * 5_000)],
    ids=lambda body: body[:20],
)
def test_a_restaurant_that_cannot_be_read_is_asked_for_again(toast, body):
    with pytest.raises(ToastUnavailable, match="unreadable body"):
        ask_north(toast, body)


def test_usage_adds_up():
    total, unit = Usage(), Usage()
    unit.count(requests=3, pages=2, throttled=1, logins=1)
    total.add(unit)
    total.add(unit)
    assert (total.requests, total.pages, total.throttled, total.logins) == (6, 4, 2, 2)
