"""Our own log lines: on stderr, JSON for programs and text for people, and to Sentry where configured.

A message is the name of an event in plain words, always the same for the same event; what varies are fields:
`log.info("batch inserted", extra={"table": "spans", "rows": 10})`. Each field becomes a key of the JSON line.
"""

import asyncio
import importlib
import json
import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO

from schemas.errors import SettingsError
from schemas.settings import Settings

log = logging.getLogger(__name__)

_OWN: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
_QUIET: Final = ("httpx", "httpcore", "uvicorn.access", "uvicorn.error")
"""They log every request or connection; we count those in metrics."""


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Called once, by the command: all loggers write to `stream` (default: stderr), uncaught exceptions too."""
    target = sys.stderr if stream is None else stream
    text = target.isatty() if settings.log_format == "auto" else settings.log_format == "text"
    handler = logging.StreamHandler(target)
    handler.setFormatter(TextLines() if text else JsonLines())
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    _log_uncaught()


def configure_sentry(settings: Settings) -> None:
    """Sends errors to Sentry when sentry_dsn is set; raises SettingsError when its package is not installed."""
    dsn = settings.sentry_dsn.get_secret_value()
    if not dsn:
        return
    try:
        sentry = importlib.import_module("sentry_sdk")
    except ImportError as error:
        raise SettingsError("sentry_dsn", "is set, but the package is missing: install mission-control[sentry]") from error
    sentry.init(dsn=dsn, send_default_pii=False, include_local_variables=False)


class JsonLines(logging.Formatter):
    """One JSON object a line: timestamp (UTC), level, logger, event, the event's fields, exception."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"timestamp": _timestamp(record), "level": record.levelname, "logger": record.name, "event": record.getMessage()}
        fields = {key: value for key, value in fields_of(record).items() if key not in line}
        trace = _trace(record)
        return json.dumps({**line, **fields, **({"exception": trace} if trace else {})}, default=str, ensure_ascii=False)


class TextLines(logging.Formatter):
    """`12:00:01.250 INFO    pipeline.write: batch inserted rows=10 table=spans`, in local time."""

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(f" {key}={_shown(value)}" for key, value in fields_of(record).items())
        trace = _trace(record)
        return f"{clock} {record.levelname:<7} {record.name}: {record.getMessage()}{fields}" + (f"\n{trace}" if trace else "")


def fields_of(record: logging.LogRecord) -> Mapping[str, Any]:
    """What was passed as `extra`."""
    return {key: value for key, value in record.__dict__.items() if key not in _OWN and key != "color_message"}


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[0] is not None:
        return "".join(traceback.format_exception(*record.exc_info)).rstrip()
    return record.exc_text or ""


def _shown(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(mark in text for mark in ' "=\n') else text


def _log_uncaught() -> None:
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("uncaught exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        name = args.thread.name if args.thread else ""
        log.critical("uncaught exception", exc_info=(args.exc_type, args.exc_value, args.exc_traceback), extra={"thread_name": name})


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    extra = {"object": repr(args.object), "problem": args.err_msg or ""}
    if args.exc_value is None:
        log.error("exception ignored", extra=extra)
    else:
        log.error("exception ignored", exc_info=(args.exc_type, args.exc_value, args.exc_traceback), extra=extra)


def log_loop_errors(loop: asyncio.AbstractEventLoop) -> None:
    """What tasks raise and nobody awaits is logged as an event, like every other uncaught exception."""
    loop.set_exception_handler(_loop_error)


def _loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001  asyncio's signature
    error = context.get("exception")
    log.error("uncaught exception in event loop", exc_info=error, extra={"problem": str(context.get("message", ""))})
