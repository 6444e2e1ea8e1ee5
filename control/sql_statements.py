# ruff: noqa: SIM905  lists of words read best as words
"""Every statement that is answered: SELECTs through the guard, and what clients ask about tables, rewritten into SELECTs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from control.sql_catalog import FILTERED_SYSTEM_TABLES, Catalog
from control.sql_checked import Checked, checked_settings
from control.sql_errors import SqlRejectedError, readonly, syntax_error, unknown_table
from control.sql_lexer import Token, lex, quote_string
from control.sql_tail import Tail, split_tail
from schemas.store import DATABASE

_WRITES: Final = frozenset(
    "INSERT CREATE ALTER DROP DELETE UPDATE TRUNCATE RENAME EXCHANGE OPTIMIZE SYSTEM KILL GRANT REVOKE ATTACH DETACH UNDROP SET USE"
    " BACKUP RESTORE MOVE CHECK BEGIN COMMIT ROLLBACK EXECUTE COPY REPLACE WATCH".split()
)
_EXPLAINED: Final = (("AST",), ("SYNTAX",), ("PLAN",), ("PIPELINE",), ("ESTIMATE",), ("QUERY", "TREE"))


def check(sql: str, catalog: Catalog, parameters: Mapping[str, str] | None = None) -> Checked:
    """What to run for `sql`; `parameters` are the values of its `{name:Type}` as the client sent them.

    Raises SqlRejectedError: 62 what cannot be read, 164 what writes, 60 unknown tables, 497 what is not open to analysts.
    """
    refuse_writes(sql)  # the rows of an INSERT need not be text
    text, tokens = lex(sql)
    words = [token.value.upper() if token.kind == "word" else token.text for token in tokens[:3]]
    first = words[0] if words else ""
    if first in ("SELECT", "WITH", "FROM", "("):
        return _select(sql, catalog, parameters or {})
    if first in _WRITES:
        raise readonly(first)
    if first == "EXPLAIN":
        return _explain(text, tokens, catalog, parameters or {})
    if first not in ("SHOW", "DESCRIBE", "DESC", "EXISTS"):
        raise syntax_error(f"a query is expected, found {first!r}" if first else "the query is empty")
    tail = split_tail(text, tokens)
    answer = _described(tail, catalog, parameters or {}) if first.startswith("DESC") else _asked(tail.tokens, catalog)
    return replace(answer, format=tail.format, settings=checked_settings(tail))


def refuse_writes(sql: str) -> None:
    """Raise SqlRejectedError when the beginning of a text already says that it writes."""
    word = sql.lstrip().partition(" ")[0].upper()
    if word in _WRITES:
        raise readonly(word)


def _select(sql: str, catalog: Catalog, parameters: Mapping[str, str]) -> Checked:
    from control.sql_guard import check_select  # its parser takes a while to load: with the first query, not with every start

    return check_select(sql, catalog, parameters)


def _explain(text: str, tokens: list[Token], catalog: Catalog, parameters: Mapping[str, str]) -> Checked:
    """EXPLAIN of a SELECT, without options; nothing of it is executed but scalar subqueries."""
    words = tuple(token.value.upper() for token in tokens[1:3])
    kind = next((kind for kind in _EXPLAINED if words[: len(kind)] == kind), ())
    start = 1 + len(kind)
    if len(tokens) <= start or not (tokens[start].is_word("SELECT", "WITH", "FROM") or tokens[start].is_symbol("(")):
        raise syntax_error("EXPLAIN [AST | SYNTAX | PLAN | PIPELINE | ESTIMATE | QUERY TREE] takes a SELECT, and no options")
    checked = _select(text[tokens[start].start :], catalog, parameters)
    return replace(checked, explain=" ".join(("EXPLAIN", *kind)))


def _described(tail: Tail, catalog: Catalog, parameters: Mapping[str, str]) -> Checked:
    tokens = tail.tokens[2:] if len(tail.tokens) > 1 and tail.tokens[1].is_word("TABLE") else tail.tokens[1:]
    if tokens and tokens[0].is_symbol("("):
        if not tokens[-1].is_symbol(")"):
            raise syntax_error("DESCRIBE TABLE (SELECT …) is expected")
        inner = tail.text[tokens[0].end : tokens[-1].start]
        return replace(_select(inner, catalog, parameters), explain="DESCRIBE TABLE")
    name = _table(tokens)
    if name not in catalog.views:
        raise unknown_table(name)
    columns = "name, type, '' AS default_type, '' AS default_expression, comment, '' AS codec_expression, '' AS ttl_expression"
    source = f"({FILTERED_SYSTEM_TABLES['columns']}) WHERE table = {quote_string(name)} ORDER BY position"
    return Checked(f"SELECT {columns} FROM {source}", system={"columns": 1})  # the engine's own DESCRIBE of a view has no comments


def _table(tokens: list[Token]) -> str:
    """The one table that these tokens name, without the database when it is ours."""
    if len(tokens) == 1 and tokens[0].value:
        return tokens[0].value
    if len(tokens) == 3 and tokens[1].is_symbol(".") and tokens[0].value and tokens[2].value:
        return tokens[2].value if tokens[0].value in (DATABASE, "default") else f"{tokens[0].value}.{tokens[2].value}"
    raise syntax_error("the name of a table is expected")


def _asked(tokens: list[Token], catalog: Catalog) -> Checked:
    if tokens[0].is_word("EXISTS"):
        return _exists(tokens[1:], catalog)
    subject = tokens[1] if len(tokens) > 1 else tokens[0]
    if subject.is_word("DATABASES"):
        return _from_system("databases", _listed(tokens[2:]))
    if subject.is_word("TABLES"):
        rest = tokens[2:]
        if rest and rest[0].is_word("FROM", "IN"):
            if len(rest) < 2 or rest[1].value not in (DATABASE, "default"):
                raise SqlRejectedError(81, "UNKNOWN_DATABASE", f"There is one database here: {DATABASE}.")
            rest = rest[2:]
        return _from_system("tables", _listed(rest))
    raise syntax_error("SHOW DATABASES and SHOW TABLES are what can be shown; DESCRIBE threads lists the columns of a table")


def _exists(tokens: list[Token], catalog: Catalog) -> Checked:
    if tokens and tokens[0].is_word("DATABASE"):
        return Checked(f"SELECT toUInt8({int(_table(tokens[1:]) == DATABASE)}) AS result")
    name = _table(tokens[1:] if tokens and tokens[0].is_word("TABLE", "VIEW") else tokens)
    return Checked(f"SELECT toUInt8({int(name in catalog.views)}) AS result")


def _listed(tokens: list[Token]) -> str:
    """`[[NOT] LIKE | ILIKE 'pattern'] [LIMIT n]` as clauses of a SELECT."""
    where = limit = ""
    rest = list(tokens)
    negated = bool(rest) and rest[0].is_word("NOT")
    rest = rest[1:] if negated else rest
    if len(rest) > 1 and rest[0].is_word("LIKE", "ILIKE") and rest[1].kind == "string":
        where = f" WHERE name {'NOT ' if negated else ''}{rest[0].value.upper()} {rest[1].text}"
        rest = rest[2:]
    if len(rest) > 1 and rest[0].is_word("LIMIT") and rest[1].text.isdecimal():
        limit = f" LIMIT {rest[1].text}"
        rest = rest[2:]
    if rest or (negated and not where):
        raise syntax_error("[[NOT] LIKE | ILIKE 'pattern'] [LIMIT n] is expected")
    return f"{where} ORDER BY name{limit}"


def _from_system(table: str, clauses: str) -> Checked:
    return Checked(f"SELECT name FROM ({FILTERED_SYSTEM_TABLES[table]}){clauses}", system={table: 1})
