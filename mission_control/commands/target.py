"""How client commands find the running system, and the options they share."""

import os
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from mission_control.client import Api, Target
from mission_control.errors import NothingRunningError
from mission_control.runfile import RunInfo, read_run_file
from mission_control.trust import client_context
from schemas.errors import SettingsError
from schemas.settings import Settings, load_settings

URL: Final = "MISSION_CONTROL_URL"
TOKEN: Final = "MISSION_CONTROL_TOKEN"

Url = Annotated[str, typer.Option("--url", help="URL of the running system; else MISSION_CONTROL_URL, else run.json says it.")]
Token = Annotated[str, typer.Option("--token", help="Its token or API key; else MISSION_CONTROL_TOKEN, else run.json says it.")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory whose run.json tells where the system is.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")]
Project = Annotated[str, typer.Option("--project", help="Name of a project; * for all of them.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Show at most this many.")]


def connect(url: str, token: str, data: Path | None) -> Api:
    return Api(find(url, token, data))


def find(url: str, token: str, data: Path | None) -> Target:
    """By option, then environment, then run.json. Raises NothingRunningError."""
    settings = load_settings(data_dir=data)
    url = (url or os.environ.get(URL, "")).rstrip("/")
    token = token or os.environ.get(TOKEN, "")
    info = read_run_file(settings.data_dir)
    if url and (info is None or info.console != url):
        return _elsewhere(url, token, settings)
    if info is None or not info.console:
        raise NothingRunningError(settings.data_dir)
    return of_run_file(info, token, settings)


def of_run_file(info: RunInfo, token: str, settings: Settings) -> Target:
    tls = client_context(settings, info.certificate) if info.console.startswith("https:") else None
    return Target(info.console, token or info.token, info.sql, info.otlp_http, info.otlp_grpc, settings.api_key.get_secret_value(), tls)


def _elsewhere(url: str, token: str, settings: Settings) -> Target:
    """Only the console's address is known; the other ports are those of the settings, on the same host. Raises SettingsError."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        name = parts.hostname or ""
    except ValueError as error:
        raise SettingsError("url", f"{url!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not name:
        raise SettingsError("url", f"{url!r} is no URL like http://127.0.0.1:8000")
    host = f"[{name}]" if ":" in name else name
    sql, http, grpc = (f"{parts.scheme}://{host}:{port}" for port in (settings.sql_port, settings.otlp_http_port, settings.otlp_grpc_port))
    tls = client_context(settings) if parts.scheme == "https" else None
    return Target(parts.geturl(), token, sql, http, grpc, settings.api_key.get_secret_value(), tls)
