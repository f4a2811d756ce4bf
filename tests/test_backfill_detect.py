"""backfill_all.py detect: a Toast account, a restaurants.toml and a warehouse that do not agree."""

from __future__ import annotations

import datetime as dt
import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from backfill_stack import BackfillStack, words_of
from rich.console import Console

from backfill.applying import applied
from backfill.detect import Detected, NewRestaurant
from backfill.restaurants_file import add_restaurants, as_toml
from local_stack.demo import example_restaurants, warehouse_client
from local_stack.processes import LocalStack
from shared.config import load_tenants
from shared.errors import ConfigurationError
from shared.toast_partners import ListedRestaurant

FIRST, LAST = dt.date(2026, 2, 15), dt.date(2026, 2, 23)
"""All restaurants open on the first; on the simulated 24 February the last is the newest date that is final."""
HOLE = dt.date(2026, 2, 18), dt.date(2026, 2, 19)
LOADED, EMPTY, NEW = example_restaurants()[:3]
GONE = "00000000-0000-4000-8000-000000000000"
DAYS = f'timezone = "America/New_York"\ncloseout_hour = 4\nfirst_business_date = {FIRST}\n'
ORDERS = ("--functions", "orders")
QUICK = ("--skip-configuration", "--skip-gates")


def restaurants_file(path: Path, restaurants: dict[str, str]) -> Path:
    rows = [
        f'[[tenants.purpose.restaurants]]\nguid = "{guid}"\nname = "{name}"\n{DAYS}'
        for guid, name in restaurants.items()
    ]
    path.write_text("# Ours: leave this comment.\n\n" + "\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackfillStack]:
    """Of three restaurants of the account two are configured, one of them loaded with a hole; and one that is gone."""
    folder = tmp_path_factory.mktemp("detect")
    account = restaurants_file(folder / "account.toml", {one.guid: one.name for one in (LOADED, EMPTY, NEW)})
    ours = restaurants_file(folder / "ours.toml", {LOADED.guid: LOADED.name, EMPTY.guid: EMPTY.name, GONE: "Gone"})
    options = {"clock": "2026-02-24T15:00:00+00:00", "limits": "off", "volume": 10, "restaurants": account}
    with (
        LocalStack(
            folder,
            functions=("orders_daily",),
            seed=5,
            simulator_options=options,
            environment={"RESTAURANTS_FILE": str(ours)},
        ) as stack,
        closing(warehouse_client(stack.emulator_url)) as client,
    ):
        here = BackfillStack(folder, stack, client, [LOADED.guid, EMPTY.guid, NEW.guid])
        days = (FIRST + dt.timedelta(days=n) for n in range((LAST - FIRST).days + 1))
        dates = [str(day) for day in days if day not in HOLE]
        code, printed = here.run("run", "--dates", *dates, "--restaurants", LOADED.guid, *ORDERS, *QUICK)
        assert code == 0, printed
        yield here


def run_printed(here: BackfillStack, command: str, *more: str) -> tuple[int, str]:
    """Type a command as it was printed."""
    program, script, *words = shlex.split(command)
    assert (program, script) == ("python", "backfill_all.py")
    assert words[words.index("--target") + 1] == "http", "where to work is part of the command"
    return here.run(*words, *more)


def test_what_does_not_agree_is_found_and_the_printed_command_fills_exactly_that(here: BackfillStack) -> None:
    code, printed = here.run("detect", *ORDERS, "--json")
    found = json.loads(printed)
    assert code == 1
    assert (found["configured"], found["listed"], found["told_by"]) == (3, 3, "the partners API")
    assert [(one["guid"], one["first_business_date"]) for one in found["new"]] == [(NEW.guid, str(FIRST))]
    assert [one["guid"] for one in found["gone"]] == [GONE]
    assert [(one["guid"], one["days"]) for one in found["without_history"]] == [(EMPTY.guid, 9)]
    (gap,) = found["gaps"]
    assert (gap["guid"], gap["source"], gap["days"]) == (LOADED.guid, "orders", 2)
    assert gap["missing"] == [[str(date) for date in HOLE]]
    assert len(found["runs"]) == 1, "one command for all of it"

    before = here.complete()
    code, printed = run_printed(here, gap["run"], *QUICK)
    assert (code, "1 of 1 units done" in printed) == (0, True), printed
    assert here.complete() - before == {("orders", LOADED.guid, date) for date in HOLE}


def test_where_the_partners_api_is_refused_the_management_group_tells(here: BackfillStack) -> None:
    here.toast.fault("forbidden", rate=1.0, path="/partners/")
    try:
        code, printed = here.run("detect", *ORDERS)
        assert code == 1
        told = words_of(printed)
        for words in (
            "Toast lists 3 restaurants (told by the management group); restaurants.toml has 3 for tenant purpose",
            "In the Toast account, and not in restaurants.toml",
            "In restaurants.toml, and not in the Toast account any more",
            "Configured, and nothing is loaded",
            "To fill all of it",
        ):
            assert words in told, printed
        assert "Business dates that are missing" not in told, "the hole is filled"
        lines = [line for line in printed.splitlines() if line.startswith(("[[", "guid =", "name ="))]
        (one,) = tomllib.loads("\n".join(lines))["tenants"]["purpose"]["restaurants"]
        assert one["guid"] == NEW.guid

        here.toast.fault("forbidden", rate=1.0, path="/groups/")
        code, printed = here.run("detect", *ORDERS)
        assert code == 1
        assert "What Toast has is not known" in printed
        assert "partners/v1/restaurants" in printed, "Toast's refusal says what to ask for"
        assert "Configured, and nothing is loaded" in printed, "the rest is looked at all the same"
    finally:
        here.toast.no_faults()


def test_apply_adds_loads_and_leaves_nothing(here: BackfillStack) -> None:
    """What is configured is loaded at once; what is new, when the functions know it. Then there is nothing to do."""
    ours = here.folder / "ours.toml"
    before = ours.read_text(encoding="utf-8")
    code, printed = here.run("detect", *ORDERS, "--apply", *QUICK)
    assert code == 1, "something is left to do"
    assert "Added 1 restaurant to" in printed
    assert ours.read_text(encoding="utf-8").startswith(before), "comments and order stay"
    assert load_tenants(ours)["purpose"].restaurants[-1].guid == NEW.guid
    assert {guid for _, guid, _ in here.complete()} == {LOADED.guid, EMPTY.guid}
    assert "Deploy the functions again" in printed
    (command,) = [line for line in printed.splitlines() if line.strip().startswith("python backfill_all.py run")]
    assert NEW.guid in command
    # These functions read the same file. What Toast would tell of the new one with its configuration stands in it now.
    ours.write_text(f"{ours.read_text(encoding='utf-8')}{DAYS}", encoding="utf-8")
    code, printed = run_printed(here, command, *QUICK)
    assert code == 0, printed
    here.equals_truth(FIRST, LAST)

    ours.write_text("\n".join(block for block in re.split(r"\n(?=\[\[)", ours.read_text()) if GONE not in block))
    code, printed = here.run("detect", *ORDERS)
    assert (code, "Nothing to do: every restaurant is configured" in printed) == (0, True), printed


def test_on_this_machine_new_restaurants_are_loaded_at_once(tmp_path: Path) -> None:
    file = restaurants_file(tmp_path / "restaurants.toml", {LOADED.guid: LOADED.name})
    new = [
        NewRestaurant(NEW.guid, NEW.name, "America/Chicago", FIRST, "", ""),
        NewRestaurant(EMPTY.guid, EMPTY.name, None, None, "", ""),
    ]
    found = Detected(tenant="purpose", as_of=dt.datetime.now(dt.UTC), configured=1, listed=3, new=new)
    asked: list[list[str]] = []

    def load(guids: Sequence[str]) -> int:
        asked.append(list(guids))
        return 0

    outcome = applied(found, file, load, Console(quiet=True), deployed=False)
    assert asked == [[NEW.guid]], "of the other nobody tells since when"
    assert outcome == 1
    assert len(load_tenants(file)["purpose"].restaurants) == 3


# --- restaurants.toml ----------------------------------------------------------------------------------

STRANGE = ListedRestaurant(guid="11111111-1111-4111-8111-111111111111", name='Café "Été" \\ \x7f – Old\tMontréal')


def test_what_is_added_is_read_as_it_was_meant_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "restaurants.toml"
    text = '# first\r\n[tenants."our group"]\r\ndataset = "d"  # second\r\n[[tenants."our group".restaurants]]\r\n'
    text += f'guid = "{GONE}"\r\nname = "One"\r\nmin_orders = 3\r\n\r\n[[tenants.b.restaurants]]\r\n'
    path.write_bytes((text + f'guid = "{GONE}"\r\nname = "Another"').encode())
    path.chmod(0o640)
    add_restaurants(path, "our group", [STRANGE])
    assert path.read_bytes().decode().startswith(text)
    assert b"\n" not in path.read_bytes().replace(b"\r\n", b"")
    assert path.stat().st_mode & 0o777 == 0o640
    tenants = load_tenants(path)
    assert [(one.guid, one.name, one.min_orders) for one in tenants["our group"].restaurants] == [
        (GONE, "One", 3),
        (STRANGE.guid, STRANGE.name, 10),
    ]
    assert len(tenants["b"].restaurants) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_does_not_allow_it_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "restaurants.toml"
    text = f'[tenants.a]\nrestaurants = [{{ guid = "{GONE}", name = "One" }}]\n'
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"cannot be added at its end.*add them by hand"):
        add_restaurants(path, "a", [STRANGE])
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]
    assert STRANGE.guid in as_toml("a", [STRANGE])
