"""The one Toast token of all instances: a Secret Manager that speaks gRPC, a simulated Toast, and what goes wrong."""

from __future__ import annotations

import datetime as dt
import threading
import time
import traceback

import msgspec
import pytest
from functions import SimulatorControl, forget_connections
from google.cloud import secretmanager
from secret_manager import SecretManager, connect
from structlog.testing import capture_logs

from local_stack.processes import simulator_process
from shared import connections
from shared.config import DEFAULT_RESTAURANTS_FILE, Settings, Tenant, load_tenants
from shared.errors import ToastRefused, ToastUnavailable
from shared.secrets_utils import Credentials
from shared.toast_client import ToastClient, Usage
from shared.token_cache import TokenCache
from shared.token_claims import Share, annotation_of, client_hash
from shared.token_secret import TokenSecret

CLIENT_ID, CLIENT_SECRET = "client-4711", "hush-hush-4712"
LOGIN_PATH = "/authentication/v1/authentication/login"
(TENANT,) = load_tenants(DEFAULT_RESTAURANTS_FILE).values()
RESTAURANT = TENANT.restaurants[0].guid
KEY = annotation_of(client_hash(CLIENT_ID))


class Instance:
    """What an instance of a function has: a client of its own. ``ahead`` moves its clocks."""

    def __init__(self, world, *, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, url=None, **options):
        self.ahead = 0.0
        self.cache = TokenCache(
            TokenSecret("p", "TOAST_TOKEN", client=connect(world.secrets.address)),
            client_id,
            unix=lambda: time.time() + self.ahead,
            monotonic=lambda: time.monotonic() + self.ahead,
        )
        self.client = ToastClient(
            url or world.url,
            Credentials(client_id, client_secret, source="a test", project="p"),
            shared=self.cache,
            monotonic=lambda: time.monotonic() + self.ahead,
            **options,
        )

    def ask(self) -> Usage:
        usage = Usage()
        self.client.restaurant(RESTAURANT, usage=usage)
        return usage

    @property
    def token(self):
        return self.client._session._login._token


class World:
    def __init__(self, url):
        self.url = url
        self.control = SimulatorControl(url)
        self.secrets = SecretManager()
        self.secret = self.secrets.create("TOAST_TOKEN")

    def instance(self, **options) -> Instance:
        return Instance(self, **options)

    def share(self) -> Share:
        return Share.read(self.secret.annotations.get(KEY))

    def logins(self) -> int:
        return self.control.requests_so_far()["logins"]


@pytest.fixture(scope="module")
def toast(tmp_path_factory):
    options = {"seed": 7, "clock": "2026-02-24T18:00:00Z", "limits": "off"}
    folder = tmp_path_factory.mktemp("simulator")
    with simulator_process(folder, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, **options) as server:
        yield server.url


@pytest.fixture
def world(toast):
    made = World(toast)
    made.control.no_faults()
    made.control.count_requests_anew()
    yield made
    made.secrets.stop()


def warnings(logs):
    return [line["reason"] for line in logs if line["event"] == "toast_token_not_shared"]


# --- one token ---


def test_a_second_instance_takes_the_token_of_the_first(world):
    first, second = world.instance(), world.instance()
    assert first.ask().logins == 1
    assert second.ask().logins == 0
    assert second.token.value == first.token.value
    assert (world.logins(), world.secrets.enabled(world.secret)) == (1, [1])
    assert world.share().claimed_by == ""


def test_an_instance_that_has_a_token_does_not_ask_for_it(world):
    instance = world.instance()
    instance.ask()
    world.secrets.calls.clear()
    instance.ask()
    assert world.secrets.calls == []


def test_toasts_clock_is_known_without_a_login(world):
    world.instance().ask()
    now = world.instance().client.now()
    assert abs(now - world.control.now()) < dt.timedelta(seconds=3)
    assert world.logins() == 1


def test_with_a_shared_token_too_an_unreachable_toast_is_named_at_once(world):
    world.instance().ask()
    began = time.monotonic()
    with pytest.raises(ToastUnavailable, match=r"http://127\.0\.0\.1:9\b.*TOAST_API_HOST"):
        world.instance(url="http://127.0.0.1:9").client.now()
    assert time.monotonic() - began < 15


