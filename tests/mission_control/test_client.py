"""The client of a running system: pages, errors as one line, and which key goes where."""

import pytest

from mission_control.client import Api, Target, path_of
from mission_control.errors import RefusedError, SqlFailedError, UnreachableError
from tests.mission_control.conftest import TOKEN, Answer, Door


def test_lists_are_read_page_by_page_up_to_the_limit(door: Door) -> None:
    pages = Answer({"items": [{"n": 1}, {"n": 2}], "next": "c1"}), Answer({"items": [{"n": 3}], "next": "c2"})
    door.on("GET", "/api/threads", *pages)
    with Api(door.target()) as api:
        assert list(api.items("/api/threads", 3, status="", project="*", q=None, kind=["a", "b"])) == [{"n": 1}, {"n": 2}, {"n": 3}]
    first, second = door.asked
    assert first.query == {"limit": ["3"], "project": ["*"], "kind": ["a", "b"]}
    assert second.query["cursor"] == ["c1"]
    assert first.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("page", [{"items": [{"n": 1}], "next": None}, {"items": [{"n": 1}]}])
def test_the_last_page_ends_a_list(door: Door, page: dict[str, object]) -> None:
    door.on("GET", "/api/logs", Answer(page))
    with Api(door.target()) as api:
        assert list(api.items("/api/logs", 10)) == [{"n": 1}]


def test_an_empty_page_with_a_cursor_is_no_endless_loop(door: Door) -> None:
    door.on("GET", "/api/logs", Answer({"items": [], "next": "again"}))
    with Api(door.target()) as api:
        assert list(api.items("/api/logs", 10)) == []


def test_post(door: Door) -> None:
    door.on("POST", "/api/thing", Answer({"made": 1}, 201))
    with Api(door.target(token="")) as api:
        assert api.post("/api/thing", {"a": 1}) == {"made": 1}
    assert door.asked[0].body == b'{"a": 1}'
    assert "authorization" not in door.asked[0].headers


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer({"title": "Not found", "detail": "no thread 'x'"}, 404), r"no thread 'x' \(404\)"),
        (Answer({"title": "Bad gateway"}, 502), r"Bad gateway \(502\)"),
        (Answer(b"<html>", 500), r"Internal Server Error \(500\)"),
        (Answer(b"[1]", 500), r"Internal Server Error \(500\)"),
        (Answer(b"", 599), r"no reason given \(599\)"),
        (Answer(b"", 303, {"location": "/login"}), r"See Other \(303\)"),
        (Answer(b"<html>"), "is no Mission Control"),
        (Answer(b"[1]"), "is no Mission Control"),
    ],
)
def test_refusals_are_one_line(door: Door, answer: Answer, said: str) -> None:
    door.on("GET", "/api/threads", answer)
    with Api(door.target()) as api, pytest.raises(RefusedError, match=said):
        api.get("/api/threads")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[", "nothing", "http://" + "a" * 300])
def test_what_does_not_answer_is_unreachable(url: str) -> None:
    with Api(Target(url)) as api, pytest.raises(UnreachableError, match="nothing answers at"):
        api.get("/api/threads")


def test_sql_without_a_key_shows_no_token(door: Door) -> None:
    door.on("POST", "/", Answer(b"1\n", headers={"X-ClickHouse-Format": "TabSeparated"}))
    with Api(door.target()) as api:
        reply = api.sql("SELECT {n:UInt8}", "CSVWithNames", n=1)
    (asked,) = door.asked
    assert (reply.format, reply.body) == ("TabSeparated", b"1\n")
    assert asked.body == b"SELECT {n:UInt8}"
    assert asked.query == {"default_format": ["CSVWithNames"], "param_n": ["1"]}
    assert "authorization" not in asked.headers


def test_where_a_key_is_wanted_the_token_is_tried(door: Door) -> None:
    door.on("POST", "/", Answer(b"no", 403), Answer({"data": [{"n": 1}]}))
    with Api(door.target()) as api:
        assert api.rows("SELECT 1 AS n") == [{"n": 1}]
    assert door.asked[1].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_query_that_nobody_may_run_is_not_tried_again_with_the_token(door: Door) -> None:
    door.on("POST", "/", Answer(b"Code: 164. DB::Exception: readonly", 403, headers={"X-ClickHouse-Exception-Code": "164"}))
    with Api(door.target()) as api, pytest.raises(SqlFailedError, match="Code: 164"):
        api.sql("DROP TABLE threads")
    assert len(door.asked) == 1


def test_the_key_of_the_settings_comes_first_and_is_not_tried_twice(door: Door) -> None:
    door.on("POST", "/v1/traces", Answer(b"no", 401))
    with Api(door.target(key=TOKEN)) as api:
        assert api.otlp("/v1/traces", b"{}", {"content-type": "application/json"}).status_code == 401
    (asked,) = door.asked
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(("body", "said"), [(b"Code: 62. DB::Exception: Syntax error\n", "Code: 62"), (b"", "answered 500")])
def test_sql_errors_are_those_of_clickhouse(door: Door, body: bytes, said: str) -> None:
    door.on("POST", "/", Answer(body, 500))
    with Api(door.target()) as api, pytest.raises(SqlFailedError, match=said):
        api.sql("SELEC 1")


def test_ids_hold_any_character() -> None:
    assert path_of("threads", "a/b ?#%", "logs") == "/api/threads/a%2Fb%20%3F%23%25/logs"


@pytest.mark.parametrize(
    ("url", "local"), [("http://localhost:8000", True), ("http://[::1]:1", True), ("http://127.0.0.1:1", True), ("https://host", False)]
)
def test_proxies_are_for_the_world_outside(url: str, local: bool) -> None:
    assert Target(url).is_local is local
