"""Which SQL is run: one statement that only reads what analysts may name. Pure; `docs/decisions/0020-sql-guard.md` says why this way.

The steps: lex strictly, take off FORMAT and SETTINGS, refuse denied functions by their words, parse with sqlglot and resolve
every table name against the views and the CTEs in scope, put filtered subqueries in the place of system tables.
The text that comes out is what is run; `control.sql_engine` lets the engine's own parser look at it once more.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from sqlglot import exp
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parsers.clickhouse import ClickHouseParser

from control.sql_catalog import (
    DATABASES,
    FILTERED_SYSTEM_TABLES,
    OPEN_SYSTEM_TABLES,
    TABLE_FUNCTIONS,
    Catalog,
    is_denied_function,
)
from control.sql_checked import Checked, checked_settings
from control.sql_errors import SqlRejectedError, access_denied, syntax_error, unknown_table
from control.sql_lexer import Token, lex, quote_name
from control.sql_rewrite import Edit, edited, system_table_edits
from control.sql_tail import split_tail
from schemas.store import DATABASE

_DIALECT: Final = ClickHouse()
_STEPS: Final = 2000
_STEPS_PER_TOKEN: Final = 10
"""How far sqlglot may go; real queries take it a little more than one step a token."""
_MOST_TOKENS: Final = 20_000
"""Beyond, which means long lists of values, only the engine reads the query."""


def check_select(sql: str, catalog: Catalog, parameters: Mapping[str, str]) -> Checked:
    """`sql` is a SELECT, WITH … SELECT or a set operation of them, with or without FORMAT and SETTINGS.

    `parameters` are the values of `{name:Type}` as the client sent them; only those of type Identifier are looked at.
    Raises SqlRejectedError.
    """
    text, tokens = lex(sql)
    text, tokens = lex(edited(text, _identifier_edits(tokens, parameters)))
    tail = split_tail(text, tokens)
    _check_words(tail.tokens)
    tree = _parsed(tail.text) if len(tail.tokens) <= _MOST_TOKENS else None
    edits, system = system_table_edits(tail.tokens)
    if tree is None:
        shadows, defined = frozenset[str](), frozenset(_defined(tail.tokens))
    else:
        shadows, defined = _check_tables(tree, catalog), None
        if system != _system_tables(tree):
            raise syntax_error("give tables of system an alias and name their columns by it")
    return Checked(
        edited(tail.text, [*edits, *_display_name_edits(tail.tokens)]),
        tail.format,
        checked_settings(tail),
        frozenset(token.value for token in tail.tokens if token.kind == "parameter"),
        system,
        shadows,
        defined,
    )


def _defined(tokens: list[Token]) -> Iterator[str]:
    """Every name that may be a CTE's: `name AS (`."""
    for name, as_word, opening in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if name.value and as_word.is_word("AS") and opening.is_symbol("("):
            yield name.value


def _identifier_edits(tokens: list[Token], parameters: Mapping[str, str]) -> list[Edit]:
    """`{name:Identifier}` becomes the name it stands for, because it decides what is read."""
    edits = []
    for token in tokens:
        if token.kind == "parameter" and token.text.endswith(":Identifier}"):
            if token.value not in parameters:
                raise SqlRejectedError(456, "UNKNOWN_QUERY_PARAMETER", f"Substitution `{token.value}` is not set.")
            parts = parameters[token.value].split(".")
            edits.append(Edit(token.start, token.end, ".".join(quote_name(part) for part in parts)))
        elif token.kind == "parameter" and "identifier" in token.text.lower().partition(":")[2]:
            raise syntax_error(f"{token.text} is not a type of a parameter")
    return edits


def _check_words(tokens: list[Token]) -> None:
    """Refuse functions and clauses by their words: where a name stands does not tell whether it is called.

    `arrayMap(file, x)`, `* APPLY file` and `"file"(x)` all call `file`.
    """
    for before, token in zip([None, *tokens], tokens, strict=False):
        qualified = before is not None and before.is_symbol(".")
        if token.kind in ("word", "quoted") and not qualified and is_denied_function(token.value):
            raise access_denied(f"The function {token.value} is not available here (nor is its name for columns and aliases)")
    for token, after in pairwise(tokens):
        if token.is_word("INTO") and after.is_word("OUTFILE"):
            raise access_denied("INTO OUTFILE writes a file on the server")
        if token.is_word("PARALLEL") and after.is_word("WITH"):
            raise syntax_error("PARALLEL WITH is not available here")


class _BoundedParser(ClickHouseParser):
    """Gives up where sqlglot would try again and again: twenty joins without ON take it half a minute."""

    _steps = 0

    def _advance(self, times: int = 1) -> None:
        self._steps += 1
        if self._steps > _STEPS_PER_TOKEN * len(self._tokens) + _STEPS:
            raise ParseError("too many ways to read it")
        super()._advance(times)


