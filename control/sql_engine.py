"""The second look: the engine's own parser says which tables and functions it sees in the text that will be run.

`EXPLAIN AST` parses and executes nothing (about 1 ms). What it lists must be what the guard allowed; so a query that sqlglot
reads differently from ClickHouse is refused, not run.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from control.sql_catalog import DATABASES, TABLE_FUNCTIONS, Catalog, is_denied_function
from control.sql_checked import Checked
from control.sql_errors import access_denied, syntax_error, unknown_table
from schemas.store import DATABASE, DatabaseError, Store

_NODE: Final = re.compile(r"(?P<indent> *)(?P<kind>[\w:]+)(?: (?P<rest>.*?))?(?: \(alias .*\))?(?: \(children \d+\))?")
_QUERIES: Final = frozenset({"SelectQuery", "SelectWithUnionQuery", "SelectIntersectExceptQuery", "TablesInSelectQuery"})
_MEMBERSHIP: Final = re.compile(r"(?:global)?(?:not)?(?:null)?in(?:ignoreset)?", re.IGNORECASE)
_EXPLAIN: Final = "EXPLAIN AST "
_FAILED_AT: Final = re.compile(r"(failed at position )(\d+)")
_SELECT_DEPTH: Final = 2
_SOURCE_DEPTH: Final = 5
"""Where the outermost SELECT and its tables stand in the tree."""


@dataclass(slots=True)
class Node:
    kind: str
    name: str
    parent: "Node | None"
    position: int
    """Among its parent's children, from 0."""
    depth: int
    children: int = 0


def load_catalog(store: Store) -> Catalog:
    """The names that exist: everything in our database that is no analysts' view is hidden."""
    rows = store.query(f"SELECT name FROM system.tables WHERE database = '{DATABASE}'")
    return Catalog(hidden=frozenset(str(row["name"]) for row in rows) - Catalog().views)


def confirm(store: Store, checked: Checked, catalog: Catalog, parameters: Mapping[str, Any]) -> bool:
    """Raise SqlRejectedError unless the engine sees in `checked.sql` only what the guard allowed.

    Returns whether the engine forgets its limits on results for a query of this shape, unless it is another's subquery.
    """
    try:
        dump = store.raw(f"{_EXPLAIN}{checked.sql}", "", parameters).decode("utf-8", "replace")
    except DatabaseError as error:
        error.args = (_FAILED_AT.sub(_as_asked, str(error)), *error.args[1:])
        raise
    nodes = list(_nodes(dump))
    if not nodes or nodes[0].kind not in _QUERIES or nodes[0].children != 1:
        raise syntax_error("one SELECT is expected")
    system: Counter[str] = Counter()
    for node in nodes:
        if node.kind == "Set" or (node.kind.endswith("Query") and node.kind not in _QUERIES):
            raise access_denied(f"{node.kind} inside a query")
        if node.kind == "Function":
            _confirm_function(node)
        if node.kind == "TableIdentifier" or _is_set(node, catalog):
            _confirm_table(node.name, checked, catalog, system)
    if any(count > checked.system.get(table, 0) * _repeated(nodes) for table, count in system.items()):
        raise access_denied("The query reads tables of system in a way that is not understood")
    return _forgets_limits(nodes)


def _as_asked(found: re.Match[str]) -> str:
    """A position in the query, not in ours."""
    return f"{found[1]}{int(found[2]) - len(_EXPLAIN)}"


def _forgets_limits(nodes: list[Node]) -> bool:
    """Set operations, and arrayJoin without a table: the engine counts the rows that one SELECT reads from a source."""
    selects = [node for node in nodes if node.depth == _SELECT_DEPTH]
    if len(selects) != 1 or selects[0].kind != "SelectQuery":
        return True
    sources = any(node.kind == "TableExpression" and node.depth == _SOURCE_DEPTH for node in nodes)
    return not sources and any(node.kind == "ArrayJoin" or node.name.lower() in ("arrayjoin", "unnest") for node in nodes)


def _nodes(dump: str) -> Iterator[Node]:
    """The tree, depth first. Line by line: names hold no line breaks, the lexer sees to it."""
    open_nodes: list[Node] = []
    for line in dump.splitlines():
        match = _NODE.fullmatch(line)
        if match is None:
            raise syntax_error(f"the engine's tree holds {line.strip()!r}")
        del open_nodes[len(match["indent"]) :]
        parent = open_nodes[-1] if open_nodes else None
        node = Node(match["kind"], match["rest"] or "", parent, parent.children if parent else 0, len(match["indent"]))
        if parent:
            parent.children += 1
        open_nodes.append(node)
        yield node


def _confirm_function(node: Node) -> None:
    if node.parent is not None and node.parent.kind == "TableExpression":
        if node.name.lower() not in TABLE_FUNCTIONS:
            raise access_denied(f"The table function {node.name} is not available here")
    elif is_denied_function(node.name) and not _MEMBERSHIP.fullmatch(node.name):  # operators show as functions
        raise access_denied(f"The function {node.name} is not available here")


def _is_set(node: Node, catalog: Catalog) -> bool:
    """Whether this is the right side of an IN and may be a table's name."""
    arguments = node.parent
    if node.kind != "Identifier" or node.position != 1 or arguments is None or arguments.parent is None:
        return False
    if arguments.parent.kind != "Function" or not _MEMBERSHIP.fullmatch(arguments.parent.name):
        return False
    database, dot, _ = node.name.partition(".")
    return database in DATABASES if dot else node.name in catalog.hidden


def _confirm_table(name: str, checked: Checked, catalog: Catalog, system: Counter[str]) -> None:
    database, dot, table = name.rpartition(".")
    if database == "system":
        system[table] += 1
    elif database == DATABASE:
        if table not in catalog.views:
            raise unknown_table(name)
    elif dot:
        raise access_denied(f"To read {name} is not allowed: only the tables that SHOW TABLES lists are open")
    elif not _is_known(table, checked, catalog):
        raise unknown_table(name)


def _is_known(table: str, checked: Checked, catalog: Catalog) -> bool:
    """Whether a bare name is a view, a CTE that the guard resolved, or, where it could resolve nothing, may be a CTE's."""
    if table in catalog.hidden:
        return table in checked.shadows
    return checked.defined is None or table in catalog.views | checked.defined


def _repeated(nodes: list[Node]) -> int:
    """How often one table may show: the engine copies an outermost WITH into every SELECT of a UNION."""
    return sum(node.kind == "SelectQuery" for node in nodes)
