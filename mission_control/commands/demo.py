"""`demo`: the demo fleet against a running system."""

import os
import signal
import subprocess
import sys
from types import FrameType
from typing import Annotated, Final
from urllib.parse import quote

import typer

from mission_control.client import Target
from mission_control.commands.target import Data, Token, Url, connect
from mission_control.errors import CommandError
from mission_control.trust import exporter_variables
from schemas.settings import load_settings

PROJECT: Final = "demo"
STOP_SECONDS: Final = 5.0


def demo(
    clear: Annotated[bool, typer.Option("--clear", help="Remove everything of project demo instead.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same day.")] = 7,
    speed: Annotated[float, typer.Option("--speed", min=0.1, help="2 is twice as fast.")] = 1.0,
    duration: Annotated[float | None, typer.Option("--duration", min=0, help="Seconds; else until Ctrl-C.")] = None,
    url: Url = "",
    token: Token = "",
    data: Data = None,
) -> None:
    """Run the demo fleet: agents and MCP servers that work in project demo."""
    from mission_control.commands.socket import order

    with connect(url, token, data) as api:
        if clear:
            order(api.target, "demo.clear", {})
            typer.echo(f"project {PROJECT} is empty")
            return
        target = api.target
    if not target.otlp_http:
        raise CommandError(f"the system at {target.console} takes no OTLP over HTTP")
    options = ["--seed", str(seed), "--speed", str(speed), *(["--duration", str(duration)] if duration is not None else [])]
    variables = {**exporter_variables(load_settings(data_dir=data)), **environment(target)}
    raise typer.Exit(run([sys.executable, "-m", "demo", "--endpoint", target.otlp_http, *options], variables))


def environment(target: Target) -> dict[str, str]:
    """The fleet's exporters read the key from OpenTelemetry's own variable."""
    if not target.key:
        return dict(os.environ)
    return {**os.environ, "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={quote(f'Bearer {target.key}')}"}


def run(command: list[str], variables: dict[str, str]) -> int:
    """Its exit status; 0 when it ended because we were told to."""
    process = subprocess.Popen(command, env=variables)
    told = False

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  the handler's signature
        nonlocal told
        told = True
        process.terminate()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        code = process.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 0 if told else code
