"""Whether a kernel maps, and what happens when it cannot: Python does, and it is counted."""

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from pipeline import native
from pipeline.context import Retention, Seen
from pipeline.mappers import Mapper, mapper
from pipeline.seen import SeenCache
from pipeline.summaries.folding import fold_spans
from schemas.metrics import Metrics
from schemas.topics import LOGS, SPANS
from tests.pipeline.otlp_messages import span, span_request
from tests.pipeline.two_mappings import assert_same, days, sent


class BrokenError(Exception):
    """What this kernel raises."""


class Broken:
    """A kernel that maps nothing."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def map(self, requests: Sequence[tuple[bytes, int, int, int, str]], seen: Seen, retention: Retention, read: native.Read) -> Any:
        raise self._error


@pytest.mark.parametrize("error", [BrokenError("a defect"), OverflowError("a number")])
def test_a_kernel_that_fails_leaves_the_batch_to_python(error: Exception) -> None:
    metrics = Metrics(CollectorRegistry())
    broken = native.Native(Broken(error), fold_spans, BrokenError, metrics)
    requests = sent([span_request([span(1, "x", (0, 1))]), b"\xff"])
    assert_same(mapper(SPANS, SeenCache(), days, native=broken).map(requests), mapper(SPANS, SeenCache(), days).map(requests))
    assert metrics.native_requests.labels("failed")._value.get() == 2


def test_what_the_store_raises_is_no_failure_of_the_kernel() -> None:
    broken = native.Native(Broken(ArithmeticError()), fold_spans, BrokenError, Metrics(CollectorRegistry()))
    with pytest.raises(ArithmeticError):
        mapper(SPANS, SeenCache(), days, native=broken).map(sent([b""]))


def test_only_traces_go_to_the_kernel() -> None:
    broken = native.Native(Broken(BrokenError()), fold_spans, BrokenError, Metrics(CollectorRegistry()))
    assert isinstance(mapper(LOGS, SeenCache(), days, native=broken), Mapper)


def test_no_kernel_or_another_versions_is_none(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics(CollectorRegistry())
    monkeypatch.setitem(sys.modules, native.MODULE, None)
    assert native.load(metrics) is None
    other = ModuleType(native.MODULE)
    other.__dict__["__version__"] = "0.0.1"
    monkeypatch.setitem(sys.modules, native.MODULE, other)
    assert native.load(metrics) is None
    assert "another version" in caplog.text
