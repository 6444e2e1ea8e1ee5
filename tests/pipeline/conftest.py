"""The pipeline on the real embedded engine, each test in a project of its own."""

import pytest

from schemas.store import ClickHouseStore
from tests.pipeline.line import Line


@pytest.fixture
def line(store: ClickHouseStore) -> Line:
    return Line(store)
