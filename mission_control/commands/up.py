"""`up`: the whole system. The rooms are imported when it runs, so that every other command starts at once."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.settings import load_settings

Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Console, API and WebSocket; 0 takes any free port. [8000]")]
GrpcPort = Annotated[int | None, typer.Option("--otlp-grpc-port", min=0, max=65535, help="OTLP over gRPC; 0 takes any free port. [4317]")]
HttpPort = Annotated[int | None, typer.Option("--otlp-http-port", min=0, max=65535, help="OTLP over HTTP; 0 takes any free port. [4318]")]
SqlPort = Annotated[int | None, typer.Option("--sql-port", min=0, max=65535, help="SQL over HTTP; 0 takes any free port. [8123]")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on; anything but loopback needs an API key. [127.0.0.1]")]
DataDir = Annotated[Path | None, typer.Option("--data", help="Where the log, the store and run.json live.")]


def up(
    demo: Annotated[bool, typer.Option("--demo", help="Start the demo fleet too; it works in project demo.")] = False,
    data: DataDir = None,
    host: Host = None,
    port: Port = None,
    otlp_grpc_port: GrpcPort = None,
    otlp_http_port: HttpPort = None,
    sql_port: SqlPort = None,
) -> None:
    """Run the whole system in this process until Ctrl-C or SIGTERM."""
    settings = load_settings(
        data_dir=data and data.expanduser().absolute(),
        host=host,
        port=port,
        otlp_grpc_port=otlp_grpc_port,
        otlp_http_port=otlp_http_port,
        sql_port=sql_port,
    )
    from mission_control.app import run

    leave(run(settings, demo=demo))


def leave(code: int) -> None:
    """Without the interpreter's own shutdown, in which the engine can crash."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
