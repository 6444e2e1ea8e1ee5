"""Keys of senders in one process: made and revoked by commands, known again after a start."""

from pathlib import Path
from typing import Any

import pytest

from control.commands import BadArgumentsError, Command
from mission_control.roles import PROCESS, UP, Role
from mission_control.sender_keys import SenderKeys, followed_keys, key_commands
from pipeline.log import LocalLog
from pipeline.log.local_keys import LocalKeys
from schemas.sender_keys import KeyBook
from schemas.settings import load_settings


def followed(directory: Path, role: Role = UP) -> Any:
    settings = load_settings(data_dir=directory)
    return followed_keys(LocalLog(directory / "log"), settings, role)


class Audit:
    def __init__(self) -> None:
        self.done: list[str] = []

    def __call__(self, action: str, command: Command) -> Command:
        def audited(arguments: Any) -> Any:
            self.done.append(action)
            return command(arguments)

        return audited


def test_keys_outlive_the_process(tmp_path: Path) -> None:
    audit = Audit()
    with followed(tmp_path) as keys:
        assert (keys.check(), keys.book.all()) == ("", [])
        commands = key_commands(keys, audit)
        made = commands["keys.create"]({"name": " till ", "project": "shop"})
        assert keys.book.find(made["key"]) is not None
    with followed(tmp_path) as keys:
        commands = key_commands(keys, audit)
        (found,) = commands["keys.list"]({})["items"]
        assert found == {name: value for name, value in made.items() if name != "key"}
        revoked = commands["keys.revoke"]({"key_id": found["key_id"]})
        assert revoked["revoked_at"]
        assert commands["keys.revoke"]({"key_id": found["key_id"]}) == revoked
    with followed(tmp_path) as keys:
        assert [key.revoked_at for key in keys.book.all()] == [revoked["revoked_at"]]
    assert audit.done == ["keys.create", "keys.revoke", "keys.revoke"]


@pytest.mark.parametrize(
    ("command", "arguments", "reason"),
    [
        ("keys.create", {}, "name is a text"),
        ("keys.create", {"name": " "}, "name is a text"),
        ("keys.create", {"name": "a\x1b"}, "name is a text"),
        ("keys.create", {"name": "a", "project": 3}, "project is a text"),
        ("keys.revoke", {"key_id": "none"}, "no key has the id 'none'"),
        ("keys.list", {}, "not known yet"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, command: str, arguments: Any, reason: str) -> None:
    commands = key_commands(SenderKeys(KeyBook(), LocalKeys(tmp_path)), Audit())
    with pytest.raises(BadArgumentsError, match=reason):
        commands[command](arguments)


def test_a_processor_needs_no_keys(tmp_path: Path) -> None:
    with followed(tmp_path, PROCESS) as keys:
        assert "not known yet" in keys.check()
