"""One table of the ground truth: rows, sums and keys.

Sums are kept in whole units of a column's last decimal (cents for money) and written as decimal strings.
"""

from __future__ import annotations

from typing import Any

ONES, HUNDREDTHS, BILLIONTHS = 0, 2, 9
"""Decimals of a column's sum: counts and milliseconds, money and quantities, hours and wages."""

Columns = dict[str, int]
"""A table's columns, with the decimals of each."""

Key = tuple[str, str | None, str]
"""GUID of the whole, GUID of the row's own object or None, version."""


class Table:
    """Rows, sums and keys of one table on one business date."""

    def __init__(self, columns: dict[str, int]) -> None:
        self._decimals = tuple(columns.values())
        self._names = tuple(columns)
        self._sums = [0] * len(columns)
        self._rows = 0
        self._keys: list[Key] = []

    def add(self, key: Key, *values: int | None) -> None:
        """Count a row; ``values`` in the order of the columns, None for an absent one."""
        self._rows += 1
        self._keys.append(key)
        for position, value in enumerate(values):
            if value:
                self._sums[position] += value

    def result(self, *, keys: bool) -> dict[str, Any]:
        """The table as the reply shows it."""
        totals = {
            name: _decimal(value, decimals)
            for name, value, decimals in zip(self._names, self._sums, self._decimals, strict=True)
        }
        shown: dict[str, Any] = {"rows": self._rows, "totals": totals}
        if keys:
            shown["keys"] = sorted(self._keys, key=lambda key: (key[0], key[1] or "", key[2]))
        return shown


def _decimal(value: int, decimals: int) -> str:
    if not decimals:
        return str(value)
    whole, part = divmod(abs(value), 10**decimals)
    return f"{'-' if value < 0 else ''}{whole}.{part:0{decimals}}"
