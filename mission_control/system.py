"""The parts of one process, whatever its role: what collects, what processes, what serves, wired by constructor."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from collectors.keys import KnownKeys
from collectors.receive import Receiver
from control.app import create_app
from control.auth import Doorkeeper
from control.commands import Commands
from control.hub import Hub
from control.probes import Check, probes_app
from mission_control.archiving import Archiving
from mission_control.backups import Backups
from mission_control.doors import Doors
from mission_control.live import Live
from mission_control.opening import Log
from mission_control.operator import audited, operator_commands
from mission_control.own_metrics import OwnMetrics
from mission_control.processing import Processing
from mission_control.roles import UP, Role
from mission_control.runfile import RunInfo
from mission_control.sender_keys import SenderKeys, key_commands
from mission_control.store_figures import StoreFigures
from pipeline.log import LocalLog
from schemas.metrics import Metrics
from schemas.settings import Settings
from schemas.store import ClickHouseStore

CONSOLE: Final = Path(__file__).parent.parent / "console"
KILL_INTERVAL: Final = 0.2


@dataclass(frozen=True, slots=True)
class Parts:
    """What outlives the event loop. `store` is None where the role needs none."""

    log: Log
    store: ClickHouseStore | None
    metrics: Metrics
    doors: Doors


class System:
    """Made inside the event loop of the process."""

    def __init__(self, settings: Settings, role: Role, parts: Parts, hub: Hub, live: Live, keys: SenderKeys) -> None:
        log, store, metrics = parts.log, parts.store, parts.metrics
        self._settings, self._role, self._log, self._store = settings, role, log, store
        self._hub, self._live, self._keys, self._metrics, self._doors = hub, live, keys, metrics, parts.doors
        self._token = settings.api_key.get_secret_value() or secrets.token_urlsafe(32)
        self._keeper = Doorkeeper(self._token)
        self._processing = Processing(log, store, live.listener, metrics, settings) if role.processes and store is not None else None
        alone = store if role is UP else None
        self._backups = Backups(alone, settings) if alone is not None and log.owned is not None else None
        self._archiving = Archiving(alone, settings) if alone is not None else None
        self._endpoints: dict[str, str] = {}
        self._killing: asyncio.Task[None] | None = None

    def begin(self, on_death: Callable[[], None]) -> None:
        """Start the threads. `on_death` is called from the one that dies."""
        if self._archiving is not None:
            self._archiving.start()
        if (processing := self._processing) is not None:
            processing.on_death = on_death
            if self._log.owned is not None:
                for topic, offsets in processing.committed().items():
                    self._hub.start_at(topic, offsets)
            processing.start()

    async def open(self, stack: contextlib.AsyncExitStack) -> RunInfo:
        """Every port of the role. When `stack` closes, collectors end first, then what processes, last those who only read."""
        stack.callback(self._stop_killing)
        console = await stack.enter_async_context(self._doors.control(self._app()))
        info = RunInfo(os.getpid(), console=console, token=self._token, certificate=self._doors.certificate)
        if self._role.serves and self._store is not None:
            sql = await stack.enter_async_context(self._doors.sql(self._store, self._metrics))
            info = replace(info, sql=sql, login_url=f"{info.console}/login?code={self._keeper.mint_code()}")
        stack.callback(self._start_killing)
        stack.push_async_callback(self.end)
        if self._store is not None:
            await stack.enter_async_context(StoreFigures(self._store, self._metrics).kept())
        own = OwnMetrics(self._log.writer(), self._metrics.registry, self._settings, self._role.name)
        await stack.enter_async_context(own.sent())
        if self._role.collects:
            receiver = Receiver(self._log.writer(), self._settings, self._metrics, keys=KnownKeys.of(self._settings, self._keys.book))
            stack.callback(receiver.close)
            otlp_http, otlp_grpc = await stack.enter_async_context(self._doors.collector(receiver))
            self._endpoints |= {"otlp_http": otlp_http, "otlp_grpc": otlp_grpc}
            info = replace(info, otlp_http=otlp_http, otlp_grpc=otlp_grpc)
        return info

    async def end(self) -> None:
        """Finish what was accepted. Safe to repeat."""
        for part in (self._processing, self._backups, self._archiving):
            if part is not None:
                await asyncio.to_thread(part.stop)
        self._processing = self._backups = self._archiving = None

    def _app(self) -> ASGIApp:
        if not self._role.serves or self._store is None:
            return probes_app(self._checks(), self._metrics, self._settings)
        return create_app(
            self._store,
            self._hub,
            self._settings,
            self._token,
            self._checks(),
            self._metrics,
            CONSOLE,
            self._keeper,
            self._commands(self._store),
            self._endpoints,
            self._log.writer(),
        )

    def _commands(self, store: ClickHouseStore) -> Commands:
        return {
            **operator_commands(store, None if self._processing is None else self._processing.rebuild),
            **key_commands(self._keys, partial(audited, store)),
            **({} if self._backups is None else self._backups.commands()),
            **({} if self._archiving is None else self._archiving.commands()),
        }

    def _checks(self) -> dict[str, Check]:
        """What /ready asks."""
        checks: dict[str, Check] = {}
        if self._processing is not None:
            checks |= {"pipeline": self._processing.check, "log": self._processing.backlog}
        if not isinstance(self._log, LocalLog):
            checks["kafka"] = self._log.check
            if self._role.collects:
                checks["keys"] = self._keys.check
            if self._role.serves:
                checks["live"] = self._live.check
        return checks

    def _start_killing(self) -> None:
        if self._store is not None:
            self._killing = asyncio.create_task(_kill_queries(self._store))

    def _stop_killing(self) -> None:
        if self._killing is not None:
            self._killing.cancel()


async def _kill_queries(store: ClickHouseStore) -> None:
    """People's queries while the servers end: they would hold them up, and the engine crashes when the process leaves under them."""
    while True:
        await asyncio.to_thread(store.kill_queries)
        await asyncio.sleep(KILL_INTERVAL)
