"""`collect`, `process`, `serve`: the parts of a system that is larger than one process. The rooms are imported when one runs."""

from typing import Any

from mission_control.commands.up import DataDir, GrpcPort, Host, HttpPort, Port, SqlPort, leave
from schemas.settings import load_settings


def collect(
    data: DataDir = None, host: Host = None, port: Port = None, otlp_grpc_port: GrpcPort = None, otlp_http_port: HttpPort = None
) -> None:
    """Take OTLP into Kafka, until Ctrl-C or SIGTERM; run as many as wanted."""
    _run("collect", data=data, host=host, port=port, otlp_grpc_port=otlp_grpc_port, otlp_http_port=otlp_http_port)


def process(data: DataDir = None, host: Host = None, port: Port = None) -> None:
    """Bring what Kafka holds into ClickHouse, until Ctrl-C or SIGTERM; as many as there are partitions."""
    _run("process", data=data, host=host, port=port)


def serve(data: DataDir = None, host: Host = None, port: Port = None, sql_port: SqlPort = None) -> None:
    """Serve the console, the API and SQL from ClickHouse, until Ctrl-C or SIGTERM; run as many as wanted."""
    _run("serve", data=data, host=host, port=port, sql_port=sql_port)


def _run(name: str, **options: Any) -> None:
    data = options.pop("data")
    settings = load_settings(data_dir=data and data.expanduser().absolute(), **options)
    from mission_control import roles
    from mission_control.app import run

    role = {role.name: role for role in (roles.COLLECT, roles.PROCESS, roles.SERVE)}[name]
    leave(run(settings, role=role))
