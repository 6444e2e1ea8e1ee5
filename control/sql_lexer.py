"""A strict lexer for ClickHouse's SQL: what it returns can be read in one way only, by us and by the engine.

Comments become a space, heredocs become quoted strings, `{name:Type}` loses its spaces; everything else stays as it was
written. What two readers could take differently (control characters, escapes inside quoted names, typographic quotes,
stray `$`, `\\` or `@`) is a syntax error.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from control.sql_errors import SqlRejectedError, syntax_error

Kind = Literal["word", "quoted", "string", "number", "symbol", "parameter"]
MAX_QUERY_BYTES: Final = 262_144
"""ClickHouse's own max_query_size."""

_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\n\r\f\v\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]+)
  | (?P<comment>(?:--|//|\#[ !])[^\n]*)
  | (?P<block>/\*)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<string>'(?:[^'\\]|\\.|'')*')
  | (?P<quoted>"(?:[^"\\\x00-\x1f\x7f]|"")+"|`(?:[^`\\\x00-\x1f\x7f]|``)+`)
  | (?P<number>0[xX][0-9a-fA-F_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)
  | (?P<heredoc>\$(?P<tag>[A-Za-z0-9_]*)\$(?P<text>.*?)\$(?P=tag)\$)
  | \{\s*(?P<parameter>[A-Za-z_][A-Za-z0-9_]*)\s*:\s*(?P<type>[A-Za-z][A-Za-z0-9_(),'./= -]*?)\s*\}
  | (?P<symbol>[][(){},.;:+*/%<>=!?^|&~-])
    """,
    re.VERBOSE | re.DOTALL,
)
_UNSPEAKABLE: Final = re.compile("[\x00\ud800-\udfff]")
_BLOCK_EDGE: Final = re.compile(r"/\*|\*/")
_ESCAPES: Final = {"\\": "\\\\", "'": "\\'"}


@dataclass(frozen=True, slots=True)
class Token:
    """`text` as it stands in the lexed SQL, from `start`; `value` is the bare name of a word or quoted name, or a parameter's name."""

    kind: Kind
    text: str
    start: int
    value: str = ""

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def is_word(self, *words: str) -> bool:
        """Whether this is one of these keywords, given in upper case."""
        return self.kind == "word" and self.value.upper() in words

    def is_symbol(self, symbols: str) -> bool:
        return self.kind == "symbol" and self.text in symbols


def lex(sql: str) -> tuple[str, list[Token]]:
    """The SQL without what could be misread, and its tokens with positions in that text. Raises SqlRejectedError."""
    if len(sql.encode("utf-8", "replace")) > MAX_QUERY_BYTES:
        raise syntax_error(f"the query is longer than {MAX_QUERY_BYTES} bytes")
    if _UNSPEAKABLE.search(sql):
        raise syntax_error("the query holds a NUL or half of a surrogate pair")
    pieces: list[str] = []
    tokens: list[Token] = []
    length = position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            raise _unreadable(sql, position)
        piece, token = _piece(match, length)
        position = _block_end(sql, position) if match.lastgroup == "block" else match.end()
        pieces.append(piece)
        length += len(piece)
        if token is not None:
            tokens.append(token)
    return "".join(pieces), tokens


def _piece(match: re.Match[str], start: int) -> tuple[str, Token | None]:
    kind, text = match.lastgroup, match.group()
    if kind == "space":
        return re.sub(r"[^ \t\n]", " ", text), None
    if kind in ("comment", "block"):
        return " ", None
    if match.group("parameter") is not None:
        text = f"{{{match.group('parameter')}:{match.group('type')}}}"
        if "--" in text or "//" in text:
            raise syntax_error("a comment inside a query parameter")
        return text, Token("parameter", text, start, match.group("parameter"))
    if match.group("heredoc") is not None:
        text = quote_string(match.group("text"))
        return f" {text} ", Token("string", text, start + 1)  # apart from strings beside it, with which it would be one
    if kind == "quoted":
        mark = text[0]
        return text, Token("quoted", text, start, text[1:-1].replace(mark + mark, mark))
    return text, Token(kind, text, start, text if kind == "word" else "")  # type: ignore[arg-type]  # the other groups are the kinds


def _block_end(sql: str, start: int) -> int:
    """Where the comment that begins at `start` ends; they nest."""
    depth, position = 1, start + 2
    while depth:
        edge = _BLOCK_EDGE.search(sql, position)
        if edge is None:
            raise syntax_error("a comment that is not closed")
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position


def _unreadable(sql: str, position: int) -> SqlRejectedError:
    what = {"'": "a string that is not closed", '"': "a quoted name", "`": "a quoted name"}.get(sql[position], "an unexpected character")
    hint = "; names take no escapes and no control characters" if what == "a quoted name" else ""
    line = sql.count("\n", 0, position) + 1
    return syntax_error(f"{what} at position {position + 1} (line {line}): {sql[position : position + 20]!r}{hint}")


def quote_string(text: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + "".join(_ESCAPES.get(character, character) for character in text) + "'"


def quote_name(name: str) -> str:
    """A quoted name; raises SqlRejectedError for one that the lexer itself would not take."""
    if not name or "\\" in name or any(character < " " or character == "\x7f" for character in name):
        raise syntax_error(f"{name!r} is not a name")
    return "`" + name.replace("`", "``") + "`"
