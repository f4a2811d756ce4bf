"""The pages about the deployment say what is so: the data dictionary, and the commands of the others."""

from __future__ import annotations

from deploy.data_dictionary import COMMAND, PAGE, page
from shared.schema import ALL_TABLES, VIEWS


def test_the_data_dictionary_is_what_the_definitions_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), f"docs/{PAGE.name} is out of date: run {COMMAND}"


def test_the_data_dictionary_has_every_table_view_and_column() -> None:
    text = page()
    for table in ALL_TABLES:
        section = text.split(f"### {table.name}\n", 1)[1].split("\n### ", 1)[0]
        assert [column.name for column in table.data_columns if f"| `{column.name}` |" not in section] == []
    assert [view.name for view in VIEWS if f"### {view.name}\n" not in text and f"`{view.name}`" not in text] == []
