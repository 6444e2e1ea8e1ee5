"""Keys of senders: what is kept of one, who keeps them, and what a process knows of them. Of the key itself only its digest is kept."""

import hashlib
import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import orjson

PREFIX: Final = "mc_"
"""Of every key that we make, so that scanners of secrets find them."""
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class SenderKey:
    """`project` binds its holder, "" lets it name any. Times are ISO; `revoked_at` is "" while the key is good."""

    key_id: str
    name: str
    digest: str
    project: str
    created_at: str
    revoked_at: str = ""

    def encode(self) -> bytes:
        return orjson.dumps({"version": VERSION, **asdict(self)})


def decode(text: bytes) -> SenderKey | None:
    """None for what is no key, and for one of a later version: then its holder is not let in."""
    try:
        given: dict[str, Any] = orjson.loads(text)
        if given.pop("version") > VERSION:
            return None
        return SenderKey(**given)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def digest_of(key: str) -> str:
    """Plain SHA-256: keys are random, so nobody can guess their way to one."""
    return hashlib.sha256(key.encode()).hexdigest()


def mint(name: str, project: str, now: str) -> tuple[str, SenderKey]:
    """A new key, told once, and what is kept of it."""
    key = PREFIX + secrets.token_urlsafe(32)
    return key, SenderKey(secrets.token_hex(6), name, digest_of(key), project, now)


class KeyList(Protocol):
    """Where keys are kept. Kept by one contract suite: `tests/pipeline/log/test_key_list_contract.py`."""

    def put(self, key: SenderKey) -> None:
        """Keep it, in place of what was kept under its id; it is kept on return. May block. Raises LogUnavailableError."""
        ...

    def poll(self, timeout: float) -> Sequence[SenderKey]:
        """What was put since the last poll, by whomever, oldest first; the first polls give all there is. By one thread.

        Waits at most about `timeout` seconds; nothing comes while those who keep them are away.
        """
        ...

    def is_current(self) -> bool:
        """Whether all that was kept when polling began has been given. By the polling thread."""
        ...

    def close(self) -> None:
        """By the polling thread, or after it."""
        ...


class KeyBook:
    """What this process knows of the keys; it stays while those who keep them are away. Used on any thread."""

    def __init__(self, *, is_complete: bool = False) -> None:
        self._by_digest: dict[str, SenderKey] = {}
        self._taking = threading.Lock()
        self.is_complete = is_complete
        """Whether every key is known. Before that nobody can be told that he may send."""

    def take(self, keys: Iterable[SenderKey]) -> None:
        changed = {key.digest: key for key in keys}
        with self._taking:
            self._by_digest = {**self._by_digest, **changed}

    def find(self, key: str) -> SenderKey | None:
        return self._by_digest.get(digest_of(key))

    def all(self) -> list[SenderKey]:
        """Revoked ones too, oldest first."""
        return sorted(self._by_digest.values(), key=lambda key: key.created_at)

    def __bool__(self) -> bool:
        """Whether there ever was one: from then on senders are asked for theirs."""
        return bool(self._by_digest)
