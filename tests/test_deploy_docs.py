"""The pages about the deployment say what is so: the data dictionary, and every command of the others."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from deployment import PARTS, complaints_of_gcloud

from deploy.data_dictionary import COMMAND, PAGE, page
from deploy.permissions import ROLES
from local_stack.processes import ROOT
from shared.schema import ALL_TABLES, VIEWS

PAGES = ("install.md", "operations.md", "cost.md", "alerts.md", "logs.md")


def commands() -> list[str]:
    """What a reader of the pages may type: indented or fenced lines, and words between backticks."""
    found: list[str] = []
    for name in PAGES:
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        found += [line.strip() for line in re.findall(r"^(?: {4,}|\t)(.+)$", text, re.MULTILINE)]
        for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL):
            found += [line.strip() for line in block.replace("\\\n", " ").splitlines()]
        found += re.findall(r"`([^`\n]+)`", text)
    return list(dict.fromkeys(found))


def beginning_with(program: str) -> list[list[str]]:
    """The words of each command of a program that has any; one that is only named is left out."""
    return [
        words[1:] for words in map(shlex.split, (c for c in commands() if c.startswith(f"{program} "))) if words[2:]
    ]


def test_the_data_dictionary_is_what_the_definitions_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), f"docs/{PAGE.name} is out of date: run {COMMAND}"


def test_the_data_dictionary_has_every_table_view_and_column() -> None:
    text = page()
    for table in ALL_TABLES:
        section = text.split(f"### {table.name}\n", 1)[1].split("\n### ", 1)[0]
        assert [column.name for column in table.data_columns if f"| `{column.name}` |" not in section] == []
    assert [view.name for view in VIEWS if f"### {view.name}\n" not in text and f"`{view.name}`" not in text] == []


def test_gcloud_knows_every_command_of_the_pages() -> None:
    found = [[word.replace("PROJECT", "my-project") for word in words] for words in beginning_with("gcloud")]
    assert len(found) > 15
    assert complaints_of_gcloud(found, ROOT) == []


def test_deploy_all_knows_every_command_of_the_pages() -> None:
    found = {tuple(word for word in words if word != "--dry-run") for words in beginning_with("./deploy_all.sh")}
    assert len(found) >= 5
    for words in found:
        command = ["bash", str(ROOT / "deploy_all.sh"), *words, "--dry-run"]
        if "--project" not in words:
            command += ["--project", "demo"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stderr}"


def test_python_knows_every_command_of_the_pages() -> None:
    found = beginning_with(".venv/bin/python")
    assert len(found) >= 3
    for words in found:
        command = [str(ROOT / ".venv" / "bin" / "python"), *words, "--help"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stderr}"


def test_the_roles_that_are_checked_are_those_that_the_page_names() -> None:
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    section = text.split("## What you need", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"`(roles/[\w.]+)`", section)) == set(ROLES)


@pytest.mark.parametrize("name", ["install.md", "operations.md", "cost.md"])
def test_the_pages_that_a_page_links_to_are_there(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (Path(ROOT / "docs") / link).exists()] == []


def test_the_copy_that_is_deployed_from_is_whole() -> None:
    """What the tests of deploy_all.sh copy is all that it sources and reads."""
    script = (ROOT / "deploy_all.sh").read_text(encoding="utf-8")
    sourced = re.findall(r"^source (\S+)$", script, re.MULTILINE)
    assert sourced
    assert all((ROOT / name).is_file() and name.split("/")[0] in PARTS for name in sourced)