def _parsed(text: str) -> exp.Query | None:
    """The query's tree; None when sqlglot cannot read it, which knows less of the language than the engine."""
    try:
        trees = _BoundedParser(dialect=_DIALECT).parse(_DIALECT.tokenize(text), text)
    except (SqlglotError, RecursionError):
        return None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise syntax_error("one SELECT is expected")
    for node in trees[0].walk():
        if node.args.get("settings") or (isinstance(node, exp.Query) and node.args.get("format")):  # functions have formats too
            raise access_denied("SETTINGS (as name = value) and FORMAT may stand at the end of the query only")
        if isinstance(node, exp.Command | exp.DDL | exp.DML) and not isinstance(node, exp.Query):
            raise syntax_error(f"{node.key.upper()} inside a query")
    return trees[0]


def _system_tables(tree: exp.Query) -> Counter[str]:
    return Counter(table.name for table in tree.find_all(exp.Table) if table.db == "system")


def _check_tables(tree: exp.Query, catalog: Catalog) -> frozenset[str]:
    """Resolve every name of a table; the hidden names that the outermost WITH shadows."""
    outermost = _ctes(tree)
    shadows = set()
    for name, node in _table_names(tree, catalog):
        if isinstance(name, str):
            _check_table_function(name)
        elif len(name) == 1:
            visible = _visible_ctes(node)
            if name[0] not in visible and name[0] not in catalog.views:
                raise unknown_table(name[0])
            if name[0] in catalog.hidden:
                if visible.get(name[0]) not in outermost:
                    raise access_denied(f"Name the subquery {name[0]} otherwise, or define it in the outermost WITH")
                shadows.add(name[0])
        else:
            _check_qualified(name, catalog)
    return frozenset(shadows)


def _check_table_function(name: str) -> None:
    if name.lower() not in TABLE_FUNCTIONS:
        raise access_denied(f"The table function {name} is not available here")


def _check_qualified(name: tuple[str, ...], catalog: Catalog) -> None:
    database, table = name[0], name[-1]
    if len(name) == 2 and database == DATABASE:
        if table not in catalog.views:
            raise unknown_table(f"{DATABASE}.{table}")
    elif len(name) != 2 or database != "system" or table not in OPEN_SYSTEM_TABLES | FILTERED_SYSTEM_TABLES.keys():
        raise access_denied(f"To read {'.'.join(name)} is not allowed: only the tables that SHOW TABLES lists are open")


def _table_names(tree: exp.Query, catalog: Catalog) -> Iterator[tuple[str | tuple[str, ...], exp.Expr]]:
    """Every table of the query: (parts of its name, or the name of a table function; where it stands)."""
    for table in tree.find_all(exp.Table):
        source = table.this
        if isinstance(source, exp.Identifier):
            yield tuple(part.name for part in table.parts), table
        elif isinstance(source, exp.Func):
            yield source.name if isinstance(source, exp.Anonymous) else source.sql_name(), table
        else:
            raise syntax_error(f"{table.sql('clickhouse')} is not a table")
    for membership in tree.find_all(exp.In):
        name = _set_name(membership)
        if name is not None and (name[0] in DATABASES if len(name) > 1 else name[0] in catalog.hidden | catalog.views):
            yield name, membership


def _set_name(membership: exp.In) -> tuple[str, ...] | None:
    """The name in `x IN name` or `x IN (name)`, which is a table's when no column or alias has it."""
    members = [*membership.expressions, membership.args.get("field")]
    members = [member.unnest() for member in members if member is not None]
    if len(members) != 1:
        return None
    member = members[0]
    if isinstance(member, exp.Column | exp.Dot):
        return tuple(part.name for part in member.parts)
    return (member.name,) if isinstance(member, exp.Identifier) else None


def _ctes(query: exp.Expr) -> list[exp.CTE]:
    clause = query.args.get("with_")
    return list(clause.expressions) if clause else []


def _visible_ctes(node: exp.Expr) -> dict[str, exp.CTE]:
    """CTEs in scope at `node`, the innermost of a name: those before it in the same WITH, itself only when RECURSIVE."""
    visible: dict[str, exp.CTE] = {}
    child: exp.Expr | None = node
    inside: list[exp.Expr] = []
    while child is not None:
        if isinstance(child, exp.Query):
            for name, cte in _before(child, inside).items():
                visible.setdefault(name, cte)
        inside.append(child)
        child = child.parent
    return visible


def _before(query: exp.Query, inside: list[exp.Expr]) -> dict[str, exp.CTE]:
    seen: dict[str, exp.CTE] = {}
    for cte in _ctes(query):
        own = any(cte is ancestor for ancestor in inside)
        if own and not query.args["with_"].args.get("recursive"):
            break
        if not cte.args.get("scalar"):
            seen[cte.alias] = cte
        if own:
            break
    return seen


def _display_name_edits(tokens: list[Token]) -> list[Edit]:
    """`displayName()` is the host's name in the engine; clients ask for it at connect."""
    return [
        Edit(name.start, close.end, " 'mission-control' ")
        for name, opening, close in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if name.is_word("DISPLAYNAME") and opening.is_symbol("(") and close.is_symbol(")")
    ]