def test_a_token_is_taken_until_shortly_before_its_end(world):
    first = world.instance()
    first.ask()
    world.control.clock(world.control.now())
    late = world.instance()
    late.ahead = 86_400 - 60
    late.client._session._login.token(Usage())
    assert world.logins() == 1
    later = world.instance()
    later.ahead = 86_400 - 30
    later.client._session._login.token(Usage())
    assert world.logins() == 2


def test_another_client_id_gets_no_token_of_the_first_and_leaves_it_alone(world):
    world.instance().ask()
    # Toast knows only the one client id; this one's login is refused, so it was not given the stored token.
    with pytest.raises(ToastRefused):
        world.instance(client_id="client-2").ask()
    assert world.secrets.enabled(world.secret) == [1]
    assert world.instance().ask().logins == 0
    assert len(world.secret.annotations) == 2


def test_a_token_for_another_client_id_is_not_used_though_our_annotation_points_at_it(world):
    world.instance().ask()
    world.secret.payloads[1] = world.secret.payloads[1].replace(client_hash(CLIENT_ID).encode(), b"another")
    assert world.instance().ask().logins == 1
    assert world.secrets.enabled(world.secret) == [2]


def test_two_clients_can_share_a_secret(world):
    other = annotation_of(client_hash("client-2"))
    world.instance().ask()
    # A token of the other client, stored before ours is replaced.
    world.secrets._add("projects/p/secrets/TOAST_TOKEN", world.secret, b"{}")
    world.secret.versions[1].create_time = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    world.secret.versions[2].create_time = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    world.secret.annotations[other] = Share(version=2).written()
    world.control.fault("expired_token")
    world.instance().ask()
    assert world.secrets.enabled(world.secret) == [2, 3]


def test_what_an_operator_wrote_beside_it_stays(world):
    world.secret.annotations["owner"] = "finance"
    world.instance().ask()
    assert world.secret.annotations["owner"] == "finance"
    assert world.share().version == 1


def test_what_a_process_that_died_left_behind_is_destroyed_and_what_is_new_is_not(world):
    for age in (3600, 5):
        added = world.secrets._add("projects/p/secrets/TOAST_TOKEN", world.secret, b"left behind")
        added.create_time = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age)
    world.instance().ask()
    assert world.secrets.enabled(world.secret) == [2, 3]


@pytest.mark.parametrize("spoilt", ["destroyed", "garbled", "gone"])
def test_a_version_that_cannot_be_read_is_replaced(world, spoilt):
    world.instance().ask()
    if spoilt == "destroyed":
        world.secret.versions[1].state = secretmanager.SecretVersion.State.DESTROYED
    elif spoilt == "garbled":
        world.secret.payloads[1] = b"\xff not what was stored"
    else:
        world.secret.versions.clear()
    again = world.instance()
    assert again.ask().logins == 1
    assert world.instance().ask().logins == 0


# --- 401 ---


def test_a_token_that_toast_does_not_take_is_replaced_once_for_all(world):
    first, second = world.instance(), world.instance()
    first.ask()
    second.ask()
    world.control.fault("expired_token")
    assert first.ask().logins == 1
    assert second.ask().logins == 0
    assert first.token.value == second.token.value
    assert (world.logins(), world.secrets.enabled(world.secret)) == (2, [2])


def test_spent_logins_are_told_with_the_time_when_there_is_one_again(world):
    instance = world.instance()
    instance.ask()
    for _ in range(2):
        world.control.no_faults()
        world.control.fault("expired_token")
        try:
            instance.ask()
        except ToastUnavailable as failure:
            spent = failure
    assert "2 logins an hour" in str(spent)
    assert 3500 < spent.retry_after <= 3600
    assert world.logins() == 2
    instance.ahead = spent.retry_after + 1
    assert instance.ask().logins == 1


# --- Toast fails ---


def test_a_login_that_toast_answered_with_an_error_is_given_back(world):
    world.control.fault("status_5xx", path=LOGIN_PATH, rate=1)
    for _ in range(3):
        with pytest.raises(ToastUnavailable, match="did not answer"):
            world.instance(patience=0.2).ask()
    assert (world.share().logins, world.share().claimed_by) == ((), "")
    world.control.no_faults()
    assert world.instance().ask().logins == 1


