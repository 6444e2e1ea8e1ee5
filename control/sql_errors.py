"""Errors of the SQL endpoint, in the shape that ClickHouse's clients read."""

from dataclasses import dataclass
from typing import Final

from schemas.errors import NeverError

STATUSES: Final = {
    60: 404,  # UNKNOWN_TABLE
    81: 404,  # UNKNOWN_DATABASE
    46: 404,  # UNKNOWN_FUNCTION
    48: 501,  # NOT_IMPLEMENTED
    159: 408,  # TIMEOUT_EXCEEDED
    160: 408,  # TOO_SLOW
    164: 403,  # READONLY
    194: 401,  # REQUIRED_PASSWORD
    202: 503,  # TOO_MANY_SIMULTANEOUS_QUERIES
    241: 507,  # MEMORY_LIMIT_EXCEEDED
    291: 403,  # DATABASE_ACCESS_DENIED
    394: 503,  # QUERY_WAS_CANCELLED
    497: 403,  # ACCESS_DENIED
    516: 403,  # AUTHENTICATION_FAILED
}
"""HTTP status by ClickHouse's error code; everything else is 400 when it is the query's fault, else 500."""

QUERY_FAULTS: Final = frozenset(
    {6, 8, 16, 26, 27, 36, 38, 41, 42, 43, 44, 47, 50, 51, 53, 57, 62, 63, 69, 70, 72, 73, 115, 120, 125, 153, 158, 161, 179}
    | {184, 190, 206, 207, 215, 307, 352, 386, 395, 396, 399, 403, 407, 412, 427, 456, 457, 467, 474}
)
"""Codes of ClickHouse that say the query is wrong: syntax, types, names, arguments, limits it asked to pass."""


@dataclass
class SqlRejectedError(NeverError):
    """A statement that is not run; `code` and `name` are ClickHouse's, e.g. 62 and SYNTAX_ERROR."""

    code: int
    name: str
    message: str

    def __str__(self) -> str:
        return f"Code: {self.code}. DB::Exception: {self.message} ({self.name})"


def syntax_error(message: str) -> SqlRejectedError:
    return SqlRejectedError(62, "SYNTAX_ERROR", f"Syntax error: {message}.")


def access_denied(message: str) -> SqlRejectedError:
    return SqlRejectedError(497, "ACCESS_DENIED", f"default: Not enough privileges. {message}.")


def unknown_table(name: str) -> SqlRejectedError:
    return SqlRejectedError(60, "UNKNOWN_TABLE", f"Unknown table expression identifier '{name}'; SHOW TABLES lists what there is.")


def readonly(what: str) -> SqlRejectedError:
    return SqlRejectedError(164, "READONLY", f"default: Cannot execute {what} in readonly mode.")


def status_of(code: int) -> int:
    """The HTTP status that goes with ClickHouse's error code."""
    return STATUSES.get(code, 400 if code in QUERY_FAULTS else 500)
