"""A running system for each test that asks for one; starting one takes seconds, so all of these tests are slow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.running import System, system_on


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[System]:
    """Not started yet."""
    with system_on(tmp_path / "data") as system:
        yield system


@pytest.fixture
def system(stopped: System) -> System:
    return stopped.start()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One for all tests of a file that do no harm to each other."""
    with system_on(tmp_path_factory.mktemp("shared") / "data") as system:
        yield system.start()
