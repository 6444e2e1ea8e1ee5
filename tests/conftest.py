"""What all rooms' tests share."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from schemas.migrate import migrate
from schemas.store import ClickHouseStore, open_embedded
from tests import brokers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs on the engine or on a broker says so by its fixtures: `make test-fast` leaves those out."""
    for item in items:
        if not {"store", "kafka", "three_brokers"}.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("engine")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseStore]:
    """One engine for all tests of a process, with the whole schema: chdb takes one path per process. Every test has a project of its own."""
    opened = open_embedded(tmp_path_factory.mktemp("store"), 2 << 30, 64 << 20)
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[brokers.Cluster]:
    """A real broker. Each test has topics of its own, by a prefix; who kills it starts it again."""
    with _brokers(tmp_path_factory, 1) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def three_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[brokers.Cluster]:
    with _brokers(tmp_path_factory, 3) as cluster:
        yield cluster


def _brokers(tmp_path_factory: pytest.TempPathFactory, nodes: int) -> AbstractContextManager[brokers.Cluster]:
    if why := brokers.missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"NO TEST OF KAFKA WAS RUN: {why}")
    return brokers.running(tmp_path_factory.mktemp(f"kafka-{nodes}"), nodes)
