"""Commits between processes: processors say what became visible in the store, servers hand it to their clients.

A message is a JSON list of events; what it belongs to is in one header, so that nobody parses what nobody wants.
"""

import logging
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import orjson

from pipeline.log.kafka import KafkaLog
from pipeline.log.kafka_split import PART_BYTES
from schemas.errors import LogUnavailableError, MalformedRequestError, MissionControlError
from schemas.events import EVENTS_VERSION, EVERYTHING, Commit, Event, Interest
from schemas.ports import CommitListener, Record
from schemas.topics import COMMITS, SIGNALS

COMMIT_HEADER: Final = "mission_control.commit"
WAITING: Final = 256
"""Commits that wait to be sent: beyond that the oldest go without their events, and clients find them in the tables."""
RETRY_SECONDS: Final = 0.5
POLL_SECONDS: Final = 0.25
_FILTERED: Final = ("step", "message")
logger = logging.getLogger(__name__)


class EventsLostError(MissionControlError):
    """The events of a commit were not sent: who listens finds them in the tables."""


def encode(commit: Commit) -> Iterator[tuple[bytes, str]]:
    """Values and headers of the messages of one commit; the last one says how far the store is."""
    parts: list[list[bytes]] = [[]]
    size = 0
    for event in commit.events(EVERYTHING):
        text = orjson.dumps(event, default=_plain)
        if parts[-1] and size + len(text) > PART_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(text)
        size += len(text) + 1
    for number, part in enumerate(parts, 1):
        offsets = {str(key): offset for key, offset in commit.offsets.items()} if number == len(parts) else {}
        header = {"version": commit.version, "topic": commit.topic, "offsets": offsets}
        yield b"[" + b",".join(part) + b"]", orjson.dumps(header).decode()


def _plain(value: Any) -> Any:
    """What the encoder does not know."""
    return dict(value) if isinstance(value, Mapping) else str(value)


def decode(record: Record) -> Commit | None:
    """None for a version that we do not know, and for what is no commit."""
    try:
        header = orjson.loads(record.headers[COMMIT_HEADER])
        known = header["version"] <= EVENTS_VERSION
        offsets = {int(key): int(offset) for key, offset in header["offsets"].items()}
        topic = str(header["topic"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        logger.warning("no commit", extra={"offset": record.offset, "error": repr(error)})
        return None
    if not known:
        logger.warning("a commit of a later version is left out; update this server", extra={"version": header["version"]})
        return None

    def events(interest: Interest) -> Sequence[Event]:
        if not record.value:
            raise EventsLostError
        found = (_event(one) for one in orjson.loads(record.value))
        return [one for one in found if one.type not in _FILTERED or interest.wants(one.project, one.thread_id, one.mcp_id)]

    return Commit(topic, offsets, events, header["version"])


def _event(given: dict[str, Any]) -> Event:
    return Event(**given)


class CommitPublisher:
    """A CommitListener that writes to the commits topic. `run` on a thread of its own."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log
        self._waiting: queue.SimpleQueue[Commit | None] = queue.SimpleQueue()

    def publish(self, commit: Commit) -> None:
        self._waiting.put(commit)

    def run(self) -> None:
        """Until `close`; what waits then is sent, if the brokers take it."""
        while (commit := self._waiting.get()) is not None:
            self._send(self._messages(commit))

    def close(self) -> None:
        self._waiting.put(None)

    def _messages(self, commit: Commit) -> list[tuple[bytes, str]]:
        if self._waiting.qsize() <= WAITING:
            try:
                return list(encode(commit))
            except Exception:
                logger.exception("the events of a commit cannot be told", extra={"topic": commit.topic})
        (_, header), *_ = encode(Commit(commit.topic, commit.offsets, lambda _: ()))
        return [(b"", header)]

    def _send(self, messages: Sequence[tuple[bytes, str]]) -> None:
        """One after the other: their order is what cursors rely on."""
        for value, header in messages:
            for patience in range(10, -1, -1):
                try:
                    self._log.put(COMMITS, value, {COMMIT_HEADER: header})
                    break
                except MalformedRequestError as error:
                    logger.warning("an event is too large to be told", extra={"error": str(error)})
                    break
                except LogUnavailableError as error:
                    if not patience:
                        logger.warning("a commit is not told", extra={"error": str(error)})


class Starts(CommitListener, Protocol):
    """Who keeps cursors: is told where the processors are before the first commit (the hub)."""

    def start_at(self, topic: str, offsets: dict[int, int]) -> None: ...


class CommitFeed:
    """Hands what processors publish to a listener in this process. `run` on a thread of its own."""

    def __init__(self, log: KafkaLog, listener: Starts) -> None:
        self._log, self._listener = log, listener
        self._tail = log.tail(COMMITS)
        self._told = False

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            records = self._tail.poll(POLL_SECONDS)
            if not self._told and self._tail.is_open:
                self._tell()
            for commit in map(decode, records):
                if commit is not None:
                    self._listener.publish(commit)
        self._tail.close()

    def check(self) -> str:
        """For /ready."""
        return "" if self._told else "not connected to the commits topic: no live updates"

    def _tell(self) -> None:
        """After the tail has its place: a commit in between comes as an event as well, and changes nothing."""
        try:
            places = {topic: self._log.committed(topic) for topic in SIGNALS}
        except LogUnavailableError as error:
            logger.warning("where the processors are is not known yet", extra={"error": str(error)})
            return
        for topic, offsets in places.items():
            self._listener.start_at(topic, offsets)
        self._told = True
