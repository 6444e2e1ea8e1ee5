"""`migrate`: everything outside this process that must be there before the roles start."""

from typing import Annotated

import typer

from mission_control.commands.up import DataDir, leave
from schemas.settings import Settings, load_settings

Cluster = Annotated[
    str | None, typer.Option("--cluster", metavar="NAME", help="Replicated and distributed tables on all nodes of this ClickHouse cluster.")
]
SingleNode = Annotated[bool, typer.Option("--single-node", help="Accept Kafka topics that one broker's death can take along.")]
Access = Annotated[
    list[str] | None,
    typer.Option("--access", metavar="PROJECT", help="Only print roles, row policies and quotas for direct access; may be repeated."),
]


def migrate(data: DataDir = None, cluster: Cluster = None, single_node: SingleNode = False, access: Access = None) -> None:
    """Make or check Kafka's topics, and bring the store's schema up to date, forward only; `up` does the latter when it starts."""
    settings = load_settings(data_dir=data and data.expanduser().absolute(), clickhouse_cluster=cluster)
    if access:
        from schemas.migrate_access import access_statements

        typer.echo(";\n".join(access_statements(settings, access)) + ";")
        return
    if settings.uses_kafka:
        typer.echo(topics_up_to_date(settings, single_node))
    typer.echo(store_up_to_date(settings))
    leave(0)


def topics_up_to_date(settings: Settings, single_node: bool) -> str:
    """Returns what was done, for people. Raises UnsafeTopicError, LogUnavailableError."""
    from mission_control.opening import kafka_connection, topic_plan
    from pipeline.log.kafka_outage import quiet_client
    from pipeline.log.kafka_topics import ensure_topics

    quiet_client()
    made = ensure_topics(kafka_connection(settings), topic_plan(settings, single_node))
    return "the Kafka topics are up to date" + (f"; made: {', '.join(made)}" if made else "")


def store_up_to_date(settings: Settings) -> str:
    """Tables and views of the store that the settings choose; returns what was done, for people."""
    from schemas.migrate import migrate as bring_up_to_date
    from schemas.store import create_database, open_store

    remote = bool(settings.clickhouse_url.get_secret_value())
    if remote:
        create_database(settings)
    else:
        _keep_others_out(settings)
    store = open_store(settings)
    try:
        done = bring_up_to_date(store, settings.clickhouse_cluster if remote else "")
    finally:
        store.close()
    place = "the ClickHouse server" if remote else f"the store in {settings.data_dir}"
    return f"{place} is up to date" + (f"; applied: {', '.join(done)}" if done else "")


def _keep_others_out(settings: Settings) -> None:
    """Before the store is touched: opening it tidies up, which a running system would not survive."""
    from pipeline.log.files import lock_directory

    log = settings.data_dir / "log"
    log.mkdir(parents=True, exist_ok=True)
    lock_directory(log)