def test_a_login_whose_reply_was_lost_counts(world):
    world.control.fault("cut_connection", path=LOGIN_PATH, rate=1)
    for number in (1, 2):
        with pytest.raises(ToastUnavailable, match="connection failed"):
            world.instance().client.now()
        assert len(world.share().logins) == number
    world.control.no_faults()
    with pytest.raises(ToastUnavailable, match="2 logins an hour"):
        world.instance().ask()


@pytest.mark.parametrize("host", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_a_login_that_was_never_sent_does_not_count(world, host):
    with pytest.raises(ToastUnavailable, match="TOAST_API_HOST"):
        world.instance(url=host).client.now()
    assert (world.share().logins, world.share().claimed_by) == ((), "")


def test_refused_credentials_are_said_by_the_one_that_asked_and_by_those_after_it(world):
    with pytest.raises(ToastRefused, match="does not take the credentials from a test"):
        world.instance(client_secret="hush-4713").ask()
    with pytest.raises(ToastRefused, match="another instance") as shared:
        world.instance().ask()
    assert shared.value.status == 401
    assert world.logins() == 1
    assert world.share().logins == ()
    later = world.instance()
    later.ahead = 61
    assert later.ask().logins == 1


def test_those_who_wait_learn_that_the_login_failed(world):
    world.control.fault("delay", path=LOGIN_PATH, seconds=1)
    world.control.fault("status_5xx", path=LOGIN_PATH, rate=1)
    failures = []

    def ask(instance):
        with pytest.raises(ToastUnavailable) as failure:
            instance.ask()
        failures.append(str(failure.value))

    threads = [threading.Thread(target=ask, args=(world.instance(patience=0.2),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sum("did not answer login" in text for text in failures) == 1
    assert sum("The login of another instance" in text for text in failures) == 2
    assert world.logins() == 1


def test_nobody_waits_longer_than_its_call_may_last(world):
    world.secret.annotations[KEY] = Share().claimed("other", time.time()).written()
    instance, began = world.instance(), time.monotonic()
    with pytest.raises(ToastUnavailable, match="Another instance is logging in") as failure:
        instance.client.restaurant(RESTAURANT, usage=Usage(), deadline=time.monotonic() + 1)
    assert time.monotonic() - began < 2
    assert 30 < failure.value.retry_after <= 45
    assert world.logins() == 0


# --- Secret Manager fails ---


@pytest.mark.parametrize("method", ["GetSecret", "UpdateSecret", "AccessSecretVersion", "AddSecretVersion"])
def test_without_permission_each_instance_logs_in_and_says_once_what_is_missing(world, method):
    if method == "AccessSecretVersion":
        world.instance().ask()
    world.secrets.denied = {method}
    world.control.count_requests_anew()
    with capture_logs() as logs:
        instance = world.instance()
        assert instance.ask().logins == 1
        instance.ahead = 86_400
        instance.client._session._login.token(Usage())
    (warning,) = warnings(logs)
    assert "'TOAST_TOKEN' of project 'p'" in warning
    grant = "gcloud secrets add-iam-policy-binding TOAST_TOKEN --project p --member serviceAccount:ACCOUNT"
    assert f"{grant} --role roles/secretmanager.admin" in warning
    assert [world.instance().ask().logins for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("method", ["ListSecretVersions", "DestroySecretVersion"])
def test_a_token_is_shared_also_where_the_old_one_may_not_be_destroyed(world, method):
    world.instance().ask()
    world.secrets.denied = {method}
    world.control.fault("expired_token")
    with capture_logs() as logs:
        world.instance().ask()
    assert len(warnings(logs)) == 1
    assert world.instance().ask().logins == 0
    assert world.secrets.enabled(world.secret) == [1, 2]


def test_without_the_secret_each_instance_logs_in_and_says_how_to_create_it(world):
    world.secrets.secrets.clear()
    with capture_logs() as logs:
        assert world.instance().ask().logins == 1
    assert "gcloud secrets create TOAST_TOKEN --project p --replication-policy automatic" in warnings(logs)[0]


def test_while_secret_manager_is_down_an_instance_logs_in_by_itself(world):
    world.secrets.down = True
    began = time.monotonic()
    with capture_logs() as logs:
        assert world.instance().ask().logins == 1
    assert time.monotonic() - began < 5
    assert warnings(logs) == ["ServiceUnavailable"]
    world.secrets.down = False
    assert world.instance().ask().logins == 1
    assert world.instance().ask().logins == 0


def test_a_secret_manager_that_does_not_answer_costs_seconds(world):
    world.secrets.latency = 60
    began = time.monotonic()
    with capture_logs() as logs:
        assert world.instance().ask().logins == 1
    assert time.monotonic() - began < 10
    assert warnings(logs) == ["DeadlineExceeded"]


@pytest.mark.parametrize("method", ["GetSecret", "UpdateSecret", "AddSecretVersion", "ListSecretVersions"])
def test_a_lost_reply_costs_at_most_one_login_more(world, method):
    world.secrets.lost = {method}
    first = world.instance()
    first.ask()
    assert world.secrets.lost == set()
    after = world.instance()
    after.ahead = 46  # past a claim that nobody knows to be his
    after.ask()
    assert world.instance().ask().logins == 0
    assert world.logins() <= 2
    assert after.token.value == first.token.value


# --- what a function does ---


def test_a_function_shares_its_token_where_its_credentials_come_from_secret_manager(world, monkeypatch):
    world.secrets.create("TOAST_CLIENT_ID", CLIENT_ID)
    world.secrets.create("TOAST_CLIENT_SECRET", CLIENT_SECRET)
    own = world.secrets.create("OUR_TOKEN")
    # Google's own client, with a connection to this machine instead of to Google.
    monkeypatch.setattr(secretmanager, "SecretManagerServiceClient", lambda: connect(world.secrets.address))
    tenant = Tenant(name="purpose", restaurants=TENANT.restaurants, token_secret="OUR_TOKEN")
    settings = Settings(project="p", toast_api_host=world.url)
    try:
        for _ in range(2):
            forget_connections()
            connections.toast_client(settings, tenant, 1).restaurant(RESTAURANT, usage=Usage())
    finally:
        forget_connections()
    assert world.logins() == 1
    assert world.secrets.enabled(own) == [1]


def test_a_function_with_credentials_from_the_environment_uses_no_secret(world, monkeypatch):
    monkeypatch.setattr(secretmanager, "SecretManagerServiceClient", lambda: connect(world.secrets.address))
    settings = Settings(
        toast_client_id=CLIENT_ID, toast_client_secret=CLIENT_SECRET, project="p", toast_api_host=world.url
    )
    try:
        for _ in range(2):
            forget_connections()
            connections.toast_client(settings, TENANT, 1).restaurant(RESTAURANT, usage=Usage())
    finally:
        forget_connections()
    assert world.logins() == 2
    assert world.secrets.calls == []


# --- nothing secret is told ---


def test_no_log_error_or_repr_holds_a_token_or_the_credentials(world):
    told, wrong = [], "hush-4713"  # a traceback quotes the lines of this test
    with capture_logs() as logs:
        instance = world.instance()
        instance.ask()
        token = instance.token.value
        told += [instance.token, instance.cache, instance.client, instance.cache._stored(1)]
        payload = world.secret.payloads[1]
        for methods in ({"UpdateSecret"}, {"AddSecretVersion"}, {"AccessSecretVersion"}):
            world.secrets.denied = methods
            world.control.no_faults()
            world.control.fault("expired_token")
            try:
                world.instance().ask()
            except ToastUnavailable:
                told.append(traceback.format_exc())
        world.secrets.denied = set()
        world.secret.payloads[1] = payload[:-5]
        told.append(instance.cache._stored(1))
        with pytest.raises(ToastRefused) as refused:
            world.instance(client_secret=wrong).ask()
        told += ["".join(traceback.format_exception(refused.value))]
    tokens = [token, *(msgspec.json.decode(stored)["token"] for stored in world.secrets.payloads)]
    seen = "\n".join([repr(told), *map(str, told), repr(logs), *world.secrets.written])
    assert "toast_token_stored" in seen
    assert "toast_token_not_shared" in seen
    for secret in (CLIENT_SECRET, CLIENT_ID, wrong, *tokens):
        assert secret not in seen
