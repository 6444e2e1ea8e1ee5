"""Running one checked query on the store, within its limits. Blocks; called on worker threads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from control.sql_blocks import empty_block, hello, is_hello
from control.sql_catalog import Catalog
from control.sql_checked import Checked
from control.sql_engine import confirm, load_catalog
from control.sql_errors import SqlRejectedError
from control.sql_lexer import quote_string
from control.sql_request import SqlRequest
from control.sql_statements import check
from schemas.settings import Settings
from schemas.store import Store

_CONFIRMED_LIMIT: Final = 2000
DISPLAY_NAME: Final = "mission-control"
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")


class Escaped:
    """A parameter as the client escaped it, to reach the engine as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


@dataclass(frozen=True)
class SqlReply:
    format: str
    body: bytes
    timezone: str


class SqlRunner:
    """Checks and runs queries of one endpoint. Safe to call from several threads."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._limits = {
            "max_execution_time": settings.query_timeout,
            "max_memory_usage": settings.query_memory_bytes,
            "max_result_rows": settings.sql_max_rows,
            "max_result_bytes": settings.query_memory_bytes // 4,
        }
        self._catalog: Catalog | None = None
        self._timezone = self._version = ""
        self._confirmed: dict[str, bool] = {}

    def run(self, request: SqlRequest, run_id: str) -> SqlReply:
        """`run_id` is what `cancel` knows the query by. Raises SqlRejectedError, and DatabaseError for what the engine says."""
        catalog = self._loaded_catalog()
        checked = check(request.sql, catalog, request.parameters)
        parameters = self._parameters(checked, request)
        if self._confirm(checked, catalog, parameters) and not checked.explain:
            checked = replace(checked, sql=f"SELECT * FROM (\n{checked.sql}\n)")
        name = checked.format or request.default_format
        if name == "Native" and is_hello(request.sql, request.protocol_version):
            return SqlReply(name, hello(DISPLAY_NAME, self._version, self._timezone), self._timezone)
        clause = self._settings_clause({**request.settings, **checked.settings}, run_id)
        body = self._store.raw(f"{checked.statement}\nFORMAT {name}\n{clause}", "", parameters)
        if not body and name == "Native":
            described = self._store.raw(f"DESCRIBE TABLE ({checked.sql})\nFORMAT JSONCompact\n{clause}", "", parameters)
            body = empty_block([(row[0], row[1]) for row in orjson.loads(described)["data"]])
        return SqlReply(name, body, self._timezone)

    def cancel(self, run_id: str) -> None:
        """Stop the query that runs under this id, if it still does."""
        self._store.command(f"KILL QUERY WHERE Settings['log_comment'] = {quote_string(run_id)} ASYNC")

    def _loaded_catalog(self) -> Catalog:
        if self._catalog is None:
            server = self._store.query("SELECT timezone() AS timezone, version() AS version")[0]
            self._timezone, self._version = str(server["timezone"]), str(server["version"])
            self._catalog = load_catalog(self._store)
        return self._catalog

    def _confirm(self, checked: Checked, catalog: Catalog, parameters: Mapping[str, Any]) -> bool:
        """Ask the engine once per text: values of parameters change nothing about the names in it."""
        shape = self._confirmed.get(checked.sql)
        if shape is None:
            shape = confirm(self._store, checked, catalog, parameters)
            if len(self._confirmed) >= _CONFIRMED_LIMIT:
                self._confirmed.clear()
            self._confirmed[checked.sql] = shape
        return shape

    def _parameters(self, checked: Checked, request: SqlRequest) -> dict[str, Any]:
        for name in checked.parameters - request.parameters.keys():
            raise SqlRejectedError(456, "UNKNOWN_QUERY_PARAMETER", f"Substitution `{name}` is not set.")
        return {name: Escaped(request.parameters[name]) for name in checked.parameters}

    def _settings_clause(self, wanted: Mapping[str, str], run_id: str) -> str:
        """Ours last and in every query: `readonly` forbids the engine itself to write and to call most table functions."""
        settings = {name: value for name, value in wanted.items() if name not in self._limits}
        for name, limit in self._limits.items():
            settings[name] = str(_stricter(name, wanted.get(name, "0"), limit))
        settings |= {"result_overflow_mode": "throw", "enable_global_with_statement": "1", "log_comment": run_id, "readonly": "1"}
        return "SETTINGS " + ", ".join(f"{name} = {quote_string(value)}" for name, value in settings.items())


def _stricter(name: str, wanted: str, limit: float) -> float:
    if not _NUMBER.fullmatch(wanted):
        raise SqlRejectedError(72, "CANNOT_PARSE_NUMBER", f"The value of {name} is not a number: {wanted!r}.")
    number = float(wanted) if "." in wanted else int(wanted)
    return min(number, limit) if number else limit
