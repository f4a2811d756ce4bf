"""Decoders are made when their module is imported, never by a call.

msgspec looks at a class when it is first to decode it, and that is not thread-safe: two threads that do so at the same
moment can end the whole process (SIGSEGV). A function reads its restaurants side by side, so that its very first call
would be the one to die.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack.processes import ROOT

FOLDERS = ("shared", "history", "backfill", "quality", "deploy")
MODULES = sorted([*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.py"))])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_call_is_the_first_to_look_at_a_class(path: Path) -> None:
    found = [f"line {line}" for line in decoded_by_a_class(path.read_text(encoding="utf-8"))]
    assert not found, f"{found}: make a Decoder beside the class, and use that"


def test_what_is_looked_for_is_found() -> None:
    module = """
body = msgspec.json.Decoder(Body)
def read(text):
    return body.decode(text), text.decode(), msgspec.json.decode(text)
def read_at_once(text):
    return msgspec.json.decode(text, type=Body), decode(text, strict=False, type=list[Body]), convert(text, Body)
"""
    assert [*decoded_by_a_class(module)] == [6, 6, 6]


def decoded_by_a_class(text: str) -> Iterator[int]:
    """The lines of a module that decode or convert to a class that they name."""
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            by_keyword = any(keyword.arg == "type" for keyword in call.keywords)
            if (name == "decode" and by_keyword) or (name == "convert" and (by_keyword or len(call.args) > 1)):
                yield call.lineno
