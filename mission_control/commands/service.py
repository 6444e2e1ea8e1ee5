"""`service`: Mission Control started by the machine itself."""

from typing import Final

import typer

from mission_control.commands.output import write_json
from mission_control.commands.target import Json
from mission_control.commands.up import DataDir, GrpcPort, Host, HttpPort, Port, SqlPort
from mission_control.service import Service, ServiceStatus, installed_command, supervisor
from schemas.settings import load_settings

app: Final = typer.Typer(no_args_is_help=True, help="Run `up` as a service of this user: systemd on Linux, launchd on macOS.")


@app.command()
def install(
    data: DataDir = None,
    host: Host = None,
    port: Port = None,
    otlp_grpc_port: GrpcPort = None,
    otlp_http_port: HttpPort = None,
    sql_port: SqlPort = None,
    as_json: Json = False,
) -> None:
    """Start it now, after each crash, and when the user's session begins; safe to repeat."""
    settings = load_settings(
        data_dir=data, host=host, port=port, otlp_grpc_port=otlp_grpc_port, otlp_http_port=otlp_http_port, sql_port=sql_port
    )
    given = {
        "--host": host,
        "--port": port,
        "--otlp-grpc-port": otlp_grpc_port,
        "--otlp-http-port": otlp_http_port,
        "--sql-port": sql_port,
    }
    words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    service = Service(installed_command(), settings.data_dir.expanduser().absolute(), tuple(words))
    _show(supervisor().install(service), as_json)


@app.command()
def uninstall(as_json: Json = False) -> None:
    """Stop it and forget it; its data stay."""
    _show(supervisor().uninstall(), as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """Say whether it is installed and runs, and how to read its log."""
    _show(supervisor().status(), as_json)


def _show(found: ServiceStatus, as_json: bool) -> None:
    if as_json:
        write_json({"file": str(found.file), "installed": found.installed, "running": found.running, "logs": found.logs})
        return
    state = "running" if found.running else "installed, but not running" if found.installed else "not installed"
    typer.echo(f"{state}\nfile  {found.file}\nlogs  {found.logs}" if found.installed else f"{state} ({found.file})")
