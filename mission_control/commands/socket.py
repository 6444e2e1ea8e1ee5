"""The WebSocket of a running system: opening it, and having one thing done through it."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from mission_control.client import Row, Target
from mission_control.errors import CommandError, RefusedError, UnreachableError

OPEN_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 120.0
_UNAUTHORIZED: Final = (401, 403)


def open_socket(target: Target) -> ClientConnection:
    """Raises UnreachableError and RefusedError."""
    address = target.console.replace("http", "ws", 1) + "/ws"
    headers = {"Authorization": f"Bearer {target.token}"} if target.token else {}
    proxy: Literal[True] | None = None if target.is_local else True
    try:
        return connect(address, additional_headers=headers, open_timeout=OPEN_SECONDS, max_size=None, proxy=proxy, ssl=target.tls)
    except InvalidStatus as error:
        status = error.response.status_code
        if status in _UNAUTHORIZED:
            raise RefusedError(status, "the token is missing or wrong") from error
        raise UnreachableError(address, f"it answered {status}") from error
    except (OSError, InvalidHandshake, ValueError) as error:
        raise UnreachableError(address, str(error) or type(error).__name__) from error


def order(target: Target, name: str, arguments: Mapping[str, Any]) -> Row:
    """Have a command done; its answer. Raises CommandError with the reason when it is refused."""
    with open_socket(target) as socket:
        try:
            socket.send(json.dumps({"type": "command", "payload": {"name": name, "arguments": arguments}, "request_id": name}))
            answer: Row = json.loads(socket.recv(ANSWER_SECONDS))
        except (ConnectionClosed, TimeoutError) as error:
            raise UnreachableError(target.console, f"no answer to {name}: {error or 'too late'}") from error
    if answer["type"] == "error":
        raise CommandError(str(answer["payload"]["reason"]))
    return dict(answer["payload"])
