"""What is uploaded and installed for the functions: all that they run and no more, in an environment of its own."""

from __future__ import annotations

import ast
import re
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import requests
from deployment import copy_of_the_upload, served, uploaded
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import main
from local_stack.processes import ROOT, function_environment

TARGETS = tuple(main.__all__)
TEN_MEGABYTES = b" " * (10 * 1024 * 1024)


def pins(file: str) -> dict[str, str]:
    """The versions that a file of requirements pins, by normalized name."""
    lines = [line.split("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
    found = [re.fullmatch(r"([A-Za-z0-9._-]+)==([^\s;]+)", line) for line in lines if line]
    assert all(found), f"{file} has a line that pins no exact version"
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def closure(names: set[str]) -> set[str]:
    """Distributions and all that they need, by normalized name, as installed here."""
    todo, seen = list(names), set()
    while todo:
        name = canonicalize_name(todo.pop())
        if name in seen:
            continue
        seen.add(name)
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)
    return seen


# --- what is uploaded ---------------------------------------------------------------------------------


def test_only_what_runs_is_uploaded() -> None:
    modules = {
        f"{name}.py" for name in ("main", "main_cash", "main_config", "main_labor", "main_orders", "main_summary")
    }
    others = {"requirements.txt", "restaurants.toml"}
    outside = {name for name in uploaded() if not name.startswith(("shared/", "sql/"))}
    assert outside - {"restaurants.staging.toml"} == modules | others
    assert {Path(name).suffix for name in uploaded() if name.startswith("shared/")} == {".py"}
    assert {Path(name).suffix for name in uploaded() if name.startswith("sql/")} == {".sql"}


def test_gcloud_uploads_the_same() -> None:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        pytest.skip("gcloud is not installed")
    done = subprocess.run([gcloud, "meta", "list-files-for-upload", str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == uploaded()


# --- what is installed --------------------------------------------------------------------------------


def test_everything_that_is_installed_is_pinned_to_the_version_that_was_tried() -> None:
    pinned, tried = pins("requirements.txt"), pins("constraints.txt")
    assert closure(set(pinned)) <= set(pinned)
    assert {name: tried[name] for name in pinned} == pinned


def test_the_source_imports_nothing_else() -> None:
    """Also not in a function that is called some day."""
    providers = metadata.packages_distributions()
    allowed = set(pins("requirements.txt"))
    strangers = set()
    for name in uploaded():
        if not name.endswith(".py"):
            continue
        for module in imported((ROOT / name).read_text()):
            top = module.partition(".")[0]
            if top in sys.stdlib_module_names or top == "shared" or top.startswith("main"):
                continue
            if allowed.isdisjoint(canonicalize_name(one) for one in providers.get(top, ())):
                strangers.add(f"{name} imports {module}")
    assert strangers == set()


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not used here"
            yield str(node.module)


# --- served from an environment that has nothing else ---------------------------------------------------


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages as requirements.txt alone would install them: links to those of this environment."""
    folder = tmp_path_factory.mktemp("packages")
    for name in pins("requirements.txt"):
        for file in metadata.distribution(name).files or ():
            source = Path(str(file.locate()))
            if file.parts[0] == ".." or "__pycache__" in file.parts or not source.exists():
                continue
            link = folder / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source.resolve())
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_upload(tmp_path_factory.mktemp("source"))


@pytest.fixture
def pipeline() -> Iterator[socket.socket]:
    """A listening socket in the place of Toast and BigQuery, which takes no connection by itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("target", TARGETS)
def test_each_function_is_served_and_refuses_at_its_door(
    target: str, packages: Path, source: Path, pipeline: socket.socket, tmp_path: Path
) -> None:
    """Without the packages of tests and tools, without Python's own site-packages, from what is uploaded."""
    url = f"http://127.0.0.1:{pipeline.getsockname()[1]}"
    environment = {**function_environment(url, url), "PYTHONPATH": str(packages)}
    with served([sys.executable, "-S"], target, source, tmp_path, environment) as function:
        refused = {
            405: requests.get(function, timeout=30),
            413: requests.post(function, data=TEN_MEGABYTES, timeout=30),
            400: requests.post(function, data="[]", timeout=30),
            404: requests.post(function, data='{"tenant": "nobody"}', timeout=30),
        }
    for status, reply in refused.items():
        assert reply.status_code == status, reply.text
        assert reply.headers["Content-Type"] == "application/problem+json"
    reached, _, _ = select.select([pipeline], [], [], 0)
    assert not reached, "a refused call reached Toast or BigQuery"
