"""`up` and `migrate`: what opens the store. The rooms are imported when these run, so that every other command starts at once."""

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


def migrate(data: DataDir = None) -> None:
    """Bring the store's schema up to date, forward only; `up` does the same when it starts."""
    settings = load_settings(data_dir=data and data.expanduser().absolute())
    from pipeline.log.files import lock_directory
    from schemas.migrate import migrate as bring_up_to_date
    from schemas.store import open_embedded

    log = settings.data_dir / "log"
    log.mkdir(parents=True, exist_ok=True)
    lock_directory(log)  # before the store is touched: opening it tidies up, which a running system would not survive
    store = open_embedded(settings.data_dir / "store", settings.store_memory_bytes, settings.store_cache_bytes)
    try:
        done = bring_up_to_date(store)
    finally:
        store.close()
    typer.echo(f"the store in {settings.data_dir} is up to date" + (f"; applied: {', '.join(done)}" if done else ""))
    leave(0)
