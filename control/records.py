"""Lists by time of what the system and its people did: scores, alerts, audit, dead letters, the ledger."""

from typing import Any, Literal

from control import cursors
from control.projects import ALL, Projects
from control.reader import Reader
from control.times import BEGINNING, END

Table = Literal["scores", "alerts", "audit", "dead_letters", "ledger"]


class Records:
    def __init__(self, reader: Reader, projects: Projects) -> None:
        self._reader = reader
        self._projects = projects

    async def page(
        self,
        table: Table,
        project: str,
        wanted: dict[str, Any],
        limit: int,
        cursor: str | None,
        since: int | None = None,
        until: int | None = None,
    ) -> dict[str, Any]:
        """Newest first; `wanted` are the query's filters, None and "" mean any. Raises BadParameterError."""
        before = cursors.decode(cursor, int, str)
        high = END if until is None else until
        # The ledger and dead letters of all projects include those that name none.
        everywhere = project == ALL and table in ("dead_letters", "ledger")
        parameters = {
            **{name: value for name, value in wanted.items() if value != ""},
            "projects": None if everywhere else await self._projects.meant(project),
            "low": BEGINNING if since is None else since,
            "high": min(high, before[0]) if before else high,
            "before": before[0] if before else None,
            "before_id": before[1] if before else None,
            "limit": limit + 1,
        }
        rows = await self._reader.rows(table, parameters)
        places = [(row.pop("at_ns"), row.pop("row_id")) for row in rows]
        return {"items": rows[:limit], "next": cursors.encode(places[limit - 1]) if len(rows) > limit else None}
