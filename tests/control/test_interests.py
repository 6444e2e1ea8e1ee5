"""What the pipeline is asked to build: only what somebody listens to, or did a moment ago."""

from typing import Any

import pytest

from control import interests
from control.interests import Interests, covers
from schemas.events import EVERYTHING, Interest


def test_nobody_listens() -> None:
    assert Interests().current() is None


def test_what_is_listened_to_is_built() -> None:
    wanted = Interests()
    wanted.listen(("p", "thread:a:b"))
    wanted.listen(("*", "mcp:files"))
    assert wanted.current() == Interest(frozenset({("p", "a:b")}), frozenset({("*", "files")}))
    wanted.listen(("p", "logs:level:ERROR"))
    assert wanted.current() == Interest(frozenset({("p", "a:b")}), frozenset({("*", "files")}), logs=True)


def test_the_same_until_another_channel_comes() -> None:
    wanted = Interests()
    wanted.listen(("p", "global"))
    first = wanted.current()
    wanted.listen(("p", "global"))
    assert wanted.current() is first
    wanted.listen(("p", "thread:t"))
    assert wanted.current() != first


def test_a_lost_connection_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("control.interests.time.monotonic", lambda: now)
    wanted = Interests()
    wanted.listen(("p", "thread:t"))
    wanted.leave(("p", "thread:t"))
    now += interests.KEPT_SECONDS - 1
    assert wanted.current() is not None
    now += 2
    assert wanted.current() is None


@pytest.mark.parametrize(
    ("key", "covered"),
    [
        (("p", "global"), True),
        (("p", "permission:*"), True),
        (("p", "thread:t"), True),
        (("q", "thread:t"), False),
        (("q", "thread:everywhere"), True),
        (("p", "mcp:files"), True),
        (("p", "mcp:t"), False),
        (("p", "logs:*"), False),
    ],
)
def test_covered(key: Any, covered: bool) -> None:
    assert covers(Interest(frozenset({("p", "t"), ("*", "everywhere")}), frozenset({("p", "files")})), key) is covered


def test_a_step_is_wanted_by_its_thread_or_its_server() -> None:
    interest = Interest(frozenset({("p", "t")}), frozenset({("*", "files")}))
    assert interest.wants("p", "t")
    assert not interest.wants("q", "t")
    assert interest.wants("q", "other", "files")
    assert not interest.wants("p", "other", "")
    assert EVERYTHING.wants("any", "thing")
    assert EVERYTHING.steps
    assert not Interest(logs=True).steps
