"""What the guard lets through."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from control.sql_catalog import HANDED_ON_SETTINGS
from control.sql_errors import access_denied
from control.sql_tail import Tail


@dataclass(frozen=True)
class Checked:
    """A query that may run.

    `sql` is the text to run, without FORMAT and SETTINGS; `format` is "" when the query names none; `settings` are those it
    carries; `parameters` the names of the `{name:Type}` it has; `system` counts its tables of `system`; `shadows` are the
    names of hidden tables that its outermost WITH gives another meaning. `defined` is None when every name was resolved; it
    holds the names its CTEs may have when sqlglot could not read it and the engine alone must tell. `explain` is what comes before `sql`, e.g.
    "EXPLAIN PLAN"; "DESCRIBE TABLE" puts it in brackets.
    """

    sql: str
    format: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    system: Mapping[str, int] = field(default_factory=dict)
    shadows: frozenset[str] = frozenset()
    defined: frozenset[str] | None = None
    explain: str = ""

    @property
    def statement(self) -> str:
        """The text to run, without FORMAT and SETTINGS."""
        if self.explain == "DESCRIBE TABLE":
            return f"DESCRIBE TABLE ({self.sql})"
        return f"{self.explain} {self.sql}" if self.explain else self.sql


def checked_settings(tail: Tail) -> Mapping[str, str]:
    """Those of a query. Raises SqlRejectedError for one that a query may not change."""
    for name in tail.settings:
        if name not in HANDED_ON_SETTINGS:
            raise access_denied(f"The setting {name} may not be changed by a query")
    return tail.settings
