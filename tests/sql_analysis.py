"""SQL held against Google's own analyser (ZetaSQL, the language of BigQuery) and this project's schemas.

    analyser = Analyser({"project.dataset.fact_orders": FACT_ORDERS.columns, …})
    resolved = analyser.analyse(statement)
    unfiltered_scans(resolved, {"project.dataset.fact_orders": "business_date"})

What the analyser lets through has valid syntax, and names and types that exist. It knows nothing of
partitions; `unfiltered_scans` looks for their filters in the resolved tree.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import wasmtime
from zetasql.api import Analyzer, CatalogBuilder, TableBuilder, TypeFactory
from zetasql.core import wasm_client
from zetasql.core.exceptions import ServerError
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.types import (
    AnalyzerOptions,
    LanguageOptions,
    ParseResumeLocation,
    ProductMode,
    ResolvedAnalyticScan,
    ResolvedArrayScan,
    ResolvedColumnRef,
    ResolvedCreateViewBase,
    ResolvedDeleteStmt,
    ResolvedExpr,
    ResolvedFilterScan,
    ResolvedFunctionCallBase,
    ResolvedInsertStmt,
    ResolvedJoinScan,
    ResolvedJoinScanEnums,
    ResolvedMergeStmt,
    ResolvedNode,
    ResolvedNodeKind,
    ResolvedOrderByScan,
    ResolvedParameter,
    ResolvedProjectScan,
    ResolvedScan,
    ResolvedStatement,
    ResolvedSubqueryExpr,
    ResolvedTableScan,
    ResolvedUpdateStmt,
    SimpleCatalog,
    Type,
    TypeKind,
    ZetaSQLBuiltinFunctionOptions,
)

from shared.statements import Parameter, Rows, Statement
from shared.tables import Column

STATEMENT_KINDS = (
    ResolvedNodeKind.RESOLVED_QUERY_STMT,
    ResolvedNodeKind.RESOLVED_INSERT_STMT,
    ResolvedNodeKind.RESOLVED_UPDATE_STMT,
    ResolvedNodeKind.RESOLVED_DELETE_STMT,
    ResolvedNodeKind.RESOLVED_MERGE_STMT,
    ResolvedNodeKind.RESOLVED_CREATE_VIEW_STMT,
    ResolvedNodeKind.RESOLVED_ALTER_TABLE_STMT,
)


class SqlRejected(Exception):
    """The analyser's message about a statement, and where in it."""


def keep_what_is_compiled() -> None:
    """Keep the analyser in the virtual environment as it was compiled for this machine, which takes half a minute."""
    folder = Path(sys.prefix, "wasmtime")
    settings = folder / "cache.toml"
    if not os.access(sys.prefix, os.W_OK):
        return
    if not settings.exists():
        folder.mkdir(exist_ok=True)
        part = folder / f"{os.getpid()}.toml"  # another process may do the same at this moment
        part.write_text(f"[cache]\ndirectory = {json.dumps(str(folder / 'cache'))}\n", encoding="utf-8")
        part.rename(settings)

    def config() -> wasmtime.Config:
        made = wasmtime.Config()
        made.cache = str(settings)
        return made

    wasm_client.Config = config


