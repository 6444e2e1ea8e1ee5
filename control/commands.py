"""What a WebSocket client may have done, by name: given by whoever wires the app, because control itself only reads."""

from collections.abc import Callable, Mapping
from typing import Any

Command = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Takes the message's arguments, may block, returns the response's payload. Raises BadArgumentsError."""
Commands = Mapping[str, Command]


class BadArgumentsError(ValueError):
    """The command cannot be followed as it was given; the text says why."""
