"""The end of a query: FORMAT, SETTINGS and semicolons, taken off so that ours can stand there."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from control.sql_errors import syntax_error
from control.sql_lexer import Token


@dataclass(frozen=True)
class Tail:
    """The query without its end, its tokens, and what the end said; values of settings are bare."""

    text: str
    tokens: list[Token]
    format: str = ""
    settings: dict[str, str] = field(default_factory=dict)


def split_tail(text: str, tokens: list[Token]) -> Tail:
    """Raises SqlRejectedError for more than one statement, for none, and for a clause that stands there twice."""
    tokens = list(tokens)
    while tokens and tokens[-1].is_symbol(";"):
        tokens.pop()
    if not tokens:
        raise syntax_error("the query is empty")
    if any(token.is_symbol(";") for token in tokens):
        raise syntax_error("multi-statements are not allowed")
    found_format, settings = "", dict[str, str]()
    for start in reversed(list(_clause_starts(tokens))):
        clause = tokens[start + 1 :]
        if tokens[start].is_word("FORMAT"):
            if found_format or len(clause) != 1:
                break
            found_format = clause[0].value
        else:
            if settings:
                raise syntax_error("SETTINGS stands there twice")
            settings = _settings(clause)
        del tokens[start:]
    return Tail(text[: tokens[-1].end], tokens, found_format, settings)


def _clause_starts(tokens: list[Token]) -> Iterator[int]:
    """Where FORMAT and SETTINGS stand outside of brackets, each followed by a word."""
    depth = 0
    for index, token in enumerate(tokens[:-1]):
        depth += token.is_symbol("([{") - token.is_symbol(")]}")
        if depth or not index or tokens[index + 1].kind != "word":
            continue
        assigned = index + 2 < len(tokens) and tokens[index + 2].is_symbol("=")
        if token.is_word("FORMAT") or (token.is_word("SETTINGS") and assigned):
            yield index


def _settings(tokens: list[Token]) -> dict[str, str]:
    settings = {}
    position = 0
    while position < len(tokens):
        if len(tokens) < position + 3 or tokens[position].kind != "word" or not tokens[position + 1].is_symbol("="):
            break
        name, values = tokens[position], tokens[position + 2 : position + 4]
        sign = values[0].text if values[0].is_symbol("-+") else ""
        value = values[1] if sign and len(values) == 2 else values[0]
        if value.kind not in ("number", "string", "word"):
            break
        settings[name.value] = sign + (_unquoted(value.text) if value.kind == "string" else value.text)
        position += 4 if sign else 3
        if position == len(tokens):
            return settings
        if not tokens[position].is_symbol(","):
            break
        position += 1
    raise syntax_error("SETTINGS takes name = value, separated by commas")


def _unquoted(text: str) -> str:
    """What a string literal says; the values of settings need no escapes."""
    if "\\" in text:
        raise syntax_error("the values of settings take no escapes")
    return text[1:-1].replace("''", "'")
