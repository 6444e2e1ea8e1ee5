"""What every list of senders' keys must do. A further implementation joins by one more harness in `lists`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest

from pipeline.log.kafka import KafkaLog
from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_keys import KafkaKeys
from pipeline.log.kafka_topics import TopicPlan, ensure_topics
from pipeline.log.local_keys import FILE, LocalKeys
from schemas.errors import LogUnavailableError
from schemas.sender_keys import KeyBook, KeyList, SenderKey, mint
from schemas.topics import KEYS
from tests.brokers import Cluster

PATIENCE = 120.0
Open = Callable[[], KeyList]
"""The same list again each time."""


@pytest.fixture(params=["local", pytest.param("kafka", marks=[pytest.mark.slow, pytest.mark.engine])])
def open_list(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def local() -> KeyList:
            return LocalKeys(tmp_path)

        def kafka() -> KeyList:
            log = stack.enter_context(KafkaLog(connection))
            keys = KafkaKeys(log)
            stack.callback(keys.close)
            return keys

        if request.param == "local":
            yield local
        else:
            cluster: Cluster = request.getfixturevalue("kafka")
            connection = KafkaConnection(cluster.bootstrap, f"{uuid4().hex}.")
            ensure_topics(connection, TopicPlan(single_node=True))
            yield kafka


def put(keys: KeyList, key: SenderKey) -> None:
    """A broker that was started a moment ago may want a second try."""
    deadline = monotonic() + PATIENCE
    while True:
        try:
            return keys.put(key)
        except LogUnavailableError:
            if monotonic() > deadline:
                raise


def until(keys: KeyList, book: KeyBook, is_right: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE
    while not is_right() and monotonic() < deadline:
        book.take(keys.poll(0.1))


def test_everybody_hears_of_every_key_and_its_end(open_list: Open) -> None:
    writer, reader = open_list(), open_list()
    (text, first), (_, second) = mint("a", "shop", "2030-01-01T00:00:00Z"), mint("b", "", "2030-01-02T00:00:00Z")
    put(writer, first)
    put(writer, second)
    book = KeyBook()
    until(reader, book, lambda: len(book.all()) == 2 and reader.is_current())
    assert book.all() == [first, second]
    assert book.find(text) == first
    revoked = replace(first, revoked_at="2030-01-03T00:00:00Z")
    put(writer, revoked)
    until(reader, book, lambda: book.find(text) == revoked)
    assert book.all() == [revoked, second]

    late, later = open_list(), KeyBook()
    until(late, later, late.is_current)
    assert later.all() == [revoked, second]


def test_an_empty_list_is_known_to_be_empty(open_list: Open) -> None:
    keys, book = open_list(), KeyBook()
    until(keys, book, keys.is_current)
    assert (keys.is_current(), book.all(), bool(book)) == (True, [], False)


def test_lines_that_are_no_keys_are_left_out(tmp_path: Path) -> None:
    keys = LocalKeys(tmp_path)
    _, key = mint("a", "", "2030-01-01T00:00:00Z")
    (tmp_path / FILE).write_bytes(b'{"version":1,"key_')
    assert keys.poll(0) == []
    keys.put(key)
    assert keys.poll(0) == [key]
    assert keys.is_current()


def test_nobody_else_reads_the_file(tmp_path: Path) -> None:
    LocalKeys(tmp_path).put(mint("a", "", "2030-01-01T00:00:00Z")[1])
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_directory_that_is_gone_is_said_and_forgets_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = LocalKeys(tmp_path / "gone")
    _, key = mint("a", "", "2030-01-01T00:00:00Z")
    with pytest.raises(LogUnavailableError, match="cannot be written"):
        keys.put(key)
    (tmp_path / "gone" / FILE).mkdir(parents=True)
    assert keys.poll(0) == []
    assert "cannot be read" in caplog.text
    keys.close()


@pytest.mark.slow
def test_without_its_topic_a_list_is_never_complete(kafka: Cluster) -> None:
    with KafkaLog(KafkaConnection(kafka.bootstrap, f"{uuid4().hex}.")) as log:
        keys = KafkaKeys(log)
        assert list(keys.poll(0.1)) == []
        assert not keys.is_current()
        keys.close()


@pytest.mark.slow
def test_what_is_no_key_is_left_out(kafka: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    connection = KafkaConnection(kafka.bootstrap, f"{uuid4().hex}.")
    ensure_topics(connection, TopicPlan(single_node=True))
    with KafkaLog(connection) as log:
        keys, book = KafkaKeys(log), KeyBook()
        until_put(log)
        until(keys, book, keys.is_current)
        assert book.all() == []
        assert "no key of a sender" in caplog.text
        keys.close()


def until_put(log: KafkaLog) -> None:
    deadline = monotonic() + PATIENCE
    while True:
        try:
            return log.put(KEYS, b"no key", {}, b"id")
        except LogUnavailableError:
            if monotonic() > deadline:
                raise
