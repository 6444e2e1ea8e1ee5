"""Where in the stream of commits something is, and the cursors that clients keep of it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from schemas.events import Commit


class BadCursorError(ValueError):
    """The text is no cursor of a WebSocket channel."""

    def __init__(self) -> None:
        super().__init__("since is not a cursor of a message; pass one unchanged, or leave it out for a snapshot")


@dataclass(frozen=True, slots=True)
class Position:
    """The state before commit number `commit` of the hub `hub`.

    `offsets` says per topic and partition which record comes next; `time_ns` when the last summary was published.
    They mean the same to every hub over the same log; `commit` only to this one.
    """

    hub: str
    commit: int
    offsets: Mapping[str, Mapping[int, int]]
    time_ns: int
    inside: tuple[str, int, int] | None = None
    """Topic, partition, and how many events of the next record there were seen; only in cursors of a replay."""

    def after(self, commit: Commit, published_ns: int) -> "Position":
        offsets = dict(self.offsets)
        if commit.topic:
            known = offsets.get(commit.topic, {})
            offsets[commit.topic] = {**known, **{part: max(offset, known.get(part, 0)) for part, offset in commit.offsets.items()}}
        return Position(self.hub, self.commit + 1, offsets, self.time_ns if commit.topic else published_ns)

    def at(self, topic: str, partition: int, offset: int, seen: int = 0) -> "Position":
        offsets = {**self.offsets, topic: {**self.offsets.get(topic, {}), partition: offset}}
        return Position(self.hub, -1, offsets, self.time_ns, (topic, partition, seen) if seen else None)

    def at_time(self, time_ns: int) -> "Position":
        return Position(self.hub, -1, self.offsets, time_ns)

    def encode(self) -> str:
        offsets = {topic: {str(part): offset for part, offset in parts.items()} for topic, parts in self.offsets.items()}
        text = orjson.dumps({"h": self.hub, "c": self.commit, "o": offsets, "t": self.time_ns, "i": self.inside})
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def decode(cursor: str) -> tuple[Position, int]:
    """The position and how many events of its commit were seen. Raises BadCursorError."""
    text, _, seen = cursor.partition(".")
    try:
        given = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        offsets = {str(topic): {int(part): _whole(offset) for part, offset in parts.items()} for topic, parts in given["o"].items()}
        inside = (str(given["i"][0]), int(given["i"][1]), _whole(given["i"][2])) if given["i"] else None
        return Position(str(given["h"]), int(given["c"]), offsets, _whole(given["t"]), inside), _whole(int(seen or 0))
    except (binascii.Error, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise BadCursorError from error


def _whole(value: int) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(value)
    return value
