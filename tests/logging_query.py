"""The query language of Cloud Logging, as far as this project's filters use it, over log entries as JSON.

Comparisons of a field with a text or a number (=, !=, >, >=, <, <=, =~), log_id("…"), AND, OR, NOT and parentheses; a
new line is an AND. As documented, a comparison of a field that is not there is false.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Entry = dict[str, Any]
Test = Callable[[Entry], bool]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<word>AND\b|OR\b|NOT\b|\(|\))
    | log_id\("(?P<log>[^"]*)"\)
    | (?P<field>[A-Za-z_][\w.]*)\s*(?P<op>=~|!=|>=|<=|=|>|<)\s*(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<plain>[\w.-]+))
    )""",
    re.VERBOSE,
)


def compile_filter(text: str) -> Test:
    """A function that says whether an entry matches. Raises ValueError for what it does not understand."""
    tokens = _tokens(text)
    test = _either(tokens)
    if tokens:
        raise ValueError(f"not understood from {tokens[0]!r} on")
    return test


def _tokens(text: str) -> list[str | Test]:
    tokens: list[str | Test] = []
    text = re.sub(r"\s+", " ", text.strip())
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"not understood: {text[at:]!r}")
        at = match.end()
        tokens.append(match["word"] or _leaf(match))
    return tokens


def _leaf(match: re.Match[str]) -> Test:
    if match["log"] is not None:
        name = match["log"].replace("/", "%2F")
        return lambda entry: entry.get("logName", "").endswith(f"/logs/{name}")
    field, op = match["field"], match["op"]
    wanted: Any = match["text"].replace('\\"', '"') if match["text"] is not None else _plain(field, match["plain"])
    return lambda entry: _compare(_value(entry, field), op, wanted, field)


_SEVERITIES = ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"]


def _plain(field: str, text: str) -> Any:
    return text if field == "severity" else float(text)


def _value(entry: Any, field: str) -> Any:
    for name in field.split("."):
        entry = entry.get(name) if isinstance(entry, dict) else None
    return entry


def _compare(value: Any, op: str, wanted: Any, field: str) -> bool:
    if value is None:
        return False
    if field == "severity":
        value, wanted = _SEVERITIES.index(value), _SEVERITIES.index(wanted)
    if op == "=~":
        return re.search(wanted, str(value)) is not None
    if isinstance(wanted, str) != isinstance(value, str):
        return False
    tests = {"=": value == wanted, "!=": value != wanted}
    return (
        tests[op]
        if op in tests
        else {">": value > wanted, ">=": value >= wanted, "<": value < wanted, "<=": value <= wanted}[op]
    )


def _either(tokens: list[str | Test]) -> Test:
    tests = [_all(tokens)]
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        tests.append(_all(tokens))
    return lambda entry: any(test(entry) for test in tests)


def _all(tokens: list[str | Test]) -> Test:
    tests = [_one(tokens)]
    while tokens and tokens[0] not in ("OR", ")"):
        if tokens[0] == "AND":
            tokens.pop(0)
        tests.append(_one(tokens))
    return lambda entry: all(test(entry) for test in tests)


def _one(tokens: list[str | Test]) -> Test:
    token = tokens.pop(0)
    if token == "NOT":
        inner = _one(tokens)
        return lambda entry: not inner(entry)
    if token == "(":
        inner = _either(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise ValueError("a parenthesis is not closed")
        return inner
    if isinstance(token, str):
        raise ValueError(f"{token} stands where a comparison should")
    return token
