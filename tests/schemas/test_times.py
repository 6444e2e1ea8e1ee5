"""Times as JSON says them."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from schemas.times import iso, maybe_iso


@given(st.integers(0, 2**63 - 1))
def test_all_nine_digits(nanoseconds: int) -> None:
    said = iso(nanoseconds)
    assert said.endswith("Z")
    whole, digits = said[:-1].split(".")
    assert len(digits) == 9
    assert int(datetime.fromisoformat(whole + "+00:00").timestamp()) * 10**9 + int(digits) == nanoseconds
    assert maybe_iso(nanoseconds) == said


def test_nothing_stays_nothing() -> None:
    assert maybe_iso(None) is None
