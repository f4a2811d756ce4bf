"""Settings from the environment and restaurants.toml: what is read, and what is said when it is wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from shared.config import DEFAULT_RESTAURANTS_FILE, Restaurant, Settings, Tenant, load_tenants, restaurants_for
from shared.errors import ConfigurationError, InvalidRequest, UnknownTarget

ONE, TWO, THREE = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))

# --- the environment ---------------------------------------------------------------------------------


def test_without_any_variable_the_defaults_hold() -> None:
    assert Settings.from_environment({}) == Settings()
    settings = Settings()
    assert settings.toast_api_host == "https://ws-api.toasttab.com"
    assert (settings.dataset, settings.location) == ("toast", "US")
    assert settings.rate_profile == "documented"
    assert settings.restaurants_file == DEFAULT_RESTAURANTS_FILE
    assert settings.toast_client_id is settings.toast_client_secret is None
    assert settings.project is settings.emulator_host is None


def test_every_variable_is_read() -> None:
    assert Settings.from_environment(
        {
            "TOAST_API_HOST": "https://toast.example",
            "TOAST_CLIENT_ID": "me",
            "TOAST_CLIENT_SECRET": "hush",
            "GOOGLE_CLOUD_PROJECT": "project",
            "BQ_DATASET": "dataset",
            "BQ_LOCATION": "EU",
            "BIGQUERY_EMULATOR_HOST": "http://127.0.0.1:9050",
            "RESTAURANTS_FILE": "/etc/restaurants.toml",
            "TOAST_RATE_PROFILE": "conservative",
        }
    ) == Settings(
        toast_api_host="https://toast.example",
        toast_client_id="me",
        toast_client_secret="hush",
        project="project",
        dataset="dataset",
        location="EU",
        emulator_host="http://127.0.0.1:9050",
        restaurants_file=Path("/etc/restaurants.toml"),
        rate_profile="conservative",
    )


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_variable_counts_as_unset(empty: str) -> None:
    names = (
        "TOAST_API_HOST TOAST_CLIENT_ID TOAST_CLIENT_SECRET GOOGLE_CLOUD_PROJECT BQ_DATASET BQ_LOCATION "
        "BIGQUERY_EMULATOR_HOST RESTAURANTS_FILE TOAST_RATE_PROFILE"
    )
    assert Settings.from_environment(dict.fromkeys(names.split(), empty)) == Settings()


def test_spaces_around_a_value_do_not_count() -> None:
    settings = Settings.from_environment({"TOAST_CLIENT_SECRET": " hush\n", "BQ_DATASET": "\ttoast2 "})
    assert settings.toast_client_secret == "hush"
    assert settings.dataset == "toast2"


def test_the_process_environment_is_read_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BQ_DATASET", "set_later")
    assert Settings.from_environment().dataset == "set_later"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://toast.example/", "https://toast.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://toast.example/base//", "https://toast.example/base"),
    ],
)
@pytest.mark.parametrize(
    ("variable", "setting"), [("TOAST_API_HOST", "toast_api_host"), ("BIGQUERY_EMULATOR_HOST", "emulator_host")]
)
def test_a_host_may_end_with_a_slash_or_leave_http_out(variable: str, setting: str, written: str, url: str) -> None:
    assert getattr(Settings.from_environment({variable: written}), setting) == url


@pytest.mark.parametrize("variable", ["TOAST_API_HOST", "BIGQUERY_EMULATOR_HOST"])
def test_a_host_that_is_no_url_is_named_with_what_was_expected(variable: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{variable} is 'ftp://x'; expected a URL such as https://"):
        Settings.from_environment({variable: "ftp://x"})


@pytest.mark.parametrize("profile", ["fast", "Documented", "conservative,"])
def test_an_unknown_rate_profile_is_named_with_those_there_are(profile: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^TOAST_RATE_PROFILE is '{profile}'.*'documented'.*'conservative'"):
        Settings.from_environment({"TOAST_RATE_PROFILE": profile})


def test_no_way_of_showing_settings_shows_a_credential() -> None:
    settings = Settings(toast_client_id="my-client-id", toast_client_secret="my-hush", project="project")
    # rich, which prints the command line's tracebacks, asks an object for this one.
    rich = list(getattr(settings, "__rich_repr__", list)())
    for shown in (repr(settings), str(settings), f"{settings}", f"{settings!r:>9}", repr([settings]), repr(rich)):
        assert "my-client-id" not in shown
        assert "my-hush" not in shown
    assert "'project'" in repr(settings)


# --- restaurants.toml --------------------------------------------------------------------------------

Write = Callable[[str], Path]

VALID = f"""
[tenants.purpose]
[[tenants.purpose.restaurants]]
guid = "{ONE}"
name = "Brooklyn"
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a restaurants.toml."""

    def to_file(content: str) -> Path:
        path = tmp_path / "restaurants.toml"
        path.write_text(content, encoding="utf-8")
        return path

    return to_file


def refusal(path: Path) -> str:
    """Why a file is refused; the file itself is always named first."""
    with pytest.raises(ConfigurationError) as caught:
        load_tenants(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith(".")
    return str(caught.value).removeprefix(f"{path}: ").removesuffix(".")


def test_the_example_file_has_thirteen_restaurants_of_one_tenant() -> None:
    tenants = load_tenants(DEFAULT_RESTAURANTS_FILE)
    assert list(tenants) == ["purpose"]
    restaurants = tenants["purpose"].restaurants
    assert len({restaurant.guid for restaurant in restaurants}) == len(restaurants) == 13
    assert {restaurant.tenant for restaurant in restaurants} == {"purpose"}


def test_what_a_file_leaves_out_has_a_default(write: Write) -> None:
    (tenant,) = load_tenants(write(VALID)).values()
    assert tenant == Tenant(
        name="purpose",
        restaurants=(Restaurant(guid=ONE, name="Brooklyn", tenant="purpose"),),
        dataset=None,
        client_id_secret="TOAST_CLIENT_ID",
        client_secret_secret="TOAST_CLIENT_SECRET",
        token_secret="TOAST_TOKEN",
    )
    (restaurant,) = tenant.restaurants
    assert restaurant.timezone is restaurant.closeout_hour is restaurant.first_business_date is None
    assert (restaurant.min_orders, restaurant.min_net_sales) == (10, Decimal(100))


def test_everything_that_a_file_can_say_is_read(write: Write) -> None:
    path = write(f"""
        [tenants.first]
        dataset = "summer"
        client_id_secret = "ID"
        client_secret_secret = "SECRET"
        token_secret = "TOKEN"
        [[tenants.first.restaurants]]
        guid = "{ONE.upper()}"
        name = "Café"
        timezone = "America/Denver"
        closeout_hour = 0
        first_business_date = 2025-01-31
        min_orders = 0
        min_net_sales = 59.95
        [[tenants.first.restaurants]]
        guid = "{TWO}"
        name = "Bar"
        first_business_date = "2025-02-01"
        [tenants.second]
        restaurants = [{{ guid = "{THREE}", name = "Third" }}]
    """)
    tenants = load_tenants(path)
    assert list(tenants) == ["first", "second"]
    assert tenants["first"] == Tenant(
        name="first",
        dataset="summer",
        client_id_secret="ID",
        client_secret_secret="SECRET",
        token_secret="TOKEN",
        restaurants=(
            Restaurant(
                guid=ONE,
                name="Café",
                tenant="first",
                timezone="America/Denver",
                closeout_hour=0,
                first_business_date=dt.date(2025, 1, 31),
                min_orders=0,
                min_net_sales=Decimal("59.95"),
            ),
            Restaurant(guid=TWO, name="Bar", tenant="first", first_business_date=dt.date(2025, 2, 1)),
        ),
    )
    assert tenants["second"].restaurants[0].tenant == "second"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", ()),
        ("chunk_days = { orders = 7, cash = 31 }", (("orders", 7), ("cash", 31))),
    ],
)
def test_a_backfill_takes_as_many_days_in_one_call_as_the_tenant_says(
    write: Write, line: str, wanted: tuple[tuple[str, int], ...]
) -> None:
    path = write(VALID.replace("[tenants.purpose]", f"[tenants.purpose]\n{line}"))
    assert load_tenants(path)["purpose"].chunk_days == wanted


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("7", "tenants.purpose.chunk_days: expected a table such as { orders = 7, cash = 31 }, found 7"),
        ("{ tips = 7 }", "tenants.purpose.chunk_days: unknown key 'tips'; expected orders, cash, labor"),
        ("{ cash = 32 }", "tenants.purpose.chunk_days.cash: expected a whole number from 1 to 31, found 32"),
        ("{ cash = 0 }", "tenants.purpose.chunk_days.cash: expected a whole number from 1 to 31, found 0"),
    ],
)
def test_days_in_one_call_that_make_no_sense_are_refused(write: Write, value: str, reason: str) -> None:
    assert refusal(write(VALID.replace("[tenants.purpose]", f"[tenants.purpose]\nchunk_days = {value}"))) == reason


@pytest.mark.parametrize(
    ("line", "wanted"), [("", False), ("employee_contacts = false", False), ("employee_contacts = true", True)]
)
def test_employees_contacts_are_not_wanted_unless_the_tenant_says_so(write: Write, line: str, wanted: bool) -> None:
    (tenant,) = load_tenants(write(VALID.replace("[tenants.purpose]", f"[tenants.purpose]\n{line}"))).values()
    assert tenant.employee_contacts is wanted


@pytest.mark.parametrize(("written", "amount"), [("0", "0"), ("0.0", "0.0"), ("60", "60"), ("0.1", "0.1")])
def test_an_amount_is_read_as_it_is_written(write: Write, written: str, amount: str) -> None:
    (tenant,) = load_tenants(write(f"{VALID}min_net_sales = {written}")).values()
    assert tenant.restaurants[0].min_net_sales == Decimal(amount)


def test_a_file_that_is_not_there_says_how_to_name_another(tmp_path: Path) -> None:
    reason = refusal(tmp_path / "nowhere.toml")
    assert reason.startswith("cannot be read (No such file or directory)")
    assert "RESTAURANTS_FILE" in reason


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith("cannot be read (Is a directory)")


def test_a_file_that_is_no_toml_is_refused_with_the_line(write: Write) -> None:
    assert "at line 3, column" in refusal(write("[tenants.purpose]\n\nname = \n"))


def test_a_file_that_is_not_utf_8_is_refused(write: Write) -> None:
    path = write(VALID)
    path.write_bytes(VALID.replace("Brooklyn", "Café").encode("latin-1"))
    assert refusal(path).startswith("not valid TOML: 'utf-8'")


def test_a_key_that_stands_twice_is_refused_with_the_line(write: Write) -> None:
    assert "at line 6, column" in refusal(write(VALID + 'name = "again"\n'))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "tenants: expected at least one table such as [tenants.purpose]"),
        ("tenants = 5", "tenants: expected at least one table such as [tenants.purpose]"),
        ("[tenants]", "tenants: expected at least one table such as [tenants.purpose]"),
        ("tenants.purpose = 5", "tenants.purpose: expected a table, found 5"),
        ("[[tenants.purpose]]", "tenants.purpose: expected a table, found [{}]"),
        (
            "[tenants.purpose]",
            "tenants.purpose.restaurants: expected at least one [[tenants.purpose.restaurants]] with guid and name",
        ),
        (
            "[tenants.purpose]\nrestaurants = []",
            "tenants.purpose.restaurants: expected at least one [[tenants.purpose.restaurants]] with guid and name",
        ),
        (
            "[tenants.purpose.restaurants]",
            "tenants.purpose.restaurants: expected at least one [[tenants.purpose.restaurants]] with guid and name",
        ),
        (
            'tenants.purpose.restaurants = ["x"]',
            "tenants.purpose.restaurants[0]: expected a table with guid and name, found 'x'",
        ),
        ("project = 1\n" + VALID, "the top level: unknown key 'project'; expected tenants"),
        (
            "tenant = 1",
            "the top level: unknown key 'tenant'; expected tenants",
        ),
        (
            VALID.replace("[tenants.purpose]", '[tenants.purpose]\ndatset = "x"'),
            "tenants.purpose: unknown key 'datset'; "
            "expected dataset, client_id_secret, client_secret_secret, token_secret, employee_contacts, chunk_days, "
            "restaurants",
        ),
        (
            VALID + "min_order = 5",
            "tenants.purpose.restaurants[0]: unknown key 'min_order'; expected guid, name, timezone, closeout_hour, "
            "first_business_date, min_orders, min_net_sales",
        ),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_key(write: Write, content: str, reason: str) -> None:
    assert refusal(write(content)) == reason


@pytest.mark.parametrize("key", ["dataset", "client_id_secret", "client_secret_secret", "token_secret"])
@pytest.mark.parametrize(("value", "found"), [("5", "5"), ('""', "''"), ('"  "', "'  '"), ("[]", "[]")])
def test_what_a_tenant_names_is_a_text(write: Write, key: str, value: str, found: str) -> None:
    path = write(VALID.replace("[tenants.purpose]", f"[tenants.purpose]\n{key} = {value}"))
    assert refusal(path) == f"tenants.purpose.{key}: expected a text, found {found}"


@pytest.mark.parametrize(("value", "found"), [('"true"', "'true'"), ("1", "1"), ("[]", "[]")])
def test_whether_employees_contacts_are_wanted_is_true_or_false(write: Write, value: str, found: str) -> None:
    path = write(VALID.replace("[tenants.purpose]", f"[tenants.purpose]\nemployee_contacts = {value}"))
    assert refusal(path) == f"tenants.purpose.employee_contacts: expected true or false, found {found}"


@pytest.mark.parametrize("key", ["guid", "name"])
def test_a_restaurant_needs_a_guid_and_a_name(write: Write, key: str) -> None:
    lines = [line for line in VALID.splitlines() if not line.startswith(key)]
    assert refusal(write("\n".join(lines))) == f"tenants.purpose.restaurants[0].{key}: missing"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('guid = "a47275cb"', "guid: expected a GUID, found 'a47275cb'"),
        ("guid = 5", "guid: expected a GUID, found 5"),
        ('name = ""', "name: expected a text, found ''"),
        ("name = true", "name: expected a text, found True"),
        *(
            (f"timezone = {value}", f"timezone: expected an IANA time zone such as 'America/New_York', found {found}")
            for value, found in [
                ('"Eastern"', "'Eastern'"),
                ('"America"', "'America'"),
                ('"../etc/passwd"', "'../etc/passwd'"),
                ('"/etc/passwd"', "'/etc/passwd'"),
                ('""', "''"),
                ("5", "5"),
                ("[]", "[]"),
            ]
        ),
        *(
            (f"closeout_hour = {value}", f"closeout_hour: expected a whole number from 0 to 12, found {found}")
            for value, found in [("13", "13"), ("-1", "-1"), ("4.0", "4.0"), ("true", "True"), ('"4"', "'4'")]
        ),
        *(
            (f"first_business_date = {value}", f"first_business_date: expected a date such as 2025-01-31, {found}")
            for value, found in [
                ('"2025-02-29"', "found '2025-02-29'"),
                ("20250131", "found 20250131"),
                ("2025-01-31T00:00:00", "found datetime.datetime(2025, 1, 31, 0, 0)"),
                ("true", "found True"),
            ]
        ),
        *(
            (f"min_orders = {value}", f"min_orders: expected a whole number from 0 to 1000000, found {found}")
            for value, found in [("-1", "-1"), ("1.5", "1.5"), ("false", "False"), ("1000001", "1000001")]
        ),
        *(
            (f"min_net_sales = {value}", f"min_net_sales: expected an amount of at least 0, found {found}")
            for value, found in [
                ("-0.01", "-0.01"),
                ("true", "True"),
                ('"100"', "'100'"),
                ("nan", "nan"),
                ("inf", "inf"),
            ]
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_was_expected(write: Write, line: str, reason: str) -> None:
    key = line.split(" = ")[0]
    kept = [other for other in VALID.splitlines() if not other.startswith(f"{key} = ")]
    assert refusal(write("\n".join([*kept, line]))) == f"tenants.purpose.restaurants[0].{reason}"


def test_the_restaurant_that_is_wrong_is_counted_from_zero(write: Write) -> None:
    second = f'[[tenants.purpose.restaurants]]\nguid = "{TWO}"\nname = 5\n'
    assert refusal(write(VALID + second)).startswith("tenants.purpose.restaurants[1].name: ")


@pytest.mark.parametrize("again", [ONE, ONE.upper(), ONE.replace("-", "")])
def test_a_restaurant_stands_once_in_its_tenant(write: Write, again: str) -> None:
    second = f'[[tenants.purpose.restaurants]]\nguid = "{again}"\nname = "Again"\n'
    assert refusal(write(VALID + second)) == f"tenants.purpose.restaurants[1].guid: '{ONE}' stands there twice"


# --- whom a call means -------------------------------------------------------------------------------


def tenant_of(name: str, *guids: str) -> Tenant:
    return Tenant(name=name, restaurants=tuple(Restaurant(guid=guid, name=guid, tenant=name) for guid in guids))


def called(tenants: list[Tenant], guid: str, tenant: str | None = None) -> list[tuple[str, str]]:
    found = restaurants_for({one.name: one for one in tenants}, guid, tenant)
    return [(restaurant.tenant, restaurant.guid) for restaurant in found]


SINGLE = [tenant_of("purpose", ONE, TWO)]
SEVERAL = [tenant_of("purpose", ONE, TWO), tenant_of("other", TWO, THREE)]


def test_all_means_every_restaurant_of_the_only_tenant() -> None:
    assert called(SINGLE, "ALL") == [("purpose", ONE), ("purpose", TWO)]


def test_all_means_every_restaurant_of_the_tenant_that_is_named() -> None:
    assert called(SEVERAL, "ALL", "other") == [("other", TWO), ("other", THREE)]


def test_all_needs_a_tenant_where_there_are_several() -> None:
    with pytest.raises(InvalidRequest) as caught:
        called(SEVERAL, "ALL")
    assert caught.value.problems == {"tenant": "\"ALL\" needs a tenant; restaurants.toml has 'purpose', 'other'"}


@pytest.mark.parametrize("tenant", [None, "purpose"])
def test_a_guid_means_its_restaurant(tenant: str | None) -> None:
    assert called(SEVERAL, ONE, tenant) == [("purpose", ONE)]


def test_a_guid_may_be_written_in_capitals() -> None:
    assert called(SINGLE, ONE.upper()) == [("purpose", ONE)]


def test_a_guid_of_two_tenants_needs_a_tenant() -> None:
    with pytest.raises(InvalidRequest) as caught:
        called(SEVERAL, TWO)
    assert caught.value.problems == {"tenant": f"'{TWO}' belongs to 'purpose', 'other'; say which"}
    assert called(SEVERAL, TWO, "other") == [("other", TWO)]


@pytest.mark.parametrize("tenant", [None, "purpose"])
def test_a_guid_that_is_not_there_is_unknown(tenant: str | None) -> None:
    with pytest.raises(UnknownTarget, match=rf"^restaurant_guid: '{THREE}' is not in restaurants.toml; add it"):
        called(SINGLE, THREE, tenant)


@pytest.mark.parametrize("guid", ["ALL", ONE])
def test_a_tenant_that_is_not_there_is_unknown(guid: str) -> None:
    with pytest.raises(UnknownTarget, match=r"^tenant: 'nobody' is not in restaurants.toml; it has 'purpose', 'other'"):
        called(SEVERAL, guid, "nobody")
