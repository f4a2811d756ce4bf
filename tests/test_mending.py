"""The commands that mend: each says where it is to be done, as it was said before."""

from __future__ import annotations

import datetime as dt

import click
import pytest
from click.testing import CliRunner

from backfill.options import place_of, place_options, restaurants_option
from quality import mending

PLACE = "--target http --functions-url https://example.test"
DAY = dt.date(2026, 2, 3)


@pytest.mark.parametrize(
    ("mend", "commands"),
    [
        (mending.load_failed(), 1),
        (mending.replace([DAY], ["a"], ["orders"]), 2),
        ("Set what is missing, then: python backfill_all.py verify --gate 0", 1),
        ("bq query 'DROP TABLE x', then load it again: python backfill_all.py run --missing", 1),
        (mending.configure(["a"]), 0),
        ("Correct the GUID in restaurants.toml.", 0),
    ],
)
def test_each_command_of_ours_says_where_and_no_other_does(mend: str, commands: int) -> None:
    placed = mending.at(mend, PLACE)
    assert placed.count(PLACE) == commands
    assert placed.replace(f" {PLACE}", "") == mend
    assert mending.at(mend, "") == mend
    if commands == 1:
        assert placed.endswith(PLACE)


def test_the_options_are_told_as_they_were_typed_and_defaults_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    @restaurants_option
    @place_options
    def look(tenant, restaurants, **where):
        click.echo(f"[{place_of(**where).words}]")

    def words(*typed: str) -> str:
        return CliRunner().invoke(look, typed, catch_exceptions=False).output.strip()

    assert words("--restaurants", "Phoenix") == "[]"
    assert words("--data-dir", "/tmp/a b") == "[--data-dir '/tmp/a b']"
    typed = "--tenant north --target http --function-url a=http://x --function-url b=http://y"
    assert words(*typed.split()) == f"[{typed}]"
    monkeypatch.setenv("FUNCTIONS_URL", "https://example.test")
    assert words("--target", "http") == "[--target http]", "the next command has the same environment"
