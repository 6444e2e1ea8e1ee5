"""What our own log lines look like, and that nothing that goes wrong stays off them."""

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import SettingsError
from schemas.settings import load_settings
from schemas.telemetry import JsonLines, TextLines, configure_logging, configure_sentry, log_loop_errors


@pytest.fixture
def restored() -> Iterator[None]:
    """The process' logging and hooks, as they were."""
    root, hooks = logging.getLogger(), (sys.excepthook, sys.unraisablehook)
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def record(**extra: Any) -> logging.LogRecord:
    return logging.getLogger("pipeline.write").makeRecord(
        "pipeline.write", logging.INFO, "f.py", 1, "batch %s", ("inserted",), None, extra=extra
    )


def test_json_line() -> None:
    line = json.loads(JsonLines().format(record(rows=10, table="späns", path=Path("a"))))
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "INFO", "logger": "pipeline.write", "event": "batch inserted", "rows": 10, "table": "späns", "path": "a"}


def test_fields_do_not_replace_what_every_line_has() -> None:
    assert json.loads(JsonLines().format(record(event="x", level="y")))["event"] == "batch inserted"


def test_text_line_quotes_what_is_not_one_word() -> None:
    line = TextLines().format(record(rows=10, why="two words", empty=""))
    assert line[12:] == ' INFO    pipeline.write: batch inserted rows=10 why="two words" empty=""'


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()])
def test_exceptions_are_shown(formatter: logging.Formatter) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        failed = logging.LogRecord("a", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
    assert "ValueError: broken" in formatter.format(failed)
    assert "\n" not in JsonLines().format(failed)


@pytest.mark.parametrize(
    ("log_format", "stream", "is_json"),
    [("auto", io.StringIO(), True), ("auto", Terminal(), False), ("json", Terminal(), True), ("text", io.StringIO(), False)],
)
@pytest.mark.usefixtures("restored")
def test_format_and_level_follow_settings(log_format: Any, stream: io.StringIO, is_json: bool) -> None:
    configure_logging(load_settings(log_format=log_format, log_level="WARNING"), stream)
    logging.getLogger("a").info("not said")
    logging.getLogger("a").warning("said", extra={"n": 1})
    assert stream.getvalue().startswith("{") is is_json
    assert stream.getvalue().count("said") == 1


@pytest.mark.usefixtures("restored")
async def test_errors_of_the_event_loop_are_logged() -> None:
    stream = io.StringIO()
    configure_logging(load_settings(log_format="json"), stream)
    loop = asyncio.get_running_loop()
    log_loop_errors(loop)
    loop.call_exception_handler({"message": "task died", "exception": ValueError("broken")})
    line = json.loads(stream.getvalue())
    assert (line["event"], line["problem"]) == ("uncaught exception in event loop", "task died")
    assert "ValueError: broken" in line["exception"]


HEAD = """
import sys, threading, types, warnings
from schemas.settings import Settings
from schemas.telemetry import configure_logging
configure_logging(Settings())
"""
CRASHES = {
    "main": ("raise ValueError('broken')", 1),
    "thread": ("t = threading.Thread(target=int, args=('broken',), name='worker'); t.start(); t.join()", 0),
    "finalizer": ("class A:\n    def __del__(self): raise ValueError('broken')\nA()", 0),
    "warning": ("warnings.warn('broken')", 0),
    "unraisable without exception": ("sys.unraisablehook(types.SimpleNamespace(exc_value=None, err_msg='broken', object=1))", 0),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_whatever_nobody_catches_is_a_json_line(crash: str) -> None:
    code, status = CRASHES[crash]
    done = subprocess.run([sys.executable, "-c", HEAD + code], capture_output=True, text=True, check=False)
    assert done.returncode == status
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert len(lines) == 1
    assert "broken" in done.stderr


def test_interrupts_and_exits_are_not_errors() -> None:
    code = HEAD + "t = threading.Thread(target=sys.exit); t.start(); t.join()\nraise KeyboardInterrupt"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "uncaught" not in done.stderr
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")


def test_sentry_is_off_without_dsn() -> None:
    configure_sentry(load_settings())


def test_sentry_without_its_package_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(SettingsError, match=r"sentry_dsn: .*mission-control\[sentry\]"):
        configure_sentry(load_settings(sentry_dsn="https://k@sentry.example/1"))


def test_sentry_gets_the_dsn_and_no_personal_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sentry_sdk.py").write_text("given = {}\ndef init(**options): given.update(options)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sentry_sdk", raising=False)
    configure_sentry(load_settings(sentry_dsn="https://k@sentry.example/1"))
    given = sys.modules.pop("sentry_sdk").given
    assert given == {"dsn": "https://k@sentry.example/1", "send_default_pii": False, "include_local_variables": False}
