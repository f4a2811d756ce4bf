"""Who may know whom: a module imports from its own package and from those below it, never from one above."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from local_stack.processes import ROOT

# From the bottom up. What runs on this machine only (local_stack, toast_simulator) is known to the orchestrator alone.
LAYERS = ("shared", "history", "quality", "backfill")
ALSO = {"backfill": {"local_stack"}}
OURS = {*LAYERS, "local_stack", "toast_simulator", "deploy", *(path.stem for path in ROOT.glob("*.py"))}


def imported(package: str) -> Iterator[tuple[str, str]]:
    """Each module of a package with each of our packages that it imports from, at the top or inside a function."""
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for top in {name.partition(".")[0] for name in names} & OURS:
                yield str(path.relative_to(ROOT)), top


@pytest.mark.parametrize("package", LAYERS)
def test_nothing_imports_upward(package: str) -> None:
    below = {*LAYERS[: LAYERS.index(package) + 1]} | ALSO.get(package, set())
    found = list(imported(package))
    assert found
    assert [one for one in found if one[1] not in below] == []
