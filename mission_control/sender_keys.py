"""Keys of senders in a process: followed where they are kept, and made or revoked there by the operator."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from control.commands import BadArgumentsError, Command, Commands
from mission_control.opening import Log
from mission_control.roles import Role
from pipeline.log import LocalLog
from pipeline.log.local_keys import LocalKeys
from schemas.sender_keys import KeyBook, KeyList, SenderKey, mint
from schemas.settings import Settings

POLL_SECONDS: Final = 0.25
JOIN_SECONDS: Final = 2.0
LONGEST_NAME: Final = 128
UNKNOWN: Final = "the keys of senders are not known yet; without `mission-control migrate` their topic may be missing"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SenderKeys:
    """`book` is what this process knows, `kept` where all processes get it from."""

    book: KeyBook
    kept: KeyList

    def check(self) -> str:
        """For /ready."""
        return "" if self.book.is_complete else UNKNOWN

    def put(self, key: SenderKey) -> None:
        self.kept.put(key)
        self.book.take([key])


def _utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@contextlib.contextmanager
def followed_keys(log: Log, settings: Settings, role: Role) -> Iterator[SenderKeys]:
    """While the block runs, the book of a role that collects or serves follows what is kept; of others it stays empty."""
    keys = SenderKeys(KeyBook(), _kept(log, settings))
    if not (role.collects or role.serves):
        yield keys
        return
    if log.owned is not None:
        _look(keys, 0)  # the file is here: nobody need wait for it
    stop = threading.Event()
    thread = threading.Thread(target=_follow, args=(keys, stop), name="sender-keys", daemon=True)
    thread.start()
    try:
        yield keys
    finally:
        stop.set()
        thread.join(JOIN_SECONDS)


def _kept(log: Log, settings: Settings) -> KeyList:
    if isinstance(log, LocalLog):
        return LocalKeys(settings.data_dir)
    from pipeline.log.kafka_keys import KafkaKeys  # its client is not loaded where nobody needs it

    return KafkaKeys(log)


def _follow(keys: SenderKeys, stop: threading.Event) -> None:
    while not stop.is_set():
        _look(keys, POLL_SECONDS)
    keys.kept.close()


def _look(keys: SenderKeys, timeout: float) -> None:
    keys.book.take(keys.kept.poll(timeout))
    if not keys.book.is_complete and keys.kept.is_current():
        keys.book.is_complete = True
        logger.info("the keys of senders are known", extra={"keys": len(keys.book.all())})


Audited = Callable[[str, Command], Command]


def key_commands(keys: SenderKeys, audited: Audited, now: Callable[[], str] = _utc) -> Commands:
    """`keys.create`, `keys.revoke`, each audited before its effect, and `keys.list`. Digests never leave."""

    def create(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        text, key = mint(_name(arguments, "name"), _name(arguments, "project") if arguments.get("project") else "", now())
        keys.put(key)
        return {**_shown(key), "key": text}

    def revoke(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        key_id = arguments.get("key_id")
        found = next((key for key in keys.book.all() if key.key_id == key_id), None)
        if found is None:
            raise BadArgumentsError(f"no key has the id {key_id!r}; keys list shows them")
        if not found.revoked_at:
            found = replace(found, revoked_at=now())
            keys.put(found)
        return _shown(found)

    def listed(_: Mapping[str, Any]) -> Mapping[str, Any]:
        if not keys.book.is_complete:
            raise BadArgumentsError(UNKNOWN)
        return {"items": [_shown(key) for key in keys.book.all()]}

    return {"keys.create": audited("keys.create", create), "keys.revoke": audited("keys.revoke", revoke), "keys.list": listed}


def _name(arguments: Mapping[str, Any], field: str) -> str:
    name = arguments.get(field)
    if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_NAME or not name.isprintable():
        raise BadArgumentsError(f"{field} is a text of 1 to {LONGEST_NAME} characters")
    return name.strip()


def _shown(key: SenderKey) -> dict[str, str]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "project": key.project,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
