"""What a soak says of the memory that processes hold."""

import os

import pytest

from bench.soak import held, result, watch


def test_what_warms_up_and_then_stays_is_flat() -> None:
    found = held("collect", [(0, 50), (5, 90), (10, 100), (15, 101), (20, 100), (25, 101), (30, 100), (35, 100)])
    assert (found.first, found.last, found.highest, found.is_flat) == (100, 100, 101, True)
    assert abs(found.growth) < 1


def test_what_grows_steadily_is_not() -> None:
    found = held("process", [(at, 300 + 2 * at) for at in range(0, 60, 5)])
    assert found.growth == pytest.approx(80)
    assert not found.is_flat
    assert result([found], 60, 30_000).rows[0][-1] == "NO"


def test_memory_is_sampled_until_the_time_is_over() -> None:
    samples = watch({"self": os.getpid()}, 0.01)
    assert samples["self"][0][1] > 1
