"""One WebSocket client: its subscriptions, and an answer to each of its messages."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from control import times
from control.channels import BadFilterError, UnknownChannelError, log_filter, parse
from control.commands import BadArgumentsError, Commands
from control.errors import ControlError
from control.hub import Hub, cursor_of
from control.outbox import Outbox
from control.position import BadCursorError, decode
from control.replay import TooMuchError
from control.subscription import Subscription, render
from schemas.events import Event

MOST_SUBSCRIPTIONS: Final = 500
LONGEST_MESSAGE: Final = 64 * 1024
SNAPSHOT_ITEMS: Final = 100
log = logging.getLogger(__name__)
Ask = Callable[[str], Awaitable[tuple[int, bytes]]]
"""Answers a GET path of the API with status and body."""


class RefusedError(ValueError):
    """The client's message cannot be followed; the text says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """A client's message, its outer shape checked."""

    type: str
    channel: str
    request_id: Any
    since: str
    payload: Mapping[str, Any]

    def filter(self) -> Mapping[str, Any]:
        given = self.payload.get("filter", {})
        if not isinstance(given, dict):
            raise RefusedError("payload.filter is an object")
        return given

    def limit(self) -> int:
        limit = self.payload.get("limit", SNAPSHOT_ITEMS)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= 1000:
            raise RefusedError("payload.limit is a number from 1 to 1000")
        return limit


class Client:
    def __init__(self, hub: Hub, outbox: Outbox, ask: Ask, commands: Commands | None = None) -> None:
        self._hub = hub
        self._outbox = outbox
        self._ask = ask
        self._commands = commands or {}
        self._subscriptions: dict[str, Subscription] = {}
        self._handlers: dict[str, Callable[[Message], Awaitable[None]]] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "query": self._query,
            "command": self._command,
            "ping": self._ping,
        }

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(self._handlers)

    async def handle(self, text: str | bytes) -> str:
        """Answer one message; whatever is wrong with it becomes an `error` message. Returns its type, `refused` or `failed`."""
        request_id = None
        try:
            given = _load(text)
            request_id = given.get("request_id")
            message = _shape(given, self.kinds)
            await self._handlers[message.type](message)
        except (RefusedError, UnknownChannelError, BadFilterError, BadCursorError, ControlError) as error:
            self._say("error", request_id, payload={"reason": str(error)})
            return "refused"
        except Exception:
            log.exception("a WebSocket message could not be answered")
            self._say("error", request_id, payload={"reason": "this is our fault; our log says more"})
            return "failed"
        return message.type

    def close(self) -> None:
        for subscription in self._subscriptions.values():
            self._hub.remove(subscription)
        self._subscriptions.clear()

    async def _subscribe(self, message: Message) -> None:
        channel = parse(message.channel)
        wanted = log_filter(channel, message.filter()) if channel.kind == "logs" else None
        limit = message.limit()
        since = decode(message.since) if message.since else None
        if len(self._subscriptions) >= MOST_SUBSCRIPTIONS and channel.label not in self._subscriptions:
            raise RefusedError(f"{MOST_SUBSCRIPTIONS} channels are the most for one connection; unsubscribe from some")
        self._drop(channel.label)
        subscription = Subscription(channel, wanted, self._outbox, cursor_of(self._hub.position), held=[])
        # From here on nothing is lost: what is committed while we look back gathers in `held`.
        self._hub.add(subscription)
        self._subscriptions[channel.label] = subscription
        try:
            missed = await self._missed(subscription, *since) if since else None
            if missed is None:
                await self._send_snapshot(message, subscription, limit, resumed_too_late=since is not None)
            else:
                self._send_missed(message, subscription, missed)
        except BaseException:
            self._drop(channel.label)
            raise
        subscription.release()

    async def _missed(self, subscription: Subscription, since: Any, seen: int) -> list[tuple[Event, str]] | None:
        """None when it is too old, or too much for the tables to tell in order."""
        recent = self._hub.recall(subscription, since, seen)
        if recent is not None:
            return recent
        try:
            return await self._hub.replay.missed(subscription, since, self._hub.position, self._outbox.room)
        except TooMuchError:
            return None

    def _send_missed(self, message: Message, subscription: Subscription, missed: list[tuple[Event, str]]) -> None:
        """As much as there is room for; the rest is `dropped`, so that the client goes on from the last it got."""
        label = subscription.channel.label
        sent = missed[: max(self._outbox.room, 1)]
        payload = {"resumed": True, "missed": len(sent)}
        self._say("subscribed", message.request_id, channel=label, payload=payload, cursor=message.since)
        for event, cursor in sent:
            self._outbox.say(render(label, event, cursor))
        if len(sent) < len(missed):
            self._outbox.lose(label, len(missed) - len(sent), sent[-1][1])

    async def _send_snapshot(self, message: Message, subscription: Subscription, limit: int, resumed_too_late: bool) -> None:
        channel = subscription.channel
        cursor = subscription.cursor
        snapshot = await self._hub.snapshots.take(channel, subscription.filter, limit)
        subscription.shown.update(record["log_id"] for record in snapshot.get("logs", ()))
        payload = {"resumed": False, "snapshot": snapshot}
        self._say("subscribed", message.request_id, channel=channel.label, payload=payload, cursor=cursor)
        if resumed_too_late:
            lost = {"count": None, "reason": "too much was missed since that cursor; the snapshot shows what there is now"}
            self._say("dropped", message.request_id, channel=channel.label, payload=lost, cursor=cursor)

    async def _unsubscribe(self, message: Message) -> None:
        if message.channel not in self._subscriptions:
            raise RefusedError(f"not subscribed to {message.channel[:200]!r}")
        self._drop(message.channel)
        self._say("unsubscribed", message.request_id, channel=message.channel)

    def _drop(self, label: str) -> None:
        subscription = self._subscriptions.pop(label, None)
        if subscription is not None:
            self._hub.remove(subscription)
            self._outbox.forget(label)

    async def _query(self, message: Message) -> None:
        path = message.payload.get("path")
        if not isinstance(path, str) or not path.startswith("/api/"):
            raise RefusedError('query needs payload.path, a GET of the API like {"path": "/api/threads?status=running"}')
        if path.startswith("/api/logs/export"):
            raise RefusedError("exports come over HTTP only")
        status, body = await self._ask(path)
        self._say("response", message.request_id, payload={"status": status, "body": orjson.Fragment(body or b"null")})

    async def _command(self, message: Message) -> None:
        name, arguments = message.payload.get("name"), message.payload.get("arguments", {})
        command = self._commands.get(name) if isinstance(name, str) else None
        if not isinstance(name, str) or not isinstance(arguments, dict):
            raise RefusedError('a command has a payload like {"name": "rebuild", "arguments": {}}')
        if command is None:
            raise RefusedError(f"there is no command {name[:200]!r}; there are {', '.join(sorted(self._commands)) or 'none here'}")
        try:
            payload = await asyncio.to_thread(command, arguments)
        except BadArgumentsError as error:
            raise RefusedError(str(error)) from error
        self._say("response", message.request_id, payload=payload)

    async def _ping(self, message: Message) -> None:
        self._say("pong", message.request_id)

    def _say(self, kind: str, request_id: Any, **more: Any) -> None:
        message = {"type": kind, **more, "timestamp": times.iso(times.now_ns())}
        if request_id is not None:
            message["request_id"] = request_id
        self._outbox.say(orjson.dumps(message).decode())


def _load(text: str | bytes) -> dict[str, Any]:
    if len(text) > LONGEST_MESSAGE:
        raise RefusedError(f"a message has at most {LONGEST_MESSAGE} bytes")
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RefusedError(f"the message is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise RefusedError('a message is a JSON object like {"type": "subscribe", "channel": "global"}')
    return given


def _shape(given: Mapping[str, Any], kinds: frozenset[str]) -> Message:
    kind, channel, since, payload = given.get("type"), given.get("channel", ""), given.get("since") or "", given.get("payload") or {}
    if not isinstance(kind, str) or kind not in kinds:
        raise RefusedError(f"type is one of {', '.join(sorted(kinds))}")
    if not isinstance(channel, str) or not isinstance(since, str):
        raise RefusedError("channel and since are strings")
    if kind in ("subscribe", "unsubscribe") and not channel:
        raise RefusedError(f"{kind} needs a channel")
    if not isinstance(payload, dict):
        raise RefusedError("payload is an object")
    extra = {name: given[name] for name in ("filter", "limit", "path") if name in given}
    return Message(kind, channel, given.get("request_id"), since, {**extra, **payload})
