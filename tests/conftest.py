"""What all rooms' tests share."""

from collections.abc import Iterator

import pytest

from schemas.migrate import migrate
from schemas.store import ClickHouseStore, open_embedded


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseStore]:
    """One engine for all tests of a process, with the whole schema: chdb takes one path per process. Every test has a project of its own."""
    opened = open_embedded(tmp_path_factory.mktemp("store"), 2 << 30, 64 << 20)
    migrate(opened)
    yield opened
    opened.close()
