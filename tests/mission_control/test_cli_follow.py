"""`logs --follow` against a real WebSocket server that breaks off, drops and refuses as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from mission_control.client import Row, Target
from mission_control.commands import logs
from mission_control.commands.follow import Follower
from mission_control.errors import CommandError, NothingRunningError, RefusedError, UnreachableError
from tests.mission_control.conftest import TOKEN, Run


def record(name: str, **more: Any) -> dict[str, Any]:
    given = {
        "log_id": name,
        "timestamp": "2026-03-01T12:00:00Z",
        "level": "INFO",
        "service": "s",
        "message": name,
        "event_name": "",
        "thread_id": "",
        "exception": "",
    }
    return given | more


def snapshot(*names: str, cursor: str = "c0") -> dict[str, Any]:
    shown = {"logs": [{"project": "p", **record(name)} for name in names], "next": None}
    return {"type": "subscribed", "payload": {"resumed": False, "snapshot": shown}, "cursor": cursor}


def event(name: str, cursor: str) -> dict[str, Any]:
    return {"type": "event", "project": "p", "payload": record(name), "cursor": cursor}


RESUMED = {"type": "subscribed", "payload": {"resumed": True, "missed": 0}}


@dataclass
class Hub:
    """Each connection plays the next turn: messages, then it goes away (or stays, when the turn ends in None)."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    turns: list[list[dict[str, Any] | None]] = field(default_factory=list)
    statuses: list[HTTPStatus] = field(default_factory=list)

    def target(self) -> Target:
        return Target(self.url, TOKEN)

    def play(self, connection: ServerConnection) -> None:
        self.asked.append(json.loads(connection.recv()))
        for message in self.turns.pop(0):
            if message is None:
                with suppress(ConnectionClosed):
                    connection.recv()  # until the client leaves
            else:
                connection.send(json.dumps(message))

    def check(self, connection: ServerConnection, request: Request) -> Response | None:
        self.tokens.append(request.headers.get("Authorization"))
        if self.statuses:
            return connection.respond(self.statuses.pop(0), "no")
        return None


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()

    def handle(connection: ServerConnection) -> None:
        made.play(connection)

    with serve(handle, "127.0.0.1", 0, process_request=made.check) as server:
        made.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def take(hub: Hub, number: int, told: list[str] | None = None, find: Callable[[], Target] | None = None) -> list[Row]:
    said = [] if told is None else told
    rows = Follower(find or hub.target, "logs:*?project=*", {"levels": ["INFO"]}, 5, said.append, pause=0.01).rows()
    taken = list(islice(rows, number))
    rows.close()
    return taken


def names(rows: list[Row]) -> list[str]:
    return [row["payload"]["message"] for row in rows if row["type"] == "event"]


def test_after_an_interruption_it_goes_on_where_it_was(hub: Hub) -> None:
    hub.turns = [[snapshot("a"), event("b", "c1")], [RESUMED, event("c", "c2"), None]]
    told: list[str] = []
    assert names(take(hub, 4, told)) == ["b", "c"]
    first, second = hub.asked
    assert first == {"type": "subscribe", "channel": "logs:*?project=*", "filter": {"levels": ["INFO"]}, "limit": 5, "since": ""}
    assert second["since"] == "c1"
    assert told == ["the connection is lost; trying again", "connected again"]
    assert hub.tokens == [f"Bearer {TOKEN}"] * 2


def test_who_was_too_slow_resumes_without_a_word(hub: Hub) -> None:
    hub.turns = [
        [snapshot("a"), event("b", "c1"), {"type": "dropped", "payload": {"count": 4}, "cursor": "c1"}, event("lost anyway", "c9"), None],
        [RESUMED, event("c", "c2"), None],
    ]
    told: list[str] = []
    assert names(take(hub, 4, told)) == ["b", "c"]
    assert hub.asked[1]["since"] == "c1"
    assert told == []


def test_a_system_that_starts_again_is_found_anew(hub: Hub) -> None:
    hub.turns = [[snapshot("a")], [RESUMED, event("b", "c1"), None]]
    answers: list[Target | Exception] = [hub.target(), NothingRunningError(Path("data")), Target("http://127.0.0.1:1"), hub.target()]
    told: list[str] = []

    def find() -> Target:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert names(take(hub, 3, told, find)) == ["b"]
    assert told == ["the connection is lost; trying again", "connected again"]


def test_a_server_that_is_busy_later_is_waited_for(hub: Hub) -> None:
    hub.turns = [[snapshot("a")], [RESUMED, event("b", "c1"), None]]
    seen: list[int] = []

    def find() -> Target:
        seen.append(1)
        hub.statuses = [HTTPStatus.SERVICE_UNAVAILABLE] if len(seen) == 2 else []
        return hub.target()

    assert names(take(hub, 3, find=find)) == ["b"]


def test_what_waiting_does_not_mend_ends_it(hub: Hub) -> None:
    hub.statuses = [HTTPStatus.UNAUTHORIZED]
    with pytest.raises(RefusedError, match="token is missing or wrong"):
        take(hub, 1)
    hub.turns = [[{"type": "error", "payload": {"reason": "there is no channel"}}]]
    with pytest.raises(CommandError, match="there is no channel"):
        take(hub, 1)


