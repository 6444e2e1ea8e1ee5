"""Rights for people who ask the ClickHouse server itself: roles, row policies, quotas and limits, as SQL to be read before it is run.

The guarded SQL port needs none of this. Views run with the rights of who asks, so the policies on the tables hold through them.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from schemas.migrate import everything
from schemas.settings import Settings
from schemas.store_server import DATABASE

SERVICE: Final = "mission_control_service"
"""The role of the user in `clickhouse_url`: reads and writes every project."""
ANALYST: Final = "mission_control_analyst"
"""Reads, within limits; what of it is seen says a role for each project."""
QUERIES_PER_HOUR: Final = 10_000
SECONDS_PER_HOUR: Final = 3_600
"""Of computing, for each user."""
_CREATE: Final = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)(?= )(?: ON CLUSTER '[^']*')? \((.*?)\n\)", re.DOTALL)


def project_role(project: str) -> str:
    return f"mission_control_project_{project}"


def access_statements(settings: Settings, projects: Sequence[str]) -> list[str]:
    """Safe to repeat; roles keep who was given them. To be run by a user with access management, after `migrate`."""
    everywhere = f" ON CLUSTER '{settings.clickhouse_cluster}'" if settings.clickhouse_cluster else ""
    texts = [*_roles(settings, everywhere, projects), *_policies(settings.clickhouse_cluster, everywhere, projects)]
    return [text.strip() for text in texts]


def _roles(settings: Settings, everywhere: str, projects: Sequence[str]) -> Iterator[str]:
    for role in (SERVICE, ANALYST, *map(project_role, projects)):
        yield f"CREATE ROLE IF NOT EXISTS {_name(role)}{everywhere}"
    yield f"GRANT{everywhere} SELECT, INSERT, ALTER, CREATE, DROP VIEW ON {DATABASE}.* TO {SERVICE}"
    yield f"GRANT{everywhere} KILL QUERY, CLUSTER ON *.* TO {SERVICE}"
    yield f"GRANT{everywhere} SELECT ON system.* TO {SERVICE}"
    yield f"GRANT{everywhere} SELECT ON {DATABASE}.* TO {ANALYST}"
    limits = {
        "max_execution_time": f"{settings.query_timeout:g}",
        "max_memory_usage": str(settings.query_memory_bytes),
        "max_result_rows": str(settings.sql_max_rows),
    }
    limited = ", ".join(f"{name} = {value} MAX {value}" for name, value in limits.items())
    yield f"CREATE SETTINGS PROFILE OR REPLACE {ANALYST}{everywhere} SETTINGS {limited}, readonly = 2 READONLY TO {ANALYST}"
    yield (
        f"CREATE QUOTA OR REPLACE {ANALYST}{everywhere} KEYED BY user_name"
        f" FOR INTERVAL 1 hour MAX queries = {QUERIES_PER_HOUR}, execution_time = {SECONDS_PER_HOUR} TO {ANALYST}"
    )


def _policies(cluster: str, everywhere: str, projects: Sequence[str]) -> Iterator[str]:
    """A table with a policy shows nothing to whoever has none: so the service has one that shows everything."""
    for table in tenant_tables(cluster):
        where = f"{everywhere} ON {DATABASE}.{table}"
        yield f"CREATE ROW POLICY OR REPLACE {SERVICE}{where} USING 1 TO {SERVICE}"
        for project in projects:
            role = _name(project_role(project))
            yield f"CREATE ROW POLICY OR REPLACE {role}{where} USING project = {_text(project)} TO {role}"


def tenant_tables(cluster: str = "") -> list[str]:
    """Every table with rows of projects, on a cluster the shards' and the distributed ones."""
    made = {found[1]: found[2] for text in everything(cluster) if (found := _CREATE.search(text))}
    tables = sorted(name for name, columns in made.items() if re.search(r"^\s*project |[, ]project ", columns, re.MULTILINE))
    if not cluster:
        return tables
    return sorted({*tables, *(name.removesuffix("_local") for name in tables)})


def _name(text: str) -> str:
    return text if re.fullmatch(r"\w+", text, re.ASCII) else "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