class Analyser:
    """Google's analyser with a catalog of tables. Loading it takes a second, but half a minute at the first time."""

    def __init__(self, tables: Mapping[str, Sequence[Column]]) -> None:
        keep_what_is_compiled()
        self._service = ZetaSqlLocalService.get_instance()
        self._registered: int | None = None
        self._language = LanguageOptions.maximum_features()
        self._language.product_mode = ProductMode.PRODUCT_EXTERNAL  # BigQuery's types and names, not Google's own
        self._language.supported_statement_kinds = list(STATEMENT_KINDS)
        self._language.reserved_keywords = ["QUALIFY"]
        self._catalog: SimpleCatalog = (
            CatalogBuilder("bigquery")
            .with_builtin_functions(ZetaSQLBuiltinFunctionOptions(language_options=self._language))
            .build()
        )
        self._resolved: dict[tuple[str, str], ResolvedStatement] = {}
        for name, columns in tables.items():
            self.add_table(name, [(column.name, _type_of(column)) for column in columns])

    def add_table(self, name: str, columns: Sequence[tuple[str, Type]]) -> None:
        """Let statements refer to a table by "project.dataset.table" in backticks."""
        table = TableBuilder(name)
        for column_name, column_type in columns:
            table.add_column(column_name, column_type)
        self._catalog.table = [
            *(other for other in self._catalog.table if other.name != name),
            table.build(),
        ]
        self._registered = None

    def analyse(self, statement: Statement) -> ResolvedStatement:
        """Resolve one statement with its typed parameters; raises SqlRejected."""
        parameters = [
            AnalyzerOptions.QueryParameter(name=parameter.name, type=_parameter_type(parameter))
            for parameter in statement.parameters
        ]
        known = (statement.sql, repr(parameters))
        if known not in self._resolved:
            options = AnalyzerOptions(language_options=self._language, query_parameters=parameters)
            try:
                reply = self._service.analyze(
                    sql_statement=statement.sql, options=options, registered_catalog_id=self._registered_catalog()
                )
            except ServerError as error:
                raise SqlRejected(str(error)) from None
            self._resolved[known] = reply.resolved_statement
        return self._resolved[known]

    def _registered_catalog(self) -> int:
        """The number under which the analyser knows the catalog, which takes longer to tell it than most statements."""
        if self._registered is None:
            self._registered = self._service.register_catalog(simple_catalog=self._catalog).registered_id
        return self._registered

    def analyse_script(self, script: str) -> list[ResolvedStatement]:
        """Resolve statements divided by semicolons; their parameters may have any type that fits.

        A view that the script creates is known from then on.
        """
        options = AnalyzerOptions(language_options=self._language, allow_undeclared_parameters=True)
        analyzer = Analyzer(options, self._catalog)
        location = ParseResumeLocation(input=script, byte_position=0)
        resolved: list[ResolvedStatement] = []
        while script.encode()[location.byte_position :].strip():
            try:
                statement = analyzer.analyze_next_statement(location)
            except ServerError as error:
                raise SqlRejected(str(error)) from None
            if is_view(statement):
                columns = [(output.name, output.column.type) for output in statement.output_column_list]
                self.add_table(".".join(statement.name_path), columns)
            resolved.append(statement)
        return resolved


def is_view(resolved: ResolvedStatement) -> bool:
    """Whether a statement creates a view."""
    return isinstance(resolved, ResolvedCreateViewBase)


def parameters_of(resolved: ResolvedNode) -> set[str]:
    """The names of the query parameters that a statement uses."""
    return {node.name for node in _all_nodes(resolved) if isinstance(node, ResolvedParameter)}


def unfiltered_scans(resolved: ResolvedStatement, partitions: Mapping[str, str]) -> list[str]:
    """The scans of partitioned tables that read all of history, as "table AS alias".

    ``partitions`` maps the tables to be watched to their partition columns. A scan is filtered when the
    rows it gives pass a condition, joined to others by AND only, that holds its partition column to
    constants: ``= @date``, ``IN UNNEST(@dates)``, ``IN (…)`` or ``BETWEEN``. A comparison with a column
    of another table prunes nothing, and neither does a filter above an aggregation, a LIMIT, a set
    operation or a WITH, nor one above window functions, unless all are divided (PARTITION BY) by the
    column. The target of an INSERT is not read.
    """
    found: list[str] = []
    _Flow(partitions, found).statement(resolved)
    return found


class _Flow:
    """Follows rows from the filters down to the tables they come from."""

    def __init__(self, partitions: Mapping[str, str], found: list[str]) -> None:
        self._partitions = partitions
        self._found = found

    def statement(self, node: ResolvedStatement) -> None:
        if isinstance(node, ResolvedInsertStmt):
            self._others(node, but=(node.table_scan,))
        elif isinstance(node, ResolvedDeleteStmt):
            self._rows(node.table_scan, node.where_expr)
            self._others(node, but=(node.table_scan,))
        elif isinstance(node, ResolvedUpdateStmt):
            self._rows(node.table_scan, node.where_expr)
            self._rows(node.from_scan, node.where_expr)
            self._others(node, but=(node.table_scan, node.from_scan))
        elif isinstance(node, ResolvedMergeStmt):
            self._rows(node.table_scan, node.merge_expr)
            self._others(node, but=(node.table_scan,))
        else:
            self._others(node)

    def _rows(self, scan: ResolvedScan | None, condition: ResolvedExpr | None) -> None:
        if scan is not None:
            self._scan(scan, _held_to_constants(condition))

    def _scan(self, node: ResolvedScan, held: frozenset[int]) -> None:
        """Look into a scan; ``held`` are the columns that what lies above holds to constants."""
        if isinstance(node, ResolvedTableScan):
            self._table(node, held)
        elif isinstance(node, ResolvedFilterScan):
            self._through(node, held | _held_to_constants(node.filter_expr), node.input_scan)
        elif isinstance(node, ResolvedProjectScan | ResolvedArrayScan | ResolvedOrderByScan):
            self._through(node, held, node.input_scan)
        elif isinstance(node, ResolvedAnalyticScan):
            self._through(node, held & _dividing(node), node.input_scan)
        elif isinstance(node, ResolvedJoinScan):
            joined = _held_to_constants(node.join_expr)
            left, right = _SIDES_THAT_ON_FILTERS.get(node.join_type, (False, False))
            self._scan(node.left_scan, held | joined if left else held)
            self._scan(node.right_scan, held | joined if right else held)
            self._others(node, but=(node.left_scan, node.right_scan))
        else:
            self._others(node)

    def _through(self, node: ResolvedScan, held: frozenset[int], below: ResolvedScan | None) -> None:
        if below is not None:
            self._scan(below, held)
        self._others(node, but=(below,))

    def _others(self, node: ResolvedNode, but: Sequence[ResolvedNode | None] = ()) -> None:
        """Look into the rest of a node: what is found there begins a flow of its own."""
        for child in _children(node):
            if any(child is one for one in but):
                continue
            if isinstance(child, ResolvedScan):
                self._scan(child, frozenset())
            else:
                self._others(child)

    def _table(self, scan: ResolvedTableScan, held: frozenset[int]) -> None:
        name = scan.table.name
        partition = self._partitions.get(name)
        if partition is None:
            return
        (column,) = [column for column in scan.column_list if column.name.lower() == partition.lower()]
        if column.column_id not in held:
            self._found.append(f"{name} AS {scan.alias}" if scan.alias else name)