def test_the_first_attempt_must_succeed(hub: Hub) -> None:
    hub.statuses = [HTTPStatus.SERVICE_UNAVAILABLE]
    with pytest.raises(UnreachableError, match="it answered 503"):
        take(hub, 1)
    with pytest.raises(UnreachableError, match="nothing answers"):
        take(hub, 1, find=lambda: Target("http://127.0.0.1:1"))


@pytest.fixture
def ctrl_c(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`ctrl_c(cursor)`: Ctrl-C right after the message with that cursor was shown."""

    def at(cursor: str) -> None:
        shown = logs.Printer.show

        def show(self: logs.Printer, message: Row) -> None:
            shown(self, message)
            if message.get("cursor") == cursor:
                raise KeyboardInterrupt

        monkeypatch.setattr(logs.Printer, "show", show)

    return at


def test_records_are_printed_once_until_ctrl_c(run: Run, hub: Hub, ctrl_c: Callable[[str], None]) -> None:
    late = {"type": "dropped", "payload": {"count": None, "reason": "too much was missed"}, "cursor": "c2"}
    hub.turns = [[snapshot("b", "a"), event("c", "c1")], [snapshot("d", "c", "b", cursor="c2"), late, event("e", "c3"), None]]
    ctrl_c("c3")
    ran = run(
        "logs", "--follow", "--json", "--url", hub.url, "--level", "info", "--thread", "t", "--q", "x", "--project", "a b", "--limit", "7"
    )
    assert ran.code == 0
    assert [json.loads(line)["log_id"] for line in ran.out.splitlines()] == ["a", "b", "c", "d", "e"]
    assert "mission-control: too much was missed\n" in ran.err
    asked = hub.asked[0]
    assert asked["channel"] == "logs:*?project=a%20b"
    assert asked["filter"] == {"levels": ["INFO"], "threads": ["t"], "search": "x"}
    assert asked["limit"] == 7


def test_people_see_lines(run: Run, hub: Hub, ctrl_c: Callable[[str], None]) -> None:
    hub.turns = [[snapshot("a"), RESUMED, event("\x1b[2Jb", "c1"), None]]
    ctrl_c("c1")
    ran = run("logs", "-f", "--url", hub.url)
    assert ran.code == 0
    assert [line.split()[-1] for line in ran.out.splitlines()] == ["a", "\\x1b[2Jb"]
    assert hub.asked[0]["filter"] == {"levels": ["DEBUG", "INFO", "WARN", "ERROR"]}


def answer(**payload: Any) -> list[dict[str, Any] | None]:
    return [{"type": "response", "payload": payload}, None]


def test_demo_clear_is_a_command(run: Run, hub: Hub) -> None:
    hub.turns = [answer(cleared="demo")]
    assert run("demo", "--clear", "--url", hub.url).out == "project demo is empty\n"
    assert hub.asked[0]["payload"] == {"name": "demo.clear", "arguments": {}}


def test_a_rebuild_is_awaited(run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mission_control.commands.rebuild.LOOK_SECONDS", 0.0)
    hub.turns = [answer(state="running", traces=0), answer(state="running", traces=5), answer(state="complete", traces=1200)]
    ran = run("rebuild", "--url", hub.url, "--project", "p", "--from", "2026-01-01T00:00:00+00:00")
    assert ran.out == "complete, 1.2k traces\n"
    assert [one["payload"]["name"] for one in hub.asked] == ["rebuild", "rebuild.status", "rebuild.status"]
    assert hub.asked[0]["payload"]["arguments"] == {"project": "p", "from": "2026-01-01T00:00:00Z"}


def test_a_rebuild_may_go_on_alone(run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.turns = [answer(state="running", traces=0), answer(state="none"), answer(state="running", traces=7)]
    assert run("rebuild", "--detach", "--json", "--url", hub.url).json() == {"state": "running", "traces": 0}
    assert run("rebuild", "--status", "--url", hub.url).out == "no rebuild was asked for yet\n"

    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mission_control.commands.rebuild.time", SimpleNamespace(sleep=ctrl_c))
    ran = run("rebuild", "--url", hub.url)
    assert (ran.code, "it goes on" in ran.err) == (0, True)


def test_a_rebuild_that_ends_early_fails(run: Run, hub: Hub) -> None:
    hub.turns = [answer(state="stopped", traces=7)]
    ran = run("rebuild", "--url", hub.url)
    assert (ran.code, "ended early: stopped" in ran.err) == (1, True)


def test_a_command_that_is_refused_or_gets_no_answer(run: Run, hub: Hub) -> None:
    hub.turns = [[{"type": "error", "payload": {"reason": "there is no dialect x"}}, None], []]
    refused = run("rebuild", "--dialect", "x", "--url", hub.url)
    assert (refused.code, refused.err) == (1, "mission-control: there is no dialect x\n")
    assert run("rebuild", "--url", hub.url).code == 3
