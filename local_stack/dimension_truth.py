"""Compares the dimensions of a warehouse with what the simulator knows to be configured at a moment.

Every column of every entity is compared: with the current versions, or with those that were valid at a
moment of the past.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import requests
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from local_stack.truth import MISSING, ROWS, TRUTH_SECONDS, Comparison, Difference, TableResult

Entities = dict[tuple[str, str], Mapping[str, Any]]
"""What is known of entities, by restaurant and GUID: values by column."""


def dimension_differences(
    client: bigquery.Client,
    dataset: str,
    simulator_url: str,
    restaurants: Sequence[str],
    at: dt.datetime | None = None,
) -> Comparison:
    """Compare each dimension's versions that were valid at a moment, the current ones if None, with the truth.

    An entity or a column that only one side has counts as a difference, and so does a second version.
    """
    truth: dict[str, Entities] = {}
    for restaurant in restaurants:
        for table, entities in _truth(simulator_url, restaurant, at).items():
            expected = truth.setdefault(table, {})
            expected |= {(restaurant, entity["guid"]): entity for entity in entities}
    return Comparison(
        {
            name: _compare(name, expected, _versions(client, f"{client.project}.{dataset}.{name}", restaurants, at))
            for name, expected in truth.items()
        }
    )


def _truth(simulator_url: str, restaurant: str, at: dt.datetime | None) -> dict[str, list[dict[str, Any]]]:
    query = {"restaurant_guid": restaurant, **({"at": at.isoformat()} if at else {})}
    reply = requests.get(f"{simulator_url}/_simulator/truth/dimensions", params=query, timeout=TRUTH_SECONDS)
    reply.raise_for_status()
    tables: dict[str, list[dict[str, Any]]] = reply.json()["tables"]
    return tables


def _versions(
    client: bigquery.Client, table_id: str, restaurants: Sequence[str], at: dt.datetime | None
) -> list[dict[str, Any]]:
    """The rows of a dimension that were valid at a moment, and known then; none where there is no such table.

    The first version of an entity is valid from 1970, so of one that was first listed later it was not known.
    """
    valid = (
        "is_current"
        if at is None
        else "_loaded_at <= @at AND valid_from <= @at AND (valid_to IS NULL OR valid_to > @at)"
    )
    sql = f"SELECT * FROM `{table_id}` WHERE restaurant_guid IN UNNEST(@restaurants) AND {valid}"
    parameters = [bigquery.ArrayQueryParameter("restaurants", "STRING", restaurants)]
    moment = [bigquery.ScalarQueryParameter("at", "TIMESTAMP", at)] if at else []
    try:
        rows = client.query(sql, bigquery.QueryJobConfig(query_parameters=[*parameters, *moment])).result()
    except NotFound:
        return []
    return [dict(row) for row in rows]


def _compare(name: str, expected: Entities, rows: Sequence[Mapping[str, Any]]) -> TableResult:
    found: Entities = {(row["restaurant_guid"], row["guid"]): row for row in rows}
    result = TableResult(totals={ROWS: Decimal(len(rows))}, cells=1)
    if len(rows) != len(expected):
        result.differences.append(Difference("", "", name, ROWS, str(len(expected)), str(len(rows))))
    for key in sorted(expected.keys() | found.keys()):
        truth, row = expected.get(key, {}), found.get(key, {})
        for column in truth or ("guid",):
            result.cells += 1
            wanted, held = truth.get(column, MISSING), row.get(column, MISSING)
            if not _is_same(wanted, held):
                result.differences.append(Difference(key[0], key[1], name, column, str(wanted), str(held)))
    return result


def _is_same(truth: Any, held: Any) -> bool:
    """Whether a value of the truth, numbers and dates as text, is the one in the warehouse."""
    if isinstance(held, Decimal):
        return truth is not None and truth != MISSING and Decimal(truth) == held
    if isinstance(held, dt.date):
        return bool(truth == held.isoformat())
    return bool(truth == held)
