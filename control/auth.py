"""Who may use the API: the token of run.json, the API key, or a browser session that began with a login URL."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Final

COOKIE: Final = "mission_control_session"
CODE_SECONDS: Final = 600.0
"""A login URL works once, within this time."""
SESSION_SECONDS: Final = 30 * 24 * 3600
_MOST_CODES: Final = 100


class Doorkeeper:
    """Keeps nothing but login codes: a session is signed with the token and ends when that changes.

    Codes live in this process; ClickHouse has no compare-and-swap that could make them single-use elsewhere.
    """

    def __init__(self, token: str, api_key: str = "", clock: Callable[[], float] = time.time) -> None:
        self._token = token
        self._secrets = [secret.encode() for secret in (token, api_key) if secret]
        self._clock = clock
        self._codes: dict[bytes, float] = {}

    def accepts(self, given: str) -> bool:
        """Whether `given` is the token or the API key; takes the same time whatever it is."""
        matches = [hmac.compare_digest(given.encode(errors="replace"), secret) for secret in self._secrets]
        return any(matches)

    def mint_code(self) -> str:
        """A new one-time login code."""
        now = self._clock()
        alive = {digest: expiry for digest, expiry in self._codes.items() if expiry > now}
        self._codes = dict(list(alive.items())[-(_MOST_CODES - 1) :])
        code = secrets.token_urlsafe(24)
        self._codes[_digest(code)] = now + CODE_SECONDS
        return code

    def redeem(self, code: str) -> str | None:
        """The cookie of a new session, once per code; None when the code is unknown, used or too old."""
        given = _digest(code)
        known = [digest for digest in self._codes if hmac.compare_digest(digest, given)]
        expiry = self._codes.pop(known[0]) if known else 0.0
        return self._session(int(self._clock()) + SESSION_SECONDS) if expiry > self._clock() else None

    def is_session(self, cookie: str) -> bool:
        expiry, _, _ = cookie.partition(".")
        fresh = expiry.isascii() and expiry.isdecimal() and len(expiry) < 16 and int(expiry) > self._clock()
        return fresh and hmac.compare_digest(cookie.encode(errors="replace"), self._session(int(expiry)).encode())

    def _session(self, expiry: int) -> str:
        signature = hmac.new(self._token.encode(), f"session {expiry}".encode(), hashlib.sha256).hexdigest()
        return f"{expiry}.{signature}"


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode(errors="replace")).digest()
