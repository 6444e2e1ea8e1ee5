"""One channel of the WebSocket, followed across interruptions: nothing is lost, nothing comes twice."""

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.sync.client import ClientConnection

from mission_control.client import Row, Target
from mission_control.commands.socket import open_socket
from mission_control.errors import CommandError, RefusedError
from schemas.errors import MissionControlError

LONGEST_PAUSE: Final = 5.0


@dataclass
class Follower:
    """`find` is asked at every connection: a system that was started again has another port and token.

    `tell` hears when the connection is lost and when it is back.
    """

    find: Callable[[], Target]
    channel: str
    filter: Mapping[str, Any]
    limit: int
    tell: Callable[[str], None]
    pause: float = 0.25
    _cursor: str = field(default="", init=False)
    _lost: bool = field(default=False, init=False)

    def rows(self) -> Generator[Row, None, None]:
        """Messages of the server: the first `subscribed`, then `event` and `dropped`, until the caller stops.

        Raises UnreachableError and NothingRunningError at the first attempt only, RefusedError and CommandError at any.
        """
        delay = self.pause
        while True:
            try:
                with open_socket(self.find()) as socket:
                    for message in self._messages(socket):
                        delay = self.pause
                        yield message
                    self._note_loss(socket)
            except ConnectionClosed:
                self._say_lost()
            except MissionControlError as error:
                if isinstance(error, RefusedError | CommandError) or not self._cursor:
                    raise  # waiting does not mend it
                self._say_lost()
            time.sleep(delay)
            delay = min(delay * 2, LONGEST_PAUSE)

    def _note_loss(self, socket: ClientConnection) -> None:
        """It was the server that went away, unless we left to resume."""
        if socket.state is not State.OPEN:
            self._say_lost()

    def _say_lost(self) -> None:
        if not self._lost:
            self.tell("the connection is lost; trying again")
        self._lost = True

    def _messages(self, socket: ClientConnection) -> Iterator[Row]:
        asked = {"type": "subscribe", "channel": self.channel, "filter": self.filter, "limit": self.limit, "since": self._cursor}
        socket.send(json.dumps(asked))
        for text in socket:
            message: Row = json.loads(text)
            if message["type"] == "error":
                raise CommandError(str(message["payload"]["reason"]))
            self._cursor = message.get("cursor") or self._cursor
            if message["type"] == "dropped" and message["payload"]["count"] is not None:
                return  # we were too slow: all that came since is there when we resume
            if message["type"] == "subscribed" and self._lost:
                self.tell("connected again")
                self._lost = False
            yield message
