"""Keys of senders in a compacted topic: the last message of a key's id counts, and stays."""

import logging

from pipeline.log.kafka import KafkaLog
from schemas.sender_keys import SenderKey, decode
from schemas.topics import KEYS

logger = logging.getLogger(__name__)


class KafkaKeys:
    """A KeyList."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log
        self._tail = log.tail(KEYS, "start")
        self._current = False

    def put(self, key: SenderKey) -> None:
        self._log.put(KEYS, key.encode(), {}, key.key_id.encode())

    def poll(self, timeout: float) -> list[SenderKey]:
        records = self._tail.poll(timeout)
        found = [(record, decode(record.value)) for record in records]
        for record, key in found:
            if key is None:
                logger.warning("no key of a sender that this version knows", extra={"offset": record.offset})
        return [key for _, key in found if key is not None]

    def is_current(self) -> bool:
        self._current = self._current or self._tail.has_caught_up()
        return self._current

    def close(self) -> None:
        self._tail.close()
