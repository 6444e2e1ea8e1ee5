"""`keys`: what it asks for, and that a key is shown once."""

from typing import Any

import pytest

from tests.mission_control.conftest import Door, Run

KEY = {"key_id": "a1b2", "name": "till\x1b[2J", "project": "", "created_at": "2030-01-01T00:00:00Z", "revoked_at": ""}


@pytest.fixture
def orders(found: Door, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked for; answered as a server would."""
    del found
    given: list[Any] = []
    answers: dict[str, Any] = {"keys.create": {**KEY, "key": "mc_secret"}, "keys.list": {"items": [KEY]}, "keys.revoke": KEY}

    def order(_: Any, name: str, arguments: Any) -> Any:
        given.append((name, arguments))
        return answers[name]

    monkeypatch.setattr("mission_control.commands.socket.order", order)
    return given


def test_a_key_is_shown_once(run: Run, orders: list[Any]) -> None:
    out = run("keys", "create", "till", "--project", "shop").out
    assert "mc_secret" in out
    assert "not shown again" in out
    assert "\x1b" not in out
    assert run("keys", "create", "till", "--json").json()["key"] == "mc_secret"
    assert orders == [("keys.create", {"name": "till", "project": "shop"}), ("keys.create", {"name": "till", "project": ""})]


def test_keys_are_listed(run: Run, orders: list[Any]) -> None:
    assert "a1b2" in run("keys", "list").out
    assert run("keys", "list", "--json").json() == [KEY]
    assert [name for name, _ in orders] == ["keys.list"] * 2


def test_no_keys_is_said(run: Run, orders: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    del orders
    monkeypatch.setattr("mission_control.commands.socket.order", lambda *_: {"items": []})
    assert run("keys", "list").out.startswith("no keys;")


def test_a_key_is_revoked(run: Run, orders: list[Any]) -> None:
    assert "a1b2" in run("keys", "revoke", "a1b2").out
    assert run("keys", "revoke", "a1b2", "--json").json() == KEY
    assert orders == [("keys.revoke", {"key_id": "a1b2"})] * 2
