"""What deploy_all.sh reads from restaurants.toml, above all when yesterday is final everywhere."""

from __future__ import annotations

import re

import pytest

from deploy.tenants import check_apart, check_names, closing_time, lines, notes
from shared.config import Restaurant, Tenant
from shared.errors import ConfigurationError

NEW_YORK = "America/New_York"


def a_tenant(*restaurants: tuple[str | None, int | None], **more: str) -> Tenant:
    """A tenant with restaurants in these time zones, with these closeout hours."""
    members = tuple(
        Restaurant(guid=f"{n}", name=f"{n}", tenant="one", timezone=zone, closeout_hour=hour)
        for n, (zone, hour) in enumerate(restaurants)
    )
    return Tenant(name="one", restaurants=members, **more)


@pytest.mark.parametrize(
    ("restaurants", "timezone", "expected"),
    [
        # Three hours after the closeout hour, which is 4 where nobody says otherwise, and a quarter.
        ([(None, None)], NEW_YORK, "07:15"),
        ([(None, 0)], NEW_YORK, "03:15"),
        ([(None, 12)], NEW_YORK, "15:15"),
        # The latest counts: Los Angeles is always three hours behind.
        ([(NEW_YORK, 4), ("America/Los_Angeles", 4)], NEW_YORK, "10:15"),
        # Arizona has no summer time: two hours behind New York in winter, three in summer.
        ([("America/Phoenix", 4)], NEW_YORK, "10:15"),
        # Seen from Los Angeles: at 4:15, New York; an hour later in the weeks when only one has changed its clocks.
        ([(NEW_YORK, 4)], "America/Los_Angeles", "04:15"),
        # East of the schedule: final on the afternoon before.
        ([("Australia/Sydney", 4)], NEW_YORK, "17:15"),
        ([("Asia/Kolkata", 4)], "UTC", "01:45"),
    ],
)
def test_the_closing_run_begins_when_yesterday_is_final_everywhere(
    restaurants: list[tuple[str | None, int | None]], timezone: str, expected: str
) -> None:
    assert f"{closing_time(a_tenant(*restaurants), timezone):%H:%M}" == expected


def test_a_line_has_what_the_script_reads() -> None:
    own = a_tenant((None, None), (None, None), dataset="own", token_secret="SHARED")
    assert lines({"one": own, "two": a_tenant((NEW_YORK, 4))}, "toast", NEW_YORK) == [
        "one\town\tTOAST_CLIENT_ID\tTOAST_CLIENT_SECRET\tSHARED\t2\t07:15",
        "one\ttoast\tTOAST_CLIENT_ID\tTOAST_CLIENT_SECRET\tTOAST_TOKEN\t1\t07:15",
    ]


def test_a_guessed_time_zone_is_told() -> None:
    (note,) = notes({"one": a_tenant((None, 4), (NEW_YORK, 4))}, NEW_YORK)
    assert "1 of 2 restaurants" in note
    assert notes({"one": a_tenant((NEW_YORK, None))}, NEW_YORK) == []


@pytest.mark.parametrize(
    ("tenant", "named"),
    [
        (Tenant(name="a tenant", restaurants=()), "tenants.a tenant"),
        (Tenant(name="one", restaurants=(), client_id_secret="my secret"), "tenants.one.client_id_secret"),
        (Tenant(name="one", restaurants=(), token_secret="ä"), "tenants.one.token_secret"),
    ],
)
def test_names_that_google_would_refuse_are_refused_first(tenant: Tenant, named: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(named)):
        check_names({tenant.name: tenant})


def test_environments_write_datasets_of_their_own() -> None:
    one, own = a_tenant((None, None)), a_tenant((None, None), dataset="own")
    check_apart({"one": one}, "toast_staging", {"one": one, "two": own}, "toast")
    for tenant, dataset in ((own, "toast_staging"), (one, "toast"), (one, "own")):
        with pytest.raises(ConfigurationError, match=r"restaurants\.staging\.toml"):
            check_apart({"one": tenant}, dataset, {"one": one, "two": own}, "toast")
