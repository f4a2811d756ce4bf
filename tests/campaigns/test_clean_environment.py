"""A virtual environment that has requirements.txt and nothing else serves every function. Needs a package index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import requests
from deployment import copy_of_the_upload, served

import main
from local_stack.processes import function_environment

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_upload(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, source: Path) -> str:
    """The interpreter of an environment that was made for this, as a deployment makes one."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    program = str(folder / "bin" / "python")
    install = [program, "-m", "pip", "install", "--quiet", "-r", str(source / "requirements.txt")]
    subprocess.run(install, check=True)
    return program


@pytest.mark.parametrize("target", main.__all__)
def test_each_function_is_served(target: str, python: str, source: Path, tmp_path: Path) -> None:
    with served([python], target, source, tmp_path, function_environment(NOWHERE, NOWHERE)) as function:
        assert requests.get(function, timeout=30).status_code == 405
        assert requests.post(function, data="[]", timeout=30).status_code == 400


def test_nothing_else_is_installed(python: str, source: Path) -> None:
    frozen = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    pinned = [line for line in (source / "requirements.txt").read_text().splitlines() if "==" in line]
    assert {line.lower().replace("-", "_") for line in frozen.split()} == {
        line.lower().replace("-", "_") for line in pinned
    }
