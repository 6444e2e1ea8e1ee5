"""Keyset cursors: the sort values of the last item of a page, opaque to clients, stable while rows are added."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import orjson

from control.errors import BadParameterError


def encode(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).rstrip(b"=").decode()


def decode(cursor: str | None, *kinds: type) -> list[Any] | None:
    """The values that `encode` took, one of each kind; None when there is no cursor. Raises BadParameterError."""
    if not cursor:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _bad(cursor) from error
    fits = isinstance(values, list) and len(values) == len(kinds) and all(map(isinstance, values, kinds))
    if not fits or any(isinstance(value, int) and not 0 <= value < 2**63 for value in values):
        raise _bad(cursor)
    return list(values)


def _bad(cursor: str) -> BadParameterError:
    return BadParameterError("cursor", f"{cursor[:40]!r} was not made by this list", "pass `next` of the page before, unchanged, or none")
