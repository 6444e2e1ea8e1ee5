# ruff: noqa: SIM905  lists of words read best as words
"""Putting other text in the place of tokens."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from control.sql_catalog import FILTERED_SYSTEM_TABLES, OPEN_SYSTEM_TABLES
from control.sql_lexer import Token

_AFTER_A_TABLE: Final = (
    "WHERE PREWHERE GROUP ORDER LIMIT OFFSET FETCH JOIN INNER LEFT RIGHT FULL CROSS ANY ALL ASOF SEMI ANTI GLOBAL LOCAL NATURAL PASTE"
    " ARRAY FINAL SAMPLE UNION EXCEPT INTERSECT HAVING QUALIFY WINDOW ON USING SELECT WITH"
).split()


@dataclass(frozen=True, slots=True)
class Edit:
    """`text` takes the place of what stands from `start` to `end`."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = f"{text[: edit.start]}{edit.text}{text[edit.end :]}"
    return text


def system_table_edits(tokens: list[Token]) -> tuple[list[Edit], Counter[str]]:
    """Filtered subqueries for the tables of `system`, and how often each table of `system` is named."""
    edits = []
    named: Counter[str] = Counter()
    for index, (database, dot, table) in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False)):
        if database.value != "system" or not dot.is_symbol(".") or (index and tokens[index - 1].is_symbol(".")):
            continue
        if table.value in OPEN_SYSTEM_TABLES | FILTERED_SYSTEM_TABLES.keys():
            named[table.value] += 1
        if table.value in FILTERED_SYSTEM_TABLES:
            after = tokens[index + 3] if index + 3 < len(tokens) else None
            named_by_us = "" if after is not None and _is_alias(after) else f" AS {table.value}"
            edits.append(Edit(database.start, table.end, f"({FILTERED_SYSTEM_TABLES[table.value]}){named_by_us}"))
    return edits, named


def _is_alias(token: Token) -> bool:
    return token.kind == "quoted" or (token.kind == "word" and not token.is_word(*_AFTER_A_TABLE))