_JOIN = ResolvedJoinScanEnums.JoinType
# Of which side (left, right) the condition after ON keeps rows out.
_SIDES_THAT_ON_FILTERS = {_JOIN.INNER: (True, True), _JOIN.LEFT: (False, True), _JOIN.RIGHT: (True, False)}
_COMPARISONS = ("$equal", "$in", "$in_array", "$between")


def _held_to_constants(condition: ResolvedExpr | None) -> frozenset[int]:
    """The ids of the columns that a condition compares with constants, whatever else it asks."""
    if not isinstance(condition, ResolvedFunctionCallBase):
        return frozenset()
    function = condition.function.name.split(":")[-1]
    arguments = condition.argument_list
    if function == "$and":
        return frozenset().union(*(_held_to_constants(argument) for argument in arguments))
    if function not in _COMPARISONS:
        return frozenset()
    if function == "$equal" and isinstance(arguments[1], ResolvedColumnRef):
        arguments = arguments[::-1]
    column, *constants = arguments
    if isinstance(column, ResolvedColumnRef) and all(_is_constant(one) for one in constants):
        return frozenset({column.column.column_id})
    return frozenset()


def _dividing(scan: ResolvedAnalyticScan) -> frozenset[int]:
    """The ids of the columns that each window of a scan is divided by: a filter on them changes no result."""
    divisions = [
        group.partition_by.partition_by_list if group.partition_by else () for group in scan.function_group_list
    ]
    return frozenset.intersection(*(frozenset(one.column.column_id for one in division) for division in divisions))


def _is_constant(expression: ResolvedExpr) -> bool:
    return not any(isinstance(node, ResolvedColumnRef | ResolvedSubqueryExpr) for node in _all_nodes(expression))


def _children(node: ResolvedNode) -> Iterator[ResolvedNode]:
    for value in vars(node).values():
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, ResolvedNode):
                yield one


def _all_nodes(node: ResolvedNode) -> Iterator[ResolvedNode]:
    yield node
    for child in _children(node):
        yield from _all_nodes(child)


# --- our types as the analyser's ---------------------------------------------------------------------

_KINDS = {
    "STRING": TypeKind.TYPE_STRING,
    "INT64": TypeKind.TYPE_INT64,
    "BOOL": TypeKind.TYPE_BOOL,
    "NUMERIC": TypeKind.TYPE_NUMERIC,
    "TIMESTAMP": TypeKind.TYPE_TIMESTAMP,
    "DATE": TypeKind.TYPE_DATE,
    "DATETIME": TypeKind.TYPE_DATETIME,
}


def bigquery_type(kind: Type) -> str:
    """BigQuery's name of a simple type."""
    return next(name for name, simple in _KINDS.items() if simple == kind.type_kind)


def _type_of(column: Column) -> Type:
    kind = _struct(column.fields) if column.fields else TypeFactory.create_simple_type(_KINDS[column.type])
    return TypeFactory.create_array_type(kind) if column.mode == "REPEATED" else kind


def _struct(columns: Sequence[Column]) -> Type:
    return TypeFactory.create_struct_type([(column.name, _type_of(column)) for column in columns])


def _parameter_type(parameter: Parameter | Rows) -> Type:
    if isinstance(parameter, Rows):
        return TypeFactory.create_array_type(_struct(parameter.columns))
    kind = TypeFactory.create_simple_type(_KINDS[parameter.type])
    return TypeFactory.create_array_type(kind) if isinstance(parameter.value, tuple) else kind
